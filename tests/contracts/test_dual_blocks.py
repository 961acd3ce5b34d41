"""The block dual ascent against an interior-point solver, a plain sweep, and itself."""

import cvxpy as cp
import numpy as np
import pytest
import scipy.sparse as sp

from maxmargin._checks import InputError
from maxmargin.solvers.dual_blocks import _Ascent, _limits, minimize_dual_blocks
from tests.reference import dual_blocks as reference

KINDS = {
    "crammer-singer": {"kind": "simplex"},
    "weston-watkins": {"kind": "box"},
    "top-2": {"kind": "capped", "cap": 0.5},
}
each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
with_and_without_intercept = pytest.mark.parametrize(
    "fit_intercept", [False, True], ids=["flat", "intercept"]
)


def problem(rng, n=60, d=5, n_classes=4, shift=0.7):
    target = np.concatenate([np.arange(n_classes), rng.integers(n_classes, size=n - n_classes)])
    X = rng.normal(size=(n, d)) + rng.normal(size=(n_classes, d))[target] + shift
    return X, target, rng.uniform(0.1, 2, size=n)


def objective(X, target, bounds, coef, intercept, kind):
    k = {"simplex": 1, "box": len(coef), "capped": 2}[kind["kind"]]
    loss = reference.losses(X @ coef.T + intercept, target, k)
    return (coef**2).sum() / 2 + kind.get("cap", 1) * (bounds @ loss)


def optimum(X, target, bounds, n_classes, kind, fit_intercept):
    W, b = cp.Variable((n_classes, X.shape[1])), cp.Variable(n_classes)
    total = cp.sum_squares(W) / 2
    k = {"simplex": 1, "box": n_classes - 1, "capped": 2}[kind["kind"]]
    for x, y, bound in zip(X, target, bounds, strict=True):
        scores = W @ x + b
        excess = cp.pos(cp.hstack([1 + scores[j] - scores[y] for j in range(n_classes) if j != y]))
        total += bound * kind.get("cap", 1) * cp.sum_largest(excess, k)
    task = cp.Problem(cp.Minimize(total), [] if fit_intercept else [b == 0])
    task.solve(solver="CLARABEL", tol_gap_rel=1e-10, tol_gap_abs=1e-10)
    return task.value


@each_kind
@with_and_without_intercept
def test_agrees_with_an_interior_point_solver(rng, kind, fit_intercept):
    X, target, bounds = problem(rng)
    best = optimum(X, target, bounds, 4, kind, fit_intercept)
    solution = minimize_dual_blocks(X, target, bounds, 4, fit_intercept=fit_intercept, tol=1e-5, **kind)
    assert solution.gap <= 1e-5
    value = objective(X, target, bounds, solution.coef, solution.intercept, kind)
    assert value == pytest.approx(solution.primal_value, rel=1e-6)
    assert best * (1 - 1e-7) <= value <= best * (1 + 2e-5)
    assert solution.dual_value <= best * (1 + 1e-6)
    assert np.any(solution.intercept != 0) == fit_intercept


@each_kind
@with_and_without_intercept
def test_dual_variables_are_feasible_and_make_the_weights(rng, kind, fit_intercept):
    X, target, bounds = problem(rng)
    solution = minimize_dual_blocks(X, target, bounds, 4, fit_intercept=fit_intercept, tol=1e-5, **kind)
    rows = np.arange(len(X))
    q = solution.dual.copy()
    np.testing.assert_allclose(q.sum(axis=1), 1, atol=1e-6)
    if kind["kind"] != "box":
        assert q[rows, target].min() >= -1e-6
    alpha = bounds[:, None] * (np.eye(4)[target] - q)
    q[rows, target] = 0
    assert q.min() >= 0
    assert q.max() <= kind.get("cap", 1) + 1e-6
    np.testing.assert_allclose(alpha.T @ X, solution.coef, atol=0.02)
    linear = bounds @ q.sum(axis=1) - ((alpha.T @ X) ** 2).sum() / 2
    assert linear == pytest.approx(solution.dual_value, rel=1e-2 if fit_intercept else 1e-6)
    if fit_intercept:
        np.testing.assert_allclose(alpha.sum(axis=0), 0, atol=0.02)


