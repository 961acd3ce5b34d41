"""Products of many rows with the few vectors of a linear model, and sums over rows."""

from typing import Any

import numpy as np
from array_api_compat import array_namespace
from scipy import sparse

from maxmargin._threads import multiplies_small_matrices_in_place
from maxmargin._typing import Floats

# What OpenBLAS multiplies in place takes few products and, where rows meet rows, has few entries, long sums.
_MOST_PRODUCTS, _MOST_ENTRIES, _LEAST_LENGTH = 1_000_000, 1200, 32
_LEAST_ROWS, _MOST_ROWS = 8, 64  # of a slab, by measurement
_LEAST_SUMMED, _MOST_SUMMED = 64, 640


def products(X: Any, coef: Floats) -> Floats:
    """X @ coef.T, class by class in memory: what is summed over the classes then runs along the rows.

    Dense rows are multiplied slab by slab, each so small that OpenBLAS does not pack it first: that takes as
    long as multiplying by few classes.

    Examples
    --------
    >>> products(np.array([[1.0, 2.0], [0.0, 1.0]]), np.array([[1.0, 1.0]]))
    array([[3.],
           [1.]])
    """
    n_scores, length = coef.shape
    size = min(_MOST_ROWS, _MOST_ENTRIES // n_scores, _MOST_PRODUCTS // max(1, n_scores * length))
    if length < _LEAST_LENGTH or size < _LEAST_ROWS or not _has_slabs(X, size):
        if isinstance(X, np.ndarray) and X.dtype == np.float64:
            return (coef @ X.T).T
        # Sparse and single-precision products are faster row by row.
        scores = X @ coef.T
        return np.asfortranarray(scores) if isinstance(scores, np.ndarray) else scores
    scores, whole = np.empty((n_scores, len(X)), X.dtype), len(X) - len(X) % size
    slabs, into = X[:whole].reshape(-1, size, length), scores[:, :whole].reshape(n_scores, -1, size)
    np.matmul(coef, slabs.transpose(0, 2, 1), out=into.transpose(1, 0, 2))
    scores[:, whole:] = coef @ X[whole:].T
    return scores.T


def combinations(by_scores: Floats, X: Any) -> Floats:
    """by_scores.T @ X, shape (n_scores, n_features): a sum over slabs where ``products`` goes by slabs."""
    if sparse.issparse(X):
        return np.asarray(X.T @ by_scores).T
    (n, n_scores), length = by_scores.shape, X.shape[1]
    size = min(_MOST_SUMMED, _MOST_PRODUCTS // max(1, n_scores * length))
    if size < _LEAST_SUMMED or not _has_slabs(X, size):
        return by_scores.T @ X
    whole = n - n % size
    slabs, shares = X[:whole].reshape(-1, size, length), by_scores.T[:, :whole].reshape(n_scores, -1, size)
    total = np.sum(shares.transpose(1, 0, 2) @ slabs, axis=0)
    total += by_scores.T[:, whole:] @ X[whole:]
    return total


def weighted_sum(weight: Floats, values: Floats) -> float:
    """sum_i weight_i values_i in the precision of the weights."""
    return float(weight @ array_namespace(values).astype(values, weight.dtype, copy=False))


def _has_slabs(X: Any, size: int) -> bool:
    return (
        isinstance(X, np.ndarray)
        and X.flags.c_contiguous
        and len(X) >= 2 * size
        and multiplies_small_matrices_in_place()
    )
