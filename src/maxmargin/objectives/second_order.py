"""Hessian and preconditioner of a linear objective, over the rows whose loss is curved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from array_api_compat import array_namespace
from scipy import sparse
from scipy.linalg import get_lapack_funcs

from maxmargin._typing import Floats, Ints
from maxmargin.functional import positive_part
from maxmargin.losses import Curvature
from maxmargin.objectives.coordinates import Coordinates
from maxmargin.objectives.gram_hessian import cholesky
from maxmargin.objectives.products import combinations, products
from maxmargin.objectives.rounded_rows import worth_copying
from maxmargin.objectives.row_blocks import Block, RowBlocks, States, taken
from maxmargin.objectives.row_samples import RowSamples

if TYPE_CHECKING:
    from maxmargin.objectives.linear import LinearPoint, LossOf

_FACTOR_BYTES = 100e6  # Cholesky factors of all classes
_MANY_PRODUCTS = 10  # a Newton system that needs more is worth a new preconditioner
_ROWS_PER_FEATURE = 4  # rows that estimate a class's Gram matrix well enough to precondition with
_GRAM_OPERATIONS, _GRAM_BYTES = 5e8, 8e6  # more rows estimate it better where that costs no more than this


class CurvedRows(NamedTuple):
    """The rows of a block whose loss is curved.

    Attributes
    ----------
    X : array, CSR matrix or None
        The rows: standardised and in single precision where dense rows were copied, None where they are read
        from the block.
    used : ndarray or None
        Which of the block they are; None for all.
    weight : ndarray of shape (n,)
        What each counts.
    curvature : Curvature
        Second derivative of their loss by the scores.
    """

    X: Any
    used: Ints | None
    weight: Floats
    curvature: Curvature

    @property
    def standardised(self) -> bool:
        """Whether they are."""
        return self.X is not None and not sparse.issparse(self.X)

    def matrix(self, block: Block, some: Any = None) -> Any:
        """The rows, or some of them, as they are."""
        if self.X is not None:
            return self.X if some is None else self.X[some]
        if some is None:
            return block.matrix(self.used)
        return block.matrix(some if self.used is None else self.used[some])


@dataclass
class Preconditioner:
    """About the inverse Hessian, kept from point to point until it needs too many products.

    ``products`` are those of the Newton system before, ``curved_share`` is the share of the rows in it, and
    ``copies`` are all rows, standardised and in single precision, while they are used.
    """

    inverse: Sequence[Floats] | None = None
    products: int = 0
    curved_share: float = 1.0
    copies: States | None = None

    def keep_copies(self, rows: RowBlocks, coordinates: Coordinates | None) -> None:
        """Make the copies where there are none yet; without coordinates give them up."""
        if coordinates is None:
            self.copies = None
        elif self.copies is None:
            self.copies, _ = rows.run(partial(_copy, coordinates))

    def for_other_rows(self) -> Preconditioner:
        """The same without the copies."""
        return replace(self, copies=None)

    def at(self, point: LinearPoint, curved: States) -> Sequence[Floats]:
        """The inverse that was kept, or a new one."""
        if self.inverse is None or self.products > _MANY_PRODUCTS:
            self.inverse = None  # its memory goes first
            self.inverse = _inverse(point, curved)
        self.products = 0
        return self.inverse


@dataclass(frozen=True)
class SecondOrder:
    """The Hessian at a point, by its products, and about its inverse."""

    origin: LinearPoint
    curved: States

    @classmethod
    def at(cls, point: LinearPoint) -> SecondOrder:
        """Collect the curved rows."""
        objective, rows, before = point.objective, point.objective.rows, point.objective.preconditioner
        few = before.curved_share <= 0.5
        copy = worth_copying(rows, before.curved_share if few else 1.0)
        before.keep_copies(rows, objective.coordinates if copy and not few else None)
        task = partial(_curve, objective.loss_of, objective.coordinates if copy and few else None)
        copies = before.copies or [None] * len(rows.blocks)
        curved, (n_curved,) = rows.run(task, objective.states, point.scores, copies)
        before.curved_share = n_curved / rows.n_samples
        return cls(point, curved)

    @cached_property
    def inverse(self) -> Sequence[Floats]:
        """About the inverse of each class's block, or of its diagonal."""
        return self.origin.objective.preconditioner.at(self.origin, self.curved)

    @property
    def diagonal(self) -> Floats:
        """The Hessian's diagonal, one row a class."""
        return self.origin.stiffness + _risk_diagonal(self.origin, self.curved)

    def product(self, direction: Floats) -> Floats:
        """Hessian times a direction; one pass over the curved rows."""
        objective = self.origin.objective
        objective.preconditioner.products += 1
        coordinates = objective.coordinates
        coef, intercept = coordinates.split(direction)
        table, offset = coordinates.table(direction)
        task = partial(
            _product, coef, intercept, table.astype(np.float32), offset / coordinates.intercept_scale
        )
        _, (by_coef, by_table, moved_raw, moved_standard) = objective.rows.run(task, self.curved)
        of_penalty = objective.penalty.curvature(self.origin.coef)(coef) + 2 * objective.epsilon * coef
        raw = coordinates.pull(
            objective.C * by_coef + of_penalty, objective.C * moved_raw + 2 * objective.epsilon * intercept
        )
        moved = objective.C * by_table, objective.C * moved_standard / coordinates.intercept_scale
        return raw + coordinates.vector(moved[0], moved[1] + self.origin.hold * offset)

    def precondition(self, residual: Floats) -> Floats:
        """About the inverse Hessian times a residual."""
        coordinates, coupled = self.origin.objective.coordinates, not self.origin.objective.loss.is_separable
        table = residual.reshape(coordinates.n_scores, -1)
        if coupled:
            table = coordinates.centred(table)
        moved = np.stack(list(self.origin.objective.rows.each(_applied, self.inverse, table)))
        # No coupled loss sees a common shift of the scores: no step makes one.
        return (coordinates.centred(moved) if coupled else moved).ravel()


