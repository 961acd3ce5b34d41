"""Weston-Watkins: the true class against each other class, all pairs summed."""

from dataclasses import dataclass

from array_api_compat import array_namespace

from maxmargin._typing import Array
from maxmargin.functional import clip
from maxmargin.losses._base import (
    Curvature,
    PairwisePolyhedral,
    one_hot,
    pairwise_gradient,
    pairwise_slopes,
    score_gaps,
    where_other,
    where_true,
)
from maxmargin.losses.faces import box_tangent
from maxmargin.losses.surrogates import Hinge, Surrogate


@dataclass(frozen=True)
class WestonWatkins(PairwisePolyhedral):
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

    is_separable = False

    surrogate: Surrogate = Hinge()

    @property
    def is_polyhedral(self) -> bool:
        """Whether it is piecewise linear: with the hinge."""
        return isinstance(self.surrogate, Hinge)

    def value(self, scores: Array, target: Array) -> Array:
        """Loss of each sample, shape (n,)."""
        xp = array_namespace(scores)
        pairs = self.surrogate.value(self.violations(scores, target))
        return xp.sum(where_other(pairs, one_hot(scores, target)), axis=1)

    def value_and_gradient(self, scores: Array, target: Array) -> tuple[Array, Array]:
        """Loss of each sample (n,) and its derivative by the scores (n, n_classes)."""
        xp = array_namespace(scores)
        truth = one_hot(scores, target)
        values, slopes = self.surrogate.value_and_slope(self.violations(scores, target))
        return xp.sum(where_other(values, truth), axis=1), pairwise_gradient(slopes, truth)

    def curvature(self, scores: Array, target: Array) -> Curvature:
        """Map d to the pairwise gradient with slopes phi''_k (d_k - d_y)."""
        xp = array_namespace(scores)
        truth = one_hot(scores, target)
        bends = where_other(self.surrogate.bend(self.violations(scores, target)), truth)
        return Curvature(
            lambda direction: pairwise_gradient(bends * score_gaps(direction, truth), truth),
            bends + where_true(xp.sum(bends, axis=1, keepdims=True), truth),
        )

    def conjugate(self, gradient: Array, target: Array) -> Array:
        """Sum over k != y of phi*(g_k) - g_k."""
        slopes = pairwise_slopes(gradient, one_hot(gradient, target))
        return array_namespace(gradient).sum(self.surrogate.conjugate(slopes) - slopes, axis=1)

    def project(self, points: Array, target: Array) -> Array:
        """Nearest point of the box [0, 1] for k != y, and 0 at k = y."""
        return where_other(clip(points, 0.0, 1.0), one_hot(points, target))

    def tangent(self, points: Array, target: Array) -> Curvature:
        """The coordinates inside the box."""
        return box_tangent((points > 0) & (points < 1) & ~one_hot(points, target), points)
