"""Torch tensors as classifiers take and answer them; torch itself is imported by whoever made them."""

from typing import Any

import numpy as np
from array_api_compat import array_namespace, is_torch_array, to_device
from sklearn.utils.validation import check_X_y, validate_data

from maxmargin._checks import InputError
from maxmargin._typing import Array


def checked_rows(classifier: Any, X: Array, *, reset: bool) -> Array:
    """Rows in a tensor, checked where they are, in float32 or float64.

    Raises
    ------
    InputError
        Where they are no table of finite real numbers.
    """
    if X.ndim != 2 or 0 in X.shape:
        raise InputError(
            f"X is a tensor of shape {tuple(X.shape)}; it must be (n_samples, n_features), not empty"
        )
    validate_data(classifier, X, reset=reset, skip_check_array=True)
    xp, X = array_namespace(X), X.detach()
    if xp.isdtype(X.dtype, "complex floating"):
        raise InputError(f"X is a tensor of {X.dtype}; it must hold real numbers")
    if X.dtype not in (xp.float32, xp.float64):
        X = xp.astype(X, xp.float64)
    # A finite sum proves finite entries without a mask of them all.
    if not (xp.isfinite(xp.sum(X)) or xp.all(xp.isfinite(X))):
        row = int(xp.argmax(xp.astype(xp.any(~xp.isfinite(X), axis=1), xp.int8)))
        raise InputError(f"X holds NaN or infinity, first in row {row}; remove or replace such entries")
    return X


def checked_labels(classifier: Any, X: Array, y: Any) -> np.ndarray:
    """The labels of rows in a tensor, in memory."""
    # Stands for the rows, which are checked by themselves, and takes no memory.
    rows = np.broadcast_to(0.0, (X.shape[0], 1))
    return check_X_y(rows, in_memory(y), estimator=classifier)[1]


def in_memory(values: Any) -> Any:
    """Tensors as NumPy arrays; all else as it is."""
    return np.asarray(to_device(values.detach(), "cpu")) if is_torch_array(values) else values


def answered(X: Any, answers: np.ndarray) -> Any:
    """Answers about rows: where these are a tensor, a tensor on its device."""
    # No tensor holds labels that are strings or objects.
    if is_torch_array(X) and answers.dtype.kind in "biuf":
        return array_namespace(X).asarray(answers, device=X.device)
    return answers
