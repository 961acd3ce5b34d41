"""Sequential minimal optimisation of every pair of small groups of rows: many machines, each of few rows."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils.extmath import safe_sparse_dot

from maxmargin._typing import Floats, Ints
from maxmargin.solvers._solution import Solution

_ROWS_AT_ONCE = 4096  # whose products with one group, and with their own, are held
_MOST_VISITS = 2e6  # of rows in the steps of a problem: some milliseconds


class PairsPoint(NamedTuple):
    """Weights of every pair, and the proof of how good they are.

    Attributes
    ----------
    coef : ndarray of shape (n_pairs, n_features)
        Weights, pairs in the order (0, 1), (0, 2), ..., (1, 2), ....
    intercept : ndarray of shape (n_pairs,)
        Intercepts.
    primal : ndarray of shape (n_pairs,)
        Objectives.
    gap : ndarray of shape (n_pairs,)
        Objective less dual value, and what rounding may hide of it: how far each lies above its minimum.
    """

    coef: Floats
    intercept: Floats
    primal: Floats
    gap: Floats


def minimize_smo_pairs(
    X: Any,
    groups: Sequence[Ints],
    bounds: Floats,
    *,
    squared: bool,
    fit_intercept: bool,
    tol: float = 1e-4,
    max_iter: int = 1000,
    n_threads: int = 1,
) -> Solution:
    """Solve ``min 1/2 |w|^2 + sum_i u_i phi(1 - t_i (w.x_i + b))`` on the rows of each pair of groups.

    t is +1 in the first group of the pair and -1 in the second, phi(z) is max(z, 0) or its square, and b is
    free and costs nothing, or is 0. The steps are those of :func:`~maxmargin.solvers.smo.minimize_smo` on the
    Gram matrix of the pair: its rows should be few.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Rows, of float64 or float32; they are not copied as a whole.
    groups : sequence of arrays of int
        Rows of X of each group, none of them empty.
    bounds : ndarray of shape (n_samples,)
        u: what each row's loss counts, above 0 in the groups.
    squared : bool
        Whether phi is the squared hinge.
    fit_intercept : bool
        Whether b is free.
    tol : float, default=1e-4
        Largest gap of a pair relative to its objective. A pair that takes many steps is given up before.
    max_iter : int, default=1000
        Sweeps, of as many steps as a pair has rows, at the most.
    n_threads : int, default=1
        Threads to share the pairs among. It changes no result.

    Returns
    -------
    Solution
        Its ``point`` is a PairsPoint, its iterations the most sweeps that a pair took.

    References
    ----------
    Fan, Chen and Lin (2005), Working set selection using second order information for training SVM.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.array([[0.0], [1.0], [3.0], [7.0]])
    >>> groups = [np.array([0, 1]), np.array([2]), np.array([3])]
    >>> options = {"squared": False, "fit_intercept": True, "tol": 1e-9}
    >>> point = minimize_smo_pairs(X, groups, np.full(4, 10.0), **options).point
    >>> point.coef.round(6).ravel().tolist(), point.intercept.round(6).tolist()
    ([-1.0, -0.333333, -0.5], [2.0, 1.333333, 2.5])
    """
    began = time.perf_counter()
    pairs = _Pairs.of(X, groups, bounds, (squared, fit_intercept, tol, _MOST_VISITS, max_iter))
    with ThreadPoolExecutor(n_threads) as pool:
        for part in pairs.parts():
            list(pool.map(partial(pairs.solve, part), range(part.stop - 1)))
    found = pairs.found
    point = PairsPoint(pairs.coef, found[:, 0], found[:, 1], found[:, 2])
    converged = bool(np.all(point.gap <= tol * point.primal))
    sweeps = int(np.ceil(found[:, 3].max()))
    return Solution(point, sweeps, time.perf_counter() - began, "converged" if converged else "stalled")


@dataclass(frozen=True)
class _Part:
    """Neighbouring groups, from ``begin`` to ``stop - 1``, in memory.

    ``starts`` has the first of their rows of each, and ``places`` where its Gram matrix begins in ``within``.
    """

    begin: int
    stop: int
    numbers: Ints
    rows: Any
    starts: Ints
    within: Floats
    places: Ints

    @classmethod
    def of(cls, X: Any, groups: Sequence[Ints], begin: int, stop: int, centre: Floats | None) -> "_Part":
        numbers, sizes = np.concatenate(groups[begin:stop]), [len(group) for group in groups[begin:stop]]
        rows, starts = _rows(X, numbers, centre), np.append(0, np.cumsum(sizes))
        grams = [_products(rows[first:last], rows[first:last]) for first, last in pairwise(starts)]
        within, places = np.concatenate([gram.ravel() for gram in grams]), np.cumsum(np.square(sizes))
        return cls(begin, stop, numbers, rows, starts, within, np.append(0, places))


@dataclass(frozen=True)
class _Pairs:
    """The groups and what is found of their pairs."""

    X: Any
    groups: Sequence[Ints]
    bounds: Floats
    centre: Floats | None
    rule: tuple[bool, bool, float, float, int]
    coef: Floats
    found: Floats

    @classmethod
    def of(cls, X: Any, groups: Sequence[Ints], bounds: Floats, rule: Any) -> "_Pairs":
        n_pairs = len(groups) * (len(groups) - 1) // 2
        # Where the dual variables balance, any centre of the rows will do: the nearest costs fewest digits.
        centre = None if sparse.issparse(X) or not rule[1] else _mean(X, groups)
        return cls(X, groups, bounds, centre, rule, np.empty((n_pairs, X.shape[1])), np.empty((n_pairs, 4)))

    def parts(self) -> Iterator[_Part]:
        """All groups, so many at a time that their rows are few enough."""
        ends, begin = np.cumsum([len(group) for group in self.groups]), 0
        while begin < len(ends):
            before = ends[begin - 1] if begin else 0
            stop = max(begin + 1, int(np.searchsorted(ends, before + _ROWS_AT_ONCE, side="right")))
            yield _Part.of(self.X, self.groups, begin, stop, self.centre)
            begin = stop

    def solve(self, part: _Part, k: int) -> None:
        """Solve the pairs of group k with the later ones of the part."""
        from maxmargin.solvers._smo_pairs_steps import solve_pairs

        begin = max(part.begin, k + 1)
        starts, places = part.starts[begin - part.begin :], part.places[begin - part.begin :]
        theirs, rows = part.numbers[starts[0] :], part.rows[starts[0] :]
        mine, own_rows = self.groups[k], _rows(self.X, self.groups[k], self.centre)
        first = k * (2 * len(self.groups) - k - 1) // 2 + begin - k - 1
        pairs, n_pairs = slice(first, first + part.stop - begin), part.stop - begin
        own_coef, coef = np.empty((n_pairs, len(mine))), np.empty(len(theirs))
        solve_pairs(
            _products(own_rows, rows),
            _products(own_rows, own_rows),
            part.within,
            places,
            starts - starts[0],
            self.bounds[mine],
            self.bounds[theirs],
            self.rule,
            own_coef,
            coef,
            self.found[pairs],
        )
        by_pair = sparse.csr_array(
            (coef, np.arange(len(theirs)), starts - starts[0]), shape=(n_pairs, len(theirs))
        )
        self.coef[pairs] = own_coef @ own_rows + safe_sparse_dot(by_pair, rows, dense_output=True)
        if self.centre is not None:
            self.found[pairs, 0] -= self.coef[pairs] @ self.centre


def _rows(X: Any, numbers: Ints, centre: Floats | None) -> Any:
    rows = X[numbers]
    if sparse.issparse(rows):
        return rows.astype(np.float64)
    return np.asarray(rows, dtype=np.float64) - (0.0 if centre is None else centre)


def _mean(X: np.ndarray, groups: Sequence[Ints]) -> Floats:
    sums = [X[group].sum(axis=0, dtype=np.float64) for group in groups]
    return np.sum(sums, axis=0) / sum(map(len, groups))


def _products(a: Any, b: Any) -> Floats:
    return np.ascontiguousarray(safe_sparse_dot(a, b.T, dense_output=True))
