"""Tune a kernel machine on a data set: from a held-out test part to records and a model."""

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from maxmargin._checks import check_choice
from maxmargin._threads import blas_threads
from maxmargin.datasets import Dataset
from maxmargin.metrics import wilson_interval
from maxmargin.studies import protocol
from maxmargin.studies.drawing import drawn
from maxmargin.studies.folder import open_run, study_record
from maxmargin.studies.methods import METHODS
from maxmargin.studies.model import FittedMethod, fit_method
from maxmargin.studies.preparation import build_preparation
from maxmargin.studies.protocol import Settings
from maxmargin.studies.provenance import commit, versions
from maxmargin.studies.records import Record, RecordLog

_TUNED = {"rbf": METHODS["rbf-svc"]}


@dataclass(frozen=True)
class TuningSettings:
    """How a kernel machine is tuned.

    Parameters
    ----------
    method : {"rbf"}, default="rbf"
        What to tune.
    strategy : {"ovo", "ovr"}, default="ovo"
        A machine for each pair of classes, or for each class against the rest.
    coarse_to_fine : bool, default=True
        Whether a finer grid around the best candidate follows the first.
    cv : int, default=5
        Folds that choose the parameters inside the training part.
    test_size : float, default=0.25
        Share of the rows in the test part.
    seed : int, default=0
        Of the split and the folds, which are those of a comparison's first split.
    max_samples : int, optional
        Rows to use at most, drawn by class; all by default.

    Examples
    --------
    >>> TuningSettings("poly")
    Traceback (most recent call last):
        ...
    maxmargin._checks.InputError: unknown method 'poly'; choose from rbf
    """

    method: str = "rbf"
    strategy: str = "ovo"
    coarse_to_fine: bool = True
    cv: int = 5
    test_size: float = 0.25
    seed: int = 0
    max_samples: int | None = None

    def __post_init__(self) -> None:
        from maxmargin.kernel.strategies import STRATEGIES

        check_choice(self.method, _TUNED, "method")
        check_choice(self.strategy, STRATEGIES, "strategy")
        _ = self.of_split  # which checks the numbers

    @property
    def of_split(self) -> Settings:
        """The settings of the one split."""
        return Settings(
            cv=self.cv, repeats=1, test_size=self.test_size, seed=self.seed, max_samples=self.max_samples
        )


