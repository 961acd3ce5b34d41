"""What a classifier is told by a name: its loss, its network, its device; and how its inputs are scaled."""

import copy
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from torch import nn

from maxmargin._checks import InputError, check_choice, check_positive
from maxmargin._typing import Ints
from maxmargin.deep.nets import NETS, HeadedNet, build_net, takes_target
from maxmargin.deep.scopes import seeded
from maxmargin.nn import (
    CrammerSingerLoss,
    CrossEntropyLoss,
    ISM3Loss,
    LargeMarginSoftmaxLinear,
    OneVsRestHingeLoss,
    SmoothHingeLoss,
    SoftMarginSoftmaxLoss,
    WestonWatkinsLoss,
)

_L_SOFTMAX = "l_softmax"
_L_SOFTMAX_MARGIN = 2
_ANNEALED = 0.5  # share of the steps in which the margin of L-Softmax comes into force
_SOFT_MARGIN = 1.0

LOSSES: dict[str, Callable[..., nn.Module]] = {
    "squared_hinge": partial(OneVsRestHingeLoss, power=2),
    "hinge": partial(OneVsRestHingeLoss, power=1),
    "crammer_singer": CrammerSingerLoss,
    "weston_watkins": WestonWatkinsLoss,
    "smooth_hinge": SmoothHingeLoss,
    "cross_entropy": CrossEntropyLoss,
    "soft_margin_softmax": partial(SoftMarginSoftmaxLoss, _SOFT_MARGIN),
    "ism3": ISM3Loss,
    _L_SOFTMAX: CrossEntropyLoss,
}
"""Losses by name; that of L-Softmax is cross-entropy, its margin being in the head."""

_OF_SOFTMAX = (CrossEntropyLoss, nn.CrossEntropyLoss, SoftMarginSoftmaxLoss, ISM3Loss)

_A_NET = "a module (an instance, no class), or a function of (input_shape, n_classes) that returns one"
_PROBED_ROWS = 2

_LARGEST_BATCH = 128
_SMALLEST_BATCH = 8
_STEPS_AN_EPOCH = 20


def make_loss(loss: Any, weight: torch.Tensor | None = None) -> nn.Module:
    """A loss of one's own, from a name and weights of the classes, or as a copy of a module.

    Raises
    ------
    InputError
        Where it is neither, or a module beside which there are weights.

    Examples
    --------
    >>> make_loss("hinge")
    OneVsRestHingeLoss(...)
    """
    if isinstance(loss, nn.Module):
        if weight is not None:
            raise InputError(
                f"class_weight is given beside the loss {type(loss).__name__}; "
                "leave it None and give the module its own weight"
            )
        return copy.deepcopy(loss)
    if not isinstance(loss, str):
        raise InputError(f"loss is {loss!r}; give one of {', '.join(LOSSES)}, or a loss module")
    return LOSSES[check_choice(loss, LOSSES, "loss")](weight=weight)


def make_weights(class_weight: Any, classes: np.ndarray, target: Ints) -> torch.Tensor | None:
    """Weight of each class, from a dict of labels, or, if "balanced", in inverse proportion to its rows.

    Raises
    ------
    InputError
        Where it is neither, or names no class, or a weight is not positive.

    Examples
    --------
    >>> classes, target = np.array(["cat", "dog"]), np.array([0, 0, 0, 1])
    >>> make_weights("balanced", classes, target), make_weights({"dog": 5.0}, classes, target)
    (tensor([0.6667, 2.0000]), tensor([1., 5.]))
    """
    if class_weight is None:
        return None
    if isinstance(class_weight, str):
        check_choice(class_weight, ("balanced",), "class_weight")
        counts = torch.bincount(torch.as_tensor(target), minlength=len(classes))
        return len(target) / (len(classes) * counts)
    if not isinstance(class_weight, Mapping):
        raise InputError(f'class_weight is {class_weight!r}; give "balanced", a dict of labels or None')
    for label, weight in class_weight.items():
        check_choice(label, classes.tolist(), "label in class_weight")
        check_positive(weight, f"class_weight[{label!r}]")
    return torch.tensor([float(class_weight.get(label, 1.0)) for label in classes.tolist()])


def is_of_softmax(loss: nn.Module) -> bool:
    """Whether the loss is of the softmax of the scores, so that this estimates probabilities.

    Examples
    --------
    >>> is_of_softmax(make_loss("cross_entropy")), is_of_softmax(make_loss("hinge"))
    (True, False)
    """
    return isinstance(loss, _OF_SOFTMAX)