def _is_curved(curvature: Curvature, weight: Floats) -> Any:
    return array_namespace(weight).any(curvature.diagonal, axis=1) & (weight > 0)


def _copy(coordinates: Coordinates, block: Block) -> tuple[Floats, tuple]:
    return block.standardised(coordinates), ()


def _curve(
    loss_of: LossOf, copy_to: Coordinates | None, block: Block, duals: Any, scores: Floats, copy: Any
) -> tuple[CurvedRows, tuple]:
    curvature = loss_of(duals).curvature(scores, block.target)
    (used,) = array_namespace(scores).nonzero(_is_curved(curvature, block.weight))
    n_curved = len(used)
    if copy is not None:
        return CurvedRows(copy, None, block.weight, curvature), (n_curved,)
    if n_curved == len(scores) or (copy_to is None and 2 * n_curved > len(scores)):
        used, weight = None, block.weight
    else:
        of_used = loss_of(None if duals is None else duals[used])
        curvature = of_used.curvature(taken(scores, used), block.target[used])
        weight = block.weight[used]
    X = None
    if copy_to is not None:
        X = block.standardised(copy_to, used)
    elif sparse.issparse(block.X):
        X = block.matrix(used)
    return CurvedRows(X, used, weight, curvature), (n_curved,)


def _product(
    coef: Floats, intercept: Floats, table: Any, offset: Floats, block: Block, rows: CurvedRows
) -> tuple[None, tuple]:
    nothing, none = np.zeros_like(coef), np.zeros_like(intercept)
    if not len(rows.weight):
        return None, (nothing, nothing, none, none)
    if rows.standardised:
        xp = array_namespace(rows.X)
        scores = xp.astype(products(rows.X, block.here(table)), xp.float64) + block.here(offset)
        moved = rows.curvature.product(scores)
        moved *= rows.weight[:, None]
        by_table = xp.astype(combinations(xp.astype(moved, xp.float32), rows.X), xp.float64)
        return None, (nothing, by_table, none, moved.sum(axis=0))
    X = rows.matrix(block)
    moved = rows.curvature.product(products(X, block.here(coef)) + block.here(intercept))
    moved = moved * rows.weight[:, None]
    return None, (combinations(moved, X), nothing, moved.sum(axis=0), none)


