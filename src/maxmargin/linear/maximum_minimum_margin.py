"""M3SVM and ISM3: classifiers that maximise the minimum margin."""

from typing import Any

from maxmargin._checks import check_nonnegative
from maxmargin.linear._base import ClassWeight
from maxmargin.linear._documentation import documented
from maxmargin.linear._probabilities import MarginClassifier, Probability, SoftmaxClassifier
from maxmargin.losses import Loss, SmoothHinge, WestonWatkins
from maxmargin.penalties import PairwiseMargin, Penalty


class _PairwiseMarginPenalised:
    """The pairwise margin penalty, made unique by a tiny ridge."""

    p: float
    epsilon: float

    def _penalty(self) -> Penalty:
        return PairwiseMargin(self.p)

    def _ridge(self) -> float:
        check_nonnegative(self.epsilon, "epsilon")
        return self.epsilon


@documented
class M3SVC(_PairwiseMarginPenalised, MarginClassifier):
    """Linear SVM that maximises the minimum margin between classes (M3SVM).

    Solves ``min sum_{k<l} |w_k - w_l|^p + C sum_i sum_{k != y_i} g(1 - (f_yi - f_k))
    + epsilon (|W|^2 + |b|^2)`` with f = W x_i + b and g the smooth hinge of width ``delta``. The margin
    between the classes k and l is 2 / |w_k - w_l|; the larger p, the more the smallest margin counts. The
    paper's lambda is 1 / C.

    Parameters
    ----------
    {parameters}
    p : float, default=4
        Exponent of the penalty, at least 1.
    delta : float, default=0.1
        Width of the smooth hinge, in units of the margin.
    epsilon : float, default=1e-6
        Tiny ridge that picks the one solution whose weights, and intercepts, sum to zero over the classes.
    {probability}

    Attributes
    ----------
    {attributes}

    References
    ----------
    Multi-class Support Vector Machine with Maximizing Minimum Margin (AAAI 2024), eqs 20, 21 and 25.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from maxmargin.linear import M3SVC
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = M3SVC(C=1.0, p=4).fit(X, y)
    >>> classifier.converged_, classifier.score(X, y) > 0.95
    (True, True)
    """

    def __init__(
        self,
        C: float = 1.0,
        *,
        p: float = 4,
        delta: float = 0.1,
        epsilon: float = 1e-6,
        fit_intercept: bool = True,
        class_weight: ClassWeight = None,
        tol: float = 1e-4,
        max_iter: int = 1000,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: bool = False,
        probability: Probability = None,
    ) -> None:
        super().__init__(
            C,
            fit_intercept=fit_intercept,
            class_weight=class_weight,
            tol=tol,
            max_iter=max_iter,
            warm_start=warm_start,
            random_state=random_state,
            verbose=verbose,
            probability=probability,
        )
        self.p = p
        self.delta = delta
        self.epsilon = epsilon

    def _loss(self) -> Loss:
        return WestonWatkins(SmoothHinge(self.delta))


@documented
class M3LogisticRegression(_PairwiseMarginPenalised, SoftmaxClassifier):
    """Softmax classifier that maximises the minimum margin between classes (ISM3).

    Solves ``min sum_{k<l} |w_k - w_l|^p + C sum_i (log sum_k exp f_k - f_yi) + epsilon (|W|^2 + |b|^2)`` with
    f = W x_i + b.

    Parameters
    ----------
    {parameters}
    p : float, default=4
        Exponent of the penalty, at least 1.
    epsilon : float, default=1e-6
        Tiny ridge that picks the one solution whose weights, and intercepts, sum to zero over the classes.

    Attributes
    ----------
    {attributes}

    References
    ----------
    Multi-class Support Vector Machine with Maximizing Minimum Margin (AAAI 2024), Extension to Softmax Loss.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from maxmargin.linear import M3LogisticRegression
    >>> X, y = load_iris(return_X_y=True)
    >>> M3LogisticRegression(C=1.0, p=4).fit(X, y).predict_proba(X[:2]).shape
    (2, 3)
    """

    def __init__(
        self,
        C: float = 1.0,
        *,
        p: float = 4,
        epsilon: float = 1e-6,
        fit_intercept: bool = True,
        class_weight: ClassWeight = None,
        tol: float = 1e-4,
        max_iter: int = 1000,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(
            C,
            fit_intercept=fit_intercept,
            class_weight=class_weight,
            tol=tol,
            max_iter=max_iter,
            warm_start=warm_start,
            random_state=random_state,
            verbose=verbose,
        )
        self.p = p
        self.epsilon = epsilon
