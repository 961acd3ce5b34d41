"""Newton's method with conjugate gradients and an exact line search, for smooth convex objectives."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from maxmargin._typing import Floats
from maxmargin.solvers._descent import descend
from maxmargin.solvers._solution import Solution
from maxmargin.solvers.line_search import ROUNDING, Line, flattened, slopes_of

_LOOSE, _CLOSE = 0.1, 0.01  # to what share the residual of a Newton system falls
_TOO_FAR = 5.0  # the slope up where a step ends, in slopes down where it began


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
    return descend(
        start,
        _Steps(start),
        finished=finished,
        max_iter=max_iter,
        report=report,
    )


class _Steps:
    """Newton steps, solved loosely at first, and closely after one that went too far.

    Where curvature begins at a kink, loose steps meet it again and again.
    """

    def __init__(self, start: Any) -> None:
        self.reference = float(np.linalg.norm(start.gradient))
        self.loosest = _LOOSE

    def __call__(self, point: Any, iteration: int) -> Any | None:  # noqa: ARG002
        """The next point; None where rounding leaves none."""
        norm = float(np.linalg.norm(point.gradient))
        if norm == 0 or not np.isfinite(norm):
            return None
        tolerance = min(self.loosest, np.sqrt(norm / max(self.reference, norm)))
        direction = _conjugate_gradients(point.model(), point.gradient, tolerance)
        line = point.along(direction)
        before, after = (slopes_of(line, at.gradient, direction) for at in (point, line.end))
        if -before.sum() <= ROUNDING * abs(point.value):
            # The values cannot tell the two points apart any more: the gradients still can.
            return line.end if np.linalg.norm(line.end.gradient) < 0.9 * norm else None
        self.loosest = _CLOSE if after.sum() > -before.sum() * _TOO_FAR else _LOOSE
        return flattened(line, point.value, before, after)


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
