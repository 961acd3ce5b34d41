"""A network as features and a head."""

import inspect
from typing import Any

from torch import Tensor, nn


class HeadedNet(nn.Module):
    """Join features and a head, so that either can be taken out, exchanged or solved for by itself.

    Parameters
    ----------
    features : nn.Module
        From inputs (N, ...) to features (N, n_features).
    head : nn.Module
        From features to scores (N, n_classes). Where its ``forward`` has a parameter ``target``, as that of
        :class:`maxmargin.nn.LargeMarginSoftmaxLinear`, it is given the targets.

    Examples
    --------
    >>> import torch
    >>> net = HeadedNet(torch.nn.Flatten(), torch.nn.Linear(4, 3))
    >>> net(torch.zeros(2, 1, 2, 2)).shape
    torch.Size([2, 3])
    """

    def __init__(self, features: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.features = features
        self.head = head

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "head":  # here and not in forward, which torch.compile traces
            self._head_takes_target = takes_target(self.head)

    def forward(self, x: Tensor, target: Tensor | None = None) -> Tensor:
        """Scores of ``x``; ``target``, shape (N,), matters only to heads that take it."""
        features = self.features(x)
        return self.head(features, target) if self._head_takes_target else self.head(features)


def takes_target(module: nn.Module) -> bool:
    """Whether the module's ``forward`` has a parameter ``target``.

    Examples
    --------
    >>> from torch import nn
    >>> takes_target(nn.Linear(2, 2)), takes_target(HeadedNet(nn.Flatten(), nn.Linear(2, 2)))
    (False, True)
    """
    return "target" in inspect.signature(module.forward).parameters
