"""Top-k linear SVM."""

from typing import Any, Literal

from maxmargin.linear._base import ClassWeight
from maxmargin.linear._documentation import documented
from maxmargin.linear._probabilities import MarginClassifier, Probability
from maxmargin.losses import Loss, TopK


@documented
class TopKSVC(MarginClassifier):
    """Linear SVM for the top-k error: a row is well classified where the true class is among the k best.

    With a_k = 1 + f_k - f_yi for k != y_i, a_yi = 0 and f = W x_i + b, sorted so that a_[1] >= a_[2] >= ...,
    solves exactly ``min 1/2 |W|^2 + C sum_i [(a_[1] + ... + a_[k]) / k]_+`` (variant "alpha") or
    ``min 1/2 |W|^2 + C sum_i ([a_[1]]_+ + ... + [a_[k]]_+) / k`` (variant "beta"). With k = 1 both are
    CrammerSingerSVC.

    Parameters
    ----------
    {parameters}
    k : int, default=1
        Guesses that count, at least 1 and fewer than the classes.
    variant : {"alpha", "beta"}, default="beta"
        Whether the k violations are cut at zero together or each.
    {probability}

    Attributes
    ----------
    {attributes}

    References
    ----------
    Lapin, Hein and Schiele (2015), Top-k multiclass SVM.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from maxmargin.linear import TopKSVC
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = TopKSVC(C=1.0).fit(X, y)
    >>> classifier.converged_, classifier.score(X, y) > 0.95
    (True, True)
    """

    def __init__(
        self,
        C: float = 1.0,
        *,
        k: int = 1,
        variant: Literal["alpha", "beta"] = "beta",
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
        self.k = k
        self.variant = variant

    def _loss(self) -> Loss:
        return TopK(self.k, self.variant)
