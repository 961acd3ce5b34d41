"""Multinomial logistic regression."""

from maxmargin.linear._base import SoftmaxClassifier, documented


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
