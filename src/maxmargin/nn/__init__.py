"""Margin losses, penalties and heads for PyTorch, over :mod:`maxmargin.losses` and ``penalties``."""

from maxmargin.nn import functional
from maxmargin.nn.heads import LargeMarginSoftmaxLinear, SVMLinear
from maxmargin.nn.losses import (
    CrammerSingerLoss,
    CrossEntropyLoss,
    ISM3Loss,
    KerasHingeLoss,
    OneVsRestHingeLoss,
    SmoothHingeLoss,
    SoftMarginSoftmaxLoss,
    TopKHingeLoss,
    WestonWatkinsLoss,
)
from maxmargin.nn.penalised import PenalisedLoss
from maxmargin.nn.penalties import PairwiseMarginPenalty

__all__ = [
    "CrammerSingerLoss",
    "CrossEntropyLoss",
    "ISM3Loss",
    "KerasHingeLoss",
    "LargeMarginSoftmaxLinear",
    "OneVsRestHingeLoss",
    "PairwiseMarginPenalty",
    "PenalisedLoss",
    "SVMLinear",
    "SmoothHingeLoss",
    "SoftMarginSoftmaxLoss",
    "TopKHingeLoss",
    "WestonWatkinsLoss",
    "functional",
]
