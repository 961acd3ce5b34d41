"""Hessian of a separable objective: a matrix a class, out of Gram matrices that are kept up to date."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial, reduce
from operator import add
from typing import TYPE_CHECKING, Any

import numpy as np
from array_api_compat import array_namespace, device
from scipy.linalg import get_lapack_funcs

from maxmargin._typing import Floats, Ints
from maxmargin.objectives.coordinates import Coordinates
from maxmargin.objectives.row_blocks import Block, RowBlocks, States

if TYPE_CHECKING:
    from maxmargin.objectives.linear import LinearObjective, LinearPoint, LossOf

_MATRIX_BYTES = 60e6  # Gram matrices of all classes in double precision; their factors take half as much
_MOST_UNKNOWNS = 1500  # of a class, from which conjugate gradients are cheaper
_BATCH_BYTES = 4e6  # rows that are gathered at a time
_SINGLE_OPERATIONS = 3e8  # Gram matrices that cost more are computed in single precision
_PARTS = 4  # in which few matrices are computed, for threads to share

_MOST_JITTER = 1e6  # a matrix that is not definite by then has entries that are not finite

_NOTHING, _BEFORE, _SHARED = range(3)  # what a Gram matrix is made from


@dataclass
class ClassGrams:
    """``X' S_k X`` of each class k, where the diagonal S_k is weight times curvature of the rows' loss.

    X' S_k X = X' R X + X' (S_k - R) X for any diagonal R, and only rows where the two differ contribute: few,
    since the curvature of a squared hinge is either 2 or 0. R is 0, that of the point before, or what all
    classes share, the largest over them, whichever takes the fewest rows.

    Attributes
    ----------
    matrices : list of n_scores arrays of shape (size, size)
        The Gram matrices, in double precision.
    strengths : one array (n, n_scores) a block, or None
        The diagonals that they are made with.
    """

    matrices: list[Floats] = field(default_factory=list)
    strengths: States | None = None

    @staticmethod
    def suit(objective: LinearObjective) -> bool:
        """Whether the classes are problems of their own, and few and small enough."""
        size = objective.coordinates.unknowns
        return (
            objective.loss.is_separable
            and objective.penalty.is_separable
            and objective.epsilon == 0  # a ridge on intercepts is no diagonal in these coordinates
            and not objective.rows.is_sparse
            and size <= _MOST_UNKNOWNS
            and 8 * size**2 * objective.coordinates.n_scores <= _MATRIX_BYTES
        )

    def at(self, point: LinearPoint) -> list[Floats]:
        """Move them to a point."""
        objective, rows, coordinates = point.objective, point.objective.rows, point.objective.coordinates
        size = coordinates.unknowns
        if not self.matrices:
            self.matrices = [np.zeros((size, size))] * coordinates.n_scores
        before = self.strengths or [None] * len(rows.blocks)
        task = partial(_strengths, objective.loss_of)
        after, (n_used, n_changed, n_apart, n_shared) = rows.run(task, objective.states, point.scores, before)
        costs = np.stack([n_used, n_changed, n_apart])
        if n_shared + costs.min(axis=0).sum() >= costs[:_SHARED].min(axis=0).sum():
            costs, n_shared = costs[:_SHARED], 0
        sources, cost = costs.argmin(axis=0), costs.min(axis=0)
        dtype = "float32" if size**2 * (n_shared + cost.sum()) > _SINGLE_OPERATIONS else "float64"
        changed = np.flatnonzero(cost)
        task = partial(_changes, coordinates, dtype, changed, sources, n_shared > 0)
        changes = list(rows.pooled(task, before, after))
        zeros = np.zeros((size, size))
        shared = zeros + changes.pop(0) if n_shared else zeros
        origins = [(zeros, self.matrices[k], shared)[source] for k, source in enumerate(sources)]
        for k, moved in zip(changed, rows.each(np.add, [origins[k] for k in changed], changes), strict=True):
            origins[k] = moved
        self.matrices = origins
        self.strengths = after
        return self.matrices


@dataclass(frozen=True)
class GramHessian:
    """The Hessian at a point, with the Cholesky factor of each class's block.

    Attributes
    ----------
    grams : list of n_scores arrays of shape (size, size)
        Its part that the rows make.
    C : float
        What that counts.
    stiffness : ndarray of shape (n_scores, size)
        The diagonal that the penalty makes.
    factors : list of ndarray of shape (size, size)
    """

    grams: list[Floats]
    C: float
    stiffness: Floats
    factors: list[Floats]

    @classmethod
    def at(cls, point: LinearPoint) -> GramHessian:
        """Bring the Gram matrices there and factor."""
        objective, stiffness = point.objective, point.stiffness
        grams = objective.grams.at(point)
        factors = objective.rows.each(partial(cholesky, objective.C), grams, stiffness)
        return cls(grams, objective.C, stiffness, list(factors))

    def product(self, direction: Floats) -> Floats:
        """Hessian times a direction."""
        table = direction.reshape(len(self.grams), -1)
        of_rows = np.stack([gram @ part for gram, part in zip(self.grams, table, strict=True)])
        return (self.C * of_rows + self.stiffness * table).ravel()

    def precondition(self, residual: Floats) -> Floats:
        """Inverse Hessian times a residual."""
        (potrs,) = get_lapack_funcs(("potrs",), self.factors[:1])
        table = residual.astype(np.float32).reshape(len(self.factors), -1)
        parts = [potrs(factor, part, lower=1)[0] for factor, part in zip(self.factors, table, strict=True)]
        return np.concatenate(parts).astype(np.float64)


def cholesky(C: float, gram: Floats, stiffness: Floats) -> Floats:
    """Lower factor, in single precision, of ``C gram + diag(stiffness)``, made definite where it is not."""
    diagonal, jitter = np.diag_indices(len(gram)), 1e-6
    while True:
        matrix = np.multiply(C, gram, dtype=np.float32, casting="same_kind")
        matrix[diagonal] += stiffness
        # Relative to each entry, as curvatures may differ by the squares of units, and to all where one is 0.
        matrix[diagonal] += jitter * matrix[diagonal] + jitter**3 * matrix.trace() / len(matrix)
        (potrf,) = get_lapack_funcs(("potrf",), (matrix,))
        # A symmetric matrix is its transpose, which is in LAPACK's order: it is factored where it lies.
        factor, failed = potrf(matrix.T, lower=1, overwrite_a=1)
        if not failed or jitter > _MOST_JITTER:
            return factor
        jitter *= 10


def _strengths(
    loss_of: LossOf, block: Block, duals: Any, scores: Floats, before: Any
) -> tuple[Floats, tuple[Ints, Ints, Ints, int]]:
    """Weight times curvature, and in how many rows each class's differs from what it can be made from."""
    strength = loss_of(duals).curvature(scores, block.target).diagonal * block.weight[:, None]
    shared = _shared(strength)
    others = 0, 0 if before is None else before, shared[:, None]
    return strength, (*((strength != other).sum(axis=0) for other in others), int((shared > 0).sum()))


