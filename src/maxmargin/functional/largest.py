"""The largest entries of rows."""

from typing import Any

from maxmargin._arrays import array_namespace, is_tensor
from maxmargin._typing import Array

_GROUP = 32  # entries of a row whose largest stands for all of them


def largest_of_rows(x: Array, k: int) -> Array:
    """The k largest entries of each row, shape (n, k), in decreasing order.

    Examples
    --------
    >>> import numpy as np
    >>> largest_of_rows(np.array([[1.0, 3.0, 2.0]]), 2)
    array([[3., 2.]])
    """
    if is_tensor(x):
        return _top(x, k)[0]
    return array_namespace(x).sort(x, axis=1, descending=True)[:, :k]


def argmax_of_rows(x: Array) -> Array:
    """Where each row has its largest entry, shape (n,).

    Examples
    --------
    >>> import numpy as np
    >>> argmax_of_rows(np.array([[1.0, 3.0, 2.0]]))
    array([1])
    """
    if is_tensor(x):
        return _top(x, 1)[1][:, 0]
    return array_namespace(x).argmax(x, axis=1)


def _top(x: Any, k: int) -> tuple[Any, Any]:
    """The k largest entries and their places: torch's ``topk``, but few entries come near it.

    They lie in the k groups whose own largest entries are the largest, or in the rest of the row.
    """
    groups = x.shape[1] // _GROUP
    if groups <= 2 * k:
        return x.topk(k, dim=1)
    grouped = x[:, : groups * _GROUP].unflatten(1, (groups, _GROUP))
    best = grouped.amax(2).topk(k, dim=1).indices[:, :, None]
    # The places of the candidates: those of the groups' entries, then those of the rest.
    xp = array_namespace(x)
    numbers = xp.arange(x.shape[1], device=x.device)
    places = best * _GROUP + numbers[:_GROUP]
    rest = numbers[groups * _GROUP :].expand(x.shape[0], -1)
    places = xp.concat([places.flatten(1), rest], axis=1)
    values, order = x.gather(1, places).topk(k, dim=1)
    return values, places.gather(1, order)
