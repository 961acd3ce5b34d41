"""Coordinates free of the features' units: there and back, and what the columns are measured by."""

import numpy as np
import pytest
from scipy import sparse

from maxmargin.objectives import Block, Coordinates, RowBlocks

each_intercept = pytest.mark.parametrize("fit_intercept", [True, False])


@pytest.fixture
def data(rng):
    X = rng.normal(size=(57, 4)) * [1, 1e6, 1e-6, 1] + [0, 1e7, 0, -3]
    return X, rng.integers(0, 3, size=57), rng.choice([0, 0.5, 2], size=57)


@each_intercept
def test_there_and_back(data, rng, fit_intercept):
    coordinates = Coordinates.of(RowBlocks.of(*data), 0.7, 3, fit_intercept=fit_intercept)
    W, b = rng.normal(size=(3, 4)), rng.normal(size=3) * fit_intercept
    vector = coordinates.join(W, b)
    assert vector.shape == (coordinates.size,) == (3 * (4 + fit_intercept),)
    back = coordinates.split(vector)
    np.testing.assert_allclose(back[0], W, rtol=1e-12)
    # The intercept at the origin is that at the mean less a difference of numbers of 1e7.
    np.testing.assert_allclose(back[1], b, atol=1e-8 if fit_intercept else 0)
    np.testing.assert_array_equal(coordinates.vector(*coordinates.table(vector)), vector)


@each_intercept
def test_pull_is_the_transpose_of_split(data, rng, fit_intercept):
    coordinates = Coordinates.of(RowBlocks.of(*data), 0.7, 3, fit_intercept=fit_intercept)
    vector, by_coef, by_intercept = (
        rng.normal(size=coordinates.size),
        rng.normal(size=(3, 4)),
        rng.normal(size=3),
    )
    coef, intercept = coordinates.split(vector)
    moved = np.vdot(by_coef, coef) + np.vdot(by_intercept, intercept)
    assert coordinates.pull(by_coef, by_intercept) @ vector == pytest.approx(moved, rel=1e-8)


@each_intercept
def test_standardised_rows_give_the_same_scores(data, rng, fit_intercept):
    X = data[0]
    coordinates = Coordinates.of(RowBlocks.of(*data), 0.7, 3, fit_intercept=fit_intercept)
    vector = rng.normal(size=coordinates.size)
    table, offset = coordinates.table(vector)
    coef, intercept = coordinates.split(vector)
    standardised = coordinates.standardised(X)
    assert standardised.dtype == np.float32
    scores = standardised @ table.T + offset / coordinates.intercept_scale
    np.testing.assert_allclose(scores, X @ coef.T + intercept, atol=1e-5)


def test_the_units_of_the_columns_do_not_matter(data):
    X, target, weight = data
    units = np.array([1e3, 1e-3, 1e5, 1.0])
    one, other = (
        Coordinates.of(RowBlocks.of(rows, target, weight), 1e9, 3, fit_intercept=True)
        for rows in (X, X * units)
    )
    # Where the loss is all that counts, the scale is that of the column.
    np.testing.assert_allclose(other.scale[:2], (one.scale * units)[:2], rtol=1e-9)


@pytest.mark.parametrize("size", [1, 10, 1000])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
def test_moments_are_the_weighted_mean_and_variance(data, size, form):
    X, target, weight = data
    weight[:12] = 0
    rows = form(X)
    ends = [slice(start, start + size) for start in range(0, 57, size)]
    blocks = RowBlocks([Block(rows[end], target[end], weight[end]) for end in ends], 4)
    mean, variance = blocks.moments
    expected = np.average(X, axis=0, weights=weight)
    np.testing.assert_allclose(mean, expected, rtol=1e-10)
    exact = np.average((X - expected) ** 2, axis=0, weights=weight)
    np.testing.assert_allclose(variance, exact, rtol=1e-10 if form is np.asarray else 1e-3)


def test_without_an_intercept_columns_are_measured_from_the_origin(data):
    X, _, weight = data
    coordinates = Coordinates.of(RowBlocks.of(*data), 2.0, 3, fit_intercept=False)
    np.testing.assert_array_equal(coordinates.mean, 0)
    np.testing.assert_allclose(coordinates.scale**2, 1 + 2 * weight @ X**2, rtol=1e-9)
