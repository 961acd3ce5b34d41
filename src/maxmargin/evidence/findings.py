"""A table of a paper beside what our runs of one scale found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from maxmargin._checks import InputError
from maxmargin.evidence.estimates import Estimate, estimate
from maxmargin.evidence.printed import Table
from maxmargin.evidence.runs import (
    REPETITIONS,
    Run,
    choices_at_ends,
    grouped,
    place_of,
    repetition_of,
    settings_of,
    shown_runs,
)
from maxmargin.evidence.verdicts import Verdict, judge

ONLY = ""
"""Column of a table that has no columns."""

_POSSIBLE = {"percent": (0.0, 1.0), "number": (0.0, np.inf), "seconds": (0.0, np.inf)}


@dataclass(frozen=True)
class Cell:
    """A figure of the paper and ours; None where there is none.

    Attributes
    ----------
    printed, printed_std : float or None
        The paper's.
    cited : bool
        Whether the paper took it from another one.
    ours : Estimate or None
        What our runs found.
    settings : mapping of str to tuple
        What our runs were told: each value once, in the order of the runs.
    """

    printed: float | None
    printed_std: float | None
    cited: bool
    ours: Estimate | None
    settings: Mapping[str, tuple[Any, ...]]

    @property
    def difference(self) -> float | None:
        """Our figure minus the paper's; None where either is missing or the paper's is cited."""
        if self.printed is None or self.ours is None or self.cited:
            return None
        return self.ours.mean - self.printed


@dataclass(frozen=True)
class Judgement:
    """A claim of the paper in one column.

    Attributes
    ----------
    better, than, column : str
        The row that is claimed to be better than another one, and where.
    printed : float or None
        The paper's figure of the one less that of the other.
    verdict : Verdict or None
        None where a row has not been run.
    """

    better: str
    than: str
    column: str
    printed: float | None
    verdict: Verdict | None


@dataclass(frozen=True)
class Findings:
    """A table filled in: its rows and columns in order, its cells by both, its claims judged.

    ``at_ends`` says by row and setting how many runs chose an end of what was tried, and of how many.
    """

    table: Table
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: Mapping[tuple[str, str], Cell]
    judgements: tuple[Judgement, ...]
    at_ends: Mapping[str, Mapping[str, tuple[int, int]]]

    @property
    def is_run(self) -> bool:
        """Whether there is any run of it."""
        return any(cell.ours for cell in self.cells.values())


def findings(table: Table, runs: Sequence[Run]) -> Findings:
    """Fill in a table.

    Parameters
    ----------
    table : Table
        As the experiment's file describes it.
    runs : sequence of mapping
        All records of the experiment at one scale, in the order of their writing.

    Raises
    ------
    InputError
        If the records do not fit the table.

    Examples
    --------
    >>> table = Table(name="Table 1", title="Errors", printed={"softmax": 0.02, "svm": 0.01})
    >>> run = {"kind": "test", "method": "svm", "seed": 0, "error": 0.012, "n_test": 1000}
    >>> cell = findings(table, [run]).cells["svm", ONLY]
    >>> cell.printed, cell.ours.mean, round(cell.difference, 4)
    (0.01, 0.012, 0.002)
    """
    apart = [table.rows, *([table.columns] if table.columns else [])]
    measured = [run for run in shown_runs(runs, table.where, apart) if run.get(table.measure) is not None]
    by_cell = {
        (_named(values[0]), _named(values[1]) if table.columns else ONLY): same
        for values, same in grouped(measured, apart).items()
    }
    if table.printed:
        by_cell = {key: same for key, same in by_cell.items() if key[0] in _named_rows(table)}
    printed, std, cited = (_by_column(table, x) for x in (table.printed, table.printed_std, table.cited))
    known = [key for figures in (printed, cited, by_cell) for key in figures]
    rows = _ordered([row for row, _ in known], table.labels)
    columns = _ordered([column for _, column in known], table.labels)
    try:
        _check_shares(table, measured)
        cells = {
            key: Cell(
                printed.get(key, cited.get(key)),
                std.get(key),
                key not in printed and key in cited,
                _estimated(by_cell[key], table) if key in by_cell else None,
                _settings(by_cell.get(key, []), apart),
            )
            for key in dict.fromkeys(known)
        }
        judged = tuple(_judgements(table, columns, by_cell, printed))
    except InputError as error:
        raise InputError(f"{table.name} ({table.title}): {error}") from error
    at_ends = {
        row: choices_at_ends(runs, of_row, apart)
        for row in rows
        if (of_row := [run for key, same in by_cell.items() if key[0] == row for run in same])
    }
    return Findings(table, rows, columns, cells, judged, at_ends)


def _check_shares(table: Table, runs: Sequence[Run]) -> None:
    """Refuse a percentage that is none: intervals would hide it, as they are cut off."""
    for run in runs if table.unit == "percent" else ():
        value = run[table.measure]
        if isinstance(value, int | float) and not 0 <= value <= 1:
            raise InputError(
                f"{table.measure} is {value} in a record{place_of(run)}; it must lie from 0 to 1"
            )


def _estimated(runs: Sequence[Run], table: Table) -> Estimate:
    """The estimate, its intervals cut off where the table's unit ends."""
    found = estimate(runs, table.measure, is_share=table.unit == "percent")
    if table.unit == "seconds":  # the next run may meet another machine, or a busier one
        found = replace(found, next_low=np.nan, next_high=np.nan)
    bounds = "low", "high", "next_low", "next_high"
    return replace(
        found, **{name: float(np.clip(getattr(found, name), *_POSSIBLE[table.unit])) for name in bounds}
    )


