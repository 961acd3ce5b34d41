"""Laws that every solver of a smooth objective obeys, one row of the table a solver."""

import numpy as np
import pytest
from scipy.optimize import minimize, rosen, rosen_der, rosen_hess

from maxmargin.solvers import minimize_lbfgs, minimize_trust_region


def lbfgs(function, gradient, hessian, start, **options):  # noqa: ARG001
    return minimize_lbfgs(lambda x: (function(x), gradient(x)), start, **options)


def trust_region(function, gradient, hessian, start, **options):
    return minimize_trust_region(
        lambda x: (function(x), gradient(x)), lambda x: lambda v: hessian(x) @ v, start, **options
    )


SOLVERS = {"lbfgs": lbfgs, "trust-region": trust_region}
each_solver = pytest.mark.parametrize("solve", SOLVERS.values(), ids=SOLVERS)


@pytest.fixture
def quadratic(rng):
    root = rng.normal(size=(8, 6))
    hessian, shift = root.T @ root + np.eye(6), rng.normal(size=6)
    return (
        lambda x: x @ hessian @ x / 2 - shift @ x,
        lambda x: hessian @ x - shift,
        lambda x: hessian,  # noqa: ARG005
        np.linalg.solve(hessian, shift),
    )


@each_solver
def test_quadratic_is_solved_to_its_tolerance(solve, quadratic):
    function, gradient, hessian, optimum = quadratic
    solution = solve(function, gradient, hessian, np.zeros(6), reference=1.0, tol=1e-9)
    assert solution.converged
    assert solution.certificate <= 1e-9
    np.testing.assert_allclose(solution.parameters, optimum, atol=1e-8)
    assert solution.objective == pytest.approx(function(optimum), abs=1e-12)


@each_solver
def test_rosenbrock_agrees_with_scipy(solve):
    start = np.array([-1.2, 1.0, 0.7])
    solution = solve(rosen, rosen_der, rosen_hess, start, reference=1.0, tol=1e-8)
    expected = minimize(rosen, start, jac=rosen_der, hess=rosen_hess, method="trust-exact", tol=1e-10)
    assert solution.converged
    np.testing.assert_allclose(solution.parameters, expected.x, atol=1e-5)


@each_solver
def test_too_few_iterations_are_a_status(solve, quadratic):
    function, gradient, hessian, _ = quadratic
    solution = solve(function, gradient, hessian, np.ones(6), reference=1e-6, tol=1e-9, max_iter=1)
    assert solution.status == "max_iter"
    assert not solution.converged
    assert solution.iterations == 1
    assert solution.objective < function(np.ones(6))


@each_solver
def test_a_tolerance_below_rounding_is_a_status(solve, quadratic):
    function, gradient, hessian, optimum = quadratic
    solution = solve(function, gradient, hessian, np.zeros(6), reference=1e-9, tol=1e-14)
    assert solution.status == "stalled"
    np.testing.assert_allclose(solution.parameters, optimum, atol=1e-6)


@each_solver
def test_a_start_at_the_optimum_takes_no_step(solve, quadratic):
    function, gradient, hessian, optimum = quadratic
    solution = solve(function, gradient, hessian, optimum, reference=1.0, tol=1e-6)
    assert (solution.status, solution.iterations) == ("converged", 0)


@each_solver
def test_every_iteration_is_reported(solve, quadratic):
    function, gradient, hessian, _ = quadratic
    seen = []
    solution = solve(
        function,
        gradient,
        hessian,
        np.zeros(6),
        reference=1.0,
        tol=1e-9,
        report=lambda step, value: seen.append((step, value)),
    )
    assert [step for step, _ in seen] == list(range(1, solution.iterations + 1))
    assert seen[-1][1] == solution.objective
