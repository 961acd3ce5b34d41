"""What all linear large-margin classifiers share: parameters, fitting, scores."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from maxmargin._checks import InputError, check_at_least, check_positive
from maxmargin._typing import Floats, Ints
from maxmargin.losses import Loss, SoftmaxCrossEntropy
from maxmargin.objectives import LinearObjective, Preconditioned, RowBlocks
from maxmargin.penalties import Frobenius, Penalty
from maxmargin.solvers import Solution, minimize_lbfgs, minimize_trust_region

ClassWeight = Mapping[Any, float] | Literal["balanced"] | None

PARAMETERS = """C : float, default=1.0
    What the summed loss counts against the penalty; a larger C fits the training rows more closely.
fit_intercept : bool, default=True
    Whether to add an intercept to each class; it is not penalised.
class_weight : dict, "balanced" or None, default=None
    Weight of each class, multiplied onto the sample weights; "balanced" makes all classes count alike.
tol : float, default=1e-5
    The fit has converged when the largest gradient entry is at most ``tol`` times that at zero weights,
    both measured in coordinates free of the features' units.
max_iter : int, default=5000
    Iterations of the solver at the most.
warm_start : bool, default=False
    Whether ``fit`` starts from the last solution.
verbose : bool, default=False
    Whether to print the objective after each iteration."""

ATTRIBUTES = """coef_ : ndarray of shape (n_classes, n_features)
    Weights, one row a class, with two classes as well.
intercept_ : ndarray of shape (n_classes,)
    Intercepts.
classes_ : ndarray of shape (n_classes,)
    Class labels, sorted.
n_iter_ : int
    Iterations run.
objective_ : float
    Value of the objective at the solution.
converged_ : bool
    Whether ``tol`` was reached; where it was not, ``fit`` warns.
n_features_in_ : int
    Number of features.
