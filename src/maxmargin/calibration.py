"""Maps from the scores of a margin classifier to class probabilities."""

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
from scipy.optimize import root_scalar
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state, gen_batches
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from maxmargin._checks import InputError
from maxmargin._typing import Floats, Ints

_LARGEST_SCORE = 1e290
"""Scores are clipped to this, so that differences, sums and multiples of them stay finite."""

_LOG_INVERSE_TEMPERATURES = -16.0, 700.0
"""Of scores whose mean distance from the largest is 1: from all but uniform to all but certain."""

_LEAD = 2.0**-48
"""Relative lead of the predicted class over an equally likely one before it: survives a logarithm."""

_CERTAIN = 1e-7
"""Pairwise probabilities are kept this far from 0 and 1, as LIBSVM does."""

_CHUNK_BYTES = 4_000_000
"""Size of one (rows, classes, classes) array."""


class Calibration(BaseEstimator, ABC):
    """Turns scores into probabilities whose largest is always the largest score's.

    Rows sum to one. Where a method would rank another class first, the row is replaced by the nearest one,
    ``min |q' - q|^2`` over the simplex under ``q'_y >= q'_k`` for all k, y being the predicted class: the
    classes above y share their mean with it, all others keep their probability.
    """

    def fit(self, scores: Any, target: Any, sample_weight: Any = None) -> Self:
        """Fit to scores of rows that were not trained on.

        Parameters
        ----------
        scores : array of shape (n_samples, n_classes)
            Scores, such as :func:`~maxmargin.linear.out_of_fold.out_of_fold_scores` gives; infinite ones
            count as 1e290.
        target : array of shape (n_samples,)
            Column of each row's class.
        sample_weight : array of shape (n_samples,), optional
            What each row's loss counts; 1 for all by default.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            Where the scores, targets or weights cannot be used.
        """
        scores, target = _finite(scores), np.asarray(target)
        weight = _check_sample_weight(sample_weight, scores, dtype=np.float64, ensure_non_negative=True)
        n, c = scores.shape
        if target.shape != (n,) or not np.isin(target, np.arange(c)).all():
            raise InputError(
                f"the targets are not the columns of {n} rows: give {n} integers of 0 to {c - 1}"
            )
        used = weight > 0
        if not used.any():
            raise InputError("no row of scores has a positive weight; give at least one")
        self._fit(scores[used], target[used], weight[used])
        return self

    @abstractmethod
    def _fit(self, scores: Floats, target: Ints, weight: Floats) -> None:
        """Fit to finite scores and positive weights."""

    @abstractmethod
    def _probabilities(self, scores: Floats) -> Floats:
        """Rows that sum to one, from finite scores."""

    def predict_proba(self, scores: Any) -> Floats:
        """Probability of each class.

        Parameters
        ----------
        scores : array of shape (n_samples, n_classes)
            Scores of the rows; infinite ones count as 1e290.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Rows sum to one, every entry is positive, and ``np.argmax`` of a row, or of its logarithm, is that
            of its scores: the first of the largest.

        Raises
        ------
        InputError
            Where a score is not a number.
        """
        check_is_fitted(self)
        probabilities = self._probabilities(_finite(scores))
        probabilities = np.maximum(probabilities, np.finfo(np.float64).tiny)
        return _led_by(np.argmax(scores, axis=1), probabilities)


