"""Folds as index sets into one kernel matrix: the scores of all values of C at one gamma."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.validation import _check_method_params

from maxmargin._checks import InputError
from maxmargin._labels import numbered
from maxmargin._typing import Floats, Ints
from maxmargin.kernel.functions import resolve
from maxmargin.kernel.gram import SharedProducts
from maxmargin.kernel.problem import Problem
from maxmargin.kernel.stages import Record
from maxmargin.kernel.strategies import STRATEGIES
from maxmargin.kernel.svc import KernelSVC
from maxmargin.kernel.tensors import TensorTrainingSet
from maxmargin.kernel.training import Fit, TrainingSet


@dataclass(frozen=True)
class Fold:
    """Training and test rows of a fold, as places among the rows that are sorted by class.

    Attributes
    ----------
    bounds : ndarray of shape (n_rows,)
        What each row's loss counts per unit of C, 0 where it is held out.
    present : ndarray of shape (n_classes,)
        Whether a class has training rows.
    test : ndarray of shape (n_test,)
        Places of the test rows.
    train_rows, test_rows : ndarrays
        Their positions in X.
    """

    bounds: Floats
    present: np.ndarray
    test: Ints
    train_rows: Ints
    test_rows: Ints


@dataclass(frozen=True)
class FoldSearch:
    """Scores of candidates on every fold.

    Attributes
    ----------
    model : KernelSVC
        What all candidates have in common.
    problem : Problem
        All rows.
    y : ndarray of shape (n_samples,)
        Their labels, in the order of X.
    weight : ndarray of shape (n_samples,)
        Their sample weights.
    splits : sequence of (train, test)
        Positions in X.
    scorer : callable or None
        As scikit-learn's; None is the accuracy.
    score_params : mapping
        What the scorer is given besides, such as ``sample_weight`` for all rows.
    """

    model: KernelSVC
    problem: Problem
    y: np.ndarray
    weight: Floats
    splits: Sequence[tuple[Ints, Ints]]
    scorer: Any
    score_params: Mapping[str, Any]

    @cached_property
    def folds(self) -> list[Fold]:
        """The folds."""
        place = np.empty(len(self.y), dtype=np.intp)
        place[self.problem.order] = np.arange(len(self.y))
        return [self._fold(place, np.asarray(train), np.asarray(test)) for train, test in self.splits]

    def _fold(self, place: Ints, train: Ints, test: Ints) -> Fold:
        model, all_classes = self.model, self.problem.classes
        if train.dtype == bool:
            train, test = np.flatnonzero(train), np.flatnonzero(test)
        y, weight = self.y[train], self.weight[train]
        classes, _, full = numbered(y, weight, model.class_weight, type(model).__name__)
        bounds = np.zeros(len(place))
        np.add.at(bounds, place[train], full)
        return Fold(bounds, np.isin(all_classes, classes), place[test], train, test)

    def gammas(self, gamma: Any) -> list[float]:
        """The number that a gamma is on each fold: "scale" is a matter of the training rows."""
        return [
            resolve(
                self.model.kernel,
                gamma,
                self.model.degree,
                self.model.coef0,
                self._training_rows(fold, gamma),
                self.weight[fold.train_rows],
                name=type(self.model).__name__,
            ).gamma
            for fold in self.folds
        ]

    def _training_rows(self, fold: Fold, gamma: Any) -> Any:
        X = self.problem.X
        if self.problem.training.kernel.is_given:
            return X
        return X[fold.train_rows] if gamma == "scale" else X[:1]

    def products(self, gammas: Sequence[Any]) -> SharedProducts | None:
        """The products of all rows, where they and one kernel matrix may be kept."""
        training = self.problem.training
        kernel, n = training.kernel, len(self.y)
        if callable(kernel.name) or kernel.is_given or isinstance(training, TensorTrainingSet):
            return None
        if 2 * n * n * np.dtype(training.dtype).itemsize > training.cache_bytes:
            return None
        largest = max(number for gamma in gammas for number in self.gammas(gamma))
        shared: Any = self._training(largest)
        return SharedProducts(shared.kernel, shared.rows, shared.dtype)

    def scores(self, gamma: Any, Cs: Sequence[float], products: SharedProducts | None) -> list[list[Record]]:
        """Records of one gamma by fold and C, and whether all fits converged."""
        numbers, found = self.gammas(gamma), {}
        ascending = np.argsort(Cs)
        for number in dict.fromkeys(numbers):
            which = [i for i, other in enumerate(numbers) if other == number]
            training = self._training(number)
            if products is not None and isinstance(training, TrainingSet):
                training = replace(training, matrix=products.gram(number))
            fits = training.fits(
                STRATEGIES[self.model.strategy],
                [self.folds[i].bounds for i in which],
                [Cs[c] for c in ascending],
                **self.model._limits,
            )
            for i, path in zip(which, fits, strict=True):
                records = self._records(training, self.folds[i], path)
                found[i] = [records[c] for c in np.argsort(ascending)]
        return [found[i] for i in range(len(numbers))]

    def _training(self, gamma: float) -> TrainingSet | TensorTrainingSet:
        training = self.problem.training
        kernel = replace(training.kernel, gamma=gamma)
        if callable(kernel.name) or kernel.is_given:
            return training
        return training.with_kernel(kernel, self.problem.X[self.problem.order])

    def _records(
        self, training: TrainingSet | TensorTrainingSet, fold: Fold, path: list[Fit]
    ) -> list[Record]:
        strategy, records = STRATEGIES[self.model.strategy], []
        began = time.perf_counter()
        for fit, decisions in zip(
            path, training.held_out(strategy, path, fold.test, self.model.tol), strict=True
        ):
            scores = strategy.scores(decisions, len(self.problem.classes), break_ties=self.model.break_ties)[
                :, fold.present
            ]
            value = self._score(scores, fold)
            seconds = {"fit_time": sum(one.seconds for one in fit.solutions)}
            seconds["score_time"] = time.perf_counter() - began
            converged = all(one.point.violation <= self.model.tol for one in fit.solutions)
            records.append({"test_scores": value} | seconds | {"converged": float(converged)})
            began = time.perf_counter()
        return records

    def _score(self, scores: Floats, fold: Fold) -> float:
        classes, y = self.problem.classes[fold.present], self.y[fold.test_rows]
        predicted = classes[np.argmax(scores, axis=1)]
        params = _check_method_params(self.problem.X, params=self.score_params, indices=fold.test_rows)
        if self.scorer is None:
            return float(accuracy_score(y, predicted, **params))
        judged = _Judged(classes, predicted, scores)
        try:
            value = self.scorer(judged, self.problem.X[fold.test_rows], y, **params)
        except AttributeError as error:
            raise InputError(
                f"scoring needs more than the labels and decisions of a search: {error}"
            ) from error
        if not isinstance(value, Real):
            raise InputError(f"scoring returned {value!r}; it must return one number")
        return float(value)


class _Judged(ClassifierMixin, BaseEstimator):
    """What a scorer sees of a candidate: its answers on the test rows."""

    def __init__(self, classes: np.ndarray, predicted: np.ndarray, scores: Floats) -> None:
        self.classes_, self._predicted, self._scores = classes, predicted, scores

    def predict(self, X: Any) -> np.ndarray:
        """Labels of the test rows."""
        del X
        return self._predicted

    def decision_function(self, X: Any) -> Floats:
        """Scores of the test rows."""
        del X
        scores = self._scores
        return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores
