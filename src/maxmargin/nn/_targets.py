"""What stands beside the scores: targets of either kind, class weights, and the reduction."""

from numbers import Integral
from typing import Any, TypedDict

import torch
from torch import Tensor

from maxmargin._arrays import has_values, is_eager
from maxmargin._checks import InputError, check_choice
from maxmargin.losses import Expectation, Loss, expectation
from maxmargin.nn._differentiable import loss_of_rows

REDUCTIONS = ("mean", "sum", "none")
_INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


class Options(TypedDict, total=False):
    """What every loss takes besides its own parameters."""

    weight: Tensor | None
    ignore_index: int
    reduction: str


def reduced_loss(
    loss: Loss,
    scores: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """The loss of scores of any layout, weighed and reduced as torch's own losses are."""
    check_options(weight, ignore_index, reduction)
    for name, values in {"scores": scores, "target": target}.items():
        check_tensor(values, name)
    _check_scores(scores)
    shape = scores.shape[:1] + scores.shape[2:]
    rows = _class_last(scores)
    # Half precision is for the layers: a sum over the classes needs more digits.
    rows = rows.float() if rows.dtype in (torch.float16, torch.bfloat16) else rows
    weight = None if weight is None else _checked_weight(weight, rows)
    if target.is_floating_point():
        values, total = _soft(loss, rows, _checked_soft(target, scores, ignore_index), weight)
    else:
        values, total = _hard(loss, rows, _checked_hard(target, scores), weight, ignore_index)
    if reduction == "none":
        return values.reshape(shape)
    if reduction == "sum":
        return values.sum()
    if is_eager(values) and not total:
        raise InputError(f"no target counts: all are ignored (ignore_index={ignore_index}) or of weight 0")
    return values.sum() / total


def check_tensor(values: Any, name: str) -> None:
    """Raise InputError unless these are a tensor."""
    if not isinstance(values, Tensor):
        kind = f"{type(values).__module__}.{type(values).__qualname__}".removeprefix("builtins.")
        raise InputError(f"{name} is a {kind}; it must be a torch.Tensor")


def check_options(weight: Any, ignore_index: Any, reduction: Any) -> None:
    """Raise InputError unless these are options of a loss."""
    check_choice(reduction, REDUCTIONS, "reduction")
    if isinstance(ignore_index, bool) or not isinstance(ignore_index, Integral):
        raise InputError(
            f"ignore_index is {ignore_index!r}; it must be an integer, below 0 to ignore no class"
        )
    if weight is None:
        return
    check_tensor(weight, "weight")
    if is_eager(weight) and weight.numel() and not (least := weight.min()) >= 0:
        raise InputError(f"weight holds {least.item():g}; the weights of classes must be at least 0")


def _hard(
    loss: Loss, rows: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int
) -> tuple[Tensor, Any]:
    """Weighed loss of each row, and the sum of the weights."""
    target = target.reshape(-1).long()
    kept = target != ignore_index
    if is_eager(target) and kept.all():
        check_range(target, rows.shape[1], ignore_index)
        values = loss_of_rows(loss, rows, target)
        weights = None if weight is None else weight[target]
        return (values, len(values)) if weights is None else (weights * values, weights.sum())
    if is_eager(target):
        check_range(target[kept], rows.shape[1], ignore_index)
    # What an ignored row holds, be it infinite, must touch neither value nor gradient.
    rows, target = rows.masked_fill(~kept[:, None], 0.0), target.masked_fill(~kept, 0)
    weights = kept.to(rows.dtype) if weight is None else weight[target] * kept
    return weights * loss_of_rows(loss, rows, target), weights.sum()


def _soft(loss: Loss, rows: Tensor, target: Tensor, weight: Tensor | None) -> tuple[Tensor, Any]:
    """Weighed expected loss of each row, and their number."""
    target = _class_last(target).to(rows.dtype)
    if weight is not None:
        target = target * weight
    expected = expectation(loss)
    if isinstance(expected, Expectation) and has_values(target):  # on a GPU a wait, but n_classes passes less
        expected = Expectation(loss, most=int((target != 0).sum(dim=1).max()))
    return loss_of_rows(expected, rows, target), rows.shape[0]


def _class_last(values: Tensor) -> Tensor:
    """(N, C, d1, ...) to (N d1 ..., C)."""
    return values if values.ndim == 2 else values.movedim(1, -1).reshape(-1, values.shape[1])


def _check_scores(scores: Tensor) -> None:
    if not scores.is_floating_point():
        raise InputError(f"scores are {scores.dtype}; they must be floating")
    if scores.ndim < 2:
        raise InputError(f"scores have shape {tuple(scores.shape)}; it must be (N, C) or (N, C, d1, ...)")
    if scores.shape[1] < 2:
        raise InputError(
            f"scores have shape {tuple(scores.shape)}; there must be at least 2 classes, on axis 1"
        )
    if 0 in scores.shape:
        raise InputError(f"scores have shape {tuple(scores.shape)}; the batch must not be empty")


def _checked_weight(weight: Tensor, rows: Tensor) -> Tensor:
    n_classes = rows.shape[1]
    if weight.shape != (n_classes,):
        raise InputError(
            f"weight has shape {tuple(weight.shape)}; it must be ({n_classes},), a weight for each class"
        )
    return weight.to(rows.dtype)


def _checked_hard(target: Tensor, scores: Tensor) -> Tensor:
    if target.dtype not in _INTEGERS:
        raise InputError(
            f"target is {target.dtype}; it must be integer (classes) or floating (probabilities)"
        )
    shape = scores.shape[:1] + scores.shape[2:]
    if target.shape != shape:
        raise InputError(
            f"target has shape {tuple(target.shape)}; with scores of shape {tuple(scores.shape)} it must be"
            f" {tuple(shape)} for classes or {tuple(scores.shape)} for probabilities, which are floating"
        )
    return target


def _checked_soft(target: Tensor, scores: Tensor, ignore_index: int) -> Tensor:
    if target.shape != scores.shape:
        raise InputError(
            f"target has shape {tuple(target.shape)}; floating targets are probabilities of the shape of the"
            f" scores, {tuple(scores.shape)}, and classes are integers"
        )
    if target.requires_grad:
        raise InputError(
            "target requires a gradient, but losses are differentiated by the scores only; detach it"
        )
    if ignore_index >= 0:
        raise InputError(f"ignore_index is {ignore_index}; floating targets have no class to ignore")
    if is_eager(target) and not (least := target.min()) >= 0:
        raise InputError(f"target holds {least.item():g}; probabilities must be at least 0")
    return target


def check_range(target: Tensor, n_classes: int, ignore_index: int) -> None:
    """Raise InputError where a target, none of them ignored, is no class."""
    outside = target[(target < 0) | (target >= n_classes)]
    if len(outside):
        raise InputError(
            f"target holds {outside[0].item()}; with {n_classes} classes it must lie in 0..{n_classes - 1}"
            f" or be ignore_index={ignore_index}"
        )
