"""Block coordinate ascent on the dual of linear multi-class hinges; compiled, so import it only to use it."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

from maxmargin._checks import InputError, check_choice
from maxmargin._typing import Floats

Kind = Literal["simplex", "box", "capped"]

LANES = 16
"""Classes scored at a time: their single-precision weights for one feature fill one cache line."""

_FASTMATH = ("contract", "reassoc", "nsz")
_compiled: Any = njit(cache=True, nogil=True, fastmath=set(_FASTMATH), error_model="numpy")
_f4 = np.float32
_NOWHERE = _f4(-1e30)
_FLATTEST = 1e-6
_RARELY, _OFTEN = 0.05, 20.0


@dataclass(frozen=True)
class DualBlocks:
    """Where the sweeps stopped.

    Attributes
    ----------
    coef : ndarray of shape (n_classes, n_features)
        Weights: an average over the last sweeps, whose objective is lower than that of the last one.
    intercept : ndarray of shape (n_classes,)
        Zero without an intercept.
    dual : ndarray of shape (n_samples, n_classes)
        q, row by row; each row sums to 1 with the entry of the true class.
    primal_value : float
        The primal objective at ``coef`` and ``intercept``, the proximal term of the intercept left out.
    dual_value : float
        A lower bound of it (with an intercept: for the proximal problem).
    gap : float
        Their difference relative to the primal objective; at most ``tol`` where converged.
    iterations : int
        Sweeps over all rows.
    seconds : float
        Wall-clock time.
    """

    coef: Floats
    intercept: Floats
    dual: Floats
    primal_value: float
    dual_value: float
    gap: float
    iterations: int
    seconds: float


def minimize_dual_blocks(
    X: Any,
    target: np.ndarray,
    bounds: Floats,
    n_classes: int,
    *,
    kind: Kind = "simplex",
    cap: float = 1.0,
    fit_intercept: bool = True,
    tol: float = 1e-3,
    max_iter: int = 100,
    random_state: int = 0,
    start: Floats | None = None,
    report: Callable[[int, float], None] | None = None,
) -> DualBlocks:
    """Solve ``min_{W, b} |W|^2 / 2 + sum_i bounds_i * loss(W x_i + b, target_i)``, roughly but fast.

    The loss is the largest ``sum_{k != y} q_k (1 + f_k - f_y)`` over the q >= 0 that the kind allows:

    =========  =========================================  ============================================
    kind       q                                          loss
    =========  =========================================  ============================================
    simplex    ``sum_{k != y} q_k <= 1``                  Crammer-Singer: ``max_k [1 + f_k - f_y]_+``
    box        ``q_k <= 1``                               Weston-Watkins: ``sum_k [1 + f_k - f_y]_+``
    capped     as simplex, and ``q_k <= cap``             top-k with ``cap = 1 / k``: mean of the k
                                                          largest ``[1 + f_k - f_y]_+``
    =========  =========================================  ============================================

    With ``q_y = 1 - sum_{k != y} q_k`` the weights are ``W = sum_i bounds_i (e_y - q_i) x_i^T``. A visit of
    row i maximises the dual over q_i exactly, by a projection. Sweeps over all rows alternate with sweeps
    over those that still move, each the more often the more it gains. A proximal term holds the intercept
    near a centre, and the centre follows it.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_samples, n_features)
        C-contiguous float64 or float32 rows; never copied whole.
    target : ndarray of shape (n_samples,)
        Classes 0..n_classes-1.
    bounds : ndarray of shape (n_samples,)
        ``C * sample_weight``, at least 0.
    n_classes : int
        Number of classes, at least 2.
    kind : {"simplex", "box", "capped"}, default="simplex"
        Where q lives.
    cap : float, default=1.0
        The bound of kind "capped", in (0, 1].
    fit_intercept : bool, default=True
        Whether to have b.
    tol : float, default=1e-3
        Relative duality gap. The sweeps run in single precision: below about 1e-6 the gap may not come.
    max_iter : int, default=100
        Sweeps over all rows at the most.
    random_state : int, default=0
        Seed of the order of the rows.
    start : ndarray of shape (n_samples, n_classes), optional
        The ``dual`` of an earlier solution.
    report : callable, optional
        Called with (iteration, primal objective) after each sweep over all rows.

    Returns
    -------
    DualBlocks

    Raises
    ------
    InputError
        For a kind or cap that does not exist, or rows beyond single precision.

    References
    ----------
    Crammer and Singer (2001), On the algorithmic implementation of multiclass kernel-based vector machines.
    Keerthi, Sundararajan, Chang, Hsieh and Lin (2008), A sequential dual method for large scale multi-class
    linear SVMs.
    Glasmachers and Dogan (2013), Accelerated coordinate descent with adaptive coordinate frequencies.
    Lapin, Hein and Schiele (2015), Top-k multiclass SVM.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])
    >>> solution = minimize_dual_blocks(X, np.arange(3), np.full(3, 0.5), 3, fit_intercept=False, tol=1e-5)
    >>> bool(solution.gap <= 1e-5), (X @ solution.coef.T).argmax(axis=1).tolist()
    (True, [0, 1, 2])
    """
    began = time.perf_counter()
    ascent = _Ascent(X, target, bounds, n_classes, _limits(kind, cap), fit_intercept, random_state, start)
    primal, dual, gap = ascent.values()
    iteration = 0
    while gap > tol and iteration < max_iter:
        iteration += 1
        ascent.recentre()
        moved = ascent.advance(min(3 * 2**iteration, 200))
        primal, dual, gap = ascent.values()
        if report is not None:
            report(iteration, primal)
        if not moved:
            break
    return DualBlocks(
        coef=np.ascontiguousarray(ascent.average[:-1, :n_classes].T, dtype=np.float64),
        intercept=ascent.average[-1, :n_classes].astype(np.float64),
        dual=ascent.dual[:, :n_classes].astype(np.float64),
        primal_value=primal,
        dual_value=dual,
        gap=gap,
        iterations=iteration,
        seconds=time.perf_counter() - began,
    )


def _limits(kind: str, cap: float) -> tuple[np.float32, np.float32]:
    """Bound q_k from above for the other classes, and q_y from below."""
    check_choice(kind, ["simplex", "box", "capped"], "kind of dual block")
    if kind == "box":
        return _f4(1), _f4(-np.inf)
    if kind == "simplex":
        return _f4(np.inf), _f4(0)
    if not 0 < cap <= 1:
        raise InputError(f"cap is {cap!r}; it must be a number above 0 and at most 1")
    return _f4(cap), _f4(0)


class _Ascent:
    """The dual variables and the weights they make; the last row of the weights is the intercept."""

    def __init__(self, X, target, bounds, n_classes, limits, fit_intercept, random_state, start):
        n, d = X.shape
        lanes = -(-n_classes // LANES) * LANES
        self.n_classes, self.limits = n_classes, limits
        self.rows = _rows(X)
        self.target = np.ascontiguousarray(target, dtype=np.int64)
        self.bounds = np.ascontiguousarray(bounds, dtype=np.float64)
        squares = _squares(self.rows, n)
        if not squares.max(initial=0.0) < 1e30:
            raise InputError(
                f"a row of X has the squared length {squares.max():.3g}; scale the features down"
            )
        # The intercept counts as a feature as long as an average row.
        self.spring = (float(squares.mean()) or 1.0) if fit_intercept else 0.0
        self.curvatures = np.maximum((squares + self.spring) * self.bounds, _FLATTEST).astype(_f4)
        self.dual = _aligned(n, lanes)
        if start is None:
            self.dual[np.arange(n), self.target] = 1
        else:
            self.dual[:, :n_classes] = start
        self.weights, self.average = _aligned(d + 1, lanes), _aligned(d + 1, lanes)
        # Classes that do not exist score so low that nothing moves them.
        self.weights[-1, n_classes:] = _NOWHERE
        self.centre = np.zeros(n_classes)
        self.buffers = _aligned(3, lanes)
        self.preferences = np.ones(n)
        self.rng = np.random.default_rng(random_state)
        self.credit = self.rng.random(n)
        self.live = np.flatnonzero(self.bounds > 0)
        self._refresh()
        self.average[:] = self.weights

    def advance(self, repeats: int) -> int:
        """Sweep over all rows, then ``repeats`` times over those that moved; return how many did."""
        self.preferences[:] = 1
        order = self.rng.permutation(self.live)
        moved, gain = self.sweep(order, 0.0)
        working = np.sort(order[:moved])
        self.average[:] = self.weights
        order = np.empty(2 * moved, dtype=np.int64)
        count = moved
        for k in range(1, repeats + 1):
            if gain <= 0:
                break
            usual = gain / count
            count = _schedule(working, self.preferences, self.credit, order)
            self.rng.shuffle(order[:count])
            _, gain = self.sweep(order[:count], usual)
            # An average that favours the late sweeps: about the last third of them.
            self.average += (self.weights - self.average) * _f4(3 / (k + 3))
        return moved

    def sweep(self, order: np.ndarray, usual: float) -> tuple[int, float]:
        """Visit rows in turn, as ``_sweep`` says."""
        problem = (self.rows, self.target, self.bounds, self.curvatures, self.spring)
        return _sweep(
            *problem, self.weights, self.dual, order, self.preferences, usual, self.buffers, *self.limits
        )

    def values(self) -> tuple[float, float, float]:
        """Return the objective at the average, its lower bound, and the relative gap between them."""
        self._refresh()
        problem = (self.rows, self.target, self.bounds)
        losses = _total_loss(*problem, self.average, self.live, self.buffers, *self.limits)
        primal = float(np.sum(self.average[:-1].astype(np.float64) ** 2)) / 2 + losses
        dual = self.linear - self.squared / 2 - self.intercept @ self.balance
        # The intercept would move on by spring * balance, and the bound with it.
        gap = primal - dual + self.spring * (self.balance @ self.balance)
        return primal, dual, gap / max(primal, np.finfo(np.float64).tiny)

    def recentre(self) -> None:
        """Move the centre of the intercept to the intercept, and the intercept on by as much again."""
        self.centre = self.intercept
        self._place_intercept()

    def _refresh(self) -> None:
        """Make the weights anew from the dual variables, in double precision: sweeps let them drift."""
        weights = np.zeros((len(self.weights) - 1, self.n_classes))
        self.balance = np.zeros(self.n_classes)
        problem = (self.rows, self.target, self.bounds)
        self.linear = _weigh(*problem, self.dual, weights, self.balance, self.limits[1])
        self.squared = float(np.vdot(weights, weights))
        self.weights[:-1, : self.n_classes] = weights
        self._place_intercept()

    def _place_intercept(self) -> None:
        self.intercept = self.centre + self.spring * self.balance
        self.weights[-1, : self.n_classes] = self.intercept


def _rows(X):
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


def _aligned(*shape):
    """Zeros that begin at a cache line."""
    size = math.prod(shape)
    raw = np.zeros(size + LANES, _f4)
    skip = -raw.ctypes.data // 4 % LANES
    return raw[skip : skip + size].reshape(shape)


def _instruction(build: Callable[..., Any]) -> Callable[..., Any]:
    return intrinsic(build)


_VECTOR = ir.VectorType(ir.FloatType(), LANES)


class _Lanes(types.Type):
    """Single-precision numbers in one register: numba by itself would not keep the classes of a row there."""


_lanes = _Lanes("Lanes")


@register_model(_Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, _VECTOR)


def _broadcast(builder, scalar):
    blank, whole = ir.Constant(_VECTOR, ir.Undefined), ir.IntType(32)
    single = builder.insert_element(blank, scalar, whole(0))
    return builder.shuffle_vector(single, blank, ir.Constant(ir.VectorType(whole, LANES), [0] * LANES))


@_instruction
def _pointer(_typing, array):
    """Begin of an array: numba counts the references to an array, not to its entries, at every call."""

    def build(context, builder, _signature, arguments):
        return context.make_array(array)(context, builder, arguments[0]).data

    if isinstance(array, types.NoneType):
        return types.none(array), lambda *parts: parts[-1][0]
    return types.CPointer(array.dtype)(array), build


@_instruction
def _load(_typing, pointer, _offset):
    def build(_context, builder, _signature, arguments):
        return builder.load(builder.bitcast(builder.gep(*_split(arguments)), _VECTOR.as_pointer()), align=64)

    return _lanes(pointer, types.intp), build


@_instruction
def _store(_typing, pointer, _offset, _value):
    def build(context, builder, _signature, arguments):
        place = builder.bitcast(builder.gep(*_split(arguments)), _VECTOR.as_pointer())
        builder.store(arguments[2], place, align=64)
        return context.get_dummy_value()

    return types.void(pointer, types.intp, _lanes), build


@_instruction
def _at(_typing, pointer, _offset):
    def build(_context, builder, _signature, arguments):
        return builder.load(builder.gep(*_split(arguments)))

    return pointer.dtype(pointer, types.intp), build


@_instruction
def _put(_typing, pointer, _offset, _value):
    def build(context, builder, _signature, arguments):
        builder.store(arguments[2], builder.gep(*_split(arguments)))
        return context.get_dummy_value()

    return types.void(pointer, types.intp, pointer.dtype), build


@_instruction
def _prefetch(_typing, pointer, _offset):
    def build(context, builder, _signature, arguments):
        byte, whole = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, whole, whole, whole])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        place = builder.bitcast(builder.gep(*_split(arguments)), byte)
        builder.call(function, [place, whole(0), whole(2), whole(1)])
        return context.get_dummy_value()

    return types.void(pointer, types.intp), build


def _split(arguments):
    return arguments[0], [arguments[1]]


@_instruction
def _per_line(_typing, pointer):
    """How many entries fill a cache line."""
    count = 64 * 8 // pointer.dtype.bitwidth
    return types.intp(pointer), lambda *_: ir.IntType(64)(count)


@_instruction
def _splat(_typing, _scalar):
    def build(_context, builder, _signature, arguments):
        return _broadcast(builder, arguments[0])

    return _lanes(types.float32), build


def _pairwise(operation):
    """An operation on two vectors, lane by lane."""

    @_instruction
    def apply(_typing, _a, _b):
        def build(_context, builder, _signature, arguments):
            return operation(builder, *arguments)

        return _lanes(_lanes, _lanes), build

    return apply


_add = _pairwise(lambda builder, a, b: builder.fadd(a, b, flags=_FASTMATH))
_subtract = _pairwise(lambda builder, a, b: builder.fsub(a, b, flags=_FASTMATH))
_multiply = _pairwise(lambda builder, a, b: builder.fmul(a, b, flags=_FASTMATH))
_maximum = _pairwise(lambda builder, a, b: builder.select(builder.fcmp_ordered(">", a, b), a, b))
_minimum = _pairwise(lambda builder, a, b: builder.select(builder.fcmp_ordered("<", a, b), a, b))
_above = _pairwise(lambda builder, a, b: builder.uitofp(builder.fcmp_ordered(">", a, b), _VECTOR))


def _reduction(name, start, flags):
    @_instruction
    def reduce(_typing, _a):
        def build(_context, builder, _signature, arguments):
            scalar = ir.FloatType()
            values = [*(ir.Constant(scalar, s) for s in start), arguments[0]]
            kind = ir.FunctionType(scalar, [value.type for value in values])
            function = cgutils.get_or_insert_function(
                builder.module, kind, f"llvm.vector.reduce.{name}.v{LANES}f32"
            )
            return builder.call(function, values, fastmath=flags)

        return types.float32(_lanes), build

    return reduce


_sum = _reduction("fadd", [0.0], ("reassoc", "nsz"))
_largest = _reduction("fmax", [], ("nnan", "nsz"))


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
def _squares(rows, n):
    indptr, _, entries = _pointers(*rows)
    squares = np.zeros(n)
    for i in range(n):
        total = 0.0
        for p in range(_at(indptr, i), _at(indptr, i + 1)):
            total += np.float64(_at(entries, p)) ** 2
        squares[i] = total
    return squares


@_compiled
def _pointers(indptr, indices, entries):
    return _pointer(indptr), _pointer(indices), _pointer(entries)


@_compiled
def _column(indices, p, begin):
    if indices is None:
        return p - begin
    return np.int64(_at(indices, p))


@_compiled
def _fetch(indptr, indices, entries, i):
    """Ask for a row before its turn: visits are in random order, which no prefetcher foresees."""
    begin, end = _at(indptr, i), _at(indptr, i + 1)
    for p in range(begin, end, _per_line(entries)):
        _prefetch(entries, p)
    if indices is not None:
        for p in range(begin, end, _per_line(indices)):
            _prefetch(indices, p)


@_compiled
def _score(rows, i, weights, bias, lanes, scores):
    """Scores of row i in all classes; four sums at a time hide the latency of each."""
    indptr, indices, entries = rows
    begin, end = _at(indptr, i), _at(indptr, i + 1)
    for b in range(0, lanes, LANES):
        s0, s1, s2, s3 = _load(bias, b), _splat(_f4(0)), _splat(_f4(0)), _splat(_f4(0))
        p = begin
        while p + 3 < end:
            s0 = _ray(s0, _at(entries, p), weights, _column(indices, p, begin) * lanes + b)
            s1 = _ray(s1, _at(entries, p + 1), weights, _column(indices, p + 1, begin) * lanes + b)
            s2 = _ray(s2, _at(entries, p + 2), weights, _column(indices, p + 2, begin) * lanes + b)
            s3 = _ray(s3, _at(entries, p + 3), weights, _column(indices, p + 3, begin) * lanes + b)
            p += 4
        while p < end:
            s0 = _ray(s0, _at(entries, p), weights, _column(indices, p, begin) * lanes + b)
            p += 1
        _store(scores, b, _add(_add(s0, s1), _add(s2, s3)))


@_compiled
def _ray(start, step, weights, offset):
    return _add(start, _multiply(_splat(_f4(step)), _load(weights, offset)))


@_compiled
def _move(rows, i, weights, bias, lanes, step, bound, spring):
    """Add ``bound`` times the outer product of row i and ``step``, where the step is not zero."""
    indptr, indices, entries = rows
    begin, end = _at(indptr, i), _at(indptr, i + 1)
    for b in range(0, lanes, LANES):
        block = _multiply(_load(step, b), _splat(bound))
        if _sum(_multiply(block, block)) > 0:
            _store(bias, b, _add(_load(bias, b), _multiply(_splat(spring), block)))
            for p in range(begin, end):
                offset = _column(indices, p, begin) * lanes + b
                _store(
                    weights,
                    offset,
                    _add(_load(weights, offset), _multiply(_splat(_f4(_at(entries, p))), block)),
                )


@_compiled
def _excess(z, lanes, z_y, cap, floor, theta):
    """sum_k clip(z_k - theta, 0, cap) + max(z_y - theta, floor) - 1, and minus its slope in theta."""
    free = z_y - theta > floor
    excess = (z_y - theta if free else floor) - _f4(1)
    slope = _f4(1) if free else _f4(0)
    zero, top, level = _splat(_f4(0)), _splat(cap), _splat(theta)
    for b in range(0, lanes, LANES):
        v = _subtract(_load(z, b), level)
        excess += _sum(_minimum(_maximum(v, zero), top))
        slope += _sum(_multiply(_above(v, zero), _above(top, v)))
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
    zero, top = _splat(_f4(0)), _splat(cap)
    for b in range(0, lanes, LANES):
        q = _load(dual, place + b)
        inside = _multiply(_above(q, zero), _above(top, q))
        total += _sum(_multiply(inside, _load(scores, b)))
        count += _sum(inside)
    return total / count if count > 0 else score_y


@_compiled
def _sweep(
    rows, target, bounds, curvatures, spring, weights, dual, order, preferences, usual, buffers, cap, floor
):
    """Maximise the dual over one row after another; put those that moved to the front of ``order``.

    Returns how many moved and how much the dual gained. A row that gains more than ``usual`` is preferred.
    """
    lanes = dual.shape[1]
    rows, duals = _pointers(*rows), _pointer(dual)
    table, bias = _pointer(weights), _pointer(weights[-1])
    scores, z, step = _pointer(buffers[0]), _pointer(buffers[1]), _pointer(buffers[2])
    moved, total = 0, 0.0
    for o in range(len(order)):
        i = order[o]
        if o + 2 < len(order):
            _fetch(*rows, order[o + 2])
            for b in range(0, lanes, LANES):
                _prefetch(duals, order[o + 2] * lanes + b)
        _score(rows, i, table, bias, lanes, scores)
        y = target[i]
        place = i * lanes
        # The margin of 1 that all other classes have is taken from the true one instead.
        score_y, q_y = _at(scores, y) - _f4(1), _at(duals, place + y)
        _put(scores, y, _NOWHERE)
        gain = _f4(0)
        if q_y != _f4(1) or _top(scores, lanes) > score_y:
            _put(duals, place + y, _f4(0))
            steepness = _f4(1) / curvatures[i]
            level = _level(scores, duals, place, lanes, score_y, q_y, cap, floor)
            theta = _f4(0)
            # Where q is steep in the scores, digits are lost: start again from the level found.
            for _ in range(2):
                level += theta / steepness
                at_level, slope = _splat(level), _splat(steepness)
                for b in range(0, lanes, LANES):
                    lift = _multiply(_subtract(_load(scores, b), at_level), slope)
                    _store(z, b, _add(_load(duals, place + b), lift))
                z_y = q_y + (score_y - level) * steepness
                theta = _project(z, lanes, z_y, cap, floor)
                if abs(theta) < _f4(64):
                    break
            gain = _settle(z, duals, place, lanes, step, theta, cap)
            settled = max(z_y - theta, floor)
            _put(duals, place + y, settled)
            _put(step, y, q_y - settled)
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
    zero, top, level = _splat(_f4(0)), _splat(cap), _splat(theta)
    for b in range(0, lanes, LANES):
        q = _minimum(_maximum(_subtract(_load(z, b), level), zero), top)
        change = _subtract(_load(dual, place + b), q)
        _store(dual, place + b, q)
        _store(step, b, change)
        squared += _sum(_multiply(change, change))
    return squared


@_compiled
def _top(scores, lanes):
    top = _NOWHERE
    for b in range(0, lanes, LANES):
        top = max(top, _largest(_load(scores, b)))
    return top


@_compiled
def _schedule(working, preferences, credit, order):
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
def _weigh(rows, target, bounds, dual, weights, balance, floor):
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
        begin = _at(indptr, i)
        for p in range(begin, _at(indptr, i + 1)):
            j = _column(indices, p, begin)
            for k in range(c):
                weights[j, k] += _at(entries, p) * alpha[k]
    return linear


@_compiled
def _total_loss(rows, target, bounds, weights, live, buffers, cap, floor):
    """Weighted sum of the losses at the weights: the largest violations, up to a total multiplier of 1."""
    scores = buffers[0]
    rows, table, bias = _pointers(*rows), _pointer(weights), _pointer(weights[-1])
    loss = 0.0
    for i in live:
        _score(rows, i, table, bias, len(scores), _pointer(scores))
        y = target[i]
        score_y = scores[y] - _f4(1)
        scores[y] = _NOWHERE
        if floor < 0:
            for k in range(len(scores)):
                loss += bounds[i] * max(scores[k] - score_y, _f4(0))
            continue
        left = 1.0
        while left > 1e-6:
            k = np.argmax(scores)
            if scores[k] <= score_y:
                break
            part = min(left, cap)
            loss += bounds[i] * part * (scores[k] - score_y)
            scores[k] = _NOWHERE
            left -= part
    return loss
