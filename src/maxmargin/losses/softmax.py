"""Softmax cross-entropy, with or without a margin."""

from dataclasses import dataclass

from maxmargin._arrays import array_namespace, is_tensor
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
        handicapped = self._handicapped(scores, target)
        largest, log_total, _ = _softmax(handicapped)
        return (log_total - (chosen(target, scores).pick(handicapped) - largest))[:, 0]

    def value_and_gradient(self, scores: Array, target: Array) -> tuple[Array, Array]:
        """Value (n,) and gradient q - 1{k = y}, shape (n, n_classes), with q the probabilities."""
        truth = chosen(target, scores)
        handicapped = self._handicapped(scores, target)
        largest, log_total, probabilities = _softmax(handicapped)
        value = log_total - (truth.pick(handicapped) - largest)
        return value[:, 0], truth.add(probabilities, -1.0)

    def curvature(self, scores: Array, target: Array) -> Curvature:
        """Map d to q (d - q.d), with q the probabilities."""
        xp = array_namespace(scores)
        _, _, probabilities = _softmax(self._handicapped(scores, target))

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
        if not self.margin:
            return negative_entropy
        return negative_entropy + self.margin * truth.pick(gradient)[:, 0]

    def _handicapped(self, scores: Array, target: Array) -> Array:
        return chosen(target, scores).add(scores, -self.margin) if self.margin else scores


def _softmax(scores: Array) -> tuple[Array, Array, Array]:
    """The largest scores, log sum_k exp(f_k - largest), both (n, 1), and the probabilities."""
    xp = array_namespace(scores)
    largest = xp.max(scores, axis=1, keepdims=True)
    if is_tensor(scores):
        # torch's own takes fewer passes; the largest probability is 1 / total.
        probabilities = scores.softmax(1)
        return largest, -xp.log(xp.max(probabilities, axis=1, keepdims=True)), probabilities
    powers = xp.exp(scores - largest)
    total = xp.sum(powers, axis=1, keepdims=True)
    return largest, xp.log(total), powers / total
