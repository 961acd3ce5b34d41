"""Limited-memory BFGS for smooth objectives, on scipy's L-BFGS-B."""

import time
from collections.abc import Callable

import numpy as np
from scipy.optimize import OptimizeResult, minimize

from maxmargin._typing import Floats
from maxmargin.solvers._solution import Solution


def minimize_lbfgs(
    value_and_gradient: Callable[[Floats], tuple[float, Floats]],
    start: Floats,
    *,
    reference: float,
    tol: float = 1e-4,
    max_iter: int = 1000,
    memory: int = 20,
    report: Callable[[int, float], None] | None = None,
) -> Solution:
    """Solve ``min f(x)`` for a smooth f until ``max |gradient| <= tol * reference``.

    Parameters
    ----------
    value_and_gradient : callable
        x of shape (n,) to (f(x), gradient of shape (n,)).
    start : ndarray of shape (n,)
        Where to begin.
    reference : float
        What a gradient entry is large or small against, usually the largest at x = 0.
    tol : float, default=1e-4
        Relative tolerance.
    max_iter : int, default=1000
        Steps at the most.
    memory : int, default=20
        Pairs of steps and gradient changes that stand for the curvature.
    report : callable, optional
        Called with (iteration, objective) after each step.

    Returns
    -------
    Solution

    References
    ----------
    Byrd, Lu, Nocedal and Zhu (1995), A limited memory algorithm for bound constrained optimization.

    Examples
    --------
    >>> import numpy as np
    >>> solution = minimize_lbfgs(lambda x: (x @ x / 2 - x.sum(), x - 1), np.zeros(3), reference=1.0)
    >>> solution.status, solution.parameters.round(6).tolist()
    ('converged', [1.0, 1.0, 1.0])
    """
    began = time.perf_counter()
    steps = 0

    def step(intermediate_result: OptimizeResult) -> None:
        nonlocal steps
        steps += 1
        if report is not None:
            report(steps, float(intermediate_result.fun))

    options = {
        "maxcor": memory,
        "maxiter": max_iter,
        "maxfun": 20 * max_iter,
        "maxls": 50,
        "gtol": tol * reference,
        "ftol": 0.0,
    }
    result = minimize(value_and_gradient, start, jac=True, method="L-BFGS-B", callback=step, options=options)
    largest = float(np.max(np.abs(result.jac)))
    if largest <= tol * reference:
        status = "converged"
    else:
        status = "max_iter" if result.status == 1 else "stalled"
    return Solution(
        parameters=result.x,
        objective=float(result.fun),
        certificate=largest / reference if reference > 0 else largest,
        iterations=int(result.nit),
        seconds=time.perf_counter() - began,
        status=status,
    )
