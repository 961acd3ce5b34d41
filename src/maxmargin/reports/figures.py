"""The figures of a comparison."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from maxmargin.reports.formats import duration, percent, points, short
from maxmargin.reports.summary import BASELINE, ComparisonSummary, MethodResult
from maxmargin.reports.svg import BLUE, INK, MUTED, ORANGE, RULE, TEXT, WIDTH, Drawing, render

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW = 26
"""Height of a method's row."""

NUMBERED = 12
"""Most classes whose counts still fit into the cells of a confusion matrix."""


def accuracy_figure(summary: ComparisonSummary) -> Drawing:
    """Every split's accuracy as a faint dot, the mean with its interval below, the best in blue."""
    results = summary.results
    reach = _reach(results)

    def draw(axes: "Axes") -> None:
        for y, result in enumerate(results):
            colour = BLUE if y == 0 else INK
            _label_right(axes, y, percent(result.row.mean), colour)
            if result not in reach:
                _off_the_axis(axes, y)
                continue
            if summary.tested:
                splits = 100 * np.array(result.accuracies)
                axes.scatter(
                    splits, np.full(splits.size, y - 0.25), s=11, color=MUTED, alpha=0.5, linewidths=0
                )
                axes.plot([100 * result.row.low, 100 * result.row.high], [y + 0.1] * 2, color=colour, lw=1.8)
            axes.scatter([100 * result.row.mean], [y + 0.1], s=44 if y == 0 else 28, color=colour, zorder=3)
        ends = [x for r in reach for x in (*r.accuracies, r.row.low, r.row.high) if not np.isnan(x)]
        _limits(axes, 100 * min(ends), 100 * max(ends))
        axes.set_xlabel("test accuracy, %")

    said = [f"{r.method} {percent(r.row.mean)}{_interval(r.row.low, r.row.high)}" for r in results]
    return _by_method("accuracy", "Test accuracy by method", said, results, draw, best=results[0].method)


def differences_figure(summary: ComparisonSummary) -> Drawing:
    """Each method's mean difference to the best with its interval; filled where the difference is real."""
    others = summary.results[1:]
    reach = [r for r in others if r in _reach(summary.results)]

    def draw(axes: "Axes") -> None:
        axes.axvline(0, color=BLUE, lw=1.4)
        for y, result in enumerate(others):
            row = result.row
            colour = ORANGE if row.real else INK
            _label_right(axes, y, points(row.difference), colour)
            if result not in reach:
                _off_the_axis(axes, y)
                continue
            axes.plot([100 * row.difference_low, 100 * row.difference_high], [y, y], color=colour, lw=1.8)
            face = colour if row.real else "white"
            axes.scatter([100 * row.difference], [y], s=30, facecolors=face, edgecolors=colour, zorder=3)
        ends = [x for r in reach for x in (r.row.difference_low, r.row.difference_high, r.row.difference)]
        ends = [x for x in ends if not np.isnan(x)] or [-0.01]
        _limits(axes, 100 * min(*ends, 0), 100 * max(*ends, 0))
        axes.set_xlabel("difference to the best, points")

    said = [
        f"{r.method} {points(r.row.difference)} points"
        f"{_interval(r.row.difference_low, r.row.difference_high)}, {'real' if r.row.real else 'not shown'}"
        for r in others
    ]
    title = f"Difference in accuracy to {summary.results[0].method}"
    return _by_method("differences", title, said, others, draw)


