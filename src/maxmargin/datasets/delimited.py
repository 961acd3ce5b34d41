"""Delimited text, record by record: its widths are checked and its rows keep the line numbers of the file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from maxmargin._checks import InputError
from maxmargin.datasets._content import suffix, text_content
from maxmargin.datasets._dataset import Where, counted, listed
from maxmargin.datasets.columns import NO_NUMBER

if TYPE_CHECKING:
    import pandas as pd

LOOKED_AT = 1000  # rows in which leading zeros are looked for
DIGITS = re.compile(r"\s*[0-9]+\s*")
LEADING_ZERO = re.compile(r"\s*0[0-9]+\s*")
DECIMAL_COMMA = re.compile(
    rb"""(?:^|[;"])[ \t]*[+-]?[0-9]*,[0-9]+(?:[eE][+-]?[0-9]+)?[ \t]*(?:[;"\r]|$)""", re.MULTILINE
)
NO_VALUE = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "#N/A", "<NA>"]


@dataclass(frozen=True)
class Table:
    """A table as it stands in the file: columns of any type, the label among them.

    Those in ``zero_led`` hold digits with leading zeros, as postcodes do, and are texts here.
    """

    frame: pd.DataFrame
    where: Where
    notes: list[str]
    zero_led: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Delimited:
    """Rows of cells in UTF-8 text.

    Parameters
    ----------
    path : Path
        Where the text was read, for messages.
    data : bytes
        The text; blank lines are no rows.
    delimiter, quote : str
        What separates cells, and what encloses a cell that holds the delimiter.
    """

    path: Path
    data: bytes
    delimiter: str = ","
    quote: str = '"'

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the line number (of the last line) and the cells of each row."""
        stream = io.TextIOWrapper(io.BytesIO(self.data), encoding="utf-8-sig", newline="")
        rows = csv.reader(
            stream, delimiter=self.delimiter, quotechar=self.quote, skipinitialspace=True, strict=True
        )
        line = 0
        try:
            for row in rows:
                line = rows.line_num
                if row:
                    yield line, row
        except csv.Error as error:
            raise InputError(
                f"{self.path}: cannot be read after line {line} ({error}); check the quotes there"
            ) from None

    def check_widths(self, width: int) -> None:
        """Raise InputError unless each row has ``width`` cells."""
        for line, row in self.records():
            if len(row) != width:
                raise InputError(
                    f"{self.path}: line {line} has {counted(len(row), 'cell')} where {width} are expected; "
                    "give every row the same number of cells"
                )

    def zero_led(self, names: list[str], has_header: bool) -> frozenset[str]:
        """Return the columns whose first cells are all digits, some of them with leading zeros."""
        rows = (row for _, row in islice(self.records(), has_header, has_header + LOOKED_AT))
        missing = {*NO_VALUE, *NO_NUMBER}
        return frozenset(
            name
            for name, cells in zip(names, zip(*rows, strict=True), strict=False)  # there may be no rows
            if any(map(LEADING_ZERO.fullmatch, cells))
            and all(DIGITS.fullmatch(cell) or cell.strip() in missing for cell in cells)
        )

    def table(
        self, names: list[str], has_header: bool, notes: list[str], text_columns: frozenset[str]
    ) -> Table:
        """Return the rows as a table with the given names; ``text_columns`` stay as they are written."""
        import pandas as pd

        self.check_widths(len(names))
        zero_led = self.zero_led(names, has_header)
        frame = pd.read_csv(
            io.BytesIO(self.data),
            sep=self.delimiter,
            quotechar=self.quote,
            names=names,
            header=0 if has_header else None,
            index_col=False,
            decimal="," if self.delimiter == ";" else ".",  # the habit where the comma is taken
            skipinitialspace=True,
            keep_default_na=False,
            na_values=NO_VALUE,
            low_memory=False,
            dtype=dict.fromkeys((text_columns & set(names)) | zero_led, "str"),
            encoding="utf-8-sig",
        )
        if (
            self.delimiter == ";"
            and any(t.kind == "f" for t in frame.dtypes)
            and DECIMAL_COMMA.search(self.data)
        ):
            notes = [*notes, "numbers are read with a decimal comma"]

        def line(index: int) -> str:
            start = index + has_header
            return f"line {next(islice(self.records(), start, None))[0]}"

        return Table(frame, Where(str(self.path), line), notes, zero_led)


def read_csv(path: Path, text_columns: frozenset[str] = frozenset()) -> Table:
    """Read comma-separated text; another separator and a lacking header are found and noted."""
    data = text_content(path)
    text = Delimited(path, data, "\t" if suffix(path) == ".tsv" else _delimiter(data))
    head = [row for _, row in islice(text.records(), 2)]
    names, has_header, notes = _header(path, head)
    if text.delimiter not in ",\t":
        notes.append(f"columns are separated by {text.delimiter!r}")
    return text.table(names, has_header, notes, text_columns)


def _delimiter(data: bytes) -> str:
    first = data.lstrip().split(b"\n", 1)[0].decode("utf-8")
    return max(",;\t|", key=first.count)


def check_names(path: Path, names: list[str]) -> None:
    """Raise InputError when two columns have one name."""
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise InputError(f"{path}: two columns are called {listed(twice)}; give each column its own name")


def _header(path: Path, head: list[list[str]]) -> tuple[list[str], bool, list[str]]:
    """Return the column names, whether the first row holds them, and notes."""
    first = [cell.strip() for cell in head[0]]
    if _looks_like_data(first, head[1] if len(head) > 1 else None):
        names = [f"c{j}" for j in range(len(first))]
        note = f"the first row holds values, not names: the columns are called {names[0]} to {names[-1]}"
        return names, False, [note]
    check_names(path, [name for name in first if name])
    return [name or f"Unnamed: {j}" for j, name in enumerate(first)], True, []


def _looks_like_data(first: list[str], second: list[str] | None) -> bool:
    numbers = [cell for cell in first if _is_number(cell)]
    if first == [str(j) for j in range(len(first))] and len(first) > 2:
        return False  # the names that pandas gives to columns without names
    if len(numbers) == len([cell for cell in first if cell]):
        return bool(numbers)
    # Measurements beside one text, in the second row as in the first: a table whose label is a word.
    alike = second is not None and list(map(_is_number, second)) == list(map(_is_number, first))
    return alike and len(numbers) == len(first) - 1 and any("." in cell for cell in numbers)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return bool(re.search(r"\d", cell))
