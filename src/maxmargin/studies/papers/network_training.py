"""Trainings of networks on the same rows, each recorded once and its network kept while it is needed."""

import math
import shutil
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from maxmargin._checks import InputError
from maxmargin.studies.papers.network_inputs import Part
from maxmargin.studies.papers.network_measures import drawn_filters, measures_of, objective
from maxmargin.studies.papers.network_settings import NetworkSettings, Params
from maxmargin.studies.papers.notebook import Notebook
from maxmargin.studies.records import Record

_OF_THE_TRAINER = ("lr", "momentum", "weight_decay", "head_weight_decay")
_LOOKS = 10  # at a network along the way


@dataclass(frozen=True)
class Trainings:
    """Trainings of networks on the same rows.

    Parameters
    ----------
    settings : NetworkSettings
        How to train.
    notebook : Notebook
        Where the records go.
    data : str
        Which of the settings' data sets it is.
    train, unseen : Part
        Prepared rows to train on, and others to count the errors on.
    n_classes : int
        Number of classes.
    device : str
        Where to train.
    chosen : dict of str to Params
        The settings that were chosen for each method.
    choosing : bool
        Whether these trainings choose settings, so that the unseen rows are those of validation.
    keeps : bool
        Whether each network is kept on disk; without it only those that another method goes on from are.
    part : mapping
        What tells these trainings from those on other rows, such as a fold.
    """

    settings: NetworkSettings
    notebook: Notebook
    data: str
    train: Part
    unseen: Part
    n_classes: int
    device: str
    chosen: dict[str, Params] = field(default_factory=dict)
    choosing: bool = False
    keeps: bool = False
    part: Mapping[str, Any] = field(default_factory=dict)

    def once(self, method: str, seed: int, params: Params) -> Record:
        """The record of a training, which is made now if there is none."""
        place = self.place(method, seed, params)
        return self.notebook.once(
            place,
            lambda: self._train(method, seed, params)[1],
            effort=self.settings.data[self.data].seconds(self._epochs(method), len(self.train.y)),
        )

    def net(self, method: str, seed: int, params: Params) -> Any:
        """The trained network: the kept one, or trained for its own sake where none is kept."""
        from maxmargin.deep.checkpoints import load_checkpoint, load_weights

        path = self.folder(method, seed, params) / "net.pt"
        if not path.exists():
            return self._train(method, seed, params)[0]
        net = self._new_net(method, seed, params)
        load_weights(net, load_checkpoint(path)["net"], path)
        return net

    def forget(self, method: str, seed: int, params: Params) -> None:
        """Remove what was kept of a training."""
        shutil.rmtree(self.folder(method, seed, params), ignore_errors=True)

    def place(self, method: str, seed: int, params: Params) -> Record:
        """What tells the record of a training from every other one."""
        own = self.settings.methods[method]
        place: Record = {"kind": "selection" if self.choosing else own.kind, "method": method}
        if len(self.settings.data) > 1:
            place["data"] = self.data
        place |= {"seed": seed, **self.part, **params}
        if own.after is not None:
            place |= {f"{own.after}_{name}": value for name, value in self.chosen[own.after].items()}
        return place

    def folder(self, method: str, seed: int, params: Params) -> Path:
        """Where a training keeps what is needed of it, its network as ``net.pt``, until it is forgotten."""
        return self.notebook.folder(self.place(method, seed, params))

    def _epochs(self, method: str) -> int:
        return self.settings.passes(method, choosing=self.choosing)

    def _train(self, method: str, seed: int, params: Params) -> tuple[Any, Record]:
        """Train a network, measure it, and keep it if it is needed."""
        from maxmargin.deep import DivergedError, Stage, Trainer
        from maxmargin.deep.checkpoints import save_checkpoint

        own, epochs = self.settings.methods[method], self._epochs(method)
        path = self.folder(method, seed, params) / "net.pt"
        trainer = Trainer(
            **self._trainer_settings(method, params),
            **self._looking(method, epochs),
            epochs=epochs,
            seed=seed,
            accelerator=self.device,
            out=path.parent,
        )
        net = self._first_net(method, seed, params)
        first = self._look(net) if own.kind == "drift" and not self.choosing else None
        stage = Stage(self._loss(method, params), C=params.get("C", 1.0))
        shown = self.unseen if self.settings.test_curve and not self.choosing else None
        record: Record = {"epochs": epochs, "n_train": len(self.train.y)}
        try:
            log = trainer.fit(net, stage, *self.train, validation=shown, resume=True)
        except DivergedError:
            record |= {"diverged": True, **_of_chance(len(self.unseen.y), self.n_classes)}
        else:
            record |= self._measured(net, log, first)
        shutil.rmtree(path.parent, ignore_errors=True)
        if self.keeps or method in {other.after for other in self.settings.methods.values()}:
            path.parent.mkdir(parents=True)
            save_checkpoint(path, {"net": net.state_dict()})
        return net, record

    def _trainer_settings(self, method: str, params: Params) -> dict[str, Any]:
        from maxmargin.deep import LinearDecay

        given = {name: value for name, value in params.items() if name in _OF_THE_TRAINER}
        inputs = self.settings.data[self.data]
        return {
            **self.settings.training,
            **self.settings.methods[method].training,
            **given,
            "noise": LinearDecay(self.settings.noise),
            "augmentation": inputs.augmenting(),
        }

    def _looking(self, method: str, epochs: int) -> dict[str, Any]:
        from maxmargin.deep import Snapshots

        if self.settings.methods[method].kind != "drift":
            return {}
        return {"averaging": Snapshots(every=math.ceil(epochs / _LOOKS), last=_LOOKS)}

    def _loss(self, method: str, params: Params) -> Any:
        from maxmargin import nn

        name = self.settings.methods[method].loss
        routed = (*_OF_THE_TRAINER, "C", "head_margin", "pairwise")
        options = {key: value for key, value in params.items() if key not in routed}
        try:
            loss = getattr(nn, name)(**options)
        except (AttributeError, TypeError) as error:
            raise InputError(f"method {method}: {error}") from error
        return nn.PenalisedLoss(loss, strength=params["pairwise"]) if "pairwise" in params else loss

    def _first_net(self, method: str, seed: int, params: Params) -> Any:
        """The network that training begins with."""
        before = self.settings.methods[method].after
        if before is None:
            return self._new_net(method, seed, params)
        return self.net(before, seed, self.chosen[before])

    def _new_net(self, method: str, seed: int, params: Params) -> Any:
        from maxmargin import nn
        from maxmargin.deep import Trainer, build_net
        from maxmargin.deep.ingredients import make_device, make_net

        def large_margin(n_features: int, n_classes: int) -> Any:
            size = self.settings.training.get("batch_size", Trainer.batch_size)
            batches = math.ceil(len(self.train.y) / size)
            steps = max(1, self._epochs(method) * batches // 2)  # the margin is in force for the second half
            margin = int(params["head_margin"])
            return nn.LargeMarginSoftmaxLinear.annealed(n_features, n_classes, margin, steps)

        def made(shape: tuple[int, ...], n_classes: int) -> Any:
            head = large_margin if "head_margin" in params else "linear"
            return build_net(self.settings.data[self.data].net, shape, n_classes, head=head)

        net = make_net(made, None, self.train.X.shape[1:], self.n_classes, seed=seed)
        return net.to(make_device(self.device))

    def _measured(self, net: Any, log: Any, first: dict[str, float] | None) -> Record:
        from maxmargin.deep import apply_net

        curve = {
            "train_loss": [round(epoch["train_loss"], 6) for epoch in log.epochs],
            "train_accuracy": [round(epoch["train_accuracy"], 6) for epoch in log.epochs],
        }
        if log.epochs[0]["validation_accuracy"] is not None:
            curve["test_accuracy"] = [round(epoch["validation_accuracy"], 6) for epoch in log.epochs]
        record = measures_of(apply_net(net, self.unseen.X), self.unseen.y)
        record |= {"seconds": round(sum(epoch["seconds"] for epoch in log.epochs), 1), "curve": curve}
        if self.choosing:
            return record
        if self.settings.filters:
            record["images"] = drawn_filters(net)
        record |= self._objectives(net)
        if first is not None:
            every = math.ceil(len(log.epochs) / _LOOKS)
            curve |= {"epoch": [every * k for k in range(len(log.snapshots) + 1)]}
            curve |= self._drift(net, log.snapshots, first)
        return record

    def _objectives(self, net: Any) -> Record:
        """Each objective's value over its C, on the training rows as they are."""
        from maxmargin.deep import apply_net

        here = {name: m for name, m in self.settings.objectives.items() if m in self.chosen}
        if not here:
            return {}
        scores, found = apply_net(net, self.train.X).astype(np.float64), {}
        for name, method in here.items():
            params = self.chosen[method]
            mean = float(self._loss(method, params).loss.value(scores, self.train.y).mean())
            found[name] = objective(net, mean, self._trainer_settings(method, params), params.get("C", 1.0))
        return found

    def _look(self, net: Any) -> dict[str, float]:
        """Test error and objectives of a network on its way."""
        from maxmargin.deep import apply_net

        error = float(np.mean(apply_net(net, self.unseen.X).argmax(axis=1) != self.unseen.y))
        return {"test_error": round(error, 6), **self._objectives(net)}

    def _drift(self, net: Any, snapshots: list[Any], first: dict[str, float]) -> dict[str, list[float]]:
        """What :meth:`_look` saw where the training began, and sees along its way."""
        looks, on_the_way = [first], deepcopy(net)
        for state in snapshots:
            on_the_way.load_state_dict(state)
            looks.append(self._look(on_the_way))
        return {name: [look[name] for look in looks] for name in first}


def _of_chance(n_rows: int, n_classes: int) -> Record:
    """What is recorded of a training that diverged: the error of a guess."""
    error = 1 - 1 / n_classes
    return {"n_test": n_rows, "error": error, "accuracy": 1 - error, "seconds": 0.0}
