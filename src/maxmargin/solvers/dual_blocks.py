"""Block coordinate ascent on the dual of linear multi-class hinges."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from maxmargin._checks import InputError, check_choice
from maxmargin._typing import Floats

Kind = Literal["simplex", "box", "capped"]

_f4 = np.float32
_FLATTEST = 1e-6
_SPREAD = 0.03  # of 1 / bound
_PROGRESS = 0.9  # a round that leaves more of the smallest gap made none
_PATIENCE = 3  # such rounds in a row
_SCALES = np.append(1, 1 + np.geomspace(1e-7, 1, 25)).astype(_f4)  # by which weights may be stretched
_LARGEST_BOUND = 1e3  # times the mean squared length of the rows
_LEAST_BOUND = 1e-18  # below it 1 / bound would leave single precision no digits for the intercept


@dataclass(frozen=True)
class DualBlocks:
    """Where the sweeps stopped.

    Attributes
    ----------
    coef : ndarray of shape (n_classes, n_features)
        Weights: an average over the last sweeps, whose objective is lower than that of the last one,
        stretched where that lowers it further.
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
    most_visits: float = np.inf,
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
    near a centre, and the centre follows it. Sweeps end early where rounding keeps the gap from closing.

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
    most_visits : float, default=inf
        Visits of each row, in the mean, after which no new sweep over all rows begins.
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
    smallest, idle, iteration = gap * primal, 0, 0
    while gap > tol and iteration < max_iter and ascent.visits <= most_visits * len(ascent.live):
        iteration += 1
        ascent.recentre()
        moved = ascent.advance(min(3 * 2**iteration, 200))
        primal, dual, gap = ascent.values()
        if report is not None:
            report(iteration, primal)
        idle = 0 if gap * primal <= _PROGRESS * smallest else idle + 1
        smallest = min(smallest, gap * primal)
        if not moved or idle == _PATIENCE:
            break
    return DualBlocks(
        coef=np.ascontiguousarray(ascent.average[:-1, :n_classes].T, dtype=np.float64) * ascent.scale,
        intercept=ascent.average[-1, :n_classes].astype(np.float64) * ascent.scale,
        dual=ascent.shares(),
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
        from maxmargin.solvers import _dual_blocks_sweeps as compiled

        self.compiled = compiled
        n, d = X.shape
        lanes = -(-n_classes // compiled.LANES) * compiled.LANES
        self.n_classes, self.limits = n_classes, limits
        self.rows = compiled.rows_of(X)
        self.target = np.ascontiguousarray(target, dtype=np.int64)
        self.given_bounds = np.ascontiguousarray(bounds, dtype=np.float64)
        squares = compiled.squared_lengths(self.rows, n)
        if not squares.max(initial=0.0) < 1e30:
            raise InputError(
                f"a row of X has the squared length {squares.max():.3g}; scale the features down"
            )
        # Where no dual variable comes near a large bound, a smaller one has the same solution, and leaves
        # single precision the digits; where one does, this is as far as sweeps lead.
        mean = float(squares.mean()) * float(self.given_bounds.mean())
        self.share = _LARGEST_BOUND / max(mean, _LARGEST_BOUND)
        self.bounds = self.given_bounds * self.share
        # The intercept counts as a feature as long as an average row, or longer where duals at their bounds
        # move the scores by so little that it has the longer way to go.
        longest = max(float(squares.mean()) or 1.0, _SPREAD / max(float(self.bounds.mean()), _LEAST_BOUND))
        self.spring = longest if fit_intercept else 0.0
        self.curvatures = np.maximum((squares + self.spring) * self.bounds, _FLATTEST).astype(_f4)
        self.dual = compiled.aligned(n, lanes)
        if start is None:
            self.dual[np.arange(n), self.target] = 1
        else:
            others = np.array(start, dtype=np.float64)
            others[np.arange(n), self.target] = 0
            others = np.minimum(others / self.share, limits[0])
            others /= np.maximum(others.sum(axis=1, keepdims=True), 1) if limits[1] == 0 else 1
            self.dual[:, :n_classes] = others
            self.dual[np.arange(n), self.target] = 1 - others.sum(axis=1)
        self.weights, self.average = compiled.aligned(d + 1, lanes), compiled.aligned(d + 1, lanes)
        # Classes that do not exist score so low that nothing moves them.
        self.weights[-1, n_classes:] = compiled.NOWHERE
        self.centre = np.zeros(n_classes)
        self.buffers = compiled.aligned(3, lanes)
        self.preferences = np.ones(n)
        self.rng = np.random.default_rng(random_state)
        self.credit = self.rng.random(n)
        self.live, self.visits = np.flatnonzero(self.bounds > 0), 0
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
            count = self.compiled.schedule(working, self.preferences, self.credit, order)
            self.rng.shuffle(order[:count])
            _, gain = self.sweep(order[:count], usual)
            # An average that favours the late sweeps: about the last third of them.
            self.average += (self.weights - self.average) * _f4(3 / (k + 3))
        return moved

    def sweep(self, order: np.ndarray, usual: float) -> tuple[int, float]:
        """Visit rows in turn, as the compiled sweep says."""
        self.visits += len(order)
        problem = (self.rows, self.target, self.bounds, self.curvatures, self.spring)
        return self.compiled.sweep(
            *problem, self.weights, self.dual, order, self.preferences, usual, self.buffers, *self.limits
        )

    def values(self) -> tuple[float, float, float]:
        """Return the objective at the average, its lower bound, and the relative gap between them.

        Where the classes are apart, a large bound makes much of margins that are a little too narrow: the
        average is stretched until that is worth no more.
        """
        self._refresh()
        problem = (self.rows, self.target, self.given_bounds)
        losses = self.compiled.total_losses(
            *problem, self.average, _SCALES, self.live, self.buffers, *self.limits
        )
        squared = float(np.sum(self.average[:-1].astype(np.float64) ** 2))
        primals = _SCALES.astype(np.float64) ** 2 * squared / 2 + losses
        best = int(np.argmin(primals))
        self.scale, primal = float(_SCALES[best]), float(primals[best])
        dual = self.linear - self.squared / 2 - self.intercept @ self.balance
        # The intercept would move on by spring * balance, and the bound with it.
        gap = primal - dual + self.spring * (self.balance @ self.balance)
        return primal, dual, gap / max(primal, np.finfo(np.float64).tiny)

    def shares(self) -> Floats:
        """The dual variables in shares of the given bounds."""
        shares = self.share * self.dual[:, : self.n_classes].astype(np.float64)
        rows = np.arange(len(shares))
        shares[rows, self.target] = 0
        shares[rows, self.target] = 1 - shares.sum(axis=1)
        return shares

    def recentre(self) -> None:
        """Move the centre of the intercept to the intercept, and the intercept on by as much again."""
        self.centre = self.intercept
        self._place_intercept()

    def _refresh(self) -> None:
        """Make the weights anew from the dual variables, in double precision: sweeps let them drift."""
        weights = np.zeros((len(self.weights) - 1, self.n_classes))
        self.balance = np.zeros(self.n_classes)
        problem = (self.rows, self.target, self.bounds)
        self.linear = self.compiled.weigh(*problem, self.dual, weights, self.balance, self.limits[1])
        self.squared = float(np.vdot(weights, weights))
        self.weights[:-1, : self.n_classes] = weights
        self._place_intercept()

    def _place_intercept(self) -> None:
        self.intercept = self.centre + self.spring * self.balance
        self.weights[-1, : self.n_classes] = self.intercept
