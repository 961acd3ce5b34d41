"""One-vs-rest linear SVM."""

from dataclasses import replace

import numpy as np

from maxmargin.linear._base import Fit
from maxmargin.linear._binary import BinaryMachines
from maxmargin.linear._documentation import documented
from maxmargin.objectives import Certificate, RowBlocks


@documented
class OneVsRestSVC(BinaryMachines):
    """Linear SVM, each class against all the others.

    Solves ``min 1/2 |W|^2 + C sum_i sum_k phi(1 - t_ik (w_k.x_i + b_k))`` with t_ik = +1 where row i is of
    class k and -1 elsewhere, exactly.

    Parameters
    ----------
    {parameters}
    loss : {"hinge", "squared_hinge"}, default="squared_hinge"
        phi: the hinge [t]_+ or the squared hinge [t]_+^2.
    {probability}

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
    >>> classifier = OneVsRestSVC(C=1.0).fit(X, y)
    >>> classifier.converged_, classifier.score(X, y) > 0.95
    (True, True)
    """

    def _minimised(self, rows: RowBlocks, n_scores: int, start: Fit | None, problems: int = 1) -> Fit:
        if n_scores > 2:
            return super()._minimised(rows, n_scores, start, problems)
        # The two machines of two classes mirror each other: one is solved.
        first = None if start is None else replace(start, coef=start.coef[:1], intercept=start.intercept[:1])
        fit = super()._minimised(rows, 1, first, problems)
        return replace(
            fit,
            coef=np.vstack([fit.coef, -fit.coef]),
            intercept=np.append(fit.intercept, -fit.intercept),
            certificate=Certificate.of_sum([fit.certificate, fit.certificate]),
        )
