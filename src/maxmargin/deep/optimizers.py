"""The method of descent, and what it decays."""

from typing import Any

import torch
from torch import nn

from maxmargin._checks import InputError
from maxmargin.deep.heads import find_head


def build_optimizer(net: nn.Module, settings: Any, lr: float) -> torch.optim.Optimizer:
    """Build the optimizer that a trainer's settings ask for.

    Raises
    ------
    InputError
        If no parameter of the net can be trained.

    Examples
    --------
    >>> from maxmargin.deep import Trainer
    >>> settings = Trainer(weight_decay=1e-4, head_weight_decay=1e-3)
    >>> net = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    >>> [group["weight_decay"] for group in build_optimizer(net, settings, lr=0.1).param_groups]
    [0.0001, 0.0, 0.001]
    """
    groups = _groups(net, settings.weight_decay, settings.head_weight_decay)
    # A gradient scaler that also clips must see the gradients before the step, which fused ones hide.
    fused = settings.precision != "16-mixed"
    if settings.optimizer == "adam":
        return torch.optim.Adam(groups, lr=lr, fused=fused)
    return torch.optim.SGD(groups, lr=lr, momentum=settings.momentum, nesterov=settings.nesterov, fused=fused)


def _groups(net: nn.Module, decay: float, head_decay: float | None) -> list[dict[str, Any]]:
    """Parameters by their weight decay: the head's weights, all other weights, and what is not decayed."""
    head = find_head(net).weight if head_decay is not None else None
    parts: dict[float, list[nn.Parameter]] = {}
    for parameter in net.parameters():
        if parameter.requires_grad:
            own = decay if parameter.ndim > 1 else 0.0
            value = float(head_decay) if head_decay is not None and parameter is head else own
            parts.setdefault(value, []).append(parameter)
    if not parts:
        raise InputError(f"{type(net).__name__} has no parameters that require a gradient to train")
    return [{"params": parameters, "weight_decay": value} for value, parameters in parts.items()]
