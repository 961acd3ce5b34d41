"""A folder that belongs to one problem, so that a computation killed at any moment goes on from it."""

import json
from pathlib import Path
from typing import Any

from scipy import sparse
from sklearn.base import clone

import maxmargin
from maxmargin._checks import InputError
from maxmargin._files import remove_drafts, replacing


def open_folder(folder: Path, problem: dict[str, str]) -> None:
    """Make a folder that of a problem.

    Raises
    ------
    InputError
        If it is that of another problem.
    """
    file = folder / "problem.json"
    if not file.exists():
        with replacing(file) as draft:
            draft.write_text(json.dumps(problem, indent=1))
        return
    try:
        old = dict(json.loads(file.read_text()))
    except (ValueError, TypeError) as error:
        raise InputError(f"{file} is damaged; choose another folder or remove this one") from error
    differing = [
        f"{name} is {old.get(name, 'not given')} there and {problem.get(name, 'not given')} here"
        for name in [*problem, *(set(old) - set(problem))]
        if old.get(name) != problem.get(name)
    ]
    if differing:
        raise InputError(
            f"{folder} holds the search of another problem: {'; '.join(differing)}; choose another folder"
        )
    remove_drafts(folder)


def fingerprint(estimator: Any, **parts: Any) -> dict[str, str]:
    """What decides the outcome of a computation: a line each, the same in every process.

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> fingerprint(SVC(tol=1e-6), Cs=[0.1, 1.0])["estimator tol"]
    '1e-06'
    """
    fresh: Any = clone(estimator)
    parameters = fresh.get_params()
    parameters.pop("steps", None)  # each step is a parameter of its own
    named = {f"estimator {name}": value for name, value in parameters.items()}
    named = {"maxmargin": maxmargin.__version__, "estimator": type(estimator).__qualname__} | named | parts
    return {name: _described(name, value) for name, value in named.items()}


def _described(name: str, value: Any) -> str:
    import joblib

    if hasattr(value, "get_params"):
        return type(value).__qualname__
    try:
        return json.dumps(value)
    except TypeError:
        pass
    if sparse.issparse(value):
        # A sparse matrix notes what it learns about itself, which is no part of its value.
        rows = value.tocsr()
        value = rows.shape, rows.data, rows.indices, rows.indptr
    try:
        return f"{type(value).__name__} {joblib.hash(value, coerce_mmap=True)}"
    except Exception as error:  # pickling raises what it likes
        raise InputError(
            f"{name} is {' '.join(repr(value).split())}, which cannot be recorded in a folder; "
            "use a function of a module, or no folder"
        ) from error
