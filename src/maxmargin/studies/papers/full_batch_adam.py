"""Full-batch steps of Adam on a linear objective, as M3SVM's authors take them.

Everywhere else the exact solvers of this package are used; here the steps themselves are what is shown.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from maxmargin._typing import Floats, Ints
from maxmargin.losses import Loss
from maxmargin.penalties import Penalty

_DECAY, _SQUARE_DECAY, _TINY = 0.9, 0.999, 1e-8  # Adam's usual constants


@dataclass(frozen=True)
class FullBatch:
    """``risk * sum_i loss(W x_i + b, y_i) + strength * penalty(W)``.

    Examples
    --------
    >>> from maxmargin.losses import SoftmaxCrossEntropy
    >>> from maxmargin.penalties import PairwiseMargin
    >>> rows = np.array([[1.0], [-1.0]]), np.array([0, 1])
    >>> objective = FullBatch(*rows, SoftmaxCrossEntropy(), PairwiseMargin(2), risk=0.5, strength=0.1)
    >>> value, gradient = objective.value_and_gradient(np.zeros((2, 2)))
    >>> round(value, 4), gradient.tolist()
    (0.6931, [[-0.5, 0.0], [0.5, 0.0]])
    """

    X: Floats
    y: Ints
    loss: Loss
    penalty: Penalty
    risk: float
    strength: float

    def value_and_gradient(self, parameters: Floats) -> tuple[float, Floats]:
        """Value and gradient at weights with the intercepts as their last column."""
        coef, intercept = parameters[:, :-1], parameters[:, -1]
        losses, by_scores = self.loss.value_and_gradient(self.X @ coef.T + intercept, self.y)
        penalty, by_coef = self.penalty.value_and_gradient(coef)
        slopes = np.column_stack([by_scores.T @ self.X, by_scores.sum(axis=0)])
        gradient = self.risk * slopes
        gradient[:, :-1] += self.strength * by_coef
        return self.risk * float(np.sum(losses)) + self.strength * float(penalty), gradient


def adam(
    objective: FullBatch, n_classes: int, *, lr: float, steps: int, seed: int
) -> Iterator[tuple[Floats, Floats, float]]:
    """Yield weights, intercepts and the objective before the first step and after each.

    It begins where PyTorch's linear layers do: uniform within one over the root of the number of features.
    """
    n_features = objective.X.shape[1]
    bound = n_features**-0.5
    parameters = np.random.default_rng(seed).uniform(-bound, bound, (n_classes, n_features + 1))
    mean, square = np.zeros_like(parameters), np.zeros_like(parameters)
    value, gradient = objective.value_and_gradient(parameters)
    yield parameters[:, :-1], parameters[:, -1], value
    for step in range(1, steps + 1):
        mean = _DECAY * mean + (1 - _DECAY) * gradient
        square = _SQUARE_DECAY * square + (1 - _SQUARE_DECAY) * gradient**2
        unbiased, spread = mean / (1 - _DECAY**step), square / (1 - _SQUARE_DECAY**step)
        parameters = parameters - lr * unbiased / (np.sqrt(spread) + _TINY)
        value, gradient = objective.value_and_gradient(parameters)
        yield parameters[:, :-1], parameters[:, -1], value
