"""About the inverse Hessian of a linear objective whose classes are all alike, for quasi-Newton steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.linalg import get_lapack_funcs

from maxmargin._typing import Floats
from maxmargin.objectives.coordinates import Coordinates
from maxmargin.objectives.gram_hessian import cholesky
from maxmargin.objectives.products import weighted_sum
from maxmargin.objectives.row_blocks import Block, RowBlocks, States, spread_out, taken
from maxmargin.objectives.row_samples import RowSamples

if TYPE_CHECKING:
    from maxmargin.objectives.linear import LinearObjective, LinearPoint, LossOf

_DAMPING = 30.0  # on the penalty's curvature: only directions that stand far above it are worth correcting
_LEAST_SHARE = 0.1  # of that of the rows, where the penalty is flat, as that of M3SVM at zero weights
_CHANGED = 4.0  # times by which the balance of rows and penalty may move before the matrix is made anew
_FACTOR_PASSES = 30  # over the rows, whose operations a factor may take
_ENOUGH_ROWS = 5000  # of whose losses the mean curvature is taken
_ROWS_PER_FEATURE = 8  # rows that estimate the Gram matrix well enough


@dataclass
class Metric:
    """``(C h X'X + D)^-1`` for the weights of each class, kept from point to point.

    h is the mean curvature of the rows' loss and D the diagonal of the penalty's, damped. L-BFGS finds what
    scales it and what sets the classes apart.

    Attributes
    ----------
    gram : ndarray of shape (size, size) or (size,)
        X'X of the weighted rows, or its diagonal where a factor of it would cost too much.
    factor : ndarray of the same shape
        Of the inverse.
    balance : float
        D over h, in the mean, that it was made for.
    """

    gram: Floats | None = None
    factor: Floats | None = None
    balance: float = np.inf

    def at(self, point: LinearPoint, iteration: int) -> Callable[[Floats], Floats]:
        """Map a residual to about the inverse Hessian times it; after ever more steps, look at it again."""
        if self.factor is None or iteration & (iteration - 1) == 0:
            self.factor = self._factor(point)
        return partial(_applied, self.factor, point.objective.coordinates)

    def _factor(self, point: LinearPoint) -> Floats:
        """The one that was kept, or a new one where the balance of rows and penalty has moved."""
        objective = point.objective
        if self.gram is None:
            self.gram = _gram(objective)
        step = max(1, objective.rows.n_samples // _ENOUGH_ROWS)
        task = partial(_curvature, objective.loss_of, step)
        curvature, weight = objective.rows.pooled(task, objective.states, point.scores)
        strength = objective.C * curvature / max(weight, np.finfo(np.float64).tiny)
        stiffness = _DAMPING * point.stiffness.mean(axis=0)
        of_rows = strength * float(np.mean(self.gram if self.gram.ndim == 1 else np.diag(self.gram)))
        stiffness = np.maximum(stiffness, _LEAST_SHARE * of_rows)
        balance = float(stiffness.mean()) / max(strength, np.finfo(np.float64).tiny)
        if self.factor is not None and 1 / _CHANGED < balance / self.balance < _CHANGED:
            return self.factor
        self.balance = balance
        if self.gram.ndim == 1:
            return strength * self.gram + stiffness
        return cholesky(strength, self.gram, stiffness)


def _gram(objective: LinearObjective) -> Floats:
    rows, coordinates = objective.rows, objective.coordinates
    size, n = coordinates.unknowns, rows.n_samples
    if rows.is_sparse or size**2 > _FACTOR_PASSES * 4 * n * coordinates.n_scores:
        return coordinates.diagonal(objective.C, rows.weight)
    step = max(1, n // (_ROWS_PER_FEATURE * size))
    (gram,) = rows.pooled(partial(_sampled_gram, coordinates, step))
    return gram


def _sampled_gram(coordinates: Coordinates, step: int, rows: RowBlocks) -> tuple[Floats]:
    samples = RowSamples.of(
        rows, coordinates, lambda block, some: block.standardised(coordinates, some), rows.blocks
    )
    return (samples.gram([block.weight for block in rows.blocks], step),)


def _curvature(
    loss_of: LossOf, step: int, rows: RowBlocks, duals: States, scores: States
) -> tuple[float, float]:
    """Summed mean over the classes of some rows' curvature, and summed weight."""
    # So few rows a block are looked at faster one block after the other than by threads that wait in turn.
    parts = [
        _curvature_of_block(loss_of, step, *block) for block in zip(rows.blocks, duals, scores, strict=True)
    ]
    curvature, weight = map(sum, zip(*parts, strict=True))
    return curvature, weight


def _curvature_of_block(
    loss_of: LossOf, step: int, block: Block, duals: Any, scores: Floats
) -> tuple[float, float]:
    some = spread_out(block.weight, step)
    weight, loss = block.weight[some], loss_of(None if duals is None else duals[some])
    diagonal = loss.curvature(taken(scores, some), block.target[some]).diagonal
    return weighted_sum(weight, diagonal.mean(axis=1)), float(weight.sum())


def _applied(factor: Floats, coordinates: Coordinates, residual: Floats) -> Floats:
    table = residual.reshape(coordinates.n_scores, -1)
    if factor.ndim == 1:
        moved = table / factor
    else:
        (potrs,) = get_lapack_funcs(("potrs",), (factor,))
        moved = potrs(factor, table.T.astype(np.float32), lower=1)[0].T.astype(np.float64)
    # No coupled loss sees a common shift of the scores: no step makes one.
    return coordinates.centred(moved).ravel()
