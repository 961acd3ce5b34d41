"""A comparison's outcome in words, as a table and as a page, made from its records alone."""

from maxmargin.reports.comparison import ComparisonSummary, MethodResult, summarise, terminal_table, verdict
from maxmargin.reports.evaluation import evaluation_table
from maxmargin.reports.html import write_html

__all__ = [
    "ComparisonSummary",
    "MethodResult",
    "evaluation_table",
    "summarise",
    "terminal_table",
    "verdict",
    "write_html",
]
