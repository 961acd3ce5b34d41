"""The data of the cases: two made by formula, two real sets out of MAXMARGIN_DATA.

A set is made once and kept in a folder as NumPy files; every timed process starts from the same bytes.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from maxmargin._files import replacing_folder

Split = tuple[Any, np.ndarray, Any, np.ndarray]
QUICK = 10  # what --quick divides the number of rows by


def overlapping(n: int, d: int, n_classes: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian classes around close centres in mildly correlated features, 5 % of the labels drawn anew."""
    rng = np.random.default_rng(0)
    spectrum = np.arange(1, d + 1) ** -0.1
    mixing = np.linalg.qr(rng.standard_normal((d, d)))[0] * spectrum
    centres = rng.standard_normal((n_classes, d)) * spectrum * 0.2
    y = rng.integers(n_classes, size=n)
    X = (centres[y] + rng.standard_normal((n, d)) * spectrum) @ mixing.T
    X /= X.std(axis=0)
    relabelled = rng.random(n) < 0.05
    y[relabelled] = rng.integers(n_classes, size=int(relabelled.sum()))
    return X, y


def text_like(n: int, d: int, tokens: float, n_classes: int = 20) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Rows of words by Zipf's law, each class with its own log-normal preferences, weighted by tf-idf."""
    rng = np.random.default_rng(0)
    frequency = 1 / (np.arange(d) + 10.0)
    y = rng.integers(n_classes, size=n)
    lengths = rng.lognormal(np.log(tokens), 0.5, size=n).astype(int) + 5
    columns = np.empty(lengths.sum(), dtype=np.int64)
    rows = np.repeat(np.arange(n), lengths)
    for label in range(n_classes):
        preference = np.cumsum(frequency * rng.lognormal(0.0, 0.7, size=d))
        here = y[rows] == label
        columns[here] = np.searchsorted(preference, rng.random(int(here.sum())) * preference[-1])
    X = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(n, d))
    X.sum_duplicates()
    X.data = np.log1p(X.data) * np.log(n / (1.0 + np.bincount(X.indices, minlength=d)))[X.indices].clip(0.1)
    X = sparse.csr_matrix(X.multiply(1 / np.sqrt(X.multiply(X).sum(axis=1))))
    relabelled = rng.random(n) < 0.05
    y[relabelled] = rng.integers(n_classes, size=int(relabelled.sum()))
    return X, y


def known(name: str, n_train: int, *, shuffle: bool) -> Split:
    from maxmargin.datasets import load_dataset

    data = load_dataset(name)
    X, y = np.asarray(data.X, dtype=np.float64), np.unique(data.y, return_inverse=True)[1]
    if shuffle:
        order = np.random.default_rng(0).permutation(len(y))
        X, y = X[order], y[order]
    return X[:n_train], y[:n_train], X[n_train:], y[n_train:]


def _halves(X: Any, y: np.ndarray, n_train: int) -> Split:
    return X[:n_train], y[:n_train], X[n_train:], y[n_train:]


MAKERS = {
    "synthetic-50000": lambda: _halves(*overlapping(60000, 128), 50000),
    "synthetic-10000": lambda: _halves(*overlapping(12000, 128), 10000),
    "text": lambda: _halves(*text_like(25000, 50000, 110.0), 20000),
    "mnist": lambda: known("mnist", 60000, shuffle=False),
    "isolet": lambda: known("isolet", 1248, shuffle=True),
}


def prepare(name: str, folder: Path, *, quick: bool) -> dict[str, Any]:
    """Make a set where its folder does not hold it yet; return what it is: shape, megabytes, digest."""
    place = folder / (f"{name}-quick" if quick else name)
    if not (place / "about.json").exists():
        X, y, X_test, y_test = MAKERS[name]()
        if quick:
            X, y = X[: len(y) // QUICK], y[: len(y) // QUICK]
        with replacing_folder(place) as draft:
            for part, matrix in (("train", X), ("test", X_test)):
                _save(draft / part, matrix)
            np.savez(draft / "labels.npz", train=y, test=y_test)
            (draft / "about.json").write_text(json.dumps(_about(X, y)))
    return json.loads((place / "about.json").read_text())


def load(name: str, folder: Path, part: str, *, quick: bool) -> tuple[Any, np.ndarray]:
    place = folder / (f"{name}-quick" if quick else name)
    with np.load(place / "labels.npz") as labels:
        y = labels[part]
    if (place / f"{part}.npz").exists():
        return sparse.csr_matrix(sparse.load_npz(place / f"{part}.npz")), y
    return np.load(place / f"{part}.npy"), y


def _save(path: Path, X: Any) -> None:
    if sparse.issparse(X):
        sparse.save_npz(path, X, compressed=False)
    else:
        np.save(path, np.ascontiguousarray(X))


def _about(X: Any, y: np.ndarray) -> dict[str, Any]:
    arrays = [X.data, X.indices, X.indptr] if sparse.issparse(X) else [np.ascontiguousarray(X)]
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in [*arrays, y]))
    return {
        "shape": list(X.shape),
        "n_classes": len(np.unique(y)),
        "nonzero": float(sum(a.size for a in arrays[:1]) / (X.shape[0] * X.shape[1])),
        "megabytes": sum(a.nbytes for a in arrays) / 1e6,
        "digest": digest.hexdigest()[:16],
    }
