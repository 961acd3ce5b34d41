"""What a search has found so far, in a folder from which it goes on after being killed."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from maxmargin._checks import InputError
from maxmargin._files import replacing
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
