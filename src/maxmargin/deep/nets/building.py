"""Networks by name."""

from collections.abc import Callable, Sequence
from functools import partial

from torch import nn

from maxmargin._checks import InputError, check_at_least, check_choice
from maxmargin.deep.nets.convolutional import (
    gogos,
    ism3,
    sm_cifar10,
    sm_cifar100,
    sm_mnist,
    tang_cifar,
    tang_fer,
)
from maxmargin.deep.nets.dense import mlp, tang_mnist
from maxmargin.deep.nets.headed import HeadedNet
from maxmargin.deep.nets.stack import LayerStack

NETS: dict[str, Callable[..., LayerStack]] = {
    "mlp": mlp,
    "tang-mnist": tang_mnist,
    "tang-cifar": tang_cifar,
    "tang-fer": tang_fer,
    "gogos-64": partial(gogos, units=64),
    "gogos-128": partial(gogos, units=128),
    "sm-mnist": sm_mnist,
    "sm-cifar10": sm_cifar10,
    "sm-cifar100": sm_cifar100,
    "ism3": ism3,
}


def build_net(
    name: str,
    input_shape: Sequence[int],
    n_classes: int,
    head: str | Callable[[int, int], nn.Module] = "linear",
    **options: object,
) -> HeadedNet:
    """Build one of the papers' networks for inputs of any shape that its layers can take.

    Parameters
    ----------
    name : str
        A key of ``NETS``.
    input_shape : sequence of int
        (channels, height, width) of images or (n_features,) of flat rows, without the batch.
    n_classes : int
        Number of classes, at least 2.
    head : "linear" or callable, default="linear"
        ``nn.Linear``, or a callable from (in_features, n_classes) to a module.
    **options
        What the net's own function takes besides the shape, such as ``kernel_size`` of "tang-cifar".

    Raises
    ------
    InputError
        For an unknown name or head, fewer than two classes, and inputs that the layers cannot take.

    Examples
    --------
    >>> import torch
    >>> net = build_net("tang-mnist", (70,), 10)
    >>> net(torch.zeros(5, 70)).shape
    torch.Size([5, 10])
    """
    check_choice(name, NETS, "net")
    check_at_least(n_classes, 2, "n_classes")
    if not callable(head) and head != "linear":
        raise InputError(
            f"head is {head!r}; it must be 'linear' or a callable (in_features, n_classes) -> module"
        )
    stack = NETS[name](input_shape, **options)
    make_head = head if callable(head) else nn.Linear
    return HeadedNet(stack.features(), make_head(stack.width, n_classes))
