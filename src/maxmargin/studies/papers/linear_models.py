"""Linear classifiers compared by cross-validation, their parameters chosen inside each training part."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from maxmargin._checks import check_choice
from maxmargin._typing import Floats, Ints
from maxmargin.datasets import available_datasets, load_dataset
from maxmargin.evidence import Strict
from maxmargin.metrics import confusion_matrix
from maxmargin.studies.drawing import drawn
from maxmargin.studies.papers.linear_methods import LinearMethod, best
from maxmargin.studies.papers.m3svm_script import ScriptSettings
from maxmargin.studies.papers.notebook import Notebook
from maxmargin.studies.papers.procedure import Procedure
from maxmargin.studies.records import Record

_MOST_CONFUSED = 10  # classes up to which counts by true and predicted class are recorded
_SCRIPT = "m3svm-script"
_FIT, _PER_ENTRY = (
    0.01,
    2e-8,
)  # seconds, about, of a fit of a fast method, and of it for each row, feature and class


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

    def load(self) -> tuple[Floats, Ints] | None:
        """Features and classes from 0 on, or None where the data set is not there."""
        if not self._info().present:
            return None
        dataset, _ = drawn(load_dataset(self.source), self.rows, seed=0)
        return np.asarray(dataset.X, dtype=np.float64), np.unique(dataset.y, return_inverse=True)[1]

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


class LinearModels(Procedure):
    """Linear classifiers, compared by stratified cross-validation with a seed of its own.

    Attributes
    ----------
    folds, inner_folds : int
        Parts of the cross-validation, and of the one of each training part that chooses.
    data : mapping from str to RowsOf
        By the name of the column; those that are not there are left out.
    only : list of str or None
        The names of those that are run; all by default.
    methods : mapping from str to LinearMethod
        By the name of the row.
    script : mapping from str to ScriptSettings
        Settings by data set, where the protocol of the script of M3SVM's authors is run too.
    """

    kind: Literal["linear-models"]
    folds: int = Field(ge=2)
    inner_folds: int = Field(ge=2)
    data: dict[str, RowsOf]
    only: list[str] | None = None
    methods: dict[str, LinearMethod]
    script: dict[str, ScriptSettings] = Field(default={})

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        for name in self.only or []:
            check_choice(name, self.data, "data set to run")
        for name in self.script:
            check_choice(name, self.data, "data set of the script")
        return self

    def run(self, notebook: Notebook, seeds: range, device: str) -> None:  # noqa: ARG002
        """Choose in each training part, then test; a seed divides all data sets before the next begins."""
        for seed in seeds:
            for name, rows in self._run_data().items():
                loaded = rows.load()
                if loaded is None:
                    notebook.tell(rows.missing())
                    continue
                a_fit = rows.seconds()
                for fold in divided(name, *loaded, self.folds, seed):
                    for method in self.methods:
                        self._choose_and_test(notebook, method, fold, a_fit)
                    if name in self.script:
                        self._as_script(notebook, name, fold, a_fit)

    def effort(self, seeds: range) -> float:
        """About the seconds of all fits on one processor."""
        a_fit = {name: rows.seconds() for name, rows in self._run_data().items()}
        fits = sum(m.work * (self._searched(m) + _tests(m)) for m in self.methods.values())
        scripts = sum(a_fit.get(name, 0) for name in self.script)
        return len(seeds) * self.folds * (fits * sum(a_fit.values()) + scripts)

    def _run_data(self) -> dict[str, RowsOf]:
        return {name: rows for name, rows in self.data.items() if self.only is None or name in self.only}

    def _searched(self, method: LinearMethod) -> int:
        return self.inner_folds * method.candidates()

    def _choose_and_test(self, notebook: Notebook, name: str, fold: Fold, a_fit: float) -> None:
        method = self.methods[name]
        place = {"method": name} | fold.place
        grid = notebook.once(
            {"kind": "search"} | place | {"grid_of": method.text()},
            lambda: method.searched(*fold.training, self.inner_folds, fold.place["seed"]),
            effort=a_fit * method.work * self._searched(method),
        )["grid"]
        chosen, accuracy = best(grid)
        notebook.once({"kind": "selection"} | place | chosen, lambda: {"accuracy": accuracy}, effort=0)
        effort = a_fit * method.work
        if method.each is None:
            test = {"kind": "test"} | place | chosen
            notebook.once(test, lambda: _tested(method, fold, chosen), effort=effort)
            return
        tests = {}
        for value in method.grid[method.each]:
            params, _ = best(grid, **{method.each: value})
            tests[value] = notebook.once(
                {"kind": "each"} | place | {"choice": f"{method.each} = {value:g}", "fixed": True} | params,
                lambda params=params: _tested(method, fold, params),
                effort=effort,
            )
        same = _measured(tests[chosen[method.each]])
        free = {"choice": "chosen", "fixed": False}
        notebook.once({"kind": "each"} | place | free | chosen, lambda: same, effort=0)
        notebook.once({"kind": "test"} | place | chosen, lambda: same, effort=0)

    def _as_script(self, notebook: Notebook, name: str, fold: Fold, a_fit: float) -> None:
        settings = self.script[name]
        place = {"kind": "test", "method": _SCRIPT} | fold.place | settings.model_dump()

        def work() -> Record:
            predicted, found = settings.predicted(fold.X, fold.y, fold.train, fold.test, fold.place["seed"])
            return fold.scored(predicted) | found

        notebook.once(place, work, effort=a_fit)


def divided(name: str, X: Floats, y: Ints, folds: int, seed: int) -> Iterator[Fold]:
    """Folds of a stratified cross-validation."""
    from sklearn.model_selection import StratifiedKFold

    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    for number, (train, test) in enumerate(splitter.split(X, y)):
        yield Fold({"data": name, "seed": seed, "fold": number}, X, y, train, test)


def _tests(method: LinearMethod) -> int:
    return len(method.grid[method.each]) if method.each else 1


def _tested(method: LinearMethod, fold: Fold, params: dict[str, float]) -> Record:
    model, how = method.fitted(*fold.training, params)
    return fold.scored(model.predict(fold.X[fold.test])) | how


def _measured(record: Record) -> Record:
    names = ("accuracy", "n_train", "n_test", "confusion", "seconds", "converged")
    return {name: record[name] for name in names if name in record}
