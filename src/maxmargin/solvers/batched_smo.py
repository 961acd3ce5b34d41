"""Sequential minimal optimisation of many two-class problems at once, where their kernel matrix is."""

import time
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from array_api_compat import array_namespace, to_device
from threadpoolctl import threadpool_limits

from maxmargin._typing import Array
from maxmargin.solvers._solution import Solution
from maxmargin.solvers.smo import dual_point, solution_of, step_limit

_BETWEEN_TESTS = 50  # steps: each test waits for the device
_PATIENCE = 1000  # steps without a better dual value or violation: only rounding moves such a problem
_SLOPE, _DIAGONAL, _LOW, _HIGH, _COEF, _UP, _DOWN = range(7)


def minimize_smo_batch(
    gram: Array,
    rows: Array,
    signs: Array,
    bounds: Array,
    *,
    tol: float = 1e-3,
    max_iter: int | None = None,
) -> list[Solution]:
    """Solve ``max sum_i y_i c_i - 1/2 c.K c``, ``0 <= y_i c_i <= u_i``, ``sum_i c_i = 0``, for many (y, u).

    The problems share a kernel matrix, of which each has rows of its own. All take a step at a time, by the
    choice of :func:`~maxmargin.solvers.smo.minimize_smo`; those that have converged take none, and leave at
    the next test. Between two tests nothing waits for the device.

    Parameters
    ----------
    gram : tensor of shape (n, n)
        The kernel matrix, float32 or float64, on any device that has float64.
    rows : tensor of shape (n_problems, n_rows)
        Rows of the matrix that take part in each problem, int64; padded with any where there are fewer.
    signs : tensor of shape (n_problems, n_rows)
        +1 or -1.
    bounds : tensor of shape (n_problems, n_rows)
        What the loss of each row counts; 0 leaves it out, as it must the padding.
    tol : float, default=1e-3
        Largest violation of the optimality conditions.
    max_iter : int, optional
        Steps of each problem at the most, as for :func:`~maxmargin.solvers.smo.minimize_smo`.

    Returns
    -------
    list of Solution
        One a problem, its ``point`` a DualPoint with the padding; "seconds" is its share of the time.

    References
    ----------
    Fan, Chen and Lin (2005), Working set selection using second order information for training SVM.
    """
    began = time.perf_counter()
    n_problems, n_rows = rows.shape
    limit, taken = step_limit(max_iter, n_rows), 0
    batch = _Batch(gram, rows, signs, bounds)
    ends: dict[int, tuple[np.ndarray, int]] = {}
    with _own_thread(gram):
        while len(ends) < n_problems:
            steps = min(_BETWEEN_TESTS, limit - taken)
            for _ in range(steps):
                batch.step(tol)
            taken += steps
            ends |= batch.released(taken, whole=taken >= limit)
    share, own_signs, found = (time.perf_counter() - began) / n_problems, _fetched(signs), []
    for number in range(n_problems):
        fields, steps = ends[number]
        point = dual_point(
            own_signs[number].astype(np.float64),
            *(fields[k].copy() for k in (_LOW, _HIGH, _COEF, _SLOPE)),
        )
        found.append(solution_of(point, steps, share, tol, limit))
    return found


