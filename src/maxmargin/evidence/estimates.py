"""The mean of what was measured, its interval, and the difference of two such means.

Runs with several seeds on one division into training and test rows differ by their training alone:
Student's interval of their mean. Folds share training rows: the correction of Nadeau and Bengio (2003)
widens it. One run says nothing about its training, and neither do runs that agree to the last digit; where
it is a share of test rows, Wilson's interval says how far these rows carry, and Newcombe's (1998, method 10)
how far the difference of two such shares does. That one takes the two sets of rows for independent, and so
is wide where they are the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from maxmargin._checks import InputError
from maxmargin.evidence.runs import place_of, repetition_of, settings_of
from maxmargin.metrics import LEVEL, wilson_interval

_Records = Sequence[Mapping[str, Any]]
_SAME = 1e-9, 1e-12  # of their size, and at all: what the subtraction of equal shares may leave
_ROUNDED = 1e-6  # how far a share that was written down may be from the counted one


@dataclass(frozen=True)
class Estimate:
    """A mean or a mean difference with its 95 % interval, out of ``n`` runs.

    ``next_low`` and ``next_high`` are where one further run falls in 95 of 100 cases; nan where the runs do
    not tell.
    """

    mean: float
    low: float
    high: float
    n: int
    std: float = np.nan
    next_low: float = np.nan
    next_high: float = np.nan


def estimate(records: _Records, measure: str, *, is_share: bool = True) -> Estimate:
    """Mean and interval of an entry of records that are repetitions of each other.

    Parameters
    ----------
    records : sequence of mapping
        At least one. ``n_test`` is read where there is one record, ``n_train`` too where they have a
        ``fold``.
    measure : str
        The entry.
    is_share : bool, default=True
        Whether it may be a share of test rows.

    Raises
    ------
    InputError
        If there is no record, or two of the same seed and fold, or one lacks an entry that is needed.

    Examples
    --------
    >>> records = [{"seed": seed, "error": error} for seed, error in enumerate((0.01, 0.02, 0.03))]
    >>> found = estimate(records, "error")
    >>> round(found.mean, 4), round(found.low, 4), round(found.high, 4), found.n
    (0.02, -0.0048, 0.0448, 3)
    >>> one = estimate([{"seed": 0, "error": 0.01, "n_test": 10000}], "error")
    >>> round(one.low, 4), round(one.high, 4)
    (0.0082, 0.0121)
    """
    runs = list(_by_repetition(records).values())
    values = np.array([_number(run, measure) for run in runs])
    if _agree(values):
        reach = _one_share(runs, measure) if is_share else (np.nan, np.nan)
        return Estimate(float(values[0]), *reach, len(values))
    return _over_runs(values, _correction(runs))


def difference(records: _Records, others: _Records, measure: str, *, is_share: bool = True) -> Estimate:
    """Mean of the first minus that of the second, repetition by repetition.

    Parameters
    ----------
    records, others : sequence of mapping
        Repetitions of two rows of a table; those that both have are compared.
    measure : str
        The entry.
    is_share : bool, default=True
        Whether it may be a share of test rows.

    Examples
    --------
    >>> ours = [{"seed": s, "error": e} for s, e in enumerate((0.010, 0.012, 0.011))]
    >>> theirs = [{"seed": s, "error": e} for s, e in enumerate((0.015, 0.018, 0.016))]
    >>> found = difference(ours, theirs, "error")
    >>> round(found.mean, 4), found.high < 0
    (-0.0053, True)
    """
    mine, yours = _by_repetition(records), _by_repetition(others)
    shared = [key for key in mine if key in yours]
    if not shared:
        raise InputError("the two rows have no seed or fold in common; run both with the same seeds")
    gaps = np.array([_number(mine[key], measure) - _number(yours[key], measure) for key in shared])
    if not _agree(gaps):
        return _over_runs(gaps, _correction([mine[key] for key in shared]))
    gap = float(gaps[0])
    if not is_share:
        return Estimate(gap, np.nan, np.nan, len(gaps))
    ones, others = [mine[key] for key in shared], [yours[key] for key in shared]
    (low, high), (other_low, other_high) = _one_share(ones, measure), _one_share(others, measure)
    p, q = _number(ones[0], measure), _number(others[0], measure)
    below, above = np.hypot(p - low, other_high - q), np.hypot(high - p, q - other_low)
    return Estimate(gap, gap - float(below), gap + float(above), len(gaps))


def mean_difference(differences: Sequence[Estimate]) -> Estimate:
    """Mean of one difference a data set, with Student's interval over the data sets.

    Each counts the same, however sure it is: the interval says what to expect of further data sets like
    these, where that of each says what its runs show.

    Parameters
    ----------
    differences : sequence of Estimate
        At least two. Where all are the same there is no interval.

    References
    ----------
    Demsar (2006), Statistical comparisons of classifiers over multiple data sets.

    Examples
    --------
    >>> gaps = [Estimate(mean, -1, 1, 5) for mean in (0.1, 0.2, 0.3)]
    >>> found = mean_difference(gaps)
    >>> round(found.mean, 3), round(found.low, 3), found.n
    (0.2, -0.048, 3)
    """
    means = np.array([one.mean for one in differences])
    if _agree(means):
        return Estimate(float(means[0]), np.nan, np.nan, len(means))
    return _over_runs(means, 0.0)


def _by_repetition(records: _Records) -> dict[tuple[Any, ...], Mapping[str, Any]]:
    if not records:
        raise InputError("there is no record of this row; run the experiment first")
    found: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for record in records:
        repetition = repetition_of(record)
        if repetition in found:
            raise InputError(
                f"two records of a row have the same seed and fold{place_of(record)}; "
                f"{_apart(found[repetition], record)}remove the one that no longer counts"
            )
        found[repetition] = record
    return found


def _apart(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """By which settings two records differ."""
    differing = [f"{k} {v} and {other.get(k)}" for k, v in settings_of(one).items() if v != other.get(k)]
    return f"they differ by {', '.join(differing)}: " if differing else ""


def _agree(values: NDArray[np.float64]) -> bool:
    relative, absolute = _SAME
    return bool(np.ptp(values) <= relative * np.abs(values).max() + absolute)


def _number(record: Mapping[str, Any], name: str) -> float:
    value = record.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{name} is {value!r} in a record{place_of(record)}; it must be a number")
    return float(value)


def _correction(records: _Records) -> float:
    """Nadeau's and Bengio's n_test / n_train where training rows are shared by folds."""
    folds = [record for record in records if record.get("fold") is not None]
    if not folds:
        return 0.0
    return float(np.mean([_number(record, "n_test") / _number(record, "n_train") for record in folds]))


def _over_runs(values: NDArray[np.float64], correction: float) -> Estimate:
    n, mean, std = len(values), float(values.mean()), float(values.std(ddof=1))
    reach = float(special.stdtrit(n - 1, 0.5 + LEVEL / 2)) * std
    half, further = reach * (1 / n + correction) ** 0.5, reach * (1 / n + 1) ** 0.5
    return Estimate(mean, mean - half, mean + half, n, std, mean - further, mean + further)


def _one_share(runs: _Records, measure: str) -> tuple[float, float]:
    """Wilson's interval of runs that agree, or nan where the entry is no share of their test rows."""
    value, n = _number(runs[0], measure), runs[0].get("n_test")
    if n is None or not 0 <= value <= 1 or abs(value - round(value * n) / n) > _ROUNDED:
        return np.nan, np.nan
    # Folds have test rows of their own, seeds the same ones.
    rows = sum(int(_number(run, "n_test")) for run in runs) if runs[0].get("fold") is not None else n
    return wilson_interval(round(value * rows), rows)
