"""The penalty of Bredensteiner and Bennett's M-SVM."""

from collections.abc import Callable
from dataclasses import dataclass

from maxmargin._arrays import array_namespace
from maxmargin._typing import Array
from maxmargin.penalties._base import QuadraticPenalty
from maxmargin.penalties.pairwise_margin import centred


@dataclass(frozen=True)
class BredensteinerBennett(QuadraticPenalty):
    """The penalty 1/2 sum_{k<l} |w_k - w_l|^2 + 1/2 |W|^2 of the M-SVM.

    With c classes it is ((c + 1) |W|^2 - |sum_k w_k|^2) / 2, so c + 1 times the squared norm where the
    weights sum to zero.

    References
    ----------
    Bredensteiner and Bennett (1999), Multicategory classification by support vector machines.

    Examples
    --------
    >>> import numpy as np
    >>> value, gradient = BredensteinerBennett().value_and_gradient(np.array([[1.0], [-1.0]]))
    >>> float(value), gradient.tolist()
    (3.0, [[3.0], [-3.0]])
    """

    is_separable = False
    has_conjugate = True

    def value_and_gradient(self, coef: Array) -> tuple[Array, Array]:
        """Value, a scalar, and gradient, shape (n_classes, n_features)."""
        gradient = self.curvature(coef)(coef)
        return array_namespace(coef).sum(coef * gradient) / 2, gradient

    def curvature(self, coef: Array) -> Callable[[Array], Array]:
        """D to c (D - mean D) + D."""
        return lambda direction: coef.shape[0] * centred(direction) + direction

    def stiffness(self, coef: Array) -> Array:
        """The number of classes c for every class."""
        return coef.shape[0] * array_namespace(coef).ones_like(coef[:, 0])

    def conjugate(self, slope: Array, coef: Array, ridge: float = 0.0) -> float:  # noqa: ARG002
        """|V|^2 / (2 (c + 1 + 2 ridge)) of a slope V whose columns sum to zero."""
        total = float(array_namespace(slope).sum(slope * slope))
        return total / (2 * (slope.shape[0] + 1 + 2 * ridge))
