"""Save and load a fitted classifier, its preprocessing included."""

import platform
import warnings
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from maxmargin._checks import InputError
from maxmargin._files import replacing_folder
from maxmargin.persistence._estimator import dump_estimator, load_estimator, needs_torch
from maxmargin.persistence._manifest import (
    FORMAT_VERSION,
    MANIFEST,
    as_json,
    manifest_bytes,
    read_files,
    read_manifest,
    sha256,
)

_ESTIMATOR = "estimator.skops"
_LIBRARIES = ("maxmargin", "numpy", "scipy", "scikit-learn", "skops")


def save_model(estimator: Any, path: str | Path, *, metadata: Mapping[str, Any] | None = None) -> Path:
    """Write a fitted classifier to a folder that anyone can load without running foreign code.

    The folder holds ``model.json``, which says what the model is and what every other file must hash to,
    and ``estimator.skops``, the estimator without pickle. It appears whole or not at all.

    Parameters
    ----------
    estimator : estimator
        A fitted classifier of maxmargin or scikit-learn, or a ``Pipeline`` or search that ends in one.
    path : str or Path
        The folder to write. A folder that is there already is replaced if it is empty or a saved model.
    metadata : mapping, optional
        What to keep with the model, as JSON values. ``"method"`` (default: the class name of the final step)
        and ``"feature_names"`` (default: ``feature_names_in_``) become entries of the manifest itself.

    Returns
    -------
    path : Path
        The folder.

    Raises
    ------
    InputError
        If ``estimator`` is not fitted or could not be loaded back, ``metadata`` is not JSON, or ``path``
        holds something else. Nothing is left behind.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn.svm import LinearSVC
    >>> from maxmargin import load_model, save_model
    >>> X, y = load_iris(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), LinearSVC(random_state=0)).fit(X, y)
    >>> folder = save_model(model, tempfile.mkdtemp(), metadata={"target": "species"})
    >>> sorted(file.name for file in folder.iterdir())
    ['estimator.skops', 'model.json']
    >>> bool((load_model(folder).decision_function(X) == model.decision_function(X)).all())
    True
    """
    path = Path(path)
    check_replaceable(path)
    _check_fitted(estimator)
    manifest = _describe(estimator, dict(metadata or {}))
    content = dump_estimator(estimator)
    if needs_torch(content):
        manifest["versions"]["torch"] = version("torch")
    manifest["files"] = {_ESTIMATOR: sha256(content)}
    with replacing_folder(path) as draft:
        (draft / _ESTIMATOR).write_bytes(content)
        (draft / MANIFEST).write_bytes(manifest_bytes(manifest))
    return path


def load_model(path: str | Path) -> Any:
    """Rebuild the classifier that :func:`save_model` wrote; its predictions are equal to the bit.

    Every file is checked against the manifest before it is read, and only types of maxmargin, scikit-learn,
    NumPy and SciPy are rebuilt, so that a damaged or hostile folder gives an error and runs nothing.

    Parameters
    ----------
    path : str or Path
        The folder of the model.

    Returns
    -------
    estimator : estimator
        The fitted estimator.

    Raises
    ------
    InputError
        If ``path`` is no model folder, a file in it is damaged, missing or unknown, a newer maxmargin
        wrote it, or it holds a type that is not trusted.

    Warns
    -----
    UserWarning
        If another minor version of scikit-learn saved the model.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.neighbors import NearestCentroid
    >>> from maxmargin import load_model, save_model
    >>> model = NearestCentroid().fit([[0.0], [0.1], [1.0]], ["low", "low", "high"])
    >>> load_model(save_model(model, tempfile.mkdtemp())).predict([[0.9]]).tolist()
    ['high']
    """
    path = Path(path)
    manifest = read_manifest(path)
    contents = read_files(path, manifest["files"])
    if _ESTIMATOR not in contents:
        raise InputError(f"{path / MANIFEST} lists no {_ESTIMATOR}; save the model again")
    estimator = load_estimator(contents[_ESTIMATOR], str(path / _ESTIMATOR))
    saved, running = str(manifest["versions"].get("scikit-learn")), version("scikit-learn")
    if saved.split(".")[:2] != running.split(".")[:2]:
        warnings.warn(
            f"{path} was saved with scikit-learn {saved!r}, this is {running!r}: predictions may differ",
            UserWarning,
            stacklevel=2,
        )
    return estimator


def check_replaceable(path: Path) -> None:
    """Raise InputError where :func:`save_model` would not write: a model replaces nothing but a model."""
    is_model = (path / MANIFEST).is_file()
    is_empty = path.is_dir() and not any(path.iterdir())
    if path.exists() and not is_model and not is_empty:
        raise InputError(f"{path} exists and is no model folder; choose another path")


def _check_fitted(estimator: Any) -> None:
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    name = type(estimator).__name__
    try:
        check_is_fitted(estimator)
    except NotFittedError as error:
        raise InputError(f"this {name} is not fitted; fit it before saving") from error
    except TypeError as error:
        raise InputError(f"this {name} is no estimator; give a fitted classifier") from error
    if getattr(getattr(estimator, "classes_", None), "ndim", None) != 1:
        raise InputError(
            f"this {name} has no one-dimensional classes_; give a classifier fitted on one target"
        )


def _describe(estimator: Any, metadata: dict[str, Any]) -> dict[str, Any]:
    final = estimator
    while hasattr(final, "steps"):
        final = final.steps[-1][1]
    classes = np.asarray(estimator.classes_)
    manifest = {
        "format_version": FORMAT_VERSION,
        "method": str(metadata.pop("method", type(final).__name__)),
        "classes": classes,
        "class_kind": classes.dtype.kind,
        "feature_names": metadata.pop("feature_names", getattr(estimator, "feature_names_in_", None)),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in _LIBRARIES},
        "metadata": metadata,
    }
    for name, value in manifest.items():
        try:
            manifest[name] = as_json(value)
        except (TypeError, ValueError, RecursionError) as error:
            raise InputError(
                f"{name} of the model cannot be written as JSON: {error}; give plain values"
            ) from error
    return manifest
