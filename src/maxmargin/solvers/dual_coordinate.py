"""Dual coordinate ascent for many hinge-type problems that share their rows."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils.extmath import row_norms

from maxmargin._typing import Floats
from maxmargin.solvers._solution import Solution

_SPREAD = 0.03  # of the mean squared row, or 1 / bound if larger; 0.01 to 0.1 need about equally many sweeps
_RUN = 8  # neighbours visited together: one by one at random, they would miss the cache more often
_LANES = 8  # problems a batch at the most
_ROUND = 3  # one sweep over all rows, then two over those whose duals still change
_TINY = 1e-300


class PrimalDualPoint(NamedTuple):
    """Weights and duals of several problems, and the proof of how good they are.

    Attributes
    ----------
    coef : ndarray of shape (n_problems, n_features)
        Weights.
    intercept : ndarray of shape (n_problems,)
        Intercepts.
    duals : ndarray of shape (n_samples, n_problems)
        Feasible dual variables, of which the weights are made.
    primal : ndarray of shape (n_problems,)
        Objective of each problem.
    gap : ndarray of shape (n_problems,)
        Objective less dual value: how far each lies above its minimum at the most. At least 0.
    """

    coef: Floats
    intercept: Floats
    duals: Floats
    primal: Floats
    gap: Floats

    @property
    def relative_gap(self) -> Floats:
        """Gap of each problem relative to its objective."""
        return np.divide(self.gap, self.primal, out=np.zeros_like(self.gap), where=self.gap > 0)


def minimize_dual_coordinate(
    X: Any,
    signs: np.ndarray,
    bounds: Floats,
    *,
    squared: bool,
    fit_intercept: bool,
    tol: float = 1e-5,
    max_iter: int = 1000,
    random_state: int = 0,
    n_threads: int = 1,
    start_duals: Floats | None = None,
    start_intercept: Floats | None = None,
    report: Callable[[int, float], None] | None = None,
) -> Solution:
    """Solve ``min 1/2 |w_k|^2 + sum_i u_i phi(1 - t_ik (w_k.x_i + b_k))`` for each column k of signs t.

    phi(z) is max(z, 0) or its square, and b_k is free and costs nothing. The dual of problem k is
    ``max sum_i a_i - 1/2 |sum_i a_i t_ik x_i|^2``, less ``sum_i a_i^2 / (4 u_i)`` for the square, over
    0 <= a_i (<= u_i for the hinge) and, where b_k is free, sum_i t_ik a_i = 0. It is maximised over one
    a_i after another in random order. The equality is met by the method of multipliers: b_k is the
    multiplier, and moves with each step as the weight of one further, small column would. Eight
    problems share each visit of a sparse row. The gap is that between the objective and the dual
    value of feasible variables.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Rows, of float64 or float32.
    signs : ndarray of shape (n_samples, n_problems)
        +1 or -1.
    bounds : ndarray of shape (n_samples,)
        u: what each row's loss counts, at least 0.
    squared : bool
        Whether phi is the squared hinge.
    fit_intercept : bool
        Whether b is free; it is 0 otherwise.
    tol : float, default=1e-5
        Largest gap of a problem relative to its objective.
    max_iter : int, default=1000
        Sweeps at the most; two in three visit those rows only whose duals still change.
    random_state : int, default=0
        Seed of the order of visits.
    n_threads : int, default=1
        Threads to share the problems among. It changes no result.
    start_duals : ndarray of shape (n_samples, n_problems), optional
        Duals to start from, clipped to the bounds; 0 by default.
    start_intercept : ndarray of shape (n_problems,), optional
        Intercepts to start from; 0 by default.
    report : callable, optional
        Called with (sweeps, sum of the objectives as estimated on the way) every third sweep.

    Returns
    -------
    Solution
        Its ``point`` is a PrimalDualPoint.

    References
    ----------
    Hsieh, Chang, Lin, Keerthi and Sundararajan (2008), A dual coordinate descent method for large-scale
    linear SVM.
    Bertsekas (1982), Constrained optimization and Lagrange multiplier methods.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> signs = np.array([[-1], [-1], [1], [1]])
    >>> solution = minimize_dual_coordinate(
    ...     X, signs, np.full(4, 10.0), squared=False, fit_intercept=True, tol=1e-9
    ... )
    >>> point = solution.point
    >>> solution.status, point.coef.round(6).tolist(), point.intercept.round(6).tolist()
    ('converged', [[2.0]], [-3.0])
    >>> point.duals.round(6).ravel().tolist()
    [0.0, 2.0, 2.0, 0.0]
    """
    began = time.perf_counter()
    X = _canonical(X)
    costs = _Costs.of(X, np.asarray(bounds, dtype=np.float64), squared=squared, fit_intercept=fit_intercept)
    solver = _Solver.of(X, costs, signs.shape[1], tol)
    batches = solver.batches(signs, start_duals, start_intercept)
    used = np.flatnonzero(costs.bound > 0)
    random = np.random.default_rng(random_state)
    sweeps = 0
    # A problem by itself is often so small that handing it to a thread would take longer than its sweeps.
    with ThreadPoolExecutor(n_threads) if min(n_threads, len(batches)) > 1 else nullcontext() as pool:
        each = map if pool is None else pool.map
        while sweeps < max_iter and any(batch.live.any() for batch in batches):
            orders = [_shuffled(used, random) for _ in range(min(_ROUND, max_iter - sweeps))]
            sweeps += len(orders)
            list(each(solver.advance, batches, [orders] * len(batches)))
            if report is not None:
                report(sweeps, float(sum(solver.primal(batch).sum() for batch in batches)))
        list(each(solver.verify, [batch for batch in batches if batch.live.any()]))
    point = solver.point(batches)
    converged = bool(np.all(point.relative_gap <= tol))
    return Solution(point, sweeps, time.perf_counter() - began, "converged" if converged else "max_iter")


class _Costs(NamedTuple):
    """What a coordinate step needs to know of its row."""

    bound: Floats
    ridge: Floats  # curvature that the loss adds to the dual
    inverse: Floats  # of the whole curvature along the coordinate
    spread: float  # squared entry of the column whose weight is the intercept
    squared: bool

    @classmethod
    def of(cls, X: Any, bounds: Floats, *, squared: bool, fit_intercept: bool) -> "_Costs":
        norms = row_norms(X, squared=True).astype(np.float64)
        ridge = np.divide(0.5, bounds, out=np.zeros_like(norms), where=squared & (bounds > 0))
        # Where duals at their bounds move the scores by less than 1, the intercept has the longer way to go.
        stiffness = max(float(norms.mean()), 1 / max(float(bounds.mean()), _TINY))
        spread = fit_intercept * _SPREAD * stiffness
        return cls(bounds, ridge, 1 / np.maximum(norms + spread + ridge, _TINY), spread, squared)


class _Batch(NamedTuple):
    """Problems that are solved side by side on one thread."""

    table: Floats  # weights, a row a problem or a column a problem
    duals: Floats
    signs: np.ndarray
    offset: Floats  # intercepts
    balance: Floats  # sums of the signed duals
    loss: Floats  # summed losses, as the last sweep over all rows met them
    gap: Floats  # the same of the gap; after a sweep that moves nothing both are exact
    live: Floats  # 1 where the problem is not solved yet, 0 where it is or where there is none
    changing: np.ndarray  # whether the last visit moved the dual
    ratio: Floats  # of the gap to the estimate, when the two were last compared
    kept: np.ndarray  # whether there is a problem


@dataclass(frozen=True)
class _Solver:
    """Sweeps over a batch, and the proof that its problems are solved."""

    rows: tuple[Any, Any, Any]
    shape: tuple[int, int]
    costs: _Costs
    tol: float
    wide: bool  # eight problems a visit
    sweep: Callable[..., None]
    combine: Callable[..., None]

    @classmethod
    def of(cls, X: Any, costs: _Costs, n_problems: int, tol: float) -> "_Solver":
        from maxmargin.solvers import _dual_coordinate_sweeps as compiled

        wide = sparse.issparse(X) and n_problems > 2
        rows = (X.indptr, X.indices, X.data) if sparse.issparse(X) else (None, None, X)
        sweep = compiled.sweep_lanes if wide else compiled.sweep
        combine = compiled.combine_lanes if wide else compiled.combine
        return cls(rows, X.shape, costs, tol, wide, sweep, combine)

    def batches(self, signs: np.ndarray, duals: Floats | None, intercept: Floats | None) -> list[_Batch]:
        """Split the problems evenly into an even number of batches of eight at the most."""
        m = signs.shape[1]
        parts = np.array_split(np.arange(m), min(m, 2 * -(-m // (2 * _LANES))))
        return [
            self._batch(
                signs[:, part],
                None if duals is None else duals[:, part],
                None if intercept is None else intercept[part],
            )
            for part in parts
        ]

    def _batch(self, signs: np.ndarray, duals: Floats | None, intercept: Floats | None) -> _Batch:
        (n, d), m = self.shape, signs.shape[1]
        lanes = _LANES if self.wide else m
        batch = _Batch(
            table=np.zeros((d, lanes) if self.wide else (lanes, d)),
            duals=np.zeros((n, lanes)),
            signs=np.ones((n, lanes), dtype=np.int8),
            offset=np.zeros(lanes),
            balance=np.zeros(lanes),
            loss=np.zeros(lanes),
            gap=np.zeros(lanes),
            live=(np.arange(lanes) < m).astype(np.float64),
            changing=np.ones((n, lanes), dtype=np.bool_),
            ratio=np.full(lanes, 0.5),
            kept=np.arange(lanes) < m,
        )
        batch.signs[:, :m] = signs
        if intercept is not None and self.costs.spread > 0:
            batch.offset[:m] = intercept
        if duals is not None:
            upper = np.where(self.costs.bound > 0, np.inf, 0) if self.costs.squared else self.costs.bound
            batch.duals[:, :m] = np.clip(duals, 0, upper[:, None])
            batch.balance[:] = np.einsum("ik,ik->k", batch.duals, batch.signs)
            self.combine(*self.rows, batch)
        return batch

    def advance(self, batch: _Batch, orders: list[np.ndarray]) -> None:
        """Sweep in each of the orders, all rows in the first; verify when the estimates say it pays."""
        if not batch.live.any():
            return
        batch.changing[:] = batch.live > 0
        self._pass(batch, orders[0])
        loss = batch.loss.copy()
        for order in orders[1:]:
            self._pass(batch, order[batch.changing[order].any(axis=1)])
        batch.loss[:] = loss
        # Rows that no longer change are at a bound with the right slope: their share of the gap is 0.
        estimate = batch.gap.copy()
        due = batch.live * (estimate * batch.ratio <= self.tol * self.primal(batch))
        if 2 * due.sum() >= batch.live.sum():
            self.verify(batch)
            known = estimate > 0
            batch.ratio[known] = np.minimum(batch.gap[known] / estimate[known], 1)

    def verify(self, batch: _Batch) -> None:
        """Make the duals feasible and the weights theirs, measure the gap, and retire what is solved."""
        self._balance(batch)
        batch.table[:] = 0
        self.combine(*self.rows, batch)
        live = batch.live.copy()
        batch.live[:], batch.changing[:] = 0, True
        self._pass(batch, np.arange(self.shape[0]))
        batch.live[:] = live * (batch.gap > self.tol * self.primal(batch))

    def _pass(self, batch: _Batch, order: np.ndarray) -> None:
        batch.loss[:], batch.gap[:] = 0, 0
        self.sweep(*self.rows, self.costs, batch, order)
        # The multiplier's own step, on top of those along each coordinate.
        batch.offset[:] += batch.live * self.costs.spread * batch.balance

    def _balance(self, batch: _Batch) -> None:
        """Scale down the heavier of the duals with sign +1 and of those with -1."""
        if self.costs.spread == 0:
            return
        positive = np.einsum("ik,ik->k", batch.duals, batch.signs > 0)
        negative = np.einsum("ik,ik->k", batch.duals, batch.signs < 0)
        lighter = np.minimum(positive, negative)
        for total, side in ((positive, batch.signs > 0), (negative, batch.signs < 0)):
            scale = np.divide(lighter, total, out=np.zeros_like(total), where=total > 0)
            batch.duals[:] *= np.where(side, scale, 1)
        batch.balance[:] = 0

    def primal(self, batch: _Batch) -> Floats:
        """Objective of each problem, by the last sweep over all rows."""
        return batch.loss + np.einsum("dk,dk->k" if self.wide else "kd,kd->k", batch.table, batch.table) / 2

    def point(self, batches: list[_Batch]) -> PrimalDualPoint:
        """Gather what the batches hold, without the lanes that hold no problem."""
        tables = [batch.table.T if self.wide else batch.table for batch in batches]
        kept = [np.flatnonzero(batch.kept) for batch in batches]
        pairs = list(zip(batches, kept, strict=True))
        return PrimalDualPoint(
            coef=np.concatenate([table[lanes] for table, lanes in zip(tables, kept, strict=True)]),
            intercept=np.concatenate([batch.offset[lanes] for batch, lanes in pairs]),
            duals=np.concatenate([batch.duals[:, lanes] for batch, lanes in pairs], axis=1),
            primal=np.concatenate([self.primal(batch)[lanes] for batch, lanes in pairs]),
            gap=np.concatenate([batch.gap[lanes] for batch, lanes in pairs]),
        )


def _canonical(X: Any) -> Any:
    """X with contiguous rows and, where it is sparse, at most one entry a place."""
    if not sparse.issparse(X):
        return np.asarray(X, order="C")
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X


def _shuffled(rows: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Rows in random order, but short runs of neighbours together."""
    runs = random.permutation(-(-len(rows) // _RUN))
    order = (runs[:, None] * _RUN + np.arange(_RUN)).ravel()
    return rows[order[order < len(rows)]]