def margins_figure(summary: ComparisonSummary) -> Drawing:
    """Distribution of each method's margins, divided by their median size; errors lie left of 0."""
    results = [r for r in summary.results if r.margins is not None]
    best = summary.results[0].method
    edges = np.linspace(-2, 4, 61)

    def draw(axes: "Axes") -> None:
        axes.axvline(0, color=MUTED, lw=1)
        for y, result in enumerate(results):
            counts, _ = np.histogram(np.clip(scaled_margins(result), edges[0], edges[-1]), edges)
            heights = 0.85 * counts / counts.max()
            wrong = edges[:-1] < -1e-9
            for part, colour in ((wrong, ORANGE), (~wrong, BLUE)):
                bars = np.where(part, heights, 0)
                axes.stairs(y + 0.4 - bars, edges, baseline=y + 0.4, fill=True, color=colour, lw=0)
            _label_right(axes, y, percent(error_share(result)), ORANGE)
        axes.set_xlim(edges[0], edges[-1])
        axes.set_xlabel("margin / median size of the method's margins")

    said = [
        f"{r.method}: {percent(error_share(r))} below 0, quartiles "
        + ", ".join(f"{q:.2f}" for q in np.quantile(scaled_margins(r), [0.25, 0.5, 0.75]))
        for r in results
    ]
    return _by_method(
        "margins", "Distribution of the margins by method", said, results, draw, best=best, row=36
    )


def timing_figure(summary: ComparisonSummary) -> Drawing:
    """Median seconds to fit and to predict, as bars on a logarithmic axis."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    results = summary.results
    smallest = 1e-5
    fit = np.maximum([r.fit_seconds for r in results], smallest)
    predict = np.maximum([r.predict_seconds for r in results], smallest)

    def draw(axes: "Axes") -> None:
        start = min(fit.min(), predict.min()) / 3
        axes.set_xscale("log")
        for seconds, offset, colour, name in ((fit, -0.19, BLUE, "fit"), (predict, 0.19, MUTED, "predict")):
            places = np.arange(len(results)) + offset
            axes.barh(places, seconds - start, height=0.34, left=start, color=colour, label=name)
            for place, value in zip(places, seconds, strict=True):
                axes.annotate(
                    duration(value),
                    (value, place),
                    (3, 0),
                    textcoords="offset points",
                    va="center",
                    color=colour,
                )
        # Room for the words at the longest bar's end.
        axes.set_xlim(start, max(fit.max(), predict.max()) ** 1.35 / start**0.35)
        axes.xaxis.set_major_locator(LogLocator(numticks=4))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick_seconds(value)))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.figure.legend(loc="outside upper right", ncols=2, frameon=False, handlelength=1)

    said = [
        f"{r.method} fits in {duration(r.fit_seconds)}, predicts in {duration(r.predict_seconds)}"
        for r in results
    ]
    return _by_method(
        "timing",
        "Seconds to fit and to predict by method",
        said,
        results,
        draw,
        best=results[0].method,
        row=38,
    )


def confusion_figure(
    confusion: NDArray[np.int64], classes: Sequence[str], method: str, name: str | None = None
) -> Drawing:
    """Counts of true against predicted classes: right in blue, errors in orange."""
    count = len(classes)
    step = 1 if count <= 24 else 10
    ticks = range(0, count, step)
    labels = [short(classes[k], 12) for k in ticks]

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        axes.imshow(_shades(confusion), interpolation="none")
        turned = max(map(len, labels)) > (3 if count <= NUMBERED else 1)
        axes.set_xticks(ticks, labels, rotation=90 if turned else 0)
        axes.set_yticks(ticks, labels)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_xlabel("predicted class")
        axes.set_ylabel("true class")
        if count <= NUMBERED:
            for true, predicted in zip(*np.nonzero(confusion), strict=True):
                text = _count(int(confusion[true, predicted]))
                axes.text(predicted, true, text, ha="center", va="center", fontsize=TEXT)

    title = f"Confusion matrix of {method}"
    height = min(WIDTH, 130 + 50 * count)
    return render(name or f"confusion-{method}", title, _said_confusion(confusion, classes), height, draw)


def scaled_margins(result: MethodResult) -> NDArray[np.float64]:
    """Return a method's margins in units of their median size, so that methods can share an axis."""
    assert result.margins is not None
    size = float(np.median(np.abs(result.margins)))
    return result.margins / size if size > 0 else result.margins


