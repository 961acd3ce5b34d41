"""Proximal Newton for a smooth convex function plus a weighted L1 norm."""

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from maxmargin._typing import Floats
from maxmargin.solvers._solution import Solution

_ROUNDING = 64 * np.finfo(np.float64).eps
_FIRST_DAMPING, _LEAST_DAMPING = 1e-3, 1e-9
_MAX_PRODUCTS = 500  # a step
_MOST_EFFORT = 64


class Point(NamedTuple):
    """Where the objective was evaluated; ``gradient`` is that of its smooth part."""

    x: Floats
    objective: float
    gradient: Floats
    certificate: float


def minimize_proximal_newton(
    value_and_gradient: Callable[[Floats], tuple[float, Floats]],
    curvature: Callable[[Floats], tuple[Callable[[Floats], Floats], Floats]],
    start: Floats,
    weights: Floats,
    *,
    certificate: Callable[[Floats, float, Floats], float],
    tol: float = 1e-4,
    max_iter: int = 1000,
    report: Callable[[int, float], None] | None = None,
) -> Solution:
    """Solve ``min f(x) + sum_j weights_j |x_j|`` for a smooth convex f until ``certificate <= tol``.

    Each step minimises the damped quadratic model of f plus the L1 norm by conjugate gradients that keep to
    an orthant, so zeros are exact. The diagonal of the Hessian is the metric of everything: the units of the
    coordinates do not matter, but their correlation does, so centre columns beside an intercept.

    Parameters
    ----------
    value_and_gradient : callable
        x of shape (n,) to (f(x), gradient of f of shape (n,)).
    curvature : callable
        x to (function that multiplies the Hessian of f at x with a vector, diagonal of that Hessian of shape
        (n,)); the diagonal may be rough.
    start : ndarray of shape (n,)
        Where to begin.
    weights : ndarray of shape (n,)
        What each ``|x_j|`` counts, at least 0. A coordinate replaced by z_j = s_j x_j has weight_j / s_j.
    certificate : callable
        (x, f(x), gradient of f) to a bound of how far x is from optimal, such as a relative duality gap.
    tol : float, default=1e-4
        What the certificate has to reach.
    max_iter : int, default=1000
        Newton steps at the most, rejected ones included.
    report : callable, optional
        Called with (iteration, objective) after each step.

    Returns
    -------
    Solution

    References
    ----------
    Lee, Sun and Saunders (2014), Proximal Newton-type methods for minimizing composite functions.
    Solntsev, Nocedal and Byrd (2015), An algorithm for quadratic l1-regularized optimization with a flexible
    active-set strategy.

    Examples
    --------
    >>> import numpy as np
    >>> target = np.array([3.0, -0.5, 2.0])
    >>> solution = minimize_proximal_newton(
    ...     lambda x: (((x - target) ** 2).sum() / 2, x - target),
    ...     lambda x: (lambda v: v, np.ones(3)),
    ...     np.zeros(3),
    ...     np.array([1.0, 1.0, 0.0]),
    ...     certificate=lambda x, value, gradient: abs(gradient[2]),
    ...     tol=1e-9,
    ... )
    >>> solution.status, solution.point.x.round(6).tolist()
    ('converged', [2.0, 0.0, 2.0])
    """
    began = time.perf_counter()

    def point_at(x: Floats) -> Point:
        value, gradient = value_and_gradient(x)
        return Point(x, value + float(weights @ np.abs(x)), gradient, certificate(x, value, gradient))

    here = point_at(start)
    model = _Model.at(here, curvature, weights)
    first, damping, effort, iterations = model.slope or 1.0, _FIRST_DAMPING, 1, 0
    while here.certificate > tol and iterations < max_iter and effort <= _MOST_EFFORT:
        iterations += 1
        # The forcing term falls with the slope, which makes the outer convergence superlinear.
        tolerance = model.slope * min(0.1, (model.slope / first) ** 0.25) / effort
        aim, predicted = model.minimum(damping, tolerance, _MAX_PRODUCTS * effort)
        there = point_at(aim)
        if predicted <= _ROUNDING * abs(here.objective):
            # The values cannot tell the two points apart any more: the certificate still can.
            better, ratio = there.certificate < here.certificate, 1.0
            effort *= 1 if better else 4
        else:
            ratio = (here.objective - there.objective) / predicted
            better = ratio > 1e-4
        if ratio > 0.75:
            damping = max(damping / 8, _LEAST_DAMPING)
        elif ratio < 0.25:
            damping *= 8
        if better:
            here = there
            model = _Model.at(here, curvature, weights)
        if report is not None:
            report(iterations, here.objective)
    if here.certificate <= tol:
        status = "converged"
    else:
        status = "max_iter" if iterations >= max_iter else "stalled"
    return Solution(here, iterations, time.perf_counter() - began, status)


