"""The largest entries of rows."""

from typing import Any

from maxmargin._arrays import array_namespace, is_eager, is_tensor
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
        return x.topk(k, dim=1).values
    return array_namespace(x).sort(x, axis=1, descending=True)[:, :k]


def placed_largest_of_rows(x: Array, k: int) -> tuple[Array, Array] | None:
    """The same and where they are, both of shape (n, k), of a tensor on the CPU.

    None where the k are not the only choice, or where that may not be looked at, and for other arrays.

    Examples
    --------
    >>> import numpy as np
    >>> placed_largest_of_rows(np.array([[1.0, 3.0, 1.0]]), 2)
    """
    if not is_tensor(x) or not is_eager(x):
        return None
    values, places = x.topk(k + 1, dim=1)
    if not (values[:, k - 1] > values[:, k]).all():
        return None
    return values[:, :k], places[:, :k]


def argmax_of_rows(x: Array) -> Array:
    """Where each row has its largest entry, shape (n,).

    Examples
    --------
    >>> import numpy as np
    >>> argmax_of_rows(np.array([[1.0, 3.0, 2.0]]))
    array([1])
    """
    if is_tensor(x):
        return _argmax(x)
    return array_namespace(x).argmax(x, axis=1)


def _argmax(x: Any) -> Any:
    """Torch's ``argmax``, which looks at entries one by one, among few of them.

    The largest entry lies in the group whose own largest entry is the largest, or in the rest of the row.
    """
    groups = x.shape[1] // _GROUP
    if groups < 2:
        return x.argmax(dim=1)
    grouped = x[:, : groups * _GROUP].unflatten(1, (groups, _GROUP))
    best = grouped.amax(dim=2).argmax(dim=1, keepdim=True)
    # The places of the candidates: those of the group's entries, then those of the rest.
    xp = array_namespace(x)
    numbers = xp.arange(x.shape[1], device=x.device)
    rest = numbers[groups * _GROUP :].expand(x.shape[0], -1)
    places = xp.concat([best * _GROUP + numbers[:_GROUP], rest], axis=1)
    return places.gather(1, x.gather(1, places).argmax(dim=1, keepdim=True))[:, 0]
