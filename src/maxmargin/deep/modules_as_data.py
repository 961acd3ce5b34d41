"""Torch modules as plain data: saved without pickle, rebuilt without running foreign code."""

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import nn

from maxmargin._checks import InputError

_FORMAT = 1
_MODULES = ("torch.nn.modules", "maxmargin.nn", "maxmargin.deep")
_RECORDS = ("maxmargin.losses", "maxmargin.penalties", "maxmargin.nn", "maxmargin.deep")

# Functions that torch's own layers keep as attributes; all of torch.nn.functional.
_FUNCTIONS = ("relu", "gelu", "elu", "selu", "silu", "mish", "leaky_relu", "softplus", "hardswish")

_SCALARS = (bool, int, float, str, type(None))
_DTYPES = {
    **{str(np.dtype(kind)): kind for kind in (np.bool_, np.uint8, np.int8, np.int16, np.int32, np.int64)},
    **{
        str(np.dtype(kind)): kind
        for kind in (np.float16, np.float32, np.float64, np.complex64, np.complex128)
    },
    # NumPy knows no such numbers: their bits stand for them.
    "bfloat16": np.int16,
    "float8_e4m3fn": np.uint8,
    "float8_e5m2": np.uint8,
}

_FRESH = nn.Module().__dict__
_KEPT = ("training", "_parameters", "_buffers", "_modules", "_non_persistent_buffers_set")
_REMEDY = "build the net from the parts of torch.nn and maxmargin, or save its state_dict()"


def module_to_data(module: nn.Module) -> dict[str, Any]:
    """Describe a module completely by dicts, lists, texts, numbers and NumPy arrays.

    Nothing of it needs pickle: it can be saved as JSON beside arrays, or by :func:`maxmargin.save_model` as
    the state of an estimator. What occurs twice, a tied weight or a module, is written once and stays tied.

    Parameters
    ----------
    module : nn.Module
        Made of layers of torch.nn and modules of maxmargin alone, whose attributes are plain values, tensors,
        modules or frozen dataclasses of maxmargin (losses, penalties, schedules).

    Returns
    -------
    data : dict
        What :func:`module_from_data` takes; it shares no memory with the module.

    Raises
    ------
    InputError
        Where a part is of another class, has a hook or a parametrisation, or an attribute is no plain data.

    Examples
    --------
    >>> net = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    >>> data = module_to_data(net)
    >>> [entry["class"].rpartition(".")[2] for entry in data["modules"]]
    ['Linear', 'ReLU', 'Sequential']
    >>> bool((module_from_data(data)(torch.ones(1, 2)) == net(torch.ones(1, 2))).all())
    True
    """
    if not isinstance(module, nn.Module):
        raise InputError(f"{module!r} is no module; give an nn.Module")
    return to_data(module)


def module_from_data(data: Any) -> nn.Module:
    """Rebuild the module that :func:`module_to_data` described, equal to the bit, on the CPU.

    Raises
    ------
    InputError
        Where the data are damaged or name a class of neither torch.nn nor maxmargin; nothing of it ran.

    Examples
    --------
    >>> module_from_data(module_to_data(nn.Dropout(0.25)))
    Dropout(p=0.25, inplace=False)
    """
    module = from_data(data)
    if not isinstance(module, nn.Module):
        raise InputError(f"the data describe a {type(module).__name__}, no module; save the module again")
    return module


def to_data(value: Any) -> dict[str, Any]:
    """Describe any value that an attribute of a module may have; see :func:`module_to_data`.

    Examples
    --------
    >>> from maxmargin.losses import OneVsRest
    >>> from_data(to_data({"loss": OneVsRest(), "sizes": (1, None, torch.float16)}))
    {'loss': OneVsRest(surrogate=Hinge()), 'sizes': (1, None, torch.float16)}
    """
    writer = _Writer()
    described = writer.value(value, type(value).__name__)
    return {"format": _FORMAT, "tensors": writer.tensors, "modules": writer.modules, "value": described}


def from_data(data: Any) -> Any:
    """Rebuild the value that :func:`to_data` described.

    Raises
    ------
    InputError
        As :func:`module_from_data`.
    """
    if not isinstance(data, Mapping) or set(data) != {"format", "tensors", "modules", "value"}:
        raise InputError("these are no data of a module; give what module_to_data returned")
    if data["format"] != _FORMAT:
        raise InputError(
            f"the data of the module have format {data['format']!r}, not {_FORMAT}; upgrade maxmargin"
        )
    try:
        return _Reader(data["tensors"], data["modules"]).value(data["value"])
    except InputError:
        raise
    except Exception as error:  # what crafted data make torch raise is not foreseeable
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise InputError(f"the data of the module are damaged ({reason}); save it again") from error


