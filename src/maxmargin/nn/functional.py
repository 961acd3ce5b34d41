"""The losses and penalties as functions, one each.

Every loss takes scores of shape (N, C) or (N, C, d1, ...) and a target that is either integer, of shape
(N, d1, ...), or floating, of the scores' shape: then it holds probabilities, and the loss is the expected
one. That takes about as long, but for Weston-Watkins, the smooth hinge and the top-k hinge, where it takes
as many times as long as a row has classes of probability above 0: 2 with mixup, C with smoothed labels and
under ``torch.compile`` and ``vmap``.

- ``weight`` holds a factor for each class, at least 0, shape (C,).
- ``ignore_index`` marks integer targets that do not count.
- ``reduction`` is "mean" (divided by the summed weights of the targets, or by their number where they are
  probabilities), "sum" or "none".

Derivatives of first and second order come by the reverse mode, by the forward mode (``torch.func.jvp``,
``jacfwd``) and by ``torch.func.hessian``; torch allows no forward mode within the forward mode for them, nor
under ``torch.compile``.

Scores in float16 or bfloat16 are computed in float32, under autocast too. What needs a look at the data
(targets out of range or all ignored, weights below 0) is checked on the CPU in eager mode alone: elsewhere
it would make a GPU wait, or is impossible (``torch.compile``, ``vmap``).
"""

from numbers import Real
from typing import Unpack

from torch import Tensor

from maxmargin._checks import InputError, check_choice, check_nonnegative
from maxmargin.losses import (
    CrammerSinger,
    Hinge,
    OneVsRest,
    SmoothHinge,
    SoftmaxCrossEntropy,
    SquaredHinge,
    TopK,
    WestonWatkins,
)
from maxmargin.nn._differentiable import penalty_of_weights
from maxmargin.nn._targets import Options, check_tensor, reduced_loss
from maxmargin.penalties import PairwiseMargin

_HINGES = {1: Hinge(), 2: SquaredHinge()}


def one_vs_rest(power: int) -> OneVsRest:
    """The one-vs-rest loss of the hinge to this power."""
    if isinstance(power, bool) or not isinstance(power, Real) or power not in _HINGES:
        raise InputError(f"power is {power!r}; choose 1 (the hinge) or 2 (the squared hinge)")
    return OneVsRest(_HINGES[power])


def one_vs_rest_hinge_loss(
    scores: Tensor, target: Tensor, power: int = 2, **options: Unpack[Options]
) -> Tensor:
    """sum_k [1 - t_k f_k]_+^power; see :class:`maxmargin.nn.OneVsRestHingeLoss`.

    Examples
    --------
    >>> import torch
    >>> one_vs_rest_hinge_loss(torch.tensor([[0.5, -2.0, 0.0]]), torch.tensor([0]), power=1)
    tensor(1.5000)
    """
    return reduced_loss(one_vs_rest(power), scores, target, **options)


def weston_watkins_loss(scores: Tensor, target: Tensor, **options: Unpack[Options]) -> Tensor:
    """sum_{k != y} [1 - (f_y - f_k)]_+; see :class:`maxmargin.nn.WestonWatkinsLoss`."""
    return reduced_loss(WestonWatkins(), scores, target, **options)


def crammer_singer_loss(scores: Tensor, target: Tensor, **options: Unpack[Options]) -> Tensor:
    """max_{k != y} [1 - (f_y - f_k)]_+; see :class:`maxmargin.nn.CrammerSingerLoss`."""
    return reduced_loss(CrammerSinger(), scores, target, **options)


def top_k_hinge_loss(
    scores: Tensor, target: Tensor, k: int, variant: str = "alpha", **options: Unpack[Options]
) -> Tensor:
    """Mean of the k largest violations; see :class:`maxmargin.nn.TopKHingeLoss`."""
    return reduced_loss(TopK(k, variant), scores, target, **options)


def smooth_hinge_loss(
    scores: Tensor, target: Tensor, delta: float = 0.1, **options: Unpack[Options]
) -> Tensor:
    """sum_{k != y} g(1 - (f_y - f_k)), g the smooth hinge; see :class:`maxmargin.nn.SmoothHingeLoss`."""
    return reduced_loss(WestonWatkins(SmoothHinge(delta)), scores, target, **options)


def soft_margin_softmax_loss(
    scores: Tensor, target: Tensor, margin: float, **options: Unpack[Options]
) -> Tensor:
    """Cross-entropy with f_y - margin in place of f_y; see :class:`maxmargin.nn.SoftMarginSoftmaxLoss`."""
    return reduced_loss(SoftmaxCrossEntropy(margin), scores, target, **options)


def keras_hinge_loss(scores: Tensor, target: Tensor, **options: Unpack[Options]) -> Tensor:
    """Mean over the classes of [1 - t_k f_k]_+; see :class:`maxmargin.nn.KerasHingeLoss`."""
    return one_vs_rest_hinge_loss(scores, target, power=1, **options) / scores.shape[1]


def cross_entropy(scores: Tensor, target: Tensor, **options: Unpack[Options]) -> Tensor:
    """-f_y + log sum_k exp f_k; see :class:`maxmargin.nn.CrossEntropyLoss`."""
    return reduced_loss(SoftmaxCrossEntropy(), scores, target, **options)


def pairwise_margin_penalty(coef: Tensor, p: float = 4.0) -> Tensor:
    """sum_{k<l} |w_k - w_l|^p, a scalar; see :class:`maxmargin.nn.PairwiseMarginPenalty`.

    Examples
    --------
    >>> import torch
    >>> pairwise_margin_penalty(torch.tensor([[1.0], [-1.0]]))
    tensor(16.)
    """
    check_tensor(coef, "coef")
    if coef.ndim != 2 or 0 in coef.shape or not coef.is_floating_point():
        raise InputError(
            f"coef is {coef.dtype} of shape {tuple(coef.shape)}; it must be floating, (n_classes, n_features)"
        )
    return penalty_of_weights(PairwiseMargin(p), coef if coef.dtype.itemsize > 2 else coef.float())


def ism3_loss(
    scores: Tensor,
    target: Tensor,
    coef: Tensor,
    p: float = 4.0,
    strength: float = 1e-3,
    **options: Unpack[Options],
) -> Tensor:
    """cross_entropy + strength * pairwise_margin_penalty; see :class:`maxmargin.nn.ISM3Loss`."""
    check_nonnegative(strength, "strength")
    check_choice(options.get("reduction", "mean"), ("mean", "sum"), "reduction")
    return cross_entropy(scores, target, **options) + strength * pairwise_margin_penalty(coef, p)
