"""Gogos's convolutional autoencoder."""

from collections.abc import Sequence

from torch import Tensor, nn

from maxmargin._checks import InputError
from maxmargin.deep.nets.stack import LayerStack, checked_shape, he_initialised


class GogosAutoencoder(nn.Module):
    """Encode images in a code of few numbers from which they can be decoded.

    Pixels lie in [0, 1]: the last layer is a sigmoid, which the paper trains with binary cross-entropy and
    Adam. The paper prints no activations; the others are ReLU, that of the code as well.

    Parameters
    ----------
    input_shape : sequence of int, default=(3, 32, 32)
        (channels, height, width), the extents multiples of 4.
    code_size : int, default=256
        Numbers in a code.

    Raises
    ------
    InputError
        If the images have other extents.

    References
    ----------
    Gogos, Neural Networks: Working with SVMs (2023), section 5.1.

    Examples
    --------
    >>> import torch
    >>> net = GogosAutoencoder((1, 8, 8), code_size=5)
    >>> images = torch.zeros(2, 1, 8, 8)
    >>> net.encode(images).shape, net(images).shape
    (torch.Size([2, 5]), torch.Size([2, 1, 8, 8]))
    """

    def __init__(self, input_shape: Sequence[int] = (3, 32, 32), code_size: int = 256) -> None:
        super().__init__()
        shape = checked_shape(input_shape)
        if len(shape) != 3 or shape[1] % 4 or shape[2] % 4:
            raise InputError(
                f"input_shape is {shape}; it must be (channels, height, width) with extents in multiples of 4"
            )
        channels, small = shape[0], (128, shape[1] // 4, shape[2] // 4)
        pooled = LayerStack(shape).convolution(64, 3, padding=1).pool().convolution(128, 3, padding=1).pool()
        self.encoder = pooled.dense(code_size).features()
        self.decoder = nn.Sequential(
            LayerStack((code_size,)).dense(small[0] * small[1] * small[2]).features(),
            nn.Unflatten(1, small),
            he_initialised(DoublingConvolution(128, 128)),
            nn.ReLU(),
            he_initialised(DoublingConvolution(128, 64)),
            nn.ReLU(),
            nn.Conv2d(64, channels, 3, padding=1),
            nn.Sigmoid(),
        )

    def encode(self, x: Tensor) -> Tensor:
        """Codes (N, code_size) of images (N, channels, height, width)."""
        return self.encoder(x)

    def decode(self, code: Tensor) -> Tensor:
        """Images of codes, pixels in [0, 1]."""
        return self.decoder(code)

    def forward(self, x: Tensor) -> Tensor:
        """Images as they come back from their codes."""
        return self.decode(self.encode(x))


class DoublingConvolution(nn.ConvTranspose2d):
    """A transposed 3x3 convolution of stride 2 that doubles the extents as Keras's ``padding="same"`` does.

    Keras drops the last row and column of the full result; ``output_padding`` of torch would drop the first.

    Examples
    --------
    >>> import torch
    >>> DoublingConvolution(4, 2)(torch.zeros(1, 4, 5, 5)).shape
    torch.Size([1, 2, 10, 10])
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """Images of twice the height and width."""
        return super().forward(x)[..., :-1, :-1]
