"""Compiled steps of sequential minimal optimisation; imported only when a problem is solved.

A problem's rows are runs of columns of a Gram matrix: ``runs`` has a line (column, start, stop) for each, its
rows start to stop - 1 being the columns from ``column`` on. ``places`` has the row of the matrix of each.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit
from numba.extending import intrinsic

FAR = 1e30  # farther than any slope: what a bound adds to the slope of a row that it holds
ROUNDING = 1e-13  # share of a coefficient's size below which its distance from a bound is rounding
LEAST_CURVATURE = 1e-12
_STRIDE = 512  # rows that are searched for a value before it is looked up
_MOST_KEPT = 0.7  # share of the rows above which copying their Gram matrix does not pay
_AT_ONCE = 500  # steps at the least between two looks at what can be left out

# Without the promise of no infinities, which sums of very large kernels may reach.
_compiled: Any = njit(
    cache=True, nogil=True, fastmath={"reassoc", "contract", "nnan", "nsz", "arcp"}, error_model="numpy"
)


def _extremum(name: str) -> Any:
    """The larger or smaller of two numbers, in the form that LLVM vectorises in a reduction."""

    def operation(typing, a, b):  # noqa: ARG001
        def generate(context, build, signature, args):  # noqa: ARG001
            kind = args[0].type
            function = build.module.declare_intrinsic(name, [kind], ir.FunctionType(kind, [kind, kind]))
            return build.call(function, args, fastmath=("nnan", "nsz"))

        return a(a, a), generate

    generated: Any = intrinsic
    return generated(operation)


_larger: Any = _extremum("llvm.maxnum")
_smaller: Any = _extremum("llvm.minnum")


@_compiled
def solve(gram, places, runs, diagonal, low, high, coef, slope, tol, max_iter):
    """Take steps until no pair of rows is further apart than ``tol``; return their number.

    As in LIBSVM's shrinking, rows at a bound that they press against are left out for a while. What is left
    is copied into a small Gram matrix of its own, which stays in the cache.
    """
    steps, n = 0, len(coef)
    while steps < max_iter:
        top, bottom = extremes(slope, coef, low, high)
        if top - bottom <= tol:
            break
        budget = max_iter - steps
        members = working_set(slope, coef, low, high, top, bottom)
        if len(members) <= _MOST_KEPT * n:
            taken = solve_part(gram, places, runs, members, diagonal, low, high, coef, slope, tol, budget)
        else:
            budget = min(budget, max(n, _AT_ONCE))
            taken = _descend(gram, places, runs, diagonal, low, high, coef, slope, tol, budget)
        steps += taken
        if taken == 0:
            break
    return steps


@_compiled
def solve_part(gram, places, runs, members, diagonal, low, high, coef, slope, tol, max_iter):
    """Take steps on some rows alone, then tell all others of it; return the number of steps."""
    q = len(members)
    part = _cut(gram, places, runs, members)
    own_runs, own = np.zeros((1, 3), np.int64), coef[members]
    own_runs[0, 2] = q
    steps = _descend(
        part,
        np.arange(q),
        own_runs,
        diagonal[members],
        low[members],
        high[members],
        own,
        slope[members],
        tol,
        max_iter,
    )
    for k in range(q):
        change = own[k] - coef[members[k]]
        if change != 0:
            coef[members[k]] = own[k]
            _add(slope, gram, places[members[k]], runs, -change)
    return steps


@_compiled
def working_set(slope, coef, low, high, top, bottom):
    """Rows that may still move: all but those at a bound whose slope holds them there."""
    members = np.empty(len(coef), np.int64)
    count = 0
    for k in range(len(coef)):
        held = (coef[k] >= high[k] and slope[k] > top) or (coef[k] <= low[k] and slope[k] < bottom)
        if low[k] < high[k] and not held:
            members[count] = k
            count += 1
    return members[:count]


@_compiled
def _descend(gram, places, runs, diagonal, low, high, coef, slope, tol, max_iter):
    """Move two coefficients at a time, their sum unchanged, by the second-order choice of the pair.

    The row i of the largest slope among those that can grow is paired with the row j that can shrink for
    which ``(slope_i - slope_j)^2 / (K_ii + K_jj - 2 K_ij)``, twice the gain of a free step, is largest.
    """
    n = len(coef)
    up, down, gains = np.empty(n), np.empty(n), np.empty(n, np.float32)
    for k in range(n):
        up[k] = 0.0 if coef[k] < high[k] else -FAR
        down[k] = 0.0 if coef[k] > low[k] else FAR
    for step in range(max_iter):
        top, bottom = _ends(slope, up, down)
        if top - bottom <= tol:
            return step
        i = _place_of_sum(slope, up, top)
        best = np.float32(0)
        for r in range(len(runs)):
            column, start, stop = runs[r]
            row = gram[places[i], column : column + stop - start]
            gain = _rate(
                slope[start:stop],
                down[start:stop],
                diagonal[start:stop],
                row,
                gains[start:stop],
                slope[i],
                np.float32(diagonal[i]),
            )
            best = max(best, gain)
        if best <= 0:
            return step
        j = _place_of(gains, best)
        curvature = max(diagonal[i] + diagonal[j] - 2 * _entry(gram, places[i], runs, j), LEAST_CURVATURE)
        old_i, old_j = coef[i], coef[j]
        move = _moved(coef, low, high, i, j, (slope[i] - slope[j]) / curvature)
        if coef[i] == old_i and coef[j] == old_j:
            return step  # rounding leaves no step
        for k in (i, j):
            up[k] = 0.0 if coef[k] < high[k] else -FAR
            down[k] = 0.0 if coef[k] > low[k] else FAR
        for r in range(len(runs)):
            column, start, stop = runs[r]
            width = stop - start
            first = gram[places[i], column : column + width]
            second = gram[places[j], column : column + width]
            _subtract(slope[start:stop], first, second, move)
    return max_iter


@_compiled
def _moved(coef, low, high, i, j, move):
    """Add to coefficient i and take from j as much as the bounds allow; return how much."""
    move = min(move, min(high[i] - coef[i], coef[j] - low[j]))
    size_i, size_j = abs(coef[i]) + move, abs(coef[j]) + move
    coef[i] += move
    coef[j] -= move
    # What rounding leaves between a coefficient and its bound would count as a row within its bounds.
    if high[i] - coef[i] < ROUNDING * size_i:
        coef[i] = high[i]
    if coef[j] - low[j] < ROUNDING * size_j:
        coef[j] = low[j]
    return move


@_compiled
def extremes(slope, coef, low, high):
    """Largest slope of a row that can grow and smallest of one that can shrink."""
    top, bottom = -FAR, FAR
    for k in range(len(slope)):
        if coef[k] < high[k]:
            top = max(top, slope[k])
        if coef[k] > low[k]:
            bottom = min(bottom, slope[k])
    return top, bottom


@_compiled
def _ends(slope, up, down):
    top, bottom = -FAR, FAR
    for k in range(len(slope)):
        top = _larger(top, slope[k] + up[k])
        bottom = _smaller(bottom, slope[k] + down[k])
    return top, bottom


@_compiled
def _rate(slope, down, diagonal, row, gains, top, own):
    """Gains of all partners of one row; return the largest."""
    best, zero, two, least = np.float32(0), np.float32(0), np.float32(2), np.float32(LEAST_CURVATURE)
    for k in range(len(slope)):
        lead = _larger(np.float32(top - (slope[k] + down[k])), zero)
        curvature = _larger(own + np.float32(diagonal[k]) - two * np.float32(row[k]), least)
        gain = lead * lead / curvature
        gains[k] = gain
        best = _larger(best, gain)
    return best


@_compiled
def _subtract(slope, first, second, move):
    for k in range(len(slope)):
        slope[k] -= move * (first[k] - second[k])


@_compiled
def _place_of_sum(a, b, value):
    for start in range(0, len(a), _STRIDE):
        place = _first_sum(a[start : start + _STRIDE], b[start : start + _STRIDE], value)
        if place < _STRIDE:
            return start + place
    return 0


@_compiled
def _place_of(a, value):
    for start in range(0, len(a), _STRIDE):
        place = _first(a[start : start + _STRIDE], value)
        if place < _STRIDE:
            return start + place
    return 0


@_compiled
def _first_sum(a, b, value):
    place = _STRIDE
    for k in range(len(a)):
        place = min(place, k if a[k] + b[k] == value else _STRIDE)
    return place


@_compiled
def _first(a, value):
    place = _STRIDE
    for k in range(len(a)):
        place = min(place, k if a[k] == value else _STRIDE)
    return place


@_compiled
def _entry(gram, place, runs, k):
    for r in range(len(runs)):
        column, start, stop = runs[r]
        if start <= k < stop:
            return gram[place, column + k - start]
    return gram[place, 0]


@_compiled
def _add(slope, gram, place, runs, factor):
    for r in range(len(runs)):
        column, start, stop = runs[r]
        _axpy(slope[start:stop], gram[place, column : column + stop - start], factor)


@_compiled
def _axpy(slope, row, factor):
    for k in range(len(slope)):
        slope[k] += factor * row[k]


@_compiled
def _cut(gram, places, runs, members):
    """Gram matrix of some rows, contiguous."""
    q = len(members)
    columns = np.empty(q, np.int64)
    for r in range(len(runs)):
        column, start, stop = runs[r]
        for k in range(q):
            if start <= members[k] < stop:
                columns[k] = column + members[k] - start
    part = np.empty((q, q), gram.dtype)
    for k in range(q):
        row = gram[places[members[k]]]
        for m in range(q):
            part[k, m] = row[columns[m]]
    return part
