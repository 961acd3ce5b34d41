"""How far a point is from the optimum, proved by a dual point."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from maxmargin._typing import Floats
from maxmargin.objectives.linear import LinearPoint


@dataclass(frozen=True)
class Certificate:
    """Proof of how near the optimum a solution is.

    Attributes
    ----------
    primal : float
        The objective.
    dual : float or None
        A lower bound of the optimum; None where none is known.
    value : float
        The relative duality gap, or else the largest entry of the gradient relative to that at zero weights,
        both in coordinates free of the features' units.
    """

    primal: float
    dual: float | None
    value: float

    @classmethod
    def between(cls, dual: float, primal: float) -> "Certificate":
        """Certificate of an objective whose minimum is known to be at least ``dual``."""
        return cls(primal, dual, relative_gap(primal, dual))

    @classmethod
    def of_sum(cls, certificates: Sequence["Certificate"]) -> "Certificate":
        """Certificate of a sum of problems with duals of their own."""
        return cls.between(
            sum(one.dual for one in certificates if one.dual is not None),
            sum(one.primal for one in certificates),
        )

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
    which beta = 1 + 2 max |a| leaves room; a ridge on the intercepts gives a second bound. Fenchel's equality
    knows the sum of the conjugates: ``C sum_i s_i (g_i.f_i - loss(f_i)) = V.W + r.a - C risk``, less the pull
    towards the centre where the loss is a proximal one. So no row is read.

    Parameters
    ----------
    point : LinearPoint
        Where to measure.
    reference : float
        Largest gradient entry at zero weights, for objectives without a dual.
    """
    objective, coordinates = point.objective, point.objective.coordinates
    primal = point.primal + objective.penalty.sharpening(point.coef)
    if not objective.has_dual:
        largest = float(np.max(np.abs(point.gradient), initial=0.0))
        return Certificate(primal, None, largest / reference if reference > 0 else largest)
    penalty, penalty_by_coef = point.penalty
    table, offset = coordinates.table(point.gradient)
    of_intercept = 2 * objective.epsilon * point.intercept
    # The gradient by the centred weights is that of the penalty plus V; the ridge on b moves with them.
    slope = penalty_by_coef - np.outer(of_intercept, coordinates.mean)
    centred = table * coordinates.scale - slope
    residual = offset * coordinates.intercept_scale - of_intercept
    centred_intercept = point.intercept + point.coef @ coordinates.mean
    risk = point.value - penalty
    of_loss = float(np.vdot(centred, point.coef) + residual @ centred_intercept) - risk - point.distance
    reach = 1 + 2 * float(np.max(np.abs(centred_intercept), initial=0.0))
    of_intercept = reach * float(np.abs(residual).sum())
    dual = -_conjugate(point, -centred) - of_intercept - of_loss
    if objective.epsilon > 0:
        # The ridge bounds the intercepts as well, and is tight near the optimum.
        raw = centred + np.outer(residual, coordinates.mean)
        of_intercept = _square(residual) / (4 * objective.epsilon)
        dual = max(dual, -_conjugate(point, -raw) - of_intercept - of_loss)
    return Certificate.between(dual, primal)


def relative_gap(primal: float, dual: float) -> float:
    """(primal - dual) / primal; rounding may take it a little below 0."""
    return (primal - dual) / max(abs(primal), float(np.finfo(np.float64).tiny))


def _conjugate(point: LinearPoint, slope: Floats) -> float:
    """Of penalty and ridge; a lower bound of penalty(W) + ridge + V.W is minus that of -V."""
    objective = point.objective
    return float(objective.penalty.conjugate(slope, point.coef, objective.epsilon) or 0.0)


def _square(values: Floats) -> float:
    return float(np.vdot(values, values))
