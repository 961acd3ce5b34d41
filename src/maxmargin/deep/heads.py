"""The linear layer at the top of a network."""

from torch import nn

from maxmargin._checks import InputError


def find_head(net: nn.Module) -> nn.Linear:
    """Find the linear layer that makes the scores: the last ``nn.Linear`` of ``net.head``, or of the net.

    The last in the order in which the net's author assigned its parts, which in the usual libraries is the
    order in which they run.

    Raises
    ------
    InputError
        If the net has none.

    Examples
    --------
    >>> from torch import nn
    >>> find_head(nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)))
    Linear(in_features=3, out_features=2, bias=True)
    """
    top = getattr(net, "head", None)
    for part in (top, net):
        layers = (
            [m for m in part.modules() if isinstance(m, nn.Linear)] if isinstance(part, nn.Module) else []
        )
        if layers:
            return layers[-1]
    raise InputError(f"{type(net).__name__} has no nn.Linear to be its head")
