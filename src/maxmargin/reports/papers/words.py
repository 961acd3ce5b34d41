"""Figures, differences, intervals and claims as people read them."""

import math
from collections.abc import Callable, Mapping
from typing import Literal

from maxmargin.evidence import Estimate, Findings, Judgement, Table
from maxmargin.evidence.findings import ONLY, Cell
from maxmargin.reports.formats import NONE, duration, listing, setting, settings
from maxmargin.reports.papers.summary import ClaimGroup, ClaimSummary, outcome_of

Unit = Literal["percent", "number", "seconds"]

UNITS = {"percent": "%", "number": "", "seconds": ""}
"""What stands behind the name of a column of such figures."""


def figure(value: float | None, unit: Unit) -> str:
    """Write a figure of a table.

    Examples
    --------
    >>> figure(0.0087, "percent"), figure(1234.5678, "number"), figure(None, "percent")
    ('0.87', '1235', '–')
    """
    if value is None or math.isnan(value):
        return NONE
    text = _WRITTEN[unit](abs(value))
    return f"−{text}" if value < 0 and not _is_zero(text) else text


def signed(value: float | None, unit: Unit) -> str:
    """Write a difference, a true sign before it.

    Examples
    --------
    >>> signed(0.0012, "percent"), signed(-0.5, "number"), signed(0.0, "percent")
    ('+0.12', '−0.5', '0.00')
    """
    text = figure(value, unit)
    return text if text[0] in f"−{NONE}" or _is_zero(text) else f"+{text}"


def interval(low: float, high: float, write: Callable[[float], str]) -> str:
    """Write an interval, or a dash where there is none.

    Examples
    --------
    >>> interval(-0.01, 0.02, lambda x: signed(x, "percent")), interval(math.nan, math.nan, str)
    ('−1.00 to +2.00', '–')
    """
    return NONE if math.isnan(low) else f"{write(low)} to {write(high)}"


def ours(estimate: Estimate | None, unit: Unit) -> str:
    """Our mean with its interval.

    Examples
    --------
    >>> ours(Estimate(0.02, 0.01, 0.03, 3), "percent")
    '2.00 [1.00 to 3.00]'
    """
    if estimate is None:
        return NONE
    reach = interval(estimate.low, estimate.high, lambda x: figure(x, unit))
    return figure(estimate.mean, unit) if reach == NONE else f"{figure(estimate.mean, unit)} [{reach}]"


def gap(estimate: Estimate, unit: Unit) -> str:
    """A difference of two rows with its interval.

    Examples
    --------
    >>> gap(Estimate(-0.02, -0.03, -0.01, 3), "percent")
    '−2.00 [−3.00 to −1.00]'
    """
    reach = interval(estimate.low, estimate.high, lambda x: signed(x, unit))
    return signed(estimate.mean, unit) if reach == NONE else f"{signed(estimate.mean, unit)} [{reach}]"


def printed(cell: Cell | None, unit: Unit) -> str:
    """The paper's figure, with its deviation, and whether it is cited."""
    if cell is None or cell.printed is None:
        return NONE
    std = "" if cell.printed_std is None else f" ± {figure(cell.printed_std, unit)}"
    return figure(cell.printed, unit) + std + (" (cited)" if cell.cited else "")


def named(table: Table, value: str) -> str:
    """What a row or column is called."""
    return table.labels.get(value, value)


def heads(found: Findings) -> list[str]:
    """Heads of the columns of :func:`lines`."""
    unit = UNITS[found.table.unit]
    said = f", {unit}" if unit else ""
    std = ["Std"] if any(cell.printed_std is not None for cell in found.cells.values()) else []
    paper = [f"Paper{said}"] if _is_printed(found) else []
    gaps = ["Ours − paper"] if _is_printed(found) else []
    again = ["A further run (95 %)"] if _has_further(found) else []
    return [head_of_rows(found), *paper, f"Ours{said} [95 %]", *std, "n", *gaps, *again]


