"""Euclidean projection on the top-k simplex."""

from maxmargin._arrays import array_namespace
from maxmargin._typing import Array
from maxmargin.functional.simplex import project_capped_face, project_capped_simplex


def project_top_k_simplex(points: Array, k: int) -> Array:
    """Solve ``min |a - v|^2`` over ``0 <= a_j <= sum(a) / k, sum(a) <= 1`` for every row v.

    Parameters
    ----------
    points : array of shape (n, c)
        The rows to project.
    k : int
        At least 1 and below c.

    Returns
    -------
    array of shape (n, c)
        The nearest point to each row.

    References
    ----------
    Lapin, Hein and Schiele (2015), Top-k multiclass SVM (the dual set of its loss alpha).

    Examples
    --------
    >>> import numpy as np
    >>> project_top_k_simplex(np.array([[0.2, 0.2, 0.1], [0.4, 0.1, -1.0], [3.0, 1.0, 0.0]]), k=2)
    array([[0.2 , 0.2 , 0.1 ], [0.25, 0.25, 0.  ], [0.5 , 0.5 , 0.  ]])
    """
    if k == 1:
        return project_capped_simplex(points, cap=1.0)
    xp = array_namespace(points)
    nearest = xp.zeros_like(points)
    positive = xp.max(points, axis=1) > 0
    if not xp.any(positive):
        return nearest
    rows = points[positive]
    # The bound sum(a) <= 1 binds exactly where its multiplier, given that it binds, is not negative.
    bound, theta = project_capped_face(rows, 1 / k)
    slack = theta[:, 0] + xp.sum(xp.clip(rows - theta - 1 / k, 0.0, None), axis=1) / k < 0
    if xp.any(slack):
        bound[slack] = _project_onto_cone(rows[slack], k)
    nearest[positive] = bound
    return nearest


def _project_onto_cone(points: Array, k: int) -> Array:
    """Solve ``min |a - v|^2`` over ``0 <= a_j <= sum(a) / k``: the solution is clip(v + t, 0, upper).

    With p coordinates at the upper bound, of sum S_U, and m strictly inside, of sum S_M, the bound's
    definition and stationarity give ``(k - p) upper = S_M + m t`` and ``p upper = S_U - (k - p) t``.
    """
    xp = array_namespace(points)
    decreasing = xp.sort(points, axis=1, descending=True)
    sums = xp.cumulative_sum(decreasing, axis=1)
    p = xp.zeros_like(sums[:, :1])
    for i in range(k):
        # Were v_[i] + t the upper bound, k t were sum_j [v_j - v_[i]]_+; it is lower if too little is left.
        edge = decreasing[:, i : i + 1]
        t = (sums[:, i : i + 1] - (i + 1) * edge) / k
        left = xp.sum(xp.clip(points + t, 0.0, None), axis=1, keepdims=True) - 2 * k * t - k * edge
        p = p + xp.astype(left < 0, p.dtype)
    ends = xp.arange(1, points.shape[1] + 1, dtype=points.dtype, device=points.device)[None, :]
    inner = ends > p
    zero = xp.zeros_like(decreasing)
    upper_sum = xp.sum(xp.where(inner, zero, decreasing), axis=1, keepdims=True)
    inner_sums = xp.cumulative_sum(xp.where(inner, decreasing, zero), axis=1)
    # For a given p, t is the root of a maximum of increasing lines, one for each end of the inner ones.
    slopes = xp.where(inner, (k - p) ** 2 + p * (ends - p), xp.ones_like(sums))
    roots = ((k - p) * upper_sum - p * inner_sums) / slopes
    t = xp.min(xp.where(inner, roots, xp.inf), axis=1, keepdims=True)
    upper = xp.where(p > 0, (upper_sum - (k - p) * t) / xp.clip(p, 1.0, None), decreasing[:, :1])
    # The cone's polar: where the k largest sum to 0 or less, only the origin is left.
    upper = xp.where(sums[:, k - 1 : k] > 0, upper, xp.zeros_like(upper))
    return xp.minimum(xp.clip(points + t, 0.0, None), upper)
