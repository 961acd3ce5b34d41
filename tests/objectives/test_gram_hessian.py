"""The Hessian out of kept Gram matrices: at every point that of the rows, whatever it was made from."""

from dataclasses import replace

import numpy as np
import pytest

from maxmargin.losses import Hinge, OneVsRest, SquaredHinge
from maxmargin.objectives import Block, Coordinates, LinearObjective, RowBlocks, gram_hessian
from maxmargin.penalties import Frobenius

N_CLASSES = 3


@pytest.fixture
def data(rng):
    X = rng.normal(size=(200, 5)) * [1, 10, 0.1, 1, 1e6] + [0, 100, 0, -3, 1e7]
    return X, rng.integers(0, N_CLASSES, size=200), rng.choice([0, 0.5, 1, 2], size=200)


def objective(data, *, fit_intercept=True, in_one_piece=False, threads=1, C=0.7):
    X, target, weight = data
    cuts = [slice(start, start + 30) for start in range(0, len(target), 30)]
    whole = Block(X, target, weight) if in_one_piece else None
    blocks = [Block(X[cut], target[cut], weight[cut]) for cut in cuts]
    rows = RowBlocks(blocks, X.shape[1], threads, whole)
    coordinates = Coordinates.of(rows, C, N_CLASSES, fit_intercept=fit_intercept)
    return LinearObjective(rows, OneVsRest(SquaredHinge()), Frobenius(), C, coordinates)


def hessian_of_rows(point, k):
    """By the formula, from the rows as they are."""
    problem, coordinates = point.objective, point.objective.coordinates
    X, target, weight = (np.concatenate(parts) for parts in zip(*problem.rows.blocks, strict=True))
    scores = np.concatenate(point.scores)
    duals = None if problem.duals is None else np.concatenate(problem.duals)
    strength = weight * problem.loss_of(duals).curvature(scores, target).diagonal[:, k]
    Z = (X - coordinates.mean) / coordinates.scale
    if coordinates.fit_intercept:
        Z = np.column_stack([Z, np.full(len(Z), 1 / coordinates.intercept_scale)])
    return problem.C * Z.T @ (strength[:, None] * Z) + np.diag(point.stiffness[k])


def hessian_kept(point):
    model = point.model()
    assert isinstance(model, gram_hessian.GramHessian)
    size = model.stiffness.shape[1]
    unit = np.eye(model.stiffness.size)
    products = np.stack([model.product(column) for column in unit], axis=1)
    blocks = [slice(k * size, (k + 1) * size) for k in range(N_CLASSES)]
    off = products.copy()
    for block in blocks:
        off[block, block] = 0
    assert not off.any()
    return [products[block, block] for block in blocks]


def assert_kept_is_of_rows(point, rtol=1e-10):
    for k, kept in enumerate(hessian_kept(point)):
        expected = hessian_of_rows(point, k)
        np.testing.assert_allclose(kept, expected, atol=rtol * np.abs(expected).max())


@pytest.fixture
def sources(monkeypatch):
    """What the matrices were made from, each time."""
    seen, made = [], gram_hessian._changes

    def changes(coordinates, dtype, changed, sources, with_shared, *rest):
        seen.append(({int(source) for source in sources[changed]}, with_shared))
        return made(coordinates, dtype, changed, sources, with_shared, *rest)

    monkeypatch.setattr(gram_hessian, "_changes", changes)
    return seen


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("in_one_piece", [True, False])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_it_is_that_of_the_rows_from_point_to_point(
    fit_intercept, in_one_piece, dtype, data, rng, monkeypatch
):
    if dtype == "float32":
        monkeypatch.setattr(gram_hessian, "_SINGLE_OPERATIONS", 0)
    problem = objective(data, fit_intercept=fit_intercept, in_one_piece=in_one_piece)
    vector = np.zeros(problem.coordinates.size)
    for scale in (0, 1, 1e-2, 10, 0, 1e-3):
        vector = scale * (vector + rng.normal(size=vector.size))
        assert_kept_is_of_rows(problem.at(vector), 1e-10 if dtype == "float64" else 1e-5)


def test_it_is_made_from_what_takes_the_fewest_rows(data, rng, sources):
    problem = objective(data)
    nothing, before, _ = gram_hessian._NOTHING, gram_hessian._BEFORE, gram_hessian._SHARED
    vector = np.zeros(problem.coordinates.size)
    assert_kept_is_of_rows(problem.at(vector))
    assert sources.pop() == (set(), True)  # every row of every class is curved, with the same strength
    assert_kept_is_of_rows(problem.at(vector))
    assert sources.pop() == (set(), False)
    table = vector.reshape(N_CLASSES, -1)
    table[:, -1] = -1.05 * problem.coordinates.intercept_scale
    assert_kept_is_of_rows(problem.at(vector))
    assert sources.pop() == ({nothing}, False)  # only the rows of a class itself are below its margin
    table[:, 0] += 0.1 * rng.normal(size=N_CLASSES) * problem.coordinates.scale[0]
    assert_kept_is_of_rows(problem.at(vector))
    assert sources.pop() == ({before}, False)


def test_it_follows_the_steps_of_the_hinge(data, rng):
    smooth = objective(data)
    problem = replace(smooth, loss=OneVsRest(Hinge()))
    for width in (2.0, 0.5):
        duals = [rng.uniform(size=(len(block.target), N_CLASSES)) for block in problem.rows.blocks]
        problem = problem.proximal(width, duals)
        for vector in rng.normal(size=(2, problem.coordinates.size)):
            assert_kept_is_of_rows(problem.at(vector))


def test_the_factor_is_about_its_inverse(data, rng):
    problem = objective(data)
    model = problem.at(rng.normal(size=problem.coordinates.size)).model()
    vector = rng.normal(size=problem.coordinates.size)
    np.testing.assert_allclose(model.precondition(model.product(vector)), vector, atol=1e-3)


def test_equal_columns_are_factored(data, rng):
    X, target, weight = data
    problem = objective((X[:, [0, 0, 1, 1, 1]], target, weight), C=1e9)
    model = problem.at(rng.normal(size=problem.coordinates.size)).model()
    vector = rng.normal(size=problem.coordinates.size)
    assert np.isfinite(model.precondition(vector)).all()


def test_threads_change_no_digit(data, rng):
    one, many = (objective(data, threads=threads) for threads in (1, 4))
    vector, direction = rng.normal(size=(2, one.coordinates.size))
    for at in (np.zeros_like(vector), vector):
        here, there = one.at(at).model(), many.at(at).model()
        np.testing.assert_array_equal(here.product(direction), there.product(direction))
        np.testing.assert_array_equal(here.precondition(direction), there.precondition(direction))


def test_a_matrix_that_is_not_finite_has_no_factor_but_an_end():
    assert np.isnan(gram_hessian.cholesky(1.0, np.full((3, 3), np.nan), np.ones(3))).any()


def test_a_direction_without_curvature_is_factored_as_one_of_a_little():
    factor = gram_hessian.cholesky(1.0, np.diag([1.0, 0.0, 1e-12]), np.zeros(3))
    assert np.isfinite(factor).all()
    np.testing.assert_allclose(np.diag(factor)[[0, 2]] ** 2, [1, 1e-12], rtol=1e-5)
