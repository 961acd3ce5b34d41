"""The metric of quasi-Newton steps: one matrix for all classes, made of rows and penalty."""

import numpy as np
import pytest
from scipy import sparse

from maxmargin.losses import SmoothHinge, SoftmaxCrossEntropy, WestonWatkins
from maxmargin.objectives import Block, Coordinates, LinearObjective, RowBlocks, metric
from maxmargin.penalties import Frobenius, PairwiseMargin

C, N_CLASSES = 0.7, 3


def objective(rng, *, form=np.asarray, loss=None, penalty=None, fit_intercept=True, n=300, n_features=5):
    X = rng.normal(size=(n, n_features)) * np.geomspace(0.1, 100, n_features) + 3
    target, weight = rng.integers(N_CLASSES, size=n), rng.choice([0.5, 1, 2], size=n)
    cuts = [slice(start, start + 70) for start in range(0, n, 70)]
    rows = RowBlocks([Block(form(X[cut]), target[cut], weight[cut]) for cut in cuts], n_features)
    coordinates = Coordinates.of(rows, C, N_CLASSES, fit_intercept=fit_intercept)
    return LinearObjective(rows, loss or SoftmaxCrossEntropy(), penalty or Frobenius(), C, coordinates)


def by_formula(point):
    """C h X'X + D of the standardised rows, with the mean curvature h and the damped penalty D."""
    problem, coordinates = point.objective, point.objective.coordinates
    blocks = problem.rows.blocks
    X = np.concatenate([block.X.toarray() if sparse.issparse(block.X) else block.X for block in blocks])
    target, weight = (np.concatenate([getattr(b, name) for b in blocks]) for name in ("target", "weight"))
    bends = problem.loss.curvature(np.concatenate(point.scores), target).diagonal.mean(axis=1)
    Z = (X - coordinates.mean) / coordinates.scale
    if coordinates.fit_intercept:
        Z = np.column_stack([Z, np.full(len(Z), 1 / coordinates.intercept_scale)])
    of_rows = C * (weight @ bends) / weight.sum() * Z.T @ (weight[:, None] * Z)
    of_penalty = metric._DAMPING * point.stiffness.mean(axis=0)
    return of_rows + np.diag(np.maximum(of_penalty, metric._LEAST_SHARE * np.diag(of_rows).mean()))


def applied_to_unit_vectors(apply, size):
    """Its matrix, the same for each class but for the mean over them, which is taken off."""
    table = np.zeros((size, N_CLASSES, size))
    table[np.arange(size), 0, np.arange(size)] = 1
    moved = np.stack([apply(unit.ravel()) for unit in table]).reshape(size, N_CLASSES, size)
    np.testing.assert_allclose(moved.sum(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(moved[:, 1], -moved[:, 0] / (N_CLASSES - 1), rtol=1e-9, atol=1e-14)
    return moved[:, 0] * N_CLASSES / (N_CLASSES - 1)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize(
    ("loss", "penalty"),
    [(SoftmaxCrossEntropy(), Frobenius()), (WestonWatkins(SmoothHinge(0.5)), PairwiseMargin(4))],
    ids=str,
)
def test_it_is_the_inverse_of_the_formula(loss, penalty, fit_intercept, rng, monkeypatch):
    monkeypatch.setattr(metric, "_ROWS_PER_FEATURE", 300)
    problem = objective(rng, loss=loss, penalty=penalty, fit_intercept=fit_intercept)
    point = problem.at(rng.normal(size=problem.coordinates.size))
    got = applied_to_unit_vectors(point.metric(0), problem.coordinates.unknowns)
    expected = np.linalg.inv(by_formula(point))
    np.testing.assert_allclose(got, expected, atol=1e-4 * np.abs(expected).max())


def test_thinned_rows_stand_for_all(rng):
    problem = objective(rng, n=20000)
    point = problem.at(np.zeros(problem.coordinates.size))
    got = applied_to_unit_vectors(point.metric(0), problem.coordinates.unknowns)
    np.testing.assert_allclose(got @ by_formula(point), np.eye(6), atol=0.5)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array], ids=["wide", "sparse"])
def test_where_a_matrix_would_cost_too_much_it_is_the_diagonal(form, rng):
    wide = {} if form is sparse.csr_array else {"n": 4, "n_features": 40}
    problem = objective(rng, form=form, **wide)
    point = problem.at(rng.normal(size=problem.coordinates.size) / 10)
    got = applied_to_unit_vectors(point.metric(0), problem.coordinates.unknowns)
    # The columns' summed squares of standardised rows are known from their variances.
    np.testing.assert_allclose(got, np.diag(1 / np.diag(by_formula(point))), rtol=1e-6, atol=1e-14)


def test_it_is_looked_at_ever_more_seldom_and_remade_where_the_balance_has_moved(rng):
    problem = objective(rng, loss=WestonWatkins(SmoothHinge(0.5)), penalty=PairwiseMargin(4))
    direction = problem.coordinates.centred(
        rng.normal(size=(N_CLASSES, problem.coordinates.unknowns))
    ).ravel()
    near, far = problem.at(direction), problem.at(100 * direction)
    near.metric(0)
    first = problem.metric.factor
    near.metric(1)
    far.metric(3)
    assert problem.metric.factor is first
    far.metric(4)
    assert problem.metric.factor is not first
