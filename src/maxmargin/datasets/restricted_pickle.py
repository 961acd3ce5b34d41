"""A pickle reader that builds arrays, texts and lists, and runs nothing else."""

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from maxmargin._checks import InputError


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """Stand in for ``_codecs.encode``, by which protocol 2 spells bytes, without its other codecs."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"the codec {encoding!r} is not admitted")
    return text.encode("latin1")


_RECONSTRUCT = np.empty(0).__reduce__()[0]  # its module is private and differs between numpy 1 and 2
ADMITTED = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _encode,
}


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ADMITTED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return ADMITTED[module, name]


def read_array_pickle(path: Path) -> dict[str, Any]:
    """Return the dictionary in a pickle of arrays, its keys as text.

    Raises
    ------
    InputError
        When the pickle asks for anything but numpy arrays, or is damaged; nothing of it is run.
    """
    try:
        loaded = _ArrayUnpickler(io.BytesIO(path.read_bytes()), encoding="latin1").load()
    except Exception as error:  # a damaged pickle makes the reader raise nearly anything
        raise InputError(f"{path}: not a pickle of plain arrays ({error}); get the original file") from None
    if not isinstance(loaded, dict):
        raise InputError(f"{path}: holds a {type(loaded).__name__}, not a dictionary; get the original file")
    return {_text(key): value for key, value in loaded.items()}


def _text(value: Any) -> str:
    return value.decode("latin1") if isinstance(value, bytes) else str(value)
