"""Euclidean projection on the probability simplex."""

from array_api_compat import array_namespace

from maxmargin._typing import Array


def project_simplex(points: Array) -> Array:
    """Solve ``min |a - v|^2`` over ``a >= 0, sum(a) = 1`` for every row v.

    Parameters
    ----------
    points : array of shape (n, c)
        The rows to project; a row may hold -inf where a coordinate must stay 0.

    Returns
    -------
    array of shape (n, c)
        The nearest point of the simplex to each row.

    References
    ----------
    Held, Wolfe and Crowder (1974), Validation of subgradient optimization.

    Examples
    --------
    >>> import numpy as np
    >>> project_simplex(np.array([[0.5, 0.5, 0.0], [3.0, 1.0, 0.0]]))
    array([[0.5, 0.5, 0. ], [1. , 0. , 0. ]])
    """
    xp = array_namespace(points)
    shifted = points - xp.max(points, axis=1, keepdims=True)
    decreasing = xp.sort(shifted, axis=1, descending=True)
    counts = xp.arange(1, points.shape[1] + 1, dtype=points.dtype, device=points.device)
    # a = [v - theta]_+ with theta = max_j (v_[1] + ... + v_[j] - 1) / j, reached at the support's size.
    theta = xp.max((xp.cumulative_sum(decreasing, axis=1) - 1) / counts, axis=1, keepdims=True)
    return xp.clip(shifted - theta, 0.0, None)
