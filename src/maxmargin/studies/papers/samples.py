"""Rows of a data set, and their division into parts to train on and parts to test on."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import field_validator

from maxmargin._checks import check_choice
from maxmargin._typing import Floats, Ints
from maxmargin.datasets import available_datasets, load_dataset
from maxmargin.evidence import Strict
from maxmargin.metrics import confusion_matrix
from maxmargin.studies.drawing import drawn
from maxmargin.studies.records import Record

_MOST_CONFUSED = 10  # classes up to which counts by true and predicted class are recorded
_FIT = 0.05  # seconds, about, of any fit
_PER_ENTRY = 2e-8  # and of a fast one for each row, feature and class


class RowsOf(Strict):
    """Rows of a data set.

    Attributes
    ----------
    source : str
        The data set.
    rows : int or None
        How many are drawn, the same for every seed; None for all.
    """

    source: str
    rows: int | None = None

    @field_validator("source")
    @classmethod
    def _check_source(cls, name: str) -> str:
        return check_choice(name, [info.name for info in available_datasets()], "data set")

    def load(self) -> "Sample | None":
        """The rows, or None where the data set is not there."""
        if not self._info().present:
            return None
        dataset, _ = drawn(load_dataset(self.source), self.rows, seed=0)
        labels, y = np.unique(dataset.y, return_inverse=True)
        return Sample(np.asarray(dataset.X, dtype=np.float64), y, [str(label) for label in labels])

    def missing(self) -> str:
        """What to say where it is not there."""
        info = self._info()
        return f"{self.source} is not there, so it is left out ({info.home})"

    def seconds(self) -> float:
        """About how long a fit of a fast method takes; next to nothing where there are no rows."""
        info = self._info()
        rows = min(info.n_samples or 0, self.rows or np.inf) if info.present else 0
        return _FIT + _PER_ENTRY * rows * min(rows, info.n_features or 0) * (info.n_classes or 0)

    def _info(self) -> Any:
        return next(info for info in available_datasets() if info.name == self.source)


@dataclass(frozen=True)
class Sample:
    """Features, classes from 0 on, and what these are called."""

    X: Floats
    y: Ints
    labels: list[str]

    def folds(self, name: str, count: int, seed: int) -> Iterator["Fold"]:
        """Folds of a stratified cross-validation."""
        from sklearn.model_selection import StratifiedKFold

        splitter = StratifiedKFold(count, shuffle=True, random_state=seed)
        for number, (train, test) in enumerate(splitter.split(self.X, self.y)):
            yield Fold({"data": name, "seed": seed, "fold": number}, self.X, self.y, train, test)


@dataclass(frozen=True)
class Fold:
    """Rows to train on and rows to test on, and where they are in the experiment."""

    place: Record
    X: Floats
    y: Ints
    train: Ints
    test: Ints

    @property
    def training(self) -> tuple[Floats, Ints]:
        """Features and classes of the rows to train on."""
        return self.X[self.train], self.y[self.train]

    def standardised(self) -> tuple[Floats, Floats]:
        """Features of the rows to train on and of those to test on, as the former are standardised."""
        from sklearn.preprocessing import StandardScaler

        scaler: Any = StandardScaler().fit(self.X[self.train])
        return scaler.transform(self.X[self.train]), scaler.transform(self.X[self.test])

    def scored(self, predicted: Ints) -> Record:
        """What is right of the test rows."""
        true, n_classes = self.y[self.test], int(self.y.max()) + 1
        record = {
            "accuracy": round(float(np.mean(predicted == true)), 6),
            "n_train": len(self.train),
            "n_test": len(self.test),
        }
        if n_classes <= _MOST_CONFUSED:
            record["confusion"] = confusion_matrix(true, predicted, n_classes).tolist()
        return record
