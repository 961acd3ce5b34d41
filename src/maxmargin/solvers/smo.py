"""Sequential minimal optimisation: the exact two-class support vector machine of any kernel."""

import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
from scipy.linalg import get_lapack_funcs

from maxmargin._typing import Floats, Ints
from maxmargin.solvers._solution import Solution

_FIRST_ROWS = 1024  # of a kernel matrix that is not at hand, to begin with
_ROUGHLY = 0.1  # share of the violation that is left when more rows are looked at
_BALANCE = 1e-12  # share of the coefficients' sizes that their sum may differ from zero
_MOST_POLISHED = 400  # free rows whose equations are solved directly
_LEAST_LIMIT, _LIMIT_PER_ROW = 10_000_000, 100  # steps at the most where nothing else is said, as in LIBSVM


@dataclass(frozen=True)
class Machine:
    """A two-class problem on rows of a kernel matrix.

    Attributes
    ----------
    runs : ndarray of shape (n_runs, 2)
        First and last + 1 row of the matrix, of each run of neighbours that takes part.
    signs : ndarray of shape (n_rows,)
        +1 or -1 for each row that takes part, in the order of the runs.
    bounds : ndarray of shape (n_rows,)
        What the loss of each counts; 0 leaves a row out.
    """

    runs: Ints
    signs: Floats
    bounds: Floats

    @cached_property
    def rows(self) -> Ints:
        """Rows of the matrix, in the order of the runs."""
        return np.concatenate([np.arange(start, stop) for start, stop in self.runs])

    @cached_property
    def lines(self) -> Ints:
        """Of each run, its first row in the matrix, and its first and last + 1 in the order of the runs."""
        stops = np.cumsum(self.runs[:, 1] - self.runs[:, 0])
        return np.column_stack([self.runs[:, 0], np.append(0, stops[:-1]), stops]).astype(np.int64)


@dataclass(frozen=True)
class DualPoint:
    """A feasible point of the dual.

    Attributes
    ----------
    coef : ndarray of shape (n_rows,)
        Signed dual variables: the decision is ``sum_i coef_i K(x_i, x) + intercept``.
    slope : ndarray of shape (n_rows,)
        Signs less ``K coef``: the derivative of the dual.
    intercept : float
        Mean slope of the rows within their bounds.
    primal, dual : float
        Value of the objective and of its dual.
    violation : float
        Largest slope of a row that can grow less the smallest of one that can shrink; 0 at the optimum.
    """

    coef: Floats
    slope: Floats
    intercept: float
    primal: float
    dual: float
    violation: float


class KernelRows(Protocol):
    """Rows of a kernel matrix that is not kept as a whole."""

    diagonal: Floats
    capacity: int

    def hold(self, members: Ints) -> tuple[np.ndarray, Ints]:
        """Compute the rows of ``members``, at most ``capacity``; return a table and the place of each row."""
        ...


def minimize_smo(
    gram: np.ndarray | KernelRows,
    machine: Machine,
    *,
    C: float = 1.0,
    tol: float = 1e-3,
    max_iter: int | None = None,
    start: DualPoint | None = None,
    polish: bool = True,
) -> Solution:
    """Solve ``min 1/2 |w|^2 + C sum_i u_i max(0, 1 - y_i (w.phi(x_i) + b))`` for a kernel's features phi.

    The dual is ``max sum_i y_i c_i - 1/2 c.K c`` over ``0 <= y_i c_i <= C u_i`` and ``sum_i c_i = 0``. Two
    coefficients move at a time, chosen by second-order information. Rows held by a bound are left out for
    a while, and what is left has a copy of its own of the kernel matrix. Where that matrix is not at hand,
    its rows are computed in blocks, those first which violate the optimality conditions most.

    Parameters
    ----------
    gram : ndarray of shape (n, n) or KernelRows
        The kernel matrix, float32 or float64, or its rows on demand, of which all take part.
    machine : Machine
        Rows that take part, their signs and bounds.
    C : float, default=1.0
        Multiplies the bounds.
    tol : float, default=1e-3
        Largest violation of the optimality conditions, as in LIBSVM.
    max_iter : int, optional
        Steps at the most; by default ten million or, where that is more, 100 a row.
    start : DualPoint, optional
        Solution of the same rows with other bounds, none larger than now.
    polish : bool, default=True
        Whether the last digits are found by solving the equations of the rows within their bounds, where
        these are few and the matrix is float64.

    Returns
    -------
    Solution
        Its ``point`` is a DualPoint.

    References
    ----------
    Fan, Chen and Lin (2005), Working set selection using second order information for training SVM.
    Chang and Lin (2011), LIBSVM: a library for support vector machines, sections 4 and 5.1.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([0.0, 1.0, 2.0, 3.0])
    >>> machine = Machine(np.array([[0, 4]]), np.array([-1.0, -1.0, 1.0, 1.0]), np.full(4, 10.0))
    >>> solution = minimize_smo(np.outer(x, x), machine)
    >>> solution.status, solution.point.coef.round(6).tolist(), round(solution.point.intercept, 6)
    ('converged', [0.0, -2.0, 2.0, 0.0], -3.0)
    """
    began = time.perf_counter()
    state = _State.of(gram, machine, C, start)
    limit = step_limit(max_iter, len(machine.signs))
    if isinstance(gram, np.ndarray):
        steps = _whole(gram, machine, state, tol, limit)
        if polish and gram.dtype == np.float64:
            _polish(gram, machine.rows, state)
    else:
        steps = _by_rows(gram, state, tol, limit)
    point = state.point()
    return solution_of(point, steps, time.perf_counter() - began, tol, limit)


