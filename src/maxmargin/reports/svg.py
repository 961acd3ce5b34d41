"""Matplotlib figures as SVG elements for a page: accessible, self-contained, the same bytes each time."""

import io
import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 360
"""Native width of a figure, that of a phone's page, so that its text keeps its size there."""

TEXT = 10
"""Height of the text in a figure, in the same units."""

_ENLARGED = 1.1  # of a figure that stands alone: two of them fill the width of a page of text

INK, MUTED, RULE = "#1a1f27", "#5a6472", "#d8dde4"
# Apart for colour-blind eyes too; text in either can be read on white (contrast above 4.5).
BLUE, ORANGE = "#1f66a8", "#b64f08"

_STYLE = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": TEXT,
    "axes.labelsize": TEXT,
    "xtick.labelsize": TEXT,
    "ytick.labelsize": TEXT,
    "legend.fontsize": TEXT,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "ytick.major.size": 0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "figure.dpi": 72,
    "savefig.dpi": 72,
}


@dataclass(frozen=True)
class Drawing:
    """One figure: the ``<svg>`` element, and the words that stand in it for those who cannot see it."""

    name: str
    title: str
    description: str
    svg: str


def render(
    name: str, title: str, description: str, height: float, draw: Callable[["Figure"], None]
) -> Drawing:
    """Draw a figure ``WIDTH`` wide and return it as one element for a page.

    Parameters
    ----------
    name : str
        Unique on the page, made of letters, digits and hyphens; every id in the element begins with it.
    title, description : str
        The text alternative: what it shows, and its content in numbers.
    height : float
        In the units of ``WIDTH``.
    draw : callable
        Called with an empty ``Figure``.

    Returns
    -------
    Drawing

    Examples
    --------
    >>> drawing = render("dot", "A dot", "At 1, 2.", 100, lambda f: f.add_subplot().plot([1], [2], "o"))
    >>> drawing.svg[:70]
    '<svg viewBox="0 0 360 100" role="img" aria-labelledby="dot-title dot-d'
    """
    from matplotlib import style
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    buffer = io.StringIO()
    with style.context([_STYLE, {"svg.hashsalt": name}], after_reset=True), warnings.catch_warnings():
        # The page's fonts draw the text, so what matplotlib's own font lacks does not matter.
        warnings.filterwarnings("ignore", message=r"Glyph \d+")
        figure = Figure(figsize=(WIDTH / 72, height / 72), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure)
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return Drawing(name, title, description, _inline(buffer.getvalue(), name, title, description))


def standalone(drawing: Drawing) -> str:
    """Turn a figure into an SVG document of its own, on white whatever the reader's page is.

    Examples
    --------
    >>> drawing = render("dot", "A dot", "At 1, 2.", 100, lambda f: f.add_subplot().plot([1], [2], "o"))
    >>> standalone(drawing)[:65]
    '<svg xmlns="http://www.w3.org/2000/svg" width="396" height="110" '
    """
    width, height = (
        _ENLARGED * float(x) for x in drawing.svg.split('viewBox="')[1].split('"')[0].split()[2:]
    )
    style = "stroke-linejoin: round; stroke-linecap: butt; background: #fff"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" style="{style}"'
    )
    return f"{drawing.svg.replace('<svg', head, 1)}\n"


def _inline(document: str, name: str, title: str, description: str) -> str:
    """Turn a stand-alone SVG document into an element of an HTML page."""
    root = ET.fromstring(document)
    for element in root.iter():
        element.tag = _local(element.tag)
        element.attrib = {_local(key): _prefixed(_local(key), value, name) for key, value in element.items()}
    for parent in list(root.iter()):
        # Its style sheet would reach into the whole page.
        for child in [c for c in parent if c.tag in ("metadata", "style")]:
            parent.remove(child)
    root.attrib = {
        "viewBox": root.attrib["viewBox"],
        "role": "img",
        "aria-labelledby": f"{name}-title {name}-description",
    }
    for position, (tag, words) in enumerate([("title", title), ("desc", description)]):
        suffix = "title" if tag == "title" else "description"
        element = ET.Element(tag, {"id": f"{name}-{suffix}"})
        element.text = words
        root.insert(position, element)
    return ET.tostring(root, encoding="unicode")


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _prefixed(key: str, value: str, name: str) -> str:
    if key == "id":
        return f"{name}-{value}"
    if key == "href" and value.startswith("#"):
        return f"#{name}-{value[1:]}"
    return re.sub(r"url\(#", f"url(#{name}-", value)