def error_share(result: MethodResult) -> float:
    """Return the share of test samples whose margin is negative."""
    assert result.margins is not None
    return float((result.margins < 0).mean())


def tick_seconds(seconds: float) -> str:
    """Write a power of ten of a second.

    Examples
    --------
    >>> tick_seconds(0.01), tick_seconds(100)
    ('10 ms', '100 s')
    """
    return f"{1000 * seconds:g} ms" if seconds < 0.999 else f"{seconds:g} s"


def _by_method(
    name: str,
    title: str,
    said: list[str],
    results: Sequence[MethodResult],
    draw: Callable[["Axes"], None],
    *,
    best: str | None = None,
    row: int = ROW,
) -> Drawing:
    """Render axes with one row per method, the first on top."""

    def draw_rows(figure: "Figure") -> None:
        axes = figure.add_subplot()
        axes.set_yticks(range(len(results)), [short(r.method, 18) for r in results])
        axes.set_ylim(len(results) - 0.45, -0.55)
        axes.hlines(
            np.arange(len(results) - 1) + 0.5, 0, 1, transform=axes.get_yaxis_transform(), color=RULE, lw=0.6
        )
        draw(axes)
        for result, label in zip(results, axes.get_yticklabels(), strict=True):
            if result.method == best:
                label.set(color=BLUE, fontweight="bold")

    return render(name, title, "; ".join(said) + ".", 60 + row * len(results), draw_rows)


def _reach(results: Sequence[MethodResult]) -> list[MethodResult]:
    """Methods near enough to each other to share an axis: guessing is left out where it lies far below."""
    others = [r for r in results if r.method != BASELINE]
    if not others:
        return list(results)
    means = [r.row.mean for r in others]
    far = min(means) - max(max(means) - min(means), 0.05)
    return [r for r in results if r.row.mean >= far]


def _label_right(axes: "Axes", y: float, text: str, colour: str) -> None:
    axes.text(1.02, y, text, transform=axes.get_yaxis_transform(), va="center", ha="left", color=colour)


def _off_the_axis(axes: "Axes", y: float) -> None:
    axes.text(
        0.01, y, "← far below", transform=axes.get_yaxis_transform(), va="center", ha="left", color=MUTED
    )


def _limits(axes: "Axes", low: float, high: float) -> None:
    room = max(0.06 * (high - low), 0.2)
    axes.set_xlim(low - room, high + room)
    axes.locator_params(axis="x", nbins=5)


def _interval(low: float, high: float) -> str:
    return "" if np.isnan(low) else f" (95 % interval {points(low)} to {points(high)})"


def _shades(confusion: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Colour of each cell by its share of the true class."""
    from matplotlib.colors import to_rgb

    share = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    errors = share - np.diag(np.diag(share))
    # The cube root lets rare confusions be seen; 0.75 keeps the numbers readable.
    strength = 0.75 * np.cbrt(errors)
    shades = 1 - strength[..., None] * (1 - np.array(to_rgb(ORANGE)))
    right = np.arange(len(share))
    shades[right, right] = 1 - (0.1 + 0.4 * np.diag(share))[:, None] * (1 - np.array(to_rgb(BLUE)))
    return (255 * shades).round().astype(np.uint8)


def _count(count: int) -> str:
    return str(count) if count < 10_000 else f"{count / 1000:.0f}k"


def _said_confusion(confusion: NDArray[np.int64], classes: Sequence[str]) -> str:
    errors = confusion - np.diag(np.diag(confusion))
    said = [f"{np.trace(confusion)} of {confusion.sum()} predictions are right"]
    largest = np.argsort(-errors, axis=None, kind="stable")[:5]
    pairs = [divmod(int(k), len(classes)) for k in largest]
    said += [
        f"{short(classes[true], 40)} taken for {short(classes[predicted], 40)}: {errors[true, predicted]}"
        for true, predicted in pairs
        if errors[true, predicted]
    ]
    return "; ".join(said) + "."
