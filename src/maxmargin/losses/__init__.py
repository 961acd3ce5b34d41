"""Losses on scores: one definition each, over the array API, for NumPy blocks and torch tensors alike."""

from maxmargin.losses._base import Loss
from maxmargin.losses.crammer_singer import CrammerSinger
from maxmargin.losses.one_vs_rest import OneVsRest
from maxmargin.losses.softmax import SoftmaxCrossEntropy
from maxmargin.losses.surrogates import Hinge, SmoothHinge, SquaredHinge, Surrogate
from maxmargin.losses.weston_watkins import WestonWatkins

__all__ = [
    "CrammerSinger",
    "Hinge",
    "Loss",
    "OneVsRest",
    "SmoothHinge",
    "SoftmaxCrossEntropy",
    "SquaredHinge",
    "Surrogate",
    "WestonWatkins",
]