class Tuning:
    """A search over C and gamma on one data set, written to a folder and resumable from it.

    Parameters
    ----------
    dataset : Dataset
        Rows and labels.
    settings : TuningSettings
        Method and protocol.
    out : Path
        Folder for ``records.jsonl``; ``search/``, the scores as they are found; and ``model/``, the chosen
        candidate fitted on all rows.
    jobs : int, optional
        Threads; by default as many as BLAS may use.
    verbose : bool, default=False
        Whether to tell on standard error how far the search is and how long it will take.

    Examples
    --------
    >>> import tempfile
    >>> from maxmargin.datasets import load_dataset
    >>> settings = TuningSettings(coarse_to_fine=False, cv=2)
    >>> study, tuning = Tuning(load_dataset("iris"), settings, Path(tempfile.mkdtemp()) / "run").run()
    >>> len(tuning["candidates"]), sorted(tuning["params"])
    (110, ['C', 'gamma', 'strategy'])
    """

    def __init__(
        self,
        dataset: Dataset,
        settings: TuningSettings,
        out: Path,
        *,
        jobs: int | None = None,
        verbose: bool = False,
    ) -> None:
        self.method = _TUNED[settings.method]
        self.settings, self.out, self.verbose = settings, out, verbose
        self.jobs = jobs or blas_threads()
        self.dataset, _ = drawn(dataset, settings.max_samples, settings.seed)
        _, self.target = np.unique(self.dataset.y, return_inverse=True)
        ((self.train, self.test),) = protocol.splits(self.target, settings.of_split)
        self.folds = protocol.folds(self.target[self.train], settings.cv, settings.seed)
        self.preparation, sentences = build_preparation(self.dataset)
        self.sentences = [*sentences, *protocol.fewer_folds(len(self.folds), settings.cv)]
        self.log = RecordLog(out / "records.jsonl")
        self.records: list[Record] = []
        self._stamp = {"seed": settings.seed, "versions": versions(), "commit": commit()}

    def run(self, *, resume: bool = False) -> list[Record]:
        """Search on from what is recorded, and return every record.

        Parameters
        ----------
        resume : bool, default=False
            Whether to go on from what is in ``out``, where there is anything.

        Raises
        ------
        InputError
            If ``out`` is there already and ``resume`` is False, or it holds a run on other data or settings.
        """
        study = self._study()
        self.records = open_run(self.log, study, asdict(self.settings), resume=resume)
        if not self.records:
            self._keep(study)
        if len(self.records) == 1:
            self._keep(self._tuned())
        elif not (self.out / "model").exists():
            found = self.records[1]
            self._fit(found["params"], found["validation_accuracy"])
        return self.records

    def _study(self) -> Record:
        from maxmargin.kernel.stages import coarse

        grid = coarse(None, None)
        asked = asdict(self.settings) | {
            "n_train": len(self.train),
            "n_test": len(self.test),
            "n_folds": len(self.folds),
            "grid": {"C": grid.Cs, "gamma": grid.gammas},
        }
        about = {"title": self.method.title, "summary": self.method.summary}
        return study_record("tune", self.dataset, self.sentences, asked, self.jobs) | about

    def _keep(self, record: Record) -> None:
        stamped = record | self._stamp
        self.log.append(stamped)
        self.records.append(stamped)

    def _tuned(self) -> Record:
        resumed, began = (self.out / "search").exists(), time.perf_counter()
        search, messages = self._search()
        seconds = time.perf_counter() - began
        params = {**search.best_params_, "strategy": self.settings.strategy}
        accuracy = float(search.best_score_)
        fitted = self._fit(params, accuracy)
        return {
            "kind": "tuning",
            "params": params,
            "best": int(search.best_index_),
            "validation_accuracy": accuracy,
            "candidates": _candidates(search.cv_results_),
            "test": self._tested(params),
            "model": {"method": self.method.name, "path": "model", "warnings": fitted.warnings},
            "search_seconds": seconds,
            "resumed": resumed,
            "warnings": messages,
        }

    def _search(self) -> tuple[Any, list[str]]:
        """The finished search and what it warned of."""
        from sklearn.base import clone
        from threadpoolctl import threadpool_limits

        from maxmargin.kernel import KernelSearchCV

        prepared: Any = clone(self.preparation)
        X = prepared.fit_transform(protocol.rows_of(self.dataset.X, self.train))
        search = KernelSearchCV(
            cv=self.folds,
            estimator=self.method.build(),
            strategy=self.settings.strategy,
            refit=False,
            coarse_to_fine=self.settings.coarse_to_fine,
            resume_dir=self.out / "search",
            verbose=self.verbose,
        )
        with threadpool_limits(self.jobs), protocol.Watched() as watched:
            search.fit(X, self.target[self.train])
        return search, watched.messages

    def _tested(self, params: dict[str, Any]) -> Record:
        """The one score on the test part."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(self.jobs):
            (record,) = protocol.evaluate(
                self.method, self.preparation, params, self.dataset.X, self.target, self.train, self.test
            )
        n_right = int(np.trace(record["confusion"]))
        return record | {"interval": list(wilson_interval(n_right, len(self.test)))}

    def _fit(self, params: dict[str, Any], accuracy: float) -> FittedMethod:
        """Fit the chosen candidate on every row and save it."""
        fitted = fit_method(self.dataset, self.method, params=params, threads=self.jobs)
        fitted = replace(fitted, validation_accuracy=accuracy)
        fitted.save(self.dataset, self.out / "model")
        return fitted


def _candidates(results: dict[str, Any]) -> list[Record]:
    """What was found of each candidate, in the order in which they were tried."""
    names = {
        "stage": "stage",
        "mean": "mean_test_score",
        "std": "std_test_score",
        "rank": "rank_test_score",
        "fit_seconds": "mean_fit_time",
        "score_seconds": "mean_score_time",
    }
    columns = {name: np.asarray(results[key]).tolist() for name, key in names.items()}
    return [
        {"C": params["C"], "gamma": params["gamma"]} | {name: values[i] for name, values in columns.items()}
        for i, params in enumerate(results["params"])
    ]
