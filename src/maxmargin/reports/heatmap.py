"""The accuracy over two settings, such as C and gamma, as a figure."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from maxmargin.reports.formats import percent, setting
from maxmargin.reports.svg import BLUE, ORANGE, WIDTH, Drawing, render
from maxmargin.reports.tuning import Candidate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LABELLED = 12  # values on an axis up to which each has its label
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def heatmap_figure(candidates: Sequence[Candidate], name: str, title: str) -> Drawing:
    """The mean accuracy of a full grid over C and gamma, the first of the best framed."""
    Cs, gammas = sorted({one.C for one in candidates}), sorted({one.gamma for one in candidates})
    places = [(Cs.index(one.C), gammas.index(one.gamma)) for one in candidates]
    table = np.zeros((len(Cs), len(gammas)))
    for place, one in zip(places, candidates, strict=True):
        table[place] = one.mean
    best = min(range(len(candidates)), key=lambda i: candidates[i].rank)
    return grid_figure(table, ("C", Cs), ("gamma", gammas), name, title, frame=places[best])


def grid_figure(
    table: NDArray[np.float64],
    down: tuple[str, Sequence[Any]],
    across: tuple[str, Sequence[Any]],
    name: str,
    title: str,
    *,
    frame: tuple[int, int] | None = None,
    measure: str = "accuracy",
    percentage: bool = True,
) -> Drawing:
    """A value over two settings, darker being more, one of its cells framed.

    The scale begins at the median: the worse half, which is far off as a rule, would leave no shades to tell
    the better ones apart.

    Parameters
    ----------
    table : array, shape (n_down, n_across)
        May hold nan where nothing is known.
    down, across : (name, values)
        The settings of the rows, the first one at the bottom, and of the columns.
    name, title : str
        As those of :func:`~maxmargin.reports.svg.render`.
    frame : (row, column) or None
        The cell to frame, by default that of the highest value.
    measure : str
        What the value is.
    percentage : bool
        Whether it is a share, to be written in percent.
    """
    known = table[np.isfinite(table)]
    shown = 100 * table if percentage else table
    median, top, least = (float(f(known)) * (100 if percentage else 1) for f in (np.median, np.max, np.min))
    if frame is None:
        frame = divmod(int(np.nanargmax(table)), table.shape[1])

    def draw(figure: "Figure") -> None:
        from matplotlib.colors import LinearSegmentedColormap
        from matplotlib.patches import Rectangle

        low = median if median < top else least
        axes = figure.add_subplot()
        shades = LinearSegmentedColormap.from_list("shades", ["#e6ebf1", BLUE, "#0b2440"])
        high = max(top, low + 0.1 * (1 if percentage else max(abs(low), 1e-9)))
        image = axes.imshow(shown, origin="lower", aspect="auto", cmap=shades, vmin=low, vmax=high)
        border = Rectangle((frame[1] - 0.5, frame[0] - 0.5), 1, 1, fill=False, edgecolor=ORANGE, lw=2.5)
        border.set_clip_on(False)
        axes.add_patch(border)
        axes.set_xticks(*_ticks(across[1]))
        axes.set_yticks(*_ticks(down[1]))
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_xlabel(across[0])
        axes.set_ylabel(down[0])
        extend = "min" if least < low else "neither"
        words = f"{measure}, %" if percentage else measure
        scale: Any = figure.colorbar(image, ax=axes, label=words, extend=extend, aspect=25)
        scale.ax.locator_params(nbins=5)
        scale.solids.set_rasterized(True)
        scale.outline.set_visible(False)

    return render(name, title, _said(table, down, across, frame, percentage), 0.85 * WIDTH, draw)


def _said(
    table: NDArray[np.float64],
    down: tuple[str, Sequence[Any]],
    across: tuple[str, Sequence[Any]],
    frame: tuple[int, int],
    percentage: bool,
) -> str:
    known = table[np.isfinite(table)]
    best, median, worst = (
        percent(float(x)) if percentage else setting(float(x))
        for x in (table[frame], np.median(known), np.min(known))
    )
    chosen = ", ".join(
        f"{axis} = {setting(values[place])}"
        for (axis, values), place in zip((down, across), frame, strict=True)
    )
    ranges = ", ".join(
        f"{axis} {'goes ' if axis == down[0] else ''}from {setting(values[0])} to {setting(values[-1])}"
        for axis, values in (down, across)
    )
    return f"Best: {best} at {chosen}; median {median}, worst {worst}. {ranges}."


def _ticks(values: Sequence[Any]) -> tuple[list[int], list[str]]:
    step = 1 if len(values) <= _LABELLED else 4
    places = list(range(0, len(values), step))
    return places, [power_of_two(values[place]) for place in places]


def power_of_two(value: object) -> str:
    """Write a number, a whole power of 2 as such.

    Examples
    --------
    >>> power_of_two(0.125), power_of_two(8192.0), power_of_two(0.1)
    ('2⁻³', '2¹³', '0.1')
    """
    exponent = np.log2(value) if isinstance(value, int | float) and value > 0 else 0.5
    if exponent != round(exponent):
        return setting(value)
    return "2" + str(round(exponent)).translate(_SUPERSCRIPTS)
