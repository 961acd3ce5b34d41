import numpy as np
import pytest

from maxmargin.objectives.coordinates import Coordinates
from maxmargin.objectives.row_blocks import RowBlocks
from maxmargin.objectives.row_samples import RowSamples, drawn

STEP = 8


def standing_of_all(strength, length, step):
    """How many rows each row stands for, and 0 for those that are not drawn."""
    rows, standing = drawn(strength, length, step)
    assert (np.diff(rows) >= 0).all()
    return np.bincount(rows, standing, minlength=len(strength))


def far_out(rng, n):
    """Lengths of which a few make almost all of the sum."""
    return rng.standard_cauchy(n) ** 2


def test_one_of_step_rows_that_count_is_drawn(rng):
    strength = rng.random(4000) * (rng.random(4000) < 0.5)
    standing = standing_of_all(strength, rng.random(4000), STEP)
    assert not standing[strength == 0].any()
    n_used = np.count_nonzero(strength)
    assert 0.7 * n_used / STEP < np.count_nonzero(standing) <= n_used / STEP + 1


@pytest.mark.parametrize("n", [0, 1, 5])
def test_of_few_rows_some_are_left(n):
    standing = standing_of_all(np.ones(n), np.ones(n), STEP)
    assert np.count_nonzero(standing) == min(n, 1)
    assert standing.sum() == n


@pytest.mark.parametrize("lengths", [np.ones, np.zeros], ids=["alike", "zero"])
def test_rows_alike_stand_for_equally_many(lengths):
    standing = standing_of_all(np.ones(4000), lengths(4000), STEP)
    picked = standing[standing > 0]
    np.testing.assert_allclose(picked / STEP, np.round(picked / STEP))
    assert standing.sum() == pytest.approx(4000)


@pytest.mark.parametrize("lengths", [lambda rng, n: rng.random(n), far_out], ids=["even", "far out"])
def test_a_sample_stands_for_the_sums_over_all_rows(lengths, rng):
    strength, length = rng.random(40000), lengths(rng, 40000)
    standing = standing_of_all(strength, length, STEP)
    assert standing @ strength == pytest.approx(strength.sum(), rel=0.05)
    assert standing @ (strength * length) == pytest.approx(np.sum(strength * length), rel=0.05)


def test_the_rows_that_carry_the_sum_are_all_in_the_sample(rng):
    length = far_out(rng, 8000)
    furthest = np.argsort(length)[-200:]
    np.testing.assert_array_equal(standing_of_all(np.ones(8000), length, STEP)[furthest], 1)


def test_rows_that_count_for_almost_nothing_do_no_harm():
    strength = np.where(np.arange(100) < 10, 1.0, 5e-324)
    standing = standing_of_all(strength, np.full(100, 1e300), 10)
    assert np.isfinite(standing).all()
    assert standing @ strength == pytest.approx(10)


@pytest.mark.parametrize("period", [2, 4, STEP, 3 * STEP])
def test_no_period_of_the_rows_is_met(period):
    standing = standing_of_all(np.ones(8000), np.ones(8000), STEP)
    shares = np.bincount(np.arange(8000) % period, standing)
    assert shares.min() > 0.4 * 8000 / period


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("scales", [lambda _, n: np.ones(n), lambda rng, n: rng.standard_cauchy(n)])
def test_the_gram_matrix_is_about_that_of_all_rows(scales, fit_intercept, rng):
    X = rng.normal(size=(20000, 12)) * scales(rng, 20000)[:, None] + 3
    strength = rng.random(len(X))
    rows = RowBlocks.of(X, np.zeros(len(X), dtype=int), strength)
    coordinates = Coordinates.of(rows, C=1.0, n_scores=2, fit_intercept=fit_intercept)
    Z = coordinates.standardised(X)
    cuts = [slice(0, 3000), slice(3000, 3000), slice(3000, 20000)]
    parts = [Z[cut] for cut in cuts]
    samples = RowSamples.of(rows, coordinates, lambda part, some: part if some is None else part[some], parts)
    strengths = [strength[cut] for cut in cuts]
    ones = np.full((len(Z), int(fit_intercept)), 1 / coordinates.intercept_scale)
    exact = np.hstack([Z, ones]).T * strength @ np.hstack([Z, ones])
    np.testing.assert_allclose(samples.gram(strengths, 1), exact, rtol=1e-4, atol=1e-5 * np.abs(exact).max())
    half = np.linalg.inv(np.linalg.cholesky(exact))
    values = np.linalg.eigvalsh(half @ samples.gram(strengths, 20) @ half.T)
    assert values.min() > 0.5
    assert values.max() < 2