def make_net(
    net: Any, loss: Any, input_shape: tuple[int, ...], n_classes: int, seed: int, steps: int = 1
) -> nn.Module:
    """A network of one's own, from a name, a function of (input_shape, n_classes), or a copy of a module.

    The loss "l_softmax" puts a large margin into the head of a net by name; over the first half of the
    ``steps`` of the training it comes into force.

    Raises
    ------
    InputError
        Where it is none of these, or does not map rows of this shape to as many scores as classes.

    Examples
    --------
    >>> make_net(nn.Linear(4, 3), "hinge", (4,), n_classes=2, seed=0)
    Traceback (most recent call last):
        ...
    maxmargin._checks.InputError: the net gives 3 scores a row and there are 2 classes; give a net of 2 scores
    """
    with seeded(seed):
        made = _with_target(_made(net, loss, input_shape, n_classes, steps))
        _check_scores(made, input_shape, n_classes)
    return made


def _made(net: Any, loss: Any, input_shape: tuple[int, ...], n_classes: int, steps: int) -> nn.Module:
    needs_head = isinstance(loss, str) and loss == _L_SOFTMAX
    if isinstance(net, str):
        check_choice(net, NETS, "net")
        annealed = max(1, round(_ANNEALED * steps))
        head = partial(LargeMarginSoftmaxLinear.annealed, margin=_L_SOFTMAX_MARGIN, steps=annealed)
        return build_net(net, input_shape, n_classes, head=head if needs_head else "linear")
    if needs_head:
        raise InputError(
            f'loss="{_L_SOFTMAX}" gives a net by name its head; give a net of your own as '
            'HeadedNet(features, LargeMarginSoftmaxLinear.annealed(...)), with loss="cross_entropy"'
        )
    if isinstance(net, nn.Module):
        return copy.deepcopy(net)
    if callable(net):
        return _called(net, input_shape, n_classes)
    raise InputError(f"net is {net!r}; give one of {', '.join(NETS)}, {_A_NET}")


def _called(net: Callable[..., Any], input_shape: tuple[int, ...], n_classes: int) -> nn.Module:
    """What the function, or the class, makes."""
    name = getattr(net, "__name__", repr(net))
    what = f"net is {name}; {name}({input_shape}, {n_classes})"
    try:
        made = net(input_shape, n_classes)
    except InputError:
        raise
    except (TypeError, ValueError, RuntimeError, AttributeError, LookupError) as error:
        raise InputError(f"{what} raises {_in_a_line(error)}; give {_A_NET}") from error
    if not isinstance(made, nn.Module):
        raise InputError(f"{what} returns {made!r}; give {_A_NET}")
    return made


def _with_target(net: nn.Module) -> nn.Module:
    """The net; a sequence whose last layer takes targets as one that hands them on."""
    if type(net) is nn.Sequential and len(net) and takes_target(net[-1]):
        return HeadedNet(net[:-1], net[-1])
    return net


def _check_scores(net: nn.Module, input_shape: tuple[int, ...], n_classes: int) -> None:
    """Raise InputError unless the net maps rows of this shape to a score for each class."""
    net.eval()
    like = next(net.parameters(), torch.zeros(()))
    rows = torch.zeros(_PROBED_ROWS, *input_shape, device=like.device)
    try:
        with torch.no_grad():
            # A lazy module has no type of numbers before its first call.
            scores = net(rows if isinstance(like, nn.UninitializedParameter) else rows.to(like.dtype))
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        raise InputError(f"the net does not take rows of shape {input_shape}: {_in_a_line(error)}") from error
    shape = tuple(getattr(scores, "shape", ()))
    if len(shape) != 2 or len(scores) != _PROBED_ROWS:
        raise InputError(f"the net maps {_PROBED_ROWS} rows to {shape}; it must give (n_rows, {n_classes})")
    if shape[1] != n_classes:
        raise InputError(
            f"the net gives {shape[1]} scores a row and there are {n_classes} classes; "
            f"give a net of {n_classes} scores"
        )


def _in_a_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"


