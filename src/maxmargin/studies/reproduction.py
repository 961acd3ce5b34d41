"""The papers' experiments, rerun; what they leave open is chosen on validation rows."""

import shutil
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from maxmargin._checks import InputError, check_choice, check_torch
from maxmargin.datasets import load_dataset
from maxmargin.studies.provenance import commit, machine, versions
from maxmargin.studies.records import Record, RecordLog

_Part = tuple[np.ndarray, np.ndarray]
_SELECTION_SEED = 0  # whatever the seeds of the trainings, so that these share one choice
_PAPERS = files("maxmargin.studies") / "papers"


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """An experiment of a paper, as its file under ``papers`` describes it.

    Attributes
    ----------
    name, title, paper, data : str
        What it is called and does, where it is printed, and the data set that it is run on.
    test_rows, validation_rows : int
        The last rows of the data set, and the last ones of those before them.
    components : int
        Principal components that the rows are reduced to.
    net : str
        Name of the network.
    training : mapping
        Settings of the trainer that the paper prints.
    objectives : mapping
        By name: the loss, the values of C and of the momentum to choose from, and the error that is printed.
    scales : mapping
        By name: rows and epochs.
    """

    name: str
    title: str
    paper: str
    data: str
    test_rows: int
    validation_rows: int
    components: int
    net: str
    training: Mapping[str, Any]
    objectives: Mapping[str, Mapping[str, Any]]
    scales: Mapping[str, Mapping[str, int]]


def available_experiments() -> dict[str, str]:
    """Title of each experiment by its name.

    Examples
    --------
    >>> list(available_experiments())
    ['tang-mnist']
    """
    return {name: load_experiment(name).title for name in _names()}


def load_experiment(name: str) -> Experiment:
    """Read an experiment.

    Raises
    ------
    InputError
        If the name is unknown.

    Examples
    --------
    >>> load_experiment("tang-mnist").objectives["dlsvm-l2"]["paper_error"]
    0.0087
    """
    check_choice(name, _names(), "experiment")
    return Experiment(name=name, **tomllib.loads((_PAPERS / f"{name}.toml").read_text(encoding="utf-8")))


def _names() -> list[str]:
    return sorted(p.name.removesuffix(".toml") for p in _PAPERS.iterdir() if p.name.endswith(".toml"))


