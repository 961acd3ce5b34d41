"""What a paper prints: its tables, its claims and its figures, each with the records that answer it."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Value = str | int | float | bool


class Strict(BaseModel):
    """A part of an experiment's file: a key that it does not know is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Claim(Strict):
    """An order that a paper claims between rows of a table.

    Attributes
    ----------
    better : str
        The row that is claimed to be better.
    than : list of str
        The rows that it is claimed to beat, each judged on its own.
    columns : list of str or None
        In which columns; None for all of them.
    """

    better: str
    than: list[str]
    columns: list[str] | None = None


class Table(Strict):
    """A table of a paper, or one of ours on what it left open.

    Attributes
    ----------
    name, title : str
        As the paper calls it, such as "Table 2"; and what it shows.
    measure : str
        Entry of the records that it shows.
    unit : {"percent", "number", "seconds"}
        How that is written; a percentage is a share from 0 to 1 in the records, a number is at least 0.
    better : {"lower", "higher"}
        Which of two values is better.
    where : mapping
        What an entry of each record has to be.
    rows : str
        Entry of the records that tells the rows apart; the rows are its values, in the order of ``labels``. A
        table with printed figures shows the rows that it names, one without shows all that were run.
    columns : str or None
        Entry that tells the columns apart, where there is more than one.
    labels : mapping
        What a row or column is called where its value does not say it.
    printed : mapping
        The paper's figures by row, or by column and row where there are columns.
    printed_std : mapping
        The deviations that the paper prints beside them.
    cited : mapping
        Figures that the paper takes from other ones: shown as such, never rerun.
    claims : list of Claim
        The orders that the paper claims.
    seedless : list of str
        Rows that hang on no seed: one run of them is compared with every one of the others.
    ours : bool
        Whether this is no table of the paper but goes beyond it.
    """

    name: str
    title: str
    measure: str = "error"
    unit: Literal["percent", "number", "seconds"] = "percent"
    better: Literal["lower", "higher"] = "lower"
    where: dict[str, Value] = {"kind": "test"}
    rows: str = "method"
    columns: str | None = None
    labels: dict[str, str] = {}
    printed: dict[str, float] | dict[str, dict[str, float]] = {}
    printed_std: dict[str, dict[str, float]] = {}
    cited: dict[str, float] | dict[str, dict[str, float]] = {}
    claims: list[Claim] = []
    seedless: list[str] = []
    ours: bool = False


class Figure(Strict):
    """A figure of a paper, drawn from records.

    Attributes
    ----------
    name, title : str
        As the paper calls it, such as "Figure 3"; and what it shows.
    kind : str
        ``curves``: ``record["curve"][y]`` over the epochs or iterations, or over ``record["curve"][x]``.
        ``sweep``: the mean and interval of entry ``y`` over entry ``x``. ``heatmap``: the mean of entry
        ``value`` over ``x`` and ``y``. ``scatter``: ``record["points"]``, rows of x, y and class, or lists of
        them by name. ``confusion``: ``record["confusion"]``, counts by true and predicted class.
        ``images``: ``record["images"]``, a list of images, each the base64 of a PNG file.
    where : mapping
        What an entry of each record has to be.
    x, y, value : str or None
        Entries that are drawn, as ``kind`` says.
    lines, panels : str or None
        Entries of the records that tell the lines of a panel, and the panels apart.
    log_x, log_y : bool
        Whether an axis is logarithmic.
    unit : {"percent", "number"}
        How ``y`` or ``value`` is written.
    """

    name: str
    title: str
    kind: Literal["curves", "sweep", "heatmap", "scatter", "confusion", "images"]
    where: dict[str, Value] = {"kind": "test"}
    x: str | None = None
    y: str | None = None
    value: str | None = None
    lines: str | None = "method"
    panels: str | None = None
    log_x: bool = False
    log_y: bool = False
    unit: Literal["percent", "number"] = "number"


class Scale(Strict):
    """How much of the paper's protocol is run.

    Attributes
    ----------
    note : str
        The reduction in words; it stands in every table.
    changes : mapping
        Settings of the procedure that differ at this scale.
    """

    note: str
    changes: dict[str, Any] = {}


class Printed(Strict):
    """What an experiment's file says for the reader: where it is printed, what differs, tables and figures.

    Attributes
    ----------
    name, title, paper : str
        What it is called and asks, and where it is printed.
    differences : list of str
        Every place where the protocol had to differ, and why.
    scales : mapping from str to Scale
        ``full`` is the paper's protocol, ``quick`` a reduction that ends in minutes.
    tables, figures : list
        What is shown.
    """

    name: str
    title: str
    paper: str
    differences: list[str] = []
    scales: dict[str, Scale]
    tables: list[Table] = Field(default=[])
    figures: list[Figure] = Field(default=[])
