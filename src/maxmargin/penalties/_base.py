"""What every penalty offers."""

from collections.abc import Callable
from typing import Protocol

from maxmargin._typing import Array


class Penalty(Protocol):
    """A function of the weights ``coef`` of shape (n_classes, n_features)."""

    def value_and_gradient(self, coef: Array) -> tuple[Array, Array]:
        """Value, a scalar, and gradient, shape (n_classes, n_features)."""
        ...

    def curvature(self, coef: Array) -> Callable[[Array], Array]:
        """Product of the Hessian with a direction, both of shape (n_classes, n_features)."""
        ...
