"""Euclidean projections on simplices."""

import math

from maxmargin._arrays import array_namespace
from maxmargin._typing import Array
from maxmargin.functional.clipping import clip, positive_part


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
    Michelot (1986), A finite algorithm for finding the projection of a point onto the canonical simplex.

    Examples
    --------
    >>> import numpy as np
    >>> project_simplex(np.array([[0.5, 0.5, 0.0], [3.0, 1.0, 0.0]]))
    array([[0.5, 0.5, 0. ], [1. , 0. , 0. ]])
    """
    xp = array_namespace(points)
    shifted = points - xp.max(points, axis=1, keepdims=True)
    return _cut(shifted, -xp.ones_like(shifted[:, :1]))


def project_capped_simplex(points: Array, cap: float) -> Array:
    """Solve ``min |a - v|^2`` over ``0 <= a <= cap, sum(a) <= 1`` for every row v.

    Parameters
    ----------
    points : array of shape (n, c)
        The rows to project; a row may hold -inf where a coordinate must stay 0.
    cap : float
        Upper bound of every coordinate, in (0, 1].

    Returns
    -------
    array of shape (n, c)
        The nearest point to each row.

    References
    ----------
    Lapin, Hein and Schiele (2015), Top-k multiclass SVM (the dual set of its loss beta).

    Examples
    --------
    >>> import numpy as np
    >>> project_capped_simplex(np.array([[0.2, 0.1, -1.0], [3.0, 1.0, 0.0]]), cap=0.75)
    array([[0.2 , 0.1 , 0.  ], [0.75, 0.25, 0.  ]])
    """
    xp = array_namespace(points)
    if cap >= 1:
        largest = xp.max(points, axis=1, keepdims=True)
        return _cut(points - largest, xp.maximum(-largest, -xp.ones_like(largest)))
    boxed = clip(points, 0.0, cap)
    beyond = xp.sum(boxed, axis=1) > 1
    if xp.any(beyond):
        boxed[beyond] = project_capped_face(points[beyond], cap)[0]
    return boxed


def _cut(points: Array, theta: Array) -> Array:
    """[v - theta]_+ with theta raised, row by row, until the sum is at most 1.

    The coordinates above a theta that is too low hold the support: cutting these alone to sum 1 raises it,
    and once none falls out it is right.
    """
    xp = array_namespace(points)
    for _ in range(points.shape[1] + 1):  # each turn but the last drops a coordinate
        above = points > theta
        counts = xp.sum(xp.astype(above, points.dtype), axis=1, keepdims=True)
        counts = xp.maximum(counts, xp.ones_like(counts))
        total = xp.sum(xp.maximum(points, theta) - theta, axis=1, keepdims=True)
        raised = theta + (total - 1) / counts
        if not xp.any(raised > theta):
            break
        theta = xp.maximum(theta, raised)
    return positive_part(points - theta)


def project_capped_face(points: Array, cap: float) -> tuple[Array, Array]:
    """Solve ``min |a - v|^2`` over ``0 <= a <= cap, sum(a) = 1`` for every row v, with 1 / c <= cap < 1.

    Returns
    -------
    nearest : array of shape (n, c)
        clip(v - theta, 0, cap).
    theta : array of shape (n, 1)
        The shift that makes the sums 1.

    Examples
    --------
    >>> import numpy as np
    >>> nearest, theta = project_capped_face(np.array([[3.0, 1.0, 0.0]]), cap=0.75)
    >>> nearest, theta
    (array([[0.75, 0.25, 0.  ]]), array([[0.75]]))
    """
    xp = array_namespace(points)
    # theta lies in [v_[q] - cap, v_[q]], so what is further than cap from v_[q] is surely at a bound.
    q = math.ceil((1 - 1e-9) / cap)
    pivot = xp.sort(points, axis=1, descending=True)[:, q - 1 : q]
    near = xp.clip(points - pivot, -cap, cap)
    # The sum falls piecewise linearly in theta; a coordinate begins to fall at v - cap and has ended at v.
    knots = xp.concat([near - cap, near], axis=1)
    order = xp.argsort(knots, axis=1)
    ones = xp.ones_like(near)
    slopes = xp.cumulative_sum(xp.take_along_axis(xp.concat([-ones, ones], axis=1), order, axis=1), axis=1)
    knots = xp.take_along_axis(knots, order, axis=1)
    falls = slopes[:, :-1] * (knots[:, 1:] - knots[:, :-1])
    sums = cap * points.shape[1] + xp.concat([0 * knots[:, :1], xp.cumulative_sum(falls, axis=1)], axis=1)
    # The knot before the crossing; with c * cap = 1 rounding may leave even the first sum a hair below 1.
    last = xp.clip(xp.sum(xp.astype(sums >= 1, order.dtype), axis=1, keepdims=True) - 1, 0, None)
    excess = xp.take_along_axis(sums, last, axis=1) - 1
    theta = xp.take_along_axis(knots, last, axis=1) - excess / xp.take_along_axis(slopes, last, axis=1)
    return xp.clip(near - theta, 0.0, cap), pivot + theta