def head_of_rows(found: Findings) -> str:
    """What the rows are."""
    return found.table.rows.replace("_", " ").capitalize()


def run_columns(found: Findings) -> list[str]:
    """The columns of which anything was run."""
    return [
        c for c in found.columns if any((cell := found.cells.get((r, c))) and cell.ours for r in found.rows)
    ]


def left_out(found: Findings) -> str:
    """A sentence on the columns of which nothing was run; empty if there are none."""
    missing = [named(found.table, c) for c in found.columns if c not in run_columns(found)]
    return f"Not run at this scale: {listing(missing)}." if missing else ""


def lines(found: Findings, column: str = ONLY) -> list[tuple[str, list[str]]]:
    """Each row's name and cells in one column of a table; rows of which nothing is known are left out."""
    table, unit = found.table, found.table.unit
    with_std = "Std" in heads(found)
    told = []
    for row in found.rows:
        cell = found.cells.get((row, column))
        if cell is None:
            continue
        mine = cell.ours
        std = [figure(mine.std if mine else None, unit)] if with_std else []
        next_run = interval(mine.next_low, mine.next_high, lambda x: figure(x, unit)) if mine else NONE
        again = [next_run] if _has_further(found) else []
        paper = [printed(cell, unit)] if _is_printed(found) else []
        gaps = [signed(cell.difference, unit)] if _is_printed(found) else []
        texts = [*paper, ours(mine, unit), *std, str(mine.n) if mine else NONE, *gaps, *again]
        told.append((named(table, row), texts))
    return told


def glance(found: Findings, row: str, column: str) -> list[str]:
    """Our mean with its difference to the paper's figure and, on a second line, that figure.

    Where other rows of the column have more runs, how many it has is said.
    """
    cell, unit = found.cells.get((row, column)), found.table.unit
    if cell is None:
        return [""]
    mean = figure(cell.ours.mean if cell.ours else None, unit)
    most = max(other.ours.n for (_, c), other in found.cells.items() if c == column and other.ours)
    if cell.ours and cell.ours.n < most:
        mean += f" (n = {cell.ours.n} of {most})"
    if cell.printed is None:
        return [mean]
    gaps = f" ({signed(cell.difference, unit)})" if cell.difference is not None else ""
    return [mean + gaps, f"{'cited' if cell.cited else 'paper'} {figure(cell.printed, unit)}"]


def chosen(found: Findings) -> list[tuple[str, str]]:
    """What the runs of each row were told, where a row has one column alone.

    A setting that was chosen anew for each seed has all the values that were.
    """
    if found.table.columns:
        return []
    told = [(named(found.table, row), cell.settings) for (row, _), cell in found.cells.items()]
    return [
        (name, settings({key: " or ".join(map(setting, values)) for key, values in params.items()}))
        for name, params in told
        if params
    ]


def at_ends(found: Findings) -> str:
    """A sentence on the choices that lie at an end of what was tried; empty if there are none."""
    told = [
        f"{named(found.table, row)}: {name} in {count} of {total}"
        for row, names in found.at_ends.items()
        for name, (count, total) in names.items()
        if count
    ]
    return f"Chosen at an end of what was tried: {'; '.join(told)}." if told else ""


def counted(counts: Mapping[str, int]) -> str:
    """How many claims came to each outcome.

    Examples
    --------
    >>> counted({"holds": 2, "contradicted": 1})
    'of 3 claims 2 hold and 1 is contradicted'
    """
    total = sum(counts.values())
    told = listing([f"{count} {_TOLD[outcome][count > 1]}" for outcome, count in counts.items()])
    return f"of {total} claims {told}" if total > 1 else f"the one claim {told.removeprefix('1 ')}"


def tallied(group: ClaimGroup) -> str:
    """How many claims of a group came to each outcome, column by column and over all data sets together."""
    together = group.counts_together
    also = f"; over all data sets together, {counted(together)}" if together else ""
    return f"column by column, {counted(group.counts)}{also}"


