"""What classifiers are given, checked where it is: in memory, on a cluster or on an accelerator."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial, wraps
from typing import TYPE_CHECKING, Any

import numpy as np
from array_api_compat import array_namespace, is_dask_array, is_torch_array
from sklearn.utils import gen_batches
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from maxmargin import _tensors
from maxmargin._checks import InputError
from maxmargin._labels import numbered
from maxmargin._tensors import answered, checked_labels, checked_rows
from maxmargin._typing import Floats
from maxmargin.objectives import RowBlocks, rows_of

if TYPE_CHECKING:
    from maxmargin.linear._base import LinearClassifier

_BYTES_AT_ONCE = 1 << 26  # of rows in double precision, and of what they are multiplied to


@dataclass(frozen=True)
class TrainingRows:
    """Rows that can be fitted: targets are columns of the scores, weights include those of the classes."""

    X: Any
    target: Any
    weight: Any
    classes: np.ndarray

    @cached_property
    def blocks(self) -> RowBlocks:
        """The rows as objectives take them; what is measured of them is kept with them."""
        return rows_of(self.X, self.target, self.weight, len(self.classes))


def training_rows(classifier: "LinearClassifier", X: Any, y: Any, sample_weight: Any) -> TrainingRows:
    """Check X, y and the sample weights, and number the classes."""
    if is_dask_array(X):
        from maxmargin.linear._partitions import distributed_rows

        return TrainingRows(*distributed_rows(classifier, X, y, sample_weight))
    if is_torch_array(X):
        X = checked_rows(classifier, X, reset=True)
        y, sample_weight = checked_labels(classifier, X, y), in_memory(sample_weight)
    else:
        X, y = validate_data(classifier, X, y, accept_sparse="csr", dtype=[np.float64, np.float32])
    check_classification_targets(y)
    weight = _check_sample_weight(sample_weight, y, dtype=np.float64, ensure_non_negative=True)
    classes, target, weight = numbered(y, weight, classifier.class_weight, type(classifier).__name__)
    return TrainingRows(X, target, weight, classes)


def linear_scores(classifier: "LinearClassifier", X: Any) -> Floats:
    """Scores of the classes, computed where the rows are, some rows at a time, and brought here."""
    check_is_fitted(classifier)
    if is_dask_array(X):
        return _lazily(linear_scores, classifier, X).compute()
    coef = classifier.coef_.T
    if is_torch_array(X):
        X = checked_rows(classifier, X, reset=False)
        coef = array_namespace(X).asarray(coef, dtype=X.dtype, device=X.device)
    else:
        X = validate_data(classifier, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=False)
    at_once = max(1, _BYTES_AT_ONCE // (8 * sum(coef.shape)))
    products = (in_memory(X[rows] @ coef) for rows in gen_batches(X.shape[0], at_once))
    return np.concatenate([classifier._scores_of(values + classifier.intercept_) for values in products])


def answers_where_rows_are(method: Callable[..., Any]) -> Callable[..., Any]:
    """Make a method of (classifier, X) answer a dask array lazily, and a tensor by one on its device."""

    @wraps(method)
    def answer(self: Any, X: Any) -> Any:
        if is_dask_array(X):
            return _lazily(partial(_call, method.__name__), self, X)
        return answered(X, method(self, X))

    return answer


def in_memory(values: Any) -> Any:
    """Small arrays, such as labels, as NumPy knows them."""
    return values.compute() if is_dask_array(values) else _tensors.in_memory(values)


def _lazily(function: Callable[[Any, Any], np.ndarray], classifier: Any, X: Any) -> Any:
    """What a function of (classifier, rows) returns, as a dask array cut as the rows are."""
    if X.ndim != 2:
        raise InputError(f"X is a dask array of shape {X.shape}; it must be (n_samples, n_features)")
    check_is_fitted(classifier)
    validate_data(classifier, X, reset=False, skip_check_array=True)
    # As it is now, and without what only a next fit needs: the answers may be computed after one.
    fitted = copy.copy(classifier)
    fitted._duals = None
    empty = function(fitted, np.zeros((1, X.shape[1])))[:0]
    shape = {"drop_axis": 1} if empty.ndim == 1 else {"chunks": (X.chunks[0], empty.shape[1:])}
    answer = partial(_answer, function, fitted, empty)
    return X.rechunk({1: -1}).map_blocks(answer, dtype=empty.dtype, meta=empty, **shape)


def _answer(
    function: Callable[[Any, Any], np.ndarray], classifier: Any, empty: np.ndarray, X: Any
) -> np.ndarray:
    return function(classifier, X) if X.shape[0] else empty


def _call(method: str, classifier: Any, X: Any) -> np.ndarray:
    return getattr(classifier, method)(X)