class Reproduction:
    """An experiment rerun at one scale, its records appended to a file as each training ends.

    A training that is recorded is not run again; one that was killed goes on from its checkpoint.

    Parameters
    ----------
    experiment : Experiment
        What to run.
    scale : str
        A key of its ``scales``.
    seeds : sequence of int
        One training an objective for each.
    out : Path
        Folder of ``<name>.jsonl``, and of the checkpoints while a training runs.
    device : {"auto", "cpu", "cuda"}
        Where the networks are trained.
    progress : bool
        Whether the time left of each training is shown.
    tell : callable
        Told what is done, a line each.
    """

    def __init__(
        self,
        experiment: Experiment,
        scale: str,
        seeds: range,
        out: Path,
        *,
        device: str = "auto",
        progress: bool = False,
        tell: Callable[[str], None] = print,
    ) -> None:
        check_choice(scale, experiment.scales, "scale")
        self.experiment, self.scale, self.seeds, self.out = experiment, scale, seeds, out
        self.device, self.progress, self.tell = device, progress, tell
        self.sizes = experiment.scales[scale]
        self.log = RecordLog(out / f"{experiment.name}.jsonl")
        self._stamp = {"versions": versions("torch"), "commit": commit(), "machine": machine()}

    def run(self) -> list[Record]:
        """Run what is not recorded yet, and return the records of this scale and of the values chosen."""
        check_torch()
        dataset = load_dataset(self.experiment.data)
        X, y = np.asarray(dataset.X, dtype=np.float32), np.unique(dataset.y, return_inverse=True)[1]
        n_train = min(self.sizes["train_rows"], len(y) - self.experiment.test_rows)
        if n_train <= self.experiment.validation_rows:
            raise InputError(
                f"{dataset.source} has {len(y)} rows; {self.experiment.name} needs more than "
                f"{self.experiment.test_rows + self.experiment.validation_rows}"
            )
        cut = n_train - self.experiment.validation_rows
        known = self._reduced((X[:cut], y[:cut]), (X[cut:n_train], y[cut:n_train]))
        chosen = {objective: self._choose(objective, *known) for objective in self.experiment.objectives}
        n_test = self.experiment.test_rows
        parts = self._reduced((X[:n_train], y[:n_train]), (X[-n_test:], y[-n_test:]))
        for seed in self.seeds:
            for objective, params in chosen.items():
                place = {"kind": "test", "objective": objective, "seed": seed, **params}
                self._once(place, lambda p=place, c=params: self._train(p, c, "epochs", *parts))
        # A wider grid may choose anew; what was trained by an older choice stays in the file.
        return [
            record
            for record in self._recorded()
            if record["kind"] == "selection" or chosen[record["objective"]].items() <= record.items()
        ]

    def _reduced(self, train: _Part, unseen: _Part) -> tuple[_Part, _Part]:
        """Rows as their principal components, learnt from the training rows alone."""
        from maxmargin.deep import PrincipalComponents, apply_net

        pca = PrincipalComponents(self.experiment.components, scale="global").fit(train[0])
        return (apply_net(pca, train[0]), train[1]), (apply_net(pca, unseen[0]), unseen[1])

    def _choose(self, objective: str, train: _Part, unseen: _Part) -> Mapping[str, float]:
        """The C and momentum of the least validation error; the first among equals."""
        names = ["C", "momentum"]
        grid = self.experiment.objectives[objective]
        candidates = [dict(zip(names, values, strict=True)) for values in product(*(grid[n] for n in names))]
        for params in candidates:
            place = {"kind": "selection", "objective": objective, "seed": _SELECTION_SEED} | params
            self._once(place, lambda p=place, c=params: self._train(p, c, "selection_epochs", train, unseen))
        mine = [r for r in self._recorded() if r["kind"] == "selection" and r["objective"] == objective]
        best = min(mine, key=lambda record: record["error"])
        return {name: best[name] for name in names}

    def _once(self, place: Record, train: Callable[[], Record]) -> None:
        if any(place.items() <= record.items() for record in self._recorded()):
            return
        record = train()
        self.log.append(record)
        shown = ", ".join(f"{name}={value}" for name, value in place.items())
        self.tell(f"{shown}: error {record['error']:.2%} in {record['seconds']:.0f} s")

    def _recorded(self) -> list[Record]:
        return [
            r
            for r in self.log.read()
            if (r["experiment"], r["scale"]) == (self.experiment.name, self.scale)
            and r["objective"] in self.experiment.objectives
        ]

    def _train(
        self, place: Record, params: Mapping[str, float], epochs: str, train: _Part, unseen: _Part
    ) -> Record:
        """Train one network and count its errors on the rows that it has not seen."""
        from maxmargin import nn
        from maxmargin.deep import LinearDecay, Stage, Trainer, apply_net
        from maxmargin.deep.ingredients import make_net

        experiment = self.experiment
        n_classes = int(train[1].max()) + 1
        net = make_net(experiment.net, None, train[0].shape[1:], n_classes, seed=place["seed"])
        checkpoints = self.out / f".{experiment.name}" / "-".join(map(str, (self.scale, *place.values())))
        settings = dict(experiment.training)
        trainer = Trainer(
            epochs=self.sizes[epochs],
            momentum=params["momentum"],
            lr_schedule="linear",
            noise=LinearDecay(settings.pop("noise")),
            seed=place["seed"],
            accelerator=self.device,
            out=checkpoints,
            progress=self.progress,
            **settings,
        )
        loss = getattr(nn, experiment.objectives[place["objective"]]["loss"])()
        log = trainer.fit(net, Stage(loss, C=params["C"]), *train, resume=True)
        shutil.rmtree(checkpoints)
        predicted = apply_net(net, unseen[0]).argmax(axis=1)
        curves = ("train_loss", "train_accuracy")
        return {
            "experiment": experiment.name,
            "scale": self.scale,
            **place,
            **params,
            "epochs": self.sizes[epochs],
            "train_rows": len(train[1]),
            "error": float(np.mean(predicted != unseen[1])),
            "seconds": round(sum(epoch["seconds"] for epoch in log.epochs), 1),
            "curve": {name: [round(epoch[name], 6) for epoch in log.epochs] for name in curves},
        } | self._stamp
