"""Compiled solution of many small two-class problems; imported only when there are any."""

from typing import Any

import numpy as np
from numba import njit

from maxmargin.solvers._smo_steps import FAR, extremes, solve

_FINER = 0.1  # of the largest violation, where the gap is still too wide
_FINEST = 1e-14
_DIGITS = 4 * np.finfo(np.float64).eps  # what a sum of products may lose, of the largest

_compiled: Any = njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def solve_pairs(across, own, within, places, starts, own_bounds, bounds, rule, own_coef, coef, found):
    """Solve the problem of one group of rows against each of some others.

    Rows ``starts[g]`` to ``starts[g + 1] - 1`` are those of the other group g, whose Gram matrix begins at
    ``within[places[g]]``. ``rule`` is (squared, fit_intercept, tol, most_visits, max_iter). Signed dual
    variables go to ``own_coef``, a line a problem, and ``coef``; intercept, objective, gap and sweeps to
    ``found``.
    """
    p = len(own)
    for g in range(len(starts) - 1):
        begin, q = starts[g], starts[g + 1] - starts[g]
        n = p + q
        size = n if rule[1] else n + 1
        gram, signs, bound = np.zeros((size, size)), np.ones(n), np.empty(n)
        for i in range(p):
            bound[i] = own_bounds[i]
            for j in range(p):
                gram[i, j] = own[i, j]
            for j in range(q):
                gram[i, p + j] = gram[p + j, i] = across[i, begin + j]
        for i in range(q):
            signs[p + i], bound[p + i] = -1, bounds[begin + i]
            for j in range(q):
                gram[p + i, p + j] = within[places[g] + i * q + j]
        found_coef = _solve_one(gram, signs, bound, rule, found[g])
        for i in range(p):
            own_coef[g, i] = found_coef[i]
        for i in range(q):
            coef[begin + i] = found_coef[p + i]


@_compiled
def _solve_one(gram, signs, bound, rule, found):
    """Take steps, ever finer ones, until the gap is small enough; return the signed dual variables.

    Without an intercept the Gram matrix has one row more, of zeros: it costs nothing, has no bound and takes
    up the balance of all others.
    """
    squared, fit_intercept, tol, most_visits, max_iter = rule
    n, size = len(bound), len(gram)
    low, high, diagonal, ridge = np.zeros(size), np.zeros(size), np.zeros(size), np.zeros(n)
    coef, slope = np.zeros(size), np.zeros(size)
    largest, weight = 0.0, 0.0
    for i in range(n):
        largest, weight = max(largest, gram[i, i]), weight + bound[i]
        if squared:
            ridge[i] = 0.5 / bound[i]
        gram[i, i] += ridge[i]
        diagonal[i], slope[i] = gram[i, i], signs[i]
        limit = FAR if squared else bound[i]
        low[i], high[i] = min(signs[i] * limit, 0.0), max(signs[i] * limit, 0.0)
    if size > n:
        low[n], high[n] = -FAR, FAR
    order, runs = np.arange(size), np.zeros((1, 3), np.int64)
    runs[0, 2] = size
    limit = int(min(most_visits / size, float(max_iter) * n))
    steps, violation = 0, tol
    while True:
        steps += solve(gram, order, runs, diagonal, low, high, coef, slope, violation, limit - steps)
        intercept = _intercept(slope, coef, low, high) if fit_intercept else 0.0
        primal, gap, total = _proof(coef, slope, signs, bound, ridge, intercept, squared)
        # The scores are as exact as the Gram matrix, and no gap is known better than they are.
        gap += _DIGITS * largest * total * (3 * total if squared else weight)
        if gap <= tol * primal or steps >= limit or violation < _FINEST:
            break
        violation *= _FINER
    found[0], found[1], found[2], found[3] = intercept, primal, gap, steps / n
    return coef


@_compiled
def _intercept(slope, coef, low, high):
    """Mean slope of the rows within their bounds, or the middle of what the others allow."""
    total, count = 0.0, 0
    for i in range(len(coef)):
        if low[i] < coef[i] < high[i]:
            total += slope[i]
            count += 1
    if count > 0:
        return total / count
    top, bottom = extremes(slope, coef, low, high)
    return (top + bottom) / 2


@_compiled
def _proof(coef, slope, signs, bound, ridge, intercept, squared):
    """Objective, by how much losses and dual variables miss Fenchel's equality, and the sum of these."""
    square, loss, gap, total = 0.0, 0.0, 0.0, 0.0
    for i in range(len(bound)):
        dual, rest = abs(coef[i]), slope[i] + ridge[i] * coef[i]  # sign less score, but for the intercept
        total += dual
        square += coef[i] * (signs[i] - rest)
        short = signs[i] * (rest - intercept)
        over, under = max(short, 0.0), max(-short, 0.0)
        if squared:
            loss += bound[i] * over**2
            gap += bound[i] * (over - ridge[i] * dual) ** 2 + dual * under
        else:
            loss += bound[i] * over
            gap += (bound[i] - dual) * over + dual * under
    return square / 2 + loss, gap, total
