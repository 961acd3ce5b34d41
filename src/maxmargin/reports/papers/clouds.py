"""Points in the plane, confusion matrices and images."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from maxmargin._checks import InputError
from maxmargin.reports.drawing import COLOURS, mosaic_figure
from maxmargin.reports.figures import confusion_figure
from maxmargin.reports.formats import short
from maxmargin.reports.papers.panel import Panel
from maxmargin.reports.svg import INK, WIDTH, Drawing, render

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKERS = "o^s"  # of the classes beyond the number of colours
_MANY = 300  # points beyond which each is smaller
_DASHES = ("-", "--", ":", "-.")
_COLUMNS = 10  # small images beside each other
_LABEL = 24  # letters of a label
_WIDEST = 640  # pixels beside each other
_LETTER, _KEY = 6, 34  # widths in a legend: of a letter, and of what stands before and after a label


def scatter_drawings(panel: Panel) -> list[Drawing]:
    """The points of the first run, one drawing for each list of them."""
    run = panel.runs[0]
    points = run["points"]
    lists: Mapping[str, Any] = points if isinstance(points, Mapping) else {"": points}
    return [_scatter(panel, name, rows, run.get("lines") or []) for name, rows in lists.items()]


def confusion_drawing(panel: Panel) -> Drawing:
    """Counts of all runs, added."""
    confusion = np.sum([np.array(run["confusion"], dtype=np.int64) for run in panel.runs], axis=0)
    if confusion.ndim != 2 or confusion.shape[0] != confusion.shape[1]:
        raise InputError(f"a confusion matrix has shape {confusion.shape}")
    classes = panel.runs[0].get("classes") or range(len(confusion))
    drawing = confusion_figure(confusion, [str(one) for one in classes], panel.subject, panel.name)
    return replace(drawing, title=panel.title)


def images_drawing(panel: Panel) -> Drawing:
    """The images of the first run, side by side."""
    images = [_decoded(text) for text in panel.runs[0]["images"]]
    size = max(image.size for image in images)
    same = np.array([np.asarray(image.resize(size, 0), dtype=np.uint8) for image in images])
    columns = max(1, min(len(images), _COLUMNS, _WIDEST // size[0]))
    said = f"{len(images)} images of {size[1]} by {size[0]} pixels, {columns} beside each other."
    label = f"{len(images)} images of {size[1]} × {size[0]} pixels"
    return mosaic_figure(same, columns, panel.name, panel.title, said, label)


def _decoded(text: str) -> Any:
    from PIL import Image

    return Image.open(io.BytesIO(base64.b64decode(text, validate=True))).convert("RGB")


def _scatter(panel: Panel, name: str, rows: Sequence[Any], segments: Sequence[Any]) -> Drawing:
    table = np.array([row[:2] for row in rows], dtype=float)
    labels = np.array([str(row[2]) for row in rows])
    classes = list(dict.fromkeys(sorted(labels.tolist(), key=_numeric)))
    kinds = list(dict.fromkeys(str(segment[4]) for segment in segments))
    longest = max(len(short(one, _LABEL)) for one in [*classes, *kinds])
    columns = max(1, int(WIDTH / (_KEY + _LETTER * longest)))

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        _draw_points(axes, table, labels, classes)
        axes.set_xlim(*_reach(table[:, 0]))
        axes.set_ylim(*_reach(table[:, 1]))
        for kind in kinds:
            _draw_segments(
                axes, [s for s in segments if str(s[4]) == kind], kind, _DASHES[kinds.index(kind) % 4]
            )
        axes.tick_params(labelleft=False, labelbottom=False, length=0)
        axes.spines[:].set_visible(True)
        figure.legend(
            loc="outside lower center", ncols=columns, frameon=False, handletextpad=0.3, columnspacing=1
        )

    said = [
        f"{(labels == one).sum()} of class {one} around {_centre(table[labels == one])}" for one in classes
    ]
    lines = [f"{sum(str(s[4]) == kind for s in segments)} lines {kind}" for kind in kinds]
    legend = 16 * -(-(len(classes) + len(kinds)) // columns)
    return render(
        "-".join(filter(None, [panel.name, "".join(c if c.isalnum() else "-" for c in name)])),
        f"{panel.title}, {name}" if name else panel.title,
        f"{len(rows)} points: " + "; ".join([*said, *lines]) + ".",
        0.75 * WIDTH + legend,
        draw,
    )


def _draw_points(
    axes: "Axes", table: NDArray[np.float64], labels: NDArray[Any], classes: Sequence[str]
) -> None:
    for k, one in enumerate(classes):
        turn, colour = divmod(k, len(COLOURS))
        x, y = table[labels == one].T
        size = 2.2 if len(table) > _MANY else 4
        marker = _MARKERS[turn % len(_MARKERS)]
        axes.plot(
            x, y, marker, color=COLOURS[colour], ms=size, mew=0, alpha=0.75, ls="", label=short(one, _LABEL)
        )


def _draw_segments(axes: "Axes", segments: Sequence[Any], kind: str, dash: str) -> None:
    for k, (x0, y0, x1, y1, _) in enumerate(segments):
        axes.plot([x0, x1], [y0, y1], dash, color=INK, lw=1.2, label=short(kind, _LABEL) if k == 0 else None)


def _reach(values: NDArray[np.float64]) -> tuple[float, float]:
    room = 0.05 * max(float(np.ptp(values)), 1e-9)
    return float(values.min()) - room, float(values.max()) + room


def _centre(table: NDArray[np.float64]) -> str:
    x, y = table.mean(axis=0)
    return f"({x:.3g}, {y:.3g})".replace("-", "−")


def _numeric(label: str) -> tuple[float, str]:
    try:
        return float(label), label
    except ValueError:
        return np.inf, label
