"""Weston-Watkins: the true class against each other class, all pairs summed."""

from collections.abc import Callable
from dataclasses import dataclass

from array_api_compat import array_namespace

from maxmargin._typing import Array
from maxmargin.losses._base import one_hot, pairwise_gradient, score_gaps, violations
from maxmargin.losses.surrogates import Hinge, Surrogate


@dataclass(frozen=True)
class WestonWatkins:
    """Weston-Watkins loss: sum_{k != y} phi(1 - (f_y - f_k)).

    With the smooth hinge as phi this is the loss of M3SVM.

    Parameters
    ----------
    surrogate : Surrogate, default=Hinge()
        phi: the hinge, squared hinge or smooth hinge.

    References
    ----------
    Weston and Watkins (1998), Multi-class support vector machines (whose margin is 2 where ours is 1).
    Multi-class Support Vector Machine with Maximizing Minimum Margin (AAAI 2024), eq. 21.

    Examples
    --------
    >>> import numpy as np
    >>> WestonWatkins().value(np.array([[2.0, 1.5, 3.0]]), np.array([0]))
    array([2.5])
    """

    surrogate: Surrogate = Hinge()

    def value(self, scores: Array, target: Array) -> Array:
        """Loss of each sample, shape (n,)."""
        xp = array_namespace(scores)
        truth = one_hot(scores, target)
        pairs = self.surrogate.value(violations(scores, truth))
        return xp.sum(xp.where(truth, xp.zeros_like(pairs), pairs), axis=1)

    def value_and_gradient(self, scores: Array, target: Array) -> tuple[Array, Array]:
        """Loss of each sample (n,) and its derivative by the scores (n, n_classes)."""
        xp = array_namespace(scores)
        truth = one_hot(scores, target)
        values, slopes = self.surrogate.value_and_slope(violations(scores, truth))
        zero = xp.zeros_like(scores)
        value = xp.sum(xp.where(truth, zero, values), axis=1)
        return value, pairwise_gradient(xp.where(truth, zero, slopes), truth)

    def curvature(self, scores: Array, target: Array) -> Callable[[Array], Array]:
        """Map d to the pairwise gradient with slopes phi''_k (d_k - d_y)."""
        truth = one_hot(scores, target)
        bends = self.surrogate.bend(violations(scores, truth))
        return lambda direction: pairwise_gradient(bends * score_gaps(direction, truth), truth)
