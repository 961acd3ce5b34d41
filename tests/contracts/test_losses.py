"""Laws that every loss obeys, one row of the table a loss."""

import array_api_strict
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from maxmargin.losses import (
    CrammerSinger,
    Hinge,
    OneVsRest,
    SmoothHinge,
    SoftmaxCrossEntropy,
    SquaredHinge,
    WestonWatkins,
)
from tests.reference import losses as reference

ORACLES = {
    "softmax": (SoftmaxCrossEntropy(), reference.softmax_cross_entropy),
    "ovr-hinge": (OneVsRest(Hinge()), reference.one_vs_rest(reference.hinge)),
    "ovr-squared": (OneVsRest(SquaredHinge()), reference.one_vs_rest(reference.squared_hinge)),
    "ovr-smooth": (OneVsRest(SmoothHinge(0.5)), reference.one_vs_rest(reference.smooth_hinge(0.5))),
    "ww-hinge": (WestonWatkins(Hinge()), reference.weston_watkins(reference.hinge)),
    "ww-squared": (WestonWatkins(SquaredHinge()), reference.weston_watkins(reference.squared_hinge)),
    "m3svm": (WestonWatkins(SmoothHinge(0.5)), reference.weston_watkins(reference.smooth_hinge(0.5))),
    "cs-hinge": (CrammerSinger(Hinge()), reference.crammer_singer(reference.hinge)),
    "cs-squared": (CrammerSinger(SquaredHinge()), reference.crammer_singer(reference.squared_hinge)),
}
LOSSES = {name: loss for name, (loss, _) in ORACLES.items()} | {
    "cs-smoothed": CrammerSinger(Hinge(), smoothing=0.5),
    "cs-squared-smoothed": CrammerSinger(SquaredHinge(), smoothing=0.5),
}
KINKED = {"cs-squared"}  # the gradient jumps where two rivals tie, so differences across a tie prove nothing
SHIFT_INVARIANT = [name for name in LOSSES if not name.startswith("ovr")]
MARGIN = [name for name in LOSSES if name != "softmax"]

each_loss = pytest.mark.parametrize("name", LOSSES)


@pytest.fixture
def sample(rng):
    return rng.normal(scale=2.0, size=(40, 5)), rng.integers(0, 5, size=40)


def difference_quotient(function, scores, direction, step=1e-6):
    return (function(scores + step * direction) - function(scores - step * direction)) / (2 * step)


@pytest.mark.parametrize("name", ORACLES)
def test_value_is_the_papers(name, sample):
    loss, oracle = ORACLES[name]
    scores, target = sample
    expected = [oracle(f.tolist(), int(y)) for f, y in zip(scores, target, strict=True)]
    np.testing.assert_allclose(loss.value(scores, target), expected, rtol=1e-12)


@each_loss
def test_value_agrees_with_value_and_gradient(name, sample):
    np.testing.assert_array_equal(LOSSES[name].value(*sample), LOSSES[name].value_and_gradient(*sample)[0])


