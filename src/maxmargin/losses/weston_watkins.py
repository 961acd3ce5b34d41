"""Weston-Watkins: the true class against each other class, all pairs summed."""

from dataclasses import dataclass

from maxmargin._arrays import array_namespace
from maxmargin._typing import Array
from maxmargin.functional import clip
from maxmargin.losses._base import (
    Curvature,
    PairwisePolyhedral,
    chosen,
    pairwise_gradient,
    pairwise_slopes,
    score_gaps,
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
        return xp.sum(chosen(target, scores).cleared(pairs), axis=1)

    def value_and_gradient(self, scores: Array, target: Array) -> tuple[Array, Array]:
        """Loss of each sample (n,) and its derivative by the scores (n, n_classes)."""
        xp = array_namespace(scores)
        truth = chosen(target, scores)
        values, slopes = self.surrogate.value_and_slope(self.violations(scores, target))
        values = truth.cleared(values)
        return xp.sum(values, axis=1), pairwise_gradient(slopes, truth)

    def curvature(self, scores: Array, target: Array) -> Curvature:
        """Map d to the pairwise gradient with slopes phi''_k (d_k - d_y)."""
        xp = array_namespace(scores)
        truth = chosen(target, scores)
        bends = truth.cleared(self.surrogate.bend(self.violations(scores, target)))
        return Curvature(
            lambda direction: pairwise_gradient(bends * score_gaps(direction, truth), truth),
            truth.add(bends, xp.sum(bends, axis=1, keepdims=True)),
        )

    def conjugate(self, gradient: Array, target: Array) -> Array:
        """Sum over k != y of phi*(g_k) - g_k."""
        slopes = pairwise_slopes(gradient, chosen(target, gradient))
        return array_namespace(gradient).sum(self.surrogate.conjugate(slopes) - slopes, axis=1)

    def project(self, points: Array, target: Array) -> Array:
        """Nearest point of the box [0, 1] for k != y, and 0 at k = y."""
        return chosen(target, points).cleared(clip(points, 0.0, 1.0))

    def tangent(self, points: Array, target: Array) -> Curvature:
        """The coordinates inside the box."""
        points = chosen(target, points).cleared(points)
        return box_tangent((points > 0) & (points < 1), points)
