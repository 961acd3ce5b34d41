"""A value over two settings, from single runs or from records of whole grids."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from maxmargin._checks import InputError
from maxmargin._typing import Floats
from maxmargin.evidence.runs import grouped
from maxmargin.reports.heatmap import grid_figure
from maxmargin.reports.papers.panel import Panel, spaced
from maxmargin.reports.papers.reading import Record
from maxmargin.reports.svg import Drawing

_ERROR = "error"


class _Grid(NamedTuple):
    """Values of two settings, and the table of what was measured, ``down`` by ``across``."""

    down: tuple[str, tuple[Any, ...]]
    across: tuple[str, tuple[Any, ...]]
    measure: str
    table: Floats


def grid_drawings(panel: Panel) -> list[Drawing]:
    """One drawing for each grid; runs on the same one are averaged."""
    whole = [_whole_grid(panel, run["grid"]) for run in panel.runs if "grid" in run]
    single = [run for run in panel.runs if "grid" not in run]
    grids = [*_averaged(whole), *([_of_single_runs(panel, single)] if single else [])]
    return [_drawing(panel, grid, number, len(grids)) for number, grid in enumerate(grids, 1)]


def _whole_grid(panel: Panel, grid: Record) -> _Grid:
    """The grid of one record: its value is the entry that the figure names, or the last one."""
    figure = panel.figure
    value = str(figure.value) if figure.value in grid else list(grid)[-1]
    axes = [name for name in grid if name != value]
    if len(axes) != 2:
        raise InputError(f"a grid has the entries {', '.join(grid)}; it must have two settings and a value")
    table = np.array([[np.nan if x is None else x for x in row] for row in grid[value]], dtype=float)
    if table.shape != tuple(len(grid[name]) for name in axes):
        raise InputError(f"a grid of {axes[0]} and {axes[1]} has values of shape {table.shape}")
    if axes[0] == figure.x or axes[1] == figure.y:
        axes, table = axes[::-1], table.T
    down, across = ((name, tuple(grid[name])) for name in axes)
    return _Grid(down, across, value, table)


def _averaged(grids: Sequence[_Grid]) -> list[_Grid]:
    same: dict[tuple[Any, ...], list[_Grid]] = {}
    for grid in grids:
        same.setdefault((grid.down, grid.across, grid.measure), []).append(grid)
    return [group[0]._replace(table=np.mean([one.table for one in group], axis=0)) for group in same.values()]


def _of_single_runs(panel: Panel, runs: Sequence[Record]) -> _Grid:
    figure = panel.figure
    x, y, value = str(figure.x), str(figure.y), str(figure.value)
    across, down = (sorted({run[name] for run in runs}) for name in (x, y))
    table = np.full((len(down), len(across)), np.nan)
    for (at, up), same in grouped(runs, [x, y]).items():
        table[down.index(up), across.index(at)] = np.mean([run[value] for run in same])
    return _Grid((y, tuple(down)), (x, tuple(across)), value, table)


def _drawing(panel: Panel, grid: _Grid, number: int, count: int) -> Drawing:
    if not np.isfinite(grid.table).any():
        raise InputError("a grid has no value")
    measure, table = spaced(grid.measure), grid.table
    if _ERROR in grid.measure and panel.figure.unit == "percent":
        measure, table = measure.replace(_ERROR, "accuracy"), 1 - table  # darker is better
    several = count > 1
    return grid_figure(
        table,
        grid.down,
        grid.across,
        f"{panel.name}-{number}" if several else panel.name,
        f"{panel.title}, grid {number} of {count}" if several else panel.title,
        measure=measure,
        percentage=panel.figure.unit == "percent",
    )
