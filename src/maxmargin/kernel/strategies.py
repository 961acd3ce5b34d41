"""How two-class machines make a classifier of several classes: one a pair, or each class against the rest."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from array_api_compat import array_namespace

from maxmargin._typing import Array, Floats, Ints
from maxmargin.solvers.smo import Machine


class Strategy(ABC):
    """Two-class machines on rows that are sorted by class, class k being rows starts[k] to starts[k + 1] - 1.

    The coefficients of all machines are a table with a column a row and, of each machine that a row takes
    part in, an entry in the column.
    """

    @abstractmethod
    def machines(self, starts: Ints, bounds: Floats) -> list[Machine]:
        """The two-class problems."""

    @abstractmethod
    def table(self, starts: Ints, coefs: Sequence[Floats]) -> Floats:
        """Coefficients of the machines, each in the order of its own rows, as one table."""

    @abstractmethod
    def decisions(self, values: Array, table: Array, starts: Ints) -> Array:
        """Decisions of the machines less their intercepts, from kernel values with the table's rows."""

    @abstractmethod
    def scores(self, decisions: Floats, n_classes: int, *, break_ties: bool) -> Floats:
        """A score a class, the predicted class having the first of the largest."""


class OneVsOne(Strategy):
    """A machine for each pair k < l, positive for k, except that that of two classes is positive for class 1.

    A class's score is its votes plus a tie-break smaller than a vote: with s the sum of its decisions,
    s / (3 (|s| + 1)).
    """

    def machines(self, starts: Ints, bounds: Floats) -> list[Machine]:
        """The two-class problems."""
        sign = -1.0 if len(starts) == 3 else 1.0
        found = []
        for k, m in combinations(range(len(starts) - 1), 2):
            runs = np.array([starts[k : k + 2], starts[m : m + 2]])
            signs = np.repeat([sign, -sign], runs[:, 1] - runs[:, 0])
            found.append(Machine(runs, signs, np.concatenate([bounds[start:stop] for start, stop in runs])))
        return found

    def table(self, starts: Ints, coefs: Sequence[Floats]) -> Floats:
        """Coefficients against each other class, these in order."""
        n_classes = len(starts) - 1
        table = np.zeros((n_classes - 1, starts[-1]))
        for coef, (k, m) in zip(coefs, combinations(range(n_classes), 2), strict=True):
            size = starts[k + 1] - starts[k]
            table[m - 1, starts[k] : starts[k + 1]] = coef[:size]
            table[k, starts[m] : starts[m + 1]] = coef[size:]
        return table

    def decisions(self, values: Array, table: Array, starts: Ints) -> Array:
        """Decisions of the pairs (0, 1), (0, 2), ..., (1, 2), ... less their intercepts."""
        n_classes = len(starts) - 1
        parts = [
            values[:, starts[k] : starts[k + 1]] @ table[:, starts[k] : starts[k + 1]].T
            for k in range(n_classes)
        ]
        pairs = [parts[k][:, m - 1] + parts[m][:, k] for k, m in combinations(range(n_classes), 2)]
        return array_namespace(values).stack(pairs, axis=1)

    def scores(self, decisions: Floats, n_classes: int, *, break_ties: bool) -> Floats:
        """Votes and tie-breaks; unless ties are broken, the first class of the most votes gets the most."""
        if n_classes == 2:
            return _two_scores(decisions)
        votes, total = np.zeros((2, len(decisions), n_classes))
        for decision, (k, m) in zip(decisions.T, combinations(range(n_classes), 2), strict=True):
            votes[:, k] += decision > 0
            votes[:, m] += decision <= 0
            total[:, k] += decision
            total[:, m] -= decision
        scores = votes + total / (3 * (np.abs(total) + 1))
        if not break_ties:
            everyone = np.arange(len(votes))
            scores[everyone, np.argmax(votes, axis=1)] = scores.max(axis=1)
        return scores


class OneVsRest(Strategy):
    """A machine for each class against all others, positive for the class; its decision is the score."""

    def machines(self, starts: Ints, bounds: Floats) -> list[Machine]:
        """The two-class problems; two classes need one."""
        runs = np.array([[0, starts[-1]]])
        target = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        positive = range(len(starts) - 1) if len(starts) > 3 else [1]
        return [Machine(runs, np.where(target == k, 1.0, -1.0), bounds) for k in positive]

    def table(self, starts: Ints, coefs: Sequence[Floats]) -> Floats:
        """Coefficients, a line a machine."""
        del starts
        return np.array(coefs)

    def decisions(self, values: Array, table: Array, starts: Ints) -> Array:
        """Decisions of the classes less their intercepts."""
        del starts
        return values @ table.T

    def scores(self, decisions: Floats, n_classes: int, *, break_ties: bool) -> Floats:
        """The decisions."""
        del break_ties
        return _two_scores(decisions) if n_classes == 2 else decisions


STRATEGIES: dict[str, Strategy] = {"ovo": OneVsOne(), "ovr": OneVsRest()}


def _two_scores(decisions: Floats) -> Floats:
    return np.column_stack([-decisions[:, 0] / 2, decisions[:, 0] / 2])
