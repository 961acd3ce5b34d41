"""Support vector machines with kernels."""

import warnings
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from maxmargin._checks import InputError
from maxmargin._labels import ClassWeight
from maxmargin._tensors import in_memory
from maxmargin._typing import Floats
from maxmargin.calibration import CALIBRATIONS, folds_of
from maxmargin.kernel.problem import Problem
from maxmargin.kernel.scoring import kernel_scores
from maxmargin.kernel.strategies import STRATEGIES
from maxmargin.kernel.tensor_inputs import answers_where_rows_are
from maxmargin.kernel.training import Fit

_FOLDS = 5  # that calibrate probabilities


def _is_calibrated(classifier: "KernelSVC") -> bool:
    if classifier.probability is None:
        raise AttributeError(
            f"{type(classifier).__name__} has no probabilities by default; "
            f"set probability to {' or '.join(map(repr, CALIBRATIONS))} before fit"
        )
    return True


class KernelSVC(ClassifierMixin, BaseEstimator):
    """Support vector machine with a kernel, solved exactly: the optimum of LIBSVM, on all processors.

    Solves, for each pair of classes or each class against the rest,
    ``min 1/2 |w|^2 + C sum_i weight_i max(0, 1 - t_i (w.phi(x_i) + b))`` with t_i = +1 or -1 and phi the
    features of the kernel, ``K(x, z) = phi(x).phi(z)``. The kernel matrix is computed once for all machines.

    Parameters
    ----------
    C : float, default=1.0
        What the summed loss counts against the penalty.
    kernel : {"rbf", "linear", "poly", "sigmoid", "precomputed"} or callable, default="rbf"
        ``exp(-gamma |x - z|^2)``, ``x.z``, ``(gamma x.z + coef0)^degree``, ``tanh(gamma x.z + coef0)``, the
        values themselves in place of rows, or a function of two sets of rows that returns all values.
    gamma : {"scale", "auto"} or float, default="scale"
        "scale" is 1 / (n_features * variance of X, weighted by ``sample_weight``), "auto" 1 / n_features.
    degree : float, default=3
        Degree of "poly".
    coef0 : float, default=0.0
        Constant of "poly" and "sigmoid".
    strategy : {"ovo", "ovr"}, default="ovo"
        A machine for each pair of classes, which vote, or for each class against all others, of which the
        largest decision wins. Each is solved as it is called.
    break_ties : bool, default=False
        Whether equal votes are decided by the size of the decisions; otherwise the first class wins, as in
        LIBSVM.
    probability : {"temperature", "coupling"} or None, default=None
        Calibration that makes ``predict_proba``: one temperature for all scores, or a sigmoid for each pair
        of classes, coupled. It is fitted to five-fold cross-validated decisions from the same kernel matrix.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class, multiplied onto the sample weights; "balanced" makes all classes count alike,
        their rows by weight.
    tol : float, default=1e-3
        Largest violation of the optimality conditions, in units of decisions, as in LIBSVM.
    cache_size : float, default=2000
        Megabytes that kernel values may take. A matrix that is larger is not kept: its rows are computed in
        blocks as the solver asks for them. On a torch device it is refused.
    max_iter : int, default=-1
        Steps of each machine at the most; -1 is ten million or, where that is more, 100 a row.
    dtype : {"float32", "float64"} or None, default=None
        Precision of kernel values; None is double for up to 2000 rows and single for more.
    random_state : int, RandomState or None, default=None
        Shuffles the rows before they are dealt into the folds of the calibration; None keeps their order.
    device : str or None, default=None
        Torch device, such as "cuda", on which dense rows are trained and classified; None is where they are.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted.
    support_ : ndarray of shape (n_support,)
        Positions of the support vectors in X, class by class.
    support_vectors_ : ndarray or CSR matrix of shape (n_support, n_features)
        These rows; empty where kernel values were given.
    n_support_ : ndarray of shape (n_classes,)
        How many of each class.
    dual_coef_ : ndarray of shape (n_classes - 1, n_support), or (n_classes, n_support) for "ovr"
        Coefficients t_i alpha_i. With "ovo", those against each other class in order, as in scikit-learn;
        with two classes there is one line.
    intercept_ : ndarray of shape (n_machines,)
        Intercepts of the pairs (0, 1), (0, 2), ..., (1, 2), ..., or of the classes.
    coef_ : ndarray of shape (n_machines, n_features)
        Weights, for a linear kernel.
    certificate_ : dict
        Proof of how near the optimum this is: "primal" and "dual" objective summed over the machines,
        "relative_gap", and the largest "violation", which is to be at most ``tol``. Where a
        kernel is not positive semi-definite, as "sigmoid" may be, this is a stationary point, and the gap
        proves nothing of other points.
    converged_ : bool
        Whether the violation is at most ``tol``; where it is not, ``fit`` warns.
    n_iter_ : ndarray of shape (n_machines,)
        Steps taken.
    gamma_ : float
        The number that ``gamma`` stands for.
    calibration_ : TemperatureScaling or PairwiseCoupling
        The calibration, where ``probability`` asks for one.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, where X had names that are all strings.

    Notes
    -----
    scikit-learn's SVC trains pairs whatever ``decision_function_shape`` says; ``strategy="ovr"`` does not.
    The decision function is that of scikit-learn's SVC with shape "ovr", but that the predicted class has
    its largest value even where votes are equal.

    Rows in a torch tensor stay on their device, or go to ``device``, where the whole kernel matrix is kept
    and all machines take their steps together. The answers are tensors on the device of the rows asked for,
    but labels that no tensor holds; what is fitted is in NumPy arrays, and predicts rows of either kind. A
    kernel function is then given tensors and returns one.

    References
    ----------
    Chang and Lin (2011), LIBSVM: a library for support vector machines.
    Fan, Chen and Lin (2005), Working set selection using second order information for training SVM.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from maxmargin.kernel import KernelSVC
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = KernelSVC(C=1.0).fit(X, y)
    >>> classifier.converged_, classifier.score(X, y) > 0.95
    (True, True)
    >>> classifier.dual_coef_.shape == (2, len(classifier.support_))
    True
    """

    def __init__(
        self,
        C: float = 1.0,
        *,
        kernel: Any = "rbf",
        gamma: float | Literal["scale", "auto"] = "scale",
        degree: float = 3,
        coef0: float = 0.0,
        strategy: Literal["ovo", "ovr"] = "ovo",
        break_ties: bool = False,
        probability: Literal["temperature", "coupling"] | None = None,
        class_weight: ClassWeight = None,
        tol: float = 1e-3,
        cache_size: float = 2000,
        max_iter: int = -1,
        dtype: Any = None,
        random_state: Any = None,
        device: str | None = None,
    ) -> None:
        self.C = C
        self.kernel = kernel
        self.gamma = gamma
        self.degree = degree
        self.coef0 = coef0
        self.strategy = strategy
        self.break_ties = break_ties
        self.probability = probability
        self.class_weight = class_weight
        self.tol = tol
        self.cache_size = cache_size
        self.max_iter = max_iter
        self.dtype = dtype
        self.random_state = random_state
        self.device = device

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the machines and, where ``probability`` asks for one, the calibration.

        Parameters
        ----------
        X : array, CSR matrix or torch tensor of shape (n_samples, n_features)
            Training rows; kernel values of shape (n_samples, n_samples) for ``kernel="precomputed"``.
        y : array or tensor of shape (n_samples,)
            Labels, of at least two classes.
        sample_weight : array or tensor of shape (n_samples,), optional
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
        problem = Problem.of(self, X, y, sample_weight)
        self._keep(problem, self._fits(problem, [problem.weight])[0])
        if self.probability is not None:
            self._calibrate(problem)
        return self

    def _fits(self, problem: Problem, bounds: list[Floats]) -> list[Fit]:
        """Classifiers with these bounds per unit of C."""
        strategy = STRATEGIES[self.strategy]
        found = problem.training.fits(strategy, bounds, [self.C], **self._limits)
        return [fits[0] for fits in found]

    @property
    def _limits(self) -> dict[str, Any]:
        """When a machine is solved, as solvers take it."""
        return {"tol": self.tol, "max_iter": None if self.max_iter == -1 else int(self.max_iter)}

    def _keep(self, problem: Problem, fit: Fit) -> None:
        training = problem.training
        vars(self).pop("calibration_", None)
        self.classes_, self.gamma_, self._strategy = problem.classes, training.kernel.gamma, self.strategy
        used = np.flatnonzero(fit.table.any(axis=0))
        starts = np.searchsorted(used, training.starts)
        self.support_ = problem.order[used]
        self.n_support_ = np.diff(starts)
        self.dual_coef_, self.intercept_ = fit.table[:, used], fit.intercepts
        vectors = np.empty((0, 0)) if training.kernel.is_given else problem.X[self.support_]
        self.support_vectors_ = in_memory(vectors)
        self._kernel, self._dtype = training.kernel, training.dtype
        self.n_iter_ = np.array([solution.iterations for solution in fit.solutions])
        primal, dual = (
            float(sum(getattr(point, name) for point in fit.points)) for name in ("primal", "dual")
        )
        if not np.isfinite(primal + dual):
            raise InputError(
                f"the objective is {primal} and its dual {dual}: kernel values are too large to be added up; "
                "scale the features, or lower gamma, C or the sample weights"
            )
        violation = max(point.violation for point in fit.points)
        self.certificate_ = {
            "primal": primal,
            "dual": dual,
            "relative_gap": (primal - dual) / max(abs(primal), np.finfo(np.float64).tiny),
            "violation": violation,
        }
        self.converged_ = bool(violation <= self.tol)
        if not self.converged_:
            warnings.warn(
                f"{type(self).__name__} stopped after {self.n_iter_.sum()} steps with the optimality "
                f"conditions violated by {violation:.1e}, above tol={self.tol:.1e}; raise max_iter or tol",
                ConvergenceWarning,
                stacklevel=3,
            )

    def _calibrate(self, problem: Problem) -> None:
        """Fit a calibration to decisions on rows that the machines have not seen, from the same matrix."""
        assert self.probability is not None
        target, strategy = problem.target, STRATEGIES[self.strategy]
        fold = folds_of(target, problem.sample_weight, _FOLDS, self.random_state)
        numbers = range(fold.max() + 1)
        fits = self._fits(problem, [np.where(fold == number, 0.0, problem.weight) for number in numbers])
        scores = np.empty((len(target), len(problem.classes)))
        for number, fit in zip(numbers, fits, strict=True):
            which = np.flatnonzero(fold == number)
            found = problem.training.held_out(strategy, [fit], which, self.tol)[0]
            scores[which] = strategy.scores(found, scores.shape[1], break_ties=self.break_ties)
        rows = fold >= 0
        calibration = CALIBRATIONS[self.probability]()
        self.calibration_ = calibration.fit(scores[rows], target[rows], problem.sample_weight[rows])

    @answers_where_rows_are
    def decision_function(self, X: Any) -> Floats:
        """Score of each class; with two classes the decision of their machine.

        Parameters
        ----------
        X : array, CSR matrix or torch tensor of shape (n_samples, n_features)
            Rows to score; for ``kernel="precomputed"`` their kernel values with the training rows.

        Returns
        -------
        ndarray or tensor of shape (n_samples, n_classes), or (n_samples,) with two classes
            The predicted class has the first of the largest scores, or with two classes is the second where
            the decision is positive.
        """
        scores = self._scores(X)
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    @answers_where_rows_are
    def predict(self, X: Any) -> np.ndarray:
        """Label of each row.

        Parameters
        ----------
        X : array, CSR matrix or torch tensor of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        ndarray or tensor of shape (n_samples,)
            Labels out of ``classes_``.
        """
        best = np.argmax(self._scores(X), axis=1)
        return self.classes_[best]

    @available_if(_is_calibrated)
    @answers_where_rows_are
    def predict_proba(self, X: Any) -> Floats:
        """Calibrated probability of each class; the largest is that of the predicted class.

        Parameters
        ----------
        X : array, CSR matrix or torch tensor of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        ndarray or tensor of shape (n_samples, n_classes)
            Rows sum to one; columns in the order of ``classes_``.
        """
        scores = self._scores(X)
        return self.calibration_.predict_proba(scores)

    @available_if(_is_calibrated)
    @answers_where_rows_are
    def predict_log_proba(self, X: Any) -> Floats:
        """Logarithm of the probability of each class, shape (n_samples, n_classes)."""
        return np.log(self.calibration_.predict_proba(self._scores(X)))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Share of the rows, each counting its weight, whose label is predicted."""
        predicted = in_memory(self.predict(X))
        return float(accuracy_score(in_memory(y), predicted, sample_weight=in_memory(sample_weight)))

    @property
    def coef_(self) -> Any:
        """Weights of the machines, shape (n_machines, n_features), for a linear kernel."""
        check_is_fitted(self)
        if self._kernel.name != "linear":
            raise AttributeError("coef_ is there for kernel='linear' only")
        if self._strategy == "ovr" or len(self.classes_) == 2:
            return np.asarray(self.dual_coef_ @ self.support_vectors_)
        starts, table = self._starts, self.dual_coef_
        parts = [
            np.asarray(table[:, starts[k] : starts[k + 1]] @ self.support_vectors_[starts[k] : starts[k + 1]])
            for k in range(len(self.classes_))
        ]
        n_classes = len(parts)
        return np.array(
            [parts[k][m - 1] + parts[m][k] for k in range(n_classes) for m in range(k + 1, n_classes)]
        )

    @property
    def _starts(self) -> np.ndarray:
        return np.append(0, np.cumsum(self.n_support_))

    def _scores(self, X: Any) -> Floats:
        return kernel_scores(self, X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.kernel != "precomputed"
        tags.input_tags.pairwise = self.kernel == "precomputed"
        return tags
