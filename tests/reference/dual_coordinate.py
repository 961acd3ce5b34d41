"""The primal of one hinge-type problem as it is written down, handed to an interior-point solver."""

import cvxpy as cp
import numpy as np


def minimum(X, signs, bounds, *, squared, fit_intercept):
    """Least value of 1/2 |w|^2 + sum_i u_i phi(1 - t_i (w.x_i + b)), and w."""
    w, b = cp.Variable(X.shape[1]), cp.Variable()
    losses = cp.pos(1 - cp.multiply(signs, X @ w + b))
    if squared:
        losses = cp.square(losses)
    problem = cp.Problem(
        cp.Minimize(cp.sum_squares(w) / 2 + bounds @ losses), [] if fit_intercept else [b == 0]
    )
    problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11)
    return problem.value, np.asarray(w.value)


def primal_and_dual(X, signs, bounds, coef, intercept, duals, *, squared):
    """Objective at the weights and dual value at the duals, one problem, summed row by row."""
    primal, combined, dual = float(coef @ coef) / 2, np.zeros(X.shape[1]), 0.0
    for x, t, u, a in zip(X, signs, bounds, duals, strict=True):
        over = max(0.0, 1 - t * (float(coef @ x) + intercept))
        primal += u * (over * over if squared else over)
        combined += t * a * x
        dual += a - (a * a / (4 * u) if squared and u > 0 else 0.0)
    return primal, dual - float(combined @ combined) / 2