@each_kind
@with_and_without_intercept
@pytest.mark.parametrize("form", ["dense", "packed", "csr"])
@pytest.mark.parametrize("n_classes", [3, 17, 40])
def test_one_sweep_is_that_of_the_reference(rng, kind, fit_intercept, form, n_classes):
    X, target, bounds = problem(rng, n=80, d=30, n_classes=n_classes)
    bounds *= 10.0 ** rng.integers(-3, 1, size=len(X))
    if form != "dense":
        X *= rng.random(X.shape) < 0.1
    cap, floor = _limits(**({"cap": 1.0} | kind))
    given = sp.csr_array(X) if form == "csr" else X
    ascent = _Ascent(given, target, bounds, n_classes, (cap, floor), fit_intercept, 0, None)
    assert (ascent.rows[1] is None) == (form == "dense")
    order = rng.permutation(len(X))
    W, b, q = reference.sweep(
        X, target, bounds, n_classes, order, cap=float(cap), floor=float(floor), spring=ascent.spring
    )
    moved, gain = ascent.sweep(order.copy(), 0.0)
    assert moved > 0
    assert gain > 0
    scale = np.abs(W).max()
    np.testing.assert_allclose(ascent.weights[:-1, :n_classes].T, W, atol=1e-4 * scale)
    np.testing.assert_allclose(ascent.weights[-1, :n_classes], b, atol=1e-4 * max(np.abs(b).max(), 1e-9))
    pull = bounds * np.sqrt((X**2).sum(axis=1))
    assert (pull[:, None] * np.abs(ascent.dual[:, :n_classes] - q)).max() <= 1e-4 * max(scale, pull.max())


@pytest.mark.parametrize("form", [np.float32, "csr", "csr-int64", "csr-float32", "mostly-zero"])
def test_every_form_of_the_rows_gives_the_same_optimum(rng, form):
    X, target, bounds = problem(rng, n=200, d=40)
    X = np.float32(X * (rng.random(X.shape) < 0.15)).astype(np.float64)
    expected = minimize_dual_blocks(X, target, bounds, 4, tol=1e-5)
    if form == "mostly-zero":
        given = X
    elif form is np.float32:
        given = X.astype(form)
    else:
        given = sp.csr_array(X.astype(np.float32) if form == "csr-float32" else X)
        if form == "csr-int64":
            given.indptr, given.indices = given.indptr.astype(np.int64), given.indices.astype(np.int64)
    solution = minimize_dual_blocks(given, target, bounds, 4, tol=1e-5)
    assert solution.gap <= 1e-5
    assert solution.primal_value == pytest.approx(expected.primal_value, rel=2e-5)


@each_kind
def test_rows_of_zeros_and_rows_without_weight(rng, kind):
    X, target, bounds = problem(rng)
    X[:7] = 0
    bounds[5:20] = 0
    solution = minimize_dual_blocks(X, target, bounds, 4, fit_intercept=False, tol=1e-5, **kind)
    best = optimum(X, target, bounds, 4, kind, False)
    assert solution.gap <= 1e-5
    assert solution.primal_value == pytest.approx(best, rel=2e-5)
    np.testing.assert_array_equal(solution.dual[5:20], np.eye(4)[target[5:20]])


@each_kind
@pytest.mark.parametrize("n_classes", [2, 50])
def test_few_and_many_classes(rng, kind, n_classes):
    X, target, bounds = problem(rng, n=150, d=12, n_classes=n_classes)
    solution = minimize_dual_blocks(X, target, bounds, n_classes, tol=1e-4, **kind)
    assert solution.gap <= 1e-4
    value = objective(X, target, bounds, solution.coef, solution.intercept, kind)
    assert value == pytest.approx(solution.primal_value, rel=1e-6)
    assert solution.coef.shape == (n_classes, 12)


@each_kind
def test_tiny_bounds(rng, kind):
    X, target, bounds = problem(rng)
    solution = minimize_dual_blocks(X, target, 1e-9 * bounds, 4, tol=1e-4, **kind)
    assert solution.gap <= 1e-4
    value = objective(X, target, 1e-9 * bounds, solution.coef, solution.intercept, kind)
    assert value == pytest.approx(solution.primal_value, rel=1e-5)


@each_kind
def test_bounds_too_large_for_a_quick_end_leave_a_gap_that_holds_the_optimum(rng, kind):
    X, target, bounds = problem(rng)
    best = optimum(X, target, 1000 * bounds, 4, kind, False)
    solution = minimize_dual_blocks(
        X, target, 1000 * bounds, 4, fit_intercept=False, tol=1e-6, max_iter=20, **kind
    )
    assert 1e-6 < solution.gap < 1
    assert solution.dual_value <= best <= solution.primal_value


