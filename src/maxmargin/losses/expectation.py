"""Losses whose true class is known by its distribution alone, as in mixup or label smoothing."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from maxmargin._arrays import array_namespace
from maxmargin._typing import Array
from maxmargin.functional import argmax_of_rows, positive_part
from maxmargin.losses._base import Curvature, Loss, chosen
from maxmargin.losses.crammer_singer import CrammerSinger
from maxmargin.losses.one_vs_rest import OneVsRest
from maxmargin.losses.softmax import SoftmaxCrossEntropy


@dataclass(frozen=True)
class Expectation:
    """Expectation of a loss under a distribution of the true class: sum_y q_y loss(f, y).

    In place of the target it takes the weights q, of shape (n, n_classes), that need not sum to 1. A class of
    weight 0 adds nothing, were its loss infinite.

    Parameters
    ----------
    loss : Loss
        The loss.
    most : int, optional
        As many classes have a weight other than 0 in any row; by default all may have. It costs ``most``
        times as much as the loss itself.

    Examples
    --------
    >>> import numpy as np
    >>> from maxmargin.losses import WestonWatkins
    >>> scores, halves = np.array([[2.0, 1.5, 3.0]]), np.array([[0.5, 0.5, 0.0]])
    >>> Expectation(WestonWatkins(), most=2).value_and_gradient(scores, halves)[0]
    array([3.25])
    """

    loss: Loss
    most: int | None = None

    def value_and_gradient(self, scores: Array, target: Array) -> tuple[Array, Array]:
        """Value (n,) and derivative by the scores (n, n_classes)."""
        value, gradient = 0.0, 0.0
        for classes, weights in self._parts(target):
            of_classes = self.loss.value_and_gradient(scores, classes)
            value = value + weighted(weights[:, 0], of_classes[0])
            gradient = gradient + weighted(weights, of_classes[1])
        return value, gradient

    def curvature(self, scores: Array, target: Array) -> Curvature:
        """Sum of the classes' own."""
        parts = [(weights, self.loss.curvature(scores, classes)) for classes, weights in self._parts(target)]
        return Curvature(
            lambda direction: sum(weights * curvature.product(direction) for weights, curvature in parts),
            sum(weights * curvature.diagonal for weights, curvature in parts),
        )

    def _parts(self, target: Array) -> Iterator[tuple[Array, Array]]:
        """A class of each row (n,) and its weight (n, 1), until only weights of 0 are left."""
        xp, n_classes = array_namespace(target), target.shape[1]
        if self.most is None or 2 * self.most > n_classes:  # to look for the classes would take longer
            for k in range(n_classes):
                classes = xp.full((target.shape[0],), k, dtype=xp.int64, device=target.device)
                yield classes, target[:, k : k + 1]
            return
        for _ in range(self.most):
            classes = argmax_of_rows(xp.abs(target))
            heaviest = chosen(classes, target)
            yield classes, heaviest.pick(target)
            target = heaviest.cleared(target)


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


@dataclass(frozen=True)
class ExpectedCrammerSinger:
    """Expectation of Crammer-Singer: every class has the top one for its rival, which has the second."""

    loss: CrammerSinger

    def value_and_gradient(self, scores: Array, target: Array) -> tuple[Array, Array]:
        """Value (n,) and derivative by the scores (n, n_classes)."""
        rivals = _Rivals(scores)
        values, slopes = self.loss.surrogate.value_and_slope(rivals.violations)
        value = array_namespace(scores).sum(weighted(target, values), axis=1)
        return value, rivals.pull(weighted(target, slopes))

    def curvature(self, scores: Array, target: Array) -> Curvature:
        """Map d to sum_y q_y phi''_y (d_r - d_y) (e_r - e_y), with r the strongest rival of y."""
        rivals = _Rivals(scores)
        bends = weighted(target, self.loss.surrogate.bend(rivals.violations))
        return Curvature(
            lambda direction: rivals.pull(bends * rivals.leads(direction)),
            rivals.collected(bends) + bends,
        )


class _Rivals:
    """The strongest rival of every class at once, in O(n_classes) operations."""

    def __init__(self, scores: Array) -> None:
        self._top = chosen(argmax_of_rows(scores), scores)
        others = self._top.put(scores, array_namespace(scores).finfo(scores.dtype).min)
        self._second = chosen(argmax_of_rows(others), scores)
        self.violations = positive_part(1 + self.leads(scores))

    def leads(self, values: Array) -> Array:
        """By how much the value at each class's rival exceeds its own."""
        of_top = array_namespace(values).broadcast_to(self._top.pick(values), values.shape)
        return self._top.put(of_top, self._second.pick(values)) - values

    def collected(self, values: Array) -> Array:
        """Of each class, the sum of the values of those whose rival it is."""
        xp = array_namespace(values)
        of_top = self._top.pick(values)
        collected = self._top.put(xp.zeros_like(values), xp.sum(values, axis=1, keepdims=True) - of_top)
        return self._second.add(collected, of_top)

    def pull(self, slopes: Array) -> Array:
        """Derivative by the scores, given the slopes by the violations."""
        return self.collected(slopes) - slopes


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


Expected = Expectation | ExpectedOneVsRest | ExpectedSoftmaxCrossEntropy | ExpectedCrammerSinger


def expectation(loss: Loss) -> Expected:
    """The expectation of a loss under distributions of the true class, in closed form where there is one."""
    if isinstance(loss, OneVsRest):
        return ExpectedOneVsRest(loss)
    if isinstance(loss, SoftmaxCrossEntropy):
        return ExpectedSoftmaxCrossEntropy(loss)
    if isinstance(loss, CrammerSinger):
        return ExpectedCrammerSinger(loss)
    return Expectation(loss)


def weighted(weights: Array, values: Array) -> Array:
    """The product, and 0 where the weight is 0 and the value infinite."""
    xp = array_namespace(weights)
    return xp.where(weights != 0, weights * values, xp.zeros_like(values))


def _others(target: Array) -> Array:
    return array_namespace(target).sum(target, axis=1, keepdims=True) - target


def _powers(scores: Array) -> tuple[Array, Array, Array]:
    """Scores less the largest, their exponentials, and the sums of these, shape (n, 1)."""
    xp = array_namespace(scores)
    shifted = scores - xp.max(scores, axis=1, keepdims=True)
    powers = xp.exp(shifted)
    return shifted, powers, xp.sum(powers, axis=1, keepdims=True)