class _Writer:
    """Collects tensors and modules, each once and before what holds it."""

    def __init__(self) -> None:
        self.tensors: list[dict[str, Any]] = []
        self.modules: list[dict[str, Any]] = []
        self._places: dict[int, int] = {}
        self._open: set[int] = set()

    def value(self, value: Any, where: str) -> Any:
        if isinstance(value, np.generic):
            value = value.item()
        if type(value) in _SCALARS:
            return value
        if isinstance(value, nn.Module):
            return {"module": self.module(value, where)}
        if isinstance(value, torch.Tensor):
            return {"tensor": self.tensor(value, where)}
        if type(value) in (list, tuple, torch.Size):
            kind = "list" if type(value) is list else "tuple"
            return {kind: [self.value(item, f"{where}[{i}]") for i, item in enumerate(value)]}
        if isinstance(value, dict):
            return {"dict": self._items(value, where)}
        if isinstance(value, torch.dtype):
            return {"dtype": str(value).removeprefix("torch.")}
        if dataclasses.is_dataclass(value) and _path(type(value)) and _is_record(type(value)):
            fields = {
                field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.init
            }
            return {"record": _path(type(value)), "fields": self._items(fields, where)}
        for name in _FUNCTIONS:
            if value is getattr(nn.functional, name):
                return {"function": name}
        raise InputError(f"{where} is a {type(value).__qualname__}, which is no plain data; {_REMEDY}")

    def tensor(self, tensor: torch.Tensor, where: str) -> int:
        if id(tensor) not in self._places:
            self._places[id(tensor)] = len(self.tensors)
            self.tensors.append(_tensor_data(tensor, where))
        return self._places[id(tensor)]

    def module(self, module: nn.Module, where: str) -> int:
        if id(module) in self._open:
            raise InputError(f"{where} holds itself; {_REMEDY}")
        if id(module) not in self._places:
            self._open.add(id(module))
            described = self._described(module, where)
            self._open.remove(id(module))
            self._places[id(module)] = len(self.modules)
            self.modules.append(described)
        return self._places[id(module)]

    def _described(self, module: nn.Module, where: str) -> dict[str, Any]:
        kind = type(module)
        if not _is_module(kind):
            raise InputError(
                f"{where} is a {kind.__module__}.{kind.__qualname__}, no part of torch.nn; {_REMEDY}"
            )
        state = dict(module.__getstate__())
        kept = {name: state.pop(name) for name in _KEPT}
        for name in _FRESH.keys() & state.keys():
            if state.pop(name) != _FRESH[name]:
                raise InputError(
                    f"{where} ({kind.__qualname__}) has hooks ({name}), which cannot be saved; remove them"
                )
        return {
            "class": _path(kind),
            "training": bool(kept["training"]),
            "parameters": self._named(kept["_parameters"], self.tensor, where),
            "buffers": self._named(kept["_buffers"], self.tensor, where),
            "modules": self._named(kept["_modules"], self.module, where),
            "unsaved_buffers": sorted(kept["_non_persistent_buffers_set"]),
            "attributes": self._items(state, where),
        }

    def _named(
        self, parts: Mapping[str, Any], place: Callable[[Any, str], int], where: str
    ) -> list[list[Any]]:
        # Pairs, not a dict: their order is part of the module.
        return [
            [name, None if part is None else place(part, f"{where}.{name}")] for name, part in parts.items()
        ]

    def _items(self, items: Mapping[Any, Any], where: str) -> list[list[Any]]:
        return [[self._key(key, where), self.value(value, f"{where}.{key}")] for key, value in items.items()]

    def _key(self, key: Any, where: str) -> Any:
        if type(key) not in _SCALARS:
            raise InputError(f"{where} has the key {key!r}, which is no plain data; {_REMEDY}")
        return key


def _tensor_data(tensor: torch.Tensor, where: str) -> dict[str, Any]:
    kind, dtype = type(tensor), str(tensor.dtype).removeprefix("torch.")
    if nn.parameter.is_lazy(tensor):
        raise InputError(f"{where} has no shape yet; pass a batch through the net first")
    if (
        kind not in (torch.Tensor, nn.Parameter)
        or tensor.layout != torch.strided
        or tensor.is_meta
        or dtype not in _DTYPES
    ):
        raise InputError(
            f"{where} is a {kind.__qualname__} of {tensor.dtype} that no array can hold; {_REMEDY}"
        )
    values = tensor.detach().resolve_conj().resolve_neg().cpu().contiguous()
    if dtype != str(np.dtype(_DTYPES[dtype])):
        values = values.view(getattr(torch, np.dtype(_DTYPES[dtype]).name))
    return {
        "values": values.numpy().copy(),
        "dtype": dtype,
        "is_parameter": kind is nn.Parameter,
        "requires_grad": tensor.requires_grad and tensor.is_leaf,
    }


