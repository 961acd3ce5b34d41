"""One-vs-one: pairs of small classes are solved together, and vote as all others do."""

import tracemalloc
from itertools import combinations

import numpy as np
import pytest
from scipy import sparse

from maxmargin.linear import OneVsOneSVC, OneVsRestSVC, _inputs, one_vs_one
from maxmargin.solvers import smo_pairs

TIGHT = {"tol": 1e-8, "max_iter": 5000}
each_loss = pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])


@pytest.fixture
def table(rng):
    """Nine overlapping classes of 4 to 36 rows, with labels that are strings and weights, some of them 0."""
    target = rng.permutation(np.repeat(np.arange(9), 4 * np.arange(1, 10)))
    X = rng.normal(size=(len(target), 5)) + rng.normal(size=(9, 5))[target]
    weight = rng.uniform(0.5, 2.0, size=len(target)) * (rng.random(len(target)) < 0.9)
    return X, np.array(list("ihgfedcba"))[target], weight


def together(monkeypatch, few_rows=512):
    monkeypatch.setattr(one_vs_one, "_FEWEST_PAIRS", 1)
    monkeypatch.setattr(one_vs_one, "_FEW_ROWS", few_rows)


@each_loss
@pytest.mark.parametrize("form", [np.asarray, np.float32, sparse.csr_array], ids=["dense", "single", "csr"])
@pytest.mark.parametrize("few_rows", [0, 12, 512], ids=["no", "some", "all"])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_small_classes_are_solved_together_as_one_by_one(
    loss, form, few_rows, fit_intercept, table, monkeypatch
):
    X, y, weight = table
    X = form(X)
    estimator = OneVsOneSVC(C=0.5, loss=loss, fit_intercept=fit_intercept, **TIGHT)
    alone = estimator.fit(X, y, weight)
    assert alone.converged_
    expected = alone.coef_, alone.intercept_, alone.objective_
    together(monkeypatch, few_rows)
    calls, solve = [], one_vs_one.minimize_smo_pairs

    def watched(X, groups, *args, **options):
        calls.append(len(groups))
        return solve(X, groups, *args, **options)

    monkeypatch.setattr(one_vs_one, "minimize_smo_pairs", watched)
    found = estimator.fit(X, y, weight)
    assert calls == {0: [], 12: [3], 512: [9]}[few_rows]
    assert found.converged_
    assert found.objective_ == pytest.approx(expected[2], rel=3e-8)
    np.testing.assert_allclose(found.coef_, expected[0], atol=2e-3)
    np.testing.assert_allclose(found.intercept_, expected[1], atol=5e-3)


@each_loss
def test_pairs_that_are_hard_together_are_solved_alone(loss, table, monkeypatch):
    X, y, weight = table
    together(monkeypatch)
    monkeypatch.setattr(smo_pairs, "_MOST_VISITS", 300)
    estimator = OneVsOneSVC(C=10, loss=loss).fit(X, y, weight)
    assert estimator.converged_
    assert estimator.certificate_["relative_gap"] <= estimator.tol


@each_loss
def test_five_hundred_classes_are_told_apart(loss, rng):
    y = np.repeat(np.arange(500), 3)
    X = 3 * rng.normal(size=(500, 12))[y] + 0.3 * rng.normal(size=(1500, 12))
    estimator = OneVsOneSVC(loss=loss).fit(X, y)
    assert estimator.converged_
    assert estimator.coef_.shape == (124750, 12)
    assert estimator.score(X, y) == 1


def test_a_score_is_votes_and_less_than_a_vote_for_the_margins(table):
    X, y, _ = table
    estimator = OneVsOneSVC().fit(X, y)
    scores = np.zeros((len(X), 9))
    for i, x in enumerate(X):
        totals = np.zeros(9)
        for (k, m), w, b in zip(
            combinations(range(9), 2), estimator.coef_, estimator.intercept_, strict=True
        ):
            margin = w @ x + b
            scores[i, k if margin > 0 else m] += 1
            totals[k] += margin
            totals[m] -= margin
        scores[i] += totals / (3 * (np.abs(totals) + 1))
    np.testing.assert_allclose(estimator.decision_function(X), scores, atol=1e-12)


@pytest.mark.parametrize("cls", [OneVsOneSVC, OneVsRestSVC])
def test_rows_are_scored_a_few_at_a_time(cls, rng, monkeypatch):
    y = np.arange(60) % 6
    estimator = cls().fit(rng.normal(size=(60, 100)).astype(np.float32), y)
    X = rng.normal(size=(20000, 100)).astype(np.float32)
    expected = estimator.decision_function(X)
    monkeypatch.setattr(_inputs, "_BYTES_AT_ONCE", 1 << 17)
    tracemalloc.start()
    found = estimator.decision_function(X)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.5 * X.nbytes
    np.testing.assert_allclose(found, expected, atol=1e-10)
