"""A page in one file that needs no network and no script, and what all such pages show."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maxmargin._files import replacing
from maxmargin.reports.formats import listing, plain


@dataclass(frozen=True)
class Cell:
    """A cell of a table: what stands in it, how strongly it is tinted, what it is marked as."""

    text: str
    tint: float = 0.0
    mark: str = ""


@dataclass(frozen=True)
class Line:
    """A line of a table: its heading, the heading's full text, and the cells."""

    head: str
    full: str
    cells: tuple[Cell, ...]
    best: bool = False


Facts = list[tuple[str, str]]
"""Names and values of a list of facts."""


def write_page(template: str, contents: dict[str, Any], path: str | Path) -> None:
    """Fill a template; what stood at ``path`` is replaced once the page is whole."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("maxmargin.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["plain"] = plain
    page = environment.get_template(template).render(contents)
    with replacing(Path(path)) as draft:
        draft.write_text(page, encoding="utf-8")


def facts(*pairs: tuple[str, object]) -> Facts:
    """Those that are known, as text.

    Examples
    --------
    >>> facts(("Samples", 150), ("Image shape", None))
    [('Samples', '150')]
    """
    return [(name, plain(value)) for name, value in pairs if value not in (None, "")]


def data_facts(data: dict[str, Any], n_classes: int) -> Facts:
    """What a data set is."""
    return facts(
        ("Source", data.get("source")),
        ("Kind", data.get("kind")),
        ("Samples", data.get("n_samples")),
        ("Features", data.get("n_features")),
        ("Image shape", " × ".join(map(str, data.get("image_shape") or ()))),
        ("Classes", n_classes),
        ("Target", data.get("target")),
        ("SHA-256", data.get("sha256")),
    )


def run_facts(started: str, machine: dict[str, Any], versions: dict[str, str], commit: str | None) -> Facts:
    """When and with what a study was run."""
    return facts(
        ("Started", started),
        ("Machine", f"{machine.get('system')}, {machine.get('cpus')} processors" if machine else None),
        (
            "Versions",
            listing([f"{name} {version}" for name, version in versions.items()]) if versions else None,
        ),
        ("Commit of the working folder", commit),
    )