def _inverse(point: LinearPoint, curved: States) -> Sequence[Floats]:
    """About the inverse of each class's block of the Hessian: a matrix a class, or its diagonal."""
    objective = point.objective
    coordinates = objective.coordinates
    size = coordinates.unknowns
    stiffness = point.stiffness
    if objective.rows.is_sparse or 8 * size**2 * coordinates.n_scores > _FACTOR_BYTES:
        return list(1 / np.maximum(stiffness + _risk_diagonal(point, curved), 1e-12))
    _, (n_used, unlike) = objective.rows.run(_count_by_class, curved)
    cheap = min(_GRAM_OPERATIONS / (coordinates.n_scores * size**2), _GRAM_BYTES / (4 * size))
    most = max(_ROWS_PER_FEATURE * size, int(cheap))
    steps = np.maximum(1, n_used // most)
    if not unlike and np.all(stiffness == stiffness[0]):
        steps, stiffness = steps[:1], stiffness[:1]  # as at zero weights, one block is that of every class
    grams = objective.rows.pooled(partial(_grams, coordinates, steps), curved)
    inverses = list(objective.rows.each(partial(_inverted, objective.C), grams, stiffness))
    return inverses * (coordinates.n_scores // len(inverses))


def _risk_diagonal(point: LinearPoint, curved: States) -> Floats:
    objective = point.objective
    _, (diagonal,) = objective.rows.run(partial(_diagonal, objective.coordinates), curved)
    return objective.C * diagonal


def _count_by_class(_: Block, rows: CurvedRows) -> tuple[None, tuple[Ints, int]]:
    diagonal = rows.curvature.diagonal
    unlike = int((diagonal != diagonal[:, :1]).sum())
    return None, ((diagonal > 0).sum(axis=0), unlike)


def _grams(coordinates: Coordinates, steps: Ints, rows: RowBlocks, curved: States) -> tuple[Floats, ...]:
    """About the Gram matrix of each class's curved rows, out of one of step rows."""
    samples = RowSamples.of(
        rows, coordinates, partial(_standardised, coordinates), list(zip(rows.blocks, curved, strict=True))
    )
    return tuple(rows.each(partial(_gram, samples, curved), range(len(steps)), steps))


def _gram(samples: RowSamples, curved: States, k: int, step: int) -> Floats:
    return samples.gram([of_block.weight * of_block.curvature.diagonal[:, k] for of_block in curved], step)


def _standardised(coordinates: Coordinates, part: tuple[Block, CurvedRows], some: Any) -> Any:
    """The curved rows of a block, or some of them, standardised and in single precision."""
    block, rows = part
    X = rows.matrix(block, some)
    return X if rows.standardised else coordinates.standardised(X, block.here)


def _inverted(C: float, gram: Floats, stiffness: Floats) -> Floats:
    """About the inverse of a class's block of the Hessian."""
    factor = cholesky(C, gram, stiffness)
    (potri,) = get_lapack_funcs(("potri",), (factor,))
    half = np.tril(potri(factor, lower=1)[0])
    return half + np.tril(half, -1).T


def _applied(inverse: Floats, residual: Floats) -> Floats:
    return (
        inverse * residual
        if inverse.ndim == 1
        else (inverse @ residual.astype(inverse.dtype)).astype(np.float64)
    )


def _diagonal(coordinates: Coordinates, block: Block, rows: CurvedRows) -> tuple[None, tuple[Floats]]:
    """Diagonal of the risk's Hessian: sum_i weight_i h_ik (x_ij - m_j)^2 / D_j^2."""
    if not len(rows.weight):
        return None, (np.zeros((coordinates.n_scores, coordinates.unknowns)),)
    xp = array_namespace(rows.weight)
    strength = rows.curvature.diagonal * rows.weight[:, None]
    total, X = strength.sum(axis=0), rows.matrix(block)
    if rows.standardised:
        diagonal = strength.T @ xp.astype(X, xp.float64) ** 2
    else:
        squares = X.multiply(X) if sparse.issparse(X) else X**2
        second, first = combinations(strength, squares), combinations(strength, X)
        mean = block.here(coordinates.mean)
        centred = second - 2 * mean * first + mean**2 * total[:, None]
        diagonal = positive_part(centred) / block.here(coordinates.scale) ** 2
    if coordinates.fit_intercept:
        diagonal = xp.concat([diagonal, total[:, None] / coordinates.intercept_scale**2], axis=1)
    return None, (diagonal,)
