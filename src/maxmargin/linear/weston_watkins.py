"""Weston-Watkins linear SVM."""

from maxmargin.linear._documentation import documented
from maxmargin.linear._probabilities import MarginClassifier
from maxmargin.losses import Loss, WestonWatkins


@documented
class WestonWatkinsSVC(MarginClassifier):
    """Linear SVM, the true class against each other class, all pairs summed.

    Solves ``min 1/2 |W|^2 + C sum_i sum_{k != y_i} [1 - (f_yi - f_k)]_+`` with f = W x_i + b, exactly.

    Parameters
    ----------
    {parameters}
    {probability}

    Attributes
    ----------
    {attributes}

    References
    ----------
    Weston and Watkins (1998), Multi-class support vector machines (whose margin is 2 where ours is 1).

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from maxmargin.linear import WestonWatkinsSVC
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = WestonWatkinsSVC(C=1.0).fit(X, y)
    >>> classifier.converged_, classifier.score(X, y) > 0.95
    (True, True)
    """

    def _loss(self) -> Loss:
        return WestonWatkins()
