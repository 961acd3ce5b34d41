"""What a search has found so far, in a folder from which it goes on after being killed."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from scipy import sparse
from sklearn.base import clone

import maxmargin
from maxmargin._checks import InputError
from maxmargin._files import remove_drafts, replacing
from maxmargin.linear._base import LinearClassifier

Record = dict[str, Any]

_STATE = "coef_", "intercept_", "_duals"  # with the classes, all from which a warm start begins


@dataclass(frozen=True)
class PathFile:
    """Scores of one fold at the values of C done so far, and the solution at the last of them.

    The next fit begins at that solution, so a search that goes on gives the digits of one never stopped.
    """

    path: Path

    def read(self, classifier: LinearClassifier, labels: np.ndarray) -> list[Record]:
        """The records; the classifier becomes the one that ``write`` was given.

        Raises
        ------
        InputError
            If the file is damaged.
        """
        if not self.path.exists():
            return []
        try:
            with self.path.open("rb") as file, np.load(file) as content:
                for name in _STATE:
                    setattr(classifier, name, content.get(name))
                classifier.classes_ = labels[content["classes"]]
                return json.loads(str(content["records"]))
        except (ValueError, KeyError, IndexError, EOFError, BadZipFile) as error:
            raise InputError(f"{self.path} is damaged; remove it, and its fits are made again") from error

    def write(self, classifier: LinearClassifier, labels: np.ndarray, records: list[Record]) -> None:
        """Replace the file; killed at any moment, it holds the new state or the last one."""
        arrays: dict[str, Any] = {name: getattr(classifier, name) for name in _STATE}
        arrays = {name: value for name, value in arrays.items() if value is not None}
        arrays["classes"] = np.searchsorted(labels, classifier.classes_)
        arrays["records"] = json.dumps(records)
        with replacing(self.path) as draft, draft.open("wb") as file:
            np.savez(file, **arrays)


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
    """What decides the scores of a search: a line each, the same in every process.

    Examples
    --------
    >>> from maxmargin.linear import OneVsRestSVC
    >>> fingerprint(OneVsRestSVC(tol=1e-6), Cs=[0.1, 1.0])["estimator tol"]
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
