"""The figures of the M3SVM paper, and the bound of its Theorem 6."""

from typing import Literal, Self

from pydantic import Field, model_validator

from maxmargin._checks import check_choice
from maxmargin.studies.papers.data_pictures import Confusions, Maps, Plane
from maxmargin.studies.papers.figure_part import Part
from maxmargin.studies.papers.m3svm_behaviour import Steps, Strengths
from maxmargin.studies.papers.margin_bound import Bound
from maxmargin.studies.papers.notebook import Notebook
from maxmargin.studies.papers.procedure import Procedure
from maxmargin.studies.papers.samples import RowsOf


class M3SVMFigures(Procedure):
    """What M3SVM does on some data sets, and how these look.

    Attributes
    ----------
    folds : int
        Parts of a cross-validation.
    data : mapping from str to RowsOf
        By name; those that are not there are left out.
    plane, steps, strengths, maps, confusions, bound : Part
        What is shown, each with the names of the data sets that it is shown on.
    """

    kind: Literal["m3svm-figures"]
    folds: int = Field(ge=2)
    data: dict[str, RowsOf]
    plane: Plane
    steps: Steps
    strengths: Strengths
    maps: Maps
    confusions: Confusions
    bound: Bound

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        for part in self._parts():
            for name in part.on:
                check_choice(name, self.data, "data set to show")
        return self

    @property
    def sources(self) -> list[str]:
        """Those that something is shown on."""
        return [rows.source for name, rows in self.data.items() if any(name in p.on for p in self._parts())]

    def run(self, notebook: Notebook, seeds: range, device: str) -> None:  # noqa: ARG002
        """Show each data set under every seed."""
        for name, rows in self.data.items():
            parts = [part for part in self._parts() if name in part.on]
            if not parts:
                continue
            sample = rows.load()
            if sample is None:
                notebook.tell(rows.missing())
                continue
            for seed in seeds:
                for part in parts:
                    where = {"data": name, "seed": seed}
                    part.show(notebook, sample, where, self.folds, part.work * rows.seconds())

    def effort(self, seeds: range) -> float:
        """Of all parts."""
        return len(seeds) * sum(
            part.runs(self.folds) * part.work * self.data[name].seconds()
            for part in self._parts()
            for name in part.on
        )

    def _parts(self) -> list[Part]:
        return [self.plane, self.steps, self.strengths, self.maps, self.confusions, self.bound]
