"""What a kernel machine is given, checked and sorted by class."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from array_api_compat import is_torch_array
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, validate_data

from maxmargin._checks import InputError, check_at_least, check_choice, check_positive
from maxmargin._labels import numbered
from maxmargin._tensors import in_memory
from maxmargin._typing import Floats, Ints
from maxmargin.calibration import CALIBRATIONS
from maxmargin.kernel.functions import Kernel, resolve
from maxmargin.kernel.strategies import STRATEGIES
from maxmargin.kernel.tensor_inputs import check_device, training_tensor
from maxmargin.kernel.tensors import TensorTrainingSet
from maxmargin.kernel.training import TrainingSet, row_type, training_rows, value_type

if TYPE_CHECKING:
    from maxmargin.kernel.svc import KernelSVC

_DTYPES = "float32", "float64"


@dataclass(frozen=True)
class Problem:
    """Rows with a positive weight, sorted by class.

    Attributes
    ----------
    X : ndarray, CSR matrix or tensor of shape (n_samples, n_features)
        All rows, as they were given or on the classifier's device.
    classes : ndarray of shape (n_classes,)
        Labels.
    order : ndarray of shape (n_rows,)
        Position in X of each row that takes part, class by class.
    target, weight, sample_weight : ndarrays of shape (n_rows,)
        Class, full weight and own weight of each of them.
    training : TrainingSet or TensorTrainingSet
        The rows as the machines take them.
    """

    X: Any
    classes: np.ndarray
    order: Ints
    target: Ints
    weight: Floats
    sample_weight: Floats
    training: TrainingSet | TensorTrainingSet

    @classmethod
    def of(cls, classifier: "KernelSVC", X: Any, y: Any, sample_weight: Any) -> "Problem":
        """Check what a classifier is given.

        Raises
        ------
        ValueError
            Where X, y, the weights or a parameter cannot be used.
        """
        check_parameters(classifier)
        X, y = _checked(classifier, X, y)
        check_classification_targets(y)
        weight = _check_sample_weight(in_memory(sample_weight), y, dtype=np.float64, ensure_non_negative=True)
        name = type(classifier).__name__
        classes, target, full = numbered(y, weight, classifier.class_weight, name)
        kernel = resolve(
            classifier.kernel, classifier.gamma, classifier.degree, classifier.coef0, X, weight, name=name
        )
        with np.errstate(over="ignore"):
            largest = classifier.C * full.max()
        if not np.isfinite(largest):
            raise InputError(
                f"C times the largest weight is {largest}; lower C, class_weight or sample_weight"
            )
        used = np.flatnonzero(weight > 0)
        order = used[np.argsort(target[used], kind="stable")]
        starts = np.searchsorted(target[order], np.arange(len(classes) + 1))
        training = _training(
            classifier, kernel, X[np.ix_(order, order)] if kernel.is_given else X[order], starts
        )
        return cls(X, classes, order, target[order], full[order], weight[order], training)


def _checked(classifier: "KernelSVC", X: Any, y: Any) -> tuple[Any, np.ndarray]:
    if is_torch_array(X) or classifier.device is not None:
        return training_tensor(classifier, X, y)
    accepted = False if classifier.kernel == "precomputed" else "csr"
    rows: Any = validate_data(
        classifier, X, in_memory(y), accept_sparse=accepted, dtype=[np.float64, np.float32]
    )
    return rows


def _training(
    classifier: "KernelSVC", kernel: Kernel, rows: Any, starts: Ints
) -> TrainingSet | TensorTrainingSet:
    dtype, cache_bytes = value_type(classifier.dtype, rows.shape[0]), int(1e6 * classifier.cache_size)
    if classifier.dtype is None and kernel.name != "rbf":
        # Distances are as precise as their terms, products are not.
        dtype = np.dtype(row_type(kernel, rows, None, dtype))
    if is_torch_array(rows):
        return TensorTrainingSet(kernel, rows, starts, dtype, cache_bytes)
    return TrainingSet(kernel, training_rows(kernel, rows, dtype), starts, dtype, cache_bytes)


def check_parameters(classifier: "KernelSVC") -> None:
    """Raise InputError unless the parameters can be used."""
    check_positive(classifier.C, "C")
    check_positive(classifier.tol, "tol")
    check_positive(classifier.cache_size, "cache_size")
    if classifier.max_iter != -1:
        check_at_least(classifier.max_iter, 1, "max_iter")
    check_choice(classifier.strategy, STRATEGIES, "strategy")
    if classifier.probability is not None:
        check_choice(classifier.probability, CALIBRATIONS, "probability")
    check_device(classifier.device)
    try:
        dtype = np.dtype(classifier.dtype)
        known = classifier.dtype is None or (dtype.name in _DTYPES and dtype.isnative)
    except TypeError:
        known = False
    if not known:
        raise InputError(f"dtype is {classifier.dtype!r}; choose from {', '.join(_DTYPES)} or None")
