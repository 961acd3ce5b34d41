"""What a paper prints, and what our records say about it."""

from maxmargin.evidence.estimates import Estimate, difference, estimate
from maxmargin.evidence.findings import Cell, Findings, Judgement, findings
from maxmargin.evidence.printed import Claim, Figure, Printed, Scale, Strict, Table
from maxmargin.evidence.runs import shown_runs
from maxmargin.evidence.verdicts import Verdict, judge, judge_together

__all__ = [
    "Cell",
    "Claim",
    "Estimate",
    "Figure",
    "Findings",
    "Judgement",
    "Printed",
    "Scale",
    "Strict",
    "Table",
    "Verdict",
    "difference",
    "estimate",
    "findings",
    "judge",
    "judge_together",
    "shown_runs",
]
