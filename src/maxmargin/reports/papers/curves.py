"""Values over epochs, iterations or a setting."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from maxmargin._typing import Floats
from maxmargin.evidence import Estimate, estimate
from maxmargin.evidence.runs import grouped
from maxmargin.reports.drawing import COLOURS, label_ends
from maxmargin.reports.formats import setting
from maxmargin.reports.papers.panel import Panel, spaced
from maxmargin.reports.papers.reading import Record
from maxmargin.reports.svg import RULE, Drawing, render

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEIGHT = 250
_FEW = 12  # points up to which each has its dot, or is told
_SHORT, _SHORTER = 30, 4  # how many times the largest value on a logarithmic axis is the least
_DASHES = ("-", "--", ":")  # of the lines beyond the number of colours


@dataclass(frozen=True, eq=False)
class _Line:
    """One line: its places, its values run by run, nan where there are none."""

    label: str
    colour: str
    dash: str
    x: Floats
    values: Floats

    @property
    def mean(self) -> Floats:
        """Over the runs, where any has a value."""
        known = np.isfinite(self.values)
        total = np.where(known, self.values, 0).sum(axis=0)
        return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)


def curves_drawing(panel: Panel) -> Drawing:
    """Lines over the epochs or an entry of the curves: means over the runs, bands from least to largest."""
    figure = panel.figure
    lines = [line for line in _lines(panel) if np.isfinite(line.mean).any()]

    def draw(drawing: "Figure") -> None:
        axes = _axes(drawing, panel)
        for line in lines:
            _draw_line(axes, line)
        axes.set_xlabel(spaced(figure.x or "epoch"))
        axes.set_ylabel(panel.axis(str(figure.y)))
        _name(axes, [(line.label, float(_last(line.mean)), line.colour) for line in lines])

    said = [
        f"{line.label or spaced(str(figure.y))}: {panel.write(_first(line.mean) / panel.factor)} at first, "
        f"{panel.write(_last(line.mean) / panel.factor)} at last ({setting(float(line.x[-1]))}), "
        f"{_runs(len(line.values))}"
        for line in lines
    ]
    return render(panel.name, panel.title, "; ".join(said) + ".", _HEIGHT, draw)


def sweep_drawing(panel: Panel) -> Drawing:
    """Means with their intervals over a setting."""
    figure = panel.figure
    x, y = str(figure.x), str(figure.y)
    numbers = all(isinstance(run[x], int | float) and not isinstance(run[x], bool) for run in panel.runs)
    places = (
        sorted({run[x] for run in panel.runs}) if numbers else list(dict.fromkeys(r[x] for r in panel.runs))
    )
    lines = {
        key: [(place, estimate(same, y)) for (place,), same in grouped(runs, [x]).items()]
        for key, runs in _by_line(panel)
    }
    if numbers:
        lines = {key: sorted(points, key=lambda point: point[0]) for key, points in lines.items()}

    def draw(drawing: "Figure") -> None:
        axes = _axes(drawing, panel)
        ends = []
        for key, points in lines.items():
            label, colour, dash = _style(panel, key)
            at = [place if numbers else places.index(place) for place, _ in points]
            means, lows, highs = (
                [panel.factor * getattr(one, name) for _, one in points] for name in ("mean", "low", "high")
            )
            axes.plot(at, means, dash, color=colour, lw=1.6, marker="o", ms=3, clip_on=False)
            axes.vlines(at, lows, highs, color=colour, lw=1, alpha=0.6)
            ends.append((label, means[-1], colour))
        if not numbers:
            axes.set_xticks(range(len(places)), [str(place) for place in places])
        axes.set_xlabel(spaced(x))
        axes.set_ylabel(panel.axis(y))
        _around_means(axes, panel, list(lines.values()))
        _name(axes, ends)

    said = [f"{_style(panel, key)[0] or spaced(y)}: {_said(panel, points)}" for key, points in lines.items()]
    return render(panel.name, panel.title, "; ".join(said) + ".", _HEIGHT, draw)


def _lines(panel: Panel) -> list[_Line]:
    return [line for key, runs in _by_line(panel) for line in _of_runs(panel, key, runs)]


def _by_line(panel: Panel) -> list[tuple[str | None, list[Record]]]:
    """Runs of each line in the order of the labels."""
    if panel.figure.lines is None:
        return [(None, list(panel.runs))]
    groups = {str(values[0]): runs for values, runs in grouped(panel.runs, [panel.figure.lines]).items()}
    return [(name, groups[name]) for name in panel.labels if name in groups]


def _of_runs(panel: Panel, key: str | None, runs: Sequence[Record]) -> list[_Line]:
    """One line for all runs, or one each where they were measured at different places."""
    figure, style = panel.figure, _style(panel, key)
    ys = [_numbers(run["curve"][figure.y]) * panel.factor for run in runs]
    if figure.x is None:
        length = max(map(len, ys))
        padded = np.array([np.pad(y, (0, length - len(y)), constant_values=np.nan) for y in ys])
        return [_Line(*style, np.arange(1.0, length + 1), padded)]
    xs = [_numbers(run["curve"][figure.x]) for run in runs]
    if all(np.array_equal(x, xs[0]) for x in xs):
        return [_Line(*style, xs[0], np.array(ys))]
    return [_Line(*style, x, y[None]) for x, y in zip(xs, ys, strict=True)]


def _style(panel: Panel, key: str | None) -> tuple[str, str, str]:
    """Name, colour and dashes of a line."""
    if key is None:
        return "", COLOURS[0], _DASHES[0]
    turn, place = divmod(list(panel.labels).index(key), len(COLOURS))
    return panel.labels[key], COLOURS[place], _DASHES[turn % len(_DASHES)]


def _numbers(values: Sequence[Any]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def _axes(drawing: "Figure", panel: Panel) -> "Axes":
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axes = drawing.add_subplot()
    axes.grid(axis="y", color=RULE, lw=0.6)
    axes.set_axisbelow(True)
    for axis, logarithmic in ((axes.xaxis, panel.figure.log_x), (axes.yaxis, panel.figure.log_y)):
        if logarithmic:
            getattr(axes, f"set_{axis.axis_name}scale")("log", nonpositive="mask")
            axis.set_major_formatter(FuncFormatter(lambda value, _: setting(float(value))))
            axis.set_minor_formatter(NullFormatter())
    return axes


def _tick_short_logs(axes: "Axes") -> None:
    """Ticks between the powers of ten where an axis has hardly one of these."""
    from matplotlib.ticker import LogLocator

    for axis in (axes.xaxis, axes.yaxis):
        low, high = axis.get_view_interval()
        if axis.get_scale() == "log" and high / low < _SHORT:
            axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low > _SHORTER else range(1, 10)))


def _draw_line(axes: "Axes", line: _Line) -> None:
    marker = "o" if len(line.x) <= _FEW else ""
    axes.plot(line.x, line.mean, line.dash, color=line.colour, lw=1.6, marker=marker, ms=3, clip_on=False)
    if len(line.values) > 1:
        known = np.isfinite(line.values).any(axis=0)
        some = line.values[:, known]
        least, largest = np.nanmin(some, axis=0), np.nanmax(some, axis=0)
        axes.fill_between(line.x[known], least, largest, color=line.colour, alpha=0.15, lw=0)


def _around_means(axes: "Axes", panel: Panel, lines: Sequence[Sequence[tuple[Any, Estimate]]]) -> None:
    """Keep the means apart where wide intervals would flatten them: these leave the axes then."""
    means = panel.factor * np.array([one.mean for points in lines for _, one in points])
    spread = max(float(np.ptp(means)), 1e-3 * float(np.abs(means).max()), 1e-12)
    low, high = axes.get_ylim()
    if not panel.figure.log_y:
        axes.set_ylim(max(low, means.min() - 2 * spread), min(high, means.max() + 2 * spread))


def _name(axes: "Axes", ends: Sequence[tuple[str, float, str]]) -> None:
    axes.margins(x=0.02)
    _tick_short_logs(axes)
    named: dict[str, tuple[str, float, str]] = {
        label: (label, y, colour) for label, y, colour in ends if label
    }
    if named:
        label_ends(axes, list(named.values()))


def _said(panel: Panel, points: Sequence[tuple[Any, Estimate]]) -> str:
    if len(points) > _FEW:
        ordered = sorted(points, key=lambda point: point[1].mean)
        points = [points[0], ordered[0], ordered[-1], points[-1]]
    return ", ".join(f"{panel.write(one.mean)} at {setting(place)}" for place, one in points)


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"mean of {count} runs"


def _first(values: Floats) -> float:
    return float(values[np.isfinite(values)][0])


def _last(values: Floats) -> float:
    return float(values[np.isfinite(values)][-1])