def _shared(strength: Floats) -> Floats:
    return array_namespace(strength).max(strength, axis=1)


def _changes(
    coordinates: Coordinates,
    dtype: str,
    changed: Ints,
    sources: Ints,
    with_shared: bool,
    rows: RowBlocks,
    before: States,
    after: States,
) -> tuple[Floats, ...]:
    """The Gram matrix that the classes share, if any, and what is to be added to those of some classes."""
    xp = array_namespace(rows.blocks[0].weight)
    strengths = [xp.concat([_shared(strength) for strength in after])] if with_shared else []
    for k in changed:
        strength = xp.concat([of_block[:, k] for of_block in after])
        if sources[k] == _BEFORE:
            strength = strength - xp.concat([of_block[:, k] for of_block in before])
        strengths.append(strength - strengths[0] if sources[k] == _SHARED else strength)
    if not strengths:
        return ()
    parts = max(1, _PARTS // len(strengths))
    shares = [(strength, part, parts) for strength in strengths for part in range(parts)]
    grams = list(rows.each(partial(_gram, coordinates, dtype, rows), *zip(*shares, strict=True)))
    return tuple(reduce(add, grams[i : i + parts]) for i in range(0, len(grams), parts))


def _gram(
    coordinates: Coordinates, dtype: str, rows: RowBlocks, strength: Floats, part: int, parts: int
) -> Floats:
    """X' S X over a share of the rows, with S of either sign."""
    xp = array_namespace(strength)
    n_features, size = len(coordinates.mean), coordinates.unknowns
    total = xp.zeros((size, size), dtype=getattr(xp, dtype), device=device(strength))
    mean, shrink = map(rows.blocks[0].here, (coordinates.mean, 1 / coordinates.scale))
    step = max(256, int(_BATCH_BYTES / (8 * size)))
    for sign in (1, -1):
        (used,) = xp.nonzero(sign * strength > 0)
        for first in range(part * step, len(used), parts * step):
            some = used[first : first + step]
            root = xp.sqrt(xp.abs(strength[some]))
            X = rows.gathered(some)
            X -= mean
            X *= shrink
            X *= root[:, None]
            X = xp.astype(X, total.dtype, copy=False)
            gram = X.T @ X
            inner = total[:n_features, :n_features]
            inner += gram if sign > 0 else -gram
            if coordinates.fit_intercept:
                root = xp.astype(root / coordinates.intercept_scale, total.dtype)
                total[:n_features, -1] += sign * (root @ X)
                total[-1, -1] += sign * (root @ root)
    if coordinates.fit_intercept:
        total[-1, :n_features] = total[:n_features, -1]
    return total
