"""The tables of an experiment for a terminal."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from maxmargin.evidence import Findings
from maxmargin.reports.papers import words
from maxmargin.reports.papers.rules import scale_heading, table_heading
from maxmargin.reports.papers.summary import Section

if TYPE_CHECKING:
    from rich.table import Table


def terminal_tables(section: Section) -> Iterator["Table | str"]:
    """Lay out the tables that were run, each followed by its judged claims as sentences.

    Parameters
    ----------
    section : Section
        From :func:`~maxmargin.reports.papers.summarise_evidence`.
    """
    for found in section.findings:
        if found.is_run:
            yield _table(section, found)
            yield from (
                f"{words.claimed(claim)}: {words.became(claim)} ({words.differences(claim)})"
                for claim in section.claims
                if claim.table is found.table
            )


def _table(section: Section, found: Findings) -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        padding=(0, 1, 0, 0),
        title=Text(table_heading(found.table)),
        title_justify="left",
        caption=Text(scale_heading(section.is_full, section.note)),
        caption_justify="left",
    )
    several = bool(found.table.columns)
    for head in [str(found.table.columns)] if several else []:
        table.add_column(head.capitalize())
    first, *heads = words.heads(found)
    table.add_column(first)
    for head in heads:
        table.add_column(head, justify="right")
    for column in words.run_columns(found):
        name = [Text(words.named(found.table, column))] if several else []
        for row, cells in words.lines(found, column):
            table.add_row(*name, Text(row), *map(Text, cells))
    return table
