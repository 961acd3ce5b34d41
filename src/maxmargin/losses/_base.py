"""What every loss offers."""

from collections.abc import Callable
from typing import Protocol

from array_api_compat import array_namespace

from maxmargin._typing import Array


class Loss(Protocol):
    """A function of (scores, target), one value a sample.

    ``scores`` has shape (n, n_classes), ``target`` has shape (n,) and holds ints in 0..n_classes-1.
    """

    def value(self, scores: Array, target: Array) -> Array:
        """Loss of each sample, shape (n,)."""
        ...

    def value_and_gradient(self, scores: Array, target: Array) -> tuple[Array, Array]:
        """Loss of each sample, shape (n,), and its derivative by the scores, shape (n, n_classes)."""
        ...

    def curvature(self, scores: Array, target: Array) -> Callable[[Array], Array]:
        """Product of each sample's Hessian by the scores with a direction, both of shape (n, n_classes).

        Where the loss has a kink or no second derivative, that of a neighbouring smooth piece.
        """
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
    return target[:, None] == classes[None, :]


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
    return scores - xp.sum(xp.where(truth, scores, xp.zeros_like(scores)), axis=1, keepdims=True)


def violations(scores: Array, truth: Array) -> Array:
    """By how much class k fails to stay a margin of 1 below the true class: 1 - (f_y - f_k), and 0 at k = y.

    Examples
    --------
    >>> import numpy as np
    >>> scores = np.array([[2.0, 1.5, -1.0]])
    >>> violations(scores, one_hot(scores, np.array([0])))
    array([[ 0. ,  0.5, -2. ]])
    """
    xp = array_namespace(scores)
    return xp.where(truth, xp.zeros_like(scores), 1 + score_gaps(scores, truth))


def pairwise_gradient(slopes: Array, truth: Array) -> Array:
    """Derivative by the scores of a function of the violations, given its slopes by them (0 at k = y).

    Each slope pushes its class down and the true class up by the same amount, so rows sum to zero.
    """
    xp = array_namespace(slopes)
    return xp.where(truth, -xp.sum(slopes, axis=1, keepdims=True), slopes)
