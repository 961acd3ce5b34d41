"""Checkpoints of a training: whole or not at all, checked by SHA-256, read without running foreign code."""

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from maxmargin._checks import InputError
from maxmargin._files import replacing

FORMAT_VERSION = 1
_MAGIC = b"maxmargin checkpoint\n"


def save_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Write tensors, numbers, texts and containers of them; ``path`` holds the old or the new, never a part.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "checkpoint.pt"
    >>> save_checkpoint(file, {"weights": torch.ones(2), "epoch": 3})
    >>> load_checkpoint(file)["weights"]
    tensor([1., 1.])
    """
    content = io.BytesIO()
    torch.save({"format_version": FORMAT_VERSION, **state}, content)
    with replacing(path) as draft, draft.open("wb") as file:
        file.write(_MAGIC + hashlib.sha256(content.getbuffer()).digest())
        file.write(content.getbuffer())


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint into memory.

    Raises
    ------
    InputError
        Where there is none, it is damaged, holds more than data, or a newer maxmargin wrote it.
    """
    if not path.is_file():
        raise InputError(f"{path} does not exist; give a folder with a checkpoint, or leave out resume")
    content = path.read_bytes()
    head = len(_MAGIC) + hashlib.sha256().digest_size
    if content[:head] != _MAGIC + hashlib.sha256(content[head:]).digest():
        raise _damaged(path)
    try:
        state = torch.load(io.BytesIO(content[head:]), map_location="cpu", weights_only=True)
        version = state["format_version"]
    except Exception as error:  # what a crafted file makes the reader raise is not foreseeable
        raise _damaged(path) from error
    if version != FORMAT_VERSION:
        raise InputError(
            f"{path} has format version {version}, this maxmargin reads {FORMAT_VERSION}; upgrade"
        )
    return state


def _damaged(path: Path) -> InputError:
    return InputError(f"{path} is damaged or was not written by maxmargin; remove it to train from the start")


def check_same(path: Path, found: Mapping[str, str], expected: Mapping[str, str]) -> None:
    """Raise InputError unless a checkpoint is of the same training.

    Examples
    --------
    >>> check_same(Path("run/checkpoint.pt"), {"lr": "0.1"}, {"lr": "0.2"})
    Traceback (most recent call last):
        ...
    maxmargin._checks.InputError: run/checkpoint.pt is of a training with lr 0.1, not 0.2; ...
    """
    for name in [*expected, *found]:
        if found.get(name) != expected.get(name):
            raise InputError(
                f"{path} is of a training with {name} {found.get(name, 'absent')}, "
                f"not {expected.get(name, 'absent')}; give that one, or another folder"
            )


def load_weights(net: torch.nn.Module, state: Mapping[str, torch.Tensor], path: Path) -> None:
    """Put a checkpoint's weights into a network.

    Raises
    ------
    InputError
        Where they are those of another network: the first parameter that differs is named.
    """
    own = net.state_dict()
    for name in [*own, *state]:
        shapes = [tuple(s[name].shape) if name in s else "absent" for s in (state, own)]
        if shapes[0] != shapes[1]:
            raise InputError(
                f"{path} is a checkpoint of another net: {name} is {shapes[0]} there and {shapes[1]} here"
            )
    net.load_state_dict(dict(state))
