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
            for name, own in representations.items():
                learnt[name] = Learnt(self.representations[name], rows, notebook, name, own, device)
            for method, own in classifiers.items():
                classifier = self.classifiers[method]
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

    def _run_with(self, seed: int, seeds: range) -> tuple[dict[str, int], dict[str, int]]:
        """The representations and the classifiers that this seed runs, with the seed that each records."""

        def recorded(randomness: dict[str, bool]) -> dict[str, int]:
            first = seed == seeds[0]
            return {
                name: seed if is_random else _SEEDLESS
                for name, is_random in randomness.items()
                if first or is_random
            }

        return (
            recorded({name: each.is_random for name, each in self.representations.items()}),
            recorded({name: self._is_random(each) for name, each in self.classifiers.items()}),
        )

    def _is_random(self, classifier: AnyClassifier) -> bool:
        return self.representations[classifier.of].is_random or classifier.is_random(self.train_rows)
