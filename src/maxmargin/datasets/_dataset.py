"""A labelled data set, and the checks that every source passes through."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from maxmargin._checks import InputError

if TYPE_CHECKING:
    import pandas as pd

LARGEST = 1e100
INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")


@dataclass(frozen=True)
class Dataset:
    """A labelled data set as one matrix of features and one label a row.

    Parameters
    ----------
    name : str
        Short name, usable in a folder name.
    X : DataFrame, ndarray or csr matrix of shape (n, d)
        Features; cells of a DataFrame or a float array may be missing (NaN).
    y : ndarray of shape (n,)
        Labels, integers or strings.
    feature_names : list of str
        One name a column of ``X``.
    target_name : str
        What the label is called in the source.
    kind : {"table", "array", "image", "sparse"}
        DataFrame; dense float array; dense float32 array in [0, 1] with flattened images; csr matrix.
    image_shape : tuple of int or None
        (height, width) or (height, width, channels) of the images in the rows of ``X``.
    notes : list of str
        What was assumed or done on reading, in sentences for the person.
    source : str
        Path of the file or name of the known set.

    Examples
    --------
    >>> from maxmargin.datasets import load_dataset
    >>> iris = load_dataset("iris")
    >>> iris.X.shape, iris.kind, sorted(set(iris.y))
    ((150, 4), 'table', [np.str_('setosa'), np.str_('versicolor'), np.str_('virginica')])
    """

    name: str
    X: Any
    y: np.ndarray
    feature_names: list[str]
    target_name: str
    kind: str
    image_shape: tuple[int, ...] | None = None
    notes: list[str] = field(default_factory=list)
    source: str = ""

    def __post_init__(self) -> None:
        n_labels, (n, d) = len(self.y), self.X.shape
        if n != n_labels:
            raise InputError(
                f"{self.source}: {n} rows of features but {n_labels} labels; give one label a row"
            )
        if d == 0:
            raise InputError(f"{self.source}: no feature columns left beside the label {self.target_name!r}")


@dataclass(frozen=True)
class Rows:
    """Rows to predict, as a model was trained on them.

    Parameters
    ----------
    X : DataFrame, ndarray or csr matrix of shape (n, d)
        Features.
    y : ndarray of shape (n,) or None
        Labels, where there are any.
    names : list
        What a row is called: the file of an image, else its number from 0 on.
    notes : list of str
        What was assumed or done on reading.
    """

    X: Any
    y: np.ndarray | None
    names: list[Any]
    notes: list[str]


def _row(index: int) -> str:
    return f"row {index + 1}"


@dataclass(frozen=True)
class Where:
    """The source as the person knows it: its name, and how its rows are counted."""

    file: str
    row: Callable[[int], str] = _row


def checked(dataset: Dataset, where: Where | None = None) -> Dataset:
    """Return the data set once its labels and values can be learnt from.

    Raises
    ------
    InputError
        With one class, a class of one sample, labels that are identifiers, infinite or huge values,
        or features that are all constant.
    """
    where = where or Where(dataset.source)
    check_classes(dataset.y, dataset.target_name, where)
    low, high = check_values(dataset.X, dataset.feature_names, where)
    empty = np.flatnonzero(np.isnan(low))
    if empty.size:
        name = dataset.feature_names[empty[0]]
        raise InputError(f"{where.file}: feature {name!r} is missing in every row; remove it")
    varying = high > low
    if not varying.any():
        raise InputError(f"{where.file}: every feature column is constant; nothing can be learnt from it")
    still = [name for name, varies in zip(dataset.feature_names, varying, strict=True) if not varies]
    if still and dataset.kind == "table":
        noun, verb = ("column", "is") if len(still) == 1 else ("columns", "are")
        dataset.notes.append(f"{noun} {listed(still)} {verb} constant")
    return dataset


def check_classes(y: np.ndarray, target_name: str, where: Where) -> None:
    """Raise InputError unless there are two classes or more with two samples or more each."""
    classes, first, counts = np.unique(y, return_index=True, return_counts=True)
    label = f"the label {target_name!r}"
    if len(classes) == 1:
        raise InputError(
            f"{where.file}: {label} has one class, {classes[0].item()!r}; a classifier needs two or more"
        )
    once = counts == 1
    if once.sum() > len(y) / 2:
        raise InputError(
            f"{where.file}: {label} looks like an identifier ({len(classes)} values in {len(y)} rows); "
            "choose a label column with --target"
        )
    if once.any():
        more = int(once.sum()) - 1
        others = f" (as {'has' if more == 1 else 'have'} {counted(more, 'more class')})" if more else ""
        raise InputError(
            f"{where.file}: class {classes[once][0].item()!r} of {label} has one sample{others}, "
            f"in {where.row(int(first[once][0]))}; a class needs at least 2: add samples or remove the class"
        )


def check_values(X: Any, feature_names: list[str], where: Where) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and the greatest value of each column; a text column spans its distinct values.

    Raises
    ------
    InputError
        When a value is infinite or beyond 1e100; the message names its column and row.
    """
    low, high = _ranges(X)
    unusable = np.flatnonzero((low < -LARGEST) | (high > LARGEST))
    if unusable.size:
        j = int(unusable[0])
        values = _numbers(X, j)
        i = int(np.argmax(np.abs(np.nan_to_num(values, nan=0.0)) > LARGEST))
        raise InputError(
            f"{where.file}: column {feature_names[j]!r} has the value {values[i]:g} in {where.row(i)}; "
            "replace it by a number below 1e100 or leave the cell empty"
        )
    return low, high


