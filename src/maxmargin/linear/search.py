"""Search over C and other parameters by cross-validation, sharing what the values of C share."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn import get_config
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid, check_cv
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags, indexable
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _check_method_params

from maxmargin._checks import InputError
from maxmargin._search import RecordedSearchCV
from maxmargin._typing import Ints
from maxmargin.linear.search_folder import PathFile, Record
from maxmargin.linear.warm_fits import check_strengths, clone_with, final_classifier, fits, warm_clone
from maxmargin.persistence.problem_folder import fingerprint, open_folder


class LinearSearchCV(RecordedSearchCV):
    """Choose C, and other parameters, by cross-validation: what GridSearchCV finds, with less work.

    Within a fold the values of C are fitted in ascending order, each from the optimum at the one before,
    and a Pipeline's transformers are fitted once. Every fit reaches the estimator's ``tol``, as a cold one.

    Parameters
    ----------
    estimator : LinearClassifier or Pipeline
        A classifier of this package, or a Pipeline that ends in one.
    Cs : sequence of float
        Values of C, positive and distinct.
    cv : int, splitter or iterable, default=None
        As GridSearchCV takes it; None is five stratified folds.
    extra_grid : dict of str to sequence, default=None
        Values of other parameters, named as ``estimator.set_params`` takes them; all are combined with each
        other and with C.
    scoring : str, callable or None, default=None
        Name of a scorer, or a function of (estimator, X, y); None is the estimator's accuracy.
    refit : bool or callable, default=True
        Whether to fit the best parameters to all rows; a function of ``cv_results_`` chooses their index.
    n_jobs : int, default=None
        Processes, among which folds and combinations of ``extra_grid`` are dealt; it changes no score.
    folder : str or Path, default=None
        Where each score is recorded as it is found. A search that was killed goes on from there; the folder
        of another problem is refused.

    Attributes
    ----------
    cv_results_ : dict of ndarrays
        As GridSearchCV's for the grid ``{"C": Cs, **extra_grid}``; the time of a fit is that from its start.
    best_index_, best_params_, best_score_, best_estimator_, refit_time_
        As GridSearchCV's; the best estimator is fitted cold.
    scorer_ : callable
        The scorer.
    n_splits_ : int
        Number of folds.
    classes_ : ndarray of shape (n_classes,)
        Labels of the best estimator.
    n_features_in_ : int
        Number of features of the best estimator.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, where the best estimator has them.

    Notes
    -----
    Two fits that reach the same ``tol`` by different ways differ within it: a row that lies that close to the
    boundary between two classes may fall on either side. A smaller ``tol`` makes this as rare as wanted.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from maxmargin.linear import LinearSearchCV, M3SVC
    >>> X, y = load_iris(return_X_y=True)
    >>> search = LinearSearchCV(M3SVC(), [0.01, 0.1, 1.0], cv=3, extra_grid={"p": [2, 4]}).fit(X, y)
    >>> len(search.cv_results_["params"]), sorted(search.best_params_)
    (6, ['C', 'p'])
    >>> search.score(X, y) > 0.95
    True
    """

    def __init__(
        self,
        estimator: Any,
        Cs: Sequence[float],
        cv: Any = None,
        extra_grid: Mapping[str, Sequence[Any]] | None = None,
        *,
        scoring: Any = None,
        refit: Any = True,
        n_jobs: int | None = None,
        folder: str | Path | None = None,
    ) -> None:
        self.estimator = estimator
        self.Cs = Cs
        self.cv = cv
        self.extra_grid = extra_grid
        self.scoring = scoring
        self.refit = refit
        self.n_jobs = n_jobs
        self.folder = folder

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Score every combination on every fold, and fit the best to all rows.

        Parameters
        ----------
        X : array, CSR matrix or what a Pipeline takes, of length n_samples
            Training rows.
        y : array of shape (n_samples,)
            Labels.
        **params : dict
            Passed on as GridSearchCV does: ``sample_weight`` to the fits, ``groups`` to the splitter.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            Where a parameter, X or y cannot be used, a fit fails, or the folder is that of another problem.
        """
        candidates, paths = self._paths()
        X, y = indexable(X, y)
        params = _check_method_params(X, params=params)
        routed = self._get_routed_params_for_fit(params)
        self.scorer_, _ = self._get_scorers()
        cv: Any = check_cv(self.cv, y, classifier=True)
        splits = list(cv.split(X, y, **routed.splitter.split))
        self.n_splits_ = len(splits)
        search = _FoldSearch(X, y, self.scorer_, self.scoring, routed.estimator.fit, routed.scorer.score)
        tasks = [(k, i) for k in range(len(paths)) for i in range(len(splits))]
        files = self._files(tasks, search, splits)
        found = Parallel(n_jobs=self.n_jobs)(
            delayed(search.scores)(paths[k].model, paths[k].Cs, *splits[i], file)
            for (k, i), file in zip(tasks, files, strict=True)
        )
        out = np.empty((len(candidates), len(splits)), dtype=object)
        for (k, i), records in zip(tasks, found, strict=True):
            out[paths[k].candidates, i] = records
        self._conclude(candidates, out.ravel().tolist())
        if self.refit:
            self._refit(clone_with(self.estimator, self.best_params_), X, y, routed.estimator.fit)
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = get_tags(self.estimator).input_tags.sparse  # scikit-learn 1.6 leaves it out
        return tags

    def _paths(self) -> tuple[list[dict[str, Any]], list["_Path"]]:
        """The grid as GridSearchCV orders it, and its lines along C."""
        prefix, _ = final_classifier(self.estimator)
        self._check_scoring()
        Cs, extra = check_strengths(self.Cs), dict(self.extra_grid or {})
        if forbidden := {"C", f"{prefix}C"} & set(extra):
            raise InputError(f"extra_grid holds {forbidden.pop()!r}; give the values of C in Cs")
        try:
            candidates = list(ParameterGrid({f"{prefix}C": Cs, **extra}))
        except (TypeError, ValueError) as error:
            raise InputError(f"extra_grid cannot be used: {' '.join(str(error).split())}") from error
        # The same grid of places: values may be arrays or estimators, which cannot be compared.
        places = list(
            ParameterGrid({f"{prefix}C": range(len(Cs)), **{k: range(len(v)) for k, v in extra.items()}})
        )
        lines: dict[tuple, list[int]] = {}
        for i in sorted(range(len(candidates)), key=lambda i: candidates[i][f"{prefix}C"]):
            lines.setdefault(tuple(places[i][name] for name in sorted(extra)), []).append(i)
        return candidates, [self._path(prefix, candidates, lines[line]) for line in sorted(lines)]

    def _path(self, prefix: str, candidates: list[dict[str, Any]], line: list[int]) -> "_Path":
        extra = {name: value for name, value in candidates[line[0]].items() if name != f"{prefix}C"}
        try:
            model = clone_with(self.estimator, extra)
        except ValueError as error:
            raise InputError(f"extra_grid cannot be used: {' '.join(str(error).split())}") from error
        model = warm_clone(model, calibrated=self.scoring is not None)
        return _Path(model, [candidates[i][f"{prefix}C"] for i in line], line)

    def _files(
        self, tasks: list[tuple[int, int]], search: "_FoldSearch", splits: Any
    ) -> list[PathFile | None]:
        if self.folder is None:
            return [None] * len(tasks)
        folder = Path(self.folder)
        problem = fingerprint(
            self.estimator,
            Cs=[float(C) for C in self.Cs],
            extra_grid=self.extra_grid,
            scoring=self.scoring,
            X=search.X,
            y=search.y,
            splits=splits,
            **{f"fit parameter {name}": value for name, value in search.fit_params.items()},
        )
        open_folder(folder, problem)
        return [PathFile(folder / f"combination-{k}-split-{i}.npz") for k, i in tasks]


