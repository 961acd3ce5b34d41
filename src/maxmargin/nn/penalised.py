"""Any loss with the margins of the layer that made the scores beside it."""

from typing import Any

from torch import Tensor, nn

from maxmargin._checks import check_choice, check_nonnegative
from maxmargin.nn.penalties import PairwiseMarginPenalty


class PenalisedLoss(nn.Module):
    """A loss of the scores, plus strength * sum_{k<l} |w_k - w_l|^p of the layer that made them.

    Around the cross-entropy it is ISM3; around the squared hinges, Tang's L2-SVM with M3SVM's margins.

    Parameters
    ----------
    loss : nn.Module
        Maps (scores, target) to a scalar.
    p : float, default=4
        Exponent of the penalty, at least 1.
    strength : float, default=1e-3
        Its weight, at least 0.

    Raises
    ------
    InputError
        If ``strength`` is negative or p below 1, or the loss does not reduce, since the penalty belongs to no
        sample.

    References
    ----------
    Multi-class Support Vector Machine with Maximizing Minimum Margin (AAAI 2024), eq. 20.

    Examples
    --------
    >>> import torch
    >>> from maxmargin.nn import CrossEntropyLoss, ISM3Loss
    >>> head = torch.nn.Linear(5, 3)
    >>> rows, target = torch.ones(2, 5), torch.tensor([0, 2])
    >>> penalised = PenalisedLoss(CrossEntropyLoss())(head(rows), target, coef=head.weight)
    >>> torch.equal(penalised, ISM3Loss()(head(rows), target, coef=head.weight))
    True
    """

    def __init__(self, loss: nn.Module, p: float = 4.0, strength: float = 1e-3) -> None:
        super().__init__()
        check_nonnegative(strength, "strength")
        check_choice(getattr(loss, "reduction", "mean"), ("mean", "sum"), "reduction")
        self.loss, self.penalty, self.strength = loss, PairwiseMarginPenalty(p), strength

    def __getattr__(self, name: str) -> Any:
        # How the loss reduces is how this one does.
        return getattr(self.loss, name) if name in ("weight", "ignore_index") else super().__getattr__(name)

    def forward(self, scores: Tensor, target: Tensor, coef: Tensor) -> Tensor:
        """Loss of the scores and of the weights (n_classes, n_features) of the layer that made them."""
        return self.loss(scores, target) + self.strength * self.penalty(coef)

    def extra_repr(self) -> str:
        """The weight of the penalty."""
        return f"strength={self.strength}"
