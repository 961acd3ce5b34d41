"""Derivatives of projections onto polytopes: projections onto the span of the face that is reached."""

from maxmargin._arrays import array_namespace
from maxmargin._typing import Array
from maxmargin.losses._base import Curvature


def box_tangent(free: Array, like: Array) -> Curvature:
    """Derivative of the projection onto a box, given the coordinates strictly inside it."""
    mask = array_namespace(like).astype(free, like.dtype)
    return Curvature(lambda direction: mask * direction, mask)


def capped_tangent(free: Array, tight: Array, like: Array) -> Curvature:
    """Derivative of the projection onto ``0 <= u <= cap, sum u <= 1``.

    ``free`` marks the coordinates strictly between their bounds and ``tight``, of shape (n, 1), the rows
    whose sum is 1: there the free coordinates move without changing their sum.
    """
    xp = array_namespace(like)
    mask = xp.astype(free, like.dtype)
    share = xp.astype(tight, like.dtype) / xp.clip(xp.sum(mask, axis=1, keepdims=True), 1.0, None)

    def product(direction: Array) -> Array:
        return mask * (direction - share * xp.sum(mask * direction, axis=1, keepdims=True))

    return Curvature(product, mask * (1 - share))


def top_k_cone_tangent(duals: Array, k: int) -> Curvature:
    """Derivative of the projection onto ``0 <= u_j <= sum(u) / k``, at the point ``duals`` that is reached.

    The p coordinates at their upper bound move together, by one step tau; those strictly inside move by
    (k - p) tau in all, so that the bound follows. The rest stays.
    """
    xp = array_namespace(duals)
    total = xp.sum(duals, axis=1, keepdims=True)
    rounding = 4 * duals.shape[1] * xp.finfo(duals.dtype).eps
    positive = duals > rounding * total
    bounded = k * duals >= (1 - rounding) * total
    upper = xp.astype(positive & bounded, duals.dtype)
    inner = xp.astype(positive & ~bounded, duals.dtype)
    p = xp.sum(upper, axis=1, keepdims=True)
    mean = upper / xp.clip(p, 1.0, None)
    # The normal to the span within that of all upper and inner moves; 0 where the bound follows by itself.
    linked = xp.astype(p > 0, duals.dtype)
    normal = linked * inner - (k - p) * mean
    square = xp.sum(normal * normal, axis=1, keepdims=True)
    normal = normal / xp.sqrt(xp.where(square > 0, square, xp.ones_like(square)))

    def product(direction: Array) -> Array:
        together = upper * xp.sum(mean * direction, axis=1, keepdims=True)
        return inner * direction + together - normal * xp.sum(normal * direction, axis=1, keepdims=True)

    return Curvature(product, inner + mean - normal * normal)
