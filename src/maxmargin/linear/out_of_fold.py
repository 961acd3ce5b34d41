"""Scores of rows that the fits have not seen, and the calibration fitted to them."""

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import column_or_1d
from sklearn.utils.validation import _check_sample_weight

from maxmargin._checks import check_at_least, check_choice
from maxmargin._typing import Floats, Ints
from maxmargin.calibration import CALIBRATIONS, Calibration, folds_of


def calibrate(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    method: str,
    n_folds: int = 5,
    random_state: Any = None,
) -> Calibration:
    """Fit a calibration to an estimator's out-of-fold scores.

    The rows' ``sample_weight`` counts in the fits and in the calibration; a ``class_weight`` of the estimator
    only in the fits, so that the probabilities are those of the data.

    Parameters
    ----------
    estimator, X, y, sample_weight, n_folds, random_state
        As in :func:`out_of_fold_scores`.
    method : {"temperature", "coupling"}
        :class:`~maxmargin.calibration.TemperatureScaling` or
        :class:`~maxmargin.calibration.PairwiseCoupling`.

    Returns
    -------
    TemperatureScaling or PairwiseCoupling
        The fitted calibration.

    Raises
    ------
    InputError
        Where ``method`` is unknown or every class has a single row.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from maxmargin.linear import OneVsRestSVC
    >>> from maxmargin.linear.out_of_fold import calibrate
    >>> X, y = load_iris(return_X_y=True)
    >>> calibration = calibrate(OneVsRestSVC(), X, y, method="temperature")
    >>> calibration.predict_proba([[1.0, -1.0, -1.0]]).shape
    (1, 3)
    """
    calibration = CALIBRATIONS[check_choice(method, CALIBRATIONS, "probability")]()
    scores, rows = out_of_fold_scores(
        estimator, X, y, sample_weight, n_folds=n_folds, random_state=random_state
    )
    y, weight = column_or_1d(y), _check_sample_weight(sample_weight, X, dtype=np.float64)
    target = np.searchsorted(np.unique(y[weight > 0]), y[rows])
    return calibration.fit(scores, target, weight[rows])


def out_of_fold_scores(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    n_folds: int = 5,
    random_state: Any = None,
) -> tuple[Floats, Ints]:
    """Scores of each row by a clone of the estimator that was fitted without it.

    The rows of a class are dealt in turn to the folds, so that every fit sees every class. The only row of a
    class is never held out. A clone is fitted to all rows with weight 0 for those held out, which is the fit
    without them and leaves X where it is.

    Parameters
    ----------
    estimator : classifier of this package
        What is cloned.
    X : array or CSR matrix of shape (n_samples, n_features)
        Training rows.
    y : array of shape (n_samples,)
        Labels.
    sample_weight : array of shape (n_samples,), optional
        Weight of each row; rows of weight 0 take no part.
    n_folds : int, default=5
        Folds, at the most: there are never more than rows to hold out.
    random_state : int, RandomState instance or None, default=None
        Shuffles the rows before they are dealt into folds; None keeps their order.

    Returns
    -------
    scores : ndarray of shape (n_held_out, n_classes)
        Scores of the rows held out, columns in the order of the sorted labels.
    rows : ndarray of shape (n_held_out,)
        Their positions in X, increasing.

    Raises
    ------
    InputError
        Where every class has a single row, or ``n_folds`` is below 2.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from maxmargin.linear import OneVsRestSVC
    >>> from maxmargin.linear.out_of_fold import out_of_fold_scores
    >>> X, y = load_iris(return_X_y=True)
    >>> scores, rows = out_of_fold_scores(OneVsRestSVC(), X, y)
    >>> scores.shape, len(rows)
    ((150, 3), 150)
    """
    check_at_least(n_folds, 2, "n_folds")
    y, weight = column_or_1d(y), _check_sample_weight(sample_weight, X, dtype=np.float64)
    fold = folds_of(y, weight, int(n_folds), random_state)
    classes = np.unique(y[weight > 0])
    scores = np.empty((len(y), len(classes)))
    uncalibrated = {"probability": None} if "probability" in estimator.get_params(deep=False) else {}
    for number in range(fold.max() + 1):
        held_out = fold == number
        model: Any = clone(estimator)
        model.set_params(**uncalibrated)
        model.fit(X, y, sample_weight=np.where(held_out, 0.0, weight))
        scores[held_out] = model._scores(X)[held_out]
    rows = np.flatnonzero(fold >= 0)
    return scores[rows], rows
