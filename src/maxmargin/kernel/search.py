"""Search over C and gamma by cross-validation, on kernel values that all candidates share."""

import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils import indexable
from sklearn.utils.metaestimators import available_if
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _check_method_params, _check_sample_weight, check_is_fitted

from maxmargin._checks import InputError
from maxmargin._search import RecordedSearchCV
from maxmargin._tensors import in_memory
from maxmargin._typing import Floats
from maxmargin.kernel.folds import FoldSearch
from maxmargin.kernel.heatmap import draw_heatmap
from maxmargin.kernel.problem import Problem
from maxmargin.kernel.stages import Record, Stage, StageFiles, around, coarse
from maxmargin.kernel.svc import KernelSVC
from maxmargin.persistence.problem_folder import fingerprint, open_folder


def _has_probabilities(search: "KernelSearchCV") -> bool:
    if search._classifier().probability is None:
        raise AttributeError("KernelSearchCV has no probabilities unless its estimator's probability is set")
    return True


class KernelSearchCV(RecordedSearchCV):
    """Choose C and gamma of a KernelSVC by cross-validation: what GridSearchCV finds, with less work.

    Distances are computed once, their exponentials once a gamma; folds are index sets into this one kernel
    matrix, and along C each machine starts from its last solution.

    Parameters
    ----------
    C : sequence of float, default=None
        Values of C; None is 2^-7, 2^-5, ..., 2^13.
    gamma : sequence, default=None
        Values of gamma: numbers, "scale" and "auto". None is 2^-15, 2^-13, ..., 2^3, or one value where the
        kernel has no gamma.
    estimator : KernelSVC, default=None
        Everything else, such as the kernel, ``class_weight`` and ``probability``; None is ``KernelSVC()``.
    cv : int, splitter or iterable, default=None
        As GridSearchCV takes it; None is five stratified folds.
    strategy : {"ovo", "ovr"}, default=None
        In place of the estimator's.
    scoring : str, callable or None, default=None
        Name of a scorer that needs labels or decisions, or a function of (estimator, X, y); None is accuracy.
    refit : bool or callable, default=True
        Whether to fit the best candidate to all rows; a function of ``cv_results_`` chooses its index.
    coarse_to_fine : bool, default=False
        Whether a second stage searches 16 x 16 values in steps of 2^(1/4) around the best of the first.
    n_jobs : int, default=None
        Processes, to which the values of gamma are dealt; each then computes its kernel matrix itself.
        ``joblib.parallel_config(backend="dask")`` deals them to a cluster.
    resume_dir : str or Path, default=None
        Folder where scores are recorded as they are found, one file a gamma. A search that was stopped goes
        on from there; the folder of another problem is refused.
    verbose : bool, default=False
        Whether to tell on standard error how far the search is and how long it will take.

    Attributes
    ----------
    cv_results_ : dict of ndarrays
        As GridSearchCV's for the grid ``{"C": C, "gamma": gamma}``, that of the second stage after it;
        "stage" is 0 or 1. The time of a fit is that of all its machines together.
    best_index_, best_params_, best_score_, best_estimator_, refit_time_
        As GridSearchCV's.
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
    Where the products of all rows and a kernel matrix together exceed the estimator's ``cache_size``, the
    matrix is computed anew for each gamma or, if it does not fit alone, its rows as machines ask for them.
    On a torch device it is computed anew for each gamma, and the machines of all folds and C start together.

    References
    ----------
    Gogos (2023), Neural Networks: Working with SVMs, section 3: the coarse grid and the fine one.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from maxmargin.kernel import KernelSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> search = KernelSearchCV(C=[0.1, 1.0, 10.0], gamma=[0.01, 0.1], cv=3).fit(X, y)
    >>> len(search.cv_results_["params"]), sorted(search.best_params_)
    (6, ['C', 'gamma'])
    >>> search.score(X, y) > 0.95
    True
    """

    def __init__(
        self,
        C: Sequence[float] | None = None,
        gamma: Sequence[Any] | None = None,
        *,
        estimator: KernelSVC | None = None,
        cv: Any = None,
        strategy: Any = None,
        scoring: Any = None,
        refit: Any = True,
        coarse_to_fine: bool = False,
        n_jobs: int | None = None,
        resume_dir: str | Path | None = None,
        verbose: bool = False,
    ) -> None:
        self.C = C
        self.gamma = gamma
        self.estimator = estimator
        self.cv = cv
        self.strategy = strategy
        self.scoring = scoring
        self.refit = refit
        self.coarse_to_fine = coarse_to_fine
        self.n_jobs = n_jobs
        self.resume_dir = resume_dir
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Score every combination on every fold, and fit the best to all rows.

        Parameters
        ----------
        X : array, CSR matrix or torch tensor of shape (n_samples, n_features)
            Training rows.
        y : array or tensor of shape (n_samples,)
            Labels.
        **params : dict
            ``sample_weight`` for the fits, ``groups`` for the splitter.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            Where a parameter, X or y cannot be used, or the folder is that of another problem.

        Warns
        -----
        sklearn.exceptions.ConvergenceWarning
            Where candidates did not reach the estimator's ``tol``.
        """
        stage = coarse(self.C, self._gammas())
        X, y = indexable(X, in_memory(y))
        params = {name: in_memory(value) for name, value in params.items()}
        routed = self._get_routed_params_for_fit(_check_method_params(X, params=params))
        classifier = self._classifier().set_params(probability=None)
        self.scorer_, _ = self._get_scorers()
        folds = self._folds(classifier.set_params(gamma=stage.gammas[0]), X, y, routed)
        self.n_splits_ = len(folds.splits)
        files = self._files(classifier, stage, folds)
        stages, records = [stage], [self._searched(stage, folds, files)]
        if self.coarse_to_fine:
            best = stage.candidates[_best(records[0], self.n_splits_)]
            number = float(np.mean(folds.gammas(best["gamma"])))
            stages.append(around(best["C"], number))
            records.append(self._searched(stages[1], folds, files))
        self._conclude_stages(stages, records)
        if self.refit:
            best = self._classifier().set_params(**self.best_params_)
            self._refit(best, X, y, routed.estimator.fit)
        return self

    def _gammas(self) -> Any:
        kernel = self._classifier().kernel
        without = callable(kernel) or kernel in ("linear", "precomputed")
        return ["scale"] if without and self.gamma is None else self.gamma

    def _get_scorers(self) -> tuple[Any, str]:
        self._check_scoring()
        return check_scoring(self._classifier(), self.scoring), "score"

    def _classifier(self) -> KernelSVC:
        if self.estimator is not None and not isinstance(self.estimator, KernelSVC):
            raise InputError(f"estimator is {self.estimator!r}; it must be a KernelSVC or None")
        classifier: Any = KernelSVC() if self.estimator is None else clone(self.estimator)
        return classifier if self.strategy is None else classifier.set_params(strategy=self.strategy)

    def _folds(self, classifier: KernelSVC, X: Any, y: Any, routed: Any) -> FoldSearch:
        problem = Problem.of(classifier, X, y, None)
        weight = routed.estimator.fit.get("sample_weight")
        weight = _check_sample_weight(weight, y, dtype=np.float64, ensure_non_negative=True)
        splitter: Any = check_cv(self.cv, y, classifier=True)
        splits = list(splitter.split(X, y, **routed.splitter.split))
        scorer = None if self.scoring is None else self.scorer_
        return FoldSearch(classifier, problem, np.asarray(y), weight, splits, scorer, routed.scorer.score)

    def _files(self, classifier: KernelSVC, stage: Stage, folds: FoldSearch) -> StageFiles | None:
        if self.resume_dir is None:
            return None
        problem = fingerprint(
            classifier.set_params(gamma="scale"),
            C=stage.Cs,
            gamma=stage.gammas,
            scoring=self.scoring,
            X=in_memory(folds.problem.X),
            y=folds.y,
            splits=folds.splits,
            sample_weight=folds.weight,
            **{f"score parameter {name}": value for name, value in folds.score_params.items()},
        )
        open_folder(Path(self.resume_dir), problem)
        return StageFiles(Path(self.resume_dir))

    def _searched(self, stage: Stage, folds: FoldSearch, files: StageFiles | None) -> list[Record]:
        """Records of a stage in the order of its candidates and their folds."""
        found = [files and files.read(stage, place) for place in range(len(stage.gammas))]
        missing = [place for place, records in enumerate(found) if records is None]
        telling = _Progress(stage, found) if self.verbose else None
        for place, records in self._scores(stage, folds, missing):
            found[place] = records
            if files:
                files.write(stage, place, records)
            if telling:
                telling.tell(found)
        return stage.ordered([records for records in found if records is not None])

    def _scores(
        self, stage: Stage, folds: FoldSearch, places: list[int]
    ) -> Iterator[tuple[int, list[list[Record]]]]:
        """Records of each gamma as they are found."""
        n_jobs: Any = self.n_jobs  # None is what the surroundings say
        if effective_n_jobs(n_jobs) == 1 or len(places) < 2:
            # Of all gammas, done ones too: rounding must not depend on where a search stopped.
            products = folds.products(stage.gammas) if places else None
            for place in places:
                yield place, folds.scores(stage.gammas[place], stage.Cs, products)
            return
        parallel: Any = Parallel(n_jobs=n_jobs, return_as="generator_unordered")
        yield from parallel(delayed(_scored)(folds, stage, place) for place in places)

    def _conclude_stages(self, stages: list[Stage], records: list[list[Record]]) -> None:
        candidates = [candidate for stage in stages for candidate in stage.candidates]
        out = [record for part in records for record in part]
        number = np.repeat(np.arange(len(stages)), [len(stage.candidates) for stage in stages])
        self._conclude(candidates, out, {"stage": number})
        failed = sum(1 - int(record["converged"]) for record in out)
        if failed:
            warnings.warn(
                f"{failed} of {len(out)} fits did not reach the estimator's tol; raise its max_iter or tol",
                ConvergenceWarning,
                stacklevel=3,
            )

    def plot_heatmap(self, *, stage: int | None = None, ax: Any = None) -> Any:
        """Draw the mean score over C and gamma, the best cell marked.

        Parameters
        ----------
        stage : int, default=None
            0 or 1; None is the last.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; a new figure by default.

        Returns
        -------
        matplotlib.axes.Axes
            The axes.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from maxmargin.kernel import KernelSearchCV
        >>> search = KernelSearchCV(C=[0.1, 1.0], gamma=[0.01, 0.1]).fit(*load_iris(return_X_y=True))
        >>> search.plot_heatmap().get_xlabel()
        'gamma'
        """
        check_is_fitted(self, "cv_results_")
        numbers = self.cv_results_["stage"]
        stage = int(numbers.max()) if stage is None else stage
        chosen = np.flatnonzero(numbers == stage)
        if not len(chosen):
            raise InputError(f"stage is {stage!r}; choose from {sorted(set(numbers.tolist()))}")
        params = [self.cv_results_["params"][i] for i in chosen]
        label = "accuracy" if self.scoring is None else "score"
        scores = np.asarray(self.cv_results_["mean_test_score"], dtype=np.float64)[chosen]
        return draw_heatmap(params, scores, label=label, ax=ax)

    def predict(self, X: Any) -> np.ndarray:
        """Label of each row by the best estimator, shape (n_samples,)."""
        return self._best_estimator().predict(X)

    def decision_function(self, X: Any) -> Floats:
        """Scores of each row by the best estimator, shape (n_samples, n_classes) or (n_samples,)."""
        return self._best_estimator().decision_function(X)

    @available_if(_has_probabilities)
    def predict_proba(self, X: Any) -> Floats:
        """Probabilities of each row by the best estimator, shape (n_samples, n_classes)."""
        return self._best_estimator().predict_proba(X)

    @available_if(_has_probabilities)
    def predict_log_proba(self, X: Any) -> Floats:
        """Logarithms of the probabilities, shape (n_samples, n_classes)."""
        return self._best_estimator().predict_log_proba(X)

    def _best_estimator(self) -> KernelSVC:
        if not hasattr(self, "best_estimator_"):
            raise NotFittedError("KernelSearchCV has no best estimator; call fit, with refit not False")
        return self.best_estimator_

    def __sklearn_tags__(self) -> Any:
        return self._classifier().__sklearn_tags__()


def _scored(folds: FoldSearch, stage: Stage, place: int) -> tuple[int, list[list[Record]]]:
    return place, folds.scores(stage.gammas[place], stage.Cs, None)


def _best(records: list[Record], n_splits: int) -> int:
    scores = np.array([record["test_scores"] for record in records]).reshape(-1, n_splits)
    return int(scores.mean(axis=1).argmax())


class _Progress:
    """How far a stage is, a line a gamma."""

    def __init__(self, stage: Stage, found: list[Any]) -> None:
        self._stage, self._before = stage, self._done(found)
        self._began = time.perf_counter()

    def tell(self, found: list[Any]) -> None:
        """Say how much is done, the best so far and the time left."""
        stage, done = self._stage, self._done(found)
        left = (time.perf_counter() - self._began) / (done - self._before) * (len(found) - done)
        means = {
            (C, gamma): float(np.mean([fold[c]["test_scores"] for fold in records]))
            for gamma, records in zip(stage.gammas, found, strict=True)
            if records is not None
            for c, C in enumerate(stage.Cs)
        }
        (C, gamma), best = max(means.items(), key=lambda item: item[1])
        gamma = gamma if isinstance(gamma, str) else f"{gamma:.4g}"
        print(
            f"{stage.name} grid: {done} of {len(found)} values of gamma, best score {best:.4f} at C={C:.4g}, "
            f"gamma={gamma}; {left:.0f} s left",
            file=sys.stderr,
            flush=True,
        )

    @staticmethod
    def _done(found: list[Any]) -> int:
        return sum(records is not None for records in found)
