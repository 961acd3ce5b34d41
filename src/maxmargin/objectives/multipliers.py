"""The proximal method of multipliers, for objectives with a polyhedral loss."""

from functools import partial
from typing import Any

import numpy as np

from maxmargin._typing import Floats
from maxmargin.objectives.certificate import NOTHING_PROVED, certify
from maxmargin.objectives.goals import Goal, Minimum, Report, Start, counted
from maxmargin.objectives.linear import LinearObjective, LinearPoint
from maxmargin.objectives.row_blocks import Block
from maxmargin.solvers import minimize_newton

_NARROW = 0.02  # a step this narrow gains enough; the dual variables, moving on, do the rest
_NARROWEST = 1e-9
_WIDEST = 1e4  # from wider ones, where C is large beside the rows' units, the way is longer
_NEARLY_RIGHT = 0.05  # width of the first step from a solution nearby
_WIDTH_LEFT, _WIDTH_POWER = 0.5, 0.4  # by measurement: what is left of the first width at a certificate
_UNDAMPED = 15  # Newton steps of one width; where it takes more, most are cut short by kinks
_PATIENCE, _WIDER = 20, 10  # Newton steps that show whether it was, and how much wider the step is if not


def minimise_by_multipliers(
    objective: LinearObjective, begun: Start, goal: Goal, max_iter: int, report: Report
) -> Minimum:
    """Repeat: smooth the loss around the dual variables, minimise, take the new dual variables.

    References
    ----------
    Rockafellar (1976), Augmented Lagrangians and applications of the proximal point algorithm in convex
    programming.
    Yan and Li (2020), An efficient augmented Lagrangian method for support vector machine.
    """
    vector, duals, iterations = begun.vector, begun.duals, 0
    width = widest = _first_width(objective)
    if duals is None:
        duals, _ = objective.rows.run(partial(_no_duals, objective.coordinates.n_scores))
    if begun.duals is not None or np.any(vector):
        width = _width_for(begun, widest)
    finished, is_first, previous = _StepFinished(goal), True, np.inf
    status: Any = "max_iter"
    while True:
        step = objective.proximal(width, duals)
        left = max_iter - iterations
        solution = minimize_newton(
            step.at(vector),
            finished=finished,
            undamped=_UNDAMPED,
            max_iter=min(left, _PATIENCE) if is_first and width < widest else left,
            report=counted(report, iterations),
        )
        iterations += solution.iterations
        if is_first and solution.status == "max_iter" and iterations < max_iter:
            # The solution was not nearby: so narrow, Newton's steps pass one kink at a time.
            vector, width = solution.point.vector, min(_WIDER * width, widest)
            continue
        is_first = False
        if finished.ended:
            status = "converged"
            break
        if iterations >= max_iter:
            break
        duals, _ = objective.rows.run(partial(_maximisers, step.loss_of), duals, solution.point.scores)
        vector = solution.point.vector
        if width > _NARROW or not finished.certificate.value <= 0.3 * previous:
            width /= 2
        if width < _NARROWEST:
            status = "stalled"
            break
        previous = finished.certificate.value
    best = finished.best
    final = best.objective
    duals, _ = final.rows.run(partial(_maximisers, final.loss_of), final.duals, best.scores)
    return Minimum(best.vector, finished.best_certificate, iterations, status, duals)


def _first_width(objective: LinearObjective) -> float:
    """Wide enough that the first step is as easy as a squared hinge with C about 10 / (mean |x - m|^2)."""
    return min(max(2.0, 0.1 * objective.C * objective.spread), _WIDEST)


def _width_for(begun: Start, widest: float) -> float:
    """The width that steps from zero would have come to where they proved as much as is proved here."""
    if begun.certificate is None:
        return _NEARLY_RIGHT
    proved = widest * _WIDTH_LEFT * max(begun.certificate.value, 0.0) ** _WIDTH_POWER
    return min(widest, max(_NEARLY_RIGHT, proved))


class _StepFinished:
    """A proximal step needs no more accuracy than a share of the distance it moves the dual variables.

    Of all steps the point with the best certificate is remembered.
    """

    def __init__(self, goal: Goal) -> None:
        self.goal, self.ended = goal, False
        self.certificate = self.best_certificate = NOTHING_PROVED
        self.best: Any = None

    def __call__(self, point: LinearPoint) -> bool:
        self.certificate = certify(point, 0.0)
        if self.best is None or self.certificate.value < self.best_certificate.value:
            self.best, self.best_certificate = point, self.certificate
        self.ended = self.goal(self.certificate) or self.goal.halted
        if self.ended:
            return True
        # The dual value of the smoothed problem is that of the exact one less the pull towards the centre.
        dual = -np.inf if self.certificate.dual is None else self.certificate.dual
        inner = point.value - dual + point.distance
        return inner <= 3 * max(point.distance, 0.1 * self.goal.goal * self.certificate.primal)


def _maximisers(loss_of: Any, block: Block, duals: Floats, scores: Floats) -> tuple[Floats, tuple]:
    return loss_of(duals).maximiser(scores, block.target), ()


def _no_duals(n_scores: int, block: Block) -> tuple[Floats, tuple]:
    return block.here(np.zeros((n_scores, len(block.target)))).T, ()
