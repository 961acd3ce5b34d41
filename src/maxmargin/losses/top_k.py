"""Top-k hinge: the true class against its k strongest rivals."""

from dataclasses import dataclass
from typing import Any

from maxmargin._arrays import array_namespace
from maxmargin._checks import InputError, check_choice, check_count
from maxmargin._typing import Array
from maxmargin.functional import (
    largest_of_rows,
    placed_largest_of_rows,
    positive_part,
    project_capped_simplex,
    project_top_k_simplex,
    sign,
)
from maxmargin.losses._base import Curvature, PairwisePolyhedral, chosen, pairwise_gradient, pairwise_slopes
from maxmargin.losses.faces import capped_tangent, top_k_cone_tangent

VARIANTS = ("alpha", "beta")


@dataclass(frozen=True)
class TopK(PairwisePolyhedral):
    """Top-k hinge loss: a true class among the k highest scores is nearly as good as one at the top.

    With a_j = 1 - (f_y - f_j) for j != y and a_y = 0, sorted decreasingly, it is
    ``[(a_[1] + ... + a_[k]) / k]_+`` (alpha) or ``([a_[1]]_+ + ... + [a_[k]]_+) / k`` (beta).
    Beta bounds alpha from above; up to k = 2 they are one, since a_y = 0 takes a place, and at k = 1 they are
    Crammer-Singer.

    Parameters
    ----------
    k : int
        How many rivals count: at least 1 and below the number of classes.
    variant : {"alpha", "beta"}, default="alpha"
        Whether the mean is taken before the positive part or after it.

    References
    ----------
    Lapin, Hein and Schiele (2015), Top-k multiclass SVM.

    Examples
    --------
    >>> import numpy as np
    >>> scores, target = np.array([[2.0, 1.5, 3.0, -4.0]]), np.array([0])
    >>> TopK(2).value(scores, target), TopK(3, "beta").value(scores, target).round(4)
    (array([1.25]), array([0.8333]))
    """

    is_separable = False
    is_polyhedral = True

    k: int
    variant: str = "alpha"

    def __post_init__(self) -> None:
        check_count(self.k, "k")
        check_choice(self.variant, VARIANTS, "variant")

    def value(self, scores: Array, target: Array) -> Array:
        """Loss of each sample, shape (n,)."""
        return self._value_and_threshold(self.violations(scores, target))[0]

    def value_and_gradient(self, scores: Array, target: Array) -> tuple[Array, Array]:
        """Loss of each sample (n,) and its derivative by the scores (n, n_classes).

        Violations that tie for the last of the k places share it equally.
        """
        xp = array_namespace(scores)
        violations = self.violations(scores, target)
        if placed := placed_largest_of_rows(violations, self.k):
            return self._value_and_few_slopes(*placed, scores, target)
        value, threshold = self._value_and_threshold(violations)
        side = sign(violations - threshold)  # 1 above the threshold, 0 at it
        apart = xp.sum(side * side, axis=1, keepdims=True)
        above = (apart + xp.sum(side, axis=1, keepdims=True)) / 2
        level = (self.k - above) / (violations.shape[1] - apart)
        # (side^2 + side) / 2 + (1 - side^2) level, by fewer passes; none counts where all is 0.
        counts = sign(value[:, None]) / self.k
        if self.variant == "beta":
            level = level * sign(threshold)
        slopes = side * (side * (counts * (0.5 - level)) + counts / 2) + counts * level
        return value, pairwise_gradient(slopes, chosen(target, scores))

    def curvature(self, scores: Array, target: Array) -> Curvature:  # noqa: ARG002
        """0: the loss is piecewise linear."""
        return Curvature(lambda direction: 0 * direction, array_namespace(scores).zeros_like(scores))

    def conjugate(self, gradient: Array, target: Array) -> Array:
        """-s, with s = -g_y the summed slopes."""
        return -array_namespace(gradient).sum(pairwise_slopes(gradient, chosen(target, gradient)), axis=1)

    def violations(self, scores: Array, target: Array) -> Array:
        """1 - (f_y - f_j) for j != y, and 0 at j = y."""
        rivals = scores.shape[1] - 1
        if self.k > rivals:
            raise InputError(
                f"k is {self.k}, but there are {rivals + 1} classes; choose k from 1 to {rivals}"
            )
        return super().violations(scores, target)

    def project(self, points: Array, target: Array) -> Array:
        """Nearest point of U.

        With s = sum u it is ``0 <= u_j <= s / k, s <= 1`` for alpha, whose u_y is a slack that moves no
        score, and ``0 <= u_j <= 1 / k, s <= 1`` with u_y = 0 for beta.
        """
        if self.variant == "alpha":
            return project_top_k_simplex(points, self.k)
        return project_capped_simplex(chosen(target, points).cleared(points), cap=1 / self.k)

    def tangent(self, points: Array, target: Array) -> Curvature:
        """The coordinates between their bounds, and for alpha those at a bound that moves."""
        xp = array_namespace(points)
        duals = self.project(points, target)
        rounding = 4 * points.shape[1] * xp.finfo(points.dtype).eps
        tight = xp.sum(duals, axis=1, keepdims=True) >= 1 - rounding
        # At a vertex rounding may leave a coordinate a hair off its bound, where it is as fixed as on it.
        free = (duals > rounding) & (duals < 1 / self.k - rounding)
        capped = capped_tangent(free, tight, points)
        if self.variant == "beta":
            return capped
        cone = top_k_cone_tangent(duals, self.k)
        return Curvature(
            lambda direction: xp.where(tight, capped.product(direction), cone.product(direction)),
            xp.where(tight, capped.diagonal, cone.diagonal),
        )

    def _value_and_threshold(self, violations: Array) -> tuple[Array, Array]:
        """The losses and the k-th largest violations, shape (n, 1)."""
        largest = largest_of_rows(violations, self.k)
        threshold = largest[:, -1:]
        if self.variant == "beta":
            threshold = positive_part(threshold)
        return self._mean(largest), threshold

    def _value_and_few_slopes(
        self, largest: Array, places: Array, scores: Any, target: Any
    ) -> tuple[Array, Array]:
        """The losses, and the gradient of a tensor's scores by writing k + 1 entries of each row alone."""
        xp, value = array_namespace(scores), self._mean(largest)
        counting = value[:, None] if self.variant == "alpha" else positive_part(largest)
        slopes = sign(counting).expand(places.shape) / self.k
        # Where the true class is among the k, its own slope and its part of the sum cancel.
        slopes = xp.concat([slopes, -xp.sum(slopes, axis=1, keepdims=True)], axis=1)
        places = xp.concat([places, target[:, None].long()], axis=1)
        return value, scores.new_zeros(scores.shape).scatter_add_(1, places, slopes)

    def _mean(self, largest: Array) -> Array:
        if self.variant == "beta":
            largest = positive_part(largest)
        return positive_part(array_namespace(largest).sum(largest, axis=1) / self.k)
