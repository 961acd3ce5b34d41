"""A polyhedral loss made smooth around given dual variables: the step of the method of multipliers."""

from dataclasses import dataclass

from maxmargin._arrays import array_namespace
from maxmargin._typing import Array
from maxmargin.losses._base import Curvature, PolyhedralLoss, chosen


@dataclass(frozen=True)
class Proximal:
    """``max over u in U of u . violations(f) - width / 2 |u - centre|^2``, for a polyhedral loss.

    Its gradient is 1/width-Lipschitz, and where the maximiser u is the centre it equals the loss itself.

    Parameters
    ----------
    loss : PolyhedralLoss
        The loss.
    width : float
        Strength of the pull towards the centre; positive.
    centre : array of shape (n, n_classes)
        Dual variables, one row a sample.

    References
    ----------
    Rockafellar (1976), Augmented Lagrangians and applications of the proximal point algorithm in convex
    programming.

    Examples
    --------
    >>> import numpy as np
    >>> from maxmargin.losses import OneVsRest
    >>> scores, target = np.array([[0.5, -2.0, 0.0]]), np.array([0])
    >>> smooth = Proximal(OneVsRest(), width=1.0, centre=np.zeros((1, 3)))
    >>> smooth.value(scores, target), smooth.maximiser(scores, target)
    (array([0.625]), array([[0.5, 0. , 1. ]]))
    """

    is_polyhedral = False

    loss: PolyhedralLoss
    width: float
    centre: Array

    @property
    def is_separable(self) -> bool:
        """As the loss itself."""
        return self.loss.is_separable

    def maximiser(self, scores: Array, target: Array) -> Array:
        """The dual variables u, shape (n, n_classes)."""
        return self.loss.project(self._points(scores, target), target)

    def value(self, scores: Array, target: Array) -> Array:
        """Value of each sample, shape (n,)."""
        return self.value_and_gradient(scores, target)[0]

    def value_and_gradient(self, scores: Array, target: Array) -> tuple[Array, Array]:
        """Value of each sample (n,) and its derivative by the scores (n, n_classes)."""
        value, gradient, _ = self.value_gradient_and_distance(scores, target)
        return value, gradient

    def value_gradient_and_distance(self, scores: Array, target: Array) -> tuple[Array, Array, Array]:
        """Value, derivative and what the pull towards the centre takes away, ``width / 2 |u - centre|^2``."""
        xp = array_namespace(scores)
        violations = self.loss.violations(scores, target)
        duals = self.loss.project(self.centre + violations / self.width, target)
        away = duals - self.centre
        distance = self.width / 2 * xp.sum(away * away, axis=1)
        return xp.sum(duals * violations, axis=1) - distance, self.loss.pull(duals, target), distance

    def curvature(self, scores: Array, target: Array) -> Curvature:
        """Map d to pull(tangent(push(d))) / width."""
        xp = array_namespace(scores)
        face, inner = self.loss.tangent(self._points(scores, target), target)
        truth = chosen(target, scores)
        # A rival moves its own violation alone; the true class may move them all.
        moved = self.loss.push(truth.put(xp.zeros_like(scores), 1.0), target)
        diagonal = truth.put(inner, xp.sum(moved * face(moved), axis=1, keepdims=True)) / self.width

        def product(direction: Array) -> Array:
            return self.loss.pull(face(self.loss.push(direction, target)), target) / self.width

        return Curvature(product, diagonal)

    def conjugate(self, gradient: Array, target: Array) -> Array:
        """Conjugate of the loss itself, whose maximisers these are: the dual value that certifies."""
        return self.loss.conjugate(gradient, target)

    def _points(self, scores: Array, target: Array) -> Array:
        return self.centre + self.loss.violations(scores, target) / self.width
