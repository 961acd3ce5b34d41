"""Whether probabilities are as large as they are right."""

import numpy as np
from numpy.typing import ArrayLike

from maxmargin._checks import InputError, check_count


def expected_calibration_error(probabilities: ArrayLike, target: ArrayLike, n_bins: int = 15) -> float:
    """Mean distance between how sure a classifier is and how often it is right then.

    Rows are binned by the probability of their predicted class, in bins of equal width; it is
    ``sum_b n_b / n |accuracy_b - confidence_b|``.

    Parameters
    ----------
    probabilities : array, shape (n, n_classes)
        Rows that sum to one.
    target : array of int, shape (n,)
        Class indices.
    n_bins : int, default=15
        Number of bins.

    Returns
    -------
    float
        From 0, calibrated, to 1.

    Raises
    ------
    InputError
        If the shapes do not belong together, or there is no row or no bin.

    References
    ----------
    Guo, Pleiss, Sun and Weinberger (2017), On calibration of modern neural networks, eq. 3.

    Examples
    --------
    >>> probabilities = [[0.75, 0.25], [0.75, 0.25], [0.75, 0.25], [0.75, 0.25]]
    >>> expected_calibration_error(probabilities, [0, 0, 0, 1]), expected_calibration_error([[0, 1]], [0])
    (0.0, 1.0)
    """
    check_count(n_bins, "n_bins")
    sure, target = np.asarray(probabilities, dtype=np.float64), np.asarray(target)
    if sure.ndim != 2 or target.shape != (len(sure),) or not len(sure):
        raise InputError(
            f"probabilities have shape {sure.shape} and targets {target.shape}; give (n, n_classes) and (n,)"
        )
    confidence, right = sure.max(axis=1), sure.argmax(axis=1) == target
    # A bin has its upper edge: (0, 1/n], (1/n, 2/n], ...
    bins = np.clip(np.ceil(confidence * n_bins).astype(int) - 1, 0, n_bins - 1)
    gaps = np.bincount(bins, weights=right - confidence, minlength=n_bins)
    return float(np.abs(gaps).sum() / len(sure))
