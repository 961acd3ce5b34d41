"""A linear classifier fitted at one C after another: what the fits share is computed once."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from maxmargin._checks import InputError, check_positive
from maxmargin.linear._base import LinearClassifier


def check_strengths(Cs: Any) -> list[float]:
    """Return the values of C if they are positive and distinct.

    Raises
    ------
    InputError
        Otherwise, or where there is none.

    Examples
    --------
    >>> check_strengths((0.1, 1))
    [0.1, 1]
    """
    if isinstance(Cs, str) or not np.iterable(Cs):
        raise InputError(f"Cs is {Cs!r}; it must be a sequence of positive numbers")
    Cs = list(Cs)
    if not Cs:
        raise InputError("Cs is empty; give at least one positive number")
    for i, C in enumerate(Cs):
        check_positive(C, f"Cs[{i}]")
        if C in Cs[:i]:
            raise InputError(f"Cs[{i}] is {C!r}, which is there twice; give each C once")
    return Cs


def final_classifier(estimator: Any) -> tuple[str, LinearClassifier]:
    """Prefix of the classifier's parameters in the estimator, and the classifier, which may end a Pipeline.

    Raises
    ------
    InputError
        If there is no linear classifier of this package.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from maxmargin.linear import OneVsRestSVC
    >>> final_classifier(make_pipeline(StandardScaler(), OneVsRestSVC()))
    ('onevsrestsvc__', OneVsRestSVC())
    """
    prefix, classifier = "", estimator
    if isinstance(estimator, Pipeline):
        name, classifier = estimator.steps[-1]
        prefix = f"{name}__"
    if not isinstance(classifier, LinearClassifier):
        where = "the estimator" if not prefix else f"the last step {name!r} of the Pipeline"
        raise InputError(
            f"{where} is {' '.join(repr(classifier).split())}, which is no classifier of maxmargin.linear; "
            "choose one, such as OneVsRestSVC(), or a Pipeline that ends in one"
        )
    return prefix, classifier


def clone_with(estimator: Any, parameters: Mapping[str, Any]) -> Any:
    """A clone with these parameters, which may be estimators and are cloned too.

    Examples
    --------
    >>> from maxmargin.linear import OneVsRestSVC
    >>> clone_with(OneVsRestSVC(), {"C": 2.0})
    OneVsRestSVC(C=2.0)
    """
    model: Any = clone(estimator)
    values: Any = clone(dict(parameters), safe=False)
    return model.set_params(**values)


def warm_clone(estimator: Any, *, calibrated: bool) -> Any:
    """A clone whose every fit to the same rows begins at the last solution.

    Parameters
    ----------
    estimator : LinearClassifier or Pipeline
        What is cloned.
    calibrated : bool
        Whether probabilities are needed: a calibration changes neither solution nor prediction.
    """
    model: Any = clone(estimator)
    _, classifier = final_classifier(model)
    classifier.set_params(warm_start=True)
    if not calibrated and "probability" in classifier.get_params():
        classifier.set_params(probability=None)
    return model


def fits(model: Any, Cs: Sequence[float], X: Any, y: Any, **fit_params: Any) -> Iterator[LinearClassifier]:
    """Fit a warm clone at each C in turn and yield its classifier, the same object each time.

    The first fit checks and transforms the rows, the others go on with what the classifier then had.
    """
    prefix, classifier = final_classifier(model)
    classifier._kept, kept = [], []
    try:
        for C in Cs:
            model.set_params(**{f"{prefix}C": C})
            if kept:
                classifier._fit_to(*kept[0])
            else:
                model.fit(X, y, **fit_params)
                kept = classifier._kept
            yield classifier
    finally:
        del classifier._kept
