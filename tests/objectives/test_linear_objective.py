"""The regularised risk: its value, derivatives and lines, over rows of every form and any blocks."""

from itertools import product

import numpy as np
import pytest
from scipy import sparse

from maxmargin.losses import (
    CrammerSinger,
    Hinge,
    OneVsRest,
    SmoothHinge,
    SoftmaxCrossEntropy,
    SquaredHinge,
    TopK,
    WestonWatkins,
)
from maxmargin.objectives import Block, Coordinates, LinearObjective, RowBlocks, rounded_rows, second_order
from maxmargin.penalties import BredensteinerBennett, Frobenius, PairwiseMargin

C, EPSILON = 0.7, 0.1
SMOOTH = [SoftmaxCrossEntropy(), OneVsRest(SquaredHinge()), WestonWatkins(SmoothHinge(0.5))]
POLYHEDRAL = [OneVsRest(Hinge()), WestonWatkins(), CrammerSinger(), TopK(2, "alpha"), TopK(2, "beta")]
PENALTIES = [Frobenius(), BredensteinerBennett(), PairwiseMargin(2), PairwiseMargin(3)]
each_smooth_problem = pytest.mark.parametrize(("loss", "penalty"), list(product(SMOOTH, PENALTIES)), ids=str)
each_intercept = pytest.mark.parametrize("fit_intercept", [True, False])


@pytest.fixture
def data(rng):
    X = rng.normal(size=(57, 4)) * [1, 10, 0.1, 1] + [0, 100, 0, -3]
    return X, rng.integers(0, 3, size=57), rng.choice([0, 0.5, 1, 2], size=57)


def cut(X, target, weight, size, threads=1):
    """The rows in blocks of a size of our own."""
    ends = [slice(start, start + size) for start in range(0, len(target), size)]
    return RowBlocks([Block(X[end], target[end], weight[end]) for end in ends], X.shape[1], threads)


def objective(rows, loss=None, penalty=None, *, fit_intercept=True, epsilon=EPSILON):
    coordinates = Coordinates.of(rows, C, 3, fit_intercept=fit_intercept)
    return LinearObjective(
        rows, loss or SoftmaxCrossEntropy(), penalty or PairwiseMargin(3), C, coordinates, epsilon
    )


def smooth_around(problem, rng, width=0.5):
    """A step of the method of multipliers: dual variables within the loss's polytope."""
    duals = [
        problem.loss.project(rng.normal(size=(len(block.target), 3)), block.target)
        for block in problem.rows.blocks
    ]
    return problem.proximal(width, duals)


