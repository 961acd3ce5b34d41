"""The solutions of a linear classifier along C."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from maxmargin._typing import Floats
from maxmargin.linear.search import LinearSearchCV
from maxmargin.linear.warm_fits import check_strengths, final_classifier, fits, warm_clone


@dataclass(frozen=True)
class RegularizationPath:
    """Solutions at the given values of C, in the given order.

    Attributes
    ----------
    Cs : ndarray of shape (n_Cs,)
        Values of C.
    coefs : ndarray of shape (n_Cs, n_classes, n_features)
        Weights; OneVsOneSVC has one row a pair of classes.
    intercepts : ndarray of shape (n_Cs, n_classes)
        Intercepts.
    classes : ndarray of shape (n_classes,)
        Class labels, sorted.
    objectives : ndarray of shape (n_Cs,)
        Value of the objective at each solution.
    certificates : list of dict
        Proof of how near the optimum each is, as the estimator's ``certificate_``.
    n_iters : ndarray of shape (n_Cs,)
        Steps that each took from the solution before.
    test_scores : ndarray of shape (n_Cs, n_splits) or None
        Score on the test rows of each fold, where ``cv`` was given.
    """

    Cs: Floats
    coefs: Floats
    intercepts: Floats
    classes: np.ndarray
    objectives: Floats
    certificates: list[dict[str, float]]
    n_iters: np.ndarray
    test_scores: Floats | None


def regularization_path(
    estimator: Any,
    X: Any,
    y: Any,
    Cs: Sequence[float],
    cv: Any = None,
    *,
    scoring: Any = None,
    n_jobs: int | None = None,
    **fit_params: Any,
) -> RegularizationPath:
    """Fit a linear classifier at every C, in ascending order, each from the optimum at the one before.

    Parameters
    ----------
    estimator : LinearClassifier or Pipeline
        A classifier of this package, or a Pipeline that ends in one; it is cloned, and its C is not used.
    X : array, CSR matrix or what a Pipeline takes, of length n_samples
        Training rows.
    y : array of shape (n_samples,)
        Labels.
    Cs : sequence of float
        Values of C, positive and distinct, in any order.
    cv : int, splitter or iterable, default=None
        Folds on which to score each C as well; none by default.
    scoring : str, callable or None, default=None
        Score, as :class:`LinearSearchCV` takes it.
    n_jobs : int, default=None
        Processes, among which the folds are dealt.
    **fit_params : dict
        Passed to the fits, such as ``sample_weight``.

    Returns
    -------
    RegularizationPath
        Arrays with one entry a C, in the order given.

    Raises
    ------
    ValueError
        Where a parameter, X or y cannot be used.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from maxmargin.linear import OneVsRestSVC, regularization_path
    >>> X, y = load_iris(return_X_y=True)
    >>> path = regularization_path(OneVsRestSVC(), X, y, [0.01, 0.1, 1.0], cv=5)
    >>> path.coefs.shape, path.test_scores.shape
    ((3, 3, 4), (3, 5))
    """
    final_classifier(estimator)
    Cs = check_strengths(Cs)
    ascending = np.argsort(Cs)
    model = warm_clone(estimator, calibrated=False)
    solutions: list[Any] = [None] * len(Cs)
    for place, classifier in zip(
        ascending, fits(model, np.sort(Cs).tolist(), X, y, **fit_params), strict=True
    ):
        solutions[place] = (
            classifier.coef_,
            classifier.intercept_,
            classifier.objective_,
            classifier.certificate_,
            classifier.n_iter_,
        )
    coefs, intercepts, objectives, certificates, n_iters = zip(*solutions, strict=True)
    test_scores = None
    if cv is not None:
        search = LinearSearchCV(estimator, Cs, cv, scoring=scoring, refit=False, n_jobs=n_jobs)
        results = search.fit(X, y, **fit_params).cv_results_
        test_scores = np.column_stack([results[f"split{i}_test_score"] for i in range(search.n_splits_)])
    return RegularizationPath(
        np.asarray(Cs, dtype=np.float64),
        np.stack(coefs),
        np.stack(intercepts),
        final_classifier(model)[1].classes_,
        np.array(objectives),
        list(certificates),
        np.array(n_iters),
        test_scores,
    )
