"""The accuracy over C and gamma as a figure."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from maxmargin.reports.formats import percent, setting
from maxmargin.reports.svg import BLUE, ORANGE, WIDTH, Drawing, render
from maxmargin.reports.tuning import Candidate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LABELLED = 12  # values on an axis up to which each has its label
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def heatmap_figure(candidates: Sequence[Candidate], name: str, title: str) -> Drawing:
    """The mean accuracy of a full grid over C and gamma, darker being better, the first of the best framed.

    The scale begins at the median: the worse half, which is far off as a rule, would leave no shades to tell
    the better ones apart.
    """
    Cs, gammas = sorted({one.C for one in candidates}), sorted({one.gamma for one in candidates})
    places = [(Cs.index(one.C), gammas.index(one.gamma)) for one in candidates]
    table = np.zeros((len(Cs), len(gammas)))
    for place, one in zip(places, candidates, strict=True):
        table[place] = 100 * one.mean
    best = min(range(len(candidates)), key=lambda i: candidates[i].rank)

    def draw(figure: "Figure") -> None:
        from matplotlib.colors import LinearSegmentedColormap
        from matplotlib.patches import Rectangle

        low = np.median(table) if np.median(table) < table.max() else table.min()
        axes = figure.add_subplot()
        shades = LinearSegmentedColormap.from_list("shades", ["#e6ebf1", BLUE, "#0b2440"])
        top = max(table.max(), low + 0.1)
        image = axes.imshow(table, origin="lower", aspect="auto", cmap=shades, vmin=low, vmax=top)
        row, column = places[best]
        frame = Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=ORANGE, lw=2.5)
        frame.set_clip_on(False)
        axes.add_patch(frame)
        axes.set_xticks(*_ticks(gammas))
        axes.set_yticks(*_ticks(Cs))
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_xlabel("gamma")
        axes.set_ylabel("C")
        extend = "min" if table.min() < low else "neither"
        scale: Any = figure.colorbar(image, ax=axes, label="accuracy, %", extend=extend, aspect=25)
        scale.ax.locator_params(nbins=5)
        scale.solids.set_rasterized(True)
        scale.outline.set_visible(False)

    first = candidates[best]
    said = (
        f"Best: {percent(first.mean)} at C = {setting(first.C)}, gamma = {setting(first.gamma)}; median "
        f"{percent(float(np.median(table)) / 100)}, worst {percent(float(table.min()) / 100)}. C goes from "
        f"{setting(Cs[0])} to {setting(Cs[-1])}, gamma from {setting(gammas[0])} to {setting(gammas[-1])}."
    )
    return render(name, title, said, 0.85 * WIDTH, draw)


def _ticks(values: Sequence[float]) -> tuple[list[int], list[str]]:
    step = 1 if len(values) <= _LABELLED else 4
    places = list(range(0, len(values), step))
    return places, [power_of_two(values[place]) for place in places]


def power_of_two(value: float) -> str:
    """Write a number, a whole power of 2 as such.

    Examples
    --------
    >>> power_of_two(0.125), power_of_two(8192.0), power_of_two(0.1)
    ('2⁻³', '2¹³', '0.1')
    """
    exponent = np.log2(value)
    if exponent != round(exponent):
        return setting(value)
    return "2" + str(round(exponent)).translate(_SUPERSCRIPTS)
