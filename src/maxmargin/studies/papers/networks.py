"""Networks trained end to end under several losses, their settings chosen on validation rows."""

from typing import Literal

import numpy as np

from maxmargin.studies.papers.network_inputs import Part, present
from maxmargin.studies.papers.network_settings import NetworkSettings, Params
from maxmargin.studies.papers.network_training import Trainings
from maxmargin.studies.papers.notebook import Notebook

_SELECTION_SEED = 0  # whatever the seeds of the trainings, so that these share one choice


class Networks(NetworkSettings):
    """Networks trained on all rows but those of the test, with what was chosen on the validation rows."""

    kind: Literal["networks"]

    def run(self, notebook: Notebook, seeds: range, device: str) -> None:
        """On each data set, choose on the validation rows, then train on all rows but those of the test."""
        for data, inputs in present(self.data, notebook.tell).items():
            known, unseen = inputs.parts()
            chosen = choose(self, notebook, data, known, n_classes_of(known, unseen), device)
            trainings = Trainings(
                self,
                notebook,
                data,
                *inputs.prepared(known, unseen),
                n_classes=n_classes_of(known, unseen),
                device=device,
                chosen=chosen,
            )
            for seed in seeds:
                self._run_seed(trainings, seed)

    def _run_seed(self, trainings: Trainings, seed: int) -> None:
        plan = [
            (name, params)
            for name, method in self.methods_on(trainings.data).items()
            for params in (method.candidates() if method.kind == "sweep" else [trainings.chosen[name]])
        ]
        for name, params in plan:
            trainings.once(name, seed, params)
        for name, params in plan:
            trainings.forget(name, seed, params)


def choose(
    settings: NetworkSettings, notebook: Notebook, data: str, known: Part, n_classes: int, device: str
) -> dict[str, Params]:
    """Settings of least validation error for each method, the first among equals.

    Parameters
    ----------
    settings : NetworkSettings
        The methods and their settings' values.
    notebook : Notebook
        Where the records go.
    data : str
        Which of the settings' data sets it is.
    known : Part
        Rows to train and to validate on.
    n_classes : int
        Number of classes.
    device : str
        Where to train.
    """
    methods = settings.methods_on(data)
    chosen: dict[str, Params] = {}
    trainings: Trainings | None = None
    for name, method in methods.items():
        candidates = method.candidates()
        if method.chooses:
            if trainings is None:
                inputs = settings.data[data]
                train, held_out = inputs.prepared(*inputs.divided(known))
                trainings = Trainings(
                    settings, notebook, data, train, held_out, n_classes, device, chosen, choosing=True
                )
            errors = [trainings.once(name, _SELECTION_SEED, params)["error"] for params in candidates]
            chosen[name] = candidates[int(np.argmin(errors))]
        else:
            chosen[name] = candidates[0]
    if trainings is not None:
        for name, method in methods.items():
            for params in method.candidates():
                trainings.forget(name, _SELECTION_SEED, params)
    return chosen


def n_classes_of(*parts: Part) -> int:
    """Number of the classes of all parts."""
    return int(max(part.y.max() for part in parts)) + 1