@each_smooth_problem
@each_intercept
def test_value_is_the_formula(loss, penalty, fit_intercept, data, rng):
    X, target, weight = data
    W, b = rng.normal(size=(3, 4)) / 10, rng.normal(size=3) * fit_intercept
    expected = (
        penalty.value_and_gradient(W)[0]
        + C * weight @ loss.value(X @ W.T + b, target)
        + EPSILON * (np.sum(W**2) + np.sum(b**2))
    )
    problem = objective(cut(*data, 20), loss, penalty, fit_intercept=fit_intercept)
    point = problem.at(problem.coordinates.join(W, b))
    assert point.value == pytest.approx(expected, rel=1e-11)
    np.testing.assert_allclose(point.coef, W, rtol=1e-10)
    np.testing.assert_allclose(point.intercept, b, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(np.concatenate(point.scores), X @ W.T + b, atol=1e-9)


def assert_derivatives(problem, at, along, copied):
    step = 1e-5
    ahead, here, behind = (problem.at(at + sign * step * along) for sign in (1, 0, -1))
    assert here.gradient @ along == pytest.approx((ahead.value - behind.value) / (2 * step), rel=1e-6)
    bend = (ahead.gradient - behind.gradient) / (2 * step)
    # The rows that a Hessian product copies are in single precision.
    tolerance = (1e-5 if copied else 1e-6) * np.abs(bend).max()
    np.testing.assert_allclose(here.model().product(along), bend, atol=tolerance)


@each_smooth_problem
@each_intercept
@pytest.mark.parametrize("copied", [True, False])
def test_gradient_and_hessian_are_derivatives(loss, penalty, fit_intercept, copied, data, rng, monkeypatch):
    monkeypatch.setattr(rounded_rows, "_COPIED_ENTRIES", 0 if copied else np.inf)
    problem = objective(cut(*data, 20), loss, penalty, fit_intercept=fit_intercept)
    assert_derivatives(problem, *rng.normal(size=(2, problem.coordinates.size)), copied)


@pytest.mark.parametrize("loss", POLYHEDRAL, ids=str)
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
def test_gradient_and_hessian_of_a_multiplier_step_are_derivatives(loss, form, data, rng, monkeypatch):
    monkeypatch.setattr(rounded_rows, "_COPIED_ENTRIES", 0)
    X, target, weight = data
    problem = smooth_around(objective(cut(form(X), target, weight, 20), loss, Frobenius()), rng)
    assert_derivatives(problem, *rng.normal(size=(2, problem.coordinates.size)), copied=True)


@pytest.mark.parametrize("loss", [*SMOOTH, *POLYHEDRAL], ids=str)
@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
@pytest.mark.parametrize("epsilon", [0.0, EPSILON])
def test_a_line_is_the_objective_along_it(loss, penalty, epsilon, data, rng):
    problem = objective(cut(*data, 20), loss, penalty, epsilon=epsilon)
    if loss.is_polyhedral:
        problem = smooth_around(problem, rng)
    at, along = rng.normal(size=(2, problem.coordinates.size))
    line = problem.at(at).along(along)
    lengths = rng.uniform(0.5, 2, size=line.n_parts)
    assert line.n_parts == (3 if loss.is_separable and penalty.is_separable else 1)
    there, step = line.point(lengths), along.reshape(3, -1) * (lengths[:, None] * np.ones((3, 1)))
    same = problem.at(at + step.ravel())
    assert there.value == pytest.approx(same.value, rel=1e-10)
    np.testing.assert_allclose(there.gradient, same.gradient, atol=1e-9 * np.abs(same.gradient).max())
    slopes = (same.gradient * along).reshape(line.n_parts, -1).sum(axis=1)
    np.testing.assert_allclose(line.slopes(lengths), slopes, atol=1e-9 * np.abs(slopes).max())


@each_intercept
def test_a_preconditioner_of_all_rows_is_the_inverse_hessian(fit_intercept, data, rng, monkeypatch):
    monkeypatch.setattr(second_order, "_ROWS_PER_FEATURE", 57)
    problem = objective(cut(*data, 20), SMOOTH[1], Frobenius(), fit_intercept=fit_intercept, epsilon=0.0)
    model = problem.at(np.zeros(problem.coordinates.size)).model()
    vector = rng.normal(size=problem.coordinates.size)
    # The machines of one-vs-rest are problems of their own, so that their own blocks are the whole Hessian.
    np.testing.assert_allclose(model.precondition(model.product(vector)), vector, atol=1e-3)


@pytest.mark.parametrize("form", ["csr", "csr64", "memmap", "float32", "fortran"])
def test_every_form_of_the_rows_gives_the_same(form, data, rng, tmp_path):
    X, target, weight = data
    X = np.round(X, 1).astype(np.float32).astype(np.float64)
    same = sparse.csr_array(X) if form.startswith("csr") else X
    if form == "csr64":
        same.indices, same.indptr = same.indices.astype(np.int64), same.indptr.astype(np.int64)
    if form == "float32":
        same = X.astype(np.float32)
    if form == "fortran":
        same = np.asfortranarray(X)
    if form == "memmap":
        np.save(tmp_path / "X.npy", X)
        same = np.load(tmp_path / "X.npy", mmap_mode="r")
    expected, got = (objective(RowBlocks.of(rows, target, weight)) for rows in (X, same))
    vector = rng.normal(size=expected.coordinates.size)
    np.testing.assert_allclose(got.coordinates.scale, expected.coordinates.scale, rtol=1e-8)
    one, other = (
        problem.at(problem.coordinates.join(*expected.coordinates.split(vector)))
        for problem in (expected, got)
    )
    assert one.value == pytest.approx(other.value, rel=1e-10)
    np.testing.assert_allclose(one.gradient, other.gradient, atol=1e-8 * np.abs(one.gradient).max())
    products = one.model().product(vector), other.model().product(vector)
    np.testing.assert_allclose(*products, atol=1e-5 * np.abs(products[0]).max())


@pytest.mark.parametrize("size", [1, 10, 1000])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
def test_the_cut_into_blocks_does_not_matter(size, form, data, rng):
    X, target, weight = data
    whole, pieces = (objective(cut(form(X), target, weight, n)) for n in (57, size))
    vector = rng.normal(size=whole.coordinates.size)
    one, other = whole.at(vector), pieces.at(pieces.coordinates.join(*whole.coordinates.split(vector)))
    assert one.value == pytest.approx(other.value, rel=1e-10)
    np.testing.assert_allclose(one.gradient, other.gradient, atol=1e-8 * np.abs(one.gradient).max())


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
def test_threads_change_no_digit(form, data, rng):
    X, target, weight = data
    one, many = (objective(cut(form(X), target, weight, 5, threads)) for threads in (1, 4))
    vector, direction = rng.normal(size=(2, one.coordinates.size))
    for attribute in ("mean", "scale"):
        np.testing.assert_array_equal(
            getattr(one.coordinates, attribute), getattr(many.coordinates, attribute)
        )
    here, there = one.at(vector), many.at(vector)
    assert here.value == there.value
    np.testing.assert_array_equal(here.gradient, there.gradient)
    np.testing.assert_array_equal(here.model().product(direction), there.model().product(direction))
    lengths = np.array([0.7])
    np.testing.assert_array_equal(
        here.along(direction).slopes(lengths), there.along(direction).slopes(lengths)
    )


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
def test_rows_are_cut_without_a_copy_and_completely(form, rng):
    X = form(np.where(rng.random((5000, 40)) < 0.5, 0, rng.normal(size=(5000, 40))))
    target, weight = rng.integers(0, 3, size=5000), rng.uniform(size=5000)
    rows = RowBlocks.of(X, target, weight, n_scores=300)
    assert len(rows.blocks) > 1
    assert rows.n_samples == 5000
    assert rows.weight == pytest.approx(weight.sum())
    assert rows.is_sparse == sparse.issparse(X)
    np.testing.assert_array_equal(np.concatenate([block.target for block in rows.blocks]), target)
    np.testing.assert_array_equal(np.concatenate([block.weight for block in rows.blocks]), weight)
    values = X.data if sparse.issparse(X) else X
    for block in rows.blocks:
        assert np.shares_memory(block.X.data if sparse.issparse(X) else block.X, values)
    again = (sparse.vstack if sparse.issparse(X) else np.vstack)([block.X for block in rows.blocks])
    assert abs(again - X).max() == 0
