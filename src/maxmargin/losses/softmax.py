"""Softmax cross-entropy, with or without a margin."""

from dataclasses import dataclass

from maxmargin._arrays import array_namespace, is_tensor
from maxmargin._checks import check_nonnegative
from maxmargin._typing import Array
from maxmargin.functional import positive_part
from maxmargin.losses._base import Curvature, chosen, score_gaps

_CERTAIN = 1e-4  # probability of an error: below it 1 - q_y begins to lose digits that matter


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
        xp, truth = array_namespace(scores), chosen(target, scores)
        if self.margin:
            scores = truth.add(scores, -self.margin)
        largest, of_truth = xp.max(scores, axis=1, keepdims=True), truth.pick(scores)
        if is_tensor(scores):
            # torch's own takes fewer passes; the largest probability is 1 / sum_k exp(f_k - largest).
            probabilities = scores.softmax(1)
            value = largest - of_truth - xp.log(xp.max(probabilities, axis=1, keepdims=True))
            return value[:, 0], truth.add(probabilities, -1.0)
        # What the rivals make is summed apart from the 1 that it would be lost in.
        powers = truth.cleared(xp.exp(scores - largest))
        rivals, own = xp.sum(powers, axis=1, keepdims=True), xp.exp(of_truth - largest)
        value = largest - of_truth + xp.log1p(rivals + (own - 1))
        return value[:, 0], truth.add(powers, -rivals) / (rivals + own)

    def curvature(self, scores: Array, target: Array) -> Curvature:
        """Map d to q (d - q.d), with q the probabilities."""
        xp, truth = array_namespace(scores), chosen(target, scores)
        _, gradient = self.value_and_gradient(scores, target)
        probabilities = truth.add(gradient, 1.0)
        diagonal = probabilities * (1 - probabilities)
        wrong = -truth.pick(gradient)
        # Where the true class is nearly certain, what is left of it and of d_y cancels unless taken apart.
        is_certain = not is_tensor(scores) and bool(xp.all(wrong < _CERTAIN))
        if is_certain:
            diagonal = truth.put(diagonal, wrong * (1 - wrong))

        def product(direction: Array) -> Array:
            moves = score_gaps(direction, truth) if is_certain else direction
            weighted = probabilities * moves
            return weighted - probabilities * xp.sum(weighted, axis=1, keepdims=True)

        return Curvature(product, diagonal)

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
