"""The promises of minimize_smo_pairs: each pair at its optimum, an honest gap, the same on any threads."""

from itertools import combinations

import numpy as np
import pytest
from scipy import sparse

from maxmargin.solvers import smo_pairs
from maxmargin.solvers.smo_pairs import minimize_smo_pairs
from tests.reference.dual_coordinate import minimum

STORAGE = {
    "dense": lambda X: X,
    "dense-single": lambda X: X.astype(np.float32),
    "dense-columns-first": np.asfortranarray,
    "csr": sparse.csr_array,
    "csr-single": lambda X: sparse.csr_matrix(X.astype(np.float32)),
}
SIZES = [7, 1, 12, 4, 9]
each_storage = pytest.mark.parametrize("storage", STORAGE.values(), ids=STORAGE)
each_loss = pytest.mark.parametrize("squared", [False, True], ids=["hinge", "squared"])
each_intercept = pytest.mark.parametrize("fit_intercept", [False, True], ids=["through-zero", "intercept"])


@pytest.fixture
def problem(rng):
    """Five overlapping groups, their rows mixed with some of none, that single precision holds exactly."""
    numbers = rng.permutation(50)
    groups = np.split(numbers[: sum(SIZES)], np.cumsum(SIZES)[:-1])
    X = rng.normal(size=(50, 6))
    for k, group in enumerate(groups):
        X[group] += rng.normal(size=6) + 0.3 * k
    X[rng.random(X.shape) < 1 / 4] = 0
    return X.astype(np.float32).astype(np.float64), groups, rng.uniform(0.2, 2.0, size=50)


def problems_of(X, groups, bounds):
    """Rows, signs and bounds of each pair."""
    for first, second in combinations(groups, 2):
        rows = np.concatenate([first, second])
        yield X[rows], np.repeat([1.0, -1.0], [len(first), len(second)]), bounds[rows]


def objective(X, signs, bounds, w, b, *, squared):
    over = np.maximum(0, 1 - signs * (X @ w + b))
    return w @ w / 2 + bounds @ (over**2 if squared else over)


@each_storage
@each_loss
@each_intercept
def test_each_pair_is_at_the_optimum_of_an_interior_point_solver(storage, squared, fit_intercept, problem):
    X, groups, bounds = problem
    options = {"squared": squared, "fit_intercept": fit_intercept}
    solution = minimize_smo_pairs(storage(X), groups, bounds, tol=1e-8, **options)
    point = solution.point
    assert solution.converged
    assert len(point.coef) == 10
    for pair, of_pair in enumerate(problems_of(X, groups, bounds)):
        value, w = minimum(*of_pair, **options)
        here = objective(*of_pair, point.coef[pair], point.intercept[pair], squared=squared)
        assert point.primal[pair] == pytest.approx(here, rel=1e-10)
        assert point.primal[pair] == pytest.approx(value, rel=1e-7)
        assert np.linalg.norm(point.coef[pair] - w) <= np.sqrt(2 * (point.gap[pair] + 1e-8 * value))
        assert fit_intercept or point.intercept[pair] == 0


@each_loss
@each_intercept
def test_groups_taken_a_few_at_a_time_on_threads_give_the_same(squared, fit_intercept, problem, monkeypatch):
    options = {"squared": squared, "fit_intercept": fit_intercept, "tol": 1e-10}
    at_once = minimize_smo_pairs(*problem, **options).point
    monkeypatch.setattr(smo_pairs, "_ROWS_AT_ONCE", 13)
    one, three = (minimize_smo_pairs(*problem, n_threads=threads, **options).point for threads in (1, 3))
    for first, second, whole in zip(one, three, at_once, strict=True):
        np.testing.assert_array_equal(first, second)
        np.testing.assert_allclose(first, whole, atol=1e-5)


@each_loss
@each_intercept
def test_the_gap_of_a_pair_that_is_given_up_bounds_what_is_left(squared, fit_intercept, problem):
    X, groups, bounds = problem
    options = {"squared": squared, "fit_intercept": fit_intercept}
    solution = minimize_smo_pairs(X, groups, 50 * bounds, tol=1e-8, max_iter=1, **options)
    point, left = solution.point, []
    for pair, of_pair in enumerate(problems_of(X, groups, 50 * bounds)):
        value, _ = minimum(*of_pair, **options)
        left.append(point.primal[pair] - value)
        assert left[-1] <= point.gap[pair] * (1 + 1e-6) + 1e-6 * value
    assert not solution.converged
    assert max(left) > 0.01


@each_loss
def test_dense_rows_far_off_the_origin_keep_their_digits(squared, problem):
    X, groups, bounds = problem
    options = {"squared": squared, "fit_intercept": True, "tol": 1e-8}
    here = minimize_smo_pairs(X, groups, bounds, **options).point
    off = minimize_smo_pairs(X + 2.0**20, groups, bounds, **options)
    assert off.converged
    np.testing.assert_allclose(off.point.primal, here.primal, rtol=1e-7)


@each_loss
def test_no_more_is_proved_of_sparse_rows_far_off_than_rounding_leaves(squared, problem):
    X, groups, bounds = problem
    far = sparse.csr_array(X + 2.0**24)
    solution = minimize_smo_pairs(far, groups, bounds, squared=squared, fit_intercept=True, tol=1e-8)
    assert not solution.converged
    for pair, of_pair in enumerate(problems_of(X, groups, bounds)):
        value, _ = minimum(*of_pair, squared=squared, fit_intercept=True)
        assert abs(solution.point.primal[pair] - value) <= solution.point.gap[pair]
