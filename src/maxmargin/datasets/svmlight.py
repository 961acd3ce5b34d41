"""Text of LIBSVM and SVMlight, ``label index:value index:value ...``, read as a sparse matrix."""

from __future__ import annotations

import io
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from maxmargin._checks import InputError
from maxmargin.datasets._content import slug, text_content
from maxmargin.datasets._dataset import Dataset, Where, as_labels, check_values, checked

GREATEST_INDEX = 10**8 - 1  # every column up to the greatest index gets a name in memory
NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
ROW = re.compile(
    rf"(?P<label>{NUMBER})?(?:\s+qid:\d+)?(?P<cells>(?:(?:^|\s+)\d+:(?:{NUMBER}|nan|[+-]?inf))*)\s*"
)


def looks_like_svmlight(path: Path) -> bool:
    """Tell whether the first row of a text file is a label and index:value pairs."""
    first = next((line for line in text_content(path).decode("utf-8").splitlines() if line.strip()), "")
    match = ROW.fullmatch(first.split("#")[0].strip())
    return match is not None and bool(match["cells"])


def load_svmlight(path: Path) -> Dataset:
    """Read a libsvm text file; the features are called by their indices in the file."""
    X, y, first_index, where = _read(path, None, None)
    if y is None:
        raise InputError(f"{path}: the rows have no label; begin each with a label and a space")
    return checked(
        Dataset(
            name=slug(path),
            X=X,
            y=as_labels(y, "label", where),
            feature_names=[str(j + first_index) for j in range(X.shape[1])],
            target_name="label",
            kind="sparse",
            source=str(path),
        ),
        where,
    )


def read_svmlight_features(path: Path, feature_names: list[str]) -> tuple[Any, np.ndarray | None]:
    """Read rows with the feature indices that a model was trained on; others are refused."""
    X, y, _, where = _read(path, int(feature_names[0]), len(feature_names))
    check_values(X, feature_names, where)
    return X, None if y is None else as_labels(y, "label", where)


def _read(
    path: Path, first_index: int | None, n_features: int | None
) -> tuple[Any, np.ndarray | None, int, Where]:
    from sklearn.datasets import load_svmlight_file

    lines, numbers, least, greatest = _lines(path)
    if first_index is None:
        first_index = 0 if least == 0 else 1
    if least < first_index or (n_features and greatest >= first_index + n_features):
        last = first_index + (n_features or 1) - 1
        raise InputError(
            f"{path}: feature indices {least} to {greatest}, but the model knows {first_index} to {last}"
        )
    unlabelled = [":" in line.split(maxsplit=1)[0] for line in lines]
    if any(unlabelled) and not all(unlabelled):
        i = unlabelled.index(not unlabelled[0])
        raise InputError(f"{path}: line {numbers[i]} differs from the first: give every row a label, or none")
    if unlabelled[0]:
        lines = [f"0 {line}" for line in lines]
    zero_based: Any = first_index == 0
    stream = io.BytesIO("\n".join(lines).encode())
    try:
        X, y = load_svmlight_file(stream, n_features=n_features, zero_based=zero_based)[:2]
    except ValueError as error:
        raise InputError(f"{path}: not libsvm text ({error}); write 'label index:value ...' lines") from None
    if np.isnan(X.data).any():
        raise InputError(f"{path}: a value is nan; leave unknown features out of the row")
    where = Where(str(path), lambda i: f"line {numbers[i]}")
    return X, None if unlabelled[0] else y, first_index, where


def _lines(path: Path) -> tuple[list[str], list[int], int, int]:
    """Return the rows, their line numbers, and the least and the greatest feature index."""
    lines, numbers = [], []
    least, greatest = 2**31, -1
    for number, line in enumerate(text_content(path).decode("utf-8-sig").splitlines(), start=1):
        row = line.split("#")[0].strip()
        if not row:
            continue
        match = ROW.fullmatch(row)
        if match is None:
            raise InputError(f"{path}: line {number} is not libsvm text; write 'label index:value ...'")
        written = [cell.split(":")[0] for cell in match["cells"].split()]
        if huge := [index for index in written if len(index.lstrip("0")) > len(str(GREATEST_INDEX))]:
            raise InputError(
                f"{path}: line {number}: the feature index {huge[0][:30]} is too large; "
                f"give whole numbers from 0 to {GREATEST_INDEX}"
            )
        indices = [int(index) for index in written]
        if any(b <= a for a, b in pairwise(indices)):
            raise InputError(f"{path}: line {number}: feature indices must rise from left to right")
        if indices:
            least, greatest = min(least, indices[0]), max(greatest, indices[-1])
        lines.append(row)
        numbers.append(number)
    if greatest < 0:
        raise InputError(f"{path}: no 'index:value' pair in any row; write 'label index:value ...' lines")
    return lines, numbers, least, greatest
