"""One sweep of the block dual ascent in plain NumPy: slow, and plainly right."""

import numpy as np


def sweep(X, target, bounds, n_classes, order, *, cap, floor, spring):
    """Visit the rows in turn from q = e_y; return the weights, the intercept and q."""
    q = np.eye(n_classes)[target]
    W, b = np.zeros((n_classes, X.shape[1])), np.zeros(n_classes)
    for i in order:
        y = target[i]
        gain = W @ X[i] + b + 1
        gain[y] -= 1
        high, low = np.full(n_classes, cap), np.zeros(n_classes)
        high[y], low[y] = np.inf, floor
        curvature = max((X[i] @ X[i] + spring) * bounds[i], 1e-6)
        new = project(q[i] + gain / curvature, low, high)
        alpha = bounds[i] * (q[i] - new)
        W += np.outer(alpha, X[i])
        b += spring * alpha
        q[i] = new
    return W, b, q


def project(z, low, high):
    """Nearest point of {low <= q <= high, sum q = 1}: q = clip(z - theta), theta by bisection."""
    left, right = z.min() - 2 * len(z), z.max() + 2 * len(z)
    for _ in range(200):
        theta = (left + right) / 2
        if np.clip(z - theta, low, high).sum() > 1:
            left = theta
        else:
            right = theta
    return np.clip(z - right, low, high)


def losses(scores, target, k):
    """Sum of the k largest [1 + f_j - f_y]_+ of each row."""
    rows = np.arange(len(target))
    excess = 1 + scores - scores[rows, target][:, None]
    excess[rows, target] = 0
    return np.sort(np.maximum(excess, 0), axis=1)[:, -k:].sum(axis=1)