class TemperatureScaling(Calibration):
    """Softmax of the scores over one temperature, the one of least log loss.

    Solves ``min_{T > 0} sum_i weight_i sum_k t_ik (-log q_ik)`` with ``q_i = softmax(s_i / T)`` and targets
    ``t_ik = (1 - e) [k = y_i] + e / n_classes``, ``e = 1 / (1 + sum_i weight_i)``: one row's worth of unknown
    labels, as in Platt's targets, without which separated scores would have no solution.
    The loss is convex in 1 / T; scores that say nothing of the class get a large T, which is all but uniform.

    Attributes
    ----------
    temperature_ : float
        T, in units of the scores.

    References
    ----------
    Guo, Pleiss, Sun and Weinberger (2017), On calibration of modern neural networks, section 4.2.
    Platt (2000), Probabilities for SV machines, section 2.2.

    Examples
    --------
    >>> import numpy as np
    >>> from maxmargin.calibration import TemperatureScaling
    >>> scores = np.array([[4.0, 0.0], [0.0, 4.0], [4.0, 0.0], [4.0, 0.0]])
    >>> calibration = TemperatureScaling().fit(scores, [0, 1, 0, 1])
    >>> round(calibration.temperature_, 3)
    4.721
    >>> calibration.predict_proba(scores[:1]).round(3)
    array([[0.7, 0.3]])
    """

    temperature_: float

    def _fit(self, scores: Floats, target: Ints, weight: Floats) -> None:
        below = scores - scores.max(axis=1, keepdims=True)
        scale = -float(below.mean())
        if scale == 0:
            self.temperature_ = 1.0
            return
        below /= scale
        unknown = 1 / (1 + weight.sum())
        own = below[np.arange(len(target)), target]
        weight /= weight.sum()
        observed = float(weight @ ((1 - unknown) * own + unknown * below.mean(axis=1)))

        def derivative(log_inverse: float) -> float:
            """Mean score under the model less the observed one, which is the loss's slope in 1 / T."""
            with np.errstate(over="ignore"):
                odds: Floats = np.exp(below * np.exp(log_inverse))
            return float(weight @ (np.einsum("ik,ik->i", odds, below) / odds.sum(axis=1))) - observed

        log_inverse, most = _LOG_INVERSE_TEMPERATURES
        if derivative(log_inverse) < 0:
            log_inverse = root_scalar(derivative, bracket=(log_inverse, most), xtol=1e-13).root
        self.temperature_ = max(scale * float(np.exp(-log_inverse)), 1e-300)

    def _probabilities(self, scores: Floats) -> Floats:
        with np.errstate(over="ignore"):
            return softmax((scores - scores.max(axis=1, keepdims=True)) / self.temperature_, axis=1)


