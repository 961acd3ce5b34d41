"""Minimising a linear objective to a certified accuracy."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np

from maxmargin._typing import Floats
from maxmargin.objectives.certificate import NOTHING_PROVED, Certificate, certify
from maxmargin.objectives.coordinate_ascent import Report, Start, coordinate_ascent
from maxmargin.objectives.linear import LinearObjective, LinearPoint
from maxmargin.objectives.rounded_rows import worth_copying
from maxmargin.objectives.row_blocks import Block, States
from maxmargin.solvers import minimize_newton, minimize_quasi_newton

_SMALL = 20000  # rows times unknowns: a problem that is solved to rounding, whatever the order of its rows
_ROUNDING = 1e-12
_LARGE, _THINNED, _ROWS_PER_UNKNOWN = 2e6, 8, 4  # entries, rows for one, rows a feature that tell enough
_FEW_DIGITS = 4  # of single precision
_QUICK_STEPS = 4  # of the quasi-Newton method, before Newton's
_NEAR, _FEW_MORE = 10.0, 8  # a certificate within this factor of the goal is worth so many steps more
_ROUGH = 0.3  # accuracy that a part of the rows deserves
_NARROW = 0.02  # a step this narrow gains enough; the dual variables, moving on, do the rest
_NARROWEST = 1e-9
_WIDEST = 1e4  # from wider ones, where C is large beside the rows' units, the way is longer
_NEARLY_RIGHT = 0.05  # width of the first step from a solution nearby
_WIDTH_LEFT, _WIDTH_POWER = 0.5, 0.4  # by measurement: what is left of the first width at a certificate
_HALTED = 60  # points, none of which halves the certificate: what is left of it is rounding
_PATIENCE, _WIDER = 20, 10  # Newton steps that show whether it was, and how much wider the step is if not


@dataclass(frozen=True)
class Minimum:
    """The end of a minimisation, with its proof and, for a polyhedral loss, its dual variables."""

    vector: Floats
    certificate: Certificate
    iterations: int
    status: Literal["converged", "max_iter", "stalled"]
    duals: States | None = None


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
    coordinate ascent fits the problem, it begins, and often ends, the work.

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
        later = _counted(report, begun.iterations)
        if objective.loss.is_polyhedral:
            end = _by_multipliers(objective, begun, _Goal(tol, goal), left, later)
        else:
            end = _smooth(objective, begun.vector, _Goal(tol, goal), left, later)
        return replace(end, iterations=begun.iterations + end.iterations)


def _without_common_shift(objective: LinearObjective, vector: Floats) -> Floats:
    """The vector where the classes are centred: Newton steps are, and would leave what a start is not."""
    if objective.loss.is_separable:
        return vector
    # A common shift of the scores changes no coupled loss: the penalty alone decides, for none.
    coordinates = objective.coordinates
    return coordinates.centred(vector.reshape(coordinates.n_scores, -1)).ravel()


def goal_of(objective: LinearObjective, tol: float, problems: int = 1) -> float:
    """The tolerance, or for small problems rounding, so that a solution hangs on nothing but its rows."""
    small = objective.coordinates.size * objective.rows.n_samples * problems < _SMALL
    return min(tol, _ROUNDING) if small else tol


class _Goal:
    """What a certificate has to reach: the tolerance at the start, and after the first step the goal.

    The tolerance will do too where the goal is beyond what rounding leaves: certificates have come to a halt.
    """

    def __init__(self, tol: float, goal: float) -> None:
        self.tol, self.goal, self.asked = tol, goal, 0
        self.best, self.asked_at_best = np.inf, 0

    def __call__(self, certificate: Certificate) -> bool:
        self.asked += 1
        if certificate.value <= self.best / 2:
            self.best, self.asked_at_best = certificate.value, self.asked
        return certificate.value <= (self.tol if self.asked == 1 or self.halted else self.goal)

    @property
    def halted(self) -> bool:
        """Whether some certificate reached the tolerance, and none of the last was much better."""
        return self.best <= self.tol and self.asked - self.asked_at_best >= _HALTED


def _smooth(objective: LinearObjective, start: Floats, goal: _Goal, max_iter: int, report: Report) -> Minimum:
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
            point, finished=ended, max_iter=max_iter - iterations, report=_counted(report, iterations)
        )
        point, iterations = solution.point, iterations + solution.iterations
    return Minimum(point.vector, finished.certificate, iterations, solution.status)


def _begun_on_easier_problems(
    objective: LinearObjective, start: Floats, max_iter: int
) -> tuple[LinearObjective, Floats]:
    """The penalty that is minimised and, from zero, where a part of the rows or softer penalties lead."""
    rough = _Goal(_ROUGH, _ROUGH)
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


def _quick_steps(objective: LinearObjective, goal: _Goal) -> int:
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

    def __init__(self, goal: _Goal, reference: float) -> None:
        self.goal, self.reference, self.certificate = goal, reference, NOTHING_PROVED

    def __call__(self, point: LinearPoint) -> bool:
        self.certificate = certify(point, self.reference)
        return self.goal(self.certificate)


def _is_rounding(point: LinearPoint) -> bool:
    """Whether single precision may have made the gradient: entries of about eps sqrt(C sum of weights)."""
    entry = np.finfo(np.float32).eps * point.objective.coordinates.intercept_scale
    return bool(np.linalg.norm(point.gradient) <= _FEW_DIGITS * entry * len(point.gradient) ** 0.5)


def _counted(report: Report, iterations: int) -> Report:
    """The report of a solver that goes on after some iterations."""
    return None if report is None else lambda step, value: report(iterations + step, value)


def _is_large(objective: LinearObjective) -> bool:
    """Whether a solution from a part of the rows is much cheaper than a step with all."""
    rows = objective.rows
    return (
        rows.whole is not None
        and not rows.is_sparse
        and rows.n_samples > _THINNED * _ROWS_PER_UNKNOWN * rows.n_features
        and rows.n_samples * rows.n_features > _LARGE
    )


def _by_multipliers(
    objective: LinearObjective, begun: Start, goal: _Goal, max_iter: int, report: Report
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
            max_iter=min(left, _PATIENCE) if is_first and width < widest else left,
            report=_counted(report, iterations),
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
    return min(max(2.0, 0.1 * objective.C * _spread(objective)), _WIDEST)


def _width_for(begun: Start, widest: float) -> float:
    """The width that steps from zero would have come to where they proved as much as is proved here."""
    if begun.certificate is None:
        return _NEARLY_RIGHT
    proved = widest * _WIDTH_LEFT * max(begun.certificate.value, 0.0) ** _WIDTH_POWER
    return min(widest, max(_NEARLY_RIGHT, proved))


def _scale_of_weights(objective: LinearObjective) -> float:
    """Length of the weights that move scores by about 1."""
    return 1 / (_spread(objective) or 1.0) ** 0.5


def _spread(objective: LinearObjective) -> float:
    """Mean |x - m|^2."""
    coordinates, strength = objective.coordinates, objective.C * objective.rows.weight
    return float(np.sum((coordinates.scale**2 - 1) / strength))


class _StepFinished:
    """A proximal step needs no more accuracy than a share of the distance it moves the dual variables.

    Of all steps the point with the best certificate is remembered.
    """

    def __init__(self, goal: _Goal) -> None:
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
