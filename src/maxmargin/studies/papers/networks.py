"""Networks trained end to end under several losses, their settings chosen on validation rows."""

import shutil
from collections.abc import Mapping
from itertools import product
from typing import Any, ClassVar, Literal

import numpy as np

from maxmargin._checks import InputError, check_torch
from maxmargin.datasets import load_dataset
from maxmargin.evidence import Strict
from maxmargin.studies.papers.notebook import Notebook
from maxmargin.studies.papers.procedure import Procedure
from maxmargin.studies.records import Record

_Part = tuple[np.ndarray, np.ndarray]
_SELECTION_SEED = 0  # whatever the seeds of the trainings, so that these share one choice


class NetworkMethod(Strict):
    """A loss, and the values of its settings to choose from."""

    loss: str
    C: list[float]
    momentum: list[float]


class Networks(Procedure):
    """One network trained under several losses.

    Attributes
    ----------
    data : str
        The data set.
    train_rows, test_rows, validation_rows : int
        The first rows that are trained on, the last rows of the data set, and the last ones of those that are
        trained on: they choose what the paper leaves open.
    components : int
        Principal components that the rows are reduced to.
    net : str
        Name of the network.
    epochs, selection_epochs : int
        Passes of a training, and of one that only chooses.
    noise : float
        Standard deviation of the inputs' noise at first; it goes to 0 linearly.
    training : mapping
        Other settings of the trainer.
    methods : mapping from str to NetworkMethod
        By the name of the row.
    """

    libraries: ClassVar[tuple[str, ...]] = ("torch",)

    kind: Literal["networks"]
    data: str
    train_rows: int
    test_rows: int
    validation_rows: int
    components: int
    net: str
    epochs: int
    selection_epochs: int
    noise: float
    training: dict[str, Any]
    methods: dict[str, NetworkMethod]

    def run(self, notebook: Notebook, seeds: range, device: str) -> None:
        """Choose on the validation rows, then train on all rows but those of the test."""
        check_torch()
        dataset = load_dataset(self.data)
        X, y = np.asarray(dataset.X, dtype=np.float32), np.unique(dataset.y, return_inverse=True)[1]
        n_train = min(self.train_rows, len(y) - self.test_rows)
        if n_train <= self.validation_rows:
            raise InputError(
                f"{dataset.source} has {len(y)} rows; "
                f"more than {self.test_rows + self.validation_rows} are needed"
            )
        cut = n_train - self.validation_rows
        known = self._reduced((X[:cut], y[:cut]), (X[cut:n_train], y[cut:n_train]))
        chosen = {method: self._choose(notebook, method, device, *known) for method in self.methods}
        parts = self._reduced((X[:n_train], y[:n_train]), (X[-self.test_rows :], y[-self.test_rows :]))
        for seed in seeds:
            for method, params in chosen.items():
                place = {"kind": "test", "method": method, "seed": seed, **params}
                self._once(notebook, place, self.epochs, device, *parts)

    def effort(self, seeds: range) -> float:
        """Epochs times their number of rows."""
        candidates = sum(len(_candidates(method)) for method in self.methods.values())
        selection = candidates * self.selection_epochs * (self.train_rows - self.validation_rows)
        return selection + len(seeds) * len(self.methods) * self.epochs * self.train_rows

    def _reduced(self, train: _Part, unseen: _Part) -> tuple[_Part, _Part]:
        """Rows as their principal components, learnt from the training rows alone."""
        from maxmargin.deep import PrincipalComponents, apply_net

        pca = PrincipalComponents(self.components, scale="global").fit(train[0])
        return (apply_net(pca, train[0]), train[1]), (apply_net(pca, unseen[0]), unseen[1])

    def _choose(
        self, notebook: Notebook, method: str, device: str, train: _Part, unseen: _Part
    ) -> Mapping[str, float]:
        """The settings of the least validation error; the first among equals."""
        tried = []
        for params in _candidates(self.methods[method]):
            place = {"kind": "selection", "method": method, "seed": _SELECTION_SEED, **params}
            tried.append((self._once(notebook, place, self.selection_epochs, device, train, unseen), params))
        return min(tried, key=lambda pair: pair[0]["error"])[1]

    def _once(
        self, notebook: Notebook, place: Record, epochs: int, device: str, train: _Part, unseen: _Part
    ) -> Record:
        return notebook.once(
            place,
            lambda: self._train(notebook, place, epochs, device, train, unseen),
            effort=epochs * len(train[1]),
        )

    def _train(
        self, notebook: Notebook, place: Record, epochs: int, device: str, train: _Part, unseen: _Part
    ) -> Record:
        """Train one network and count its errors on the rows that it has not seen."""
        from maxmargin import nn
        from maxmargin.deep import LinearDecay, Stage, Trainer, apply_net
        from maxmargin.deep.ingredients import make_net

        n_classes = int(train[1].max()) + 1
        net = make_net(self.net, None, train[0].shape[1:], n_classes, seed=place["seed"])
        checkpoints = notebook.folder(place)
        trainer = Trainer(
            epochs=epochs,
            momentum=place["momentum"],
            noise=LinearDecay(self.noise),
            seed=place["seed"],
            accelerator=device,
            out=checkpoints,
            **self.training,
        )
        loss = getattr(nn, self.methods[place["method"]].loss)()
        log = trainer.fit(net, Stage(loss, C=place["C"]), *train, resume=True)
        shutil.rmtree(checkpoints)
        predicted = apply_net(net, unseen[0]).argmax(axis=1)
        curves = ("train_loss", "train_accuracy")
        return {
            "epochs": epochs,
            "train_rows": len(train[1]),
            "n_test": len(unseen[1]),
            "error": float(np.mean(predicted != unseen[1])),
            "seconds": round(sum(epoch["seconds"] for epoch in log.epochs), 1),
            "curve": {name: [round(epoch[name], 6) for epoch in log.epochs] for name in curves},
        }


def _candidates(method: NetworkMethod) -> list[dict[str, float]]:
    return [{"C": C, "momentum": momentum} for C, momentum in product(method.C, method.momentum)]
