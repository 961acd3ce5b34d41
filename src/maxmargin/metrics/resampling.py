"""Which of several methods is better, judged from the same repeated train/test splits.

Scores of overlapping training sets are correlated, so the usual variance of their mean is too small
by far. Nadeau and Bengio (2003), Inference for the generalization error, Machine Learning 52,
replace the factor 1/J of J splits by 1/J + n_test/n_train; everything here rests on that correction.

An accuracy is a multiple of 1/n_test, so a few splits may agree by chance and show no spread at all.
The variance is therefore taken as no less than that of the rounding, 1 / (12 n_test^2).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from maxmargin._checks import InputError

LEVEL = 0.95
"""Confidence level of the intervals; a difference is called real where its adjusted p is below 1 - LEVEL."""


class TTest(NamedTuple):
    """A mean difference, and what the splits say about it; all but ``mean`` are nan for a single split."""

    mean: float
    statistic: float
    p_value: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Row:
    """One method of a comparison; differences are this method minus the best, so they are at most 0."""

    method: str
    mean: float
    std: float
    low: float
    high: float
    difference: float
    difference_low: float
    difference_high: float
    p_value: float
    p_holm: float
    real: bool


@dataclass(frozen=True)
class Comparison:
    """The best method and every method's row, the highest mean first."""

    best: str
    rows: tuple[Row, ...]


def corrected_resampled_ttest(differences: ArrayLike, n_train: int, n_test: int) -> TTest:
    """Test whether the mean difference over repeated splits is zero.

    ``t = mean / sqrt((1/J + n_test/n_train) * variance)`` with J - 1 degrees of freedom, two-sided.

    Parameters
    ----------
    differences : array, shape (J,)
        Score of one method minus that of another, split by split.
    n_train, n_test : int
        Number of training and of test samples of a split.

    Returns
    -------
    TTest
        ``mean``, ``statistic``, ``p_value`` and the 95 % ``interval`` of the mean. One split says nothing
        about spread: all but the mean are nan.

    Raises
    ------
    InputError
        If there is no difference, one is not finite, or a sample count is not positive.

    Examples
    --------
    >>> test = corrected_resampled_ttest([0.02, 0.01, 0.03, 0.02], n_train=300, n_test=100)
    >>> round(test.statistic, 2), round(test.p_value, 3)
    (3.21, 0.049)
    """
    d = _finite_vector(differences, "differences")
    mean = float(d.mean())
    if d.size == 1:
        return TTest(mean, np.nan, np.nan, (np.nan, np.nan))
    error = _corrected_standard_error(d, n_train, n_test)
    statistic = mean / error
    half = _quantile(d.size, LEVEL) * error
    return TTest(
        mean, statistic, float(2 * special.stdtr(d.size - 1, -abs(statistic))), (mean - half, mean + half)
    )


def resampled_interval(
    scores: ArrayLike, n_train: int, n_test: int, level: float = LEVEL
) -> tuple[float, float]:
    """Confidence interval of a mean accuracy over repeated splits, with the same corrected variance.

    Parameters
    ----------
    scores : array, shape (J,)
        Accuracies in [0, 1], one per split.
    n_train, n_test : int
        Number of training and of test samples of a split.
    level : float
        Between 0 and 1.

    Returns
    -------
    (low, high)
        Clipped to [0, 1]; both nan for a single split.

    Raises
    ------
    InputError
        If there is no score, one is not finite, a sample count is not positive, or the level is not
        between 0 and 1.

    Examples
    --------
    >>> low, high = resampled_interval([0.90, 0.92, 0.91], n_train=300, n_test=100)
    >>> round(low, 3), round(high, 3)
    (0.875, 0.945)
    """
    s = _finite_vector(scores, "scores")
    if not 0 < level < 1:
        raise InputError(f"level is {level}; it must be between 0 and 1, such as 0.95")
    if s.size == 1:
        return np.nan, np.nan
    half = _quantile(s.size, level) * _corrected_standard_error(s, n_train, n_test)
    return float(max(s.mean() - half, 0.0)), float(min(s.mean() + half, 1.0))


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjust p-values for their number, by the step-down method of Holm (1979).

    Calling those below a level significant keeps the probability of a single false call below that level.

    Parameters
    ----------
    p_values : array, shape (m,)
        Without nan.

    Returns
    -------
    array, shape (m,)
        Adjusted p-values, at most 1, in the given order.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    array([0.03, 0.06, 0.06])
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1)), 1.0)
    return adjusted