feature_names_in_ : ndarray of shape (n_features,)
    Names of the features, where X had names that are all strings."""


def documented(cls: type) -> type:
    """Fill {parameters} and {attributes} of a class docstring with what all linear classifiers share."""
    indent = "\n    "
    for key, text in (("{parameters}", PARAMETERS), ("{attributes}", ATTRIBUTES)):
        cls.__doc__ = (cls.__doc__ or "").replace(key, text.replace("\n", indent))
    return cls


class LinearClassifier(ClassifierMixin, BaseEstimator, ABC):
    """Minimise ``penalty(W) + C * sum_i weight_i * loss(W x_i + b, y_i)`` and predict the largest score.

    A subclass names its loss and, where it is not the Frobenius norm, its penalty.
    """

    C: float
    fit_intercept: bool
    class_weight: ClassWeight
    tol: float
    max_iter: int
    warm_start: bool
    verbose: bool

    _second_order: ClassVar[bool] = False
    """Whether Newton steps pay: the curvature of a hinge jumps, there L-BFGS needs fewer passes."""

    @abstractmethod
    def _loss(self) -> Loss:
        """The loss, built from the parameters."""

    def _penalty(self) -> Penalty:
        return Frobenius()

    def _ridge(self) -> float:
        return 0.0

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "LinearClassifier":
        """Fit the weights and intercepts.

        Parameters
        ----------
        X : array or CSR matrix of shape (n_samples, n_features)
            Training rows.
        y : array of shape (n_samples,)
            Labels, of at least two classes.
        sample_weight : array of shape (n_samples,), optional
            What each row's loss counts; 1 for all by default.

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
        check_positive(self.C, "C")
        check_positive(self.tol, "tol")
        check_at_least(self.max_iter, 1, "max_iter")
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=[np.float64, np.float32])
        check_classification_targets(y)
        rows, classes = self._rows(X, y, sample_weight)
        objective = LinearObjective(rows, self._loss(), self._penalty(), float(self.C), self._ridge())
        problem = Preconditioned.of(objective, len(classes), fit_intercept=self.fit_intercept)
        zero = np.zeros(problem.size)
        reference = float(np.max(np.abs(problem.value_and_gradient(zero)[1])))
        solution = self._minimize(problem, self._start(problem, classes, zero), reference)
        if not np.isfinite(solution.objective) or not np.isfinite(solution.parameters).all():
            raise InputError(
                f"the objective of {type(self).__name__} overflows at C={self.C!r}; "
                "lower C or the sample weights"
            )
        self.classes_ = classes
        self.coef_, self.intercept_ = problem.split(solution.parameters)
        self.n_iter_ = solution.iterations
        self.objective_ = solution.objective
        self.converged_ = solution.converged
        if not solution.converged:
            name, reached = type(self).__name__, f"relative gradient {solution.certificate:.1e}"
            warnings.warn(
                f"{name} stopped after {solution.iterations} iterations ({solution.status}) at {reached}, "
                f"above tol={self.tol:.1e}; raise max_iter or tol",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

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
        """
        scores = self._scores(X)
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

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

    def _scores(self, X: Any) -> Floats:
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=False)
        return np.asarray(X @ self.coef_.T) + self.intercept_

    def _rows(self, X: Any, y: np.ndarray, sample_weight: Any) -> tuple[RowBlocks, np.ndarray]:
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        used = weight > 0
        if not used.all():
            X, y, weight = X[used], y[used], weight[used]
        classes, target = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise InputError(
                f"{type(self).__name__} needs rows of at least two classes with positive weight; "
                f"the labels hold one class: {classes.tolist()}"
            )
        return RowBlocks(
            X, target, weight * self._weight_of_classes(classes, target, weight)[target]
        ), classes

    def _weight_of_classes(self, classes: np.ndarray, target: Ints, weight: Floats) -> Floats:
        if self.class_weight is None:
            return np.ones(len(classes))
        if isinstance(self.class_weight, str):
            if self.class_weight != "balanced":
                raise InputError(
                    f"class_weight is {self.class_weight!r}; it must be a dict, 'balanced' or None"
                )
            return weight.sum() / (len(classes) * np.bincount(target, weights=weight))
        unknown = [label for label in self.class_weight if label not in classes]
        if unknown:
            raise InputError(
                f"class_weight names {unknown}, which are not among the labels {classes.tolist()}"
            )
        return np.array([self.class_weight.get(label, 1.0) for label in classes], dtype=np.float64)

    def _minimize(self, problem: Preconditioned, start: Floats, reference: float) -> Solution:
        limits: dict[str, Any] = {"tol": self.tol, "max_iter": int(self.max_iter), "report": self._report()}
        function = problem.value_and_gradient
        done = 0
        if not self._second_order:
            solution = minimize_lbfgs(function, start, reference=reference, **limits)
            if solution.status != "stalled":
                return solution
            # L-BFGS compares values, whose rounding hides the last digits; Newton steps compare gradients.
            start, done = solution.parameters, solution.iterations
        last = minimize_trust_region(function, problem.curvature, start, reference=reference, **limits)
        return replace(last, iterations=done + last.iterations)

    def _start(self, problem: Preconditioned, classes: np.ndarray, zero: Floats) -> Floats:
        if not (self.warm_start and hasattr(self, "coef_")):
            return zero
        fits = self.coef_.shape == (len(classes), len(problem.mean)) and np.array_equal(
            self.classes_, classes
        )
        return problem.join(self.coef_, self.intercept_) if fits else zero

    def _report(self) -> Callable[[int, float], None] | None:
        if not self.verbose:
            return None
        return lambda step, value: print(f"{type(self).__name__}: iteration {step}, objective {value:.10g}")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


class SoftmaxClassifier(LinearClassifier):
    """A linear classifier whose loss is softmax cross-entropy: it has probabilities."""

    _second_order = True

    def _loss(self) -> Loss:
        return SoftmaxCrossEntropy()

    def predict_proba(self, X: Any) -> Floats:
        """Probability of each class: the softmax of the scores.

        Parameters
        ----------
        X : array or CSR matrix of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Rows sum to one; columns in the order of ``classes_``.
        """
        return softmax(self._scores(X), axis=1)

    def predict_log_proba(self, X: Any) -> Floats:
        """Logarithm of the probability of each class, shape (n_samples, n_classes)."""
        return log_softmax(self._scores(X), axis=1)