@dataclass(frozen=True)
class _Path:
    """Candidates that differ in C alone, C ascending."""

    model: Any
    Cs: list[float]
    candidates: list[int]


@dataclass(frozen=True)
class _FoldSearch:
    """Scores along C on one fold after another."""

    X: Any
    y: Any
    scorer: Any
    scoring: Any
    fit_params: dict[str, Any]
    score_params: dict[str, Any]

    def scores(
        self, model: Any, Cs: list[float], train: Ints, test: Ints, file: PathFile | None
    ) -> list[Record]:
        """Fit to the training rows at each C and score on the test rows, but for what the file holds."""
        model = clone(model)
        labels = np.unique(np.asarray(self.y)) if file else np.empty(0)
        records = file.read(final_classifier(model)[1], labels) if file else []
        if len(records) == len(Cs):
            return records
        fit_params = _check_method_params(self.X, params=self.fit_params, indices=train)
        score_params = _check_method_params(self.X, params=self.score_params, indices=test)
        start = time.perf_counter()
        X_train, y_train = _safe_split(model, self.X, self.y, train)
        X_test, y_test = _safe_split(model, self.X, self.y, test, train)
        judged = None
        for classifier in fits(model, Cs[len(records) :], X_train, y_train, **fit_params):
            fitted = time.perf_counter()
            if judged is None:
                judged, X_test = self._judged(model, X_test)
            score = self.scorer(judged, X_test, y_test, **score_params)
            if not isinstance(score, Real):
                raise InputError(f"scoring returned {score!r}; it must return one number")
            scored = time.perf_counter()
            records.append(
                {"test_scores": float(score), "fit_time": fitted - start, "score_time": scored - fitted}
            )
            if file:
                file.write(classifier, labels, records)
            start = time.perf_counter()
        return records

    def _judged(self, model: Any, X_test: Any) -> tuple[Any, Any]:
        """What is scored on what: where only predictions are seen, the test rows are transformed once."""
        whole = callable(self.scoring) or get_config()["enable_metadata_routing"]
        if whole or not isinstance(model, Pipeline) or len(model) == 1:
            return model, X_test
        return model[-1], model[:-1].transform(X_test)
