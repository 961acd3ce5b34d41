"""Quasi-Newton method of limited memory (L-BFGS) for smooth convex objectives."""

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from maxmargin._typing import Floats
from maxmargin.solvers._descent import descend
from maxmargin.solvers._solution import Solution
from maxmargin.solvers.line_search import ROUNDING, Line, flattened, slopes_of

_MEMORY = 10  # steps remembered
_RESCALED = 4  # steps after which the metric is scaled anew: it takes a product of its own
_LEAST_FALL, _MOST_SLOPE = 1e-4, 0.9  # what makes a whole step good enough: the conditions of Wolfe


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

    def metric(self, iteration: int) -> Callable[[Floats], Floats]:
        """Map a residual to about the inverse Hessian times it, up to a factor."""
        ...

    def along(self, direction: Floats) -> Line:
        """The objective along a direction from there, as one part."""
        ...


def minimize_quasi_newton(
    start: Point,
    *,
    finished: Callable[[Any], bool],
    max_iter: int = 1000,
    least: float = -np.inf,
    report: Callable[[int, float], None] | None = None,
) -> Solution:
    """Solve ``min f(x)`` for a smooth convex f, until ``finished(point)``.

    Each step is that of the metric, corrected by what the gradients did over the last ten steps. It takes one
    evaluation as a rule; where the whole step is not good enough its length is found by the slopes along it.

    Parameters
    ----------
    start : Point
        The objective where to begin.
    finished : callable
        Whether a point is good enough.
    max_iter : int, default=1000
        Steps at the most.
    least : float, default=-inf
        A lower bound of f, below which no step aims.
    report : callable, optional
        Called with (iteration, objective) after each step.

    Returns
    -------
    Solution

    References
    ----------
    Liu and Nocedal (1989), On the limited memory BFGS method for large scale optimization.
    """
    inverse = _Inverse()

    def step(point: Any, iteration: int) -> Any | None:
        direction = -inverse.product(point.gradient, point.metric(iteration))
        moved = _step(point, direction, least)
        if moved is not None:
            inverse.learn(moved.vector - point.vector, moved.gradient - point.gradient)
        return moved

    return descend(start, step, finished=finished, max_iter=max_iter, report=report)


class _Inverse:
    """About the inverse Hessian: the metric, corrected by how the gradient changed over the last steps."""

    def __init__(self) -> None:
        self.memory: deque[tuple[Floats, Floats]] = deque(maxlen=_MEMORY)
        self.scale, self.learnt = 1.0, 0

    def learn(self, step: Floats, change: Floats) -> None:
        """Remember a step, unless rounding left no curvature along it."""
        if float(step @ change) > 0:
            self.memory.append((step, change))
            self.learnt += 1

    def product(self, residual: Floats, metric: Callable[[Floats], Floats]) -> Floats:
        """Nocedal's recursion, back through the steps and forth."""
        shares = []
        for step, change in reversed(self.memory):
            shares.append(float(step @ residual) / float(step @ change))
            residual = residual - shares[-1] * change
        if self.memory and self.learnt % _RESCALED == 1:
            step, change = self.memory[-1]
            self.scale = float(step @ change) / float(change @ metric(change))
        result = self.scale * metric(residual)
        for (step, change), share in zip(self.memory, reversed(shares), strict=True):
            result += (share - float(change @ result) / float(step @ change)) * step
        return result


def _step(point: Any, direction: Floats, least: float) -> Any | None:
    """The next point; None where rounding leaves none."""
    fall = -float(point.gradient @ direction)
    if not (np.isfinite(fall) and fall > ROUNDING * abs(point.value)):
        return None
    # A quadratic of this slope falls by half of it over its whole step: the model may not end below least.
    direction = direction * min(1.0, 2 * (point.value - least) / fall)
    line = point.along(direction)
    before, after = (slopes_of(line, at.gradient, direction) for at in (point, line.end))
    fallen = line.end.value <= point.value + _LEAST_FALL * before[0]
    if fallen and abs(after[0]) <= -_MOST_SLOPE * before[0]:
        return line.end
    moved = flattened(line, point.value, before, after)
    return moved if moved.value < point.value else None
