"""Readers of the known sets in the files their authors publish."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from maxmargin._checks import InputError
from maxmargin.datasets._content import content, text_content
from maxmargin.datasets._dataset import Dataset, Where, as_labels, checked
from maxmargin.datasets.arrays import read_arrays
from maxmargin.datasets.delimited import Delimited
from maxmargin.datasets.features import as_features, scaled
from maxmargin.datasets.images import load_image_folder
from maxmargin.datasets.registry import located
from maxmargin.datasets.restricted_pickle import read_array_pickle

FASHION = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
EMOTIONS = ("Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral")


def load_known(name: str, root: Path, image_size: int | None) -> Dataset:
    """Load a known set from its files under ``root``."""
    paths = located(name, root)
    if name == "plantvillage":
        return load_image_folder(paths[0], image_size, name)
    return checked(READERS.get(name, _m3svm)(name, paths))


def _parts_note(n_train: int, n_test: int) -> str:
    return f"the training ({n_train} rows) and test ({n_test} rows) parts are joined, training rows first"


def _images(
    name: str, X: np.ndarray, y: np.ndarray, shape: tuple[int, ...], notes: list[str], target: str = "class"
) -> Dataset:
    return Dataset(
        name=name,
        X=X,
        y=y,
        feature_names=[f"p{j}" for j in range(X.shape[1])],
        target_name=target,
        kind="image",
        image_shape=shape,
        notes=notes,
        source=name,
    )


def _named(codes: Any, names: Any, path: Path) -> np.ndarray:
    """Return the class name of each code."""
    codes = np.asarray(codes)
    if codes.size == 0 or codes.min() < 0 or codes.max() >= len(names):
        raise InputError(f"{path}: a class code outside 0 to {len(names) - 1}; get the original file")
    return np.asarray(names, dtype=str)[codes]


def _idx(name: str, paths: list[Path]) -> Dataset:
    train, train_y, test, test_y = map(_read_idx, paths)
    for images, labels, path in ((train, train_y, paths[1]), (test, test_y, paths[3])):
        if len(images) != len(labels):
            raise InputError(f"{path}: {len(labels)} labels for {len(images)} images; get both files anew")
    X = scaled(np.concatenate([train, test]).reshape(len(train) + len(test), -1))
    y = np.concatenate([train_y, test_y]).astype(np.int64)
    if name == "fashion-mnist":
        y = _named(y, FASHION, paths[1])
    return _images(name, X, y, train.shape[1:], [_parts_note(len(train), len(test))])


def _read_idx(path: Path) -> np.ndarray:
    data = content(path)
    images = "idx3" in path.name
    magic, dimensions = (0x803, 3) if images else (0x801, 1)
    start = 4 + 4 * dimensions
    if len(data) < start or struct.unpack(">I", data[:4])[0] != magic:
        raise InputError(
            f"{path}: not an IDX file of {'images' if images else 'labels'}; get the original file"
        )
    shape = struct.unpack(f">{dimensions}I", data[4:start])
    if len(data) != start + int(np.prod(shape, dtype=np.int64)):
        raise InputError(
            f"{path}: {len(data) - start} bytes of values where its header promises "
            f"{'x'.join(map(str, shape))}; the file is cut off or damaged, get it anew"
        )
    return np.frombuffer(data, dtype=np.uint8, offset=start).reshape(shape)


def _cifar(name: str, paths: list[Path]) -> Dataset:
    *batches, meta = paths
    label_key, names_key = (
        ("labels", "label_names") if name == "cifar10" else ("fine_labels", "fine_label_names")
    )
    names = [
        v.decode() if isinstance(v, bytes) else v for v in _entry(meta, read_array_pickle(meta), names_key)
    ]
    images, y = [], []
    for path in batches:
        batch = read_array_pickle(path)
        planes, codes = _entry(path, batch, "data"), _entry(path, batch, label_key)
        if getattr(planes, "shape", None) != (len(codes), 3072) or planes.dtype != np.uint8:
            raise InputError(
                f"{path}: 'data' should be {len(codes)} rows of 3072 bytes; get the original file"
            )
        images.append(planes.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).reshape(-1, 3072))
        y.append(_named(codes, names, path))
    n_test = len(y[-1])
    X = scaled(np.concatenate(images))
    return _images(name, X, np.concatenate(y), (32, 32, 3), [_parts_note(len(X) - n_test, n_test)])


def _entry(path: Path, stored: dict[str, Any], key: str) -> Any:
    if key not in stored:
        raise InputError(f"{path}: no {key!r} in it; get the original file")
    return stored[key]


def _svhn(name: str, paths: list[Path]) -> Dataset:
    images, y = [], []
    for path in paths:
        stored = read_arrays(path)
        X, digits = _entry(path, stored, "X"), _entry(path, stored, "y").ravel()
        if X.shape != (32, 32, 3, len(digits)) or X.dtype != np.uint8:
            raise InputError(f"{path}: 'X' should be 32x32x3x{len(digits)} bytes; get the original file")
        images.append(X.transpose(3, 0, 1, 2).reshape(len(digits), -1))
        y.append(digits.astype(np.int64) % 10)  # the files call the digit 0 "10"
    notes = [_parts_note(len(y[0]), len(y[1]))]
    return _images(name, scaled(np.concatenate(images)), np.concatenate(y), (32, 32, 3), notes)


def _stl10(name: str, paths: list[Path]) -> Dataset:
    names = text_content(paths[4]).decode().split()
    images, y = [], []
    for image_path, label_path in (paths[:2], paths[2:4]):
        codes = np.frombuffer(content(label_path), dtype=np.uint8).astype(np.int64)
        pixels = np.frombuffer(content(image_path), dtype=np.uint8)
        if pixels.size != len(codes) * 96 * 96 * 3:
            raise InputError(
                f"{image_path}: {pixels.size} bytes for {len(codes)} images of 96x96x3; get it anew"
            )
        images.append(pixels.reshape(-1, 3, 96, 96).transpose(0, 3, 2, 1).reshape(len(codes), -1))
        y.append(_named(codes - 1, names, label_path))
    notes = [_parts_note(len(y[0]), len(y[1]))]
    return _images(name, scaled(np.concatenate(images)), np.concatenate(y), (96, 96, 3), notes)


def _fer2013(name: str, paths: list[Path]) -> Dataset:
    path = paths[0]
    (_, header), *records = Delimited(path, text_content(path)).records()
    if header != ["emotion", "pixels", "Usage"]:
        raise InputError(f"{path}: the columns should be emotion, pixels, Usage; get the original file")
    codes = {str(code): emotion for code, emotion in enumerate(EMOTIONS)}
    for line, row in records:
        if len(row) != 3 or row[0] not in codes:
            raise InputError(
                f"{path}: line {line} is not 'emotion from 0 to 6,pixels,Usage'; get the original file"
            )
    X = _pixel_texts(records, path)
    y = np.array([codes[row[0]] for _, row in records])
    training = np.array([row[2] == "Training" for _, row in records])
    order = np.argsort(~training, kind="stable")
    notes = [_parts_note(int(training.sum()), int((~training).sum()))]
    return _images(name, X[order], y[order], (48, 48), notes, target="emotion")


def _pixel_texts(records: list[tuple[int, list[str]]], path: Path) -> np.ndarray:
    """Parse one text of 48 x 48 numbers from 0 to 255 a row."""
    try:
        pixels = np.loadtxt([row[1] for _, row in records], dtype=np.uint8, comments=None, ndmin=2)
    except ValueError:
        pixels = np.empty((0, 0), dtype=np.uint8)
    if pixels.shape != (len(records), 48 * 48):
        damaged = (line for line, row in records if re.fullmatch(r"\d{1,3}( \d{1,3}){2303}", row[1]) is None)
        where = next((f"line {line}" for line in damaged), "a line")
        raise InputError(f"{path}: {where} does not hold 2304 pixels from 0 to 255; get the original file")
    return scaled(pixels)


def _usps(name: str, paths: list[Path]) -> Dataset:
    stored = read_arrays(paths[0])
    parts = [
        (_entry(paths[0], stored, f"{p}/data"), _entry(paths[0], stored, f"{p}/target"))
        for p in ("train", "test")
    ]
    for X, y in parts:
        if X.shape != (len(y), 256):
            raise InputError(
                f"{paths[0]}: 'data' should be {len(y)} rows of 256 pixels; get the original file"
            )
    X = np.concatenate([X for X, _ in parts]).astype(np.float32)
    y = np.concatenate([y for _, y in parts]).astype(np.int64)
    return _images(name, X, y, (16, 16), [_parts_note(*(len(y) for _, y in parts))])


def _har(name: str, paths: list[Path]) -> Dataset:
    activities = dict(line.split() for line in text_content(paths[4]).decode().splitlines() if line.strip())
    X_train, y_train, X_test, y_test = (_numbers(path) for path in paths[:4])
    codes = [str(int(code)) for code in np.concatenate([y_train, y_test]).ravel()]
    if not set(codes) <= activities.keys():
        raise InputError(
            f"{paths[4]}: no name for activity {sorted(set(codes) - activities.keys())[0]}; get it anew"
        )
    if X_train.shape[1] != X_test.shape[1]:
        raise InputError(
            f"{paths[2]}: {X_test.shape[1]} columns where training has {X_train.shape[1]}; get it anew"
        )
    X = np.concatenate([X_train, X_test])
    return Dataset(
        name=name,
        X=X,
        y=np.array([activities[code] for code in codes]),
        feature_names=[f"c{j}" for j in range(X.shape[1])],
        target_name="activity",
        kind="array",
        notes=[_parts_note(len(X_train), len(X_test))],
        source=name,
    )


def _numbers(path: Path) -> np.ndarray:
    try:
        return np.loadtxt(text_content(path).decode().splitlines(), ndmin=2)
    except ValueError as error:
        raise InputError(f"{path}: not rows of numbers ({error}); get the original file") from None


def _m3svm(name: str, paths: list[Path]) -> Dataset:
    path, notes = paths[0], []
    stored = read_arrays(path)
    y = as_labels(_entry(path, stored, "Y").ravel(), "Y", Where(str(path)))
    features = as_features(_entry(path, stored, "X"), path)
    X = features.values
    if X.shape[0] != len(y):
        raise InputError(
            f"{path}: {X.shape[0]} rows in 'X' but {len(y)} labels in 'Y'; get the original file"
        )
    classes, counts = np.unique(y, return_counts=True)
    lone = classes[counts == 1]
    if lone.size:  # as in Cornell, which no split into training and test part can hold
        kept = ~np.isin(y, lone)
        X, y = X[kept], y[kept]
        notes.append(
            f"left out: the one sample of class {', '.join(map(str, lone))}; a class needs at least 2"
        )
    return Dataset(
        name=name,
        X=X,
        y=y,
        feature_names=[f"c{j}" for j in range(X.shape[1])],
        target_name="Y",
        kind=features.kind,
        notes=notes,
        source=name,
    )


READERS: dict[str, Callable[[str, list[Path]], Dataset]] = {
    "mnist": _idx,
    "fashion-mnist": _idx,
    "cifar10": _cifar,
    "cifar100": _cifar,
    "svhn": _svhn,
    "stl10": _stl10,
    "fer2013": _fer2013,
    "usps": _usps,
    "har": _har,
}