class _Batch:
    """Problems side by side: the fields of all rows in one table, of which a pair is fetched by one call."""

    def __init__(self, gram: Array, rows: Array, signs: Array, bounds: Array) -> None:
        from maxmargin.solvers._smo_steps import FAR, LEAST_CURVATURE, ROUNDING

        xp = self.xp = array_namespace(gram)
        self.least_curvature, self.rounding = LEAST_CURVATURE, ROUNDING
        signs = xp.astype(signs, xp.float64)
        signed = signs * bounds
        low, high, none = signed.clamp(max=0.0), signed.clamp(min=0.0), xp.zeros_like(signs)
        up, down = xp.where(high > 0, none, -FAR), xp.where(low < 0, none, FAR)
        diagonal = xp.astype(gram.diagonal()[rows], xp.float64)
        self.fields = xp.stack([signs, diagonal, low, high, none, up, down], axis=1)
        self.gram, self.rows = gram, rows
        self.numbers = xp.arange(len(rows), device=gram.device)
        self.live = xp.ones((len(rows), 1), dtype=xp.bool, device=gram.device)
        self.steps = xp.zeros((len(rows), 1), dtype=xp.int64, device=gram.device)
        self.best, self.since = xp.zeros_like(none[:, :1]), xp.zeros_like(self.steps)
        self.least = xp.full_like(self.best, FAR)
        self.grows = xp.asarray([True, False], device=gram.device)
        self.directions = xp.asarray([1.0, -1.0], dtype=xp.float64, device=gram.device)
        self.far = xp.asarray(FAR, dtype=xp.float64, device=gram.device)

    def step(self, tol: float) -> None:
        """Move two coefficients of each problem that has not ended; no value leaves the device."""
        fields, rows = self.fields, self.rows
        slope, diagonal = fields[:, _SLOPE], fields[:, _DIAGONAL]
        top, i = (slope + fields[:, _UP]).max(dim=1, keepdim=True)
        lead = (top - slope).sub_(fields[:, _DOWN])
        # The largest lead is that over the smallest slope of a row that can shrink.
        self.live &= lead.amax(dim=1, keepdim=True) > tol
        first = self.gram[rows.gather(1, i), rows]
        curvature = (diagonal + diagonal.gather(1, i)).sub_(first, alpha=2).clamp_(min=self.least_curvature)
        j = lead.clamp_(min=0.0).square_().div_(curvature).argmax(dim=1, keepdim=True)
        move = self._moved(i, j, curvature.gather(1, j))
        second = self.gram[rows.gather(1, j), rows]
        slope.sub_((first - second) * move)

    def _moved(self, i: Array, j: Array, curvature: Array) -> Array:
        """Add to coefficients i and take from j as much as the bounds allow; return how much."""
        xp = self.xp
        pair = xp.concat([i, j], axis=1)[:, None, :]
        own = self.fields.gather(2, pair.expand(-1, len(self.fields[0]), -1))
        slope, low, high, coef = (own[:, k] for k in (_SLOPE, _LOW, _HIGH, _COEF))
        ends = xp.where(self.grows, high, low)
        room = (ends - coef).abs().amin(dim=1, keepdim=True)
        move = xp.minimum((slope[:, :1] - slope[:, 1:]) / curvature, room) * self.live
        moved = coef + move * self.directions
        # What rounding leaves between a coefficient and its bound would count as a row within its bounds.
        near = ((ends - moved).abs() < self.rounding * (coef.abs() + move)) & self.live
        moved = xp.where(near, ends, moved)
        self.live &= (moved != coef).any(dim=1, keepdim=True)  # else rounding leaves no step
        self.steps += self.live
        up, down = xp.where(moved < high, 0.0, -self.far), xp.where(moved > low, 0.0, self.far)
        self.fields[:, _COEF:].scatter_(2, pair.expand(-1, 3, -1), xp.stack([moved, up, down], axis=1))
        return move * self.live

    def released(self, taken: int, *, whole: bool) -> dict[int, tuple[np.ndarray, int]]:
        """Take out the problems that have ended, or all: the fields of each and its steps, by its number."""
        xp = self.xp
        coef, slope = self.fields[:, _COEF], self.fields[:, _SLOPE]
        dual = (coef.abs() + coef * slope).sum(dim=1, keepdim=True) / 2
        top, bottom = (slope + self.fields[:, _UP]).amax(1), (slope + self.fields[:, _DOWN]).amin(1)
        violation = (top - bottom)[:, None]
        # Near the optimum the dual value has no digit left that could grow, while the violation shrinks.
        self.since = xp.where((dual > self.best) | (violation < self.least), taken, self.since)
        self.best, self.least = xp.maximum(self.best, dual), xp.minimum(self.least, violation)
        ended = ~self.live | (taken - self.since >= _PATIENCE)
        ended = np.ones(len(self.rows), dtype=bool) if whole else _fetched(ended)[:, 0]
        if not ended.any():
            return {}
        out, rest = (xp.asarray(np.flatnonzero(part), device=self.rows.device) for part in (ended, ~ended))
        numbers, fields, steps = (_fetched(part[out]) for part in (self.numbers, self.fields, self.steps))
        for name in ("fields", "rows", "numbers", "live", "steps", "best", "least", "since"):
            setattr(self, name, getattr(self, name)[rest])
        return {int(numbers[k]): (fields[k], int(steps[k, 0])) for k in range(len(numbers))}


def _own_thread(gram: Array) -> AbstractContextManager[Any]:
    """On a processor, one thread: a step is over before others are awake."""
    return threadpool_limits(1, user_api="openmp") if gram.device.type == "cpu" else nullcontext()


def _fetched(values: Any) -> np.ndarray:
    return np.asarray(to_device(values, "cpu"))
