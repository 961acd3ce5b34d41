"""Compare methods on a data set: from splits to records, predictions and the best model."""

import csv
from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import numpy as np

from maxmargin._checks import InputError
from maxmargin._files import replacing
from maxmargin.datasets import Dataset
from maxmargin.metrics import compare_methods
from maxmargin.studies import protocol
from maxmargin.studies.drawing import drawn
from maxmargin.studies.folder import open_run, study_record
from maxmargin.studies.method import Method
from maxmargin.studies.methods import methods_on
from maxmargin.studies.model import fit_method
from maxmargin.studies.preparation import build_preparation
from maxmargin.studies.progress import Progress
from maxmargin.studies.protocol import Settings
from maxmargin.studies.provenance import commit, versions
from maxmargin.studies.records import Record, RecordLog
from maxmargin.studies.tasks import Task, run_tasks


class Comparison:
    """A comparison of methods on one data set, written to a folder and resumable from it.

    Parameters
    ----------
    dataset : Dataset
        Rows and labels.
    settings : Settings
        Methods and protocol.
    out : Path
        Folder for ``records.jsonl``; ``preds.csv``, whose rows are those of the data set, counted from 0;
        and ``model/``, the best method fitted on all rows.
    jobs : int, default=1
        Processes.
    progress : Progress, optional
        Told of every finished fit.

    Examples
    --------
    >>> import tempfile
    >>> from maxmargin.datasets import load_dataset
    >>> settings = Settings(methods=("softmax", "dummy"), repeats=2)
    >>> study = Comparison(load_dataset("iris"), settings, Path(tempfile.mkdtemp()) / "run")
    >>> records = study.run()
    >>> [(r["method"], r["split"]) for r in records if r["kind"] == "test"]
    [('softmax', 0), ('dummy', 0), ('softmax', 1), ('dummy', 1)]
    """

    def __init__(
        self,
        dataset: Dataset,
        settings: Settings,
        out: Path,
        *,
        jobs: int = 1,
        progress: Progress | None = None,
    ) -> None:
        self.methods = methods_on(dataset, settings)
        self.settings = settings
        self.out = out
        self.jobs = jobs
        self.progress = progress
        self.dataset, self.rows = drawn(dataset, settings.max_samples, settings.seed)
        self.classes, self.target = np.unique(self.dataset.y, return_inverse=True)
        self.splits = protocol.splits(self.target, settings)
        self.preparation, sentences = build_preparation(self.dataset)
        self.sentences = [*sentences, *protocol.fewer_folds(len(self._folds(0)), settings.cv)]
        self.log = RecordLog(out / "records.jsonl")
        self.records: list[Record] = []
        self._deep = any(method.deep for method in self.methods)
        libraries = versions("torch") if self._deep else versions()
        self._stamp = {"seed": settings.seed, "versions": libraries, "commit": commit()}

    def run(self, *, resume: bool = False) -> list[Record]:
        """Run what is not recorded yet and return every record.

        Parameters
        ----------
        resume : bool, default=False
            Whether to go on from the records in ``out``, where there are any.

        Raises
        ------
        InputError
            If ``out`` is there already and ``resume`` is False, if its records are of other data or
            settings, or if no method could be fitted.
        """
        self._open(resume)
        if self.progress is not None:
            done = sum(record["kind"] in ("validation", "test") for record in self.records)
            self.progress.begin(self._n_fits(), done)
        self._do(self._validations())
        self._do(self._tests())
        if not self._of_kind("model") or not (self.out / "model").exists():
            self._fit_best()
        self._write_predictions()
        return self.records

    def _open(self, resume: bool) -> None:
        study = self._study()
        records = open_run(self.log, study, asdict(self.settings), resume=resume)
        # What failed before, for want of memory perhaps, is tried again.
        self.records = [record for record in records if record["kind"] != "failure"]
        if not records:
            self._keep([study])

    def _study(self) -> Record:
        train, test = self.splits[0]
        asked = asdict(self.settings) | {
            "methods": [method.name for method in self.methods],
            "n_train": len(train),
            "n_test": len(test),
            "grids": {m.name: {key: list(values) for key, values in m.grid.items()} for m in self.methods},
        }
        nets = self.settings.nets.on(self.dataset)
        networks = {"networks": {"net": nets.net, "epochs": nets.epochs}} if self._deep else {}
        return (
            study_record("compare", self.dataset, self.sentences, asked, self.jobs)
            | networks
            | {
                "titles": {m.name: m.title for m in self.methods},
                "summaries": {m.name: m.summary for m in self.methods},
                "linear": [m.name for m in self.methods if m.linear],
            }
        )

    def _n_fits(self) -> int:
        n_folds = [len(self._folds(split)) for split in range(len(self.splits))]
        return sum(n * len(m.candidates) * m.is_tuned + 1 for n in n_folds for m in self.methods)

    def _folds(self, split: int) -> list[tuple[np.ndarray, np.ndarray]]:
        rows = self.splits[split][0]
        pairs = protocol.folds(self.target[rows], self.settings.cv, self.settings.seed + split)
        return [(rows[train], rows[test]) for train, test in pairs]

    def _validations(self) -> list[Task]:
        done = {(r["method"], r["split"], r["fold"]) for r in self._of_kind("validation")}
        return [
            Task(
                {"method": method.name, "split": split, "fold": fold},
                protocol.validate,
                (method, self.preparation, self.dataset.X, self.target, train, test),
            )
            for split in range(len(self.splits))
            for fold, (train, test) in enumerate(self._folds(split))
            for method in self.methods
            if method.is_tuned and (method.name, split, fold) not in done
        ]

    def _tests(self) -> list[Task]:
        done = {(r["method"], r["split"]) for r in self._of_kind("test")}
        validations = defaultdict(list)
        for record in sorted(self._of_kind("validation"), key=lambda record: record["fold"]):
            validations[record["method"], record["split"]].append(record)
        tasks = []
        for split, (train, test) in enumerate(self.splits):
            for method in self._finished():
                if (method.name, split) in done:
                    continue
                mine = validations[method.name, split]
                params, accuracy = protocol.choose(method.candidates, mine)
                place = {
                    "method": method.name,
                    "split": split,
                    "validation_accuracy": accuracy,
                    "tune_seconds": sum(r["fit_seconds"] + r["predict_seconds"] for r in mine),
                }
                seeded = method.seeded(self.settings.seed + split)
                arguments = (seeded, self.preparation, params, self.dataset.X, self.target, train, test)
                tasks.append(Task(place, protocol.evaluate, arguments))
        return tasks

    def _finished(self) -> list[Method]:
        failed = {record["method"] for record in self._of_kind("failure")}
        return [method for method in self.methods if method.name not in failed]

    def _do(self, tasks: list[Task]) -> None:
        with closing(run_tasks(tasks, self.jobs)) as outputs:
            for records in outputs:
                self._keep(records)
                if self.progress is not None:
                    first = records[0]
                    self.progress.advance(len(records), f"{first['method']}, split {first['split'] + 1}")

    def _keep(self, records: Iterable[Record]) -> None:
        stamped = [{"kind": record["kind"]} | record | self._stamp for record in records]
        self.log.append(*stamped)
        self.records.extend(stamped)

    def _of_kind(self, *kinds: str) -> list[Record]:
        return [record for record in self.records if record["kind"] in kinds]

    def _fit_best(self) -> None:
        best = self._best()
        if self.progress is not None:
            self.progress.advance(0, f"{best.name}, all rows")
        fitted = fit_method(self.dataset, best, cv=self.settings.cv, seed=self.settings.seed, jobs=self.jobs)
        fitted.save(self.dataset, self.out / "model")
        self._keep(
            [
                {
                    "kind": "model",
                    "method": best.name,
                    "params": fitted.params,
                    "validation_accuracy": fitted.validation_accuracy,
                    "warnings": fitted.warnings,
                    "path": "model",
                }
            ]
        )

    def _best(self) -> Method:
        finished = self._finished()
        if not finished:
            first = self._of_kind("failure")[0]
            raise InputError(f"no method could be fitted; {first['method']} said: {first['error']}")
        tests = sorted(self._of_kind("test"), key=lambda record: record["split"])
        accuracies = {m.name: [r["accuracy"] for r in tests if r["method"] == m.name] for m in finished}
        train, test = self.splits[0]
        name = compare_methods(accuracies, len(train), len(test)).best
        return next(method for method in self.methods if method.name == name)

    def _write_predictions(self) -> None:
        labels = self.classes.tolist()
        order = {method.name: place for place, method in enumerate(self.methods)}
        tests = sorted(self._of_kind("test"), key=lambda r: (r["split"], order[r["method"]]))
        path = self.out / "preds.csv"
        with replacing(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["row", "split", "method", "truth", "prediction", "margin"])
            for record in tests:
                split, name = record["split"], record["method"]
                margins = record["margins"] or [""] * len(record["rows"])
                for row, guess, margin in zip(record["rows"], record["predictions"], margins, strict=True):
                    truth = labels[self.target[row]]
                    writer.writerow([self.rows[row], split, name, truth, labels[guess], margin])
