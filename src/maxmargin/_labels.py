"""Labels as classifiers number them, and what the rows of each class count."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from maxmargin._checks import InputError, check_nonnegative
from maxmargin._typing import Floats, Ints

ClassWeight = Mapping[Any, float] | Literal["balanced"] | None


def numbered(y: np.ndarray, weight: Floats, class_weight: Any, name: str) -> tuple[np.ndarray, Ints, Floats]:
    """Classes with a positive weight, each row's column among them, and its full weight.

    Raises
    ------
    InputError
        Where the classifier called ``name`` has fewer than two classes, or ``class_weight`` cannot be used.

    Examples
    --------
    >>> numbered(np.array(["b", "a", "b"]), np.ones(3), {"a": 2.0}, "SVC")
    (array(['a', 'b'], dtype='<U1'), array([1, 0, 1]), array([1., 2., 1.]))
    """
    classes = np.unique(y[weight > 0])
    if len(classes) < 2:
        raise InputError(
            f"{name} needs rows of at least two classes with positive sample_weight; "
            f"the labels hold one class: {classes.tolist()}"
        )
    target = columns_of(y, weight, classes)
    return classes, target, weight * _weight_of_classes(class_weight, classes, target, weight)[target]


def columns_of(y: np.ndarray, weight: Floats, classes: np.ndarray) -> Ints:
    """Place of each label among the classes; rows of weight 0 may hold others, and take part with any."""
    return np.searchsorted(classes, np.where(weight > 0, y, classes[0]))


def _weight_of_classes(class_weight: Any, classes: np.ndarray, target: Ints, weight: Floats) -> Floats:
    if class_weight is None:
        return np.ones(len(classes))
    if isinstance(class_weight, str) and class_weight == "balanced":
        return weight.sum() / (len(classes) * np.bincount(target, weights=weight))
    if not isinstance(class_weight, Mapping):
        raise InputError(f"class_weight is {class_weight!r}; it must be a dict, 'balanced' or None")
    unknown = [label for label in class_weight if label not in classes]
    # Where each class has its weight, a label more is one that these rows, such as those of a fold, lack.
    if unknown and len(class_weight) - len(unknown) < len(classes):
        raise InputError(f"class_weight names {unknown}, which are not among the labels {classes.tolist()}")
    for label, value in class_weight.items():
        check_nonnegative(value, f"class_weight[{label!r}]")
    return np.array([class_weight.get(label, 1.0) for label in classes], dtype=np.float64)
