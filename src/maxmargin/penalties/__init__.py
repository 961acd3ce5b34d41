"""Penalties on the weights: one definition each, over the array API."""

from maxmargin.penalties._base import Penalty
from maxmargin.penalties.frobenius import Frobenius
from maxmargin.penalties.pairwise_margin import PairwiseMargin

__all__ = ["Frobenius", "PairwiseMargin", "Penalty"]
