"""The stages of a training, each with a loss of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from inspect import Parameter, signature
from typing import Any

from torch import nn

from maxmargin._checks import InputError, check_count, check_positive
from maxmargin.deep.schedules import Schedule


@dataclass(frozen=True)
class Stage:
    """A part of a training with one loss; what is None is as the trainer says.

    Parameters
    ----------
    loss : nn.Module
        Maps (scores, target) to a scalar; one whose ``forward`` has a parameter ``coef`` is given the head's
        weights, of shape (n_classes, n_features).
    epochs : int, optional
        Passes over the rows.
    lr : float, optional
        Learning rate at first.
    lr_schedule : str or Schedule, optional
        How it changes.
    margin_schedule : Schedule, optional
        Values of the loss's ``margin``.
    C : float, default=1.0
        What the loss is multiplied by, the weight decay not.

    References
    ----------
    Tang (2013), Deep Learning using Linear Support Vector Machines, eq. 6: C.
    Liang et al. (2017), Soft-Margin Softmax for Deep Classification, section 4.3: softmax first, then the
    margin loss at a learning rate of 0.01.

    Examples
    --------
    >>> from torch.nn import CrossEntropyLoss, MultiMarginLoss
    >>> stages = [Stage(CrossEntropyLoss(), epochs=10), Stage(MultiMarginLoss(), epochs=5, lr=0.01)]
    """

    loss: nn.Module
    epochs: int | None = None
    lr: float | None = None
    lr_schedule: str | Schedule | None = None
    margin_schedule: Schedule | None = None
    C: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.loss, nn.Module):
            raise InputError(f"loss is {self.loss!r}; it must be a module of scores and targets")
        if any(parameter.requires_grad for parameter in self.loss.parameters()):
            raise InputError(
                f"{type(self.loss).__name__} has parameters of its own, which are not trained; put them into "
                "the net"
            )
        if self.epochs is not None:
            check_count(self.epochs, "epochs")
        if self.lr is not None:
            check_positive(self.lr, "lr")
        check_positive(self.C, "C")
        if self.margin_schedule is not None and not hasattr(self.loss, "margin"):
            raise InputError(f"margin_schedule is given, but {type(self.loss).__name__} has no margin")


def as_stages(loss: nn.Module | Stage | Sequence[Stage]) -> list[Stage]:
    """Stages out of a loss, a stage or several.

    Examples
    --------
    >>> len(as_stages(nn.CrossEntropyLoss()))
    1
    """
    if isinstance(loss, Stage):
        return [loss]
    if isinstance(loss, Sequence):
        stages = list(loss)
        if not stages or not all(isinstance(stage, Stage) for stage in stages):
            raise InputError(f"loss is {loss!r}; give a loss, or a sequence of Stage with at least one")
        return stages
    return [Stage(loss)]


def takes(module: nn.Module, name: str) -> bool:
    """Whether the module's forward has a parameter of that name.

    Examples
    --------
    >>> takes(nn.Linear(2, 3), "target")
    False
    """
    parameters = signature(_inner(module).forward).parameters
    return name in parameters and parameters[name].kind is not Parameter.VAR_KEYWORD


def _inner(module: Any) -> Any:
    # A compiled module's own forward takes anything.
    return getattr(module, "_orig_mod", module)
