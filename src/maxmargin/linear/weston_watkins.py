"""Weston-Watkins linear SVM."""

from maxmargin.linear._base import ClassWeight, LinearClassifier, documented
from maxmargin.losses import Loss, SmoothHinge, WestonWatkins


@documented
class WestonWatkinsSVC(LinearClassifier):
    """Linear SVM, the true class against each other class, all pairs summed (smoothed hinge).

    Solves ``min 1/2 |W|^2 + C sum_i sum_{k != y_i} g(1 - (f_yi - f_k))`` with f = W x_i + b and g the hinge
    smoothed over a width of ``delta``.

    Parameters
    ----------
    {parameters}
    delta : float, default=0.1
        Width of the smooth hinge, in units of the margin; each pair's loss lies at most delta / 2 above the
        hinge.

    Attributes
    ----------
    {attributes}

    References
    ----------
    Weston and Watkins (1998), Multi-class support vector machines.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from maxmargin.linear import WestonWatkinsSVC
    >>> X, y = load_iris(return_X_y=True)
    >>> WestonWatkinsSVC(C=1.0).fit(X, y).score(X, y) > 0.95
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
        return WestonWatkins(SmoothHinge(self.delta))
