"""What every penalty offers."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from maxmargin._arrays import array_namespace
from maxmargin._typing import Array


class Penalty(Protocol):
    """A function of the weights ``coef`` of shape (n_classes, n_features)."""

    @property
    def is_separable(self) -> bool:
        """Whether it is a sum over the classes."""
        ...

    @property
    def has_conjugate(self) -> bool:
        """Whether ``conjugate`` knows a bound."""
        ...

    def value_and_gradient(self, coef: Array) -> tuple[Array, Array]:
        """Value, a scalar, and gradient, shape (n_classes, n_features)."""
        ...

    def curvature(self, coef: Array) -> Callable[[Array], Array]:
        """Product of the Hessian with a direction, both of shape (n_classes, n_features)."""
        ...

    def stages(self, scale: float) -> Sequence["Penalty"]:
        """Ever sharper approximations for weights of this scale, ending with what is minimised."""
        ...

    def sharpening(self, coef: Array) -> float:
        """Value of what is minimised less that of this approximation to it."""
        ...

    def stiffness(self, coef: Array) -> Array:
        """About the curvature that each class's own weights have, shape (n_classes,): for preconditioning."""
        ...

    def slopes_along(self, coef: Array, direction: Array) -> Callable[[float], float]:
        """Map t to the derivative of the penalty at ``coef + t * direction`` along the direction, cheaply."""
        ...

    def conjugate(self, slope: Array, coef: Array, ridge: float = 0.0) -> float | None:
        """No less than ``sup_W slope.W - penalty(W) - ridge |W|^2``, and equal where coef attains it.

        None where no such bound is known. The columns of ``slope`` are taken to sum to zero where the penalty
        does not see a common shift.
        """
        ...


class QuadraticPenalty:
    """What the quadratic penalties share: their derivative along a line is affine."""

    def stages(self: Any, scale: float) -> Sequence[Any]:  # noqa: ARG002
        """The penalty itself."""
        return [self]

    def sharpening(self, coef: Array) -> float:  # noqa: ARG002
        """0: it is no approximation."""
        return 0.0

    def slopes_along(self: Penalty, coef: Array, direction: Array) -> Callable[[float], float]:
        """Map t to <gradient at coef + t direction, direction>."""
        xp = array_namespace(coef)
        start = float(xp.sum(self.value_and_gradient(coef)[1] * direction))
        bend = float(xp.sum(self.curvature(coef)(direction) * direction))
        return lambda t: start + t * bend
