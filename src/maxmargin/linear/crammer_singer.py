"""Crammer-Singer linear SVM."""

from maxmargin.linear._documentation import documented
from maxmargin.linear._probabilities import MarginClassifier
from maxmargin.losses import CrammerSinger, Loss


@documented
class CrammerSingerSVC(MarginClassifier):
    """Linear SVM, the true class against its strongest rival.

    Solves ``min 1/2 |W|^2 + C sum_i [1 + max_{k != y_i} f_k - f_yi]_+`` with f = W x_i + b, exactly.

    Parameters
    ----------
    {parameters}
    {probability}

    Attributes
    ----------
    {attributes}

    References
    ----------
    Crammer and Singer (2001), On the algorithmic implementation of multiclass kernel-based vector machines.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from maxmargin.linear import CrammerSingerSVC
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = CrammerSingerSVC(C=1.0).fit(X, y)
    >>> classifier.converged_, classifier.score(X, y) > 0.95
    (True, True)
    """

    def _loss(self) -> Loss:
        return CrammerSinger()
