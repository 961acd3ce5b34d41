"""The squared Frobenius norm."""

from collections.abc import Callable
from dataclasses import dataclass

from array_api_compat import array_namespace

from maxmargin._typing import Array


@dataclass(frozen=True)
class Frobenius:
    """The penalty 1/2 |W|^2.

    Examples
    --------
    >>> import numpy as np
    >>> value, gradient = Frobenius().value_and_gradient(np.array([[3.0], [4.0]]))
    >>> float(value)
    12.5
    """

    def value_and_gradient(self, coef: Array) -> tuple[Array, Array]:
        """1/2 |W|^2 and W."""
        xp = array_namespace(coef)
        return xp.sum(coef * coef) / 2, coef

    def curvature(self, coef: Array) -> Callable[[Array], Array]:  # noqa: ARG002
        """D to D."""
        return lambda direction: direction
