"""Layers by the names of their classes, as a file that describes an experiment has them."""

from collections.abc import Iterable, Mapping
from typing import Any

from torch import nn

from maxmargin._checks import check_choice
from maxmargin.deep.augmentation import RandomCrop, RandomMirror, RandomShift, RandomSimilarity
from maxmargin.deep.preprocessing import PerImageNorm, PixelMean, PixelStandardisation, PrincipalComponents

_LAYERS: dict[str, Any] = {
    layer.__name__: layer
    for layer in (
        PerImageNorm,
        PixelMean,
        PixelStandardisation,
        PrincipalComponents,
        RandomCrop,
        RandomMirror,
        RandomShift,
        RandomSimilarity,
    )
}


def named_layers(parts: Iterable[tuple[str, Mapping[str, Any]]]) -> nn.Sequential:
    """A sequence of preprocessing or augmenting layers, each by its name and its options.

    Raises
    ------
    InputError
        If a name is unknown, or an option cannot be used.

    Examples
    --------
    >>> named_layers([("RandomMirror", {}), ("RandomCrop", {"padding": 2})])
    Sequential(
      (0): RandomMirror(p=0.5)
      (1): RandomCrop(padding=2)
    )
    """
    return nn.Sequential(
        *(_LAYERS[check_choice(name, _LAYERS, "layer")](**options) for name, options in parts)
    )