class _State(NamedTuple):
    diagonal: np.ndarray
    signs: Floats
    low: Floats
    high: Floats
    coef: Floats
    slope: Floats

    @classmethod
    def of(cls, gram: Any, machine: Machine, C: float, start: DualPoint | None) -> "_State":
        diagonal = gram.diagonal
        if isinstance(gram, np.ndarray):
            diagonal = np.ascontiguousarray(gram.diagonal()[machine.rows])
        signs = machine.signs
        signed = signs * (C * machine.bounds)
        low, high = np.minimum(0.0, signed), np.maximum(0.0, signed)
        if start is None:
            return cls(diagonal, signs, low, high, np.zeros(len(signs)), signs.copy())
        from maxmargin.solvers._smo_steps import ROUNDING

        scale = _scale(start, signs, low, high)
        coef, bound = scale * start.coef, low + high  # of which one is 0
        coef = np.where(np.abs(coef - bound) <= ROUNDING * np.abs(bound), bound, coef)
        return cls(diagonal, signs, low, high, coef, signs - scale * (signs - start.slope))

    def point(self) -> DualPoint:
        return dual_point(self.signs, self.low, self.high, self.coef, self.slope)


def dual_point(signs: Floats, low: Floats, high: Floats, coef: Floats, slope: Floats) -> DualPoint:
    """The dual point and its proof: with the slope s, ``c.K c = sum_i c_i (y_i - s_i)``."""
    from maxmargin.solvers._smo_steps import FAR, extremes

    top, bottom = extremes(slope, coef, low, high)
    free = (coef > low) & (coef < high)
    if free.any():
        intercept = float(slope[free].mean())
    elif top > -FAR and bottom < FAR:
        intercept = (top + bottom) / 2
    else:
        intercept = bottom if bottom < FAR else top if top > -FAR else 0.0
    square = float(coef @ (signs - slope))
    loss = float((high - low) @ np.maximum(0.0, signs * (slope - intercept)))
    dual = float(coef @ signs) - square / 2
    violation = max(top - bottom, 0.0) if top > -FAR and bottom < FAR else 0.0
    return DualPoint(coef, slope, intercept, square / 2 + loss, dual, violation)


def solution_of(point: DualPoint, steps: int, seconds: float, tol: float, limit: int) -> Solution:
    """What has become of a problem after so many steps."""
    status = "converged" if point.violation <= tol else "max_iter" if steps >= limit else "stalled"
    return Solution(point, steps, seconds, status)


def step_limit(max_iter: int | None, n_rows: int) -> int:
    """Steps at the most, where nothing is said as many as in LIBSVM."""
    return max(_LEAST_LIMIT, _LIMIT_PER_ROW * n_rows) if max_iter is None else max_iter


