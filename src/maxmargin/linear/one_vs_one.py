"""One-vs-one linear SVM."""

from itertools import combinations
from typing import Any

import numpy as np

from maxmargin._typing import Floats
from maxmargin.linear._base import Fit
from maxmargin.linear._binary import BinaryMachines
from maxmargin.linear._documentation import documented
from maxmargin.linear._inputs import TrainingRows
from maxmargin.objectives import Certificate, rows_of


@documented
class OneVsOneSVC(BinaryMachines):
    """Linear SVM, a machine for each pair of classes, which vote.

    Solves exactly, for each pair k < l, ``min 1/2 |w|^2 + C sum_i phi(1 - t_i (w.x_i + b))`` over the rows of
    these two classes, with t_i = +1 for class k and -1 for class l. A class's score is its votes plus a
    tie-break smaller than a vote: with s the sum of its margins, s / (3 (|s| + 1)).

    Parameters
    ----------
    {parameters}
    loss : {"hinge", "squared_hinge"}, default="squared_hinge"
        phi: the hinge [t]_+ or the squared hinge [t]_+^2.
    {probability}

    Attributes
    ----------
    {attributes}

    Notes
    -----
    ``coef_`` and ``intercept_`` have one row a pair, n_classes (n_classes - 1) / 2, in the order (0, 1),
    (0, 2), ..., (1, 2), ..., as those of scikit-learn's SVC. ``objective_`` and the certificate are sums over
    the pairs.

    References
    ----------
    Knerr, Personnaz and Dreyfus (1990), Single-layer learning revisited.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from maxmargin.linear import OneVsOneSVC
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = OneVsOneSVC(C=1.0).fit(X, y)
    >>> classifier.converged_, classifier.score(X, y) > 0.95
    (True, True)
    """

    def _solve(self, rows: TrainingRows) -> Fit:
        X, target, weight, classes = rows.X, rows.target, rows.weight, rows.classes
        last = self._last_fit(classes, X.shape)
        pairs = list(combinations(range(len(classes)), 2))
        fits = []
        for pair, (k, m) in enumerate(pairs):
            used = ((target == k) | (target == m)) & (weight > 0)
            # Column 0 of the one-vs-rest loss takes target 0, here class k, as positive.
            blocks = rows_of(X[used], (target[used] == m).astype(np.intp), weight[used])
            one = slice(pair, pair + 1)
            start = last and Fit(last.coef[one], last.intercept[one])
            fits.append(self._minimised(blocks, 1, start, len(pairs)))
        return Fit(
            np.vstack([fit.coef for fit in fits]),
            np.concatenate([fit.intercept for fit in fits]),
            max(fit.steps for fit in fits),
            Certificate.of_sum([fit.certificate for fit in fits]),
        )

    def _scores(self, X: Any) -> Floats:
        margins = super()._scores(X)
        n_classes = len(self.classes_)
        votes, total = np.zeros((2, len(margins), n_classes))
        for margin, (k, m) in zip(margins.T, combinations(range(n_classes), 2), strict=True):
            votes[:, k] += margin > 0
            votes[:, m] += margin <= 0
            total[:, k] += margin
            total[:, m] -= margin
        return votes + total / (3 * (np.abs(total) + 1))
