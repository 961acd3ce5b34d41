"""Bredensteiner and Bennett's multi-class SVM."""

from maxmargin.linear._documentation import documented
from maxmargin.linear._probabilities import MarginClassifier
from maxmargin.losses import Loss, WestonWatkins
from maxmargin.penalties import BredensteinerBennett, Penalty


@documented
class BredensteinerBennettSVC(MarginClassifier):
    """Linear SVM that penalises the differences between the classes' weights (M-SVM).

    Solves ``min 1/2 sum_{k<l} |w_k - w_l|^2 + 1/2 |W|^2 + C sum_i sum_{k != y_i} [1 - (f_yi - f_k)]_+`` with
    f = W x_i + b, exactly. With c classes it is WestonWatkinsSVC at C / (c + 1).

    Parameters
    ----------
    {parameters}
    {probability}

    Attributes
    ----------
    {attributes}

    References
    ----------
    Bredensteiner and Bennett (1999), Multicategory classification by support vector machines.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from maxmargin.linear import BredensteinerBennettSVC
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = BredensteinerBennettSVC(C=1.0).fit(X, y)
    >>> classifier.converged_, classifier.score(X, y) > 0.95
    (True, True)
    """

    def _loss(self) -> Loss:
        return WestonWatkins()

    def _penalty(self) -> Penalty:
        return BredensteinerBennett()
