"""The squared Frobenius norm."""

from collections.abc import Callable
from dataclasses import dataclass

from maxmargin._arrays import array_namespace
from maxmargin._typing import Array
from maxmargin.penalties._base import QuadraticPenalty


@dataclass(frozen=True)
class Frobenius(QuadraticPenalty):
    """The penalty 1/2 |W|^2.

    Examples
    --------
    >>> import numpy as np
    >>> value, gradient = Frobenius().value_and_gradient(np.array([[3.0], [4.0]]))
    >>> float(value)
    12.5
    """

    is_separable = True
    has_conjugate = True

    def value_and_gradient(self, coef: Array) -> tuple[Array, Array]:
        """1/2 |W|^2 and W."""
        xp = array_namespace(coef)
        return xp.sum(coef * coef) / 2, coef

    def curvature(self, coef: Array) -> Callable[[Array], Array]:  # noqa: ARG002
        """D to D."""
        return lambda direction: direction

    def stiffness(self, coef: Array) -> Array:
        """1 for every class."""
        return array_namespace(coef).ones_like(coef[:, 0])

    def conjugate(self, slope: Array, coef: Array, ridge: float = 0.0) -> float:  # noqa: ARG002
        """|V|^2 / (2 (1 + 2 ridge)) of a slope V."""
        return float(array_namespace(slope).sum(slope * slope)) / (2 * (1 + 2 * ridge))
