"""Tables and images as a network's classifier is given them, checked and in the shape that the net takes."""

import math
from numbers import Real
from typing import Any

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from maxmargin._checks import InputError
from maxmargin._tensors import checked_labels, checked_rows, in_memory
from maxmargin._typing import Ints

_FLOATS = [np.float64, np.float32]


def training_rows(classifier: Any, X: Any, y: Any, *, reset: bool) -> tuple[torch.Tensor, np.ndarray]:
    """Rows to train on and their labels in memory; where ``reset``, their shape becomes the classifier's.

    Raises
    ------
    ValueError
        Where they cannot be used.
    """
    if isinstance(X, torch.Tensor):
        flat = checked_rows(classifier, _flat(X), reset=reset)
        y = checked_labels(classifier, flat, y)
    else:
        flat, y = validate_data(classifier, _flat(X), in_memory(y), reset=reset, dtype=_FLOATS)
    check_classification_targets(y)
    rows = _shaped(flat, X, classifier.image_shape)
    if reset:
        classifier.input_shape_ = tuple(rows.shape[1:])
    _check_shape(rows, classifier.input_shape_)
    return rows, y


def new_rows(classifier: Any, X: Any) -> torch.Tensor:
    """Rows to predict.

    Raises
    ------
    ValueError
        Where they cannot be used, or are not as those that the classifier was trained on.
    """
    if isinstance(X, torch.Tensor):
        flat = checked_rows(classifier, _flat(X), reset=False)
    else:
        flat = validate_data(classifier, _flat(X), reset=False, dtype=_FLOATS)
    rows = _shaped(flat, X, classifier.image_shape)
    _check_shape(rows, classifier.input_shape_)
    return rows


def parts_of(labels: np.ndarray, share: float | None, seed: int) -> tuple[Ints, Ints | None]:
    """Numbers of the rows to train on, and of those to validate on, the same share of each class.

    Raises
    ------
    InputError
        Where the share is not between 0 and 1, or leaves a part without a row of each class.

    Examples
    --------
    >>> kept, held_out = parts_of(np.repeat([0, 1], 10), 0.2, seed=0)
    >>> len(kept), np.sort(held_out) // 10
    (16, array([0, 0, 1, 1]))
    """
    everyone = np.arange(len(labels))
    if share is None:
        return everyone, None
    if isinstance(share, bool) or not isinstance(share, Real) or not 0 < share < 1:
        raise InputError(f"validation_fraction is {share!r}; it must lie between 0 and 1")
    classes, counts = np.unique(labels, return_counts=True)
    if counts.min() < 2:
        raise InputError(
            f"class {classes.tolist()[counts.argmin()]!r} has one row, and a part of each class is held out "
            "for validation; give it more rows, or fit without early_stopping and validation_fraction"
        )
    n = len(labels)
    held_out = min(n - math.ceil(share * n), math.ceil(share * n))
    if held_out < len(classes):
        raise InputError(
            f"validation_fraction is {share:g}, which parts {n} rows of {len(classes)} classes in "
            f"{n - math.ceil(share * n)} and {math.ceil(share * n)}; each part needs a row a class"
        )
    parts: Any = train_test_split(everyone, test_size=share, stratify=labels, random_state=seed)
    return parts[0], parts[1]


def _flat(X: Any) -> Any:
    """Images and other arrays of many dimensions as rows; all else as it is."""
    shape = getattr(X, "shape", ())
    return X.reshape(shape[0], -1) if len(shape) > 2 and 0 not in shape else X


def _shaped(flat: Any, X: Any, image_shape: tuple[int, ...] | None) -> torch.Tensor:
    """Checked rows in their own shape, images with the channels first."""
    rows = flat if isinstance(flat, torch.Tensor) else torch.tensor(flat)
    shape = getattr(X, "shape", ())
    if len(shape) > 2:
        return rows.reshape(*shape)
    if image_shape is None:
        return rows
    if len(image_shape) not in (2, 3) or rows.shape[1] != np.prod(image_shape):
        raise InputError(
            f"image_shape is {image_shape!r} and rows hold {rows.shape[1]} values; it must be "
            "(height, width) or (height, width, channels) of as many values"
        )
    height, width, *channels = image_shape
    return rows.reshape(len(rows), height, width, *(channels or [1])).permute(0, 3, 1, 2).contiguous()


def _check_shape(rows: torch.Tensor, expected: tuple[int, ...]) -> None:
    shape = tuple(rows.shape[1:])
    if shape != expected:
        raise InputError(f"X has rows of shape {shape}; the net was trained on rows of shape {expected}")
