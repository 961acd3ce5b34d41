"""What the methods that go from point to point share."""

import time
from collections.abc import Callable
from typing import Any, Literal

from maxmargin.solvers._solution import Solution


def descend(
    point: Any,
    step: Callable[[Any, int], Any | None],
    *,
    finished: Callable[[Any], bool],
    max_iter: int,
    report: Callable[[int, float], None] | None,
) -> Solution:
    """Take ``step(point, iteration)`` until a point is finished, too many were taken or there is none."""
    began, iterations = time.perf_counter(), 0
    status: Literal["converged", "max_iter", "stalled"] = "max_iter"
    while True:
        if finished(point):
            status = "converged"
            break
        if iterations >= max_iter:
            break
        moved = step(point, iterations)
        if moved is None:
            status = "stalled"
            break
        point = moved
        iterations += 1
        if report is not None:
            report(iterations, point.value)
    return Solution(point, iterations, time.perf_counter() - began, status)
