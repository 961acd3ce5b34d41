"""No penalty."""

from collections.abc import Callable
from dataclasses import dataclass

from maxmargin._arrays import array_namespace
from maxmargin._typing import Array
from maxmargin.penalties._base import QuadraticPenalty


@dataclass(frozen=True)
class Unpenalised(QuadraticPenalty):
    """The penalty 0, for objectives whose penalty has no gradient and is left to the solver.

    Examples
    --------
    >>> import numpy as np
    >>> value, gradient = Unpenalised().value_and_gradient(np.array([[3.0], [4.0]]))
    >>> float(value)
    0.0
    """

    is_separable = True
    has_conjugate = False

    def value_and_gradient(self, coef: Array) -> tuple[Array, Array]:
        """0 and 0."""
        nothing = 0 * coef
        return array_namespace(coef).sum(nothing), nothing

    def curvature(self, coef: Array) -> Callable[[Array], Array]:  # noqa: ARG002
        """D to 0."""
        return lambda direction: 0 * direction

    def stiffness(self, coef: Array) -> Array:
        """0 for every class."""
        return 0 * coef[:, 0]

    def conjugate(self, slope: Array, coef: Array, ridge: float = 0.0) -> None:
        """None: only that of the slope 0 is finite."""
