"""What the columns of a table become: numbers or categories, with everything assumed said aloud."""

from __future__ import annotations

import datetime
import numbers
import re
from typing import TYPE_CHECKING

import numpy as np

from maxmargin._checks import InputError
from maxmargin.datasets._dataset import Where, counted, decoded, listed

if TYPE_CHECKING:
    import pandas as pd

# Words that stand for "no value" in a column whose other cells are all numbers.
NO_NUMBER = ("?", "-", "--", ".", "*", "None", "none", "NONE", "unknown", "missing")
TIME = r"([T ]\d{2}:\d{2}.*)?"
DAY_FIRST = r"^(\d{1,2})\.(\d{1,2})\.(\d{4})"
DATE = rf"(\d{{4}}-\d{{2}}-\d{{2}}|{DAY_FIRST}){TIME}"
DATE_OF_TWO_READINGS = rf"\d{{1,2}}/\d{{1,2}}/\d{{4}}{TIME}"
# As in "customer id", "id_old", "kundennr"; "id" and "no" may follow some letters only: "userid", not "paid".
IDENTIFIER = re.compile(
    r"(?<![a-z])id(?![a-z])|((?<![a-z])no|(er|[ent])(id|no)|nr|number|nummer|key|code|uuid|index)[\W_]*$"
)


def plain_columns(
    table: pd.DataFrame, where: Where, text_columns: frozenset[str] = frozenset()
) -> tuple[pd.DataFrame, list[str]]:
    """Return the table with each column numeric or text, and notes on what was converted.

    Those in ``text_columns`` become text whatever they hold.
    """
    import pandas as pd

    columns, notes = {}, []
    for name, column in table.items():
        if name in text_columns:
            columns[name], said = _as_text(column), []
        else:
            columns[name], said = _plain_column(column, where)
        notes += said
    return pd.DataFrame(columns, index=table.index), notes


def _plain_column(column: pd.Series, where: Where) -> tuple[pd.Series, list[str]]:
    import pandas as pd

    types = pd.api.types
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    if types.is_datetime64_any_dtype(column.dtype):
        return _seconds(column), [f"column {column.name!r} holds dates, read as seconds since 1970"]
    if types.is_timedelta64_dtype(column.dtype):
        return column.dt.total_seconds(), [f"column {column.name!r} holds durations, read as seconds"]
    if types.is_complex_dtype(column.dtype):
        raise InputError(
            f"{where.file}: column {column.name!r} holds complex numbers; split them in two columns"
        )
    if types.is_numeric_dtype(column.dtype):
        return _number_column(column), []
    if column.dtype == object:
        column = _one_type(column, where)
        if column.dtype != object:
            return _plain_column(column, where)
    return _text_column(column, where)


def _as_text(column: pd.Series) -> pd.Series:
    text = column.map(
        lambda v: str(int(v)) if isinstance(v, float) and v.is_integer() else str(v), na_action="ignore"
    )
    stripped = text.astype("str").str.strip()
    return stripped.mask(column.isna() | (stripped == "?"))


def _number_column(column: pd.Series) -> pd.Series:
    if column.dtype.kind == "b":
        return column.astype(float if column.hasnans else int)
    return column if isinstance(column.dtype, np.dtype) else column.astype(float)


def _seconds(column: pd.Series) -> pd.Series:
    import pandas as pd

    dates = pd.to_datetime(column, utc=True)
    return (dates - pd.Timestamp(0, tz="UTC")).dt.total_seconds()


def _one_type(column: pd.Series, where: Where) -> pd.Series:
    """Return an object column with cells of one type."""
    import pandas as pd

    present = column.dropna()
    if all(isinstance(v, bool | np.bool_) for v in present):
        return column.astype(float)
    if all(isinstance(v, datetime.date) for v in present):
        return pd.to_datetime(column)
    if all(isinstance(v, numbers.Number) or hasattr(v, "as_tuple") for v in present):
        return column.astype(float)
    nested = [v for v in present if isinstance(v, list | dict | tuple | set | np.ndarray)]
    if nested:
        raise InputError(
            f"{where.file}: column {column.name!r} holds a {type(nested[0]).__name__} in each cell; "
            "give one number or text a cell"
        )
    return column.map(lambda v: str(decoded(v)), na_action="ignore")


