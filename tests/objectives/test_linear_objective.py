import numpy as np
import pytest
from scipy import sparse

from maxmargin.losses import SoftmaxCrossEntropy
from maxmargin.objectives import LinearObjective, Preconditioned, RowBlocks
from maxmargin.objectives import row_blocks as row_blocks_module
from maxmargin.penalties import PairwiseMargin


@pytest.fixture
def problem(rng):
    X = rng.normal(size=(57, 4)) * [1, 10, 0.1, 1] + [0, 100, 0, -3]
    return X, rng.integers(0, 3, size=57), rng.uniform(0.5, 2.0, size=57)


def objective(X, target, weight):
    return LinearObjective(RowBlocks(X, target, weight), SoftmaxCrossEntropy(), PairwiseMargin(3), 0.7, 0.1)


def test_value_is_the_formula(problem, rng):
    X, target, weight = problem
    W, b = rng.normal(size=(3, 4)) / 10, rng.normal(size=3)
    expected = (
        PairwiseMargin(3).value_and_gradient(W)[0]
        + 0.7 * weight @ SoftmaxCrossEntropy().value(X @ W.T + b, target)
        + 0.1 * (np.sum(W**2) + np.sum(b**2))
    )
    assert objective(*problem).value_and_gradient(W, b)[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_gradient_and_curvature_are_derivatives(problem, rng, fit_intercept):
    coordinates = Preconditioned.of(objective(*problem), 3, fit_intercept=fit_intercept)
    at, along = rng.normal(size=(2, coordinates.size))
    step = 1e-6
    ahead, behind = (coordinates.value_and_gradient(at + sign * step * along) for sign in (1, -1))
    gradient = coordinates.value_and_gradient(at)[1]
    assert gradient @ along == pytest.approx((ahead[0] - behind[0]) / (2 * step), rel=1e-6)
    bend = (ahead[1] - behind[1]) / (2 * step)
    np.testing.assert_allclose(coordinates.curvature(at)(along), bend, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_coordinates_there_and_back(problem, rng, fit_intercept):
    coordinates = Preconditioned.of(objective(*problem), 3, fit_intercept=fit_intercept)
    W, b = rng.normal(size=(3, 4)), rng.normal(size=3) * fit_intercept
    back = coordinates.split(coordinates.join(W, b))
    np.testing.assert_allclose(back[0], W, rtol=1e-12)
    np.testing.assert_allclose(back[1], b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("form", ["blocks", "csr", "csr64", "memmap", "float32"])
def test_every_form_of_the_rows_gives_the_same(problem, rng, form, monkeypatch, tmp_path):
    X, target, weight = problem
    X = np.round(X, 1).astype(np.float32).astype(np.float64)
    W, b = rng.normal(size=(3, 4)) / 10, rng.normal(size=3)
    expected = objective(X, target, weight).value_and_gradient(W, b)
    if form == "blocks":
        monkeypatch.setattr(row_blocks_module, "_BLOCK_BYTES", 8 * 4 * 10)
        assert len(list(RowBlocks(X, target, weight))) == 6
    if form.startswith("csr"):
        X = sparse.csr_array(X)
    if form == "csr64":
        X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    if form == "float32":
        X = X.astype(np.float32)
    if form == "memmap":
        np.save(tmp_path / "X.npy", X)
        X = np.load(tmp_path / "X.npy", mmap_mode="r")
    for got, wanted in zip(objective(X, target, weight).value_and_gradient(W, b), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-10)


@pytest.mark.parametrize("block_rows", [1, 10, 1000])
def test_moments_are_the_weighted_mean_and_variance(problem, block_rows, monkeypatch):
    X, target, weight = problem
    weight[:12] = 0
    monkeypatch.setattr(row_blocks_module, "_BLOCK_BYTES", 8 * 4 * block_rows)
    mean, variance = RowBlocks(X, target, weight).moments()
    expected = np.average(X, axis=0, weights=weight)
    np.testing.assert_allclose(mean, expected, rtol=1e-12)
    np.testing.assert_allclose(variance, np.average((X - expected) ** 2, axis=0, weights=weight), rtol=1e-10)
    np.testing.assert_allclose(
        RowBlocks(sparse.csr_array(X), target, weight).moments()[1], variance, rtol=1e-6
    )
