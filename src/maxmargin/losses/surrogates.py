"""Functions of one violation t that bound the error 1{t > 0} from above."""

from dataclasses import dataclass
from typing import Protocol

from maxmargin._arrays import array_namespace
from maxmargin._checks import check_positive
from maxmargin._typing import Array
from maxmargin.functional import positive_part, sign


class Surrogate(Protocol):
    """A convex, increasing function of the violation t, applied elementwise."""

    def value(self, t: Array) -> Array:
        """Value at each t."""
        ...

    def value_and_slope(self, t: Array) -> tuple[Array, Array]:
        """Value and derivative at each t; at a kink, the derivative from the left."""
        ...

    def bend(self, t: Array) -> Array:
        """Second derivative at each t; at a kink, the one from the left."""
        ...

    def conjugate(self, u: Array) -> Array:
        """Convex conjugate ``sup_t u t - phi(t)`` at each slope u that phi takes."""
        ...


@dataclass(frozen=True)
class Hinge:
    """The hinge [t]_+ = max(0, t).

    Examples
    --------
    >>> import numpy as np
    >>> Hinge().value(np.array([-1.0, 0.5, 2.0]))
    array([0. , 0.5, 2. ])
    """

    def value(self, t: Array) -> Array:
        """max(0, t)."""
        return positive_part(t)

    def value_and_slope(self, t: Array) -> tuple[Array, Array]:
        """max(0, t), and 1 where t > 0, else 0."""
        positive = positive_part(t)
        return positive, sign(positive)

    def bend(self, t: Array) -> Array:
        """0."""
        return array_namespace(t).zeros_like(t)

    def conjugate(self, u: Array) -> Array:
        """0, for slopes in [0, 1]."""
        return array_namespace(u).zeros_like(u)


@dataclass(frozen=True)
class SquaredHinge:
    """The squared hinge [t]_+^2.

    Examples
    --------
    >>> import numpy as np
    >>> SquaredHinge().value(np.array([-1.0, 0.5, 2.0]))
    array([0.  , 0.25, 4.  ])
    """

    def value(self, t: Array) -> Array:
        """max(0, t)^2."""
        return positive_part(t) ** 2

    def value_and_slope(self, t: Array) -> tuple[Array, Array]:
        """max(0, t)^2 and 2 max(0, t)."""
        positive = positive_part(t)
        return positive * positive, 2 * positive

    def bend(self, t: Array) -> Array:
        """2 where t > 0, else 0."""
        return 2 * array_namespace(t).astype(t > 0, t.dtype)

    def conjugate(self, u: Array) -> Array:
        """u^2 / 4, for slopes of at least 0."""
        return u * u / 4


@dataclass(frozen=True)
class SmoothHinge:
    """The smooth hinge g(t) = (t + sqrt(t^2 + delta^2)) / 2 of M3SVM, with 0 <= g(t) - [t]_+ <= delta / 2.

    Parameters
    ----------
    delta : float, default=0.1
        Width of the smoothing, in units of the margin; positive.

    References
    ----------
    Multi-class Support Vector Machine with Maximizing Minimum Margin (AAAI 2024), eqs 21 and 25.

    Examples
    --------
    >>> import numpy as np
    >>> SmoothHinge(delta=1.0).value(np.array([0.0]))
    array([0.5])
    """

    delta: float = 0.1

    def __post_init__(self) -> None:
        check_positive(self.delta, "delta")

    def value(self, t: Array) -> Array:
        """(t + sqrt(t^2 + delta^2)) / 2."""
        return self.value_and_slope(t)[0]

    def value_and_slope(self, t: Array) -> tuple[Array, Array]:
        """(t + sqrt(t^2 + delta^2)) / 2 and (1 + t / sqrt(t^2 + delta^2)) / 2."""
        xp = array_namespace(t)
        root = xp.sqrt(t * t + self.delta**2)
        # (root - t) (root + t) = delta^2, so that nothing cancels for t < 0.
        value = positive_part(t) + self.delta**2 / 2 / (root + xp.abs(t))
        return value, value / root

    def bend(self, t: Array) -> Array:
        """delta^2 / (2 (t^2 + delta^2)^(3/2))."""
        root = array_namespace(t).sqrt(t * t + self.delta**2)
        return (self.delta / root) ** 2 / (2 * root)

    def conjugate(self, u: Array) -> Array:
        """-delta sqrt(u (1 - u)), for slopes in [0, 1]."""
        xp = array_namespace(u)
        return -self.delta * xp.sqrt(positive_part(u * (1 - u)))
