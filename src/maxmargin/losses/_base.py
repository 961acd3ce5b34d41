"""What every loss offers."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from array_api_compat import array_namespace

from maxmargin._typing import Array
from maxmargin.functional import positive_part


class Curvature(NamedTuple):
    """Each sample's Hessian by the scores.

    Attributes
    ----------
    product : callable
        Multiplies the Hessians with a direction, both of shape (n, n_classes).
    diagonal : array of shape (n, n_classes)
        Their diagonals; a sample whose diagonal is zero has no curvature at all.
    """

    product: Callable[[Array], Array]
    diagonal: Array


class Loss(Protocol):
    """A function of (scores, target), one value a sample.

    ``scores`` has shape (n, n_classes), ``target`` has shape (n,) and holds ints in 0..n_classes-1.
    """

    @property
    def is_separable(self) -> bool:
        """Whether it is a sum of functions of one score each, so that each class is a problem of its own."""
        ...

    @property
    def is_polyhedral(self) -> bool:
        """Whether it is piecewise linear, and offers what a PolyhedralLoss does."""
        ...

    def value(self, scores: Array, target: Array) -> Array:
        """Loss of each sample, shape (n,)."""
        ...

    def value_and_gradient(self, scores: Array, target: Array) -> tuple[Array, Array]:
        """Loss of each sample, shape (n,), and its derivative by the scores, shape (n, n_classes)."""
        ...

    def curvature(self, scores: Array, target: Array) -> Curvature:
        """Second derivative by the scores.

        Where the loss has a kink or no second derivative, that of a neighbouring smooth piece.
        """
        ...

    def conjugate(self, gradient: Array, target: Array) -> Array:
        """Convex conjugate ``sup_f g.f - loss(f)`` of each sample, (n,), at a (sub)gradient g of the loss."""
        ...


class PolyhedralLoss(Loss, Protocol):
    """A loss that is the largest of finitely many affine functions: ``max over u in U of u . violations(f)``.

    U is a convex polytope of shape (n_classes,) a sample, which holds 0; the maximiser is the dual variable.
    """

    def violations(self, scores: Array, target: Array) -> Array:
        """By how much each class violates its margin, shape (n, n_classes)."""
        ...

    def project(self, points: Array, target: Array) -> Array:
        """Nearest point of U to each row."""
        ...

    def tangent(self, points: Array, target: Array) -> Curvature:
        """Derivative of ``project`` at the points: the projection onto the span of the face reached."""
        ...

    def pull(self, duals: Array, target: Array) -> Array:
        """Derivative by the scores of ``u . violations(f)`` at the given u: the transpose of ``push``."""
        ...

    def push(self, direction: Array, target: Array) -> Array:
        """Derivative of the violations along a direction of the scores."""
        ...


def one_hot(scores: Array, target: Array) -> Array:
    """Boolean (n, n_classes) array that marks the true class of each row.

    Examples
    --------
    >>> import numpy as np
    >>> one_hot(np.zeros((2, 3)), np.array([2, 0]))
    array([[False, False,  True], [ True, False, False]])
    """
    xp = array_namespace(scores)
    classes = xp.arange(scores.shape[1], dtype=target.dtype, device=scores.device)
    # Class by class in memory, as the linear objectives hold their scores: sums over the classes run fast.
    return (classes[:, None] == target[None, :]).T


def where_true(values: Array, truth: Array) -> Array:
    """Values at the true class and 0 elsewhere: a product, many times as fast as ``where``."""
    return values * array_namespace(values).astype(truth, values.dtype)


def where_other(values: Array, truth: Array) -> Array:
    """Values away from the true class and 0 there."""
    return values * array_namespace(values).astype(~truth, values.dtype)


def score_gaps(scores: Array, truth: Array) -> Array:
    """How far class k lies above the true class: f_k - f_y.

    Examples
    --------
    >>> import numpy as np
    >>> scores = np.array([[2.0, 1.5, -1.0]])
    >>> score_gaps(scores, one_hot(scores, np.array([0])))
    array([[ 0. , -0.5, -3. ]])
    """
    xp = array_namespace(scores)
    return scores - xp.sum(where_true(scores, truth), axis=1, keepdims=True)


def margin_violations(scores: Array, truth: Array) -> Array:
    """By how much class k fails to stay a margin of 1 below the true class: 1 - (f_y - f_k), and 0 at k = y.

    Examples
    --------
    >>> import numpy as np
    >>> scores = np.array([[2.0, 1.5, -1.0]])
    >>> margin_violations(scores, one_hot(scores, np.array([0])))
    array([[ 0. ,  0.5, -2. ]])
    """
    return where_other(1 + score_gaps(scores, truth), truth)


def pairwise_gradient(slopes: Array, truth: Array) -> Array:
    """Derivative by the scores of a function of the violations, given its slopes by them (0 at k = y).

    Each slope pushes its class down and the true class up by the same amount, so rows sum to zero.
    """
    xp = array_namespace(slopes)
    slopes = where_other(slopes, truth)
    return slopes - where_true(xp.sum(slopes, axis=1, keepdims=True), truth)


def pairwise_slopes(gradient: Array, truth: Array) -> Array:
    """Slopes by the violations out of the derivative by the scores: the inverse of ``pairwise_gradient``."""
    return where_other(positive_part(gradient), truth)


class PairwisePolyhedral:
    """What the polyhedral losses of the differences f_k - f_y share."""

    def violations(self, scores: Array, target: Array) -> Array:
        """1 - (f_y - f_k) for k != y, and 0 at k = y."""
        return margin_violations(scores, one_hot(scores, target))

    def pull(self, duals: Array, target: Array) -> Array:
        """Derivative by the scores of ``u . violations(f)``."""
        return pairwise_gradient(duals, one_hot(duals, target))

    def push(self, direction: Array, target: Array) -> Array:
        """d_k - d_y."""
        return score_gaps(direction, one_hot(direction, target))
