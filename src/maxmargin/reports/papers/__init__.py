"""The papers' tables, claims and figures beside our records, as a document, a page and on the terminal."""

from maxmargin.reports.papers.markdown import write_markdown
from maxmargin.reports.papers.page import write_evidence_html
from maxmargin.reports.papers.pictures import Picture, draw_figures
from maxmargin.reports.papers.reading import read_results
from maxmargin.reports.papers.summary import Section, claim_groups, summarise_evidence, without_records
from maxmargin.reports.papers.terminal import terminal_tables
from maxmargin.reports.papers.words import tallied

__all__ = [
    "Picture",
    "Section",
    "claim_groups",
    "draw_figures",
    "read_results",
    "summarise_evidence",
    "tallied",
    "terminal_tables",
    "without_records",
    "write_evidence_html",
    "write_markdown",
]
