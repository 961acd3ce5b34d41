"""What a kernel machine is given in tensors, or is to move to a device, and what it answers there."""

import warnings
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np
from array_api_compat import is_torch_array, to_device
from scipy import sparse
from sklearn.utils.validation import validate_data

from maxmargin._checks import InputError
from maxmargin._tensors import answered, checked_labels, checked_rows, in_memory
from maxmargin._typing import Array

if TYPE_CHECKING:
    from maxmargin.kernel.svc import KernelSVC


def check_device(device: str | None) -> None:
    """Raise InputError unless tensors of double precision can be made on the device."""
    if device is None:
        return
    try:
        from array_api_compat import torch

        xp: Any = torch
    except ImportError as error:
        raise InputError(
            f"device is {device!r}, which needs torch, and it is not installed; install torch or leave "
            "device=None"
        ) from error
    try:
        float(xp.ones(1, dtype=xp.float64, device=device)[0])
    except (RuntimeError, AssertionError, TypeError, ValueError) as error:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of kinds of device that torch is to forget
            found = sorted({str(each) for each in xp.__array_namespace_info__().devices()} - {"meta"})
        raise InputError(
            f"device is {device!r}, which torch cannot use here; choose from {', '.join(found)} or None"
        ) from error


def training_tensor(classifier: "KernelSVC", X: Any, y: Any) -> tuple[Array, np.ndarray]:
    """X on the classifier's device, and y in memory, both checked."""
    if is_torch_array(X):
        X = checked_rows(classifier, X, reset=True)
        y = checked_labels(classifier, X, y)
    else:
        _check_dense(classifier, X)
        X, y = validate_data(classifier, X, in_memory(y), dtype=[np.float64, np.float32])
    return moved(X, classifier.device), y


def new_tensor(classifier: "KernelSVC", X: Any) -> Array:
    """Rows to be classified, checked, on the classifier's device."""
    check_device(classifier.device)
    if is_torch_array(X):
        X = checked_rows(classifier, X, reset=False)
    else:
        _check_dense(classifier, X)
        X = validate_data(classifier, X, dtype=[np.float64, np.float32], reset=False)
    return moved(X, classifier.device)


def moved(X: Any, device: Any) -> Array:
    """Dense rows as a tensor on a device; None leaves a tensor where it is."""
    if is_torch_array(X):
        return X if device is None else to_device(X, device)
    from array_api_compat import torch as xp

    return xp.asarray(X.toarray() if sparse.issparse(X) else np.ascontiguousarray(X), device=device)


def answers_where_rows_are(method: Callable[..., Any]) -> Callable[..., Any]:
    """Make a method of (classifier, X) answer a tensor by a tensor on its device."""

    @wraps(method)
    def answer(self: Any, X: Any) -> Any:
        return answered(X, method(self, X))

    return answer


def _check_dense(classifier: "KernelSVC", X: Any) -> None:
    if sparse.issparse(X):
        raise InputError(
            f"X is a sparse matrix and device is {classifier.device!r}, which takes dense rows; give "
            "X.toarray(), or device=None"
        )
