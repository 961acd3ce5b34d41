"""Losses on scores: one definition each, over the array API, for NumPy blocks and torch tensors alike."""

from maxmargin.losses._base import Curvature, Loss, PolyhedralLoss
from maxmargin.losses.crammer_singer import CrammerSinger
from maxmargin.losses.expectation import Expectation, expectation
from maxmargin.losses.one_vs_rest import OneVsRest
from maxmargin.losses.proximal import Proximal
from maxmargin.losses.softmax import SoftmaxCrossEntropy
from maxmargin.losses.surrogates import Hinge, SmoothHinge, SquaredHinge, Surrogate
from maxmargin.losses.top_k import TopK
from maxmargin.losses.weston_watkins import WestonWatkins

__all__ = [
    "CrammerSinger",
    "Curvature",
    "Expectation",
    "Hinge",
    "Loss",
    "OneVsRest",
    "PolyhedralLoss",
    "Proximal",
    "SmoothHinge",
    "SoftmaxCrossEntropy",
    "SquaredHinge",
    "Surrogate",
    "TopK",
    "WestonWatkins",
    "expectation",
]
