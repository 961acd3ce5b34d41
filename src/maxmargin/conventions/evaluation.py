"""The objective of any coefficients under any convention."""

from typing import Any

import numpy as np
from sklearn.utils import check_array

from maxmargin._checks import InputError, check_nonnegative, check_positive
from maxmargin._typing import Floats, Ints
from maxmargin.conventions.conversion import as_floats, as_parameters
from maxmargin.conventions.table import Convention, Sizes, as_convention, pair_share
from maxmargin.losses import Loss


def evaluate(
    coef: Any,
    intercept: Any,
    X: Any,
    y: Any,
    parameter: float,
    convention: str | Convention = "maxmargin",
    *,
    loss: Loss,
    classes: Any = None,
    sample_weight: Any = None,
    epsilon: float = 0.0,
    n_all: int | None = None,
) -> float:
    """Value of an objective at any coefficients, in the units of ``convention``.

    ``[lambda] a P(W) + [C] / r sum_i weight_i loss_i + epsilon (|W|^2 + |b|^2)``, where P holds 1/2 (b/s)^2
    too if the convention regularises the intercept.

    Parameters
    ----------
    coef : array of shape (n_classes, n_features)
        Weights; of shape (1, n_features) under a binary convention.
    intercept : array of shape (n_classes,), 0 or None
        Intercepts; of shape (1,) under a binary convention. None and 0 stand for none.
    X : array or CSR matrix of shape (n_samples, n_features)
        Rows.
    y : array of shape (n_samples,)
        Targets, ints in 0..n_classes-1, or labels out of ``classes``.
    parameter : float
        C or lambda, positive.
    convention : str or Convention, default="maxmargin"
        A name out of ``CONVENTIONS``, or a row made by ``convention``. LIBSVM fits one vector to each pair of
        classes: evaluate each on the rows of its pair.
    loss : Loss
        The loss, with its margin of 1 and undivided, as maxmargin writes it.
    classes : array of shape (n_classes,), optional
        Labels in the order of the rows of ``coef``: the ``classes_`` of an estimator.
    sample_weight : array of shape (n_samples,), optional
        What each row's loss counts; 1 for all by default.
    epsilon : float, default=0.0
        The ridge of M3SVC and M3SVM. M3SVC at C is M3SVM at lambda = 1 / C with epsilon / C, times C.
    n_all : int, optional
        Rows with the test rows, by which the M3SVM script divides its penalty.

    Returns
    -------
    float
        Value of the objective.

    Raises
    ------
    InputError
        Where the convention lacks the loss, or an array or a number cannot be used.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import LinearSVC
    >>> from maxmargin.losses import OneVsRest, SquaredHinge
    >>> X, y = load_iris(return_X_y=True)
    >>> svm = LinearSVC(C=0.1, dual=False, tol=1e-8).fit(X, y)
    >>> l2_svm = OneVsRest(SquaredHinge())
    >>> round(evaluate(svm.coef_, svm.intercept_, X, y, 0.1, "liblinear", loss=l2_svm), 3)
    15.036
    """
    row = as_convention(convention)
    check_positive(parameter, "parameter")
    check_nonnegative(epsilon, "epsilon")
    coef, intercept = as_parameters(coef, intercept, row)
    n_classes = 2 if row.binary else len(coef)
    X, target, weight = _rows(X, y, sample_weight, coef.shape[1])
    target = _encoded(target, n_classes, classes)
    sizes: Sizes = {
        "n_samples": len(target),
        "n_classes": n_classes,
        "n_all": n_all,
        "total_weight": float(weight.sum()),
    }
    scores = np.asarray(X @ coef.T, dtype=np.float64) + intercept
    if row.binary:
        scores = np.hstack([-scores, scores]) * pair_share(loss)
    values = np.asarray(loss.value(scores / row.weight_scale(loss), target))
    risk = row.risk_weight(loss, sizes) * float(weight @ values)
    penalty = float(row.penalty.value_and_gradient(coef)[0])
    if row.intercept_scaling is not None:
        penalty += float(intercept @ intercept) / (2 * row.intercept_scaling**2)
    penalty *= row.penalty_weight(sizes)
    ridge = epsilon * float(np.vdot(coef, coef) + np.vdot(intercept, intercept))
    return (penalty + parameter * risk if row.parameter == "C" else parameter * penalty + risk) + ridge


def _rows(X: Any, y: Any, sample_weight: Any, n_features: int) -> tuple[Any, np.ndarray, Floats]:
    accepted: dict[str, Any] = {"accept_sparse": "csr", "dtype": [np.float64, np.float32]}
    try:
        X = check_array(X, **accepted)
    except (TypeError, ValueError) as error:
        raise InputError(f"X cannot be used: {str(error).splitlines()[0]}") from None
    if X.shape[1] != n_features:
        raise InputError(f"X has {X.shape[1]} columns, but coef has {n_features}; give the same features")
    y = np.asarray(y)
    if y.shape != (X.shape[0],):
        raise InputError(f"y has shape {y.shape}; it must be of shape ({X.shape[0]},), one label a row of X")
    weight = np.ones(len(y)) if sample_weight is None else as_floats(sample_weight, "sample_weight")
    if weight.shape != y.shape or (weight < 0).any():
        raise InputError(f"sample_weight must hold a number of at least 0 for each of the {len(y)} rows")
    return X, y, weight


def _encoded(y: np.ndarray, n_classes: int, classes: Any) -> Ints:
    labels = np.arange(n_classes) if classes is None else np.asarray(classes)
    if labels.shape != (n_classes,):
        raise InputError(f"classes has shape {labels.shape}; it must name the {n_classes} classes")
    unknown = y[~np.isin(y, labels)].tolist()
    if unknown:
        raise InputError(
            f"y holds {unknown[0]!r}, which is none of the classes {labels.tolist()}; "
            "give the labels of the rows of coef as classes"
        )
    order = np.argsort(labels)
    return order[np.searchsorted(labels, y, sorter=order)]
