"""Losses whose true class is known by its distribution alone, as in mixup or label smoothing."""

import math
from dataclasses import dataclass

from maxmargin._arrays import array_namespace
from maxmargin._typing import Array
from maxmargin.losses._base import Curvature, Loss, chosen
from maxmargin.losses.one_vs_rest import OneVsRest
from maxmargin.losses.softmax import SoftmaxCrossEntropy


@dataclass(frozen=True)
class Expectation:
    """Expectation of a loss under a distribution of the true class: sum_y q_y loss(f, y).

    In place of the target it takes the weights q, of shape (n, n_classes), that need not sum to 1. A class of
    weight 0 adds nothing, were its loss infinite. It costs n_classes times as much as the loss itself.

    Parameters
    ----------
    loss : Loss
        The loss.

    Examples
    --------
    >>> import numpy as np
    >>> from maxmargin.losses import CrammerSinger
    >>> scores, halves = np.array([[2.0, 1.5, 3.0]]), np.array([[0.5, 0.5, 0.0]])
    >>> expectation(CrammerSinger()).value_and_gradient(scores, halves)[0]
    array([2.25])
    """

    loss: Loss

    def value_and_gradient(self, scores: Array, target: Array) -> tuple[Array, Array]:
        """Value (n,) and derivative by the scores (n, n_classes)."""
        value, gradient = 0.0, 0.0
        for k in range(scores.shape[1]):
            of_class = self.loss.value_and_gradient(scores, _all_of_class(k, target))
            value = value + weighted(target[:, k], of_class[0])
            gradient = gradient + weighted(target[:, k : k + 1], of_class[1])
        return value, gradient

    def curvature(self, scores: Array, target: Array) -> Curvature:
        """Sum of the classes' own."""
        curvatures = [self.loss.curvature(scores, _all_of_class(k, target)) for k in range(scores.shape[1])]

        def product(direction: Array) -> Array:
            products = (curvature.product(direction) for curvature in curvatures)
            return sum(target[:, k : k + 1] * of_class for k, of_class in enumerate(products))

        diagonals = (target[:, k : k + 1] * curvature.diagonal for k, curvature in enumerate(curvatures))
        return Curvature(product, sum(diagonals))


@dataclass(frozen=True)
class ExpectedOneVsRest:
    """Expectation of one-vs-rest: sum_k q_k phi(1 - f_k) + (sum q - q_k) phi(1 + f_k)."""

    loss: OneVsRest

    def value_and_gradient(self, scores: Array, target: Array) -> tuple[Array, Array]:
        """Value (n,) and derivative by the scores (n, n_classes)."""
        surrogate, others = self.loss.surrogate, _others(target)
        values, slopes = surrogate.value_and_slope(1 - scores)
        values_of_others, slopes_of_others = surrogate.value_and_slope(1 + scores)
        value = weighted(target, values) + weighted(others, values_of_others)
        gradient = weighted(others, slopes_of_others) - weighted(target, slopes)
        return array_namespace(scores).sum(value, axis=1), gradient

    def curvature(self, scores: Array, target: Array) -> Curvature:
        """Map d to (q phi''(1 - f) + (sum q - q) phi''(1 + f)) d, elementwise."""
        bend = self.loss.surrogate.bend
        bends = target * bend(1 - scores) + _others(target) * bend(1 + scores)
        return Curvature(lambda direction: bends * direction, bends)


@dataclass(frozen=True)
class ExpectedSoftmaxCrossEntropy:
    """Expectation of the softmax cross-entropy: P_y are the probabilities where y is the true class."""

    loss: SoftmaxCrossEntropy

    def value_and_gradient(self, scores: Array, target: Array) -> tuple[Array, Array]:
        """Value (n,) and gradient sum_y q_y P_y - q, shape (n, n_classes)."""
        mixture = _Mixture(scores, self.loss.margin)
        terms = weighted(target, mixture.log_normalisers - mixture.of_true_class)
        return array_namespace(scores).sum(terms, axis=1), mixture.mixed(target) - target

    def curvature(self, scores: Array, target: Array) -> Curvature:
        """Map d to sum_y q_y P_y (d - P_y.d)."""
        mixture = _Mixture(scores, self.loss.margin)
        mixed = mixture.mixed(target)
        return Curvature(
            lambda direction: mixed * direction - mixture.mixed(target * mixture.means(direction)),
            mixed - mixture.mixed(target, power=2),
        )


class _Mixture:
    """The probabilities P_y for every true class y at once, in O(n_classes) operations.

    P_y has the numerators p of the plain softmax, but for y's own, which the margin m lowers by
    (1 - e^-m) p_y; the normaliser falls by as much. Where y has the largest score that difference cancels, so
    this P_y is computed by itself.
    """

    def __init__(self, scores: Array, margin: float) -> None:
        xp = array_namespace(scores)
        self._top = chosen(xp.argmax(scores, axis=1), scores)
        shifted, self._powers, total = _powers(scores)
        alone, powers, sums = _powers(self._top.add(shifted, -margin))
        self._of_top = powers / sums
        self._kept = math.exp(-margin)
        self._normalisers = self._top.put(total - (1 - self._kept) * self._powers, 1.0)
        self.of_true_class = shifted - margin
        log_of_top = xp.log(sums) + self._top.pick(self.of_true_class) - self._top.pick(alone)
        self.log_normalisers = self._top.put(xp.log(self._normalisers), log_of_top)

    def mixed(self, weights: Array, power: int = 1) -> Array:
        """sum_y weights_y P_y^power."""
        xp = array_namespace(weights)
        shares = self._top.cleared(weights / self._normalisers**power)
        of_others = xp.sum(shares, axis=1, keepdims=True) - (1 - self._kept**power) * shares
        return self._powers**power * of_others + self._top.pick(weights) * self._of_top**power

    def means(self, direction: Array) -> Array:
        """P_y.direction of every class y."""
        xp = array_namespace(direction)
        terms = self._powers * direction
        means = (xp.sum(terms, axis=1, keepdims=True) - (1 - self._kept) * terms) / self._normalisers
        return self._top.put(means, xp.sum(self._of_top * direction, axis=1, keepdims=True))


def expectation(loss: Loss) -> Expectation | ExpectedOneVsRest | ExpectedSoftmaxCrossEntropy:
    """The expectation of a loss under distributions of the true class, in closed form where there is one."""
    if isinstance(loss, OneVsRest):
        return ExpectedOneVsRest(loss)
    if isinstance(loss, SoftmaxCrossEntropy):
        return ExpectedSoftmaxCrossEntropy(loss)
    return Expectation(loss)


def weighted(weights: Array, values: Array) -> Array:
    """The product, and 0 where the weight is 0 and the value infinite."""
    xp = array_namespace(weights)
    return xp.where(weights != 0, weights * values, xp.zeros_like(values))


def _others(target: Array) -> Array:
    return array_namespace(target).sum(target, axis=1, keepdims=True) - target


def _all_of_class(k: int, target: Array) -> Array:
    xp = array_namespace(target)
    return xp.full((target.shape[0],), k, dtype=xp.int64, device=target.device)


def _powers(scores: Array) -> tuple[Array, Array, Array]:
    """Scores less the largest, their exponentials, and the sums of these, shape (n, 1)."""
    xp = array_namespace(scores)
    shifted = scores - xp.max(scores, axis=1, keepdims=True)
    powers = xp.exp(shifted)
    return shifted, powers, xp.sum(powers, axis=1, keepdims=True)
