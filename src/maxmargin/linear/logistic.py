"""Multinomial logistic regression."""

from maxmargin.linear._base import ClassWeight, SoftmaxClassifier, documented


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

    def __init__(
        self,
        C: float = 1.0,
        *,
        fit_intercept: bool = True,
        class_weight: ClassWeight = None,
        tol: float = 1e-5,
        max_iter: int = 5000,
        warm_start: bool = False,
        verbose: bool = False,
    ) -> None:
        self.C = C
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.verbose = verbose
