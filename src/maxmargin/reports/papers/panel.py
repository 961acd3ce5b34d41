"""What every kind of figure is drawn from."""

from collections.abc import Mapping
from dataclasses import dataclass

from maxmargin.evidence import Figure
from maxmargin.reports.papers.reading import Record
from maxmargin.reports.papers.words import figure as written


@dataclass(frozen=True)
class Panel:
    """One drawing of a figure, or several that belong together.

    Attributes
    ----------
    name, title : str
        As those of :func:`~maxmargin.reports.svg.render`.
    subject : str
        What this panel shows and the others do not.
    figure : Figure
        As the experiment's file describes it.
    runs : tuple of Record
        What is drawn.
    labels : mapping
        What each line is called, in their order.
    """

    name: str
    title: str
    subject: str
    figure: Figure
    runs: tuple[Record, ...]
    labels: Mapping[str, str]

    @property
    def factor(self) -> int:
        """What the values are multiplied by on an axis."""
        return 100 if self.figure.unit == "percent" else 1

    def axis(self, entry: str) -> str:
        """What the axis of an entry of the figure's unit is called."""
        return spaced(entry) + (", %" if self.figure.unit == "percent" else "")

    def write(self, value: float) -> str:
        """Write a value of the figure's unit."""
        return written(value, self.figure.unit) + (" %" if self.figure.unit == "percent" else "")


def spaced(entry: str) -> str:
    """Write an entry of a record as words.

    Examples
    --------
    >>> spaced("train_accuracy")
    'train accuracy'
    """
    return entry.replace("_", " ")
