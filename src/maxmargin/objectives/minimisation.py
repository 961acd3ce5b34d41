"""Minimising a linear objective to a certified accuracy."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from maxmargin._typing import Floats
from maxmargin.objectives.certificate import NOTHING_PROVED, certify
from maxmargin.objectives.continuation import is_steep, minimise_by_continuation
from maxmargin.objectives.coordinate_ascent import coordinate_ascent
from maxmargin.objectives.goals import Goal, Minimum, Report, Start, counted, goal_of
from maxmargin.objectives.linear import LinearObjective, LinearPoint
from maxmargin.objectives.multipliers import minimise_by_multipliers
from maxmargin.objectives.rounded_rows import worth_copying
from maxmargin.objectives.row_blocks import States
from maxmargin.solvers import minimize_newton, minimize_quasi_newton

_LARGE, _THINNED, _ROWS_PER_UNKNOWN = 2e6, 8, 4  # entries, rows for one, rows a feature that tell enough
_FEW_DIGITS = 4  # of single precision
_QUICK_STEPS = 4  # of the quasi-Newton method, before Newton's
_NEAR, _FEW_MORE = 10.0, 8  # a certificate within this factor of the goal is worth so many steps more
_ROUGH = 0.3  # accuracy that a part of the rows deserves


def minimise(
    objective: LinearObjective,
    start: Floats,
    *,
    tol: float,
    max_iter: int,
    duals: States | None = None,
    seed: int = 0,
    problems: int = 1,
    report: Report = None,
) -> Minimum:
    """Minimise until the certificate is at most ``tol``.

    A smooth objective is minimised by Newton steps. Quasi-Newton steps come first where the classes are
    coupled: they are cheap beside Newton's matrices, one a class. A polyhedral loss, such as the hinge, is
    minimised by the proximal method of multipliers, whose every step is a smooth objective. Where dual
    coordinate ascent fits the problem, it begins, and often ends, the work. Where C times the rows' squared
    lengths is so large that rounding would hide the objective, smaller C are solved first.

    Parameters
    ----------
    objective : LinearObjective
        What to minimise.
    start : ndarray of shape (objective.coordinates.size,)
        Where to begin.
    tol : float
        Largest certificate that will do.
    max_iter : int
        Steps at the most.
    duals : sequence of arrays, optional
        Dual variables to begin with, one array a block, where the loss is polyhedral.
    seed : int, default=0
        Of the order in which coordinate ascent visits the rows.
    problems : int, default=1
        How many such problems there are to solve.
    report : callable, optional
        Called with (iteration, objective) after each step.
    """
    goal = goal_of(objective, tol, problems)
    with objective.rows.working():
        begun = coordinate_ascent(
            objective,
            Start(start, duals),
            tol=tol,
            max_iter=max_iter,
            seed=seed,
            problems=problems,
            report=report,
        )
        left = max_iter - begun.iterations
        if begun.certificate is not None and (begun.certificate.value <= tol or left <= 0):
            status = "converged" if begun.certificate.value <= tol else "max_iter"
            return Minimum(begun.vector, begun.certificate, begun.iterations, status, begun.duals)
        begun = replace(begun, vector=_without_common_shift(objective, begun.vector))
        later = counted(report, begun.iterations)
        solve = (
            partial(minimise_by_continuation, _minimise_at_once) if is_steep(objective) else _minimise_at_once
        )
        end = solve(objective, begun, partial(Goal, tol, goal), left, later)
        return replace(end, iterations=begun.iterations + end.iterations)


def _minimise_at_once(
    objective: LinearObjective, begun: Start, goal: Callable[[], Goal], max_iter: int, report: Report
) -> Minimum:
    if objective.loss.is_polyhedral:
        return minimise_by_multipliers(objective, begun, goal(), max_iter, report)
    return _smooth(objective, begun.vector, goal(), max_iter, report)


def _without_common_shift(objective: LinearObjective, vector: Floats) -> Floats:
    """The vector where the classes are centred: Newton steps are, and would leave what a start is not."""
    if objective.loss.is_separable:
        return vector
    # A common shift of the scores changes no coupled loss: the penalty alone decides, for none.
    coordinates = objective.coordinates
    return coordinates.centred(vector.reshape(coordinates.n_scores, -1)).ravel()


def _smooth(objective: LinearObjective, start: Floats, goal: Goal, max_iter: int, report: Report) -> Minimum:
    objective, start = _begun_on_easier_problems(objective, start, max_iter)
    finished = _Certified(goal, _reference(objective, start))
    steps, iterations = min(max_iter, _quick_steps(objective, goal)), 0
    quick = _QuickEnough(finished, steps)
    if steps and _is_copied(objective):
        solution = _quickly(
            objective.rounded().at(start),
            finished=lambda at: quick(at) or _is_rounding(at),
            max_iter=max_iter,
            report=report,
        )
        start, iterations = solution.point.vector, solution.iterations
    point = objective.at(start)
    solvers = [(_quickly, quick), (minimize_newton, finished)]
    for solve, ended in solvers if steps else solvers[1:]:
        solution = solve(
            point, finished=ended, max_iter=max_iter - iterations, report=counted(report, iterations)
        )
        point, iterations = solution.point, iterations + solution.iterations
    return Minimum(point.vector, finished.certificate, iterations, solution.status)


def _begun_on_easier_problems(
    objective: LinearObjective, start: Floats, max_iter: int
) -> tuple[LinearObjective, Floats]:
    """The penalty that is minimised and, from zero, where a part of the rows or softer penalties lead."""
    rough = Goal(_ROUGH, _ROUGH)
    if not np.any(start) and _is_large(objective):
        part = objective.thinned(_THINNED)
        if objective.loss.is_separable:
            start = _smooth(part, start, rough, max_iter, None).vector
            objective = replace(objective, preconditioner=part.preconditioner.for_other_rows())
        else:
            part, start = _begun_on_easier_problems(part, start, max_iter)
            begun = (part.rounded() if _is_copied(part) else part).at(start)
            start = _quickly(begun, finished=lambda _: False, max_iter=_QUICK_STEPS).point.vector
    *blurred, penalty = objective.penalty.stages(_scale_of_weights(objective))
    if not np.any(start):
        for softer in blurred:
            start = _smooth(replace(objective, penalty=softer), start, rough, max_iter, None).vector
    return replace(objective, penalty=penalty), start


_quickly = partial(minimize_quasi_newton, least=0.0)


class _QuickEnough:
    """Whether quasi-Newton steps have had their turn: later on only a goal that is near keeps them going."""

    def __init__(self, finished: "_Certified", steps: int) -> None:
        self.finished, self.steps, self.asked = finished, steps, 0

    def __call__(self, point: LinearPoint) -> bool:
        self.asked += 1
        if self.finished(point):
            return True
        goal, left = self.finished.goal.goal, self.finished.certificate.value
        return self.asked > (self.steps if left > _NEAR * goal else self.steps + _FEW_MORE)


def _is_copied(objective: LinearObjective) -> bool:
    """Whether quasi-Newton steps begin on copies of the rows in single precision."""
    return objective.rows.is_local and worth_copying(objective.rows)


def _quick_steps(objective: LinearObjective, goal: Goal) -> int:
    """Quasi-Newton steps, a pass over the rows each, that cost little beside Newton's matrices."""
    rows, size = objective.rows, objective.coordinates.unknowns
    if goal.goal < goal.tol or rows.is_sparse or objective.loss.is_separable:
        return 0
    n = rows.n_samples
    return _QUICK_STEPS + int(size * (min(n, _ROWS_PER_UNKNOWN * size) + size) / (4 * n))


