"""The table of a comparison for the terminal."""

from typing import TYPE_CHECKING

import numpy as np

from maxmargin.reports.formats import NONE, p_value, points
from maxmargin.reports.summary import ComparisonSummary, MethodResult

if TYPE_CHECKING:
    from rich.table import Table


def terminal_table(summary: ComparisonSummary) -> "Table":
    """Lay out the ranked methods for a terminal of 80 columns or more.

    Parameters
    ----------
    summary : ComparisonSummary
        From :func:`~maxmargin.reports.summarise`.

    Returns
    -------
    rich.table.Table
        One row per ranked method, the best first. With a single split the columns that need several
        are left out.

    Examples
    --------
    >>> from maxmargin.reports import ComparisonSummary
    >>> empty = ComparisonSummary(
    ...     data={}, protocol={"repeats": 5}, titles={}, abouts={}, linear=(), versions={}, commit=None,
    ...     started="", machine={}, classes=(), results=(), failures=(), unfinished=(), model=None)
    >>> terminal_table(empty).row_count
    0
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=box.SIMPLE_HEAD, show_edge=False, padding=0, caption=_caption(summary), caption_justify="left"
    )
    # The names alone give way where the terminal is narrower than the numbers need.
    table.add_column("method", overflow="ellipsis")
    best = summary.results[0] if summary.results else None
    cells = [_cells(result, result is best, summary.tested) for result in summary.results]
    for number, header in enumerate(_headers(summary.tested)):
        width = max(len(text) for text in [*header.split("\n"), *(row[number] for row in cells)])
        table.add_column(header, justify="right", no_wrap=True, min_width=width)
    for result, row in zip(summary.results, cells, strict=True):
        table.add_row(Text(result.method), *row, style="bold" if result is best else "")
    return table


def _caption(summary: ComparisonSummary) -> str:
    if not summary.tested:
        return "Accuracy, difference to the best and worst class recall in %, on one split."
    return (
        f"Accuracy in %, mean ± standard deviation over {summary.repeats} splits; difference to the best in "
        "points; p after Holm, intervals one by one; median seconds; recall in % of the worst class."
    )


def _headers(several: bool) -> list[str]:
    if several:
        return [
            "accu-\nracy",
            "95 %\ninterval",
            "diff.",
            "95 %\ninterval",
            "p",
            "fit\ns",
            "pred.\ns",
            "worst\nclass",
        ]
    return ["accuracy", "diff.", "fit\ns", "pred.\ns", "worst\nclass"]


def _cells(result: MethodResult, best: bool, several: bool) -> list[str]:
    row = result.row
    difference = NONE if best else points(row.difference)
    times = [_seconds(result.fit_seconds), _seconds(result.predict_seconds)]
    worst = points(float(np.nanmin(result.recall)))
    if not several:
        return [points(row.mean), difference, *times, worst]
    return [
        f"{points(row.mean)}±{points(row.std)}",
        f"{points(row.low)}–{points(row.high)}",
        difference,
        NONE if best else f"{points(row.difference_low)}, {points(row.difference_high)}",
        p_value(row.p_holm).replace("0.", "."),
        *times,
        worst,
    ]


def _seconds(seconds: float) -> str:
    """Write seconds in at most five characters."""
    decimals = 3 if seconds < 9.9995 else 1 if seconds < 999.95 else 0
    return f"{seconds:.{decimals}f}"