class Standardisation(nn.Module):
    """Each feature, or each channel of an image, to mean 0 and deviation 1 over the rows it is fitted to.

    ``(x - mean) / scale``, in double precision; what is constant is only shifted.

    Examples
    --------
    >>> rows = torch.tensor([[1.0, 5.0], [3.0, 5.0]])
    >>> Standardisation().fit(rows)(rows)
    tensor([[-1., 0.],
            [ 1., 0.]])
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros((), dtype=torch.float64))
        self.register_buffer("scale", torch.ones((), dtype=torch.float64))

    def fit(self, rows: torch.Tensor) -> Self:
        """Measure the rows, of shape (n, n_features, ...)."""
        others = [axis for axis in range(rows.ndim) if axis != 1]
        deviation, mean = torch.std_mean(rows.double(), dim=others, correction=0, keepdim=True)
        # What rounding leaves of a constant is no deviation.
        constant = deviation <= 1e-12 * mean.abs()
        self.mean, self.scale = mean, torch.where(constant, torch.ones_like(deviation), deviation)
        return self

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Standardised rows, in single precision."""
        return ((rows - self.mean) / self.scale).float()


class PreparedNet(nn.Module):
    """A network behind its preprocessing, whose numbers it is given in single precision.

    Examples
    --------
    >>> PreparedNet(nn.Identity(), nn.Linear(2, 3))(torch.ones(1, 2, dtype=torch.float64)).dtype
    torch.float32
    """

    def __init__(self, preprocessing: nn.Module, net: nn.Module) -> None:
        super().__init__()
        self.preprocessing, self.net = preprocessing, net

    @property
    def head(self) -> nn.Module | None:
        """The network's own head, where it names one."""
        return getattr(self.net, "head", None)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Scores of rows."""
        return self.net(self.preprocessing(rows).float())


def make_preprocessing(preprocessing: Any, rows: torch.Tensor) -> nn.Module:
    """A layer of one's own, fitted to the rows where it can be.

    Raises
    ------
    InputError
        Where ``preprocessing`` is no module, "standardise" or None.
    """
    if preprocessing is None:
        return nn.Identity()
    if isinstance(preprocessing, str):
        check_choice(preprocessing, ["standardise"], "preprocessing")
        return Standardisation().fit(rows)
    if not isinstance(preprocessing, nn.Module):
        raise InputError(f'preprocessing is {preprocessing!r}; give "standardise", a module or None')
    made: Any = copy.deepcopy(preprocessing)
    if hasattr(made, "fit"):
        made.fit(rows)
    return made.eval()


def make_batch_size(batch_size: Any, n_rows: int) -> Any:
    """Rows a step; "auto" is a 20th of them all, within 8 and 128.

    Examples
    --------
    >>> make_batch_size("auto", 100), make_batch_size("auto", 1000), make_batch_size(32, 1000)
    (8, 50, 32)
    """
    if not isinstance(batch_size, str):
        return batch_size
    check_choice(batch_size, ("auto",), "batch_size")
    return min(_LARGEST_BATCH, max(_SMALLEST_BATCH, n_rows // _STEPS_AN_EPOCH))


def make_device(device: Any) -> torch.device:
    """The device to compute on, one of torch's or its name; "auto" is CUDA where it is present.

    Raises
    ------
    InputError
        Where it is no CPU and no CUDA device that is here.

    Examples
    --------
    >>> make_device("cpu"), make_device(torch.device("cpu"))
    (device(type='cpu'), device(type='cpu'))
    """
    name = str(device) if isinstance(device, str | torch.device) else device
    kind, _, number = name.partition(":") if isinstance(name, str) else (name, "", "")
    check_choice(kind, ("auto", "cpu", "cuda"), "device")
    present = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if number and (kind == "auto" or not number.isdecimal()):
        raise InputError(f"device is {name!r}; it must be 'auto', 'cpu', 'cuda' or a CUDA device as 'cuda:0'")
    if kind == "cuda" and not present:
        raise InputError(f"device is {name!r}, but no CUDA device is here; choose 'cpu' or 'auto'")
    if kind == "cuda" and number and int(number) >= present:
        raise InputError(f"device is {name!r}, but CUDA devices here are 0..{present - 1}")
    if kind == "auto":
        return torch.device("cuda" if present else "cpu")
    return torch.device(name)


def make_accelerator(device: Any) -> str:
    """Kind of the device to train on, which of several is the first.

    Raises
    ------
    InputError
        Where it is a later one, or none that :func:`make_device` takes.

    Examples
    --------
    >>> make_accelerator("cpu")
    'cpu'
    """
    made = make_device(device)
    if made.index:
        raise InputError(
            f"device is {str(made)!r}, but a training takes the first; give 'cuda', and choose the one "
            "that is seen by CUDA_VISIBLE_DEVICES"
        )
    return made.type


def device_name(device: Any) -> str:
    """What a record calls a device: "cpu", or the name of the graphics processor.

    Examples
    --------
    >>> device_name("cpu")
    'cpu'
    """
    found = make_device(device)
    return torch.cuda.get_device_name(found) if found.type == "cuda" else found.type
