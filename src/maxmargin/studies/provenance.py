"""Where a number comes from: library versions, commit, machine and a fingerprint of the data."""

import hashlib
import os
import platform
import subprocess
from importlib.metadata import version
from typing import Any

import numpy as np
from scipy import sparse

from maxmargin.datasets import Dataset

_LIBRARIES = ("maxmargin", "numpy", "scipy", "scikit-learn", "pandas")


def versions(*more: str) -> dict[str, str]:
    """Versions of Python and of the libraries that shape the numbers, with ``more`` of them.

    Examples
    --------
    >>> sorted(versions())
    ['maxmargin', 'numpy', 'pandas', 'python', 'scikit-learn', 'scipy']
    """
    return {"python": platform.python_version()} | {name: version(name) for name in (*_LIBRARIES, *more)}


def commit() -> str | None:
    """The git commit of the working folder, "-dirty" where files differ from it; None outside git."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def machine() -> dict[str, Any]:
    """Number of processors and the kind of system."""
    return {"cpus": os.cpu_count(), "system": f"{platform.system()} {platform.machine()}"}


def fingerprint(dataset: Dataset) -> str:
    """SHA-256 of the features and labels: equal for equal data of the same types.

    Examples
    --------
    >>> from maxmargin.datasets import load_dataset
    >>> fingerprint(load_dataset("iris")) == fingerprint(load_dataset("iris"))
    True
    >>> fingerprint(load_dataset("iris")) == fingerprint(load_dataset("wine"))
    False
    """
    digest = hashlib.sha256()
    for name in dataset.feature_names:
        digest.update(f"{name}\0".encode())
    for array in _arrays(dataset.X):
        digest.update(np.ascontiguousarray(array).data)
    digest.update("\0".join(map(str, dataset.y.tolist())).encode())
    return digest.hexdigest()


def _arrays(X: Any) -> list[np.ndarray]:
    if sparse.issparse(X):
        return [X.data, X.indices, X.indptr]
    if isinstance(X, np.ndarray):
        return [X]
    from pandas.util import hash_pandas_object

    hashed: Any = hash_pandas_object
    return [np.asarray(hashed(X[name], index=False)) for name in X.columns]
