"""Coordinates in which the curvature of a linear objective is about 1 in every direction."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace, device

from maxmargin._typing import Array, Floats
from maxmargin.objectives.row_blocks import RowBlocks, pieces


@dataclass(frozen=True)
class Coordinates:
    """Weights and intercepts as one vector, free of the features' units and offsets.

    With V = W D and a = (b + W m) e the scores are ``W x + b = V D^-1 (x - m) + a / e``: the columns are
    centred and scaled without touching X, so sparse and memory-mapped rows stay as they are.
    D_j^2 = 1 + C s v_j, with v_j the column's variance and s the summed weights, is the diagonal of the
    Hessian for a penalty and a loss of unit curvature; e^2 = 1 + C s.

    Parameters
    ----------
    n_scores : int
        Rows of W.
    fit_intercept : bool
        Whether b is free; where it is not, m = 0 and b = 0.
    mean, scale : ndarray of shape (n_features,)
        m and D.
    intercept_scale : float
        e.
    """

    n_scores: int
    fit_intercept: bool
    mean: Floats
    scale: Floats
    intercept_scale: float

    @classmethod
    def of(cls, rows: RowBlocks, C: float, n_scores: int, *, fit_intercept: bool) -> "Coordinates":
        """Measure the columns in one pass.

        Examples
        --------
        >>> rows = RowBlocks.of(np.array([[1e6], [3e6]]), np.array([0, 1]), np.ones(2))
        >>> Coordinates.of(rows, C=1.0, n_scores=2, fit_intercept=True).mean
        array([2000000.])
        """
        mean, variance = rows.moments
        if not fit_intercept:
            variance, mean = variance + mean**2, np.zeros_like(mean)
        strength = C * rows.weight
        return cls(
            n_scores, fit_intercept, mean, np.sqrt(1 + strength * variance), float(np.sqrt(1 + strength))
        )

    @property
    def unknowns(self) -> int:
        """Entries of the vector that make one score."""
        return len(self.mean) + self.fit_intercept

    @property
    def size(self) -> int:
        """Entries of the vector."""
        return self.n_scores * self.unknowns

    def table(self, vector: Floats) -> tuple[Floats, Floats]:
        """The vector as V, shape (n_scores, n_features), and a, shape (n_scores,)."""
        table = vector.reshape(self.n_scores, -1)
        n_features = len(self.mean)
        return table[:, :n_features], table[:, n_features] if self.fit_intercept else np.zeros(self.n_scores)

    def vector(self, by_features: Floats, by_intercept: Floats) -> Floats:
        """V and a as one vector: the inverse of ``table``."""
        parts = [by_features, by_intercept[:, None]] if self.fit_intercept else [by_features]
        return np.concatenate(parts, axis=1).ravel()

    def join(self, coef: Floats, intercept: Floats) -> Floats:
        """(W, b) to the vector (V, a)."""
        return self.vector(coef * self.scale, (intercept + coef @ self.mean) * self.intercept_scale)

    def split(self, vector: Floats) -> tuple[Floats, Floats]:
        """The vector (V, a) to (W, b)."""
        table, offset = self.table(vector)
        coef = table / self.scale
        if not self.fit_intercept:
            return coef, offset
        return coef, offset / self.intercept_scale - coef @ self.mean

    def pull(self, by_coef: Floats, by_intercept: Floats) -> Floats:
        """Derivatives by (W, b) to the derivative by the vector: the transpose of ``split``."""
        # b = a / e - W m, so W moves the scores by x - m.
        by_table = (by_coef - np.outer(by_intercept, self.mean)) / self.scale
        return self.vector(by_table, by_intercept / self.intercept_scale)

    def centred(self, table: Floats) -> Floats:
        """Less its mean over the classes, which shifts all scores of a row alike."""
        return table - table.mean(axis=0)

    def diagonal(self, C: float, weight: float) -> Floats:
        """Diagonal of the Gram matrix of the weighted rows in these coordinates, of shape (unknowns,)."""
        of_features = (self.scale**2 - 1) / (C * self.scale**2)
        of_intercept = [weight / self.intercept_scale**2] if self.fit_intercept else []
        return np.append(of_features, of_intercept)

    def standardised(self, X: Array, here: Callable[[Floats], Array] = np.asarray) -> Array:
        """The rows in these coordinates, in single precision: D^-1 (x - m); ``here`` takes m and D there."""
        xp, mean, shrink = array_namespace(X), here(self.mean), here(1 / self.scale)
        standard = xp.empty(X.shape, dtype=xp.float32, device=device(X))
        for some in pieces(X):
            part = X[some] - mean
            part *= shrink
            standard[some] = xp.astype(part, xp.float32)
        return standard

    def squared_lengths(self, X: Array) -> Array:
        """|z|^2 of standardised rows, with the one of the intercept where it is free."""
        xp = array_namespace(X)
        return xp.astype(xp.vecdot(X, X), xp.float64) + self.fit_intercept / self.intercept_scale**2
