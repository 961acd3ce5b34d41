"""A study's outcome in words, as a table and as a page, made from its records alone."""

from maxmargin.reports.comparison import ComparisonSummary, MethodResult, summarise, terminal_table, verdict
from maxmargin.reports.evaluation import evaluation_table
from maxmargin.reports.html import write_html
from maxmargin.reports.tuning import TuningSummary, summarise_tuning, tuning_verdict
from maxmargin.reports.tuning_page import write_tuning_html

__all__ = [
    "ComparisonSummary",
    "MethodResult",
    "TuningSummary",
    "evaluation_table",
    "summarise",
    "summarise_tuning",
    "terminal_table",
    "tuning_verdict",
    "verdict",
    "write_html",
    "write_tuning_html",
]
