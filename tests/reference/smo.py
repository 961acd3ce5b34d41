"""Sequential minimal optimisation as it is printed, in plain NumPy: slow, and plainly right."""

import numpy as np


def dual_objective(K, signs, coef):
    return signs @ coef - coef @ K @ coef / 2


def solve(K, signs, bounds, tol=1e-10, max_iter=200_000):
    """Move the pair that violates the optimality conditions most, until none does."""
    low, high = np.minimum(0, signs * bounds), np.maximum(0, signs * bounds)
    coef = np.zeros(len(signs))
    for _ in range(max_iter):
        slope = signs - K @ coef
        grows, shrinks = coef < high - 1e-14 * bounds, coef > low + 1e-14 * bounds
        if not grows.any() or not shrinks.any():
            return coef
        i = np.flatnonzero(grows)[np.argmax(slope[grows])]
        j = np.flatnonzero(shrinks)[np.argmin(slope[shrinks])]
        if slope[i] - slope[j] <= tol:
            return coef
        curvature = max(K[i, i] + K[j, j] - 2 * K[i, j], 1e-12)
        move = min((slope[i] - slope[j]) / curvature, high[i] - coef[i], coef[j] - low[j])
        coef[i] += move
        coef[j] -= move
    raise AssertionError("no solution within max_iter steps")
