"""Representations of images, and classifiers on top of them: tuned on a sample, trained on all rows."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from maxmargin._checks import check_choice
from maxmargin.studies.papers.feature_classifiers import (
    Centroids,
    KernelMachine,
    LinearMachine,
    Neighbours,
    Task,
)
from maxmargin.studies.papers.feature_heads import OwnHead, RefittedHead
from maxmargin.studies.papers.notebook import Notebook
from maxmargin.studies.papers.procedure import Procedure
from maxmargin.studies.papers.representations import AnyRepresentation, Learnt, Rows

AnyClassifier = Annotated[
    KernelMachine | LinearMachine | Neighbours | Centroids | OwnHead | RefittedHead,
    Field(discriminator="kind"),
]

_SEEDLESS = 0  # stands for a seed in the records of what depends on none


class Features(Procedure):
    """Classifiers of features of images.

    What depends on no seed is run once, and recorded as seed 0.

    Attributes
    ----------
    data : str
        The data set.
    train_rows, test_rows : int
        The first rows, and the last ones as the data set divides them. All choices are made by
        cross-validation among the first.
    representations : mapping from str to Representation
        By name.
    classifiers : mapping from str to FeatureClassifier
        By the name of the row.
    """

    kind: Literal["features"]
    data: str
    train_rows: int
    test_rows: int
    representations: dict[str, AnyRepresentation]
    classifiers: dict[str, AnyClassifier]

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        for classifier in self.classifiers.values():
            check_choice(classifier.of, self.representations, "representation")
        return self

    @property
    def libraries(self) -> tuple[str, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Those that the representations need."""
        return tuple({library for each in self.representations.values() for library in each.libraries})

    @property
    def sources(self) -> list[str]:
        """The one data set."""
        return [self.data]

    def run(self, notebook: Notebook, seeds: range, device: str) -> None:
        """Learn the representations, then choose and test each classifier, for one seed after another."""
        rows = Rows.read(self.data, self.train_rows, self.test_rows)
        learnt: dict[str, Learnt] = {}
        for seed in seeds:
            representations, classifiers = self._run_with(seed, seeds)
            for name in representations:
                each = self.representations[name]
                own = seed if each.is_random else _SEEDLESS
                learnt[name] = Learnt(each, rows, notebook, name, own, device)
            for method in classifiers:
                classifier = self.classifiers[method]
                own = seed if self._is_random(classifier) else _SEEDLESS
                classifier.run(Task(method, own, notebook, learnt[classifier.of]))
            for name in representations:
                learnt[name].forget()

    def effort(self, seeds: range) -> float:
        """Of the representations and the classifiers."""
        total = 0.0
        for seed in seeds:
            representations, classifiers = self._run_with(seed, seeds)
            total += sum(self.representations[name].effort(self.train_rows) for name in representations)
            total += sum(self.classifiers[name].effort(self.train_rows) for name in classifiers)
        return total

    def _run_with(self, seed: int, seeds: range) -> tuple[list[str], list[str]]:
        """Names of the representations and the classifiers that this seed runs."""
        first = seed == seeds[0]
        return (
            [name for name, each in self.representations.items() if first or each.is_random],
            [name for name, each in self.classifiers.items() if first or self._is_random(each)],
        )

    def _is_random(self, classifier: AnyClassifier) -> bool:
        return self.representations[classifier.of].is_random or classifier.is_random(self.train_rows)
