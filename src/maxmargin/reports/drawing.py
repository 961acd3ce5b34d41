"""What several figures draw: lines with their names at the end, pictures side by side."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from maxmargin._typing import Floats
from maxmargin.reports.formats import short
from maxmargin.reports.svg import BLUE, INK, MUTED, ORANGE, TEXT, WIDTH, Drawing, render

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = (BLUE, ORANGE, "#2b7a3d", "#8e3a94", "#7a6200", "#0e7480", "#b3275f", INK, MUTED)
"""Of the lines of a figure, in their order."""

_APART = 13  # units between the lines of two labels
_TILE, _GAP = 48, 6  # least pixels of a picture's side and between two
_BEHIND = (201, 211, 223)  # seen beside black, white and grey


def label_ends(axes: "Axes", labels: Sequence[tuple[str, float, str]]) -> None:
    """Write names at the right of the axes at their heights, moved apart where these are close.

    Parameters
    ----------
    axes : Axes
        With its lines, limits and scales.
    labels : sequence of (name, height, colour)
        Heights are values of the axis.
    """
    axes.figure.draw_without_rendering()  # pyright: ignore[reportAttributeAccessIssue]
    inverse = axes.transAxes.inverted()
    places = np.array([inverse.transform(axes.transData.transform((1, y)))[1] for _, y, _ in labels])
    order = np.argsort(places)
    step = _APART / axes.get_window_extent().height * np.arange(len(labels))
    apart = _increasing(places[order] - step) + step
    apart -= max(0.0, apart[-1] - 1.0)
    for k, place in zip(order, apart, strict=True):
        name, _, colour = labels[k]
        axes.annotate(
            short(name, 16),
            (1.01, places[k]),
            (1.08, place),
            xycoords="axes fraction",
            textcoords="axes fraction",
            va="center",
            color=colour,
            fontsize=TEXT,
            arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.5, "shrinkA": 1, "relpos": (0, 0.5)},
        )


def mosaic(pictures: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """One picture of many.

    Parameters
    ----------
    pictures : array, shape (n, height, width) or (n, height, width, 3)
        Grey or coloured; small ones are enlarged.
    columns : int
        How many stand beside each other.

    Examples
    --------
    >>> mosaic(np.zeros((3, 8, 8), dtype=np.uint8), 2).shape
    (114, 114, 3)
    """
    count, height, width = pictures.shape[:3]
    rows = -(-count // columns)
    scale = max(1, _TILE // max(height, width))
    colours = pictures if pictures.ndim == 4 else np.repeat(pictures[..., None], 3, axis=3)
    large = colours.repeat(scale, axis=1).repeat(scale, axis=2)
    tile_height, tile_width = height * scale + _GAP, width * scale + _GAP
    picture = np.full((rows * tile_height + _GAP, columns * tile_width + _GAP, 3), _BEHIND, dtype=np.uint8)
    for k in range(count):
        top, left = _GAP + k // columns * tile_height, _GAP + k % columns * tile_width
        picture[top : top + height * scale, left : left + width * scale] = large[k]
    return picture


def _increasing(values: Any) -> Floats:
    """The nearest values that do not decrease."""
    from sklearn.isotonic import isotonic_regression

    return isotonic_regression(values)


def mosaic_figure(
    pictures: NDArray[np.uint8], columns: int, name: str, title: str, said: str, label: str
) -> Drawing:
    """Pictures side by side, with a label under them."""
    picture = mosaic(pictures, columns)

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        axes.imshow(picture, interpolation="none")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
        axes.set_xlabel(label)

    return render(name, title, said, WIDTH * picture.shape[0] / picture.shape[1] + 26, draw)
