"""Penalties on the weights: one definition each, over the array API."""

from maxmargin.penalties._base import Penalty
from maxmargin.penalties.bredensteiner_bennett import BredensteinerBennett
from maxmargin.penalties.frobenius import Frobenius
from maxmargin.penalties.pairwise_margin import PairwiseMargin
from maxmargin.penalties.unpenalised import Unpenalised

__all__ = ["BredensteinerBennett", "Frobenius", "PairwiseMargin", "Penalty", "Unpenalised"]
