"""Newton's method with conjugate gradients and an exact line search, for smooth convex objectives."""

import time
from collections.abc import Callable
from typing import Any, Literal, Protocol

import numpy as np

from maxmargin._typing import Floats
from maxmargin.solvers._solution import Solution

_ROUNDING = 8 * np.finfo(np.float64).eps
_FLATTENED = 0.1  # a line search ends where the slopes have fallen to this share


class Line(Protocol):
    """The objective along one direction, or along the parts of it that are problems of their own.

    Lengths and slopes have shape (n_parts,): the parts lie one after the other in a vector, all equally long.
    """

    @property
    def n_parts(self) -> int:
        """How many there are."""
        ...

    @property
    def end(self) -> "Point":
        """The objective where every length is 1."""
        ...

    def slopes(self, lengths: Floats) -> Floats:
        """Derivative of each part at its length of the step."""
        ...

    def point(self, lengths: Floats) -> "Point":
        """The objective at these lengths."""
        ...


class Model(Protocol):
    """The second-order model at a point."""

    def product(self, direction: Floats) -> Floats:
        """Hessian times a direction."""
        ...

    def precondition(self, residual: Floats) -> Floats:
        """About the inverse Hessian times a residual."""
        ...


class Point(Protocol):
    """A smooth convex objective at one place."""

    @property
    def value(self) -> float:
        """The objective."""
        ...

    @property
    def gradient(self) -> Floats:
        """Its derivative."""
        ...

    def model(self) -> Model:
        """The second-order model there."""
        ...

    def along(self, direction: Floats) -> Line:
        """The objective along a direction from there."""
        ...


def minimize_newton(
    start: Point,
    *,
    finished: Callable[[Any], bool],
    max_iter: int = 1000,
    report: Callable[[int, float], None] | None = None,
) -> Solution:
    """Solve ``min f(x)`` for a convex f with a piecewise continuous Hessian, until ``finished(point)``.

    The step solves the Newton system by preconditioned conjugate gradients, loosely at first; its length is
    found by the derivative along it, which is cheap where f is a function of few linear images of x.

    Parameters
    ----------
    start : Point
        The objective where to begin.
    finished : callable
        Whether a point is good enough.
    max_iter : int, default=1000
        Steps at the most.
    report : callable, optional
        Called with (iteration, objective) after each step.

    Returns
    -------
    Solution

    References
    ----------
    Keerthi and DeCoste (2005), A modified finite Newton method for fast solution of large scale linear SVMs.
    Qi and Sun (1993), A nonsmooth version of Newton's method.
    """
    began = time.perf_counter()
    point, iterations = start, 0
    status: Literal["converged", "max_iter", "stalled"] = "max_iter"
    reference = float(np.linalg.norm(point.gradient))
    while True:
        if finished(point):
            status = "converged"
            break
        if iterations >= max_iter:
            break
        moved = _step(point, reference)
        if moved is None:
            status = "stalled"
            break
        point = moved
        iterations += 1
        if report is not None:
            report(iterations, point.value)
    return Solution(point, iterations, time.perf_counter() - began, status)


def _step(point: Any, reference: float) -> Any | None:
    """The next point; None where rounding leaves none."""
    norm = float(np.linalg.norm(point.gradient))
    if norm == 0 or not np.isfinite(norm):
        return None
    model = point.model()
    direction = _conjugate_gradients(model, point.gradient, min(0.1, np.sqrt(norm / max(reference, norm))))
    line = point.along(direction)
    before, after = (
        (gradient * direction).reshape(line.n_parts, -1).sum(axis=1)
        for gradient in (point.gradient, line.end.gradient)
    )
    rounding = _ROUNDING * abs(point.value)
    if -before.sum() <= rounding:
        # The values cannot tell the two points apart any more: the gradients still can.
        return line.end if np.linalg.norm(line.end.gradient) < 0.9 * norm else None
    return _flattened(line, before, after, rounding)


def _conjugate_gradients(model: Any, gradient: Floats, tolerance: float, most: int = 250) -> Floats:
    """Solve H s = -g until the residual, in the norm of the preconditioner, has fallen to the tolerance."""
    step = np.zeros_like(gradient)
    residual = -gradient
    direction = preconditioned = model.precondition(residual)
    squared = first = float(residual @ preconditioned)
    for _ in range(min(most, 2 * len(gradient))):
        curved = model.product(direction)
        bend = float(direction @ curved)
        if bend <= 0:
            break
        length = squared / bend
        step, residual = step + length * direction, residual - length * curved
        preconditioned = model.precondition(residual)
        previous, squared = squared, float(residual @ preconditioned)
        if squared <= tolerance**2 * first:
            break
        direction = preconditioned + squared / previous * direction
    return step if np.any(step) else direction


def _flattened(line: Any, initial: Floats, slopes: Floats, rounding: float) -> Any:
    """The point where the slopes have flattened: from the end, bracketed, then by regula falsi (Illinois)."""
    flat = np.maximum(-_FLATTENED * initial, rounding)
    low, low_slope = np.zeros_like(initial), initial.copy()
    high, high_slope = np.full_like(initial, np.inf), np.full_like(initial, np.inf)
    lengths, side = np.where(initial > 0, 0.0, 1.0), np.zeros_like(initial)
    for _ in range(40):
        seeking = (initial < 0) & (np.abs(slopes) > flat)
        if not seeking.any():
            break
        short, long = seeking & (slopes < 0), seeking & (slopes >= 0)
        high_slope[short & (side < 0)] /= 2
        low_slope[long & (side > 0)] /= 2
        low[short], low_slope[short], side[short] = lengths[short], slopes[short], -1
        high[long], high_slope[long], side[long] = lengths[long], slopes[long], 1
        bracketed = seeking & np.isfinite(high)
        share = np.clip(low_slope[bracketed] / (low_slope[bracketed] - high_slope[bracketed]), 0.05, 0.95)
        lengths[bracketed] = low[bracketed] + (high - low)[bracketed] * share
        lengths[short & ~bracketed] *= 3
        slopes = line.slopes(lengths)
    return line.end if np.all(lengths == 1) else line.point(lengths)
