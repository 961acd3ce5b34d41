"""Tables: CSV, TSV, ARFF and Parquet files become features and a label by one set of rules."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from maxmargin._checks import InputError
from maxmargin.datasets._content import content, slug, suffix
from maxmargin.datasets._dataset import (
    Dataset,
    Rows,
    Where,
    as_labels,
    check_classes,
    check_values,
    checked,
    listed,
    merged_labels,
    missing_labels,
)
from maxmargin.datasets.arff import read_arff
from maxmargin.datasets.columns import missing_notes, plain_columns, useful_columns
from maxmargin.datasets.delimited import Table, check_names, read_csv

if TYPE_CHECKING:
    import pandas as pd


def load_table(path: Path, target: str | None) -> Dataset:
    """Read a table file as a data set whose label is the column ``target``, by default the last."""
    table = _read(path)
    frame, where, notes = table.frame, table.where, table.notes
    names = list(frame.columns)
    if target is None:
        target = str(names[-1])
        notes = [*notes, f"the label is the last column, {target!r}; --target names another"]
    if target not in names:
        raise InputError(f"{where.file}: no column {target!r}; the columns are {listed(names, 20)}")
    labels = frame[target].to_numpy()
    y = as_labels(labels, target, where)
    features, converted = plain_columns(frame.drop(columns=target), where, table.zero_led)
    features, left_out = useful_columns(features)
    if not len(features.columns):
        check_classes(y, target, where)  # a fault of the label is told first
        why = "; ".join(left_out[:5]) or "it is the only column"
        more = f"; {len(left_out) - 5} more left out" if len(left_out) > 5 else ""
        raise InputError(f"{where.file}: no feature columns left beside the label {target!r}: {why}{more}")
    dataset = Dataset(
        name=slug(path),
        X=features,
        y=y,
        feature_names=list(features.columns),
        target_name=target,
        kind="table",
        notes=[
            *notes,
            *merged_labels(labels),
            *_zero_led_notes([name for name in names if name in table.zero_led - {target}]),
            *converted,
            *left_out,
            *missing_notes(features),
        ],
        source=where.file,
    )
    return checked(dataset, where)


def _zero_led_notes(names: list[str]) -> list[str]:
    if not names:
        return []
    noun, have, are = ("column", "has", "is") if len(names) == 1 else ("columns", "have", "are")
    return [f"{noun} {listed(names)} {have} leading zeros and {are} read as text"]


def read_table_features(
    path: Path, feature_names: list[str], text_columns: frozenset[str], target_name: str | None
) -> Rows:
    """Read the named columns of a table file, and the label where its column is there."""
    table = _read(path, text_columns)
    X, notes = plain_columns(
        named_columns(table.frame, feature_names, table.where.file), table.where, text_columns
    )
    for name in feature_names:
        if name not in text_columns:
            _check_numbers(X.loc[:, name], table.where)
    check_values(X, feature_names, table.where)
    y, said = _labels(table, target_name, as_text=target_name in text_columns)
    return Rows(X, y, list(range(len(X))), [*table.notes, *notes, *said])


def _check_numbers(column: pd.Series, where: Where) -> None:
    import pandas as pd

    if column.dtype.kind in "iuf":
        return
    numbers = np.asarray(pd.to_numeric(column, errors="coerce"), dtype=float)
    row = int(np.argmax(np.isnan(numbers) & column.notna().to_numpy()))
    raise InputError(
        f"{where.file}: column {column.name!r} holds text such as {column.iloc[row]!r} in {where.row(row)}, "
        "but the model was trained on numbers there; give numbers"
    )


def named_columns(frame: pd.DataFrame, names: list[str], file: str) -> pd.DataFrame:
    """Return the columns called ``names``, in that order; InputError names those that are not there."""
    absent = [name for name in names if name not in frame.columns]
    if absent:
        there = listed(list(frame.columns), 20)
        raise InputError(f"{file}: missing feature columns {listed(absent, 20)}; the file has {there}")
    return frame.loc[:, names]


def _read(path: Path, text_columns: frozenset[str] = frozenset()) -> Table:
    table = TABLE_READERS[suffix(path)](path, text_columns)
    if len(table.frame) == 0:
        raise InputError(f"{path}: a header but no rows; add one row a sample")
    return table


def _labels(table: Table, target_name: str | None, *, as_text: bool) -> tuple[np.ndarray | None, list[str]]:
    if target_name is None or target_name not in table.frame.columns:
        return None, []
    values = table.frame[target_name].to_numpy()
    missing = int(missing_labels(values).sum())
    if missing:
        return None, [f"the label {target_name!r} is not used: {missing} of {len(values)} labels are missing"]
    return as_labels(values, target_name, table.where, as_text=as_text), []


def read_parquet(path: Path, text_columns: frozenset[str] = frozenset()) -> Table:  # noqa: ARG001
    """Read a Parquet file; an index that pandas stored without a name is left out."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(pa.BufferReader(content(path)))
        names = table.column_names
        check_names(path, names)
        table = table.drop_columns([name for name in names if re.fullmatch(r"__index_level_\d+__", name)])
        frame = table.to_pandas(ignore_metadata=True, date_as_object=False)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise InputError(f"{path}: not a readable Parquet file ({reason}); write it again") from None
    if not len(frame.columns):
        raise InputError(f"{path}: the table has no columns; write features and a label")
    return Table(frame, Where(str(path)), [])


TABLE_READERS: dict[str, Callable[[Path, frozenset[str]], Table]] = {
    ".csv": read_csv,
    ".tsv": read_csv,
    ".txt": read_csv,
    ".data": read_csv,
    ".arff": read_arff,
    ".parquet": read_parquet,
}