class _Reader:
    """Rebuilds tensors and modules in the order in which they were collected."""

    def __init__(self, tensors: Iterable[Any], modules: Iterable[Any]) -> None:
        self._tensors = [_tensor(entry) for entry in tensors]
        self._modules: list[nn.Module] = []
        for entry in modules:
            self._modules.append(self._module(entry))

    def value(self, data: Any) -> Any:
        if type(data) in _SCALARS:
            return data
        if not isinstance(data, dict) or len(data) > 2:
            raise InputError(
                f"the data of the module hold a {type(data).__name__} for a value; save it again"
            )
        if "record" in data:
            return _found(data["record"], _is_record)(**self._items(data["fields"]))
        ((kind, content),) = data.items()
        readers: dict[str, Callable[[Any], Any]] = {
            "module": lambda place: self._modules[_place(place)],
            "tensor": lambda place: self._tensors[_place(place)],
            "list": lambda items: [self.value(item) for item in items],
            "tuple": lambda items: tuple(self.value(item) for item in items),
            "dict": self._items,
            "dtype": _dtype,
            "function": _function,
        }
        return readers[kind](content)

    def _module(self, entry: Any) -> nn.Module:
        kind = _found(entry["class"], _is_module)
        state = {
            **nn.Module().__dict__,
            "training": _typed(entry["training"], bool),
            "_parameters": self._named(entry["parameters"], self._parameter, kind),
            "_buffers": self._named(entry["buffers"], lambda place: self._tensors[_place(place)], kind),
            "_modules": self._named(entry["modules"], lambda place: self._modules[_place(place)], kind),
            "_non_persistent_buffers_set": {_typed(name, str) for name in entry["unsaved_buffers"]},
        }
        attributes = self._items(entry["attributes"])
        for name in attributes:
            _check_name(name, kind)
            if name in state:
                raise InputError(
                    f"an attribute of {kind.__qualname__} is called {name!r}; save the module again"
                )
        module = kind.__new__(kind)
        module.__setstate__(state | attributes)
        return module

    def _parameter(self, place: Any) -> nn.Parameter:
        return _typed(self._tensors[_place(place)], nn.Parameter)

    def _items(self, items: Any) -> dict[Any, Any]:
        return {_typed(key, _SCALARS): self.value(value) for key, value in items}

    def _named(self, pairs: Any, part: Callable[[Any], Any], kind: type) -> dict[str, Any]:
        for name, _ in pairs:
            _check_name(name, kind)
        return {name: None if place is None else part(place) for name, place in pairs}


def _tensor(entry: Any) -> torch.Tensor:
    dtype, values = entry["dtype"], entry["values"]
    if dtype not in _DTYPES or type(values) is not np.ndarray or values.dtype != np.dtype(_DTYPES[dtype]):
        raise InputError(f"the data of the module hold no array of {dtype} where one must be; save it again")
    # A copy in C order, 0 dimensions kept: the data stay as they are when the module is trained.
    tensor = torch.from_numpy(np.array(values, order="C")).view(getattr(torch, dtype))
    requires_grad = _typed(entry["requires_grad"], bool)
    if _typed(entry["is_parameter"], bool):
        return nn.Parameter(tensor, requires_grad=requires_grad)
    return tensor.requires_grad_(requires_grad)


def _typed(value: Any, kind: Any) -> Any:
    if not isinstance(value, kind):
        raise InputError(
            f"the data of the module hold a {type(value).__name__} where none may be; save it again"
        )
    return value


def _place(place: Any) -> int:
    if type(place) is not int or place < 0:
        raise InputError(f"the data of the module refer to part {place!r}; save it again")
    return place


def _check_name(name: Any, kind: type) -> None:
    # A value in the place of a method would change what the class does.
    if (
        not isinstance(name, str)
        or not name
        or name.startswith("__")
        or "." in name
        or callable(getattr(kind, name, None))
    ):
        raise InputError(f"a part of {kind.__qualname__} is called {name!r}; save the module again")


def _dtype(name: Any) -> torch.dtype:
    return _typed(getattr(torch, _typed(name, str), None), torch.dtype)


def _function(name: Any) -> Callable[..., Any]:
    if name not in _FUNCTIONS:
        raise InputError(f"the data of the module name the function {name!r}, which is not trusted")
    return getattr(nn.functional, name)


def _path(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _is_module(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, nn.Module) and _is_defined_in(kind, _MODULES)


def _is_record(kind: Any) -> bool:
    parameters = getattr(kind, "__dataclass_params__", None)
    return isinstance(kind, type) and getattr(parameters, "frozen", False) and _is_defined_in(kind, _RECORDS)


def _is_defined_in(kind: type, packages: tuple[str, ...]) -> bool:
    """Whether the class can be found again by its path, in one of the packages."""
    return _lookup(_path(kind), packages) is kind


def _lookup(path: Any, packages: tuple[str, ...]) -> Any:
    # No part may begin with two underscores: importing a __main__ would run it.
    if not isinstance(path, str) or not re.fullmatch(r"((?!__)[A-Za-z_]\w*\.)+(?!__)[A-Za-z_]\w*", path):
        return None
    module, _, name = path.rpartition(".")
    if not any(f"{module}.".startswith(f"{package}.") for package in packages):
        return None
    try:
        return getattr(import_module(module), name, None)
    except ImportError:
        return None


def _found(path: Any, is_trusted: Callable[[Any], bool]) -> Any:
    kind = _lookup(path, (*_MODULES, *_RECORDS))
    if kind is None or not is_trusted(kind) or _path(kind) != path:
        raise InputError(
            f"the data of the module name {path!r}, which is not trusted; "
            "only layers of torch.nn and parts of maxmargin are rebuilt"
        )
    return kind
