"""Softmax cross-entropy, with or without a margin."""

from dataclasses import dataclass

from maxmargin._arrays import array_namespace
from maxmargin._checks import check_nonnegative
from maxmargin._typing import Array
from maxmargin.functional import positive_part
from maxmargin.losses._base import Curvature, chosen


@dataclass(frozen=True)
class SoftmaxCrossEntropy:
    """Softmax cross-entropy of scores whose true class is handicapped by a margin m.

    It is ``-(f_y - m) + log(exp(f_y - m) + sum_{k != y} exp f_k)``: with m = 0 the cross-entropy, else
    soft-margin softmax, whose true class has to lead by m for the same loss.

    Parameters
    ----------
    margin : float, default=0.0
        m, at least 0.

    References
    ----------
    Liang et al. (2017), Soft-margin softmax for deep classification.

    Examples
    --------
    >>> import numpy as np
    >>> SoftmaxCrossEntropy().value(np.array([[0.0, 0.0]]), np.array([1])).round(4)
    array([0.6931])
    >>> SoftmaxCrossEntropy(margin=1.0).value(np.array([[0.0, 1.0]]), np.array([1])).round(4)
    array([0.6931])
    """

    is_polyhedral = False
    is_separable = False

    margin: float = 0.0

    def __post_init__(self) -> None:
        check_nonnegative(self.margin, "margin")

    def value(self, scores: Array, target: Array) -> Array:
        """Negative log-probability of the true class, shape (n,)."""
        return self.value_and_gradient(scores, target)[0]

    def value_and_gradient(self, scores: Array, target: Array) -> tuple[Array, Array]:
        """Value (n,) and gradient q - 1{k = y}, shape (n, n_classes), with q the probabilities."""
        xp = array_namespace(scores)
        truth = chosen(target, scores)
        shifted, powers, total = stable_powers(self._handicapped(scores, target))
        return xp.log(total[:, 0]) - truth.pick(shifted)[:, 0], truth.add(powers / total, -1.0)

    def curvature(self, scores: Array, target: Array) -> Curvature:
        """Map d to q (d - q.d), with q the probabilities."""
        xp = array_namespace(scores)
        _, powers, total = stable_powers(self._handicapped(scores, target))
        probabilities = powers / total

        def product(direction: Array) -> Array:
            weighted = probabilities * direction
            return weighted - probabilities * xp.sum(weighted, axis=1, keepdims=True)

        return Curvature(product, probabilities * (1 - probabilities))

    def conjugate(self, gradient: Array, target: Array) -> Array:
        """Sum_k q_k log q_k + m g_y, with the probabilities q = g + 1{k = y}."""
        xp = array_namespace(gradient)
        truth = chosen(target, gradient)
        probabilities = positive_part(truth.add(gradient, 1.0))
        logarithms = xp.log(xp.where(probabilities > 0, probabilities, xp.ones_like(probabilities)))
        negative_entropy = xp.sum(probabilities * logarithms, axis=1)
        return (
            negative_entropy + self.margin * truth.pick(gradient)[:, 0] if self.margin else negative_entropy
        )

    def _handicapped(self, scores: Array, target: Array) -> Array:
        return chosen(target, scores).add(scores, -self.margin) if self.margin else scores


def stable_powers(scores: Array) -> tuple[Array, Array, Array]:
    """Scores less the largest, their exponentials, and the sums of these, shape (n, 1)."""
    xp = array_namespace(scores)
    shifted = scores - xp.max(scores, axis=1, keepdims=True)
    powers = xp.exp(shifted)
    return shifted, powers, xp.sum(powers, axis=1, keepdims=True)