def _text_column(column: pd.Series, where: Where) -> tuple[pd.Series, list[str]]:
    import pandas as pd

    text = column.str.strip()
    numeric = pd.Series(pd.to_numeric(text, errors="coerce"), dtype=float)
    words = text[numeric.isna() & text.notna()]
    if words.isin(NO_NUMBER).all():
        return numeric, _missing_words(column.name, words)
    if words.str.fullmatch(DATE).all() and len(words) == text.notna().sum():
        iso = text.str.replace(DAY_FIRST, r"\3-\2-\1", regex=True)
        dates = pd.Series(pd.to_datetime(iso, errors="coerce", utc=True, format="ISO8601"))
        if dates.notna().sum() == len(words):
            return _seconds(dates), [f"column {column.name!r} holds dates, read as seconds since 1970"]
    unknown = words[words == "?"]
    notes = _missing_words(column.name, unknown)
    others = words[words != "?"]
    if others.str.fullmatch(DATE_OF_TWO_READINGS).all():
        notes.append(
            f"column {column.name!r} looks like dates that could be read in two ways and is kept as text; "
            "write 2021-06-27"
        )
    if numeric.notna().sum() > len(others):
        row = where.row(int(np.flatnonzero(column.index == others.index[0])[0]))
        notes.append(
            f"column {column.name!r} is read as text: {counted(len(others), 'value')} that "
            f"cannot be a number, first {others.iloc[0]!r} in {row}"
        )
    return text.mask(text == "?"), notes


def _missing_words(name: object, words: pd.Series) -> list[str]:
    if words.empty:
        return []
    what = listed(sorted(words.unique()))
    return [f"{what} in column {name!r} counts as missing ({counted(len(words), 'value')})"]


def useful_columns(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return the features without empty columns and identifiers, and what is said of them."""
    left_out, notes = [], []
    for j, (name, column) in enumerate(table.items()):
        if reason := _no_use(column, first=j == 0):
            left_out.append(name)
            notes.append(f"column {name!r} left out: {reason}")
        elif _numbers_rows(column):
            notes.append(f"column {name!r} numbers the rows one by one; if it measures nothing, remove it")
    return table.drop(columns=left_out), notes


def _no_use(column: pd.Series, first: bool) -> str | None:
    import pandas as pd

    count = column.count()
    if count == 0:
        return "it is empty"
    if first and str(column.name).startswith("Unnamed: ") and column.is_unique and column.dtype.kind in "iu":
        return "it has no name and counts the rows"
    if pd.api.types.is_numeric_dtype(column.dtype):
        return _identifies(column.dropna())
    if count == 1:
        return None
    distinct = column.nunique()
    if distinct == count:
        return "every row has a different text"
    if count >= 20 and distinct >= 0.95 * count:
        return f"nearly every row has a different text ({distinct} in {count} rows)"
    return None


def _identifies(values: pd.Series) -> str | None:
    """Tell whole numbers that name the rows; others may differ in every row too, as incomes do."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", str(values.name)).lower()
    if _all_differ(values) and IDENTIFIER.search(words):
        return "its name and its values, different in every row, are those of an identifier"
    return None


def _numbers_rows(column: pd.Series) -> bool:
    if column.dtype.kind not in "iuf" or not _all_differ(column.dropna()):
        return False
    return column.max().item() - column.min().item() + 1 == len(column)


def _all_differ(values: pd.Series) -> bool:
    return len(values) >= 20 and bool((values == np.floor(values)).all()) and values.is_unique


def missing_notes(table: pd.DataFrame) -> list[str]:
    """Return a sentence for each column with missing values, from the sixth on one for the rest together."""
    counts = {name: int(column.isna().sum()) for name, column in table.items() if column.hasnans}
    notes = []
    for name, count in list(counts.items())[:5]:
        numeric = table.dtypes[name].kind in "iuf"
        way = "imputed with the median of the training rows" if numeric else "kept as a value of its own"
        share = 100 * count / len(table)
        notes.append(f"column {name!r} has {counted(count, 'missing value')} ({share:.2g} %), {way}")
    if len(counts) > 5:
        rest = list(counts.values())[5:]
        notes.append(
            f"{counted(len(rest), 'more column')} with {sum(rest)} missing values in all, treated likewise"
        )
    return notes
