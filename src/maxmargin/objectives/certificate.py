"""How far a point is from the optimum, proved by a dual point."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from maxmargin._typing import Floats
from maxmargin.losses import Loss
from maxmargin.objectives.linear import LinearPoint, LossOf
from maxmargin.objectives.row_blocks import Block


@dataclass(frozen=True)
class Certificate:
    """Proof of how near the optimum a solution is.

    Attributes
    ----------
    primal : float
        The objective.
    dual : float or None
        A lower bound of the optimum; None where the dual has no closed form.
    value : float
        The relative duality gap, or else the largest entry of the gradient relative to that at zero weights,
        both in coordinates free of the features' units.
    """

    primal: float
    dual: float | None
    value: float

    @classmethod
    def of_sum(cls, certificates: Sequence["Certificate"]) -> "Certificate":
        """Certificate of a sum of problems with duals of their own."""
        primal = sum(one.primal for one in certificates)
        dual = sum(one.dual for one in certificates if one.dual is not None)
        return cls(primal, dual, relative_gap(primal, dual))

    def as_dict(self) -> dict[str, float]:
        """Entries under the names that a person reads."""
        if self.dual is None:
            return {"primal": self.primal, "relative_gradient": self.value}
        return {"primal": self.primal, "dual": self.dual, "relative_gap": self.value}


NOTHING_PROVED = Certificate(np.inf, -np.inf, np.inf)
"""What is known before the first step."""


def certify(point: LinearPoint, reference: float) -> Certificate:
    """Bound the distance to the optimum of the exact problem, of which a proximal objective is a step.

    The dual point is the derivative g of the loss by the scores. With V = C sum_i s_i g_i (x_i - m)^T and
    r = C sum_i s_i g_i, Fenchel's inequality bounds the objective from below by
    ``- C sum_i s_i loss*(g_i) - penalty*(-V) - |r| beta`` over all centred intercepts of at most beta, for
    which beta = 1 + 2 max |a| leaves room; a ridge on the intercepts gives a second bound.

    Parameters
    ----------
    point : LinearPoint
        Where to measure.
    reference : float
        Largest gradient entry at zero weights, for objectives without a dual.
    """
    objective = point.objective
    largest = float(np.max(np.abs(point.gradient), initial=0.0))
    if not objective.has_dual:
        return Certificate(point.value, None, largest / reference if reference > 0 else largest)
    task = partial(_terms, objective.loss, objective.loss_of)
    _, (risk, conjugate) = objective.rows.run(task, objective.states, point.scores)
    penalty, penalty_by_coef = objective.penalty.value_and_gradient(point.coef)
    ridge = objective.epsilon * (np.vdot(point.coef, point.coef) + np.vdot(point.intercept, point.intercept))
    primal = float(penalty + objective.C * risk + ridge)
    bound = max(_penalty_bounds(point, penalty_by_coef))
    dual = bound - objective.C * conjugate
    return Certificate(primal, dual, relative_gap(primal, dual))


def relative_gap(primal: float, dual: float) -> float:
    """(primal - dual) / primal; rounding may take it a little below 0."""
    return (primal - dual) / max(abs(primal), float(np.finfo(np.float64).tiny))


def _penalty_bounds(point: LinearPoint, penalty_by_coef: Floats) -> list[float]:
    """Lower bounds of penalty(W) + ridge + the linear term of the dual point, over all weights."""
    objective, coordinates = point.objective, point.objective.coordinates
    table, offset = coordinates.table(point.gradient)
    ridged = 2 * objective.epsilon * point.coef
    of_intercept = 2 * objective.epsilon * point.intercept
    # The gradient by the centred weights is that of the penalty plus V; the ridge on b moves with them.
    shift = np.outer(of_intercept, coordinates.mean)
    centred = table * coordinates.scale - penalty_by_coef - ridged + shift
    residual = offset * coordinates.intercept_scale - of_intercept
    reach = 1 + 2 * float(np.max(np.abs(point.intercept + point.coef @ coordinates.mean), initial=0.0))
    bounds = [-_conjugate(objective, centred) - reach * float(np.abs(residual).sum())]
    if objective.epsilon > 0:
        raw = centred + np.outer(residual, coordinates.mean)
        bounds.append(
            -_conjugate(objective, raw) - float(np.vdot(residual, residual)) / (4 * objective.epsilon)
        )
    return bounds


def _conjugate(objective: Any, coef: Floats) -> float:
    return float(objective.penalty.conjugate(coef, objective.epsilon))


def _terms(
    exact: Loss, loss_of: LossOf, block: Block, duals: Any, scores: Floats
) -> tuple[None, tuple[float, float]]:
    loss = loss_of(duals)
    by_scores = loss.value_and_gradient(scores, block.target)[1]
    value = exact.value(scores, block.target)
    conjugate = loss.conjugate(by_scores, block.target)
    return None, (float(block.weight @ value), float(block.weight @ conjugate))