def _judgements(
    table: Table,
    columns: Sequence[str],
    by_cell: Mapping[tuple[str, str], Sequence[Run]],
    printed: Mapping[tuple[str, str], float],
) -> list[Judgement]:
    return [
        Judgement(
            claim.better,
            than,
            column,
            _gap(printed.get((claim.better, column)), printed.get((than, column))),
            _verdict(table, *_paired(table, by_cell, (claim.better, column), (than, column))),
        )
        for claim in table.claims
        for than in claim.than
        for column in (columns if claim.columns is None else claim.columns)
    ]


def _paired(
    table: Table,
    by_cell: Mapping[tuple[str, str], Sequence[Run]],
    better: tuple[str, str],
    than: tuple[str, str],
) -> tuple[Sequence[Run], Sequence[Run]]:
    """Runs of two cells; the one of a row that hangs on no seed stands for each of the other's."""
    ours, theirs = by_cell.get(better, []), by_cell.get(than, [])
    return (
        _repeated(ours, theirs) if better[0] in table.seedless else ours,
        _repeated(theirs, ours) if than[0] in table.seedless else theirs,
    )


def _repeated(runs: Sequence[Run], others: Sequence[Run]) -> Sequence[Run]:
    if len(runs) != 1 or not others:
        return runs
    return [{**runs[0], **dict(zip(REPETITIONS, repetition_of(other), strict=True))} for other in others]


def _verdict(table: Table, ours: Sequence[Run], theirs: Sequence[Run]) -> Verdict | None:
    if not {*map(repetition_of, ours)} & {*map(repetition_of, theirs)}:
        return None
    return judge(ours, theirs, table.measure, table.better, is_share=table.unit == "percent")


def _gap(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def _by_column(
    table: Table, figures: Mapping[str, float | Mapping[str, float]]
) -> dict[tuple[str, str], float]:
    """Figures by row and column."""
    found: dict[tuple[str, str], float] = {}
    for name, value in figures.items():
        if isinstance(value, Mapping):
            found |= {(row, name if table.columns else ONLY): number for row, number in value.items()}
        else:
            found[name, ONLY] = value
    return found


def _named_rows(table: Table) -> set[str]:
    figures = [row for one in (table.printed, table.cited) for row, _ in _by_column(table, one)]
    claimed = [row for claim in table.claims for row in (claim.better, *claim.than)]
    return {*table.labels, *figures, *claimed}


def _ordered(names: Sequence[str], labels: Mapping[str, str]) -> tuple[str, ...]:
    """Each once: those with labels in their order, then the others as they came."""
    known = dict.fromkeys(names)
    return tuple(dict.fromkeys([*(name for name in labels if name in known), *known]))


def _named(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _settings(runs: Sequence[Run], apart: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """What these runs were told: each value once."""
    told: dict[str, tuple[Any, ...]] = {}
    for run in runs:
        for name, value in settings_of(run, [*apart, "method", "data"]).items():
            before = told.get(name, ())
            told[name] = before if value in before else (*before, value)
    return told
