"""The promises of minimize_dual_coordinate: the optimum, an honest gap, the same answer on any threads."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from maxmargin.solvers.dual_coordinate import minimize_dual_coordinate
from tests.reference.dual_coordinate import minimum, primal_and_dual


def csr(dtype, index):
    def convert(X):
        made = sparse.csr_matrix(X.astype(dtype))
        made.indices, made.indptr = made.indices.astype(index), made.indptr.astype(index)
        return made

    return convert


STORAGE = {
    "dense": lambda X: X,
    "dense-single": lambda X: X.astype(np.float32),
    "dense-columns-first": np.asfortranarray,
    "csr": csr(np.float64, np.int32),
    "csr-int64": csr(np.float64, np.int64),
    "csr-single": csr(np.float32, np.int32),
}
each_storage = pytest.mark.parametrize("storage", STORAGE.values(), ids=STORAGE)
each_loss = pytest.mark.parametrize("squared", [False, True], ids=["hinge", "squared"])
each_intercept = pytest.mark.parametrize("fit_intercept", [False, True], ids=["through-zero", "intercept"])


@pytest.fixture
def problems(rng):
    """Four overlapping problems on rows that single precision holds exactly, a third of the entries 0."""
    X = (rng.normal(size=(60, 7)) + 0.5).astype(np.float32).astype(np.float64)
    X[rng.random(X.shape) < 1 / 3] = 0
    signs = np.where(X @ rng.normal(size=(7, 4)) + rng.normal(size=(60, 4)) > 0.7, 1, -1)
    return X, signs, rng.uniform(0.2, 2.0, size=60)


def check_point(X, signs, bounds, point, *, squared, fit_intercept):
    """The duals are feasible, the weights theirs, and primal and gap what they are said to be."""
    assert np.all(point.duals >= 0)
    if not squared:
        assert np.all(point.duals <= bounds[:, None])
    assert np.all(point.duals[bounds == 0] == 0)
    if fit_intercept:
        scale = np.maximum(point.duals.sum(axis=0), 1e-300)
        assert np.all(np.abs((signs * point.duals).sum(axis=0)) <= 1e-12 * scale)
    else:
        assert np.all(point.intercept == 0)
    assert np.all(point.gap >= 0)
    np.testing.assert_allclose(point.coef, (signs * point.duals).T @ X, rtol=1e-9, atol=1e-9)
    for k in range(signs.shape[1]):
        primal, dual = primal_and_dual(
            X, signs[:, k], bounds, point.coef[k], point.intercept[k], point.duals[:, k], squared=squared
        )
        assert point.primal[k] == pytest.approx(primal, rel=1e-10, abs=1e-12)
        assert point.gap[k] == pytest.approx(primal - dual, rel=1e-6, abs=1e-9 * max(1.0, primal))


@each_storage
@each_loss
@each_intercept
@pytest.mark.parametrize("n_problems", [1, 4])
def test_the_optimum_is_that_of_an_interior_point_solver(
    storage, squared, fit_intercept, n_problems, problems
):
    X, signs, bounds = problems[0], problems[1][:, :n_problems], problems[2]
    options = {"squared": squared, "fit_intercept": fit_intercept}
    solution = minimize_dual_coordinate(storage(X), signs, bounds, tol=1e-8, max_iter=20000, **options)
    assert solution.converged
    assert np.all(solution.point.relative_gap <= 1e-8)
    check_point(X, signs, bounds, solution.point, **options)
    for k in range(n_problems):
        value, w = minimum(X, signs[:, k], bounds, **options)
        assert solution.point.primal[k] == pytest.approx(value, rel=1e-7)
        # The objective is strongly convex in w, so its excess bounds the distance.
        reach = np.sqrt(2 * (solution.point.gap[k] + 1e-8 * value))
        assert np.linalg.norm(solution.point.coef[k] - w) <= reach


@each_loss
@each_intercept
@pytest.mark.parametrize("storage", [STORAGE["dense"], STORAGE["csr"]], ids=["dense", "csr"])
def test_the_number_of_threads_changes_nothing(storage, squared, fit_intercept, rng):
    X = storage(np.where(rng.random((80, 30)) < 0.3, rng.normal(size=(80, 30)), 0))
    signs = np.where(rng.random((80, 19)) < 0.3, 1, -1)
    one, three = (
        minimize_dual_coordinate(
            X, signs, np.ones(80), squared=squared, fit_intercept=fit_intercept, n_threads=threads, max_iter=9
        )
        for threads in (1, 3)
    )
    for first, second in zip(one.point, three.point, strict=True):
        np.testing.assert_array_equal(first, second)
    assert one.iterations == three.iterations


def test_another_seed_is_another_way_to_the_same_optimum(problems):
    X, signs, bounds = problems
    one, other = (
        minimize_dual_coordinate(
            X, signs, bounds, squared=True, fit_intercept=True, tol=1e-10, max_iter=20000, random_state=seed
        )
        for seed in (0, 1)
    )
    assert not np.array_equal(one.point.duals, other.point.duals)
    np.testing.assert_allclose(one.point.coef, other.point.coef, atol=1e-4)


@each_loss
def test_problems_solved_together_are_those_solved_alone(squared, rng):
    X = sparse.random(70, 40, 0.2, format="csr", random_state=0)
    signs = np.where(rng.random((70, 21)) < 0.2, 1, -1)
    options = {"squared": squared, "fit_intercept": True, "tol": 1e-9, "max_iter": 20000}
    together = minimize_dual_coordinate(X, signs, np.ones(70), **options)
    assert together.converged
    for k in range(21):
        alone = minimize_dual_coordinate(X, signs[:, k : k + 1], np.ones(70), **options)
        assert together.point.primal[k] == pytest.approx(alone.point.primal[0], rel=1e-8)


@each_loss
@each_intercept
def test_a_start_at_the_optimum_ends_after_one_round(squared, fit_intercept, problems):
    X, signs, bounds = problems
    options = {"squared": squared, "fit_intercept": fit_intercept, "max_iter": 20000}
    first = minimize_dual_coordinate(X, signs, bounds, tol=1e-9, **options)
    cold = minimize_dual_coordinate(X, signs, bounds, tol=1e-6, **options)
    warm = minimize_dual_coordinate(
        X,
        signs,
        bounds,
        tol=1e-6,
        start_duals=first.point.duals,
        start_intercept=first.point.intercept,
        **options,
    )
    assert warm.converged
    assert warm.iterations == 3 < cold.iterations


def test_duals_outside_the_bounds_are_a_start_nonetheless(problems):
    X, signs, bounds = problems
    solution = minimize_dual_coordinate(
        X,
        signs,
        bounds,
        squared=False,
        fit_intercept=True,
        tol=1e-7,
        max_iter=20000,
        start_duals=np.where(signs > 0, 100.0, -100.0),
    )
    assert solution.converged
    check_point(X, signs, bounds, solution.point, squared=False, fit_intercept=True)


@each_loss
@each_intercept
def test_rows_of_weight_zero_are_as_good_as_absent(squared, fit_intercept, problems):
    X, signs, bounds = problems
    bounds = np.where(np.arange(60) % 3 == 0, 0.0, bounds)
    used = bounds > 0
    options = {"squared": squared, "fit_intercept": fit_intercept, "tol": 1e-8, "max_iter": 20000}
    with_them = minimize_dual_coordinate(X, signs, bounds, **options)
    without = minimize_dual_coordinate(X[used], signs[used], bounds[used], **options)
    assert with_them.converged
    np.testing.assert_allclose(with_them.point.primal, without.point.primal, rtol=1e-7)
    assert np.all(with_them.point.duals[~used] == 0)


@each_loss
@each_intercept
@pytest.mark.parametrize("storage", [STORAGE["dense"], STORAGE["csr"]], ids=["dense", "csr"])
def test_empty_rows_and_equal_columns_are_no_obstacle(storage, squared, fit_intercept, problems):
    X, signs, bounds = problems
    X = np.column_stack([X, X[:, :3], np.zeros(60)])
    X[::7] = 0
    options = {"squared": squared, "fit_intercept": fit_intercept}
    solution = minimize_dual_coordinate(storage(X), signs, bounds, tol=1e-8, max_iter=20000, **options)
    assert solution.converged
    check_point(X, signs, bounds, solution.point, **options)
    for k in range(4):
        value, _ = minimum(X, signs[:, k], bounds, **options)
        assert solution.point.primal[k] == pytest.approx(value, rel=1e-7)


@each_loss
@each_intercept
def test_one_positive_row_among_many(squared, fit_intercept, problems):
    X, _, bounds = problems
    signs = np.full((60, 3), -1)
    signs[[4, 17, 31], [0, 1, 2]] = 1
    options = {"squared": squared, "fit_intercept": fit_intercept}
    solution = minimize_dual_coordinate(X, signs, bounds, tol=1e-8, max_iter=20000, **options)
    assert solution.converged
    for k in range(3):
        value, _ = minimum(X, signs[:, k], bounds, **options)
        assert solution.point.primal[k] == pytest.approx(value, rel=1e-7)


@each_loss
@pytest.mark.parametrize("sign", [1, -1])
def test_with_one_sign_alone_the_intercept_does_it_all(squared, sign, problems):
    X, signs, bounds = problems
    solution = minimize_dual_coordinate(
        X, np.full_like(signs, sign), bounds, squared=squared, fit_intercept=True, tol=1e-8
    )
    assert solution.converged
    assert np.all(solution.point.primal == 0)
    assert np.all(solution.point.coef == 0)
    assert np.all(sign * solution.point.intercept >= 1)


@each_loss
def test_no_row_of_any_weight_costs_nothing(squared, problems):
    X, signs, _ = problems
    solution = minimize_dual_coordinate(X, signs, np.zeros(60), squared=squared, fit_intercept=True)
    assert solution.converged
    assert solution.point.primal.tolist() == [0, 0, 0, 0]


@each_loss
@each_intercept
def test_sparse_rows_and_a_large_bound_still_end_at_the_optimum(squared, fit_intercept, rng):
    X = sparse.random(50, 200, 0.1, format="csr", random_state=0)
    signs = np.where(rng.random((50, 3)) < 0.4, 1, -1)
    options = {"squared": squared, "fit_intercept": fit_intercept}
    bounds = np.full(50, 1e4)
    solution = minimize_dual_coordinate(X, signs, bounds, tol=1e-7, max_iter=20000, **options)
    assert solution.converged
    for k in range(3):
        value, _ = minimum(X.toarray(), signs[:, k], bounds, **options)
        assert solution.point.primal[k] == pytest.approx(value, rel=1e-6)


@each_loss
@each_intercept
def test_too_few_sweeps_are_a_status_and_the_gap_stays_honest(squared, fit_intercept, problems):
    X, signs, bounds = problems[0] * 10.0 ** np.arange(-3, 4), problems[1], problems[2] * 1e3
    options = {"squared": squared, "fit_intercept": fit_intercept}
    solution = minimize_dual_coordinate(X, signs, bounds, tol=1e-9, max_iter=7, **options)
    assert (solution.status, solution.iterations) == ("max_iter", 7)
    assert not solution.converged
    assert np.all(solution.point.relative_gap > 1e-9)
    for k in range(4):
        value, _ = minimum(X, signs[:, k], bounds, **options)
        assert solution.point.primal[k] - solution.point.gap[k] <= value * (1 + 1e-7)


def test_an_entry_stored_in_two_parts_counts_once(problems):
    X, signs, bounds = problems
    whole = sparse.csr_matrix(X)
    indptr, indices = 2 * whole.indptr, np.repeat(whole.indices, 2)
    parted = sparse.csr_matrix((np.repeat(whole.data / 2, 2), indices, indptr), shape=X.shape)
    options = {"squared": False, "fit_intercept": True, "tol": 1e-8, "max_iter": 20000}
    given = minimize_dual_coordinate(parted, signs, bounds, **options)
    expected = minimize_dual_coordinate(whole, signs, bounds, **options)
    np.testing.assert_array_equal(given.point.coef, expected.point.coef)
    assert parted.nnz == 2 * whole.nnz


def test_rows_on_disk_are_read_where_they_are(problems, tmp_path):
    X, signs, bounds = problems
    np.save(tmp_path / "rows.npy", X)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    options = {"squared": True, "fit_intercept": True}
    given = minimize_dual_coordinate(mapped, signs, bounds, **options)
    expected = minimize_dual_coordinate(X, signs, bounds, **options)
    np.testing.assert_array_equal(given.point.coef, expected.point.coef)


def test_every_third_sweep_is_reported(problems):
    X, signs, bounds = problems
    seen = []
    solution = minimize_dual_coordinate(
        X,
        signs,
        bounds,
        squared=True,
        fit_intercept=False,
        tol=1e-8,
        report=lambda sweep, value: seen.append((sweep, value)),
    )
    assert [sweep for sweep, _ in seen] == list(range(3, solution.iterations + 1, 3))
    assert seen[-1][1] == pytest.approx(solution.point.primal.sum(), rel=1e-7)


@settings(max_examples=60, deadline=None)
@given(
    X=arrays(np.float64, (6, 3), elements=st.floats(-1e5, 1e5)),
    signs=arrays(np.int8, (6, 3), elements=st.sampled_from([-1, 1])),
    bounds=arrays(np.float64, 6, elements=st.one_of(st.just(0.0), st.floats(1e-5, 1e5))),
    squared=st.booleans(),
    fit_intercept=st.booleans(),
    as_csr=st.booleans(),
)
def test_extreme_problems_keep_their_bounds(X, signs, bounds, squared, fit_intercept, as_csr):
    rows = sparse.csr_matrix(X) if as_csr else X
    solution = minimize_dual_coordinate(
        rows, signs, bounds, squared=squared, fit_intercept=fit_intercept, tol=1e-6, max_iter=30
    )
    point = solution.point
    assert all(np.isfinite(part).all() for part in point)
    assert np.all(point.duals >= 0)
    assert np.all(point.gap >= 0)
    if not squared:
        assert np.all(point.duals <= bounds[:, None])
    assert solution.converged == bool(np.all(point.gap <= 1e-6 * point.primal))


def test_numba_is_not_imported_before_it_is_needed():
    program = "import sys, maxmargin.solvers.dual_coordinate; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("squared", [False, True])
def test_a_weak_penalty_moves_the_intercept_in_few_sweeps(squared, rng):
    X = rng.normal(size=(60, 100))
    signs = np.where(np.arange(60) < 45, 1, -1)[:, None]
    solution = minimize_dual_coordinate(
        X, signs, np.full(60, 1e-6), squared=squared, fit_intercept=True, tol=1e-3
    )
    assert solution.converged
    assert solution.iterations <= 30
    # So weak a penalty leaves next to nothing but the intercept, which sits at the larger class.
    assert solution.point.intercept[0] == pytest.approx(0.5 if squared else 1.0, abs=0.05)
