"""Compiled sweeps over dual blocks; imported only when a problem is solved, because numba is slow to import.

Rows are (indptr, indices, entries) of a CSR matrix; indices are None for a dense one.
"""

import math
from typing import Any

import numpy as np
import scipy.sparse as sp
from numba import njit

from maxmargin.solvers._dual_blocks_vectors import (
    FASTMATH,
    LANES,
    above,
    add,
    at,
    largest,
    load,
    maximum,
    minimum,
    multiply,
    per_line,
    pointer,
    prefetch,
    put,
    splat,
    store,
    subtract,
    sum_lanes,
)

_compiled: Any = njit(cache=True, nogil=True, fastmath=set(FASTMATH), error_model="numpy")
_f4 = np.float32
_RARELY, _OFTEN = 0.05, 20.0

NOWHERE = _f4(-1e30)
"""A score so low that nothing moves its class."""


def rows_of(X):
    """Rows as (indptr, indices, entries), indices None where all are present; sparse ones are packed."""
    n, d = X.shape
    if sp.issparse(X):
        return X.indptr.astype(np.int64), X.indices, X.data
    kind = np.dtype(np.uint16 if d <= 1 << 16 else np.int32)
    room = int(0.3 * X.nbytes / (kind.itemsize + 4))
    sample = X[:: max(1, n // 256)]
    if np.count_nonzero(sample) * n < 0.95 * room * len(sample):
        # Memory that is never written is never taken.
        indptr, indices, entries = np.zeros(n + 1, np.int64), np.empty(room, kind), np.empty(room, _f4)
        if _pack(X, indptr, indices, entries):
            return indptr, indices[: indptr[-1]], entries[: indptr[-1]]
    return np.arange(n + 1, dtype=np.int64) * d, None, np.asarray(X).reshape(-1)


def aligned(*shape):
    """Zeros that begin at a cache line."""
    size = math.prod(shape)
    raw = np.zeros(size + LANES, _f4)
    skip = -raw.ctypes.data // 4 % LANES
    return raw[skip : skip + size].reshape(shape)


@_compiled
def _pack(X, indptr, indices, entries):
    """Keep the entries that are not zero; say whether they fitted."""
    n, d = X.shape
    p = 0
    for i in range(n):
        if p + d > len(entries):
            return False
        for j in range(d):
            if X[i, j] != 0:
                indices[p] = j
                entries[p] = X[i, j]
                p += 1
        indptr[i + 1] = p
    return True


@_compiled
def squared_lengths(rows, n):
    indptr, _, entries = _pointers(*rows)
    squares = np.zeros(n)
    for i in range(n):
        total = 0.0
        for p in range(at(indptr, i), at(indptr, i + 1)):
            total += np.float64(at(entries, p)) ** 2
        squares[i] = total
    return squares


@_compiled
def _pointers(indptr, indices, entries):
    return pointer(indptr), pointer(indices), pointer(entries)


@_compiled
def _column(indices, p, begin):
    if indices is None:
        return p - begin
    return np.int64(at(indices, p))


@_compiled
def _fetch(indptr, indices, entries, i):
    """Ask for a row before its turn: visits are in random order, which no prefetcher foresees."""
    begin, end = at(indptr, i), at(indptr, i + 1)
    for p in range(begin, end, per_line(entries)):
        prefetch(entries, p)
    if indices is not None:
        for p in range(begin, end, per_line(indices)):
            prefetch(indices, p)


@_compiled
def _score(rows, i, weights, bias, lanes, scores):
    """Scores of row i in all classes; four sums at a time hide the latency of each."""
    indptr, indices, entries = rows
    begin, end = at(indptr, i), at(indptr, i + 1)
    for b in range(0, lanes, LANES):
        s0, s1, s2, s3 = load(bias, b), splat(_f4(0)), splat(_f4(0)), splat(_f4(0))
        p = begin
        while p + 3 < end:
            s0 = _ray(s0, at(entries, p), weights, _column(indices, p, begin) * lanes + b)
            s1 = _ray(s1, at(entries, p + 1), weights, _column(indices, p + 1, begin) * lanes + b)
            s2 = _ray(s2, at(entries, p + 2), weights, _column(indices, p + 2, begin) * lanes + b)
            s3 = _ray(s3, at(entries, p + 3), weights, _column(indices, p + 3, begin) * lanes + b)
            p += 4
        while p < end:
            s0 = _ray(s0, at(entries, p), weights, _column(indices, p, begin) * lanes + b)
            p += 1
        store(scores, b, add(add(s0, s1), add(s2, s3)))


@_compiled
def _ray(start, step, weights, offset):
    return add(start, multiply(splat(_f4(step)), load(weights, offset)))


@_compiled
def _move(rows, i, weights, bias, lanes, step, bound, spring):
    """Add ``bound`` times the outer product of row i and ``step``, where the step is not zero."""
    indptr, indices, entries = rows
    begin, end = at(indptr, i), at(indptr, i + 1)
    for b in range(0, lanes, LANES):
        block = multiply(load(step, b), splat(bound))
        if sum_lanes(multiply(block, block)) > 0:
            store(bias, b, add(load(bias, b), multiply(splat(spring), block)))
            for p in range(begin, end):
                offset = _column(indices, p, begin) * lanes + b
                store(
                    weights,
                    offset,
                    add(load(weights, offset), multiply(splat(_f4(at(entries, p))), block)),
                )


@_compiled
def _excess(z, lanes, z_y, cap, floor, theta):
    """sum_k clip(z_k - theta, 0, cap) + max(z_y - theta, floor) - 1, and minus its slope in theta."""
    free = z_y - theta > floor
    excess = (z_y - theta if free else floor) - _f4(1)
    slope = _f4(1) if free else _f4(0)
    zero, top, level = splat(_f4(0)), splat(cap), splat(theta)
    for b in range(0, lanes, LANES):
        v = subtract(load(z, b), level)
        excess += sum_lanes(minimum(maximum(v, zero), top))
        slope += sum_lanes(multiply(above(v, zero), above(top, v)))
    return excess, slope


@_compiled
def _project(z, lanes, z_y, cap, floor):
    """Find theta where ``_excess`` is zero: Newton, which a bracket keeps from cycling."""
    theta = _f4(0)
    low, high, width = _f4(-np.inf), _f4(np.inf), _f4(1)
    for _ in range(80):
        excess, slope = _excess(z, lanes, z_y, cap, floor, theta)
        if abs(excess) <= _f4(3e-7):
            break
        if excess > 0:
            low = theta
        else:
            high = theta
        guess = theta + excess / slope if slope > 0 else _f4(np.nan)
        if not low < guess < high:
            width *= _f4(4)
            if low == -np.inf:
                guess = theta - width
            elif high == np.inf:
                guess = theta + width
            else:
                guess = _f4(0.5) * (low + high)
        if guess == theta:
            break
        theta = guess
    return theta


@_compiled
def _level(scores, dual, place, lanes, score_y, q_y, cap, floor):
    """Mean score of the classes that are free to move: the first guess at where they end."""
    free = q_y > floor
    total, count = (score_y, _f4(1)) if free else (_f4(0), _f4(0))
    zero, top = splat(_f4(0)), splat(cap)
    for b in range(0, lanes, LANES):
        q = load(dual, place + b)
        inside = multiply(above(q, zero), above(top, q))
        total += sum_lanes(multiply(inside, load(scores, b)))
        count += sum_lanes(inside)
    return total / count if count > 0 else score_y


@_compiled
def sweep(
    rows, target, bounds, curvatures, spring, weights, dual, order, preferences, usual, buffers, cap, floor
):
    """Maximise the dual over one row after another; put those that moved to the front of ``order``.

    Returns how many moved and how much the dual gained. A row that gains more than ``usual`` is preferred.
    """
    lanes = dual.shape[1]
    rows, duals = _pointers(*rows), pointer(dual)
    table, bias = pointer(weights), pointer(weights[-1])
    scores, z, step = pointer(buffers[0]), pointer(buffers[1]), pointer(buffers[2])
    moved, total = 0, 0.0
    for o in range(len(order)):
        i = order[o]
        if o + 2 < len(order):
            _fetch(*rows, order[o + 2])
            for b in range(0, lanes, LANES):
                prefetch(duals, order[o + 2] * lanes + b)
        _score(rows, i, table, bias, lanes, scores)
        y = target[i]
        place = i * lanes
        # The margin of 1 that all other classes have is taken from the true one instead.
        score_y, q_y = at(scores, y) - _f4(1), at(duals, place + y)
        put(scores, y, NOWHERE)
        gain = _f4(0)
        if q_y != _f4(1) or _top(scores, lanes) > score_y:
            put(duals, place + y, _f4(0))
            steepness = _f4(1) / curvatures[i]
            level = _level(scores, duals, place, lanes, score_y, q_y, cap, floor)
            theta = _f4(0)
            # Where q is steep in the scores, digits are lost: start again from the level found.
            for _ in range(2):
                level += theta / steepness
                at_level, slope = splat(level), splat(steepness)
                for b in range(0, lanes, LANES):
                    lift = multiply(subtract(load(scores, b), at_level), slope)
                    store(z, b, add(load(duals, place + b), lift))
                z_y = q_y + (score_y - level) * steepness
                theta = _project(z, lanes, z_y, cap, floor)
                if abs(theta) < _f4(64):
                    break
            gain = _settle(z, duals, place, lanes, step, theta, cap)
            settled = max(z_y - theta, floor)
            put(duals, place + y, settled)
            put(step, y, q_y - settled)
            gain = (gain + (q_y - settled) ** 2) * curvatures[i] * _f4(bounds[i])
        if gain > 0:
            order[moved] = i
            moved += 1
            total += gain
            _move(rows, i, table, bias, lanes, step, _f4(bounds[i]), _f4(spring))
        if usual > 0:
            change = 0.9 + 0.1 * min(gain / usual, 5.0)
            preferences[i] = min(max(preferences[i] * change, _RARELY), _OFTEN) if gain > 0 else _RARELY
    return moved, total


@_compiled
def _settle(z, dual, place, lanes, step, theta, cap):
    """Clip z - theta into the dual variables; return the squared length of the step that they took."""
    squared = _f4(0)
    zero, top, level = splat(_f4(0)), splat(cap), splat(theta)
    for b in range(0, lanes, LANES):
        q = minimum(maximum(subtract(load(z, b), level), zero), top)
        change = subtract(load(dual, place + b), q)
        store(dual, place + b, q)
        store(step, b, change)
        squared += sum_lanes(multiply(change, change))
    return squared


@_compiled
def _top(scores, lanes):
    top = NOWHERE
    for b in range(0, lanes, LANES):
        top = max(top, largest(load(scores, b)))
    return top


@_compiled
def schedule(working, preferences, credit, order):
    """Fill ``order`` with the working rows, each as often as it is preferred; return how many."""
    total = 0.0
    for i in working:
        total += preferences[i]
    count = 0
    for i in working:
        credit[i] += preferences[i] * len(working) / total
        while credit[i] >= 1 and count < len(order):
            credit[i] -= 1
            order[count] = i
            count += 1
    return count


@_compiled
def weigh(rows, target, bounds, dual, weights, balance, floor):
    """Make every row of q sum to 1; add up W, sum_i alpha_i and the linear term of the dual."""
    indptr, indices, entries = _pointers(*rows)
    c = weights.shape[1]
    linear = 0.0
    alpha = np.empty(c)
    for i in range(len(target)):
        y = target[i]
        if dual[i, y] == 1 or bounds[i] == 0:
            continue
        others = 0.0
        for k in range(c):
            others += 0.0 if k == y else dual[i, k]
        scale = 1 / others if floor == 0 and others > 1 else 1.0
        for k in range(c):
            dual[i, k] *= scale
            alpha[k] = -bounds[i] * dual[i, k]
        dual[i, y] = 1 - others * scale
        alpha[y] = bounds[i] * others * scale
        linear += alpha[y]
        for k in range(c):
            balance[k] += alpha[k]
        begin = at(indptr, i)
        for p in range(begin, at(indptr, i + 1)):
            j = _column(indices, p, begin)
            for k in range(c):
                weights[j, k] += at(entries, p) * alpha[k]
    return linear


@_compiled
def total_losses(rows, target, bounds, weights, scales, live, buffers, cap, floor):
    """Weighted sum of the losses at the weights times each of the scales, of which the first is the least."""
    scores, violations = buffers[0], buffers[1]
    rows, table, bias = _pointers(*rows), pointer(weights), pointer(weights[-1])
    losses = np.zeros(len(scales))
    for i in live:
        _score(rows, i, table, bias, len(scores), pointer(scores))
        y = target[i]
        for s in range(len(scales)):
            for k in range(len(scores)):
                violations[k] = scales[s] * (scores[k] - scores[y]) + _f4(1)
            violations[y] = NOWHERE
            loss = _loss(violations, cap, floor)
            losses[s] += bounds[i] * loss
            if loss == 0:
                break  # nor has it one at a larger scale
    return losses


@_compiled
def _loss(violations, cap, floor):
    """Sum of the largest violations, up to a total multiplier of 1."""
    loss = 0.0
    if floor < 0:
        for k in range(len(violations)):
            loss += max(violations[k], _f4(0))
        return loss
    left = 1.0
    while left > 1e-6:
        k = np.argmax(violations)
        if violations[k] <= 0:
            break
        part = min(left, cap)
        loss += part * violations[k]
        violations[k] = NOWHERE
        left -= part
    return loss
