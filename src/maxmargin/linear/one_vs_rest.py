"""One-vs-rest linear SVM."""

from typing import Literal

from maxmargin._checks import check_choice
from maxmargin.linear._base import ClassWeight, LinearClassifier, documented
from maxmargin.losses import Loss, OneVsRest, SmoothHinge, SquaredHinge


@documented
class OneVsRestSVC(LinearClassifier):
    """Linear SVM, each class against all the others.

    Solves ``min 1/2 |W|^2 + C sum_i sum_k phi(1 - t_ik (w_k.x_i + b_k))`` with t_ik = +1 where row i is of
    class k and -1 elsewhere.

    Parameters
    ----------
    {parameters}
    loss : {"squared_hinge", "smooth_hinge"}, default="squared_hinge"
        phi: the squared hinge, or the hinge smoothed over a width of ``delta``.
    delta : float, default=0.1
        Width of the smooth hinge, in units of the margin; its loss lies at most delta / 2 above the hinge.

    Attributes
    ----------
    {attributes}

    References
    ----------
    Vapnik (1999), The nature of statistical learning theory.
    Tang (2013), Deep Learning using Linear Support Vector Machines, eqs 5 and 6.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from maxmargin.linear import OneVsRestSVC
    >>> X, y = load_iris(return_X_y=True)
    >>> OneVsRestSVC(C=1.0).fit(X, y).coef_.shape
    (3, 4)
    """

    def __init__(
        self,
        C: float = 1.0,
        *,
        loss: Literal["squared_hinge", "smooth_hinge"] = "squared_hinge",
        delta: float = 0.1,
        fit_intercept: bool = True,
        class_weight: ClassWeight = None,
        tol: float = 1e-5,
        max_iter: int = 5000,
        warm_start: bool = False,
        verbose: bool = False,
    ) -> None:
        self.C = C
        self.loss = loss
        self.delta = delta
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.verbose = verbose

    def _loss(self) -> Loss:
        check_choice(self.loss, ["squared_hinge", "smooth_hinge"], "loss")
        return OneVsRest(SquaredHinge() if self.loss == "squared_hinge" else SmoothHinge(self.delta))
