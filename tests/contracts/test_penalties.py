"""Laws that every penalty obeys, one row of the table a penalty."""

import array_api_strict
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from maxmargin.penalties import Frobenius, PairwiseMargin
from tests.reference.losses import pairwise_margin

PENALTIES = {"frobenius": Frobenius()} | {f"pairwise-{p}": PairwiseMargin(p) for p in (1, 1.5, 2, 3, 4, 6)}
each_penalty = pytest.mark.parametrize("name", PENALTIES)


@pytest.fixture
def coef(rng):
    return rng.normal(size=(5, 7))


@pytest.mark.parametrize("p", [1, 1.5, 2, 3, 4, 6])
def test_value_is_the_papers(p, coef):
    assert PairwiseMargin(p).value_and_gradient(coef)[0] == pytest.approx(pairwise_margin(coef, p), rel=1e-12)


@each_penalty
def test_gradient_is_the_derivative(name, coef, rng):
    direction, step = rng.normal(size=coef.shape), 1e-6
    value = lambda W: PENALTIES[name].value_and_gradient(W)[0]  # noqa: E731
    slope = (value(coef + step * direction) - value(coef - step * direction)) / (2 * step)
    assert np.sum(PENALTIES[name].value_and_gradient(coef)[1] * direction) == pytest.approx(slope, rel=1e-7)


@each_penalty
def test_curvature_is_the_derivative_of_the_gradient(name, coef, rng):
    direction, step = rng.normal(size=coef.shape), 1e-6
    gradient = lambda W: PENALTIES[name].value_and_gradient(W)[1]  # noqa: E731
    bend = (gradient(coef + step * direction) - gradient(coef - step * direction)) / (2 * step)
    np.testing.assert_allclose(PENALTIES[name].curvature(coef)(direction), bend, rtol=1e-6, atol=1e-6)


@each_penalty
def test_the_same_lines_run_on_the_strict_array_api(name, coef):
    strict = array_api_strict.asarray(coef)
    value, gradient = PENALTIES[name].value_and_gradient(strict)
    expected = PENALTIES[name].value_and_gradient(coef)
    assert float(value) == pytest.approx(float(expected[0]), rel=1e-12)
    np.testing.assert_allclose(np.asarray(gradient), expected[1], rtol=1e-10, atol=1e-12)
    product = np.asarray(PENALTIES[name].curvature(strict)(strict))
    np.testing.assert_allclose(product, PENALTIES[name].curvature(coef)(coef), rtol=1e-10, atol=1e-12)


@each_penalty
def test_the_same_lines_run_on_torch_and_autograd_agrees(name, coef):
    torch = pytest.importorskip("torch")
    weights = torch.tensor(coef, requires_grad=True)
    PENALTIES[name].value_and_gradient(weights)[0].backward()
    expected = PENALTIES[name].value_and_gradient(coef)[1]
    np.testing.assert_allclose(weights.grad.numpy(), expected, rtol=1e-9, atol=1e-12)


@each_penalty
@given(coef=arrays(np.float64, (4, 3), elements=st.floats(-1e3, 1e3, width=32)), equal=st.booleans())
def test_extreme_and_equal_weights_stay_finite(name, coef, equal):
    if equal:
        coef = np.repeat(coef[:1], 4, axis=0)
    value, gradient = PENALTIES[name].value_and_gradient(coef)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    assert np.isfinite(PENALTIES[name].curvature(coef)(np.ones_like(coef))).all()
    if equal and name != "frobenius":
        assert value == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("p", [1, 2, 4])
def test_pairwise_penalty_sees_differences_only(p, coef, rng):
    shift = rng.normal(size=(1, 7))
    value, gradient = PairwiseMargin(p).value_and_gradient(coef)
    assert PairwiseMargin(p).value_and_gradient(coef + shift)[0] == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(gradient.sum(axis=0), 0, atol=1e-10)


def test_pairwise_penalty_at_two_is_the_papers_lemma_3(coef):
    expected = 5 * np.sum(coef**2) - np.sum(coef.sum(axis=0) ** 2)
    assert PairwiseMargin(2).value_and_gradient(coef)[0] == pytest.approx(expected, rel=1e-12)


def test_closed_form_at_two_joins_the_gram_form(coef):
    near = PairwiseMargin(2 + 1e-9).value_and_gradient(coef)
    closed = PairwiseMargin(2).value_and_gradient(coef)
    assert closed[0] == pytest.approx(near[0], rel=1e-7)
    np.testing.assert_allclose(closed[1], near[1], rtol=1e-6, atol=1e-8)


def test_a_large_p_weighs_the_largest_distance(coef):
    pairs = [np.linalg.norm(a - b) for i, a in enumerate(coef) for b in coef[i + 1 :]]
    root = PairwiseMargin(60).value_and_gradient(coef)[0] ** (1 / 60)
    assert root == pytest.approx(max(pairs), rel=0.05)


@pytest.mark.parametrize("p", [0.5, -1, float("inf"), None])
def test_unusable_p_is_named(p):
    with pytest.raises(ValueError, match=r"p is .*; it must be a number of at least 1"):
        PairwiseMargin(p)
