"""Linear classifiers compared by cross-validation, their parameters chosen inside each training part."""

from typing import Literal, Self

from pydantic import Field, model_validator

from maxmargin._checks import check_choice
from maxmargin.studies.papers.linear_methods import LinearMethod, best
from maxmargin.studies.papers.m3svm_script import ScriptSettings
from maxmargin.studies.papers.notebook import Notebook
from maxmargin.studies.papers.procedure import Procedure
from maxmargin.studies.papers.samples import Fold, RowsOf
from maxmargin.studies.records import Record

_SCRIPT = "m3svm-script"


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

    @property
    def sources(self) -> list[str]:
        """Those that are run."""
        return [rows.source for rows in self._run_data().values()]

    def run(self, notebook: Notebook, seeds: range, device: str) -> None:  # noqa: ARG002
        """Choose in each training part, then test; a seed divides all data sets before the next begins."""
        for seed in seeds:
            for name, rows in self._run_data().items():
                sample = rows.load()
                if sample is None:
                    notebook.tell(rows.missing())
                    continue
                a_fit = rows.seconds()
                for fold in sample.folds(name, self.folds, seed):
                    for method in self.methods:
                        self._choose_and_test(notebook, method, fold, a_fit)
                    if name in self.script:
                        self._as_script(notebook, name, fold, a_fit)

    def effort(self, seeds: range) -> float:
        """Of all fits."""
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


def _tests(method: LinearMethod) -> int:
    return len(method.grid[method.each]) if method.each else 1


def _tested(method: LinearMethod, fold: Fold, params: dict[str, float]) -> Record:
    model, how = method.fitted(*fold.training, params)
    return fold.scored(model.predict(fold.X[fold.test])) | how


def _measured(record: Record) -> Record:
    names = ("accuracy", "n_train", "n_test", "confusion", "seconds", "converged")
    return {name: record[name] for name in names if name in record}
