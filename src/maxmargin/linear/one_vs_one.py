"""One-vs-one linear SVM."""

from itertools import combinations

import numpy as np
from scipy.sparse import issparse

from maxmargin._threads import blas_threads
from maxmargin._typing import Floats
from maxmargin.linear._base import Fit
from maxmargin.linear._binary import BinaryMachines
from maxmargin.linear._documentation import documented
from maxmargin.linear._inputs import TrainingRows
from maxmargin.objectives import Certificate, rows_of
from maxmargin.solvers.smo_pairs import minimize_smo_pairs

_FEW_ROWS = 512  # of a class whose Gram matrices with others are small
_FEWEST_PAIRS = 100  # fewer are solved before the compiled steps are loaded


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
    coef_ : ndarray of shape (n_classes * (n_classes - 1) / 2, n_features)
        Weights, one row a pair of classes, in the order (0, 1), (0, 2), ..., (1, 2), ..., as those of
        scikit-learn's SVC. A positive margin is a vote for the first of the pair, with two classes as well.
    intercept_ : ndarray of shape (n_classes * (n_classes - 1) / 2,)
        Intercepts.
    {found}

    Notes
    -----
    ``objective_`` and the certificate are sums over the pairs. Pairs of classes of few rows are solved
    together by sequential minimal optimisation, which takes milliseconds for hundreds of them.

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
        fits = self._fits_of_small_classes(rows)
        for pair, (k, m) in enumerate(pairs):
            if (k, m) in fits:
                continue
            used = ((target == k) | (target == m)) & (weight > 0)
            # Column 0 of the one-vs-rest loss takes target 0, here class k, as positive.
            blocks = rows_of(X[used], (target[used] == m).astype(np.intp), weight[used])
            one = slice(pair, pair + 1)
            start = last and Fit(last.coef[one], last.intercept[one])
            fits[k, m] = self._minimised(blocks, 1, start, len(pairs))
        found = [fits[pair] for pair in pairs]
        return Fit(
            np.vstack([fit.coef for fit in found]),
            np.concatenate([fit.intercept for fit in found]),
            max(fit.steps for fit in found),
            Certificate.of_sum([fit.certificate for fit in found]),
        )

    def _fits_of_small_classes(self, rows: TrainingRows) -> dict[tuple[int, int], Fit]:
        """Pairs of classes of few rows that are solved together, by their numbers: all but the hard ones."""
        X, weight = rows.X, rows.weight
        if not (isinstance(X, np.ndarray) or issparse(X)):
            return {}
        members = [np.flatnonzero((rows.target == k) & (weight > 0)) for k in range(len(rows.classes))]
        small = [k for k, rows_of_k in enumerate(members) if len(rows_of_k) <= _FEW_ROWS]
        if len(small) * (len(small) - 1) < 2 * _FEWEST_PAIRS:
            return {}
        solution = minimize_smo_pairs(
            X,
            [members[k] for k in small],
            float(self.C) * weight,
            squared=not self._loss().is_polyhedral,
            fit_intercept=self.fit_intercept,
            tol=self.tol,
            max_iter=self.max_iter,
            n_threads=blas_threads(),
        )
        point, fits = solution.point, {}
        if (report := self._report()) is not None:
            report(solution.iterations, float(point.primal.sum()))
        for number, pair in enumerate(combinations(small, 2)):
            one, primal = slice(number, number + 1), float(point.primal[number])
            certificate = Certificate.between(primal - float(point.gap[number]), primal)
            if certificate.value <= self.tol:
                fits[pair] = Fit(point.coef[one], point.intercept[one], solution.iterations, certificate)
        return fits

    def _scores_of(self, values: Floats) -> Floats:
        n_classes, stop = len(self.classes_), 0
        votes, total = np.zeros((2, len(values), n_classes))
        for k in range(n_classes - 1):
            start, stop = stop, stop + n_classes - k - 1
            margins, later = values[:, start:stop], slice(k + 1, None)
            won = margins > 0
            votes[:, k] += won.sum(axis=1)
            votes[:, later] += ~won
            total[:, k] += margins.sum(axis=1)
            total[:, later] -= margins
        return votes + total / (3 * (np.abs(total) + 1))
