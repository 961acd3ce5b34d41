"""Features of a network, layer upon layer, with the shape that comes out of them."""

import math
from collections.abc import Sequence
from typing import TypeVar

from torch import nn

from maxmargin._checks import InputError

Weighted = TypeVar("Weighted", bound=nn.Conv2d | nn.ConvTranspose2d | nn.Linear)


class LayerStack:
    """Stack layers on an input of a given shape, and know the width of what comes out.

    Every convolution and every dense layer is followed by ReLU and initialised for it: normal weights of
    variance 2 / fan_in (He et al. 2015), biases 0.

    Parameters
    ----------
    input_shape : sequence of int
        (channels, height, width) of images or (n_features,) of flat rows, without the batch.

    References
    ----------
    He et al., Delving Deep into Rectifiers (ICCV 2015), eq. 10.

    Examples
    --------
    >>> stack = LayerStack((3, 32, 32)).convolution(32, 5, padding=2).pool().dense(100)
    >>> stack.width
    100
    >>> stack.features()
    Sequential(
      (0): Conv2d(3, 32, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2))
      (1): ReLU()
      (2): MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)
      (3): Flatten(start_dim=1, end_dim=-1)
      (4): Linear(in_features=8192, out_features=100, bias=True)
      (5): ReLU()
    )
    """

    def __init__(self, input_shape: Sequence[int]) -> None:
        self._input_shape = self._shape = checked_shape(input_shape)
        self._layers: list[nn.Module] = []

    @property
    def width(self) -> int:
        """Number of features of a row that come out."""
        return math.prod(self._shape)

    def convolution(self, filters: int, kernel_size: int, padding: int = 0) -> "LayerStack":
        """Add a convolution of stride 1 and ReLU."""
        channels, *extents = self._image_shape()
        layer = nn.Conv2d(channels, filters, kernel_size, padding=padding)
        self._shape = (filters, *(self._fitting(e + 2 * padding - kernel_size + 1) for e in extents))
        return self._activated(layer)

    def pool(self, ceil: bool = False) -> "LayerStack":
        """Add 2x2 max pooling of stride 2; ``ceil`` keeps the last row and column of an odd extent."""
        channels, *extents = self._image_shape()
        self._shape = (channels, *(self._fitting((e + ceil) // 2) for e in extents))
        self._layers.append(nn.MaxPool2d(2, ceil_mode=ceil))
        return self

    def dense(self, units: int) -> "LayerStack":
        """Add a fully connected layer and ReLU; images are flattened first."""
        self.flatten()
        layer = nn.Linear(self.width, units)
        self._shape = (units,)
        return self._activated(layer)

    def flatten(self) -> "LayerStack":
        """Flatten images; flat rows stay as they are."""
        if len(self._shape) > 1:
            self._layers.append(nn.Flatten())
            self._shape = (self.width,)
        return self

    def dropout(self, rate: float) -> "LayerStack":
        """Add dropout."""
        self._layers.append(nn.Dropout(rate))
        return self

    def features(self) -> nn.Sequential:
        """The layers as one module."""
        return nn.Sequential(*self._layers)

    def _activated(self, layer: nn.Conv2d | nn.Linear) -> "LayerStack":
        self._layers += [he_initialised(layer), nn.ReLU()]
        return self

    def _image_shape(self) -> tuple[int, ...]:
        if len(self._shape) != 3:
            raise InputError(
                f"input_shape is {self._input_shape}; this net needs images: (channels, height, width)"
            )
        return self._shape

    def _fitting(self, extent: int) -> int:
        if extent < 1:
            raise InputError(f"input_shape is {self._input_shape}; these images are too small for this net")
        return extent


def he_initialised(layer: Weighted) -> Weighted:
    """Draw weights of variance 2 / fan_in and set biases to 0, for a layer that ReLU follows."""
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def checked_shape(input_shape: Sequence[int]) -> tuple[int, ...]:
    """Return ``input_shape`` as a tuple if it is one of images or of flat rows."""
    shape = tuple(input_shape) if isinstance(input_shape, Sequence) else (input_shape,)
    if len(shape) not in (1, 3) or not all(isinstance(n, int) and n >= 1 for n in shape):
        raise InputError(
            f"input_shape is {input_shape!r}; it must be (channels, height, width) or (n_features,), "
            "without the batch"
        )
    return shape