@each_loss
def test_gradient_is_the_derivative(name, sample, rng):
    scores, target = sample
    direction = rng.normal(size=scores.shape)
    slope = difference_quotient(lambda f: LOSSES[name].value(f, target), scores, direction)
    gradient = LOSSES[name].value_and_gradient(scores, target)[1]
    np.testing.assert_allclose(np.sum(gradient * direction, axis=1), slope, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", sorted(set(LOSSES) - KINKED))
def test_curvature_is_the_derivative_of_the_gradient(name, sample, rng):
    scores, target = sample
    direction = rng.normal(size=scores.shape)
    bend = difference_quotient(lambda f: LOSSES[name].value_and_gradient(f, target)[1], scores, direction)
    product = LOSSES[name].curvature(scores, target)
    np.testing.assert_allclose(product(direction), bend, rtol=1e-6, atol=1e-6)


@each_loss
def test_curvature_is_symmetric_and_not_negative(name, sample, rng):
    product = LOSSES[name].curvature(*sample)
    a, b = rng.normal(size=(2, *sample[0].shape))
    np.testing.assert_allclose(np.sum(a * product(b), axis=1), np.sum(b * product(a), axis=1), atol=1e-12)
    assert np.all(np.sum(a * product(a), axis=1) >= -1e-12)


@each_loss
def test_loss_is_convex_along_lines(name, rng):
    a, b = rng.normal(scale=3.0, size=(2, 60, 4))
    target = rng.integers(0, 4, size=60)
    value = LOSSES[name].value
    assert np.all(value((a + b) / 2, target) <= (value(a, target) + value(b, target)) / 2 + 1e-12)


@each_loss
def test_renaming_the_classes_changes_nothing(name, sample, rng):
    scores, target = sample
    order = rng.permutation(5)
    value, gradient = LOSSES[name].value_and_gradient(scores, target)
    renamed = LOSSES[name].value_and_gradient(scores[:, order], np.argsort(order)[target])
    np.testing.assert_allclose(renamed[0], value, rtol=1e-12)
    np.testing.assert_allclose(renamed[1], gradient[:, order], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", SHIFT_INVARIANT)
def test_a_common_shift_of_the_scores_changes_nothing(name, sample):
    scores, target = sample
    value, gradient = LOSSES[name].value_and_gradient(scores, target)
    np.testing.assert_allclose(LOSSES[name].value(scores + 7.0, target), value, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(gradient.sum(axis=1), 0, atol=1e-12)


@pytest.mark.parametrize("name", MARGIN)
def test_margin_loss_bounds_the_error_from_above(name, sample):
    scores, target = sample
    wrong = np.argmax(scores, axis=1) != target
    assert wrong.any()
    assert np.all(LOSSES[name].value(scores, target) >= wrong)


@pytest.mark.parametrize("name", MARGIN)
def test_margin_loss_vanishes_far_inside_the_margin(name):
    scores = np.array([[1e6, -1e6, -1e6]])
    np.testing.assert_allclose(LOSSES[name].value(scores, np.array([0])), 0, atol=1e-6)


@each_loss
@given(scores=arrays(np.float64, (3, 4), elements=st.floats(-1e4, 1e4)), target=st.integers(0, 3))
def test_extreme_scores_stay_finite(name, scores, target):
    loss = LOSSES[name]
    targets = np.full(3, target)
    value, gradient = loss.value_and_gradient(scores, targets)
    assert np.isfinite(value).all()
    assert np.isfinite(gradient).all()
    assert np.isfinite(loss.curvature(scores, targets)(np.ones_like(scores))).all()
    assert (value >= 0).all()


@each_loss
def test_single_precision_stays_single(name, sample):
    scores, target = sample
    value, gradient = LOSSES[name].value_and_gradient(scores.astype(np.float32), target)
    assert (value.dtype, gradient.dtype) == (np.float32, np.float32)
    np.testing.assert_allclose(value, LOSSES[name].value(scores, target), rtol=1e-4, atol=1e-5)


@each_loss
def test_the_same_lines_run_on_the_strict_array_api(name, sample):
    scores, target = sample
    strict = [array_api_strict.asarray(array) for array in sample]
    value, gradient = LOSSES[name].value_and_gradient(*strict)
    expected = LOSSES[name].value_and_gradient(scores, target)
    np.testing.assert_allclose(np.asarray(value), expected[0], rtol=1e-12)
    np.testing.assert_allclose(np.asarray(gradient), expected[1], rtol=1e-12, atol=1e-14)
    product = LOSSES[name].curvature(*strict)(array_api_strict.asarray(scores))
    np.testing.assert_allclose(
        np.asarray(product), LOSSES[name].curvature(scores, target)(scores), rtol=1e-10, atol=1e-12
    )


@each_loss
def test_the_same_lines_run_on_torch_and_autograd_agrees(name, sample):
    torch = pytest.importorskip("torch")
    scores, target = (torch.tensor(array) for array in sample)
    scores.requires_grad_()
    value = LOSSES[name].value(scores, target)
    value.sum().backward()
    expected = LOSSES[name].value_and_gradient(*sample)
    np.testing.assert_allclose(value.detach().numpy(), expected[0], rtol=1e-12)
    np.testing.assert_allclose(scores.grad.numpy(), expected[1], rtol=1e-9, atol=1e-12)


def test_softmax_equals_torchs_cross_entropy(sample):
    torch = pytest.importorskip("torch")
    expected = torch.nn.functional.cross_entropy(*map(torch.tensor, sample), reduction="none")
    np.testing.assert_allclose(SoftmaxCrossEntropy().value(*sample), expected.numpy(), rtol=1e-12)


def test_weston_watkins_is_torchs_multi_margin_times_the_classes(sample):
    torch = pytest.importorskip("torch")
    expected = 5 * torch.nn.functional.multi_margin_loss(*map(torch.tensor, sample), reduction="none")
    np.testing.assert_allclose(WestonWatkins().value(*sample), expected.numpy(), rtol=1e-12)


def test_two_classes_make_crammer_singer_and_weston_watkins_one(rng):
    scores, target = rng.normal(size=(30, 2)), rng.integers(0, 2, size=30)
    np.testing.assert_allclose(CrammerSinger().value(scores, target), WestonWatkins().value(scores, target))


@pytest.mark.parametrize("smoothing", [1e-3, 0.1, 2.0])
def test_smoothed_crammer_singer_lies_within_half_the_smoothing_above(sample, smoothing):
    excess = CrammerSinger(smoothing=smoothing).value(*sample) - CrammerSinger().value(*sample)
    assert np.all(excess >= -1e-12)
    assert np.all(excess <= smoothing / 2 + 1e-12)


@pytest.mark.parametrize("delta", [1e-3, 0.1, 2.0])
def test_smooth_hinge_lies_within_half_delta_above_the_hinge(delta):
    t = np.concatenate([np.linspace(-5, 5, 101), [-1e8, 1e8]])
    excess = SmoothHinge(delta).value(t) - Hinge().value(t)
    assert np.all(excess >= 0)
    assert np.all(excess <= delta / 2 + 1e-12)


@pytest.mark.parametrize("delta", [0.0, -1.0, float("nan"), "wide"])
def test_unusable_delta_is_named(delta):
    with pytest.raises(ValueError, match=r"delta is .*; it must be a positive number"):
        SmoothHinge(delta)
