"""The kernel solver against plain NumPy and an interior-point method, on Gram matrices good and bad."""

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maxmargin.kernel.functions import Kernel
from maxmargin.kernel.gram import RowsOnDemand
from maxmargin.solvers.smo import Machine, minimize_smo
from tests.reference import smo

TOL = 1e-9


def rows(n=40, d=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    return X, np.where(X[:, 0] + 0.8 * rng.normal(size=n) > 0, 1.0, -1.0)


def rbf(X, gamma=0.5):
    return np.exp(-gamma * np.square(X[:, None] - X[None]).sum(axis=2))


def repeated(X):
    return np.vstack([X[: len(X) // 2]] * 2)


GRAMS = {
    "rbf": rbf,
    "sharp rbf": lambda X: rbf(X, 50.0),
    "linear": lambda X: X @ X.T,
    "polynomial": lambda X: (X @ X.T + 1) ** 3,
    "rank one": lambda X: np.outer(X[:, 0], X[:, 0]),
    "rows twice": lambda X: rbf(repeated(X)),
    "all rows equal": lambda X: np.ones((len(X), len(X))),
    "no row at all": lambda X: np.zeros((len(X), len(X))),
}


def whole(signs, bounds):
    return Machine(np.array([[0, len(signs)]]), signs, np.broadcast_to(bounds, signs.shape).astype(float))


def assert_consistent(point, K, machine, C=1.0):
    """What a dual point says of itself is so."""
    signs, bounds, coef = machine.signs, C * machine.bounds, point.coef
    K = K[np.ix_(machine.rows, machine.rows)].astype(np.float64)
    size = 1 + np.abs(coef).sum() * np.abs(K).max()
    assert np.all(signs * coef >= 0)
    assert np.all(signs * coef <= bounds)
    assert abs(coef.sum()) <= 1e-12 * (1 + np.abs(coef).sum())
    np.testing.assert_allclose(point.slope, signs - K @ coef, atol=2e-7 * size)
    loss = bounds @ np.maximum(0, signs * (point.slope - point.intercept))
    assert point.primal == pytest.approx(coef @ K @ coef / 2 + loss, abs=2e-7 * size)
    assert point.dual == pytest.approx(smo.dual_objective(K, signs, coef), abs=2e-7 * size)
    assert point.dual <= point.primal + 1e-9 * size


@pytest.mark.parametrize("C", [1e-3, 1.0, 30.0])
@pytest.mark.parametrize("gram", GRAMS)
def test_optimum_is_that_of_plain_steps(gram, C):
    X, y = rows()
    K, machine = GRAMS[gram](X), whole(y, C)
    solution = minimize_smo(K, machine, tol=TOL)
    assert solution.status == "converged"
    assert_consistent(solution.point, K, machine)
    expected = smo.dual_objective(K, y, smo.solve(K, y, machine.bounds, tol=1e-7))
    assert solution.point.dual == pytest.approx(expected, rel=1e-7)
    assert solution.point.primal == pytest.approx(solution.point.dual, rel=1e-6)


@pytest.mark.parametrize("gram", ["rbf", "linear", "rows twice"])
def test_optimum_is_that_of_an_interior_point_method(gram):
    X, y = rows(seed=1)
    K, bounds = GRAMS[gram](X), np.random.default_rng(2).uniform(0.1, 5, len(y))
    values, vectors = np.linalg.eigh(K)
    half = vectors * np.sqrt(np.maximum(values, 0))
    weights, intercept = cp.Variable(len(y)), cp.Variable()
    loss = bounds @ cp.pos(1 - cp.multiply(y, half @ weights + intercept))
    problem = cp.Problem(cp.Minimize(cp.sum_squares(weights) / 2 + loss))
    problem.solve(solver=cp.CLARABEL)
    point = minimize_smo(K, whole(y, bounds), tol=TOL).point
    assert point.primal == pytest.approx(problem.value, rel=1e-6)
    np.testing.assert_allclose(signs_of(K, point), half @ weights.value + intercept.value, atol=1e-3)


def signs_of(K, point):
    return K @ point.coef + point.intercept


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_runs_leave_the_rows_between_them_alone(dtype):
    X, y = rows(60)
    runs = np.array([[5, 20], [30, 55]])
    kept = np.r_[5:20, 30:55]
    K = rbf(X).astype(dtype)
    machine = Machine(runs, y[kept], np.full(40, 2.0))
    part = np.ascontiguousarray(K[np.ix_(kept, kept)])
    found, expected = (
        minimize_smo(matrix, each, tol=1e-6).point
        for matrix, each in ((K, machine), (part, whole(y[kept], 2.0)))
    )
    assert_consistent(found, K, machine)
    np.testing.assert_allclose(found.coef, expected.coef, atol=1e-5)


def test_rows_of_no_weight_are_left_out():
    X, y = rows()
    bounds = np.where(np.arange(40) % 3 == 0, 0.0, 1.5)
    point = minimize_smo(rbf(X), whole(y, bounds), tol=TOL).point
    kept = bounds > 0
    without = minimize_smo(
        np.ascontiguousarray(rbf(X)[np.ix_(kept, kept)]), whole(y[kept], 1.5), tol=TOL
    ).point
    assert not point.coef[~kept].any()
    np.testing.assert_allclose(point.coef[kept], without.coef, atol=1e-7)
    assert point.intercept == pytest.approx(without.intercept)


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_one_class_alone_is_always_predicted(sign):
    X, _ = rows(6)
    solution = minimize_smo(rbf(X), whole(np.full(6, sign), 1.0))
    assert solution.status == "converged"
    assert not solution.point.coef.any()
    assert np.sign(solution.point.intercept) == sign


def test_nothing_takes_part():
    solution = minimize_smo(np.ones((4, 4)), whole(np.array([1.0, 1, -1, -1]), 0.0))
    assert solution.status == "converged"
    assert (solution.point.intercept, solution.point.primal) == (0.0, 0.0)


@pytest.mark.parametrize("gram", ["rbf", "linear", "sharp rbf"])
def test_path_along_c_ends_where_cold_fits_end(gram):
    X, y = rows(seed=3)
    K, machine, last = GRAMS[gram](X), whole(y, 1.0), None
    for C in (0.01, 0.1, 3.0, 200.0):
        warm = minimize_smo(K, machine, C=C, tol=TOL, start=last)
        cold = minimize_smo(K, machine, C=C, tol=TOL)
        assert_consistent(warm.point, K, machine, C)
        assert warm.point.dual == pytest.approx(cold.point.dual, rel=1e-8)
        last = warm.point
    again = minimize_smo(K, machine, C=400.0, tol=TOL, start=last)
    inside = np.abs(last.coef).max() < 200
    assert again.iterations == 0 or not inside


@pytest.mark.parametrize("gram", ["rbf", "linear", "rank one", "rows twice"])
def test_start_is_no_step_back(gram):
    X, y = rows(seed=5)
    K, bounds = GRAMS[gram](X), np.random.default_rng(6).choice([0.0, 0.3, 2.0], len(y))
    last = minimize_smo(K, whole(y, bounds), C=0.1, tol=TOL).point
    for C in (0.1, 0.2, 50.0):
        at_once = minimize_smo(K, whole(y, bounds), C=C, start=last, max_iter=0, polish=False).point
        assert at_once.dual >= last.dual * (1 - 1e-12)
        assert_consistent(at_once, K, whole(y, bounds), C)
        last = minimize_smo(K, whole(y, bounds), C=C, tol=TOL, start=last).point


def test_steps_are_limited():
    X, y = rows(200)
    solution = minimize_smo(rbf(X, 5.0).astype(np.float32), whole(y, 10.0), max_iter=7)
    assert (solution.status, solution.iterations) == ("max_iter", 7)
    assert solution.point.violation > 1e-3
    assert_consistent(solution.point, rbf(X, 5.0).astype(np.float32), whole(y, 10.0))


def test_indefinite_matrix_ends_at_a_stationary_point():
    X, y = rows(60)
    K = np.tanh(2 * X @ X.T - 1)
    assert np.linalg.eigvalsh(K)[0] < -1
    machine = whole(y, 1.0)
    solution = minimize_smo(K, machine)
    assert solution.status == "converged"
    coef, slope = solution.point.coef, y - K @ solution.point.coef
    grows, shrinks = coef < np.maximum(0, y), coef > np.minimum(0, y)
    assert slope[grows].max() - slope[shrinks].min() <= 1e-3 + 1e-9


@pytest.mark.parametrize("share", [1.0, 0.4, 0.1])
@pytest.mark.parametrize("C", [0.05, 20.0])
def test_rows_on_demand_reach_the_same_optimum(share, C):
    X, y = rows(300, 5)
    kernel = Kernel("rbf", gamma=0.3)
    prepared = kernel.rows(X, X.mean(axis=0), np.float64)
    source = RowsOnDemand(kernel, prepared, np.float64, int(share * 300 * 300 * 8))
    assert share == 1.0 or source.capacity < 0.9 * share * 300
    machine = whole(y, C)
    found = minimize_smo(source, machine, tol=1e-6)
    whole_matrix = minimize_smo(rbf(X, 0.3), machine, tol=1e-6)
    assert found.status == "converged"
    assert_consistent(found.point, rbf(X, 0.3), machine)
    assert found.point.dual == pytest.approx(whole_matrix.point.dual, rel=1e-8)


@pytest.mark.parametrize("capacity", [2, 3, 9])
def test_a_few_rows_on_demand_suffice(capacity):
    X, y = rows(120, 4)
    bounds = np.where(np.arange(120) % 4 == 0, 0.0, 1.0)
    kernel = Kernel("rbf", gamma=0.3)
    prepared = kernel.rows(X, X.mean(axis=0), np.float64)

    def source():
        return RowsOnDemand(kernel, prepared, np.float64, 8 * capacity * (120 + capacity))

    assert source().capacity == capacity
    small = minimize_smo(source(), whole(y, bounds), tol=1e-6).point
    large = minimize_smo(source(), whole(y, bounds), C=5.0, tol=1e-6, start=small)
    expected = minimize_smo(rbf(X, 0.3), whole(y, bounds), C=5.0, tol=1e-6).point
    assert large.status == "converged"
    assert_consistent(large.point, rbf(X, 0.3), whole(y, bounds), 5.0)
    assert large.point.dual == pytest.approx(expected.dual, rel=1e-8)
    limited = minimize_smo(source(), whole(y, bounds), tol=1e-6, max_iter=51)
    assert (limited.status, limited.iterations) == ("max_iter", 51)


def test_more_rows_on_demand_than_are_looked_at_first():
    X, y = rows(2500, 5, seed=4)
    kernel = Kernel("rbf", gamma=0.3)
    prepared = kernel.rows(X, X.mean(axis=0), np.float64)
    source = RowsOnDemand(kernel, prepared, np.float64, 60_000_000)
    found = minimize_smo(source, whole(y, 2.0), tol=1e-5).point
    expected = minimize_smo(rbf(X, 0.3), whole(y, 2.0), tol=1e-5).point
    assert found.violation <= 1e-5
    assert found.dual == pytest.approx(expected.dual, rel=1e-8)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    n=st.integers(2, 12),
    seed=st.integers(0, 10_000),
    scale=st.sampled_from([1e-6, 1.0, 1e6]),
    C=st.sampled_from([1e-8, 1.0, 1e8]),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_extremes_stay_finite_and_feasible(n, seed, scale, C, dtype):
    X, y = rows(n, 2, seed)
    K = (X @ X.T * scale).astype(dtype)
    machine = whole(y, C)
    solution = minimize_smo(K, machine, max_iter=20_000)
    coef = solution.point.coef
    assert np.isfinite(solution.point.primal)
    assert np.isfinite(solution.point.intercept)
    assert np.all((y * coef >= 0) & (y * coef <= C))
    assert abs(coef.sum()) <= 1e-9 * (1e-300 + np.abs(coef).sum())
    assert solution.point.dual >= 0 or np.isclose(solution.point.dual, 0, atol=1e-6 * n * C)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    points=st.lists(
        st.tuples(st.integers(-2, 2), st.integers(-2, 2), st.booleans()), min_size=2, max_size=14
    ),
    u=st.lists(st.sampled_from([0.0, 0.1, 1.0, 5.0]), min_size=14, max_size=14),
    gram=st.sampled_from(["rbf", "linear", "polynomial"]),
    C=st.sampled_from([1e-4, 1.0, 50.0]),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_repeated_and_contradicting_rows_have_the_optimum_of_plain_steps(points, u, gram, C, dtype):
    X, y = np.array([point[:2] for point in points], float), np.array([2.0 * p[2] - 1 for p in points])
    K, bounds = GRAMS[gram](X).astype(dtype), np.array(u[: len(y)])
    solution = minimize_smo(K, whole(y, bounds), C=C, tol=1e-8)
    assert solution.status == "converged"
    assert_consistent(solution.point, K, whole(y, bounds), C)
    exact = K.astype(np.float64)
    expected = smo.dual_objective(exact, y, smo.solve(exact, y, C * bounds, tol=1e-7))
    assert solution.point.dual == pytest.approx(expected, rel=1e-7, abs=1e-9)
