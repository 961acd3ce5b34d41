"""The state of estimators that hold networks: plain data to be saved, the modules to be pickled."""

import copy
import copyreg
from dataclasses import is_dataclass
from typing import Any

from sklearn.base import BaseEstimator
from torch import nn

from maxmargin.deep.modules_as_data import from_data, to_data

_DESCRIBED = "_described"


class NetEstimator(BaseEstimator):
    """An estimator whose parameters and attributes may be modules, schedules and their like.

    :func:`maxmargin.save_model` gets descriptions of them, which only those of torch and maxmargin have.
    Pickle and copy take them as they are, so that they may be of any class, and on the CPU, so that they can
    be loaded where there is no CUDA.
    """

    def __getstate__(self) -> dict[str, Any]:
        """Plain data."""
        state = self._state()
        described = {name: value for name, value in state.items() if _needs_description(value)}
        if not described:
            return state
        plain = {name: value for name, value in state.items() if name not in described}
        return plain | {_DESCRIBED: to_data(described)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take back what was saved or pickled."""
        plain = {name: value for name, value in state.items() if name != _DESCRIBED}
        super().__setstate__(plain | from_data(state[_DESCRIBED]) if _DESCRIBED in state else plain)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """What pickle and copy take."""
        state = self._state()
        modules = {name: value for name, value in state.items() if isinstance(value, nn.Module)}
        if any(parameter.is_cuda for module in modules.values() for parameter in module.parameters()):
            # Copied together, so that what they share stays shared.
            state |= {name: module.cpu() for name, module in copy.deepcopy(modules).items()}
        return copyreg.__newobj__, (type(self),), state  # pyright: ignore[reportAttributeAccessIssue]

    def _state(self) -> dict[str, Any]:
        state: Any = super().__getstate__()
        return dict(state)


def _needs_description(value: Any) -> bool:
    return isinstance(value, nn.Module) or (is_dataclass(value) and not isinstance(value, type))
