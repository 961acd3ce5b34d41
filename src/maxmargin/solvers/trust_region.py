"""Trust-region Newton for smooth objectives whose Hessian is known by its products."""

import time
from collections.abc import Callable

import numpy as np

from maxmargin._typing import Floats
from maxmargin.solvers._solution import Solution

_ROUNDING = 8 * np.finfo(np.float64).eps


def minimize_trust_region(
    value_and_gradient: Callable[[Floats], tuple[float, Floats]],
    curvature: Callable[[Floats], Callable[[Floats], Floats]],
    start: Floats,
    *,
    reference: float,
    tol: float = 1e-4,
    max_iter: int = 1000,
    report: Callable[[int, float], None] | None = None,
) -> Solution:
    """Solve ``min f(x)`` for a smooth convex f until ``max |gradient| <= tol * reference``.

    Each step minimises the quadratic model inside a ball by conjugate gradients. The coordinates should be
    scaled so that the curvature is about 1.

    Parameters
    ----------
    value_and_gradient : callable
        x of shape (n,) to (f(x), gradient of shape (n,)).
    curvature : callable
        x to a function that multiplies the Hessian at x with a vector.
    start : ndarray of shape (n,)
        Where to begin.
    reference : float
        What a gradient entry is large or small against, usually the largest at x = 0.
    tol : float, default=1e-4
        Relative tolerance.
    max_iter : int, default=1000
        Newton steps at the most, rejected ones included.
    report : callable, optional
        Called with (iteration, objective) after each step.

    Returns
    -------
    Solution

    References
    ----------
    Steihaug (1983), The conjugate gradient method and trust regions in large scale optimization.
    Lin, Weng and Keerthi (2008), Trust region Newton method for large-scale logistic regression.

    Examples
    --------
    >>> import numpy as np
    >>> solution = minimize_trust_region(
    ...     lambda x: (np.cosh(x - 1).sum(), np.sinh(x - 1)),
    ...     lambda x: lambda v: np.cosh(x - 1) * v,
    ...     np.zeros(3),
    ...     reference=1.0,
    ... )
    >>> solution.status, solution.parameters.round(6).tolist()
    ('converged', [1.0, 1.0, 1.0])
    """
    began = time.perf_counter()
    x = start
    value, gradient = value_and_gradient(x)
    product = curvature(x)
    radius = float(np.linalg.norm(gradient))
    threshold = tol * reference
    status, iterations = "max_iter", 0
    while True:
        if np.max(np.abs(gradient)) <= threshold:
            status = "converged"
            break
        if iterations >= max_iter:
            break
        iterations += 1
        step, predicted = _steihaug(product, gradient, radius, reference)
        new_value, new_gradient = value_and_gradient(x + step)
        if predicted <= _ROUNDING * abs(value):
            # The values cannot tell the two points apart any more: the gradients still can.
            accepted = np.linalg.norm(new_gradient) < 0.9 * np.linalg.norm(gradient)
            if not accepted:
                status = "stalled"
                break
        else:
            ratio = (value - new_value) / predicted
            accepted = ratio > 1e-4
            radius = _next_radius(radius, float(np.linalg.norm(step)), ratio)
        if accepted:
            x, value, gradient = x + step, new_value, new_gradient
            product = curvature(x)
        if report is not None:
            report(iterations, value)
    largest = float(np.max(np.abs(gradient)))
    return Solution(
        parameters=x,
        objective=value,
        certificate=largest / reference if reference > 0 else largest,
        iterations=iterations,
        seconds=time.perf_counter() - began,
        status=status,
    )


def _steihaug(
    product: Callable[[Floats], Floats], gradient: Floats, radius: float, reference: float
) -> tuple[Floats, float]:
    """Minimise g.s + s.Hs / 2 over |s| <= radius by conjugate gradients; return s and its predicted gain."""
    norm = float(np.linalg.norm(gradient))
    # The forcing term falls with the gradient, which makes the outer convergence superlinear.
    tolerance = norm * min(0.1, np.sqrt(norm / reference))
    step = np.zeros_like(gradient)
    residual = -gradient
    direction = residual
    squared = float(residual @ residual)
    for _ in range(len(gradient)):
        if np.sqrt(squared) <= tolerance:
            break
        curved = product(direction)
        bend = float(direction @ curved)
        boundary = _to_boundary(step, direction, radius)
        inside = boundary * bend > squared  # the minimum along the direction lies before the boundary
        length = squared / bend if inside else boundary
        step, residual = step + length * direction, residual - length * curved
        if not inside:
            break
        previous, squared = squared, float(residual @ residual)
        direction = residual + squared / previous * direction
    # residual = -(g + Hs), so the model falls by -(g.s + s.Hs / 2) = (s.residual - g.s) / 2.
    return step, float(step @ residual - gradient @ step) / 2


def _to_boundary(step: Floats, direction: Floats, radius: float) -> float:
    """Length t >= 0 at which |step + t direction| = radius."""
    a, b, c = direction @ direction, step @ direction, step @ step - radius**2
    root = np.sqrt(max(b * b - a * c, 0.0))
    return float((root - b) / a) if b <= 0 else float(-c / (b + root))


def _next_radius(radius: float, length: float, ratio: float) -> float:
    if ratio < 0.25:
        return 0.25 * length
    if ratio > 0.75:
        return max(radius, 2 * length)
    return radius
