"""Multinomial logistic regression, dense and sparse."""

from typing import Any

from maxmargin.linear._documentation import documented
from maxmargin.linear._probabilities import SoftmaxClassifier
from maxmargin.objectives import LinearObjective, Minimum, minimise_sparse
from maxmargin.penalties import Penalty, Unpenalised


@documented
class MultinomialLogisticRegression(SoftmaxClassifier):
    """Softmax classifier with a squared-norm penalty.

    Solves ``min 1/2 |W|^2 + C sum_i (log sum_k exp f_k - f_yi)`` with f = W x_i + b.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    References
    ----------
    Boehning (1992), Multinomial logistic regression algorithm.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from maxmargin.linear import MultinomialLogisticRegression
    >>> X, y = load_iris(return_X_y=True)
    >>> MultinomialLogisticRegression(C=1.0).fit(X, y).predict_proba(X[:2]).shape
    (2, 3)
    """


@documented
class SparseMultinomialLogisticRegression(SoftmaxClassifier):
    """Softmax classifier with an L1 penalty, which leaves many weights exactly 0 (SMLR).

    Solves ``min |W|_1 + C sum_i (log sum_k exp f_k - f_yi)`` with f = W x_i + b.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    References
    ----------
    Krishnapuram, Carin, Figueiredo and Hartemink (2005), Sparse multinomial logistic regression: fast
    algorithms and generalization bounds.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from maxmargin.linear import SparseMultinomialLogisticRegression
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = SparseMultinomialLogisticRegression(C=0.1).fit(X, y)
    >>> int((classifier.coef_ == 0).sum()), classifier.score(X, y) > 0.9
    (10, True)
    """

    def _penalty(self) -> Penalty:
        return Unpenalised()

    def _minimum(self, objective: LinearObjective, start: Any, **limits: Any) -> Minimum:
        wanted = {name: limits[name] for name in ("tol", "max_iter", "report")}
        return minimise_sparse(objective, start, **wanted)
