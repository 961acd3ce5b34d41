"""The one error for input that cannot be used, and the checks that every floor shares."""

import math
from collections.abc import Callable, Iterable
from importlib import import_module
from numbers import Integral, Real

_FOR_NETWORKS = ("torch", "lightning_fabric")


class InputError(ValueError):
    """What a person gave cannot be used.

    The message is one line that says what is wrong, where, and what to do about it.
    The command line prints it and exits with 2.
    """


def check_choice(value: str, choices: Iterable[str], what: str) -> str:
    """Return ``value`` if it is one of ``choices``.

    Raises
    ------
    InputError
        Otherwise; the message shows the value and every valid choice.

    Examples
    --------
    >>> check_choice("hinge", ["hinge", "squared_hinge"], "loss")
    'hinge'
    """
    choices = list(choices)
    if value not in choices:
        raise InputError(f"unknown {what} {value!r}; choose from {', '.join(map(str, choices))}")
    return value


def check_finite(value: float, name: str) -> None:
    """Raise InputError unless ``value`` is a finite number."""
    _check_number(value, name, "a finite number", lambda _: True)


def check_positive(value: float, name: str) -> None:
    """Raise InputError unless ``value`` is a finite number above 0."""
    _check_number(value, name, "a positive number", lambda v: v > 0)


def check_nonnegative(value: float, name: str) -> None:
    """Raise InputError unless ``value`` is a finite number of at least 0."""
    _check_number(value, name, "a number of at least 0", lambda v: v >= 0)


def check_at_least(value: float, least: float, name: str) -> None:
    """Raise InputError unless ``value`` is a finite number of at least ``least``."""
    _check_number(value, name, f"a number of at least {least}", lambda v: v >= least)


def check_count(value: int, name: str, least: int = 1) -> None:
    """Raise InputError unless ``value`` is an integer of at least ``least``.

    Examples
    --------
    >>> check_count(2.5, "epochs")
    Traceback (most recent call last):
        ...
    maxmargin._checks.InputError: epochs is 2.5; it must be an integer of at least 1
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise InputError(f"{name} is {value!r}; it must be an integer of at least {least}")


def check_flag(value: object, name: str) -> None:
    """Raise InputError unless ``value`` says yes or no; integers, such as levels of verbosity, do.

    Examples
    --------
    >>> check_flag("no", "fit_intercept")
    Traceback (most recent call last):
        ...
    maxmargin._checks.InputError: fit_intercept is 'no'; it must be True or False
    """
    import numpy as np  # the command line starts without it

    if not isinstance(value, np.bool | Integral):
        raise InputError(f"{name} is {value!r}; it must be True or False")


def _check_number(value: float, name: str, expected: str, holds: Callable[[float], bool]) -> None:
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value) or not holds(value):
        raise InputError(f"{name} is {value!r}; it must be {expected}")


def check_torch() -> None:
    """Raise InputError unless what networks need is installed."""
    for name in _FOR_NETWORKS:
        try:
            import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
            raise InputError('PyTorch is not installed; pip install "maxmargin[deep]"') from error
