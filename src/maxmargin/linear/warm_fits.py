"""A linear classifier fitted at one C after another: what the fits share is computed once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
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
    """A clone whose every fit to the same rows begins at the last solution and fits the transformers once.

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
    if isinstance(model, Pipeline) and model.memory is None:
        model.set_params(memory=_FirstFit())
    return model


def fits(model: Any, Cs: Sequence[float], X: Any, y: Any, **fit_params: Any) -> Iterator[LinearClassifier]:
    """Fit a warm clone at each C in turn and yield its classifier, the same object each time."""
    for C in Cs:
        prefix, classifier = final_classifier(model)
        model.set_params(**{f"{prefix}C": C}).fit(X, y, **fit_params)
        yield classifier


class _FirstFit:
    """A Pipeline's memory of its first fit: the next ones are to the same rows and take its transformers."""

    def __init__(self) -> None:
        self._steps: list[Any] = []

    def cache(self, function: Callable[..., Any], **_: Any) -> Callable[..., Any]:
        """Call the function for each step of the first fit, and give the next ones what it returned."""
        kept = iter(self._steps) if self._steps else None

        def fit_transform(*args: Any, **kwargs: Any) -> Any:
            if kept is not None:
                return next(kept)
            self._steps.append(function(*args, **kwargs))
            return self._steps[-1]

        return fit_transform
