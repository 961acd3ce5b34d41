"""What every method is judged by: the objectives in plain NumPy, penalty(W) + C * sum of losses."""

from collections.abc import Callable
from typing import Any

import numpy as np

DELTA = 0.1  # width of the smooth hinge of M3SVM
POWER = 4.0  # exponent of its pairwise margin penalty


def _signs(scores: np.ndarray, y: np.ndarray) -> np.ndarray:
    signs = np.full(scores.shape, -1.0)
    signs[np.arange(len(y)), y] = 1.0
    return signs


def _true(scores: np.ndarray, y: np.ndarray) -> np.ndarray:
    return scores[np.arange(len(y)), y][:, None]


def hinge(scores: np.ndarray, y: np.ndarray) -> float:
    return float(np.maximum(0.0, 1.0 - _signs(scores, y) * scores).sum())


def squared_hinge(scores: np.ndarray, y: np.ndarray) -> float:
    return float((np.maximum(0.0, 1.0 - _signs(scores, y) * scores) ** 2).sum())


def crammer_singer(scores: np.ndarray, y: np.ndarray) -> float:
    rival = 1.0 + scores - _true(scores, y)
    rival[np.arange(len(y)), y] = 0.0
    return float(rival.max(axis=1).sum())


def cross_entropy(scores: np.ndarray, y: np.ndarray) -> float:
    shifted = scores - scores.max(axis=1, keepdims=True)
    return float((np.log(np.exp(shifted).sum(axis=1)) - _true(shifted, y)[:, 0]).sum())


def pairwise_smooth_hinge(scores: np.ndarray, y: np.ndarray) -> float:
    gap = 1.0 + scores - _true(scores, y)
    smooth = (gap + np.sqrt(gap**2 + DELTA**2)) / 2.0
    smooth[np.arange(len(y)), y] = 0.0
    return float(smooth.sum())


def half_squared_norm(coef: np.ndarray) -> float:
    return 0.5 * float((coef**2).sum())


def pairwise_margin(coef: np.ndarray) -> float:
    upper = np.triu_indices(len(coef), 1)
    return float((np.linalg.norm(coef[upper[0]] - coef[upper[1]], axis=1) ** POWER).sum())


Terms = tuple[Callable[[np.ndarray], float], Callable[[np.ndarray, np.ndarray], float]]

OBJECTIVES: dict[str, Terms] = {
    "hinge": (half_squared_norm, hinge),
    "squared_hinge": (half_squared_norm, squared_hinge),
    "crammer_singer": (half_squared_norm, crammer_singer),
    "cross_entropy": (half_squared_norm, cross_entropy),
    "m3": (pairwise_margin, pairwise_smooth_hinge),
}


def objective(name: str, C: float, X: Any, y: np.ndarray, coef: np.ndarray, intercept: np.ndarray) -> float:
    penalty, loss = OBJECTIVES[name]
    return penalty(coef) + C * loss(np.asarray(X @ coef.T) + intercept, y)
