"""Training rows in the partitions of dask arrays, checked on the workers."""

from typing import TYPE_CHECKING, Any

import numpy as np
from array_api_compat import is_dask_array
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite, check_array, column_or_1d, validate_data

from maxmargin._checks import InputError
from maxmargin._labels import columns_of, numbered
from maxmargin._typing import Floats, Ints
from maxmargin.objectives.distributed_rows import current_client, partitions

if TYPE_CHECKING:
    from maxmargin.linear._base import LinearClassifier

_ROWS: Any = {
    "accept_sparse": "csr",
    "dtype": [np.float64, np.float32],
    "ensure_min_samples": 0,
    "input_name": "X",
}


def distributed_rows(
    classifier: "LinearClassifier", X: Any, y: Any, sample_weight: Any
) -> tuple[Any, Any, Any, np.ndarray]:
    """Rows, targets and weights as dask arrays, cut alike and held by the workers, and the classes."""
    import dask.array as da

    client = current_client()
    if X.ndim != 2 or 0 in X.shape:
        raise InputError(
            f"X is a dask array of shape {X.shape}; it must be (n_samples, n_features), and not empty"
        )
    validate_data(classifier, X, skip_check_array=True)
    dtype = np.float32 if X.dtype == np.float32 else np.float64
    X = X.rechunk({1: -1}).map_blocks(_checked_rows, dtype=dtype, meta=np.empty((0, 0), dtype))
    X = _with_known_sizes(X)
    if X.shape[0] == 0:
        raise InputError("the partitions of X hold no rows; give at least one row of each of two classes")
    if sample_weight is None or np.isscalar(sample_weight):
        sample_weight = da.full(X.shape[0], 1.0 if sample_weight is None else sample_weight)
    y = _beside(X, y, "y").map_blocks(_checked_labels, meta=np.empty(0, y.dtype))
    weight = _beside(X, sample_weight, "sample_weight").map_blocks(_checked_weights, dtype=np.float64)
    y, weight = client.persist([y, weight])
    counts = client.map(_count, partitions(y), partitions(weight), pure=False)
    labels, counted = map(np.concatenate, zip(*client.gather(counts), strict=True))
    labels, place = np.unique(labels, return_inverse=True)
    totals: Any = np.bincount(place, weights=counted)
    # A label counts here as one row that has the weight of all its rows.
    used = totals > 0
    classes, _, full = numbered(
        labels[used], totals[used], classifier.class_weight, type(classifier).__name__
    )
    target = y.map_blocks(columns_of, weight, classes=classes, dtype=np.intp, meta=np.empty(0, np.intp))
    weight = weight * target.map_blocks(_factors, factors=full / totals[used], dtype=np.float64)
    return X, *client.persist([target, weight]), classes


def _with_known_sizes(array: Any) -> Any:
    array = current_client().persist(array)
    return array.compute_chunk_sizes() if np.isnan(array.shape[0]) else array


def _beside(X: Any, values: Any, name: str) -> Any:
    """A column cut as the rows are."""
    import dask.array as da

    if not is_dask_array(values):
        values = column_or_1d(values, warn=True)
    if values.ndim != 1:
        raise InputError(f"{name} is a dask array of shape {values.shape}; it must be (n_samples,)")
    if np.isnan(values.shape[0]):
        values = _with_known_sizes(values)
    if values.shape != X.shape[:1]:
        raise InputError(f"{name} has {values.shape[0]} entries, and X has {X.shape[0]} rows; give one a row")
    return da.asarray(values).rechunk((X.chunks[0],))


def _checked_rows(X: Any, block_id: tuple[int, ...] = (0,)) -> Any:
    try:
        return check_array(X, **_ROWS)
    except ValueError as error:
        raise _located(error, "X", block_id) from None


def _checked_labels(y: np.ndarray, block_id: tuple[int, ...] = (0,)) -> np.ndarray:
    if not len(y):
        return y
    try:
        assert_all_finite(y, input_name="y")
        check_classification_targets(y)
    except ValueError as error:
        raise _located(error, "y", block_id) from None
    return y


def _checked_weights(weight: np.ndarray, block_id: tuple[int, ...] = (0,)) -> Floats:
    try:
        weight = np.asarray(weight, dtype=np.float64)
        assert_all_finite(weight, input_name="sample_weight")
    except ValueError as error:
        raise _located(error, "sample_weight", block_id) from None
    if np.any(weight < 0):
        raise InputError(
            f"sample_weight holds {weight.min():g} in partition {block_id[0]}; weights must be at least 0"
        )
    return weight


def _located(error: ValueError, name: str, block_id: tuple[int, ...]) -> InputError:
    what = str(error).splitlines()[0].rstrip(".")
    return InputError(
        f"partition {block_id[0]} of {name} cannot be used: {what}; remove or replace such rows"
    )


def _count(y: np.ndarray, weight: Floats) -> tuple[np.ndarray, np.ndarray]:
    """The labels of a partition, and the summed weight of each one's rows."""
    labels, place = np.unique(y, return_inverse=True)
    return labels, np.bincount(place, weights=weight, minlength=len(labels))


def _factors(target: Ints, factors: Floats) -> Floats:
    return factors[target]
