"""Exact line search by slopes, along one direction or along several parts of it at once."""

from typing import Any, Protocol

import numpy as np

from maxmargin._typing import Floats

ROUNDING = 8 * np.finfo(np.float64).eps
_FLATTENED = 0.1  # a line search ends where the slopes have fallen to this share


class Line(Protocol):
    """The objective along one direction, or along the parts of it that are problems of their own.

    Lengths and slopes have shape (n_parts,): the parts lie one after the other in a vector, all equally long.
    """

    @property
    def n_parts(self) -> int:
        """How many there are."""
        ...

    @property
    def end(self) -> Any:
        """The objective where every length is 1."""
        ...

    def slopes(self, lengths: Floats) -> Floats:
        """Derivative of each part at its length of the step."""
        ...

    def point(self, lengths: Floats) -> Any:
        """The objective at these lengths."""
        ...


def slopes_of(line: Line, gradient: Floats, direction: Floats) -> Floats:
    """Derivative of each part along the direction, where the objective has this gradient.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> slopes_of(SimpleNamespace(n_parts=2), np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    array([3., 8.])
    """
    return (gradient * direction).reshape(line.n_parts, -1).sum(axis=1)


def flattened(line: Line, value: float, initial: Floats, slopes: Floats) -> Any:
    """The point where the slopes have flattened: the end, or else bracketed, then by regula falsi (Illinois).

    Parameters
    ----------
    line : Line
        Where to search.
    value : float
        The objective where the line begins.
    initial, slopes : ndarray of shape (n_parts,)
        Slopes where it begins and where it ends.
    """
    rounding = ROUNDING * abs(value)
    flat = np.maximum(-_FLATTENED * initial, rounding)
    low, low_slope = np.zeros_like(initial), initial.copy()
    high, high_slope = np.full_like(initial, np.inf), np.full_like(initial, np.inf)
    lengths, side = np.where(initial > 0, 0.0, 1.0), np.zeros_like(initial)
    seeking = initial < 0
    for _ in range(40):
        # A part that was flat stays where it was: what moves its slope is rounding.
        seeking &= np.abs(slopes) > flat
        if not seeking.any():
            break
        short, long = seeking & (slopes < 0), seeking & (slopes >= 0)
        high_slope[short & (side < 0)] /= 2
        low_slope[long & (side > 0)] /= 2
        low[short], low_slope[short], side[short] = lengths[short], slopes[short], -1
        high[long], high_slope[long], side[long] = lengths[long], slopes[long], 1
        bracketed = seeking & np.isfinite(high)
        share = np.clip(low_slope[bracketed] / (low_slope[bracketed] - high_slope[bracketed]), 0.05, 0.95)
        lengths[bracketed] = low[bracketed] + (high - low)[bracketed] * share
        lengths[short & ~bracketed] *= 3
        slopes = line.slopes(lengths)
    return line.end if np.all(lengths == 1) else line.point(lengths)
