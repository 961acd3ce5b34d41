"""The figures of networks: how they learnt, and what they look at first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from maxmargin._typing import Floats, Ints
from maxmargin.reports.drawing import COLOURS, label_ends, mosaic_figure
from maxmargin.reports.formats import listing, percent
from maxmargin.reports.summary import ComparisonSummary, MethodResult
from maxmargin.reports.svg import RULE, Drawing, render

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEIGHT = 250
_LEAST_LOSS = 1e-4  # of its first value: below, a logarithmic axis would show nothing else
_FEW_EPOCHS = 12  # up to which each has its dot


@dataclass(frozen=True, eq=False)
class Curve:
    """One training, which may serve several methods: its values by split and epoch, NaN beyond its end."""

    results: tuple[MethodResult, ...]
    colour: str
    train_loss: Floats
    train_accuracy: Floats
    validation_accuracy: Floats

    @property
    def name(self) -> str:
        """Name of the first of its methods."""
        return self.results[0].method


def learning_curves(results: Sequence[MethodResult]) -> list[Curve]:
    """The trainings of the methods that have any; equal ones, as those of the same network, are one."""
    alike: dict[str, list[MethodResult]] = {}
    fields = ("train_loss", "train_accuracy", "validation_accuracy")
    for result in results:
        if result.histories:
            key = repr([[[epoch.get(f) for f in fields] for epoch in one] for one in result.histories])
            alike.setdefault(key, []).append(result)
    return [
        Curve(tuple(same), COLOURS[k % len(COLOURS)], *(_table(same[0], field) for field in fields))
        for k, same in enumerate(alike.values())
    ]


def shared_trainings(curves: Sequence[Curve]) -> list[str]:
    """Sentences on the trainings that serve several methods."""
    return [
        f"One training serves {listing([r.method for r in curve.results])}; its curve is called by the first."
        for curve in curves
        if len(curve.results) > 1
    ]


def accuracy_curves_figure(curves: Sequence[Curve]) -> Drawing | None:
    """Accuracy on the training samples over the epochs and on the test samples, where there is any."""
    curves = [curve for curve in curves if np.isfinite(curve.train_accuracy).any()]
    if not curves:
        return None

    def draw(figure: "Figure") -> None:
        axes, test = _epochs_axes(figure, curves, with_test=True)
        labels = []
        for curve in curves:
            _line(axes, 100 * curve.train_accuracy, curve.colour)
            _line(axes, 100 * curve.validation_accuracy, curve.colour, dashed=True)
            end = curve.train_accuracy.shape[1], 100 * _last(curve.train_accuracy)
            for result in curve.results:
                share = 100 * result.row.mean
                axes.plot([end[0], test], [end[1], share], color=curve.colour, lw=0.8, alpha=0.5, zorder=1)
                axes.scatter([test], [share], s=24, color=curve.colour, clip_on=False, zorder=4)
                labels.append((result.method, share, curve.colour))
        axes.set_ylabel("accuracy, %")
        label_ends(axes, labels)

    said = []
    for curve in curves:
        tests = listing([f"{percent(r.row.mean)} with {r.method}" for r in curve.results])
        first, last = percent(_first(curve.train_accuracy)), percent(_last(curve.train_accuracy))
        epochs = curve.train_accuracy.shape[1]
        said.append(f"{curve.name}: {first} after epoch 1, {last} after epoch {epochs}, in the test {tests}")
    return render("learning-accuracy", "Accuracy over the epochs", "; ".join(said) + ".", _HEIGHT, draw)


def loss_curves_figure(curves: Sequence[Curve]) -> Drawing | None:
    """Each training's loss over the epochs, divided by that of its first epoch; one epoch makes no curve."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    relative = [
        np.maximum(c.train_loss / np.maximum(c.train_loss[:, :1], 1e-300), _LEAST_LOSS) for c in curves
    ]
    if max(values.shape[1] for values in relative) == 1:
        return None

    def draw(figure: "Figure") -> None:
        axes, _ = _epochs_axes(figure, curves)
        axes.set_yscale("log")
        for curve, values in zip(curves, relative, strict=True):
            _line(axes, values, curve.colour)
        axes.set_ylabel("loss / that of epoch 1")
        decades = -np.log10(min(np.nanmin(values) for values in relative))
        subs = (1, 2, 3, 5, 7) if decades < 1 else (1, 2, 5) if decades < 3 else (1,)
        axes.yaxis.set_major_locator(LogLocator(subs=subs, numticks=8))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
        label_ends(
            axes, [(c.name, _last(values), c.colour) for c, values in zip(curves, relative, strict=True)]
        )

    said = [
        f"{c.name}: {_last(values):.2g} times the first" for c, values in zip(curves, relative, strict=True)
    ]
    return render("learning-loss", "Training loss over the epochs", "; ".join(said) + ".", _HEIGHT, draw)


