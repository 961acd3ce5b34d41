"""Dual coordinate ascent as the start of a minimisation, where it is the faster way."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from maxmargin._typing import Floats
from maxmargin.losses import OneVsRest, SmoothHinge
from maxmargin.objectives.certificate import Certificate, relative_gap
from maxmargin.objectives.linear import LinearObjective
from maxmargin.objectives.row_blocks import Block, States
from maxmargin.penalties import Frobenius

Report = Callable[[int, float], None] | None

_MOST_SWEEPS = 90  # a problem that is not solved by then is one for Newton steps


@dataclass(frozen=True)
class Start:
    """Where a minimisation begins: a vector and, where they are known, dual variables and a certificate."""

    vector: Floats
    duals: States | None = None
    certificate: Certificate | None = None
    iterations: int = 0


def coordinate_ascent(
    objective: LinearObjective, start: Floats, *, tol: float, max_iter: int, seed: int, report: Report
) -> Start:
    """Solve as far as dual coordinate ascent goes fast; elsewhere return the start as it is."""
    rows, loss = objective.rows, objective.loss
    squared_norm = isinstance(objective.penalty, Frobenius) and objective.epsilon == 0
    if rows.whole is None or not squared_norm or np.any(start):
        return Start(start)
    if rows.is_sparse and isinstance(loss, OneVsRest) and not isinstance(loss.surrogate, SmoothHinge):
        return _one_vs_rest(
            objective, rows.whole, tol=tol, max_iter=min(max_iter, _MOST_SWEEPS), seed=seed, report=report
        )
    return Start(start)


def _one_vs_rest(objective: LinearObjective, whole: Block, **limits: Any) -> Start:
    from maxmargin.solvers.dual_coordinate import minimize_dual_coordinate

    (X, target, weight), coordinates = whole, objective.coordinates
    signs = np.where(target[:, None] == np.arange(coordinates.n_scores), np.int8(1), np.int8(-1))
    bounds = objective.C * weight
    solution = minimize_dual_coordinate(
        X,
        signs,
        bounds,
        squared=not objective.loss.is_polyhedral,
        fit_intercept=coordinates.fit_intercept,
        random_state=limits.pop("seed"),
        **limits,
    )
    point = solution.point
    primal = float(point.primal.sum())
    dual = primal - float(point.gap.sum())
    duals = None
    if objective.loss.is_polyhedral:
        share = np.divide(
            point.duals, bounds[:, None], out=np.zeros_like(point.duals), where=bounds[:, None] > 0
        )
        duals = objective.rows.cut(share)
    return Start(
        coordinates.join(point.coef, point.intercept),
        duals,
        Certificate(primal, dual, relative_gap(primal, dual)),
        solution.iterations,
    )
