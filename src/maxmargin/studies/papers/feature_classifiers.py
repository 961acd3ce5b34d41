"""Classifiers of features: what each tries, how it chooses, and what it is tested on."""

import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from maxmargin.evidence import Strict
from maxmargin.studies.papers.notebook import Notebook
from maxmargin.studies.papers.representations import Learnt
from maxmargin.studies.records import Record

_FOLDS = 5

AT_ONCE = 0.1
"""Effort of what is taken from another record."""


class Powers(Strict):
    """Powers of 2, their exponents from the first to the last in equal steps.

    Examples
    --------
    >>> Powers(first=-1, last=1).values
    [0.5, 1.0, 2.0]
    """

    first: float
    last: float
    step: float = 1

    @property
    def values(self) -> list[float]:
        """The powers, ascending."""
        n_steps = round((self.last - self.first) / self.step)
        return [2.0 ** (self.first + self.step * i) for i in range(n_steps + 1)]


@dataclass(frozen=True)
class Task:
    """A classifier's part of an experiment with one seed."""

    method: str
    seed: int
    notebook: Notebook
    learnt: Learnt

    @property
    def y(self) -> np.ndarray:
        """Classes of the training rows."""
        return self.learnt.rows.y_train

    def once(self, kind: str, work: Any, effort: float, **place: Any) -> Record:
        """Record of a run of this classifier."""
        place = {"kind": kind, "method": self.method, "seed": self.seed} | place
        return self.notebook.once(place, work, effort=effort)

    def sample(self, n: int) -> np.ndarray:
        """Numbers of so many training rows, drawn at random, or of all in their order."""
        everyone = np.arange(len(self.y))
        return everyone if n >= len(self.y) else np.random.default_rng(self.seed).permutation(everyone)[:n]

    def folder(self, search: str) -> Any:
        """Where a search keeps what it goes on from."""
        return self.notebook.folder({"method": self.method, "search": search, "seed": self.seed})

    def tested(self, model: Any, rows: np.ndarray) -> Record:
        """Fit to some of the training rows and count what is right of the test; both are timed."""
        train, test = self.learnt.train[rows], self.learnt.test
        start = time.perf_counter()
        predicted = model.fit(train, self.y[rows]).predict(test)
        seconds = time.perf_counter() - start
        return self.scored(predicted) | {"n_train": len(rows), "seconds": round(seconds, 3)}

    def scored(self, predicted: np.ndarray) -> Record:
        """Share of the test rows that are right."""
        right = predicted == self.learnt.rows.y_test
        return {"accuracy": float(np.mean(right)), "n_test": len(right)}


class FeatureClassifier(Strict, ABC):
    """A classifier of the features of one representation.

    Attributes
    ----------
    of : str
        Name of the representation.
    """

    of: str

    def is_random(self, n_train: int) -> bool:  # noqa: ARG002
        """Whether it depends on the seed where its features do not."""
        return False

    @abstractmethod
    def run(self, task: Task) -> None:
        """Choose and test."""

    @abstractmethod
    def effort(self, n_train: int) -> float:
        """Sum of the efforts of its runs, in about seconds on one core."""


class Searching(FeatureClassifier):
    """One that is chosen by cross-validation on a sample of the training rows.

    Attributes
    ----------
    rows : int
        How many are drawn.
    """

    rows: int

    def is_random(self, n_train: int) -> bool:
        """Whether the sample does not hold all rows."""
        return self.rows < n_train

    def _chosen(self, task: Task, searches: Mapping[str, Any], efforts: Mapping[str, float]) -> Record:
        """The best of all searches; the first among equals."""
        sample = task.sample(self.rows)
        found = [
            task.once(
                "selection", lambda s=search: self._search(task, s, sample), efforts[search], search=search
            )
            for search in searches
        ]
        return max(found, key=lambda record: record["accuracy"])

    @abstractmethod
    def _search(self, task: Task, search: str, sample: np.ndarray) -> Record:
        """Cross-validate every candidate of one search on the sample."""


class KernelGrid(Strict):
    """Values of C and gamma, all of them combined."""

    C: Powers
    gamma: Powers