def filters_figures(curves: Sequence[Curve]) -> list[Drawing]:
    """The first-layer filters of each training that has any."""
    return [
        filters_figure(curve.results[0].filters, curve.name)
        for curve in curves
        if curve.results[0].filters is not None
    ]


def filters_figure(filters: NDArray[np.uint8], name: str) -> Drawing:
    """Filters as pictures, side by side."""
    count, height, width = filters.shape[:3]
    columns = min(count, 8 if count <= 32 else 16)
    said = f"{count} filters of {height} by {width} pixels, each scaled for itself."
    title = f"First-layer filters of {name}"
    label = f"{count} filters of {height} × {width} pixels"
    return mosaic_figure(filters, columns, f"filters-{name.replace('+', '-')}", title, said, label)


def _table(result: MethodResult, field: str) -> Floats:
    """Values of a field by split and epoch; NaN where there are none."""
    table = np.full((len(result.histories), max(map(len, result.histories))), np.nan)
    for row, history in zip(table, result.histories, strict=True):
        row[: len(history)] = [np.nan if epoch.get(field) is None else epoch[field] for epoch in history]
    return table


def _over_splits(values: Floats) -> tuple[Ints, Floats, Floats, Floats]:
    """Epochs in which there are values, counted from 1, and the mean, least and largest of the splits."""
    known = np.isfinite(values).any(axis=0)
    some = values[:, known]
    return (
        np.flatnonzero(known) + 1,
        np.nanmean(some, axis=0),
        np.nanmin(some, axis=0),
        np.nanmax(some, axis=0),
    )


def _first(values: Floats) -> float:
    return float(_over_splits(values)[1][0])


def _last(values: Floats) -> float:
    return float(_over_splits(values)[1][-1])


def _epochs_axes(
    figure: "Figure", curves: Sequence[Curve], *, with_test: bool = False
) -> tuple["Axes", float]:
    """Axes over the epochs, and where beyond the last of them the test stands."""
    from matplotlib.ticker import MaxNLocator

    axes = figure.add_subplot()
    axes.grid(axis="y", color=RULE, lw=0.6)
    axes.set_axisbelow(True)
    last = max(curve.train_loss.shape[1] for curve in curves)
    test = last + max(0.12 * (last - 1), 0.25)
    ticks = [int(tick) for tick in MaxNLocator(5, integer=True).tick_values(1, last) if 1 <= tick <= last]
    beyond = [(test, "test")] if with_test else []
    axes.set_xticks([*ticks, *(x for x, _ in beyond)], [*map(str, ticks), *(word for _, word in beyond)])
    axes.set_xlim(1 if last > 1 else 0.75, test if with_test else max(last, 1.25))
    axes.set_xlabel("epoch")
    return axes, test


def _line(axes: "Axes", values: Floats, colour: str, *, dashed: bool = False) -> None:
    epochs, mean, least, largest = _over_splits(values)
    if not len(epochs):
        return
    marker = "o" if len(epochs) <= _FEW_EPOCHS and not dashed else ""
    axes.plot(epochs, mean, "--" if dashed else "-", color=colour, lw=1.6, marker=marker, ms=3, clip_on=False)
    if len(values) > 1:
        axes.fill_between(epochs, least, largest, color=colour, alpha=0.15, lw=0)


def networks_of(summary: ComparisonSummary) -> str | None:
    """What the networks were, in words."""
    if summary.networks is None:
        return None
    return f"{summary.networks['net']}, {summary.networks['epochs']} epochs"
