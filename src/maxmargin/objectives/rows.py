"""Rows held where they are: in memory or in a file, on a cluster, on an accelerator."""

from typing import Any

from array_api_compat import is_dask_array, is_torch_array

from maxmargin.objectives.row_blocks import RowBlocks
from maxmargin.objectives.tensor_rows import TensorRows


def rows_of(X: Any, target: Any, weight: Any, n_scores: int = 1) -> RowBlocks:
    """Hold the rows of an ndarray, memmap, CSR matrix, dask array or torch tensor, without a copy.

    Parameters
    ----------
    X : array of shape (n_samples, n_features)
        The rows.
    target : array of ints of shape (n_samples,)
        Column of each row's class.
    weight : array of shape (n_samples,)
        What each row's loss counts.
    n_scores : int, default=1
        Columns of the scores that will be computed.

    Examples
    --------
    >>> import numpy as np
    >>> rows_of(np.zeros((5, 2)), np.zeros(5, dtype=int), np.ones(5)).n_samples
    5
    """
    if is_dask_array(X):
        from maxmargin.objectives.distributed_rows import DistributedRows

        return DistributedRows.of(X, target, weight, n_scores)
    if is_torch_array(X):
        return TensorRows.of(X, target, weight, n_scores)
    return RowBlocks.of(X, target, weight, n_scores)