class PairwiseCoupling(Calibration):
    """A sigmoid for each pair of classes, coupled into the probabilities that fit all pairs best.

    Pair k, l has ``r_kl = P(k | k or l) = 1 / (1 + exp(-(slope_kl (s_k - s_l) + offset_kl)))``, fitted to the
    rows of both classes under Platt's targets (N_k + 1) / (N_k + 2), N_k being the weight of class k; a pair
    of which a class has no row takes the sigmoid of the shared temperature, ``(s_k - s_l) / T``.
    Each row's probabilities then solve ``min_p sum_{k<l} (r_lk p_k - r_kl p_l)^2`` over the simplex.

    Attributes
    ----------
    slopes_ : ndarray of shape (n_classes, n_classes)
        Slope of each pair, per unit of the scores; symmetric.
    offsets_ : ndarray of shape (n_classes, n_classes)
        Offset of each pair; antisymmetric.

    References
    ----------
    Lin, Lin and Weng (2007), A note on Platt's probabilistic outputs for support vector machines.
    Wu, Lin and Weng (2004), Probability estimates for multi-class classification by pairwise coupling,
    their second method.

    Examples
    --------
    >>> import numpy as np
    >>> from maxmargin.calibration import PairwiseCoupling
    >>> scores = np.array([[4.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 4.0], [4.0, 0.0, 0.0]])
    >>> calibration = PairwiseCoupling().fit(scores, [0, 1, 2, 1])
    >>> calibration.predict_proba(scores[:2]).round(3)
    array([[0.392, 0.392, 0.215],
           [0.198, 0.639, 0.163]])
    """

    slopes_: Floats
    offsets_: Floats

    def _fit(self, scores: Floats, target: Ints, weight: Floats) -> None:
        self.slopes_, self.offsets_ = _pairwise_sigmoids(scores, target, weight)
        present = np.bincount(target, minlength=scores.shape[1]) > 0
        if not present.all():
            unseen = ~np.outer(present, present)
            self.slopes_[unseen] = 1 / TemperatureScaling().fit(scores, target, weight).temperature_
            self.offsets_[unseen] = 0.0

    def _probabilities(self, scores: Floats) -> Floats:
        n, c = scores.shape
        if c != len(self.slopes_):
            raise InputError(f"the scores have {c} columns; the coupling was fitted to {len(self.slopes_)}")
        probabilities = np.empty((n, c))
        for rows in gen_batches(n, max(1, _CHUNK_BYTES // (8 * c * c))):
            differences = scores[rows, :, None] - scores[rows, None, :]
            with np.errstate(over="ignore"):
                pairwise = expit(self.slopes_ * differences + self.offsets_)
            probabilities[rows] = _coupled(np.clip(pairwise, _CERTAIN, 1 - _CERTAIN))
        return probabilities


CALIBRATIONS: dict[str, type[Calibration]] = {
    "temperature": TemperatureScaling,
    "coupling": PairwiseCoupling,
}


def folds_of(y: np.ndarray, weight: Floats, n_folds: int, random_state: Any) -> Ints:
    """Fold of each row, those of a class dealt in turn; -1 without weight or where alone in its class.

    Raises
    ------
    InputError
        Where every class has a single row.

    Examples
    --------
    >>> import numpy as np
    >>> folds_of(np.array([0, 0, 0, 1, 1, 2]), np.ones(6), 2, None).tolist()
    [0, 1, 0, 1, 0, -1]
    """
    classes, target, counts = np.unique(y[weight > 0], return_inverse=True, return_counts=True)
    rows = np.flatnonzero(weight > 0)[counts[target] > 1]
    target = target[counts[target] > 1]
    if not len(rows):
        raise InputError(
            f"each of the {len(classes)} classes has a single row, so none can be held out to fit "
            "probabilities; give more rows or set probability to None"
        )
    order = np.arange(len(rows))
    if random_state is not None:
        order = check_random_state(random_state).permutation(len(rows))
    fold = np.full(len(y), -1)
    fold[rows[np.lexsort((order, target))]] = np.arange(len(rows)) % min(n_folds, len(rows))
    return fold


def _finite(scores: Any) -> Floats:
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim != 2 or scores.shape[1] < 2:
        raise InputError(f"the scores have shape {scores.shape}; they must be (n_samples, n_classes >= 2)")
    unknown = np.isnan(scores).any(axis=1)
    if unknown.any():
        raise InputError(f"the scores of row {np.argmax(unknown)} are not numbers; scale the features down")
    return np.clip(scores, -_LARGEST_SCORE, _LARGEST_SCORE)


def _led_by(predicted: Ints, probabilities: Floats) -> Floats:
    """Nearest rows of the simplex in which the predicted class is the first of the most probable."""
    everyone = np.arange(len(predicted))
    wrong = np.flatnonzero(probabilities.max(axis=1) > probabilities[everyone, predicted])
    if len(wrong):
        own = probabilities[wrong, predicted[wrong]]
        probabilities[wrong, predicted[wrong]] = np.inf
        decreasing = -np.sort(-probabilities[wrong], axis=1)
        decreasing[:, 0] = own
        # Pooling y with the j largest others gives the mean of the j + 1; the right j gives the largest mean.
        means = np.cumsum(decreasing, axis=1) / np.arange(1, probabilities.shape[1] + 1)
        probabilities[wrong] = np.minimum(probabilities[wrong], means.max(axis=1, keepdims=True))
    top = probabilities[everyone, predicted][:, None]
    before = np.arange(probabilities.shape[1]) < predicted[:, None]
    return np.minimum(probabilities, np.where(before, top * (1 - _LEAD), top))


def _coupled(pairwise: Floats) -> Floats:
    """Solve ``min_p sum_{k<l} (r_lk p_k - r_kl p_l)^2`` over ``sum(p) = 1`` for each matrix r.

    With ``Q_kk = sum_{l != k} r_lk^2`` and ``Q_kl = -r_lk r_kl`` the optimum has ``Q p`` constant, hence p is
    the solution of ``(Q + 1 1') x = 1`` over its sum; it is positive without being asked to.
    """
    diagonal = np.arange(pairwise.shape[1])
    pairwise[:, diagonal, diagonal] = 0.0
    matrix = 1.0 - pairwise * np.swapaxes(pairwise, 1, 2)
    matrix[:, diagonal, diagonal] += np.square(pairwise).sum(axis=1)
    solution = np.maximum(np.linalg.solve(matrix, np.ones(len(diagonal))), 0.0)
    return solution / solution.sum(axis=1, keepdims=True)


def _pairwise_sigmoids(scores: Floats, target: Ints, weight: Floats) -> tuple[Floats, Floats]:
    """Slopes and offsets of all pairs at once, by Newton's method with a backtracking of each pair's own."""
    c = scores.shape[1]
    count = np.bincount(target, weights=weight, minlength=c)
    rows = [np.flatnonzero(target == k) for k in range(c)]
    leads = [scores[i, k][:, None] - scores[i] for k, i in enumerate(rows)]
    size = np.array([np.abs(lead).sum(axis=0) for lead in leads])
    n_rows = np.bincount(target, minlength=c)
    # In units of each pair's mean lead, Newton's steps are those of well-scaled scores.
    scale = np.maximum((size + size.T) / np.maximum(n_rows[:, None] + n_rows, 1), 1e-280)
    goals = (count + 1) / (count + 2)
    classes = [(leads[k] / scale[k], weight[i], float(goals[k])) for k, i in enumerate(rows)]
    tolerance = 1e-10 * (1 + count[:, None] + count)

    slopes, step = np.zeros((c, c)), np.ones((c, c))
    offsets = np.subtract.outer(np.log1p(count), np.log1p(count))
    state = _loss_and_derivatives(classes, slopes, offsets)
    for _ in range(100):
        loss, by_slope, by_offset, curved, mixed, flat = state
        if np.all((np.abs(by_slope) <= tolerance) & (np.abs(by_offset) <= tolerance) | (step < 1e-10)):
            break
        # This keeps the Hessian definite where all leads of a pair are equal.
        curved, flat = curved + 0.01 * tolerance, flat + 0.01 * tolerance
        determinant = curved * flat - mixed**2
        to_slope = (mixed * by_offset - flat * by_slope) / determinant
        to_offset = (mixed * by_slope - curved * by_offset) / determinant
        decrease = 1e-4 * step * (by_slope * to_slope + by_offset * to_offset)
        trial = slopes + step * to_slope, offsets + step * to_offset
        trial_state = _loss_and_derivatives(classes, *trial)
        accepted = trial_state[0] <= loss * (1 + 1e-14) + decrease
        slopes, offsets = np.where(accepted, trial[0], slopes), np.where(accepted, trial[1], offsets)
        state, step = np.where(accepted, trial_state, state), np.where(accepted, 1.0, step / 2)
    return slopes / scale, offsets


def _loss_and_derivatives(
    classes: list[tuple[Floats, Floats, float]], slopes: Floats, offsets: Floats
) -> Floats:
    """Loss of every pair and its derivatives by slope, offset, slope twice, both, offset twice."""
    sums = np.empty((6, *slopes.shape))
    for k, (lead, weight, goal) in enumerate(classes):
        z = slopes[k] * lead + offsets[k]
        q = expit(z)
        residual, curvature = q - goal, q * (1 - q)
        terms = (np.logaddexp(0, z) - goal * z, residual * lead, residual)
        second = (curvature * lead**2, curvature * lead, curvature)
        sums[:, k] = [weight @ term for term in terms + second]
    # Pair (k, l) is pair (l, k) seen from the other side: the offset and what is odd in it change their sign.
    odd = np.array([1.0, 1.0, -1.0, 1.0, -1.0, 1.0])[:, None, None]
    return sums + odd * np.swapaxes(sums, 1, 2)