class _Model(NamedTuple):
    """Second-order model of f at x plus the L1 norm, in coordinates that make the Hessian's diagonal 1."""

    hessian: Callable[[Floats], Floats]
    scale: Floats
    x: Floats
    gradient: Floats
    weights: Floats
    slope: float

    @classmethod
    def at(cls, point: Point, curvature: Callable, weights: Floats) -> "_Model":
        product, diagonal = curvature(point.x)
        scale = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
        x, gradient, weights = point.x * scale, point.gradient / scale, weights / scale
        slope = float(np.linalg.norm(_steepest_descent(x, gradient, weights)))
        return cls(lambda v: product(v / scale) / scale, scale, x, gradient, weights, slope)

    def fall(self, x: Floats, gradient: Floats) -> float:
        """By how much the model is lower at x, where its smooth part has this gradient."""
        smooth = (gradient + self.gradient) @ (self.x - x) / 2
        return float(smooth + self.weights @ (np.abs(self.x) - np.abs(x)))

    def minimum(self, damping: float, tolerance: float, most: int) -> tuple[Floats, float]:
        """Minimiser of the damped model to a slope of ``tolerance``, and by how much the model falls.

        Exact steps along conjugate directions. A step that leaves the orthant is projected onto it, or, where
        that does not lower the model, ends at the first zero.
        """

        def product(v: Floats) -> Floats:
            return self.hessian(v) + damping * v

        x, gradient, fallen = self.x, self.gradient, 0.0
        direction = bent = np.zeros_like(x)
        bend = 1.0
        for _ in range(most):
            descent = _steepest_descent(x, gradient, self.weights)
            if np.linalg.norm(descent) <= tolerance:
                break
            orthant = np.where(self.weights > 0, np.sign(np.where(x != 0, x, descent)), 0.0)
            direction = _conjugate(
                descent, direction, float(descent @ bent) / bend, (x == 0) & (self.weights > 0)
            )
            bent = product(direction)
            bend = float(direction @ bent)
            length = float(direction @ descent) / bend
            x_new, gradient_new = x + length * direction, gradient + length * bent
            crossing = np.flatnonzero(x_new * orthant < 0)
            if crossing.size:
                x_new[crossing] = 0.0
                gradient_new = gradient + product(x_new - x)
                if self.fall(x_new, gradient_new) <= fallen:
                    lengths = -x[crossing] / direction[crossing]
                    x_new, gradient_new = x + lengths.min() * direction, gradient + lengths.min() * bent
                    x_new[crossing[lengths.argmin()]] = 0.0
            x, gradient = x_new, gradient_new
            fallen = self.fall(x, gradient)
        return x / self.scale, fallen


def _steepest_descent(x: Floats, gradient: Floats, weights: Floats) -> Floats:
    """The subgradient of least norm, reversed."""
    at_zero = np.sign(gradient) * np.maximum(np.abs(gradient) - weights, 0.0)
    return -np.where(x != 0, gradient + weights * np.sign(x), at_zero)


def _conjugate(descent: Floats, previous: Floats, share: float, at_zero: np.ndarray) -> Floats:
    """Descent less a share of the previous direction; coordinates at zero move with the descent or stay."""
    direction = descent - share * previous
    direction = np.where(at_zero & (direction * descent <= 0), 0.0, direction)
    return direction if direction @ descent > 0 else descent
