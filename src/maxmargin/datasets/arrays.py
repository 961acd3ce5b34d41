"""NPZ, MAT and HDF5 files: named arrays, of which one holds the features and one the labels."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from maxmargin._checks import InputError
from maxmargin.datasets._content import content, slug, suffix
from maxmargin.datasets._dataset import (
    Dataset,
    Where,
    as_labels,
    check_values,
    checked,
    merged_labels,
    missing_labels,
)
from maxmargin.datasets.features import Features, as_features, column_names

Arrays: TypeAlias = dict[str, Any]

FEATURE_KEYS = {"x", "data", "features", "images", "inputs", "fea"}
LABEL_KEYS = {"y", "target", "targets", "label", "labels", "class", "classes", "gnd"}
PARTS = ("train", "val", "valid", "test")
PART = re.compile(r"(?:^|[/_.-]|(?<=^[xy]))(train|valid|val|test)(?=$|[/_.-])")


def load_arrays(path: Path, target: str | None) -> Dataset:
    """Read the features and the label ``target`` of a file of named arrays."""
    arrays = read_arrays(path)
    features, labels = _keys(path, arrays, target)
    target_name = target or _stem(labels[0])[1]
    where = Where(str(path))
    y = np.concatenate([_vector(arrays[key]) for key in labels])
    pieces = [
        as_features(arrays[key], path, len(_vector(arrays[of])))
        for key, of in zip(features, labels, strict=True)
    ]
    X, notes = _stacked(path, features, pieces)
    return checked(
        Dataset(
            name=slug(path),
            X=X.values,
            y=as_labels(y, target_name, where),
            feature_names=column_names(X),
            target_name=target_name,
            kind=X.kind,
            image_shape=X.image_shape,
            notes=[*notes, *merged_labels(y)],
            source=str(path),
        ),
        where,
    )


def read_array_features(
    path: Path, target_name: str | None, *, text_labels: bool = False
) -> tuple[Features, list[str], np.ndarray | None]:
    """Read the features of a file of named arrays, and its labels where it has them."""
    arrays = read_arrays(path)
    names = [key for key in arrays if _stem(key)[1] == _stem(target_name or "")[1]]
    target = target_name if names else None
    try:
        features, labels = _keys(path, arrays, target)
    except InputError:
        if names:
            raise
        features, labels = _feature_keys(path, arrays, set()), []
    y = np.concatenate([_vector(arrays[key]) for key in labels]) if labels else None
    lengths = [len(_vector(arrays[key])) for key in labels] or [None] * len(features)
    pieces = [as_features(arrays[key], path, n) for key, n in zip(features, lengths, strict=True)]
    X, notes = _stacked(path, features, pieces)
    check_values(X.values, column_names(X), Where(str(path)))
    if y is None or missing_labels(y).any():
        return X, notes, None
    return X, notes, as_labels(y, target_name or "label", Where(str(path)), as_text=text_labels)


def _stacked(path: Path, keys: list[str], pieces: list[Features]) -> tuple[Features, list[str]]:
    if len({(piece.kind, piece.image_shape, piece.values.shape[1]) for piece in pieces}) > 1:
        shapes = ", ".join(f"{key} {piece.values.shape[1]}" for key, piece in zip(keys, pieces, strict=True))
        raise InputError(f"{path}: the parts differ in their number or kind of features ({shapes})")
    notes = [note for piece in pieces[:1] for note in piece.notes]
    if len(pieces) == 1:
        return pieces[0], notes
    sizes = " and ".join(
        f"{key!r} ({piece.values.shape[0]})" for key, piece in zip(keys, pieces, strict=True)
    )
    notes.append(f"the parts {sizes} are joined, in this order")
    values = [piece.values for piece in pieces]
    if pieces[0].kind == "sparse":
        import scipy.sparse as sp

        joined = sp.vstack(values, format="csr")
    else:
        joined = np.concatenate(values)
    return Features(joined, pieces[0].kind, pieces[0].image_shape, notes), notes


def _keys(path: Path, arrays: Arrays, target: str | None) -> tuple[list[str], list[str]]:
    """Return the keys of the features and of their labels, one pair a part (train, test), in order."""
    vectors = [key for key in arrays if _is_vector(arrays[key])]
    if target is not None:
        labels = [key for key in arrays if key == target] or [
            key for key in arrays if _stem(key)[1] == target.lower()
        ]
        unusable = [key for key in labels if key not in vectors]
        if not labels or unusable:
            what = f"{unusable[0]!r} is no label (one value a row)" if unusable else f"no array {target!r}"
            raise InputError(f"{path}: {what}; {_shown(arrays)}")
        features = _feature_keys(path, arrays, set(labels))
    else:
        features = _feature_keys(path, arrays, set())
        labels = [key for key in vectors if _stem(key)[1] in LABEL_KEYS]
        if not labels and len(features) == 1:
            others = [key for key in vectors if key not in features]
            labels = [key for key in others if len(_vector(arrays[key])) in arrays[features[0]].shape]
    if not labels:
        what = "no array of labels (one value a row); name it with --target"
        raise InputError(f"{path}: {what}: {_shown(arrays)}")
    if len({_stem(key)[0] for key in labels}) < len(labels):
        raise InputError(f"{path}: several arrays may be the label; name one with --target: {_shown(arrays)}")
    by_part = {_stem(key)[0]: key for key in features}
    labels.sort(key=_order)
    if len(features) == len(labels) == 1:
        return features, labels
    if not {_stem(key)[0] for key in labels} <= by_part.keys():
        raise InputError(f"{path}: features and labels do not come in pairs; {_shown(arrays)}")
    return [by_part[_stem(key)[0]] for key in labels], labels


def _feature_keys(path: Path, arrays: Arrays, taken: set[str]) -> list[str]:
    matrices = [key for key in arrays if key not in taken and _is_matrix(key, arrays[key])]
    features = [key for key in matrices if _stem(key)[1] in FEATURE_KEYS] or matrices
    if not features:
        raise InputError(f"{path}: no array of features (rows by columns); {_shown(arrays)}")
    if len({_stem(key)[0] for key in features}) < len(features):
        raise InputError(f"{path}: several arrays may be the features; call one 'X': {_shown(arrays)}")
    return sorted(features, key=_order)


def _stem(key: str) -> tuple[str, str]:
    """Split a key into its part and its bare name.

    Examples
    --------
    >>> _stem("x_train"), _stem("test/target"), _stem("Y")
    (('train', 'x'), ('test', 'target'), ('', 'y'))
    """
    lower = key.lower()
    match = PART.search(lower)
    bare = (lower[: match.start()] + lower[match.end() :]) if match else lower
    return (match[1] if match else ""), bare.strip("/_.-").split("/")[-1]


def _order(key: str) -> int:
    part = _stem(key)[0]
    return PARTS.index(part) if part in PARTS else -1


def _is_vector(array: Any) -> bool:
    if hasattr(array, "indptr") or array.dtype.kind not in "biufSUO":
        return False
    return array.ndim == 1 or (array.ndim == 2 and 1 in array.shape)


def _is_matrix(key: str, array: Any) -> bool:
    if hasattr(array, "indptr"):
        return True
    if array.dtype.kind not in "biuf" or not 2 <= array.ndim <= 4:
        return False
    return _stem(key)[1] in FEATURE_KEYS or not _is_vector(array)


def _vector(array: np.ndarray) -> np.ndarray:
    flat = array.ravel()
    if flat.dtype == object:  # a MATLAB cell array of texts holds an array in each cell
        flat = np.array(
            [v.item() if isinstance(v, np.ndarray) and v.size == 1 else v for v in flat], dtype=object
        )
    return flat


def _shown(arrays: Arrays) -> str:
    shapes = [f"{key} {'x'.join(map(str, array.shape))}" for key, array in list(arrays.items())[:20]]
    return "the file holds " + (", ".join(shapes) or "no arrays")


def read_arrays(path: Path) -> Arrays:
    """Return the named arrays of an NPZ, MAT or HDF5 file."""
    data = content(path)
    name = suffix(path).removeprefix(".")
    try:
        arrays = ARRAY_READERS[suffix(path)](data)
    except Exception as error:  # a damaged file makes these parsers raise nearly anything
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise InputError(f"{path}: not a readable {name} file ({reason}); write or copy it again") from None
    return {key: array for key, array in arrays.items() if array.ndim > 0}


def _read_npz(data: bytes) -> Arrays:
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        if {"data", "indices", "indptr", "shape", "format"} <= set(stored.files):
            import scipy.sparse as sp

            return {"X": sp.csr_matrix(sp.load_npz(io.BytesIO(data)))}
        return {key: stored[key] for key in stored.files if _holds_numbers(stored, key)}


def _holds_numbers(stored: Any, key: str) -> bool:
    """Tell whether an array is stored without pickled objects; a label or feature array has to be."""
    with stored.zip.open(f"{key}.npy") as member:
        version = np.lib.format.read_magic(member)
        read_header = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        _, _, dtype = read_header(member)
    if dtype.hasobject and _stem(key)[1] in FEATURE_KEYS | LABEL_KEYS:
        raise ValueError(f"{key!r} holds Python objects: save it as numbers or with .astype(str)")
    return not dtype.hasobject


def _read_mat(data: bytes) -> Arrays:
    import scipy.io
    import scipy.sparse as sp

    if b"MATLAB 7.3" in data[:128]:
        # MATLAB stores columns first, and h5py shows the axes in reverse.
        return {key: array.T for key, array in _read_hdf5(data).items() if not key.startswith("#")}
    with warnings.catch_warnings():
        # Both kinds of sparse result are taken; SciPy 1.18 warns that the kind will change.
        warnings.filterwarnings("ignore", message="The default value for `spmatrix`")
        loaded = scipy.io.loadmat(io.BytesIO(data))
    arrays = {key: value for key, value in loaded.items() if not key.startswith("__")}
    arrays = {key: sp.csr_matrix(value) if sp.issparse(value) else value for key, value in arrays.items()}
    return {key: value for key, value in arrays.items() if hasattr(value, "dtype")}


def _read_hdf5(data: bytes) -> Arrays:
    import h5py

    arrays: Arrays = {}

    def keep(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "biufSUO" and item.shape:
            arrays[name] = item[()]

    with h5py.File(io.BytesIO(data), "r") as file:
        file.visititems(keep)
    return arrays


ARRAY_READERS: dict[str, Callable[[bytes], Arrays]] = {
    ".npz": _read_npz,
    ".mat": _read_mat,
    ".h5": _read_hdf5,
    ".hdf5": _read_hdf5,
}
