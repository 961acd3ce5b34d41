"""Regularised risk of a linear classifier, a sum over row blocks."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from maxmargin._typing import Floats
from maxmargin.losses import Loss
from maxmargin.objectives.row_blocks import RowBlocks
from maxmargin.penalties import Penalty


@dataclass(frozen=True)
class LinearObjective:
    """``penalty(W) + C * sum_i weight_i * loss(W x_i + b, y_i) + epsilon * (|W|^2 + |b|^2)``.

    Parameters
    ----------
    rows : RowBlocks
        The training set.
    loss : Loss
        Function of scores and target.
    penalty : Penalty
        Function of the weights; it does not see the intercept.
    C : float
        What the summed loss counts against the penalty.
    epsilon : float, default=0.0
        Tiny ridge that picks one of several equivalent solutions (M3SVM, eq. 21).

    Examples
    --------
    >>> from maxmargin.losses import SoftmaxCrossEntropy
    >>> from maxmargin.penalties import Frobenius
    >>> rows = RowBlocks(np.array([[1.0], [2.0]]), np.array([0, 1]), np.ones(2))
    >>> objective = LinearObjective(rows, SoftmaxCrossEntropy(), Frobenius(), C=1.0)
    >>> value, by_coef, by_intercept = objective.value_and_gradient(np.zeros((2, 1)), np.zeros(2))
    >>> round(value, 4), by_coef.tolist()
    (1.3863, [[0.5], [-0.5]])
    """

    rows: RowBlocks
    loss: Loss
    penalty: Penalty
    C: float
    epsilon: float = 0.0

    def value_and_gradient(self, coef: Floats, intercept: Floats) -> tuple[float, Floats, Floats]:
        """Objective and its gradient by ``coef`` (n_classes, n_features) and ``intercept`` (n_classes,)."""
        risk, by_coef, by_intercept = 0.0, np.zeros_like(coef), np.zeros_like(intercept)
        for X, target, weight in self.rows:
            value, by_scores = self.loss.value_and_gradient(X @ coef.T + intercept, target)
            by_scores *= weight[:, None]
            risk += float(weight @ value)
            by_coef += by_scores.T @ X
            by_intercept += by_scores.sum(axis=0)
        penalty, penalty_by_coef = self.penalty.value_and_gradient(coef)
        ridge = self.epsilon * (np.vdot(coef, coef) + np.vdot(intercept, intercept))
        by_coef = self.C * by_coef + penalty_by_coef + 2 * self.epsilon * coef
        return (
            float(self.C * risk + penalty + ridge),
            by_coef,
            self.C * by_intercept + 2 * self.epsilon * intercept,
        )

    def curvature(self, coef: Floats, intercept: Floats) -> Callable[[Floats, Floats], tuple[Floats, Floats]]:
        """Product of the Hessian with a direction; keeps (n_samples, n_classes) numbers."""
        of_loss = [self.loss.curvature(X @ coef.T + intercept, target) for X, target, _ in self.rows]
        of_penalty = self.penalty.curvature(coef)

        def product(coef: Floats, intercept: Floats) -> tuple[Floats, Floats]:
            by_coef, by_intercept = np.zeros_like(coef), np.zeros_like(intercept)
            for (X, _, weight), bend in zip(self.rows, of_loss, strict=True):
                moved = bend(X @ coef.T + intercept) * weight[:, None]
                by_coef += moved.T @ X
                by_intercept += moved.sum(axis=0)
            by_coef = self.C * by_coef + of_penalty(coef) + 2 * self.epsilon * coef
            return by_coef, self.C * by_intercept + 2 * self.epsilon * intercept

        return product
