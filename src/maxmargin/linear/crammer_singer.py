"""Crammer-Singer linear SVM."""

from maxmargin._checks import check_positive
from maxmargin.linear._base import ClassWeight, LinearClassifier, documented
from maxmargin.losses import CrammerSinger, Loss


@documented
class CrammerSingerSVC(LinearClassifier):
    """Linear SVM, the true class against its strongest rival (smoothed maximum).

    Solves ``min 1/2 |W|^2 + C sum_i [1 + max_{k != y_i} f_k - f_yi]_+`` with f = W x_i + b, the maximum
    smoothed over a width of ``delta``.

    Parameters
    ----------
    {parameters}
    delta : float, default=0.1
        Width of the smoothing, in units of the margin; the loss lies at most delta / 2 above the exact one.

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
    >>> CrammerSingerSVC(C=1.0).fit(X, y).score(X, y) > 0.95
    True
    """

    def __init__(
        self,
        C: float = 1.0,
        *,
        delta: float = 0.1,
        fit_intercept: bool = True,
        class_weight: ClassWeight = None,
        tol: float = 1e-5,
        max_iter: int = 5000,
        warm_start: bool = False,
        verbose: bool = False,
    ) -> None:
        self.C = C
        self.delta = delta
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.verbose = verbose

    def _loss(self) -> Loss:
        check_positive(self.delta, "delta")
        return CrammerSinger(smoothing=self.delta)
