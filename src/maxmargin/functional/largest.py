"""The largest entries of rows."""

from maxmargin._arrays import array_namespace, is_tensor
from maxmargin._typing import Array


def largest_of_rows(x: Array, k: int) -> Array:
    """The k largest entries of each row, shape (n, k), in decreasing order.

    Examples
    --------
    >>> import numpy as np
    >>> largest_of_rows(np.array([[1.0, 3.0, 2.0]]), 2)
    array([[3., 2.]])
    """
    if is_tensor(x):
        return x.topk(k, dim=1).values
    return array_namespace(x).sort(x, axis=1, descending=True)[:, :k]
