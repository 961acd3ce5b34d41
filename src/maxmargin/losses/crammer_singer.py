"""Crammer-Singer: the true class against its strongest rival."""

from collections.abc import Callable
from dataclasses import dataclass

from array_api_compat import array_namespace

from maxmargin._checks import check_nonnegative
from maxmargin._typing import Array
from maxmargin.functional import project_simplex
from maxmargin.losses._base import one_hot, pairwise_gradient, score_gaps, violations
from maxmargin.losses.surrogates import Hinge, Surrogate


@dataclass(frozen=True)
class CrammerSinger:
    """Crammer-Singer loss: phi(max_k a_k), with a_k = 1 - (f_y - f_k) for k != y and a_y = 0.

    Parameters
    ----------
    surrogate : Surrogate, default=Hinge()
        phi: the hinge or the squared hinge.
    smoothing : float, default=0.0
        gamma >= 0: the maximum is replaced by ``max over the simplex of a.u + gamma (1 - |u|^2) / 2``,
        which lies above it by at most gamma / 2, and whose gradient is 1/gamma-Lipschitz. 0 is the maximum.

    References
    ----------
    Crammer and Singer (2001), On the algorithmic implementation of multiclass kernel-based vector machines.
    Nesterov (2005), Smooth minimization of non-smooth functions.

    Examples
    --------
    >>> import numpy as np
    >>> CrammerSinger().value(np.array([[2.0, 1.5, 3.0]]), np.array([0]))
    array([2.])
    """

    surrogate: Surrogate = Hinge()
    smoothing: float = 0.0

    def __post_init__(self) -> None:
        check_nonnegative(self.smoothing, "smoothing")

    def value(self, scores: Array, target: Array) -> Array:
        """Loss of each sample, shape (n,)."""
        return self.surrogate.value(self._maximum(violations(scores, one_hot(scores, target)))[0])

    def value_and_gradient(self, scores: Array, target: Array) -> tuple[Array, Array]:
        """Loss of each sample (n,) and its derivative by the scores (n, n_classes)."""
        xp = array_namespace(scores)
        truth = one_hot(scores, target)
        largest, maximiser = self._maximum(violations(scores, truth))
        value, slope = self.surrogate.value_and_slope(largest)
        slopes = slope[:, None] * xp.where(truth, xp.zeros_like(scores), maximiser)
        return value, pairwise_gradient(slopes, truth)

    def curvature(self, scores: Array, target: Array) -> Callable[[Array], Array]:
        """The maximiser u moves within its face of the simplex: du = (da - mean da on the face) / gamma."""
        xp = array_namespace(scores)
        truth = one_hot(scores, target)
        largest, point = self._maximum(violations(scores, truth))
        slope = self.surrogate.value_and_slope(largest)[1][:, None]
        bend = self.surrogate.bend(largest)[:, None]
        face = xp.astype(point > 0, scores.dtype)
        size = xp.sum(face, axis=1, keepdims=True)

        def product(direction: Array) -> Array:
            gaps = score_gaps(direction, truth)
            moved = bend * point * xp.sum(point * gaps, axis=1, keepdims=True)
            if self.smoothing > 0:
                mean = xp.sum(face * gaps, axis=1, keepdims=True) / size
                moved = moved + slope * face * (gaps - mean) / self.smoothing
            return pairwise_gradient(xp.where(truth, xp.zeros_like(moved), moved), truth)

        return product

    def _maximum(self, t: Array) -> tuple[Array, Array]:
        """The (smoothed) maximum of each row and the point of the simplex that attains it."""
        xp = array_namespace(t)
        if self.smoothing == 0:
            strongest = one_hot(t, xp.argmax(t, axis=1))
            return xp.max(t, axis=1), xp.astype(strongest, t.dtype)
        point = project_simplex(t / self.smoothing)
        spread = xp.sum(point * (1 - point), axis=1)  # 1 - |u|^2, exact where u is a corner
        return xp.sum(point * t, axis=1) + self.smoothing / 2 * spread, point
