"""What every loss offers."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from maxmargin._arrays import array_namespace, is_tensor
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


class Chosen:
    """One class of each row, such as the true one: reads and writes these entries of (n, n_classes) arrays.

    Parameters
    ----------
    classes : int array of shape (n,)
        The class of each row.
    like : array of shape (n, n_classes)
        Stands for the arrays to read and write.

    Examples
    --------
    >>> import numpy as np
    >>> scores = np.array([[2.0, 1.5, -1.0]])
    >>> true = chosen(np.array([1]), scores)
    >>> true.pick(scores), true.put(scores, 9.0)
    (array([[1.5]]), array([[ 2.,  9., -1.]]))
    """

    def __init__(self, classes: Array, like: Array) -> None:
        numbers = array_namespace(like).arange(like.shape[1], dtype=classes.dtype, device=like.device)
        # Class by class in memory, as the linear objectives hold their scores: sums over classes run fast.
        self._mask = (numbers[:, None] == classes[None, :]).T

    def pick(self, values: Array) -> Array:
        """The values at the chosen classes, shape (n, 1)."""
        return array_namespace(values).sum(values * self._marks(values), axis=1, keepdims=True)

    def put(self, values: Array, entries: Array | float) -> Array:
        """The values with others, of shape (n, 1), at the chosen classes."""
        return self.cleared(values) + entries * self._marks(values)

    def add(self, values: Array, amounts: Array | float) -> Array:
        """The values and something more, of shape (n, 1), at the chosen classes."""
        return values + amounts * self._marks(values)

    def cleared(self, values: Array) -> Array:
        """The values with 0 at the chosen classes: a product, many times as fast as ``where``."""
        return values * array_namespace(values).astype(~self._mask, values.dtype)

    def flipped(self, values: Array) -> Array:
        """The values with the other sign at the chosen classes."""
        return values * (1 - 2 * self._marks(values))

    def balanced(self, values: Array) -> Array:
        """The values with, at the chosen classes, what makes their sum 0."""
        values = self.cleared(values)
        return self.add(values, -array_namespace(values).sum(values, axis=1, keepdims=True))

    def _marks(self, values: Array) -> Array:
        return array_namespace(values).astype(self._mask, values.dtype)


class ChosenInTensor(Chosen):
    """The same in torch, which reads and writes n entries alone: -inf elsewhere stays harmless."""

    def __init__(self, classes: Array, like: Array) -> None:  # noqa: ARG002
        self._index = classes[:, None].long()

    def pick(self, values: Array) -> Array:
        """The values at the chosen classes, shape (n, 1)."""
        return values.gather(1, self._index)

    def put(self, values: Array, entries: Array | float) -> Array:
        """The values with others, of shape (n, 1), at the chosen classes."""
        return values.scatter(1, self._index, entries)

    def add(self, values: Array, amounts: Array | float) -> Array:
        """The values and something more, of shape (n, 1), at the chosen classes."""
        return self.put(values, self.pick(values) + amounts)

    def cleared(self, values: Array) -> Array:
        """The values with 0 at the chosen classes."""
        return self.put(values, 0.0)

    def flipped(self, values: Array) -> Array:
        """The values with the other sign at the chosen classes."""
        return self.put(values, -self.pick(values))

    def balanced(self, values: Array) -> Array:
        """The values with, at the chosen classes, what makes their sum 0."""
        return self.put(values, self.pick(values) - values.sum(1, keepdim=True))


def chosen(classes: Array, like: Array) -> Chosen:
    """The given class of each row of arrays like this one."""
    # One column alone is a machine of two classes, of whose rows some have their class in no column.
    return (ChosenInTensor if is_tensor(like) and like.shape[1] > 1 else Chosen)(classes, like)


def score_gaps(scores: Array, truth: Chosen) -> Array:
    """How far class k lies above the true class: f_k - f_y.

    Examples
    --------
    >>> import numpy as np
    >>> scores = np.array([[2.0, 1.5, -1.0]])
    >>> score_gaps(scores, chosen(np.array([0]), scores))
    array([[ 0. , -0.5, -3. ]])
    """
    return scores - truth.pick(scores)


def margin_violations(scores: Array, truth: Chosen) -> Array:
    """By how much class k fails to stay a margin of 1 below the true class: 1 - (f_y - f_k), and 0 at k = y.

    Examples
    --------
    >>> import numpy as np
    >>> scores = np.array([[2.0, 1.5, -1.0]])
    >>> margin_violations(scores, chosen(np.array([0]), scores))
    array([[ 0. ,  0.5, -2. ]])
    """
    return truth.cleared(1 + score_gaps(scores, truth))


def pairwise_gradient(slopes: Array, truth: Chosen) -> Array:
    """Derivative by the scores of a function of the violations, given its slopes by them.

    Each slope pushes its class down and the true class up by the same amount, so rows sum to zero; that at
    k = y moves nothing.
    """
    return truth.balanced(slopes)


def pairwise_slopes(gradient: Array, truth: Chosen) -> Array:
    """Slopes by the violations out of the derivative by the scores: the inverse of ``pairwise_gradient``."""
    return truth.cleared(positive_part(gradient))


class PairwisePolyhedral:
    """What the polyhedral losses of the differences f_k - f_y share."""

    def violations(self, scores: Array, target: Array) -> Array:
        """1 - (f_y - f_k) for k != y, and 0 at k = y."""
        return margin_violations(scores, chosen(target, scores))

    def pull(self, duals: Array, target: Array) -> Array:
        """Derivative by the scores of ``u . violations(f)``, where u_y has no part."""
        return pairwise_gradient(duals, chosen(target, duals))

    def push(self, direction: Array, target: Array) -> Array:
        """d_k - d_y."""
        return score_gaps(direction, chosen(target, direction))