def compare_methods(accuracies: Mapping[str, Sequence[float]], n_train: int, n_test: int) -> Comparison:
    """Rank methods by mean accuracy and test each against the best.

    Parameters
    ----------
    accuracies : mapping from method to sequence of float
        One accuracy per split, the same splits in the same order for every method.
    n_train, n_test : int
        Number of training and of test samples of a split.

    Returns
    -------
    Comparison
        Rows by descending mean, ties in the order of the mapping. ``p_holm`` is adjusted over the
        comparisons with the best; ``real`` says that it is below 0.05. The best method's own p-values
        are nan, and with a single split all are.

    Raises
    ------
    InputError
        If there is no method, or two methods have different numbers of splits.

    Examples
    --------
    >>> comparison = compare_methods({"a": [0.90, 0.91, 0.92], "b": [0.80, 0.83, 0.81]}, 300, 100)
    >>> comparison.best, [row.real for row in comparison.rows]
    ('a', [False, True])
    """
    if not accuracies:
        raise InputError("no method to compare; give at least one method with its accuracies")
    scores = {
        method: _finite_vector(values, f"accuracies of {method!r}") for method, values in accuracies.items()
    }
    sizes = {method: values.size for method, values in scores.items()}
    if len(set(sizes.values())) > 1:
        raise InputError(f"methods have different numbers of splits: {sizes}; give the same splits for all")
    # Rounded, so that the order of summation does not break a tie.
    order = sorted(scores, key=lambda method: -round(float(scores[method].mean()), 12))
    best, *others = order
    tests = {m: corrected_resampled_ttest(scores[m] - scores[best], n_train, n_test) for m in others}
    adjusted = dict(zip(others, holm([tests[m].p_value for m in others]), strict=True))
    rows = []
    for method in order:
        own = scores[method]
        low, high = resampled_interval(own, n_train, n_test)
        test = tests.get(method, TTest(0.0, np.nan, np.nan, (0.0, 0.0)))
        p_holm = float(adjusted.get(method, np.nan))
        rows.append(
            Row(
                method=method,
                mean=float(own.mean()),
                std=float(own.std(ddof=1)) if own.size > 1 else np.nan,
                low=low,
                high=high,
                difference=test.mean,
                difference_low=test.interval[0],
                difference_high=test.interval[1],
                p_value=test.p_value,
                p_holm=p_holm,
                real=p_holm < 1 - LEVEL,
            )
        )
    return Comparison(best=best, rows=tuple(rows))


def _finite_vector(values: ArrayLike, what: str) -> NDArray[np.float64]:
    vector = np.asarray(values, dtype=np.float64)
    if vector.ndim != 1 or vector.size == 0:
        raise InputError(f"{what} has shape {vector.shape}; it must be a vector with one number per split")
    if not np.isfinite(vector).all():
        split = int(np.flatnonzero(~np.isfinite(vector))[0])
        raise InputError(
            f"{what} contains {vector[split]} for split {split}; every split needs a finite number"
        )
    return vector


def _corrected_standard_error(values: NDArray[np.float64], n_train: int, n_test: int) -> float:
    if n_train < 1 or n_test < 1:
        raise InputError(f"n_train is {n_train} and n_test is {n_test}; both must be at least 1")
    variance = max(float(values.var(ddof=1)), 1 / (12 * n_test**2))
    return float(np.sqrt((1 / values.size + n_test / n_train) * variance))


def _quantile(n_splits: int, level: float) -> float:
    return float(special.stdtrit(n_splits - 1, 0.5 + level / 2))