@each_kind
@pytest.mark.parametrize("bound", [1e2, 1e4, 1e8])
def test_where_classes_are_apart_the_largest_bounds_cost_no_more(kind, bound, rng):
    target = np.arange(60) % 4
    X = rng.normal(size=(60, 90)) + 3 * np.eye(4, 90)[target]
    solution = minimize_dual_blocks(X, target, np.full(60, bound), 4, fit_intercept=False, tol=1e-4, **kind)
    assert solution.gap <= 1e-4
    assert solution.iterations <= 10
    # Every margin is wide enough: the bounds do not matter, and nor would any other.
    value = objective(X, target, np.full(60, 1.0), solution.coef, 0.0, kind)
    assert value == pytest.approx(optimum(X, target, np.full(60, 1.0), 4, kind, False), rel=2e-4)


def test_sweeps_end_where_rounding_keeps_the_gap_from_closing(rng):
    X, target, bounds = problem(rng)
    solution = minimize_dual_blocks(X, target, bounds, 4, tol=0.0, max_iter=1000)
    assert solution.gap < 1e-5
    assert solution.iterations < 30


@pytest.mark.parametrize("bound", [1.0, 1e6])
@each_kind
@with_and_without_intercept
def test_a_start_at_the_solution_needs_little(rng, kind, fit_intercept, bound):
    X, target, bounds = problem(rng)
    if bound > 1:
        X += 20 * np.eye(4, 5)[target]
    bounds = bound * bounds
    options = {"fit_intercept": fit_intercept, "tol": 1e-4, **kind}
    cold = minimize_dual_blocks(X, target, bounds, 4, **options)
    warm = minimize_dual_blocks(X, target, bounds, 4, start=cold.dual, **options)
    assert warm.gap <= 1e-4
    assert warm.iterations < cold.iterations


def test_is_deterministic_and_reports(rng):
    X, target, bounds = problem(rng)
    seen = []
    first = minimize_dual_blocks(X, target, bounds, 4, tol=1e-5, report=lambda *step: seen.append(step))
    again = minimize_dual_blocks(X, target, bounds, 4, tol=1e-5)
    other = minimize_dual_blocks(X, target, bounds, 4, tol=1e-5, random_state=1)
    np.testing.assert_array_equal(first.coef, again.coef)
    assert np.any(first.coef != other.coef)
    assert [step for step, _ in seen] == list(range(1, first.iterations + 1))
    assert seen[-1][1] == first.primal_value


def test_too_few_sweeps_leave_a_gap_that_is_true(rng):
    X, target, bounds = problem(rng)
    solution = minimize_dual_blocks(X, target, bounds, 4, fit_intercept=False, tol=1e-12, max_iter=1)
    assert solution.iterations == 1
    assert solution.gap > 1e-12
    assert solution.gap == pytest.approx(1 - solution.dual_value / solution.primal_value)


def test_many_visits_are_enough_whatever_the_gap(rng):
    X, target, bounds = problem(rng)
    visited = minimize_dual_blocks(X, target, 1e4 * bounds, 4, tol=1e-9, most_visits=20)
    longer = minimize_dual_blocks(X, target, 1e4 * bounds, 4, tol=1e-9)
    assert visited.iterations < longer.iterations
    assert visited.gap > longer.gap


@pytest.mark.parametrize("kind", ["simplex", "box", "capped"])
@pytest.mark.parametrize("bound", [1e-30, 1e-12, 1e-4])
def test_a_weak_penalty_moves_the_intercept_in_few_rounds(kind, bound, rng):
    X, target = rng.normal(size=(120, 6)), np.repeat(np.arange(4), [60, 30, 20, 10])
    X[np.arange(120), target] += 2.0
    solution = minimize_dual_blocks(X, target, np.full(120, bound), 4, kind=kind, cap=0.5, tol=1e-3)
    assert solution.gap <= 1e-3
    assert solution.iterations <= 6


def test_one_class_that_wins_everywhere_costs_nothing():
    solution = minimize_dual_blocks(np.eye(3), np.arange(3), np.zeros(3), 3)
    assert (solution.primal_value, solution.gap, solution.iterations) == (0, 0, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "ball"}, "unknown kind of dual block 'ball'; choose from simplex, box, capped"),
        ({"kind": "capped", "cap": 0.0}, "cap is 0.0; it must be a number above 0 and at most 1"),
    ],
)
def test_options_that_do_not_exist_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        minimize_dual_blocks(np.eye(3), np.arange(3), np.ones(3), 3, **change)


def test_rows_beyond_single_precision_are_refused():
    with pytest.raises(InputError, match="squared length 1e\\+40; scale the features down"):
        minimize_dual_blocks(np.diag([1, 1e20, 1]), np.arange(3), np.ones(3), 3)
