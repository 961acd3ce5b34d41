"""What a paper prints, and what our records say about it."""

from maxmargin.evidence.estimates import Estimate, difference, estimate
from maxmargin.evidence.printed import Claim, Figure, Printed, Scale, Strict, Table
from maxmargin.evidence.verdicts import Verdict, judge

__all__ = [
    "Claim",
    "Estimate",
    "Figure",
    "Printed",
    "Scale",
    "Strict",
    "Table",
    "Verdict",
    "difference",
    "estimate",
    "judge",
]
