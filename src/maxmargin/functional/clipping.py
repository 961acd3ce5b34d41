"""Elementwise functions that keep the order in memory and take one pass, unlike array_api_compat's own."""

from maxmargin._arrays import array_namespace, is_tensor
from maxmargin._typing import Array


def positive_part(x: Array) -> Array:
    """Elementwise max(0, x).

    Examples
    --------
    >>> import numpy as np
    >>> positive_part(np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    if is_tensor(x):
        return x.clamp(min=0)
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


def sign(x: Array) -> Array:
    """Elementwise -1, 0 or 1.

    Examples
    --------
    >>> import numpy as np
    >>> sign(np.array([-2.0, 0.0, 3.0]))
    array([-1., 0., 1.])
    """
    return x.sign() if is_tensor(x) else array_namespace(x).sign(x)