def _scale(start: DualPoint, signs: Floats, low: Floats, high: Floats) -> float:
    """The multiple of an old solution, from once to as far as the bounds allow, of the largest dual value."""
    square, linear = float(start.coef @ (signs - start.slope)), float(start.coef @ signs)
    used = start.coef != 0
    if square <= 0 or not used.any():
        return 1.0
    room = np.where(start.coef > 0, high, low)[used] / start.coef[used]
    return max(1.0, min(linear / square, float(room.min())))


def _whole(gram: np.ndarray, machine: Machine, state: _State, tol: float, max_iter: int) -> int:
    from maxmargin.solvers._smo_steps import solve

    steps = solve(
        gram,
        machine.rows,
        machine.lines,
        state.diagonal,
        state.low,
        state.high,
        state.coef,
        state.slope,
        tol,
        max_iter,
    )
    return int(steps)


def _by_rows(rows: KernelRows, state: _State, tol: float, max_iter: int) -> int:
    from maxmargin.solvers._smo_steps import extremes, solve_part

    n = len(state.coef)
    shuffled = np.random.default_rng(0).permutation(n)
    runs = np.array([[0, 0, n]])
    steps, wanted = 0, _FIRST_ROWS
    while steps < max_iter:
        top, bottom = extremes(state.slope, state.coef, state.low, state.high)
        if top - bottom <= tol:
            break
        wanted = min(wanted, rows.capacity)
        members = _most_violating(state, (top + bottom) / 2, wanted, shuffled)
        whole = len(members) < wanted
        table, places = rows.hold(members)
        taken = solve_part(
            table,
            places,
            runs,
            members,
            state.diagonal,
            state.low,
            state.high,
            state.coef,
            state.slope,
            tol if whole else max(tol, _ROUGHLY * (top - bottom)),
            max_iter - steps,
        )
        steps += int(taken)
        wanted = 2 * len(members)
        if taken == 0:
            break
    return steps


def _most_violating(state: _State, middle: float, limit: int, shuffled: Ints) -> Ints:
    """Rows that can move, those first which gain most from it; ties in random order."""
    coef, slope = state.coef, state.slope
    lead = np.full(len(coef), -np.inf)
    grows, shrinks = coef < state.high, coef > state.low
    lead[grows] = slope[grows] - middle
    lead[shrinks] = np.maximum(lead[shrinks], middle - slope[shrinks])
    order = shuffled[np.argsort(-lead[shuffled], kind="stable")]
    chosen = order[: limit - 2]
    ends = [np.argmax(np.where(grows, slope, -np.inf)), np.argmin(np.where(shrinks, slope, np.inf))]
    return np.union1d(chosen[lead[chosen] >= 0], ends)


def _polish(gram: np.ndarray, rows: Ints, state: _State) -> None:
    """Solve the equations of the rows within their bounds, where that leads to a better point.

    There the slope equals the intercept: ``K_FF d + e = s_F`` and ``sum(d) = 0`` give the step d.
    """
    from maxmargin.solvers._smo_steps import extremes

    coef, slope, low, high = state.coef, state.slope, state.low, state.high
    free = np.flatnonzero((coef > low) & (coef < high))
    if not 2 <= len(free) <= _MOST_POLISHED:
        return
    columns = np.ascontiguousarray(gram[np.ix_(rows[free], rows)])
    # A little more on the diagonal lets rows that are there twice share; refinement takes its effect away.
    matrix = columns[:, free]
    matrix.flat[:: len(free) + 1] += 1e-10 * float(np.abs(np.diag(matrix)).mean())
    factor, solve = get_lapack_funcs(("sytrf", "sytrs"), (matrix,))
    factors, pivots, info = factor(matrix, lower=True)
    if info != 0:
        return
    across = solve(factors, pivots, np.ones(len(free)), lower=True)[0]
    for _ in range(5):
        top, bottom = extremes(slope, coef, low, high)
        plain = solve(factors, pivots, slope[free], lower=True)[0]
        step = plain - across * (plain.sum() / across.sum())
        trial = coef.copy()
        trial[free] += step
        trial_slope = slope - step @ columns
        balanced = abs(trial.sum()) <= _BALANCE * np.abs(trial).sum()
        inside = (trial >= low).all() and (trial <= high).all() and balanced
        new_top, new_bottom = extremes(trial_slope, trial, low, high)
        if not inside or not new_top - new_bottom < top - bottom:
            return
        coef[:], slope[:] = trial, trial_slope