def direction(table: Table) -> str:
    """Which values are better, for a table that judges by it.

    Examples
    --------
    >>> direction(Table(name="Table 1", title="Errors"))
    'Lower is better.'
    """
    return f"{table.better.capitalize()} is better."


def claimed(claim: ClaimSummary) -> str:
    """A claim in words."""
    return f"{named(claim.table, claim.better)} better than {named(claim.table, claim.than)}"


def outcomes(claim: ClaimSummary) -> list[tuple[str, str]]:
    """What became of a claim, and where: in all columns together, then column by column."""
    together = [(claim.together.outcome, "all together")] if claim.together else []
    return together + [
        (outcome, ", ".join(named(claim.table, one.column) for one in same if one.column != ONLY))
        for outcome, same in claim.by_outcome.items()
    ]


def became(claim: ClaimSummary) -> str:
    """What became of a claim as a sentence."""
    return "; ".join(f"{outcome}: {where}" if where else outcome for outcome, where in outcomes(claim))


def differences(claim: ClaimSummary) -> str:
    """The difference of a claim with its interval; of several columns their mean, least and largest."""
    run = [one for one in claim.judgements if one.verdict]
    if len(run) == 1:
        return verdict_gap(run[0], claim.table)
    gaps = [one.verdict.difference.mean for one in run if one.verdict]
    if not gaps:
        return NONE
    least, largest = (signed(gap, claim.table.unit) for gap in (min(gaps), max(gaps)))
    if claim.together:
        return f"mean {gap(claim.together.difference, claim.table.unit)}; {least} to {largest}"
    return f"{len(gaps)} differences, {least} {'and' if len(gaps) == 2 else 'to'} {largest}"


def verdict_gap(judgement: Judgement, table: Table) -> str:
    """The difference that a verdict rests on, with its interval."""
    return gap(judgement.verdict.difference, table.unit) if judgement.verdict else NONE


def judged(judgement: Judgement, table: Table) -> list[str]:
    """Cells of a judged claim: verdict, difference with its interval, number of pairs, paper's difference."""
    pairs = str(judgement.verdict.difference.n) if judgement.verdict else NONE
    paper = signed(judgement.printed, table.unit)
    return [outcome_of(judgement), verdict_gap(judgement, table), pairs, paper]


def under_verdict(judgement: Judgement, table: Table) -> list[str]:
    """Lines below a verdict: the difference with its interval and how many runs it rests on, the paper's."""
    paper = [] if judgement.printed is None else [f"paper {signed(judgement.printed, table.unit)}"]
    runs = [f"n = {judgement.verdict.difference.n}"] if judgement.verdict else []
    return [verdict_gap(judgement, table), *runs, *paper]


def under_together(claim: ClaimSummary) -> list[str]:
    """Lines below the verdict over all data sets; none where there is no such verdict."""
    if not claim.together:
        return []
    found = claim.together.difference
    return [gap(found, claim.table.unit), f"{found.n} data sets"]


def _is_printed(found: Findings) -> bool:
    return any(cell.printed is not None for cell in found.cells.values())


def _has_further(found: Findings) -> bool:
    return any(cell.ours and not math.isnan(cell.ours.next_low) for cell in found.cells.values())


def _is_zero(text: str) -> bool:
    return not set(text) & set("123456789")


_TOLD = {
    "holds": ("holds", "hold"),
    "not shown": ("is not shown", "are not shown"),
    "contradicted": ("is contradicted", "are contradicted"),
    "not run": ("is not run yet", "are not run yet"),
}

_WRITTEN: dict[str, Callable[[float], str]] = {
    "percent": lambda value: f"{100 * value:.2f}",
    "number": lambda value: f"{value:.4g}",
    "seconds": lambda value: "0 s" if value == 0 else duration(value),
}
