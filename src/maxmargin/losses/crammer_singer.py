"""Crammer-Singer: the true class against its strongest rival."""

from dataclasses import dataclass

from maxmargin._arrays import array_namespace
from maxmargin._typing import Array
from maxmargin.functional import argmax_of_rows, positive_part, project_capped_simplex
from maxmargin.losses._base import (
    Curvature,
    PairwisePolyhedral,
    chosen,
    pairwise_slopes,
)
from maxmargin.losses.faces import capped_tangent
from maxmargin.losses.surrogates import Hinge, Surrogate


@dataclass(frozen=True)
class CrammerSinger(PairwisePolyhedral):
    """Crammer-Singer loss: phi(max_k a_k), with a_k = 1 - (f_y - f_k) for k != y and a_y = 0.

    Parameters
    ----------
    surrogate : Surrogate, default=Hinge()
        phi: the hinge or the squared hinge.

    References
    ----------
    Crammer and Singer (2001), On the algorithmic implementation of multiclass kernel-based vector machines.

    Examples
    --------
    >>> import numpy as np
    >>> CrammerSinger().value(np.array([[2.0, 1.5, 3.0]]), np.array([0]))
    array([2.])
    """

    is_separable = False

    surrogate: Surrogate = Hinge()

    @property
    def is_polyhedral(self) -> bool:
        """Whether it is piecewise linear: with the hinge."""
        return isinstance(self.surrogate, Hinge)

    def value(self, scores: Array, target: Array) -> Array:
        """Loss of each sample, shape (n,)."""
        return self.surrogate.value(array_namespace(scores).max(self.violations(scores, target), axis=1))

    def value_and_gradient(self, scores: Array, target: Array) -> tuple[Array, Array]:
        """Loss of each sample (n,) and its derivative by the scores (n, n_classes)."""
        xp = array_namespace(scores)
        truth = chosen(target, scores)
        rivals = truth.put(scores, xp.finfo(scores.dtype).min)
        strongest = chosen(argmax_of_rows(rivals), scores)
        gap = strongest.pick(rivals) - truth.pick(scores)
        value, slope = self.surrogate.value_and_slope(positive_part(1 + gap))
        gradient = truth.add(strongest.put(xp.zeros_like(scores), slope), -slope)
        return value[:, 0], gradient

    def curvature(self, scores: Array, target: Array) -> Curvature:
        """Map d to phi'' (d_r - d_y) (e_r - e_y), with r the strongest rival."""
        xp = array_namespace(scores)
        violations = self.violations(scores, target)
        strongest = chosen(argmax_of_rows(violations), scores)
        across = self.pull(strongest.put(xp.zeros_like(scores), 1.0), target)
        bend = self.surrogate.bend(xp.max(violations, axis=1))[:, None]
        return Curvature(
            lambda direction: bend * across * xp.sum(across * direction, axis=1, keepdims=True),
            bend * across * across,
        )

    def conjugate(self, gradient: Array, target: Array) -> Array:
        """phi*(s) - s, with s = -g_y the summed slopes."""
        xp = array_namespace(gradient)
        total = xp.sum(pairwise_slopes(gradient, chosen(target, gradient)), axis=1)
        return self.surrogate.conjugate(total) - total

    def project(self, points: Array, target: Array) -> Array:
        """Nearest point of ``u >= 0, sum u <= 1`` with u_y = 0."""
        # What is not positive projects to 0.
        return project_capped_simplex(chosen(target, points).cleared(points), cap=1.0)

    def tangent(self, points: Array, target: Array) -> Curvature:
        """The positive coordinates, moving at a constant sum where the sum is 1."""
        xp = array_namespace(points)
        duals = self.project(points, target)
        reached = xp.sum(pairwise_slopes(points, chosen(target, points)), axis=1)
        return capped_tangent(duals > 0, (reached >= 1)[:, None], points)