def _ranges(X: Any) -> tuple[np.ndarray, np.ndarray]:
    if hasattr(X, "indptr"):
        from sklearn.utils.sparsefuncs import min_max_axis

        extremes: Any = min_max_axis(X, axis=0, ignore_nan=True)
        return extremes[0].astype(float), extremes[1].astype(float)
    if hasattr(X, "columns"):
        pairs = [_column_range(X.iloc[:, j]) for j in range(X.shape[1])]
        return np.array([low for low, _ in pairs]), np.array([high for _, high in pairs])
    low, high = X.min(axis=0).astype(float), X.max(axis=0).astype(float)
    for j in np.flatnonzero(np.isnan(low)):
        low[j], high[j] = np.fmin.reduce(X[:, j]), np.fmax.reduce(X[:, j])
    return low, high


def _column_range(column: pd.Series) -> tuple[float, float]:
    if column.dtype.kind not in "iuf":
        return 0.0, column.nunique() - 1.0
    values = column.to_numpy(dtype=float)
    return np.fmin.reduce(values), np.fmax.reduce(values)


def _numbers(X: Any, j: int) -> np.ndarray:
    if hasattr(X, "indptr"):
        return np.asarray(X[:, [j]].toarray(), dtype=float).ravel()
    return np.asarray(X.iloc[:, j] if hasattr(X, "columns") else X[:, j], dtype=float)


def as_labels(values: np.ndarray, target_name: str, where: Where, *, as_text: bool = False) -> np.ndarray:
    """Return labels as integers or strings.

    Integral floats and texts of integers become integers, unless ``as_text`` asks for texts;
    truth values become "False" and "True".

    Raises
    ------
    InputError
        When labels are missing or are numbers with a fraction.

    Examples
    --------
    >>> as_labels(np.array([1.0, 2.0]), "y", Where("a.csv"))
    array([1, 2])
    """
    missing = missing_labels(values)
    if missing.any():
        raise InputError(
            f"{where.file}: {missing.sum()} of {len(values)} labels in {target_name!r} are missing, "
            f"the first in {where.row(int(np.argmax(missing)))}; fill them in or remove those rows"
        )
    values = _without_bytes(values)
    if as_text:
        values = values.astype(str)
    elif values.dtype == object:
        values = _plain(values)
    if values.dtype.kind == "b":
        return np.where(values, "True", "False")
    if values.dtype.kind == "U":
        values = np.char.strip(values)
        integral = not as_text and all(INTEGER.fullmatch(text) for text in np.unique(values))
        return values.astype(np.int64) if integral else values
    whole = values.astype(np.int64) if values.dtype.kind in "iu" or _integral(values) else None
    if whole is None:
        i = int(np.argmax(values != np.floor(values)))
        raise InputError(
            f"{where.file}: the label {target_name!r} holds numbers such as {values[i]:g} ({where.row(i)}), "
            "which looks like regression; choose a label column with --target"
        )
    return whole


def _integral(values: np.ndarray) -> bool:
    return bool(np.all(np.abs(values) < 2**53) and np.all(values == np.floor(values)))


def missing_labels(values: np.ndarray) -> np.ndarray:
    """Return which labels are missing: NaN, None, an empty text or "?"."""
    import pandas as pd

    values = _without_bytes(values)
    missing = np.asarray(pd.isna(values))
    if values.dtype.kind in "OU":
        missing = missing | np.isin(np.char.strip(values.astype(str)), ["", "?"])
    return missing


def merged_labels(values: np.ndarray) -> list[str]:
    """Return a note when labels with different blanks around them become one class."""
    texts = {value for value in _without_bytes(values).tolist() if isinstance(value, str)}
    if len({text.strip() for text in texts}) == len(texts):
        return []
    return ["labels that differ only by blanks around them count as one"]


def _without_bytes(values: np.ndarray) -> np.ndarray:
    """Return labels with bytes as the UTF-8 text they are; bytes that are none stay told apart."""
    if values.dtype.kind == "S":
        return np.char.decode(values, "utf-8", "backslashreplace")
    return np.frompyfunc(decoded, 1, 1)(values) if values.dtype == object else values


def decoded(value: Any) -> Any:
    """Return bytes as text, anything else as it is."""
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value


def _plain(values: np.ndarray) -> np.ndarray:
    if all(isinstance(v, bool | np.bool_) for v in values):
        return values.astype(bool)
    if all(isinstance(v, int | float | np.number) and not isinstance(v, bool) for v in values):
        return values.astype(float)
    return np.array([str(v) for v in values])


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, in the plural unless it is one.

    Examples
    --------
    >>> counted(1, "value"), counted(2, "value")
    ('1 value', '2 values')
    """
    plural = noun + ("es" if noun.endswith("s") else "s")
    return f"{count} {noun if count == 1 else plural}"


def listed(names: list[str], most: int = 5) -> str:
    """Return names in quotes for a sentence, the ones beyond ``most`` only counted.

    Examples
    --------
    >>> listed(["a", "b", "c"], most=2)
    "'a', 'b' and 1 more"
    """
    shown = ", ".join(map(repr, names[:most]))
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
