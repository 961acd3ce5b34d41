"""Networks trained by cross-validation, whose averaged scores are tried on several parts of the test rows."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal, Self

import numpy as np
from pydantic import model_validator

from maxmargin.studies.papers.network_inputs import Part, present
from maxmargin.studies.papers.network_measures import measures_of
from maxmargin.studies.papers.network_settings import NetworkSettings, Params
from maxmargin.studies.papers.network_training import Trainings
from maxmargin.studies.papers.networks import choose, n_classes_of
from maxmargin.studies.papers.notebook import Notebook
from maxmargin.studies.records import Record

_FOLDS = "cross-validation"


class AveragedNetworks(NetworkSettings):
    """One network a fold, trained without the rows of its fold, and the mean of their scores.

    The records' ``scored_on`` says on which rows: "cross-validation" for those of a fold, or a test part.

    Attributes
    ----------
    folds : int
        Number of networks; row i of the training part is in fold i modulo ``folds``.
    test_parts : mapping from str to int
        Number of rows of each part of the test rows, in their order.
    """

    kind: Literal["averaged-networks"]
    folds: int
    test_parts: dict[str, int]

    @model_validator(mode="after")
    def _check_parts(self) -> Self:
        for name, inputs in self.data.items():
            if sum(self.test_parts.values()) != inputs.test_rows:
                raise ValueError(f"data.{name}: test_rows is {inputs.test_rows}, not the sum of test_parts")
        return self

    def run(self, notebook: Notebook, seeds: range, device: str) -> None:
        """Choose on the validation rows, then train a network a fold and average their scores."""
        for data, inputs in present(self.data, notebook.tell).items():
            known, unseen = inputs.parts()
            n_classes = n_classes_of(known, unseen)
            chosen = choose(self, notebook, data, known, n_classes, device)
            whole = Trainings(self, notebook, data, known, unseen, n_classes, device, chosen)
            for seed in seeds:
                self._run_seed(whole, seed)

    def _run_seed(self, whole: Trainings, seed: int) -> None:
        places = {
            method: self._places(whole, method, seed, params) for method, params in whole.chosen.items()
        }
        left = [m for m in places if not all(whole.notebook.find(**place) for place, _ in places[m])]
        if not left:
            return
        scores: dict[str, list[np.ndarray]] = {method: [] for method in left}
        for fold, test in self._folds(whole):
            for method in left:
                fold.once(method, seed, whole.chosen[method])
                scores[method].append(_kept_scores(fold, method, seed, test))
        for method in left:
            mean = np.mean(scores[method], axis=0)
            for place, rows in places[method]:
                whole.notebook.once(place, lambda m=mean[rows], y=whole.unseen.y[rows]: measures_of(m, y))
        for number in range(self.folds):
            for method in left:
                self._of_fold(whole, number).forget(method, seed, whole.chosen[method])

    def _places(self, whole: Trainings, method: str, seed: int, params: Params) -> list[tuple[Record, slice]]:
        """Where the averaged scores of each test part are recorded, and its rows."""
        ends = np.cumsum(list(self.test_parts.values())).tolist()
        return [
            (replace(whole, part={"scored_on": name}).place(method, seed, params), slice(start, end))
            for name, start, end in zip(self.test_parts, [0, *ends], ends, strict=False)
        ]

    def _folds(self, whole: Trainings) -> Iterator[tuple[Trainings, Part]]:
        """Trainings of each fold, and the test rows prepared as theirs."""
        for number in range(self.folds):
            held_out = np.arange(len(whole.train.y)) % self.folds == number
            train, validation, test = self.data[whole.data].prepared(
                whole.train.at(~held_out), whole.train.at(held_out), whole.unseen
            )
            yield replace(self._of_fold(whole, number), train=train, unseen=validation), test

    def _of_fold(self, whole: Trainings, number: int) -> Trainings:
        return replace(whole, part={"scored_on": _FOLDS, "fold": number}, keeps=True)

    def _effort(self, data: str, method: str, seeds: range) -> float:
        # Every row is trained on in all folds but one.
        inputs = self.data[data]
        once = len(seeds) * inputs.seconds(self.passes(method, choosing=False), inputs.train_rows)
        return super()._effort(data, method, seeds) + (self.folds - 2) * once


def _kept_scores(trainings: Trainings, method: str, seed: int, test: Part) -> np.ndarray:
    """Scores of the test rows, which take the place of the network that is kept."""
    from maxmargin.deep import apply_net

    params = trainings.chosen[method]
    path = trainings.folder(method, seed, params) / "scores.npy"
    if not path.exists():
        scores = apply_net(trainings.net(method, seed, params), test.X)
        trainings.forget(method, seed, params)
        path.parent.mkdir(parents=True)
        np.save(path, scores)
    return np.load(path)
