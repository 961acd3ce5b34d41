"""Averages of the networks that one training passes through."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import nn

from maxmargin._checks import InputError, check_count


@dataclass(frozen=True)
class ExponentialAverage:
    """Weights averaged over the last steps: ``a <- decay a + (1 - decay) w`` after each one.

    Validation and the trained network use the average.

    Parameters
    ----------
    decay : float, default=0.999
        Between 0 and 1: about ``1 / (1 - decay)`` steps count.

    Examples
    --------
    >>> ExponentialAverage(decay=1.5)
    Traceback (most recent call last):
        ...
    maxmargin._checks.InputError: decay is 1.5; it must lie between 0 and 1
    """

    decay: float = 0.999

    def __post_init__(self) -> None:
        if not 0 < self.decay < 1:
            raise InputError(f"decay is {self.decay!r}; it must lie between 0 and 1")


@dataclass(frozen=True)
class Snapshots:
    """Copies of the network every few epochs, whose scores :class:`Ensemble` averages.

    Parameters
    ----------
    every : int
        Epochs from one copy to the next.
    last : int, default=5
        How many are kept, the newest.

    References
    ----------
    Tang (2013), section 3.1: "several models are averaged to slightly improve the generalization".
    Huang et al. (2017), Snapshot ensembles: train 1, get M for free.
    """

    every: int
    last: int = 5

    def __post_init__(self) -> None:
        for name in ("every", "last"):
            check_count(getattr(self, name), name)


Averaging = ExponentialAverage | Snapshots


class Ensemble(nn.Module):
    """The mean of the scores of several networks.

    Parameters
    ----------
    nets : iterable of nn.Module
        At least one; each maps a batch to scores of shape (n, n_classes).

    Examples
    --------
    >>> ensemble = Ensemble([nn.Linear(4, 3), nn.Linear(4, 3)])
    >>> ensemble(torch.zeros(2, 4)).shape
    torch.Size([2, 3])
    """

    def __init__(self, nets: Iterable[nn.Module]) -> None:
        super().__init__()
        self.nets = nn.ModuleList(nets)
        if not self.nets:
            raise InputError("no networks to average; give at least one")

    @classmethod
    def of_snapshots(cls, net: nn.Module, snapshots: Iterable[Mapping[str, torch.Tensor]]) -> "Ensemble":
        """An ensemble of copies of ``net`` with the given states."""
        nets = []
        for state in snapshots:
            nets.append(deepcopy(net))
            nets[-1].load_state_dict(state)
        return cls(nets)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Mean scores of shape (n, n_classes)."""
        return torch.stack([net(inputs) for net in self.nets]).mean(dim=0)


@torch.no_grad()
def blend(average: dict[str, torch.Tensor], net: nn.Module, decay: float) -> None:
    """Move the average towards the network's parameters by one step; its buffers are taken as they are."""
    for name, parameter in net.named_parameters():
        average[name].lerp_(parameter, 1 - decay)
    for name, buffer in net.named_buffers():
        if name in average:
            average[name].copy_(buffer)


def state_copy(net: nn.Module) -> dict[str, torch.Tensor]:
    """A copy of a network's state that later steps do not change."""
    return {name: value.detach().clone() for name, value in net.state_dict().items()}
