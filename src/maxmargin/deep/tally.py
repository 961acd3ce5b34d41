"""What a batch adds to the record of an epoch, and by what its mean loss divides."""

from typing import Any

import torch

from maxmargin._checks import InputError


def mean_weight(loss: Any, target: torch.Tensor) -> torch.Tensor:
    """By what the loss's mean over a batch divides, as torch's losses do: the summed weights of its targets.

    Those equal to ``ignore_index`` do not count; distributions over the classes count 1 each.

    Examples
    --------
    >>> mean_weight(torch.nn.CrossEntropyLoss(torch.tensor([1.0, 3.0])), torch.tensor([0, 1, -100]))
    tensor(4., dtype=torch.float64)
    """
    if target.is_floating_point():
        return torch.tensor(target.numel() / target.shape[1], dtype=torch.float64, device=target.device)
    kept = _kept(loss, target)
    weight = getattr(loss, "weight", None)
    if isinstance(weight, torch.Tensor) and weight.ndim == 1:
        # A target out of range is for the loss to refuse.
        return weight[target[kept].clamp(0, len(weight) - 1)].sum().double()
    return kept.sum().double()


def tally(
    loss: Any, value: torch.Tensor, weight: torch.Tensor, scores: torch.Tensor, target: torch.Tensor
) -> torch.Tensor:
    """Summed loss, the :func:`mean_weight` that its mean divides by, hits, targets that count: shape (4,).

    Examples
    --------
    >>> scores, target = torch.tensor([[2.0, 1.0], [0.0, 1.0], [0.0, 1.0]]), torch.tensor([0, 0, -100])
    >>> loss = torch.nn.CrossEntropyLoss()
    >>> tally(loss, torch.tensor(0.5), mean_weight(loss, target), scores, target)
    tensor([1., 2., 1., 2.], dtype=torch.float64)
    """
    if target.is_floating_point():
        truth, kept = target.argmax(dim=1), torch.ones_like(target.argmax(dim=1), dtype=torch.bool)
    else:
        truth, kept = target, _kept(loss, target)
    hits = ((scores.argmax(dim=1) == truth) & kept).sum()
    return torch.stack([value.double() * weight, weight, hits.double(), kept.sum().double()])


def means(totals: torch.Tensor) -> tuple[float, float]:
    """Mean loss and accuracy out of summed tallies."""
    loss, weight, hits, count = totals.tolist()
    if not count or not weight:
        raise InputError("all targets are ignored or of weight 0; give some that count")
    return loss / weight, hits / count


def check_scores(scores: Any) -> None:
    """Raise InputError unless a network gave scores."""
    if not isinstance(scores, torch.Tensor) or scores.ndim < 2:
        raise InputError(f"the net gives {_shown(scores)}; it must give scores of shape (n, n_classes)")


def checked_loss(value: Any) -> torch.Tensor:
    """The value of a loss, or InputError unless it is a scalar."""
    if not isinstance(value, torch.Tensor) or value.ndim:
        raise InputError(f"the loss gives {_shown(value)}; it must give a scalar, as by reduction='mean'")
    return value


def _shown(value: Any) -> str:
    kind = type(value).__name__
    return f"a tensor of shape {tuple(value.shape)}" if isinstance(value, torch.Tensor) else f"a {kind}"


def _kept(loss: Any, target: torch.Tensor) -> torch.Tensor:
    return target != getattr(loss, "ignore_index", -100)
