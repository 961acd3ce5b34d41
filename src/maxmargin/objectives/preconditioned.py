"""A linear objective in coordinates where its curvature is about 1 in every direction."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from maxmargin._typing import Floats
from maxmargin.objectives.linear import LinearObjective


@dataclass(frozen=True)
class Preconditioned:
    """The same objective as a function of one vector, free of the features' units and offsets.

    With V = W D and a = (b + W m) e the scores are ``W x + b = V D^-1 (x - m) + a / e``: the columns are
    centred and scaled without touching X, so sparse and memory-mapped rows stay as they are.
    D_j^2 = 1 + C s v_j, with v_j the column's variance and s the summed weights, is the diagonal of the
    Hessian for a penalty and a loss of unit curvature; e^2 = 1 + C s.

    Parameters
    ----------
    objective : LinearObjective
        What is minimised.
    n_classes : int
        Rows of W.
    fit_intercept : bool
        Whether b is free; where it is not, m = 0 and b = 0.
    """

    objective: LinearObjective
    n_classes: int
    fit_intercept: bool
    mean: Floats
    scale: Floats
    intercept_scale: float

    @classmethod
    def of(cls, objective: LinearObjective, n_classes: int, *, fit_intercept: bool) -> "Preconditioned":
        """Measure the columns in one pass and build the coordinates.

        Examples
        --------
        >>> from maxmargin.losses import SoftmaxCrossEntropy
        >>> from maxmargin.objectives import RowBlocks
        >>> from maxmargin.penalties import Frobenius
        >>> rows = RowBlocks(np.array([[1e6], [3e6]]), np.array([0, 1]), np.ones(2))
        >>> objective = LinearObjective(rows, SoftmaxCrossEntropy(), Frobenius(), C=1.0)
        >>> coordinates = Preconditioned.of(objective, 2, fit_intercept=True)
        >>> coordinates.mean
        array([2000000.])
        """
        mean, variance = objective.rows.moments()
        if not fit_intercept:
            variance, mean = variance + mean**2, np.zeros_like(mean)
        strength = objective.C * float(objective.rows.weight.sum())
        scale = np.sqrt(1 + strength * variance)
        return cls(objective, n_classes, fit_intercept, mean, scale, float(np.sqrt(1 + strength)))

    @property
    def size(self) -> int:
        """Entries of the vector."""
        return self.n_classes * (len(self.mean) + self.fit_intercept)

    def join(self, coef: Floats, intercept: Floats) -> Floats:
        """(W, b) to the vector (V, a)."""
        parts = [coef * self.scale]
        if self.fit_intercept:
            parts.append(((intercept + coef @ self.mean) * self.intercept_scale)[:, None])
        return np.concatenate(parts, axis=1).ravel()

    def split(self, vector: Floats) -> tuple[Floats, Floats]:
        """The vector (V, a) to (W, b)."""
        table = vector.reshape(self.n_classes, -1)
        n_features = len(self.mean)
        coef = table[:, :n_features] / self.scale
        if not self.fit_intercept:
            return coef, np.zeros(self.n_classes)
        return coef, table[:, n_features] / self.intercept_scale - coef @ self.mean

    def value_and_gradient(self, vector: Floats) -> tuple[float, Floats]:
        """Objective and its gradient by the vector."""
        value, by_coef, by_intercept = self.objective.value_and_gradient(*self.split(vector))
        return value, self._pulled_back(by_coef, by_intercept)

    def curvature(self, vector: Floats) -> Callable[[Floats], Floats]:
        """Product of the Hessian by the vector with a direction."""
        product = self.objective.curvature(*self.split(vector))
        return lambda direction: self._pulled_back(*product(*self.split(direction)))

    def _pulled_back(self, by_coef: Floats, by_intercept: Floats) -> Floats:
        if not self.fit_intercept:
            return (by_coef / self.scale).ravel()
        # b = a / e - W m, so W moves the scores by x - m.
        by_table = (by_coef - np.outer(by_intercept, self.mean)) / self.scale
        return np.column_stack([by_table, by_intercept / self.intercept_scale]).ravel()
