"""Softmax cross-entropy."""

from dataclasses import dataclass

from array_api_compat import array_namespace

from maxmargin._typing import Array
from maxmargin.functional import positive_part
from maxmargin.losses._base import Curvature, one_hot, where_true


@dataclass(frozen=True)
class SoftmaxCrossEntropy:
    """Softmax cross-entropy: -f_y + log sum_k exp f_k.

    Examples
    --------
    >>> import numpy as np
    >>> SoftmaxCrossEntropy().value(np.array([[0.0, 0.0]]), np.array([1])).round(4)
    array([0.6931])
    """

    is_polyhedral = False
    is_separable = False

    def value(self, scores: Array, target: Array) -> Array:
        """Negative log-probability of the true class, shape (n,)."""
        return self.value_and_gradient(scores, target)[0]

    def value_and_gradient(self, scores: Array, target: Array) -> tuple[Array, Array]:
        """Value (n,) and gradient softmax(f) - 1{k = y}, shape (n, n_classes)."""
        xp = array_namespace(scores)
        truth = one_hot(scores, target)
        shifted = scores - xp.max(scores, axis=1, keepdims=True)
        powers = xp.exp(shifted)
        total = xp.sum(powers, axis=1, keepdims=True)
        true_score = xp.sum(where_true(shifted, truth), axis=1)
        return xp.log(total[:, 0]) - true_score, powers / total - xp.astype(truth, scores.dtype)

    def curvature(self, scores: Array, target: Array) -> Curvature:  # noqa: ARG002
        """Map d to q (d - q.d), with q the probabilities."""
        xp = array_namespace(scores)
        powers = xp.exp(scores - xp.max(scores, axis=1, keepdims=True))
        probabilities = powers / xp.sum(powers, axis=1, keepdims=True)

        def product(direction: Array) -> Array:
            weighted = probabilities * direction
            return weighted - probabilities * xp.sum(weighted, axis=1, keepdims=True)

        return Curvature(product, probabilities * (1 - probabilities))

    def conjugate(self, gradient: Array, target: Array) -> Array:
        """Negative entropy sum_k q_k log q_k of the probabilities q = g + 1{k = y}."""
        xp = array_namespace(gradient)
        probabilities = positive_part(gradient + xp.astype(one_hot(gradient, target), gradient.dtype))
        logarithms = xp.log(xp.where(probabilities > 0, probabilities, xp.ones_like(probabilities)))
        return xp.sum(probabilities * logarithms, axis=1)
