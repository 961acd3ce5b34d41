"""Clipping that keeps the order in memory, which ``clip`` of array_api_compat does not."""

from maxmargin._arrays import array_namespace
from maxmargin._typing import Array


def positive_part(x: Array) -> Array:
    """Elementwise max(0, x).

    Examples
    --------
    >>> import numpy as np
    >>> positive_part(np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    xp = array_namespace(x)
    return xp.maximum(x, xp.zeros_like(x))


def clip(x: Array, low: float, high: float) -> Array:
    """Elementwise min(high, max(low, x)).

    Examples
    --------
    >>> import numpy as np
    >>> clip(np.array([-1.0, 0.5, 2.0]), 0.0, 1.0)
    array([0. , 0.5, 1. ])
    """
    xp = array_namespace(x)
    return xp.minimum(xp.maximum(x, xp.full_like(x, low)), xp.full_like(x, high))
