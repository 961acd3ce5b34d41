"""Laws that every penalty obeys, one row of the table a penalty."""

import array_api_strict
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from maxmargin.penalties import BredensteinerBennett, Frobenius, PairwiseMargin
from tests.reference import losses as reference

ORACLES = {
    "frobenius": (Frobenius(), reference.frobenius),
    "bredensteiner-bennett": (BredensteinerBennett(), reference.bredensteiner_bennett),
} | {
    f"pairwise-{p}": (PairwiseMargin(p), lambda W, p=p: reference.pairwise_margin(W, p))
    for p in (1, 1.5, 2, 3, 4, 6)
}
PENALTIES = {name: penalty for name, (penalty, _) in ORACLES.items()}
CONJUGATE = [name for name in PENALTIES if name not in {"pairwise-1", "unpenalised"}]
each_penalty = pytest.mark.parametrize("name", PENALTIES)


@pytest.fixture
def coef(rng):
    return rng.normal(size=(5, 7))


@each_penalty
def test_value_is_the_papers(name, coef):
    penalty, oracle = ORACLES[name]
    assert penalty.value_and_gradient(coef)[0] == pytest.approx(oracle(coef), rel=1e-12)


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
def test_separable_is_a_sum_over_the_classes(name, coef):
    first = np.eye(5)[:, :1] * coef
    others = PENALTIES[name].curvature(coef)(first)[1:]
    assert PENALTIES[name].is_separable == np.all(others == 0)


def mean_curvature_of_each_class(penalty, coef):
    """The Hessian's diagonal, averaged over each class's own weights."""
    product = penalty.curvature(coef)
    units = np.eye(coef.size).reshape(-1, *coef.shape)
    return np.array([np.sum(unit * product(unit)) for unit in units]).reshape(coef.shape).mean(axis=1)


@each_penalty
def test_stiffness_is_the_mean_curvature_up_to_the_documented_factor(name, coef):
    c, d = coef.shape
    # A power counts the d - 1 directions across a difference, not the one along it; at 2, centred weights.
    factor = 1.0
    if name == "pairwise-2":
        factor = 1 - 1 / c
    elif name.startswith("pairwise"):
        factor = 1 + (PENALTIES[name].p - 2) / d
    stiffness = PENALTIES[name].stiffness(coef)
    assert np.all(stiffness > 0)
    np.testing.assert_allclose(
        factor * stiffness, mean_curvature_of_each_class(PENALTIES[name], coef), rtol=1e-10
    )


def test_stiffness_at_two_is_the_curvature_of_centred_weights(coef):
    centred = coef - coef.mean(axis=0)
    stiffness = PairwiseMargin(2).stiffness(coef)[:, None]
    np.testing.assert_allclose(PairwiseMargin(2).curvature(coef)(centred), stiffness * centred, rtol=1e-12)


@each_penalty
@pytest.mark.parametrize("length", [1.0, 1e-5])
def test_slopes_along_a_line_are_the_derivatives(name, length, coef, rng):
    direction = length * rng.normal(size=coef.shape)
    slope = PENALTIES[name].slopes_along(coef, direction)
    for t in (-0.5, 0.0, 0.3, 1.0, 20.0):
        gradient = PENALTIES[name].value_and_gradient(coef + t * direction)[1]
        assert slope(t) == pytest.approx(np.sum(gradient * direction), rel=1e-9)


@each_penalty
def test_slopes_leave_equal_weights_where_they_part(name, rng):
    """From zero, where every distance is 0, and along a line on which two weights stay equal."""
    direction = rng.normal(size=(4, 3))
    direction[1] = direction[0]
    slope = PENALTIES[name].slopes_along(np.zeros((4, 3)), direction)
    assert slope(0.0) == 0
    for t in (1e-8, 2.0):
        expected = np.sum(PENALTIES[name].value_and_gradient(t * direction)[1] * direction)
        assert slope(t) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", CONJUGATE)
@pytest.mark.parametrize("ridge", [0.0, 0.25, 3.0])
def test_conjugate_meets_the_penalty_at_its_gradient_and_bounds_it_elsewhere(name, ridge, coef, rng):
    def ridged(W):
        value, gradient = PENALTIES[name].value_and_gradient(W)
        return value + ridge * np.sum(W * W), gradient + 2 * ridge * W

    centred = coef - coef.mean(axis=0)
    value, gradient = ridged(centred)
    conjugate = PENALTIES[name].conjugate(gradient, coef, ridge)
    assert value + conjugate == pytest.approx(np.sum(gradient * centred), rel=1e-12)
    strict = PENALTIES[name].conjugate(*map(array_api_strict.asarray, (gradient, coef)), ridge)
    assert strict == pytest.approx(conjugate, rel=1e-12)
    # Whatever weights it is asked at, it bounds the conjugate.
    elsewhere = PENALTIES[name].conjugate(gradient, rng.normal(size=coef.shape), ridge)
    assert elsewhere >= conjugate * (1 - 1e-12)
    for scale in (0.1, 1.0, 10.0):
        others = centred + scale * rng.normal(size=coef.shape)
        assert conjugate >= np.sum(gradient * others) - ridged(others)[0]


@pytest.mark.parametrize("name", sorted(set(PENALTIES) - set(CONJUGATE)))
def test_a_conjugate_without_a_closed_form_is_none(name, coef):
    assert PENALTIES[name].conjugate(coef, coef, 0.5) is None


@each_penalty
def test_the_same_lines_run_on_the_strict_array_api(name, coef):
    strict = array_api_strict.asarray(coef)
    value, gradient = PENALTIES[name].value_and_gradient(strict)
    expected = PENALTIES[name].value_and_gradient(coef)
    assert float(value) == pytest.approx(float(expected[0]), rel=1e-12)
    np.testing.assert_allclose(np.asarray(gradient), expected[1], rtol=1e-10, atol=1e-12)
    product = np.asarray(PENALTIES[name].curvature(strict)(strict))
    np.testing.assert_allclose(product, PENALTIES[name].curvature(coef)(coef), rtol=1e-10, atol=1e-12)
    stiffness = np.asarray(PENALTIES[name].stiffness(strict))
    np.testing.assert_allclose(stiffness, PENALTIES[name].stiffness(coef), rtol=1e-12)
    slopes = [PENALTIES[name].slopes_along(W, W[::-1, :])(0.5) for W in (strict, coef)]
    assert slopes[0] == pytest.approx(slopes[1], rel=1e-12)


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
    assert np.isfinite(PENALTIES[name].stiffness(coef)).all()
    assert np.isfinite(PENALTIES[name].slopes_along(coef, coef[::-1])(0.5))
    if equal and name.startswith("pairwise"):
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
