"""Penalties of the weights as modules."""

from torch import Tensor, nn

from maxmargin.nn import functional
from maxmargin.penalties import PairwiseMargin


class PairwiseMarginPenalty(nn.Module):
    """Keep every two classes of a linear layer far apart: the sum over pairs of ``|w_k - w_l|^p``.

    As 2 / |w_k - w_l| is the margin between classes k and l, a small penalty means wide margins, and a large
    p widens the smallest. Where two weights are equal the derivative is 0. Weights in half precision are
    computed in float32, under autocast too.

    Parameters
    ----------
    p : float, default=4
        Exponent, at least 1.

    Raises
    ------
    InputError
        Where p is below 1, or the weights are no floating (n_classes, n_features) tensor.

    References
    ----------
    Multi-class Support Vector Machine with Maximizing Minimum Margin (AAAI 2024), eq. 20.

    Examples
    --------
    >>> import torch
    >>> layer = torch.nn.Linear(5, 3)
    >>> PairwiseMarginPenalty(p=4)(layer.weight).backward()
    >>> layer.weight.grad.shape
    torch.Size([3, 5])
    """

    def __init__(self, p: float = 4.0) -> None:
        super().__init__()
        self.p = p

    @property
    def p(self) -> float:
        """Exponent."""
        return self._penalty.p

    @p.setter
    def p(self, p: float) -> None:
        self._penalty = PairwiseMargin(p)

    def extra_repr(self) -> str:
        """The parameter, for ``repr``."""
        return f"p={self.p}"

    def forward(self, coef: Tensor) -> Tensor:
        """Value for weights of shape (n_classes, n_features), a scalar."""
        return functional.pairwise_margin_penalty(coef, self.p)