class KernelMachine(Searching):
    """An SVM with an RBF kernel, trained on all rows with the best C and gamma.

    Attributes
    ----------
    searches : mapping from str to KernelGrid
        By name.
    strategies : list of {"ovo", "ovr"}
        The first one chooses for all.
    """

    kind: Literal["kernel-machine"]
    searches: dict[str, KernelGrid]
    strategies: list[Literal["ovo", "ovr"]]

    def run(self, task: Task) -> None:
        """Choose C and gamma, then test each strategy."""
        from maxmargin.kernel import KernelSVC

        best = self._chosen(task, self.searches, self._efforts())
        params = {name: best[name] for name in ("C", "gamma")}
        everyone = np.arange(len(task.y))
        for strategy in self.strategies:
            model = KernelSVC(strategy=strategy, **params)
            method = f"{task.method}-{strategy}"
            effort = self._fit_effort(len(task.y))
            task.once("test", lambda m=model: task.tested(m, everyone), effort, method=method, **params)

    def effort(self, n_train: int) -> float:
        """Of the searches and the tests."""
        return sum(self._efforts().values()) + len(self.strategies) * self._fit_effort(n_train)

    def _efforts(self) -> dict[str, float]:
        cost = {name: len(g.C.values) * len(g.gamma.values) for name, g in self.searches.items()}
        return {name: 2e-8 * cells * self.rows**2 for name, cells in cost.items()}

    def _fit_effort(self, n_train: int) -> float:
        return 1e-7 * n_train**2

    def _search(self, task: Task, search: str, sample: np.ndarray) -> Record:
        from maxmargin.kernel import KernelSearchCV, KernelSVC

        Cs, gammas = self.searches[search].C.values, self.searches[search].gamma.values
        X, y, folder = task.learnt.train[sample], task.y[sample], task.folder(search)
        start = time.perf_counter()
        model = KernelSVC(strategy=self.strategies[0])
        found = KernelSearchCV(Cs, gammas, estimator=model, cv=_FOLDS, refit=False, resume_dir=folder).fit(
            X, y
        )
        seconds = time.perf_counter() - start
        shutil.rmtree(folder)
        scores = np.reshape(found.cv_results_["mean_test_score"], (len(Cs), len(gammas)))
        return found.best_params_ | {
            "accuracy": round(float(scores.max()), 6),
            "n_test": len(sample),
            "seconds": round(seconds, 3),
            "grid": {"C": Cs, "gamma": gammas, "accuracy": scores.round(5).tolist()},
        }


class LinearMachine(Searching):
    """A linear SVM, each class against the others.

    Attributes
    ----------
    searches : mapping from str to Powers
        Values of C, by name.
    loss : {"hinge", "squared_hinge"}
        Its loss.
    all_rows : bool
        Whether it is trained on all rows in the end, or on the sample alone.
    """

    kind: Literal["linear-machine"]
    searches: dict[str, Powers]
    loss: Literal["hinge", "squared_hinge"] = "squared_hinge"
    all_rows: bool = True

    def run(self, task: Task) -> None:
        """Choose C, then test."""
        from maxmargin.linear import OneVsRestSVC

        best = self._chosen(task, self.searches, self._efforts(len(task.y)))
        model = OneVsRestSVC(C=best["C"], loss=self.loss)
        rows = np.arange(len(task.y)) if self.all_rows else task.sample(self.rows)
        task.once("test", lambda: task.tested(model, rows), self._fit_effort(len(task.y)), C=best["C"])

    def effort(self, n_train: int) -> float:
        """Of the searches and the test."""
        return sum(self._efforts(n_train).values()) + self._fit_effort(n_train)

    def _efforts(self, n_train: int) -> dict[str, float]:
        rows = min(self.rows, n_train)
        return {name: 4e-4 * len(Cs.values) * rows for name, Cs in self.searches.items()}

    def _fit_effort(self, n_train: int) -> float:
        return 1e-4 * (n_train if self.all_rows else min(self.rows, n_train))

    def _search(self, task: Task, search: str, sample: np.ndarray) -> Record:
        from maxmargin.linear import LinearSearchCV, OneVsRestSVC

        Cs, folder = self.searches[search].values, task.folder(search)
        X, y = task.learnt.train[sample], task.y[sample]
        start = time.perf_counter()
        model = OneVsRestSVC(loss=self.loss)
        found = LinearSearchCV(model, Cs, cv=_FOLDS, refit=False, folder=folder).fit(X, y)
        seconds = time.perf_counter() - start
        shutil.rmtree(folder)
        scores = np.asarray(found.cv_results_["mean_test_score"], dtype=float)
        return found.best_params_ | {
            "accuracy": round(float(scores.max()), 6),
            "n_test": len(sample),
            "seconds": round(seconds, 3),
            "curve": {"C": Cs, "accuracy": scores.round(5).tolist()},
        }


