"""What makes a training the same one: all that its result depends on, as texts to compare."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import torch
from torch import nn

from maxmargin.deep.rows import Rows
from maxmargin.deep.stages import Stage

_SAMPLE = 500  # rows whose inputs are looked at
_MODE = "training"
_PLAIN = (bool, int, float, str, tuple, type(None))


def described(value: Any) -> str:
    """A text that is equal for equal values in any process.

    A module is described by its parts, their plain attributes and a digest of its tensors; a function by its
    name, not by where it lies in memory.

    Examples
    --------
    >>> described(nn.CrossEntropyLoss()) == described(nn.CrossEntropyLoss(label_smoothing=0.1))
    False
    """
    if isinstance(value, nn.Module):
        parts = [
            f"{name} {type(part).__qualname__} "
            + str(
                {
                    key: v
                    for key, v in sorted(vars(part).items())
                    if isinstance(v, _PLAIN) and key != "training"
                }
            )
            for name, part in value.named_modules()
        ]
        return _placeless(f"{value!r} {'; '.join(parts)} {digest(value.state_dict().values())}")
    if isinstance(value, Stage):
        return str({field.name: described(getattr(value, field.name)) for field in fields(value)})
    if isinstance(value, list):
        return str([described(item) for item in value])
    return _placeless(repr(value))


def identity(settings: Mapping[str, Any], stages: Sequence[Stage], rows: Rows) -> dict[str, str]:
    """Settings, losses and rows as texts."""
    texts = {name: described(value) for name, value in settings.items()}
    some = torch.linspace(0, len(rows) - 1, min(len(rows), _SAMPLE)).long()
    return texts | {
        "stages": described(list(stages)),
        "rows": f"{len(rows)}, SHA-256 {digest(rows.batch(some))}",
    }


def digest(tensors: Any) -> str:
    """Of the values of tensors, in their order.

    Examples
    --------
    >>> digest([torch.zeros(2)]) == digest([torch.ones(2)])
    False
    """
    found = hashlib.sha256()
    for tensor in tensors:
        plain = tensor.detach().cpu().contiguous()
        found.update(f"{plain.dtype} {tuple(plain.shape)} ".encode())
        found.update(plain.view(-1).view(torch.uint8).numpy().data if plain.numel() else b"")
    return found.hexdigest()[:16]


def _placeless(text: str) -> str:
    return re.sub(r" at 0x[0-9a-f]+", "", text)
