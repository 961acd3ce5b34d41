"""Scopes that leave modules and torch's generators as they were."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def modes_kept(module: nn.Module) -> Iterator[None]:
    """Leave each part of a module in training or evaluation mode as it was before.

    Examples
    --------
    >>> layer = nn.Dropout()
    >>> with modes_kept(layer):
    ...     _ = layer.eval()
    >>> layer.training
    True
    """
    modes = [(part, part.training) for part in module.modules()]
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw from a seed on the CPU, as modules do their first weights, and leave torch's own draws alone.

    Examples
    --------
    >>> with seeded(0):
    ...     first = torch.rand(2)
    >>> with seeded(0):
    ...     bool(torch.equal(torch.rand(2), first))
    True
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