class Neighbours(Searching):
    """The most frequent class of the nearest rows, in as many as cross-validation finds best.

    Attributes
    ----------
    counts : list of int
        How many, to choose from.
    """

    kind: Literal["neighbours"]
    counts: list[int]

    def run(self, task: Task) -> None:
        """Choose the count, then test; and what the best count on the test rows would have made of it."""
        n = len(task.y)
        best = self._chosen(task, {task.method: None}, {task.method: self._search_effort(n)})
        found = task.once(
            "test", lambda: self._tested(task, best["count"]), self._effort(n), count=best["count"]
        )
        peak = found | {"accuracy": max(found["curve"]["accuracy"])}
        task.once("test", lambda: _repeated(peak), AT_ONCE, method=f"{task.method}-peak")

    def effort(self, n_train: int) -> float:
        """Of the search and the test."""
        return self._search_effort(n_train) + self._effort(n_train) + AT_ONCE

    def _search_effort(self, n_train: int) -> float:
        return 8e-8 * min(self.rows, n_train) ** 2

    def _effort(self, n_train: int) -> float:
        return 1e-3 * n_train

    def _search(self, task: Task, search: str, sample: np.ndarray) -> Record:  # noqa: ARG002
        from sklearn.model_selection import StratifiedKFold

        X, y = task.learnt.train[sample], task.y[sample]
        folds = [
            self._accuracies(X[train], y[train], X[test], y[test])
            for train, test in StratifiedKFold(_FOLDS).split(X, y)
        ]
        scores = np.mean(folds, axis=0)
        return {
            "count": self.counts[int(np.argmax(scores))],
            "accuracy": round(float(scores.max()), 6),
            "n_test": len(sample),
            "curve": {"count": self.counts, "accuracy": scores.round(5).tolist()},
        }

    def _tested(self, task: Task, count: int) -> Record:
        train, test, rows = task.learnt.train, task.learnt.test, task.learnt.rows
        start = time.perf_counter()
        scores = self._accuracies(train, rows.y_train, test, rows.y_test)
        return {
            "accuracy": scores[self.counts.index(count)],
            "n_test": len(test),
            "n_train": len(train),
            "seconds": round(time.perf_counter() - start, 3),
            "curve": {"count": self.counts, "accuracy": scores},
        }

    def _accuracies(self, X: np.ndarray, y: np.ndarray, test: np.ndarray, y_test: np.ndarray) -> list[float]:
        """Share of the test rows that is right, for each count."""
        from scipy.stats import mode
        from sklearn.neighbors import KNeighborsClassifier

        model = KNeighborsClassifier(max(self.counts), algorithm="brute").fit(X, y)
        labels = y[model.kneighbors(test, return_distance=False)]
        return [float(np.mean(mode(labels[:, :k], axis=1).mode == y_test)) for k in self.counts]


class Centroids(FeatureClassifier):
    """The class with the nearest mean."""

    kind: Literal["centroids"]

    def run(self, task: Task) -> None:
        """Test."""
        from sklearn.neighbors import NearestCentroid

        everyone = np.arange(len(task.y))
        task.once("test", lambda: task.tested(NearestCentroid(), everyone), self.effort(len(task.y)))

    def effort(self, n_train: int) -> float:
        """Of the test."""
        return 1e-4 * n_train


def _repeated(record: Mapping[str, Any]) -> Record:
    """What was measured in a run, for another row of the table."""
    return {name: record[name] for name in ("accuracy", "n_test", "n_train", "seconds")}
