"""Minimising a smooth risk plus the L1 norm of the weights to a certified accuracy."""

from functools import partial
from typing import Any

import numpy as np

from maxmargin._typing import Floats
from maxmargin.objectives.certificate import Certificate
from maxmargin.objectives.goals import Minimum, Report, goal_of
from maxmargin.objectives.linear import LinearObjective, LinearPoint
from maxmargin.objectives.row_blocks import Block
from maxmargin.objectives.second_order import SecondOrder
from maxmargin.solvers.proximal_newton import minimize_proximal_newton


def minimise_sparse(
    objective: LinearObjective, start: Floats, *, tol: float, max_iter: int, report: Report = None
) -> Minimum:
    """Minimise ``|W|_1 + objective(W, b)``, whose own penalty is Unpenalised, to a gap of at most ``tol``.

    Parameters
    ----------
    objective : LinearObjective
        The smooth part.
    start : ndarray of shape (objective.coordinates.size,)
        Where to begin.
    tol : float
        Largest relative duality gap that will do.
    max_iter : int
        Newton steps at the most.
    report : callable, optional
        Called with (iteration, objective) after each step.
    """
    coordinates = objective.coordinates
    # |w_j| = |v_j| / D_j in the coordinates of the vector, and the intercepts are free.
    of_features = np.tile(1 / coordinates.scale, (coordinates.n_scores, 1))
    weights = coordinates.vector(of_features, np.zeros(coordinates.n_scores))
    problem = _LastPoint(objective)
    with objective.rows.working():
        solution = minimize_proximal_newton(
            problem.value_and_gradient,
            problem.curvature,
            start,
            weights,
            certificate=lambda vector, *_: certify_sparse(problem.at(vector)).value,
            tol=goal_of(objective, tol),
            max_iter=max_iter,
            report=report,
        )
        point = problem.at(solution.point.x)
        return Minimum(point.vector, certify_sparse(point), solution.iterations, solution.status)


def certify_sparse(point: LinearPoint) -> Certificate:
    """Duality gap of ``|W|_1 + risk(W, b)`` at the derivative of the loss by the scores, made feasible.

    The dual of the L1 norm asks that no entry of C sum_i s_i g_i (x_i - m)^T be larger than 1, which a
    division of g by its largest entry achieves; intercepts count as in ``certify``.
    """
    objective, coordinates = point.objective, point.objective.coordinates
    table, offset = coordinates.table(point.gradient)
    shrink = max(1.0, float(np.max(np.abs(table * coordinates.scale), initial=0.0)))
    residual = float(np.abs(offset * coordinates.intercept_scale).sum()) / shrink
    reach = 1 + 2 * float(np.max(np.abs(point.intercept + point.coef @ coordinates.mean), initial=0.0))
    _, (conjugate,) = objective.rows.run(partial(_conjugate, objective.loss, shrink), point.scores)
    primal = point.value + float(np.abs(point.coef).sum())
    dual = -objective.C * conjugate - reach * residual
    return Certificate.between(dual, primal)


class _LastPoint:
    """An objective asked for value, curvature and certificate of one vector in turn, and scored once."""

    def __init__(self, objective: LinearObjective) -> None:
        self.objective = objective
        self._last: LinearPoint | None = None

    def at(self, vector: Floats) -> LinearPoint:
        if self._last is None or not np.array_equal(self._last.vector, vector):
            self._last = self.objective.at(vector)
        return self._last

    def value_and_gradient(self, vector: Floats) -> tuple[float, Floats]:
        point = self.at(vector)
        return point.value, point.gradient

    def curvature(self, vector: Floats) -> tuple[Any, Floats]:
        model = SecondOrder.at(self.at(vector))
        return model.product, model.diagonal.ravel()


def _conjugate(loss: Any, shrink: float, block: Block, scores: Floats) -> tuple[None, tuple[float]]:
    by_scores = loss.value_and_gradient(scores, block.target)[1]
    return None, (float(block.weight @ loss.conjugate(by_scores / shrink, block.target)),)
