"""Random changes that keep the label, drawn for a whole batch at once on its device.

Modules for images (N, channels, height, width) that act in training mode only; join them with
``torch.nn.Sequential``. They draw from torch's generator of the device, so ``torch.manual_seed`` reproduces
them.
"""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional

from maxmargin._checks import InputError, check_nonnegative


class _Augmentation(nn.Module, ABC):
    """``_change`` the images in training, pass them on in evaluation."""

    def forward(self, x: Tensor) -> Tensor:
        """Images of the same shape and type."""
        if x.ndim != 4 or not x.is_floating_point():
            raise InputError(
                f"{type(self).__name__} got {x.dtype} of shape {tuple(x.shape)}; it needs floating-point "
                "images (N, channels, height, width)"
            )
        return self._change(x) if self.training else x

    @abstractmethod
    def _change(self, images: Tensor) -> Tensor:
        """The images changed, each by draws of its own."""


class RandomMirror(_Augmentation):
    """Mirror images left to right.

    Parameters
    ----------
    p : float, default=0.5
        Probability of an image to be mirrored.

    References
    ----------
    Tang, Deep Learning using Linear Support Vector Machines (2013), the sections on FER2013 and CIFAR-10.

    Examples
    --------
    >>> import torch
    >>> RandomMirror(p=1.0)(torch.tensor([[[[1.0, 2.0, 3.0]]]]))
    tensor([[[[3., 2., 1.]]]])
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        check_nonnegative(p, "p")
        if p > 1:
            raise InputError(f"p is {p!r}; it must be a probability, from 0 to 1")
        self.p = p

    def _change(self, images: Tensor) -> Tensor:
        mirrored = torch.rand(len(images), 1, 1, 1, device=images.device) < self.p
        return torch.where(mirrored, images.flip(-1), images)

    def extra_repr(self) -> str:
        """The probability."""
        return f"p={self.p}"


class RandomShift(_Augmentation):
    """Shift images by whole pixels, up to ``pixels`` in each direction; what comes in is 0.

    This is the crop of an image's own size from the image padded by ``pixels``.

    Parameters
    ----------
    pixels : int
        The longest shift along either axis.

    References
    ----------
    Liang et al., Soft-Margin Softmax for Deep Classification (2017), section 4.1: 4 pixels;
    Tang (2013), the section on CIFAR-10: "jitter".

    Examples
    --------
    >>> import torch
    >>> RandomShift(2)(torch.ones(5, 3, 8, 8)).shape
    torch.Size([5, 3, 8, 8])
    """

    _size_name = "pixels"

    def __init__(self, pixels: int) -> None:
        super().__init__()
        if isinstance(pixels, bool) or not isinstance(pixels, int) or pixels < 0:
            raise InputError(f"{self._size_name} is {pixels!r}; it must be an integer of at least 0")
        self.pixels = pixels

    def _change(self, images: Tensor) -> Tensor:
        n, channels, height, width = images.shape
        starts = torch.randint(2 * self.pixels + 1, (2, n, 1), device=images.device)
        rows = starts[0] + torch.arange(height, device=images.device)
        columns = starts[1] + torch.arange(width, device=images.device)
        padded = functional.pad(images, [self.pixels] * 4)
        taken = padded.gather(2, rows[:, None, :, None].expand(n, channels, height, padded.shape[3]))
        return taken.gather(3, columns[:, None, None, :].expand(n, channels, height, width))

    def extra_repr(self) -> str:
        """The longest shift."""
        return f"{self._size_name}={self.pixels}"


class RandomCrop(RandomShift):
    """Crop images to their own size after padding them with zeros: :class:`RandomShift` by its other name.

    Parameters
    ----------
    padding : int, default=4
        Zeros added at each side.

    Examples
    --------
    >>> RandomCrop()
    RandomCrop(padding=4)
    """

    _size_name = "padding"

    def __init__(self, padding: int = 4) -> None:
        super().__init__(padding)


class RandomSimilarity(_Augmentation):
    """Rotate, scale and shift images, each by an amount of its own, with bilinear interpolation.

    Amounts are uniform: the angle in [-rotation, rotation], the factor in [1 / (1 + scale), 1 + scale] on a
    logarithmic axis, the shifts in [-shift, shift]. What comes in from outside is 0.

    Parameters
    ----------
    rotation : float, default=15.0
        Largest angle in degrees.
    scale : float, default=0.1
        Largest relative growth.
    shift : float, default=2.0
        Longest shift in pixels along either axis.

    References
    ----------
    Tang, Deep Learning using Linear Support Vector Machines (2013), the section on FER2013, which names the
    similarity transformation layer without its amounts.

    Examples
    --------
    >>> import torch
    >>> images = torch.arange(9.0).view(1, 1, 3, 3)
    >>> torch.allclose(RandomSimilarity(rotation=0, scale=0, shift=0)(images), images)
    True
    """

    def __init__(self, rotation: float = 15.0, scale: float = 0.1, shift: float = 2.0) -> None:
        super().__init__()
        for name, value in (("rotation", rotation), ("scale", scale), ("shift", shift)):
            check_nonnegative(value, name)
        self.rotation, self.scale, self.shift = rotation, scale, shift

    def _change(self, images: Tensor) -> Tensor:
        n, _, height, width = images.shape
        exact = images.to(torch.promote_types(images.dtype, torch.float32))
        angle, growth, across, down = 2 * torch.rand(4, n, device=exact.device, dtype=exact.dtype) - 1
        angle = math.radians(self.rotation) * angle
        factor = (1 + self.scale) ** -growth
        cosine, sine = factor * angle.cos(), factor * angle.sin()
        # The grid runs from -1 to 1 along either axis, so a turn mixes axes of different units.
        along_x = torch.stack([cosine, -sine * (height / width), across * (2 * self.shift / width)], 1)
        along_y = torch.stack([sine * (width / height), cosine, down * (2 * self.shift / height)], 1)
        grid = functional.affine_grid(
            torch.stack([along_x, along_y], 1), list(images.shape), align_corners=False
        )
        return functional.grid_sample(exact, grid, align_corners=False).to(images.dtype)

    def extra_repr(self) -> str:
        """The largest amounts."""
        return f"rotation={self.rotation}, scale={self.scale}, shift={self.shift}"


class GaussianNoise(nn.Module):
    """Add normal noise to inputs of any shape, in training only.

    Parameters
    ----------
    std : float, default=1.0
        Standard deviation; the attribute of this name may be changed as training goes on.

    References
    ----------
    Tang, Deep Learning using Linear Support Vector Machines (2013), the section on MNIST: 1.0, decayed to 0.

    Examples
    --------
    >>> import torch
    >>> noise = GaussianNoise(1.0)
    >>> noise.std = 0.0
    >>> noise(torch.ones(2))
    tensor([1., 1.])
    """

    def __init__(self, std: float = 1.0) -> None:
        super().__init__()
        check_nonnegative(std, "std")
        self.std = std

    def forward(self, x: Tensor) -> Tensor:
        """Inputs with noise, of the same shape and type."""
        if not x.is_floating_point():
            raise InputError(f"GaussianNoise got {x.dtype}; it needs floating-point inputs")
        return x + self.std * torch.randn_like(x) if self.training else x

    def extra_repr(self) -> str:
        """The standard deviation."""
        return f"std={self.std}"