def _reference(objective: LinearObjective, start: Floats) -> float:
    """What a gradient is small beside, for an objective without a dual: its largest entry at zero weights."""
    if objective.has_dual:
        return 0.0
    at_zero = objective.at(np.zeros_like(start))
    # Where zero is optimal its gradient is rounding, and no measure: no more than a share of the risk's.
    strength = objective.C * objective.rows.weight
    rounding = 1e-9 * strength / objective.coordinates.intercept_scale
    return max(rounding, float(np.max(np.abs(at_zero.gradient), initial=0.0)))


class _Certified:
    """Whether a point's certificate reaches the goal; it remembers the last."""

    def __init__(self, goal: Goal, reference: float) -> None:
        self.goal, self.reference, self.certificate = goal, reference, NOTHING_PROVED

    def __call__(self, point: LinearPoint) -> bool:
        self.certificate = certify(point, self.reference)
        return self.goal(self.certificate)


def _is_rounding(point: LinearPoint) -> bool:
    """Whether single precision may have made the gradient: entries of about eps sqrt(C sum of weights)."""
    entry = np.finfo(np.float32).eps * point.objective.coordinates.intercept_scale
    return bool(np.linalg.norm(point.gradient) <= _FEW_DIGITS * entry * len(point.gradient) ** 0.5)


def _is_large(objective: LinearObjective) -> bool:
    """Whether a solution from a part of the rows is much cheaper than a step with all."""
    rows = objective.rows
    return (
        rows.whole is not None
        and not rows.is_sparse
        and rows.n_samples > _THINNED * _ROWS_PER_UNKNOWN * rows.n_features
        and rows.n_samples * rows.n_features > _LARGE
    )


def _scale_of_weights(objective: LinearObjective) -> float:
    """Length of the weights that move scores by about 1."""
    return 1 / (objective.spread or 1.0) ** 0.5
