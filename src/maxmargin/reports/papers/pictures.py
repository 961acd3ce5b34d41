"""The figures of an experiment, drawn from its records."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from maxmargin._checks import InputError
from maxmargin.evidence import Figure, Printed, shown_runs
from maxmargin.evidence.runs import grouped
from maxmargin.reports.formats import listing
from maxmargin.reports.papers.clouds import confusion_drawing, images_drawing, scatter_drawings
from maxmargin.reports.papers.curves import curves_drawing, sweep_drawing
from maxmargin.reports.papers.grids import grid_drawings
from maxmargin.reports.papers.panel import Panel
from maxmargin.reports.papers.reading import Record
from maxmargin.reports.papers.summary import Section, label_of
from maxmargin.reports.svg import Drawing


@dataclass(frozen=True)
class Picture:
    """A figure of an experiment: its drawings, none where nothing of it was run."""

    figure: Figure
    drawings: tuple[Drawing, ...]

    @property
    def captions(self) -> list[str]:
        """What tells each of its drawings from the others."""
        own = f"{self.figure.name}. {self.figure.title}"
        return [drawing.title.removeprefix(own).lstrip(": ") for drawing in self.drawings]


def draw_figures(sections: Sequence[Section]) -> dict[str, list[Picture]]:
    """Draw the figures of each section, by its name.

    Raises
    ------
    InputError
        If a record does not hold what a figure needs.
    """
    return {
        section.name: [
            Picture(figure, tuple(_drawings(section, figure))) for figure in section.printed.figures
        ]
        for section in sections
    }


def missing(section: Section, drawn: Sequence[Picture]) -> str:
    """A sentence on the tables and figures of which nothing was run; empty if there are none."""
    tables = [found.table.name for found in section.findings if not found.is_run]
    names = [*tables, *(one.figure.name for one in drawn if not one.drawings)]
    return f"Not run at this scale: {listing(names)}." if names else ""


def _drawings(section: Section, figure: Figure) -> list[Drawing]:
    several = figure.kind in ("curves", "sweep")
    apart = _entries(figure.panels, figure.lines)
    settings = _entries(figure.x, figure.y) if figure.kind in ("sweep", "heatmap") else []
    runs = [
        run for run in shown_runs(section.records, figure.where, [*apart, *settings]) if _holds(run, figure)
    ]
    told = [
        entry
        for entry in apart
        if entry == figure.panels or (not several and len({run.get(entry) for run in runs}) > 1)
    ]
    drawn: list[Drawing] = []
    for values, same in grouped(runs, told).items():
        names = [
            label_of(section.printed, entry, value)
            for entry, value in zip(told, values, strict=True)
            if value is not None
        ]
        panel = Panel(
            name=_identifier(section.name, figure.name, *names),
            title=_title(section, figure, names),
            subject=", ".join(names) or figure.title,
            figure=figure,
            runs=tuple(same),
            labels=_labels(section.printed, runs, figure),
        )
        try:
            drawn += _DRAW[figure.kind](panel)
        except (ValueError, TypeError, KeyError, IndexError, OSError) as error:
            raise InputError(
                f"{section.printed.name}.jsonl, scale {section.scale}: {figure.name} cannot be drawn from a "
                f"record: {error}"
            ) from error
    return drawn


_DRAW: Mapping[str, Callable[[Panel], list[Drawing]]] = {
    "curves": lambda panel: [curves_drawing(panel)],
    "sweep": lambda panel: [sweep_drawing(panel)],
    "heatmap": grid_drawings,
    "scatter": scatter_drawings,
    "confusion": lambda panel: [confusion_drawing(panel)],
    "images": lambda panel: [images_drawing(panel)],
}


def _holds(run: Record, figure: Figure) -> bool:
    """Whether a record has what the figure shows."""
    if figure.kind == "curves":
        return any(value is not None for value in run.get("curve", {}).get(figure.y, ()))
    if figure.kind == "sweep":
        return run.get(str(figure.x)) is not None and run.get(str(figure.y)) is not None
    if figure.kind == "heatmap":
        return "grid" in run or run.get(str(figure.value)) is not None
    return run.get({"scatter": "points"}.get(figure.kind, figure.kind)) is not None


def _labels(printed: Printed, runs: Sequence[Record], figure: Figure) -> dict[str, str]:
    """Names of the lines, in one order for all panels so that each keeps its colour."""
    if figure.lines is None:
        return {}
    found = {str(run.get(figure.lines)): run.get(figure.lines) for run in runs}
    known = [name for table in printed.tables for name in (*table.labels, *table.printed) if name in found]
    return {name: label_of(printed, figure.lines, found[name]) for name in dict.fromkeys([*known, *found])}


def _title(section: Section, figure: Figure, names: Sequence[str]) -> str:
    of_panel = f": {', '.join(names)}" if names else ""
    return f"{figure.name}. {figure.title}{of_panel}{'' if section.is_full else ' (quick)'}"


def _entries(*names: str | None) -> list[str]:
    return [name for name in names if name is not None]


def _identifier(*words: str) -> str:
    """Letters, digits and hyphens.

    Examples
    --------
    >>> _identifier("tang-mnist-full", "Figure 3", "C = 0.1")
    'tang-mnist-full-figure-3-c-0-1'
    """
    return re.sub(r"[^a-z0-9]+", "-", "-".join(words).lower()).strip("-")
