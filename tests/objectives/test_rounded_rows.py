"""Copies in single precision: scores and sums to seven digits, whatever the units of the features."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from maxmargin.losses import SoftmaxCrossEntropy
from maxmargin.objectives import (
    Coordinates,
    LinearObjective,
    RowBlocks,
    goals,
    minimise,
    rounded_rows,
    rows_of,
)
from maxmargin.penalties import Frobenius, PairwiseMargin

N_CLASSES = 3


@pytest.fixture
def data(rng):
    X = rng.normal(size=(500, 6)) * [1, 10, 1e-3, 1, 1e6, 1] + [0, 100, 0, -3, 1e9, 1e4]
    return X, rng.integers(N_CLASSES, size=500), rng.choice([0, 0.5, 1, 2], size=500)


def objective(rows, *, penalty=None, fit_intercept=True):
    coordinates = Coordinates.of(rows, 0.5, N_CLASSES, fit_intercept=fit_intercept)
    return LinearObjective(rows, SoftmaxCrossEntropy(), penalty or Frobenius(), 0.5, coordinates)


def in_tensors(X, target, weight):
    torch = pytest.importorskip("torch")
    return rows_of(torch.from_numpy(X), target, weight, N_CLASSES)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("held", [RowBlocks.of, in_tensors], ids=["arrays", "tensors"])
def test_value_and_gradient_are_those_of_the_rows_to_single_precision(held, fit_intercept, data, rng):
    problem = objective(held(*data), fit_intercept=fit_intercept)
    copied = problem.rounded()
    assert all(str(block.X.dtype).endswith("float32") for block in copied.rows.blocks)
    vector = rng.normal(size=problem.coordinates.size)
    exact, near = problem.at(vector), copied.at(vector)
    assert near.value == pytest.approx(exact.value, rel=1e-6)
    assert not np.array_equal(near.gradient, exact.gradient)
    np.testing.assert_allclose(near.gradient, exact.gradient, atol=2e-6 * np.abs(exact.gradient).max())
    for block, one in zip(copied.rows.blocks, problem.rows.blocks, strict=True):
        np.testing.assert_array_equal(np.asarray(block.matrix()), np.asarray(one.matrix()))


def test_newton_steps_use_the_same_copies(data):
    problem = objective(RowBlocks.of(*data))
    copied = problem.rounded()
    for kept, block in zip(problem.preconditioner.copies, copied.rows.blocks, strict=True):
        assert kept is block.X


@pytest.mark.parametrize("penalty", [Frobenius(), PairwiseMargin(4), PairwiseMargin(1.5)], ids=str)
def test_a_minimisation_that_begins_on_copies_ends_on_the_rows(penalty, data, monkeypatch):
    X, target, weight = data
    X = X / [1, 10, 1e-3, 1, 1e6, 1] - [0, 0, 0, 0, 1e3, 1e4]
    monkeypatch.setattr(goals, "_SMALL", 0)
    minima, made = [], []
    of_copies = LinearObjective.rounded
    monkeypatch.setattr(LinearObjective, "rounded", lambda problem: made.append(1) or of_copies(problem))
    for least in (0, np.inf):
        monkeypatch.setattr(rounded_rows, "_COPIED_ENTRIES", least)
        problem = replace(objective(RowBlocks.of(X, target, weight), penalty=penalty), epsilon=1e-6)
        minimum = minimise(problem, np.zeros(problem.coordinates.size), tol=1e-9, max_iter=500)
        assert minimum.status == "converged"
        assert minimum.certificate.primal == pytest.approx(problem.at(minimum.vector).value, rel=1e-12)
        minima.append(minimum.certificate.primal)
    assert made
    assert minima[0] == pytest.approx(minima[1], rel=1e-8)


def test_rows_are_copied_where_memory_has_room(monkeypatch):
    rows = RowBlocks.of(np.zeros((1000, 200)), np.zeros(1000, dtype=int), np.ones(1000))
    assert rounded_rows.worth_copying(rows)
    monkeypatch.setattr(rounded_rows, "_COPIED_BYTES", 3e5)
    assert not rounded_rows.worth_copying(rows)  # 800 kB, where a quarter of 1600 kB and 300 are left
    assert rounded_rows.worth_copying(rows, share=0.5)
    few = RowBlocks.of(np.zeros((100, 2)), np.zeros(100, dtype=int), np.ones(100))
    assert not rounded_rows.worth_copying(few)
    thin = RowBlocks.of(sparse.csr_array((1000, 2000)), np.zeros(1000, dtype=int), np.ones(1000))
    assert not rounded_rows.worth_copying(thin)
