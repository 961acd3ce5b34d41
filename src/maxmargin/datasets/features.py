"""What an array of rows becomes: a float matrix, flattened images between 0 and 1, or a csr matrix."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from maxmargin._checks import InputError


@dataclass(frozen=True)
class Features:
    """Rows of features with their kind, as in :class:`maxmargin.datasets.Dataset`."""

    values: Any
    kind: str
    image_shape: tuple[int, ...] | None
    notes: list[str]


def column_names(features: Features) -> list[str]:
    """Return the names p0, p1, ... of pixels or c0, c1, ... of other columns."""
    letter = "p" if features.kind == "image" else "c"
    return [f"{letter}{j}" for j in range(features.values.shape[1])]


def as_features(array: Any, path: Path, n: int | None = None) -> Features:
    """Return an array as features, its rows along the axis that has ``n`` entries, by default the first.

    Two dimensions are rows and columns; three are grey images; four are images with channels.
    """
    if hasattr(array, "indptr"):
        return _sparse(array, path, n)
    notes = []
    if n is not None and array.shape[0] != n and array.shape[-1] == n:
        array = np.moveaxis(array, -1, 0)
        notes.append("the rows lie along the last axis of the array")
    if array.ndim == 2:
        return _matrix(array, None, notes)
    if array.ndim == 4 and array.shape[3] not in (1, 3, 4) and array.shape[1] in (1, 3, 4):
        array = np.moveaxis(array, 1, -1)
        notes.append("the channels of the images lie along the second axis")
    shape = array.shape[1:3] if array.ndim == 3 or array.shape[3] == 1 else array.shape[1:]
    return _images(array.reshape(len(array), -1), shape, notes)


def _sparse(array: Any, path: Path, n: int | None) -> Features:
    notes = []
    if n is not None and array.shape[0] != n and array.shape[1] == n:
        array = array.T.tocsr()
        notes.append("the rows lie along the last axis of the array")
    values = array.astype(np.float64)
    if np.isnan(values.data).any():
        raise InputError(f"{path}: a value of the sparse features is nan; give a number or leave it out")
    return Features(values, "sparse", None, notes)


def _matrix(array: np.ndarray, shape: tuple[int, ...] | None, notes: list[str]) -> Features:
    values = np.ascontiguousarray(array, dtype=np.float32 if array.dtype == np.float32 else np.float64)
    missing = np.isnan(values)
    if missing.any():
        columns, share = int(missing.any(axis=0).sum()), 100 * missing.mean()
        notes = [
            *notes,
            f"{missing.sum()} values ({share:.2g} %) in {columns} features are missing: "
            "the median of the training rows stands in",
        ]
    return Features(values, "array", shape, notes)


def _images(pixels: np.ndarray, shape: tuple[int, ...], notes: list[str]) -> Features:
    low, high = pixels.min(initial=0), pixels.max(initial=0)
    whole = pixels.dtype.kind in "iu"
    if not (low >= 0 and high <= (65535 if whole else 255)):  # nan is neither
        notes = [*notes, "the images are read as plain columns: their values are not within 0 to 255"]
        return _matrix(pixels, None, notes)
    if pixels.dtype.kind == "b" or (not whole and high <= 1):
        return Features(np.ascontiguousarray(pixels, dtype=np.float32), "image", shape, notes)
    scale = 65535 if pixels.dtype == np.uint16 or high > 255 else 255
    if pixels.dtype != np.uint8:
        notes = [*notes, f"the values of the images are divided by {scale}"]
    return Features(scaled(pixels, scale), "image", shape, notes)


def scaled(pixels: np.ndarray, scale: int = 255) -> np.ndarray:
    """Return pixels divided by ``scale`` as float32."""
    return np.divide(pixels, np.float32(scale), dtype=np.float32)
