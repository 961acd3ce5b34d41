"""What all linear large-margin classifiers share: parameters, fitting, scores."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score
from sklearn.utils import check_random_state

from maxmargin._checks import InputError, check_count, check_flag, check_positive
from maxmargin._labels import ClassWeight
from maxmargin._typing import Floats
from maxmargin.linear._inputs import (
    TrainingRows,
    answers_where_rows_are,
    in_memory,
    linear_scores,
    training_rows,
)
from maxmargin.losses import Loss
from maxmargin.objectives import (
    NOTHING_PROVED,
    Certificate,
    Coordinates,
    LinearObjective,
    Minimum,
    RowBlocks,
    minimise,
)
from maxmargin.penalties import Frobenius, Penalty


@dataclass(frozen=True)
class Fit:
    """Weights and intercepts, one row a score, and how they were found.

    ``duals``, of shape (n_samples, n_scores), are kept for a warm start only: they are as many as the rows.
    """

    coef: Floats
    intercept: Floats
    steps: int = 0
    certificate: Certificate = NOTHING_PROVED
    duals: Floats | None = None


class LinearClassifier(ClassifierMixin, BaseEstimator, ABC):
    """Minimise ``penalty(W) + C * sum_i weight_i * loss(W x_i + b, y_i)`` and predict the largest score.

    A subclass names its loss and, where it is not the Frobenius norm, its penalty.
    """

    _kept: list[tuple] | None = None  # where fits leave what they were given, for one who goes on with it

    def __init__(
        self,
        C: float = 1.0,
        *,
        fit_intercept: bool = True,
        class_weight: ClassWeight = None,
        tol: float = 1e-4,
        max_iter: int = 1000,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        self.C = C
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    @abstractmethod
    def _loss(self) -> Loss:
        """The loss, built from the parameters."""

    def _penalty(self) -> Penalty:
        return Frobenius()

    def _ridge(self) -> float:
        return 0.0

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the weights and intercepts and, where ``probability`` asks for one, the calibration.

        Parameters
        ----------
        X : array or CSR matrix of shape (n_samples, n_features)
            Training rows. Those of a memory-mapped array are read from the file in every pass, those of a
            dask array stay on the workers of its cluster and those of a torch tensor on its device.
        y : array of shape (n_samples,)
            Labels, of at least two classes.
        sample_weight : array of shape (n_samples,), optional
            What each row's loss counts; 1 for all by default. A class whose rows all count 0 takes no part,
            and is not among ``classes_``.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            Where X, y, the weights or a parameter cannot be used.

        Warns
        -----
        sklearn.exceptions.ConvergenceWarning
            Where ``tol`` was not reached.
        """
        self._check_parameters()
        rows = training_rows(self, X, y, sample_weight)
        if self._kept is not None:
            self._kept.append((rows, X, y, sample_weight))
        self._fit_to(rows, X, y, sample_weight)
        return self

    def _fit_to(self, rows: TrainingRows, X: Any, y: Any, sample_weight: Any) -> None:
        """Fit to rows that are checked, and calibrate on what they were."""
        fit = self._solve(rows)
        self.classes_ = rows.classes
        self.coef_, self.intercept_, self.n_iter_ = fit.coef, fit.intercept, fit.steps
        self._duals, certificate = fit.duals, fit.certificate
        self.objective_ = certificate.primal
        self.certificate_ = certificate.as_dict()
        self.converged_ = bool(certificate.value <= self.tol)
        if not self.converged_:
            name, kind = type(self).__name__, "gradient" if certificate.dual is None else "duality gap"
            warnings.warn(
                f"{name} stopped after {self.n_iter_} iterations at relative {kind} {certificate.value:.1e}, "
                f"above tol={self.tol:.1e}; raise max_iter or tol",
                ConvergenceWarning,
                stacklevel=3,
            )
        self._calibrate(X, y, sample_weight)

    @answers_where_rows_are
    def decision_function(self, X: Any) -> Floats:
        """Score of each class; with two classes the second score minus the first.

        Parameters
        ----------
        X : array or CSR matrix of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or (n_samples,) with two classes
            The predicted class has the largest score, or with two classes is the second where it is positive.
            Here as in every answer, a dask array of rows is answered by one, lazily, and a torch tensor by
            one on its device, except where labels are no numbers.
        """
        scores = self._scores(X)
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    @answers_where_rows_are
    def predict(self, X: Any) -> np.ndarray:
        """Label of the largest score of each row.

        Parameters
        ----------
        X : array or CSR matrix of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels out of ``classes_``.
        """
        best = np.argmax(self._scores(X), axis=1)
        return self.classes_[best]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Share of the rows whose label is predicted.

        Parameters
        ----------
        X : array or CSR matrix of shape (n_samples, n_features)
            Rows to classify.
        y : array of shape (n_samples,)
            Their labels.
        sample_weight : array of shape (n_samples,), optional
            What each row counts; 1 for all by default.

        Returns
        -------
        float
            At most 1.
        """
        predicted = in_memory(self.predict(X))
        return float(accuracy_score(in_memory(y), predicted, sample_weight=in_memory(sample_weight)))

    def _scores(self, X: Any) -> Floats:
        return linear_scores(self, X)

    def _scores_of(self, values: Floats) -> Floats:
        """Scores of the classes, of the values W x + b."""
        return values

    def _check_parameters(self) -> None:
        check_positive(self.C, "C")
        check_positive(self.tol, "tol")
        check_count(self.max_iter, "max_iter")
        for name in ("fit_intercept", "warm_start", "verbose"):
            check_flag(getattr(self, name), name)

    def _calibrate(self, X: Any, y: Any, sample_weight: Any) -> None:
        """Make probabilities of the scores, where the classifier has none of its own."""

    def _solve(self, rows: TrainingRows) -> Fit:
        """Fit to rows that are checked."""
        return self._minimised(rows.blocks, len(rows.classes), self._last_fit(rows.classes, rows.X.shape))

    def _minimised(self, rows: RowBlocks, n_scores: int, start: Fit | None, problems: int = 1) -> Fit:
        """Minimise one of several such problems, from a fit to the same rows or from zero."""
        coordinates = Coordinates.of(rows, float(self.C), n_scores, fit_intercept=self.fit_intercept)
        if not np.isfinite(coordinates.scale).all():
            raise self._overflow()
        objective = LinearObjective(
            rows, self._loss(), self._penalty(), float(self.C), coordinates, self._ridge()
        )
        vector, duals = np.zeros(coordinates.size), None
        if start is not None:
            vector = coordinates.join(start.coef, start.intercept)
            known = None if rows.whole is None else start.duals
            duals = None if known is None else rows.cut(known)
        minimum = self._minimum(
            objective,
            vector,
            tol=self.tol,
            max_iter=self.max_iter,
            duals=duals,
            seed=check_random_state(self.random_state).randint(2**31),
            problems=problems,
            report=self._report(),
        )
        if not (np.isfinite(minimum.certificate.primal) and np.isfinite(minimum.vector).all()):
            raise self._overflow()
        known = None if rows.whole is None else minimum.duals
        return Fit(
            *coordinates.split(minimum.vector),
            minimum.iterations,
            minimum.certificate,
            np.concatenate(known) if self.warm_start and known is not None else None,
        )

    def _overflow(self) -> InputError:
        return InputError(
            f"the objective of {type(self).__name__} overflows at C={self.C!r}; "
            "lower C or the sample weights, or scale X down"
        )

    def _minimum(self, objective: LinearObjective, start: Floats, **limits: Any) -> Minimum:
        return minimise(objective, start, **limits)

    def _last_fit(self, classes: np.ndarray, shape: tuple[int, int]) -> Fit | None:
        """The last solution, where it is asked for and fits these rows."""
        if not (self.warm_start and hasattr(self, "coef_")):
            return None
        if self.coef_.shape[1] != shape[1] or not np.array_equal(self.classes_, classes):
            return None
        same_rows = self._duals is not None and len(self._duals) == shape[0]
        return Fit(self.coef_, self.intercept_, duals=self._duals if same_rows else None)

    def _report(self) -> Callable[[int, float], None] | None:
        if not self.verbose:
            return None
        return lambda step, value: print(f"{type(self).__name__}: iteration {step}, objective {value:.10g}")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
