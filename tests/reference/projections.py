"""Projections on polytopes, given by any inequalities, by non-negative least squares: slow, and exact."""

import numpy as np
from scipy.optimize import nnls


def project(points, matrix, bounds):
    """Nearest point of ``matrix @ u <= bounds`` to each row: least distance programming.

    Lawson and Hanson (1974), Solving least squares problems, chapter 23.
    """
    return np.stack([point + _shortest(-matrix, matrix @ point - bounds) for point in points])


def _shortest(matrix, bounds):
    """The shortest z with ``matrix @ z >= bounds``."""
    system = np.vstack([matrix.T, bounds])
    aim = np.eye(len(system))[-1]
    residual = system @ nnls(system, aim)[0] - aim
    return -residual[:-1] / residual[-1]


def capped_simplex(n_classes, cap):
    """0 <= u <= cap, sum u <= 1."""
    identity = np.eye(n_classes)
    return (
        np.vstack([-identity, identity, np.ones((1, n_classes))]),
        np.concatenate([np.zeros(n_classes), np.full(n_classes, cap), [1.0]]),
    )


def top_k_simplex(n_classes, k):
    """0 <= u <= sum(u) / k, sum u <= 1."""
    identity, ones = np.eye(n_classes), np.ones((n_classes, n_classes))
    return (
        np.vstack([-identity, identity - ones / k, ones[:1]]),
        np.concatenate([np.zeros(2 * n_classes), [1.0]]),
    )


def box(n_classes):
    """0 <= u <= 1."""
    identity = np.eye(n_classes)
    return np.vstack([-identity, identity]), np.concatenate([np.zeros(n_classes), np.ones(n_classes)])


def without(polytope, k):
    """The points of the polytope with u_k = 0."""
    matrix, bounds = polytope
    return np.vstack([matrix, np.eye(matrix.shape[1])[k]]), np.append(bounds, 0.0)
