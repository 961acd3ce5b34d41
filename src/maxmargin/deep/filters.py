"""What a network looks at first."""

from typing import Any

import torch
from torch import nn

_MOST = 64


def first_filters(net: nn.Module) -> list[Any] | None:
    """The filters of a network's first layer as small images, where this layer is a convolution of images.

    Parameters
    ----------
    net : nn.Module
        Its first layer with weights, in the order of its parts, decides.

    Returns
    -------
    list of images, or None
        At most 64 of them, as nested lists of shape (height, width) for images of one channel and
        (height, width, 3) for those of three. Each is scaled for itself to 0..255, 0 becoming 128.

    Examples
    --------
    >>> convolution = nn.Conv2d(1, 1, 2)
    >>> convolution.weight.data = torch.tensor([[[[-1.0, 0.0], [0.5, 1.0]]]])
    >>> first_filters(nn.Sequential(nn.Identity(), convolution))
    [[[1, 128], [192, 255]]]
    >>> first_filters(nn.Linear(4, 2)) is None
    True
    """
    first = next((part for part in net.modules() if isinstance(part, nn.Linear | nn.Conv2d)), None)
    if not isinstance(first, nn.Conv2d) or first.weight.shape[1] not in (1, 3):
        return None
    weights = first.weight.detach()[:_MOST].double().cpu()
    largest = weights.abs().amax(dim=(1, 2, 3), keepdim=True).clamp(min=torch.finfo(torch.float64).tiny)
    images = (128 + 127 * weights / largest).round().to(torch.uint8).permute(0, 2, 3, 1)
    return (images.squeeze(-1) if images.shape[-1] == 1 else images).tolist()
