"""Softmax cross-entropy."""

from collections.abc import Callable
from dataclasses import dataclass

from array_api_compat import array_namespace

from maxmargin._typing import Array
from maxmargin.losses._base import one_hot


@dataclass(frozen=True)
class SoftmaxCrossEntropy:
    """Softmax cross-entropy: -f_y + log sum_k exp f_k.

    Examples
    --------
    >>> import numpy as np
    >>> SoftmaxCrossEntropy().value(np.array([[0.0, 0.0]]), np.array([1])).round(4)
    array([0.6931])
    """

    def value(self, scores: Array, target: Array) -> Array:
        """Negative log-probability of the true class, shape (n,)."""
        xp = array_namespace(scores)
        shifted = scores - xp.max(scores, axis=1, keepdims=True)
        true_score = xp.sum(xp.where(one_hot(scores, target), shifted, xp.zeros_like(scores)), axis=1)
        return xp.log(xp.sum(xp.exp(shifted), axis=1)) - true_score

    def value_and_gradient(self, scores: Array, target: Array) -> tuple[Array, Array]:
        """Value (n,) and gradient softmax(f) - 1{k = y}, shape (n, n_classes)."""
        xp = array_namespace(scores)
        truth = one_hot(scores, target)
        shifted = scores - xp.max(scores, axis=1, keepdims=True)
        powers = xp.exp(shifted)
        total = xp.sum(powers, axis=1, keepdims=True)
        true_score = xp.sum(xp.where(truth, shifted, xp.zeros_like(scores)), axis=1)
        probabilities = powers / total
        return xp.log(total[:, 0]) - true_score, xp.where(truth, probabilities - 1, probabilities)

    def curvature(self, scores: Array, target: Array) -> Callable[[Array], Array]:  # noqa: ARG002
        """Map d to q (d - q.d), with q the probabilities."""
        xp = array_namespace(scores)
        powers = xp.exp(scores - xp.max(scores, axis=1, keepdims=True))
        probabilities = powers / xp.sum(powers, axis=1, keepdims=True)

        def product(direction: Array) -> Array:
            weighted = probabilities * direction
            return weighted - probabilities * xp.sum(weighted, axis=1, keepdims=True)

        return product
