"""Newton's method with conjugate gradients and an exact line search, for smooth convex objectives."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from maxmargin._typing import Floats
from maxmargin.solvers._descent import descend
from maxmargin.solvers._solution import Solution
from maxmargin.solvers.line_search import ROUNDING, Line, flattened, slopes_of

_LOOSE, _CLOSE = 0.1, 0.01  # to what share the residual of a Newton system falls
_SHORT, _WHOLE, _FARTHER, _CALMER = 0.01, 0.5, 100.0, 100.0  # of a step, when damping comes and goes
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
    def vector(self) -> Floats:
        """The place."""
        ...

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
    undamped: float = np.inf,
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
    undamped : float, default=inf
        Steps after which those that follow one cut short are damped, as Levenberg's and Marquardt's are:
        where next to nothing is curved, the minimum of the model lies far beyond the kinks that end a step.
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
        _Steps(start, undamped),
        finished=finished,
        max_iter=max_iter,
        report=report,
    )


class _Steps:
    """Newton steps, solved loosely at first, and closely after one that went too far.

    Where curvature begins at a kink, loose steps meet it again and again.
    """

    def __init__(self, start: Any, undamped: float) -> None:
        self.reference = float(np.linalg.norm(start.gradient))
        self.loosest, self.damping, self.undamped = _LOOSE, np.zeros_like(start.gradient), undamped

    def __call__(self, point: Any, iteration: int) -> Any | None:
        """The next point; None where rounding leaves none."""
        norm = float(np.linalg.norm(point.gradient))
        if norm == 0 or not np.isfinite(norm):
            return None
        tolerance = min(self.loosest, np.sqrt(norm / max(self.reference, norm)))
        direction = _conjugate_gradients(point.model(), point.gradient, tolerance, self.damping)
        line = point.along(direction)
        before, after = (slopes_of(line, at.gradient, direction) for at in (point, line.end))
        if -before.sum() <= ROUNDING * abs(point.value):
            # The values cannot tell the two points apart any more: the gradients still can.
            return line.end if np.linalg.norm(line.end.gradient) < 0.9 * norm else None
        self.loosest = _CLOSE if after.sum() > -before.sum() * _TOO_FAR else _LOOSE
        moved = flattened(line, point.value, before, after)
        if iteration >= self.undamped:
            self._damp(line.n_parts, moved, moved.vector - point.vector, direction)
        return moved

    def _damp(self, n_parts: int, moved: Any, step: Floats, direction: Floats) -> None:
        """Damp the next step of each part to some times the length of the last, if that was cut short."""
        length, whole, slope = (
            np.linalg.norm(vector.reshape(n_parts, -1), axis=1)
            for vector in (step, direction, moved.gradient)
        )
        damping = self.damping.reshape(n_parts, -1)
        damping[length >= _WHOLE * whole] /= _CALMER
        short = (length > 0) & (length < _SHORT * whole)
        damping[short] = (slope[short] / (_FARTHER * length[short]))[:, None]


def _conjugate_gradients(
    model: Any, gradient: Floats, tolerance: float, damping: Floats, most: int = 250
) -> Floats:
    """Solve (H + damping) s = -g until the residual, as the preconditioner measures it, is small enough."""
    step = np.zeros_like(gradient)
    residual = -gradient
    direction = preconditioned = model.precondition(residual)
    squared = first = float(residual @ preconditioned)
    for _ in range(min(most, 2 * len(gradient))):
        curved = model.product(direction) + damping * direction
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
