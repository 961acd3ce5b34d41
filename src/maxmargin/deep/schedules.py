"""How a learning rate, a noise or a margin changes while a network is trained."""

from collections.abc import Callable
from dataclasses import dataclass

from maxmargin._checks import InputError, check_choice, check_finite, check_positive

Schedule = Callable[[float], float]
"""Maps the share of the steps that are done, from 0 to 1, to a value."""


@dataclass(frozen=True)
class Constant:
    """The same value throughout.

    Examples
    --------
    >>> Constant(0.5)(0.9)
    0.5
    """

    value: float = 1.0

    def __post_init__(self) -> None:
        check_finite(self.value, "value")

    def __call__(self, progress: float) -> float:  # noqa: ARG002
        """The value."""
        return self.value


@dataclass(frozen=True)
class LinearDecay:
    """A straight line from ``start`` to ``end``, step by step.

    References
    ----------
    Tang (2013), section 3.2: learning rate from 0.1 to 0, noise from 1 to 0.

    Examples
    --------
    >>> LinearDecay(0.1)(0.25)
    0.075...
    """

    start: float = 1.0
    end: float = 0.0

    def __post_init__(self) -> None:
        check_finite(self.start, "start")
        check_finite(self.end, "end")

    def __call__(self, progress: float) -> float:
        """Value at this share of the steps."""
        return self.start + (self.end - self.start) * progress


@dataclass(frozen=True)
class StepDecay:
    """A value that is multiplied by ``factor`` at each of some shares of the steps.

    Parameters
    ----------
    at : tuple of float, default=(0.5, 0.75)
        Increasing shares of the steps, each between 0 and 1.
    factor : float, default=0.1
        What each multiplies by.
    start : float, default=1.0
        Value at first.

    Examples
    --------
    >>> decay = StepDecay(at=(0.5, 0.75), factor=0.1)
    >>> decay(0.4), decay(0.6), round(decay(0.8), 3)
    (1.0, 0.1, 0.01)
    """

    at: tuple[float, ...] = (0.5, 0.75)
    factor: float = 0.1
    start: float = 1.0

    def __post_init__(self) -> None:
        check_positive(self.factor, "factor")
        check_finite(self.start, "start")
        if list(self.at) != sorted(self.at) or not all(0 < share < 1 for share in self.at):
            raise InputError(f"at is {self.at!r}; it must be increasing shares between 0 and 1")

    def __call__(self, progress: float) -> float:
        """Value at this share of the steps."""
        return self.start * self.factor ** sum(share <= progress for share in self.at)


_NAMED = {"constant": Constant(), "linear": LinearDecay(), "step": StepDecay()}


def as_schedule(schedule: str | float | Schedule, name: str) -> Schedule:
    """A schedule from its name, from a constant, or as it is.

    Examples
    --------
    >>> as_schedule("linear", "lr_schedule"), as_schedule(0.5, "noise")
    (LinearDecay(start=1.0, end=0.0), Constant(value=0.5))
    """
    if isinstance(schedule, str):
        return _NAMED[check_choice(schedule, _NAMED, name)]
    if callable(schedule):
        return schedule
    check_finite(schedule, name)
    return Constant(float(schedule))
