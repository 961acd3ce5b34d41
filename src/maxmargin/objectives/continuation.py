"""Classes so far apart, or C so large, that rounding hides the objective: minimised at smaller C first."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from maxmargin._typing import Floats
from maxmargin.losses import Loss, SquaredHinge
from maxmargin.objectives.certificate import Certificate
from maxmargin.objectives.goals import Goal, Minimum, Report, Start, counted
from maxmargin.objectives.linear import LinearObjective
from maxmargin.objectives.row_blocks import Block

_GENTLE, _STEEP = 1e7, 1e9  # C times the mean squared length of the rows, without and with such rounding
_GROWTH = 1e3  # of C from one minimisation to the next
_PATIENCE = 150  # steps at a smaller C: classes that are apart take no more
_APART = 0.01  # of what losses at the smaller C would be at the larger one
_STRETCHES = [1.0, *(1 + np.geomspace(1e-14, 1e3, 52)).tolist()]  # three a decade

Solver = Callable[[LinearObjective, Start, Callable[[], Goal], int, Report], Minimum]


def is_steep(objective: LinearObjective) -> bool:
    """Whether rounding of the scores, times C, may be much of the objective: where all losses may vanish."""
    loss: Any = objective.loss
    may_vanish = loss.is_polyhedral or isinstance(getattr(loss, "surrogate", None), SquaredHinge)
    return may_vanish and objective.has_dual and objective.C * objective.spread > _STEEP


def minimise_by_continuation(
    solve: Solver,
    objective: LinearObjective,
    begun: Start,
    goal: Callable[[], Goal],
    max_iter: int,
    report: Report,
) -> Minimum:
    """Minimise at ever larger C, until what was found proves itself good at the one that is asked for.

    What bounds an objective from below bounds it at a larger C: no loss is negative. And where the classes
    are apart, weights stretched until no row violates its margin have the same objective at every C. Where
    they overlap, the way from multipliers at a smaller C is no shorter than that from the start.
    """
    C = _GENTLE / objective.spread
    start, vector, duals = begun, begun.vector, begun.duals
    bound, primal, iterations = 0.0, np.inf, 0
    while True:
        stage = objective.with_strength(C)
        most = min(max_iter, iterations + _PATIENCE) if C < objective.C else max_iter
        end = solve(
            stage, _moved(start, objective, stage), goal, most - iterations, counted(report, iterations)
        )
        iterations += end.iterations
        start = _moved(Start(end.vector, end.duals), stage, objective)
        stretched, value = _stretched(objective, start.vector)
        if value < primal:
            vector, primal = stretched, value
            duals = end.duals and objective.rows.run(partial(_shared, C / objective.C), end.duals)[0]
        bound = max(bound, end.certificate.dual or 0.0)
        certificate = Certificate.between(bound, primal)
        if certificate.value <= goal().tol:
            return Minimum(vector, certificate, iterations, "converged", duals)
        if C == objective.C or iterations >= max_iter:
            return Minimum(vector, certificate, iterations, end.status, duals)
        if objective.loss.is_polyhedral and primal > _APART * (objective.C / C) * bound:
            start = begun
        C = min(_GROWTH * C, objective.C)


def _moved(begun: Start, origin: LinearObjective, aim: LinearObjective) -> Start:
    """The same weights in other coordinates; where classes overlap, multipliers keep their shares of C."""
    (table, offset), old, new = origin.coordinates.table(begun.vector), origin.coordinates, aim.coordinates
    of_intercept = offset * (new.intercept_scale / old.intercept_scale)
    return Start(new.vector(table * (new.scale / old.scale), of_intercept), begun.duals)


def _shared(ratio: float, _: Block, duals: Floats) -> tuple[Floats, tuple]:
    return ratio * duals, ()


def _stretched(objective: LinearObjective, vector: Floats) -> tuple[Floats, float]:
    """The multiple of the vector at which the objective is smallest, and the objective there."""
    point = objective.at(vector)
    _, (losses,) = objective.rows.run(partial(_losses, objective.loss), point.scores)
    values = [
        objective.C * loss + objective.penalty_and_gradient(by * point.coef, by * point.intercept)[0]
        for by, loss in zip(_STRETCHES, losses, strict=True)
    ]
    best = int(np.argmin(values))
    return _STRETCHES[best] * vector, float(values[best])


def _losses(loss: Loss, block: Block, scores: Floats) -> tuple[None, tuple[Floats]]:
    """The summed loss at each multiple of the scores."""
    return None, (
        np.array([float(block.weight @ loss.value(by * scores, block.target)) for by in _STRETCHES]),
    )
