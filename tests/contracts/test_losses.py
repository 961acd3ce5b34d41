"""Laws that every loss obeys, one row of the table a loss."""

from dataclasses import replace
from decimal import Decimal, localcontext

import array_api_strict
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from maxmargin.losses import (
    CrammerSinger,
    Expectation,
    Hinge,
    OneVsRest,
    Proximal,
    SmoothHinge,
    SoftmaxCrossEntropy,
    SquaredHinge,
    TopK,
    WestonWatkins,
    expectation,
)
from tests.reference import losses as reference

POLYHEDRAL = {
    "ovr-hinge": (OneVsRest(Hinge()), reference.one_vs_rest(reference.hinge)),
    "ww-hinge": (WestonWatkins(Hinge()), reference.weston_watkins(reference.hinge)),
    "cs-hinge": (CrammerSinger(Hinge()), reference.crammer_singer(reference.hinge)),
} | {
    f"top-{k}-{variant}": (TopK(k, variant), reference.top_k(k, variant))
    for k in (1, 2, 3)
    for variant in ("alpha", "beta")
}
ORACLES = POLYHEDRAL | {
    "softmax": (SoftmaxCrossEntropy(), reference.softmax_cross_entropy),
    "soft-margin-softmax": (SoftmaxCrossEntropy(margin=1.5), reference.soft_margin_softmax(1.5)),
    "ovr-squared": (OneVsRest(SquaredHinge()), reference.one_vs_rest(reference.squared_hinge)),
    "ovr-smooth": (OneVsRest(SmoothHinge(0.5)), reference.one_vs_rest(reference.smooth_hinge(0.5))),
    "ww-squared": (WestonWatkins(SquaredHinge()), reference.weston_watkins(reference.squared_hinge)),
    "m3svm": (WestonWatkins(SmoothHinge(0.5)), reference.weston_watkins(reference.smooth_hinge(0.5))),
    "cs-squared": (CrammerSinger(SquaredHinge()), reference.crammer_singer(reference.squared_hinge)),
}
LOSSES = {name: loss for name, (loss, _) in ORACLES.items()}
PROXIMAL = [f"proximal-{name}" for name in POLYHEDRAL]
KINKED = {"cs-squared"}  # the gradient jumps where two rivals tie, so differences across a tie prove nothing
SHIFT_INVARIANT = [name for name in LOSSES if not name.startswith("ovr")]
MARGIN = [name for name in LOSSES if not name.endswith("softmax")]

each_loss = pytest.mark.parametrize("name", LOSSES)
each_loss_and_proximal = pytest.mark.parametrize("name", [*LOSSES, *PROXIMAL])
each_polyhedral = pytest.mark.parametrize("name", POLYHEDRAL)


def build(name, scores, target):
    """The loss of that name; a proximal one gets a centre for the sample, of which every row lies in U."""
    if name in LOSSES:
        return LOSSES[name]
    loss = LOSSES[name.removeprefix("proximal-")]
    centre = np.random.default_rng(5).normal(scale=0.3, size=scores.shape)
    return Proximal(loss, width=2.0, centre=loss.project(centre, target))


def on(namespace, loss):
    """The same loss with its arrays in another namespace."""
    return replace(loss, centre=namespace.asarray(loss.centre)) if isinstance(loss, Proximal) else loss


@pytest.fixture
def sample(rng):
    return rng.normal(size=(60, 5)) * np.geomspace(0.1, 3.0, 60)[:, None], rng.integers(0, 5, size=60)


@pytest.fixture
def tied_sample(rng):
    return rng.integers(-1, 2, size=(60, 5)).astype(float), rng.integers(0, 5, size=60)


def difference_quotient(function, scores, direction, step=1e-6):
    return (function(scores + step * direction) - function(scores - step * direction)) / (2 * step)


def column_by_column(product, shape):
    """The diagonal of an operator, out of its products with the unit vectors."""
    columns = [product(np.broadcast_to(unit, shape))[:, k] for k, unit in enumerate(np.eye(shape[1]))]
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("name", ORACLES)
def test_value_is_the_papers(name, sample):
    loss, oracle = ORACLES[name]
    scores, target = sample
    expected = [oracle(f.tolist(), int(y)) for f, y in zip(scores, target, strict=True)]
    np.testing.assert_allclose(loss.value(scores, target), expected, rtol=1e-12, atol=1e-15)


@each_loss_and_proximal
def test_value_agrees_with_value_and_gradient(name, sample):
    loss = build(name, *sample)
    np.testing.assert_array_equal(loss.value(*sample), loss.value_and_gradient(*sample)[0])


@each_loss_and_proximal
def test_gradient_is_the_derivative(name, sample, rng):
    scores, target = sample
    loss = build(name, *sample)
    direction = rng.normal(size=scores.shape)
    slope = difference_quotient(lambda f: loss.value(f, target), scores, direction)
    gradient = loss.value_and_gradient(scores, target)[1]
    np.testing.assert_allclose(np.sum(gradient * direction, axis=1), slope, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", sorted({*LOSSES, *PROXIMAL} - KINKED))
def test_curvature_is_the_derivative_of_the_gradient(name, sample, rng):
    scores, target = sample
    loss = build(name, *sample)
    direction = rng.normal(size=scores.shape)
    bend = difference_quotient(lambda f: loss.value_and_gradient(f, target)[1], scores, direction)
    product = loss.curvature(scores, target).product
    np.testing.assert_allclose(product(direction), bend, rtol=1e-6, atol=1e-6)


@each_loss_and_proximal
def test_diagonal_is_that_of_the_products(name, sample):
    product, diagonal = build(name, *sample).curvature(*sample)
    expected = column_by_column(product, sample[0].shape)
    np.testing.assert_allclose(diagonal, expected, rtol=1e-12, atol=1e-14)
    assert np.any(expected > 0) == (name not in POLYHEDRAL)


@each_loss_and_proximal
def test_curvature_is_symmetric_and_not_negative(name, sample, rng):
    product = build(name, *sample).curvature(*sample).product
    a, b = rng.normal(size=(2, *sample[0].shape))
    np.testing.assert_allclose(np.sum(a * product(b), axis=1), np.sum(b * product(a), axis=1), atol=1e-12)
    assert np.all(np.sum(a * product(a), axis=1) >= -1e-12)


@each_loss_and_proximal
def test_loss_is_convex_along_lines(name, rng):
    a, b = rng.normal(scale=3.0, size=(2, 60, 4))
    target = rng.integers(0, 4, size=60)
    value = build(name, a, target).value
    assert np.all(value((a + b) / 2, target) <= (value(a, target) + value(b, target)) / 2 + 1e-12)


@each_loss
def test_conjugate_meets_the_loss_at_its_own_gradient(name, sample, tied_sample):
    for scores, target in (sample, tied_sample):
        value, gradient = LOSSES[name].value_and_gradient(scores, target)
        conjugate = LOSSES[name].conjugate(gradient, target)
        np.testing.assert_allclose(value + conjugate, np.sum(gradient * scores, axis=1), rtol=1e-9, atol=1e-9)


@each_loss
def test_conjugate_bounds_the_loss_everywhere(name, sample, rng):
    scores, target = sample
    gradient = LOSSES[name].value_and_gradient(scores, target)[1]
    conjugate = LOSSES[name].conjugate(gradient, target)
    for scale in (0.1, 1.0, 10.0):
        others = scores + rng.normal(scale=scale, size=scores.shape)
        bound = np.sum(gradient * others, axis=1) - LOSSES[name].value(others, target)
        assert np.all(conjugate >= bound - 1e-9)


@each_loss_and_proximal
def test_separable_is_a_sum_over_the_scores(name, sample):
    scores, target = sample
    loss = build(name, *sample)
    moved = scores + np.eye(5)[0]
    change = loss.value_and_gradient(moved, target)[1] - loss.value_and_gradient(scores, target)[1]
    assert np.any(change[:, 0] != 0)
    assert loss.is_separable == np.all(change[:, 1:] == 0)


@each_loss_and_proximal
def test_polyhedral_are_the_piecewise_linear(name, sample):
    assert build(name, *sample).is_polyhedral == (name in POLYHEDRAL)


@each_loss
def test_renaming_the_classes_changes_nothing(name, sample, rng):
    scores, target = sample
    order = rng.permutation(5)
    value, gradient = LOSSES[name].value_and_gradient(scores, target)
    renamed = LOSSES[name].value_and_gradient(scores[:, order], np.argsort(order)[target])
    np.testing.assert_allclose(renamed[0], value, rtol=1e-12, atol=1e-15)
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
    places = getattr(LOSSES[name], "k", 1)
    wrong = np.sum(scores > scores[np.arange(len(target)), target][:, None], axis=1) >= places
    assert wrong.any()
    assert np.all(LOSSES[name].value(scores, target) >= wrong)


@pytest.mark.parametrize("name", MARGIN)
def test_margin_loss_vanishes_far_inside_the_margin(name):
    scores = np.array([[1e6, -1e6, -1e6, -1e6]])
    np.testing.assert_allclose(LOSSES[name].value(scores, np.array([0])), 0, atol=1e-6)


@each_loss_and_proximal
@given(scores=arrays(np.float64, (3, 4), elements=st.floats(-1e4, 1e4)), target=st.integers(0, 3))
def test_extreme_scores_stay_finite(name, scores, target):
    targets = np.full(3, target)
    loss = build(name, scores, targets)
    value, gradient = loss.value_and_gradient(scores, targets)
    product, diagonal = loss.curvature(scores, targets)
    for result in (
        value,
        gradient,
        product(np.ones_like(scores)),
        diagonal,
        loss.conjugate(gradient, targets),
    ):
        assert np.isfinite(result).all()
    if name in LOSSES:
        assert (value >= 0).all()


@each_loss_and_proximal
def test_single_precision_stays_single(name, sample):
    scores, target = sample
    loss = build(name, *sample)
    single = replace(loss, centre=loss.centre.astype(np.float32)) if isinstance(loss, Proximal) else loss
    value, gradient = single.value_and_gradient(scores.astype(np.float32), target)
    product, diagonal = single.curvature(scores.astype(np.float32), target)
    conjugate = single.conjugate(gradient, target)
    results = (value, gradient, product(gradient), diagonal, conjugate)
    assert {result.dtype for result in results} == {np.dtype(np.float32)}
    np.testing.assert_allclose(value, loss.value(scores, target), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(gradient, loss.value_and_gradient(scores, target)[1], rtol=1e-4, atol=1e-5)


@each_loss_and_proximal
def test_the_same_lines_run_on_the_strict_array_api(name, sample):
    scores, target = sample
    loss = build(name, *sample)
    strict = [array_api_strict.asarray(array) for array in sample]
    strict_loss = on(array_api_strict, loss)
    value, gradient = strict_loss.value_and_gradient(*strict)
    expected = loss.value_and_gradient(scores, target)
    np.testing.assert_allclose(np.asarray(value), expected[0], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(np.asarray(gradient), expected[1], rtol=1e-12, atol=1e-14)
    conjugate = np.asarray(strict_loss.conjugate(gradient, strict[1]))
    np.testing.assert_allclose(conjugate, loss.conjugate(expected[1], target), rtol=1e-12, atol=1e-14)
    product, diagonal = strict_loss.curvature(*strict)
    curvature = loss.curvature(scores, target)
    np.testing.assert_allclose(np.asarray(diagonal), curvature.diagonal, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(
        np.asarray(product(strict[0])), curvature.product(scores), rtol=1e-10, atol=1e-12
    )


@each_loss_and_proximal
def test_the_same_lines_run_on_torch_and_autograd_agrees(name, sample):
    torch = pytest.importorskip("torch")
    loss = build(name, *sample)
    scores, target = (torch.tensor(array) for array in sample)
    scores.requires_grad_()
    value = on(torch, loss).value(scores, target)
    value.sum().backward()
    expected = loss.value_and_gradient(*sample)
    np.testing.assert_allclose(value.detach().numpy(), expected[0], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(scores.grad.numpy(), expected[1], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("lead", [30.0, 300.0, 700.0])
def test_softmax_keeps_the_digits_of_a_class_that_is_nearly_certain(lead):
    scores, target, direction = np.array([[1.0, lead, -1.0]]), np.array([1]), np.array([[2.0, 1e3, -5.0]])
    with localcontext(prec=400):
        powers = [Decimal(score).exp() for score in scores[0]]
        shares = [power / sum(powers) for power in powers]
        moves = [Decimal(move) for move in direction[0]]
        mean = sum(share * move for share, move in zip(shares, moves, strict=True))
        bent = [float(share * (move - mean)) for share, move in zip(shares, moves, strict=True)]
        slopes = [float(shares[0]), float(shares[1] - 1), float(shares[2])]
        bends = [float(share * (1 - share)) for share in shares]
        loss = float(-shares[1].ln())
    value, gradient = SoftmaxCrossEntropy().value_and_gradient(scores, target)
    product, diagonal = SoftmaxCrossEntropy().curvature(scores, target)
    for mine, exact in (
        (value, [loss]),
        (gradient, [slopes]),
        (product(direction), [bent]),
        (diagonal, [bends]),
    ):
        np.testing.assert_allclose(mine, exact, rtol=1e-12)


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


@pytest.mark.parametrize("variant", ["alpha", "beta"])
def test_top_1_is_crammer_singer(variant, sample):
    scores, target = sample
    for mine, theirs in zip(
        TopK(1, variant).value_and_gradient(*sample), CrammerSinger().value_and_gradient(*sample), strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)
    for width in (0.1, 1.0, 10.0):
        points = CrammerSinger().violations(scores, target) / width
        pulls = [
            loss.pull(loss.project(points, target), target) for loss in (TopK(1, variant), CrammerSinger())
        ]
        np.testing.assert_allclose(*pulls, atol=1e-15)


@pytest.mark.parametrize(("k", "apart"), [(2, False), (3, True), (4, True)])
def test_top_k_alpha_lies_below_beta_and_beta_below_crammer_singer(k, apart, sample):
    alpha, beta = (TopK(k, variant).value(*sample) for variant in ("alpha", "beta"))
    assert np.all(alpha <= beta + 1e-15)
    assert np.all(beta <= CrammerSinger().value(*sample) + 1e-15)
    assert np.any(alpha < beta - 0.1) == apart


@each_loss
@pytest.mark.parametrize("most", [None, 1, 2, 3])
def test_expectation_is_the_mean_over_the_classes(name, most, sample, tied_sample, rng):
    scores = np.concatenate([sample[0][::2], tied_sample[0][::2]])
    weights = rng.dirichlet(np.ones(5), size=60) * rng.integers(0, 2, size=(60, 5))
    if most is None:
        expected = expectation(LOSSES[name])
    else:
        weights = np.where(np.sort(weights, axis=1)[:, [-most]] <= weights, weights, 0.0)
        expected = Expectation(LOSSES[name], most)
    value, gradient = expected.value_and_gradient(scores, weights)
    product, diagonal = expected.curvature(scores, weights)
    classes = [np.full(60, k) for k in range(5)]
    by_class = [LOSSES[name].value_and_gradient(scores, target) for target in classes]
    bends = [LOSSES[name].curvature(scores, target) for target in classes]
    direction = rng.normal(size=scores.shape)
    for mine, parts in (
        (value[:, None], [value[:, None] for value, _ in by_class]),
        (gradient, [gradient for _, gradient in by_class]),
        (diagonal, [bend.diagonal for bend in bends]),
        (product(direction), [bend.product(direction) for bend in bends]),
    ):
        expected_sum = sum(weights[:, k : k + 1] * part for k, part in enumerate(parts))
        np.testing.assert_allclose(mine, expected_sum, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("margin", [0.0, 1.0, 50.0, 1e4])
def test_expected_softmax_keeps_its_digits_at_any_margin(margin):
    scores = np.array([[3.0, -40.0, 2.0], [1e4, 0.0, -1e4], [0.0, 0.0, 0.0]])
    loss = SoftmaxCrossEntropy(margin)
    for k in range(3):
        value, gradient = expectation(loss).value_and_gradient(scores, np.eye(3)[[k, k, k]])
        of_class = loss.value_and_gradient(scores, np.full(3, k))
        np.testing.assert_allclose(value, of_class[0], rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(gradient, of_class[1], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("margin", [-0.1, float("nan"), "wide"])
def test_unusable_margin_is_named(margin):
    with pytest.raises(ValueError, match=r"margin is .*; it must be a number of at least 0"):
        SoftmaxCrossEntropy(margin)


@pytest.mark.parametrize("k", [0, -1, 1.5, True, "two", None])
def test_unusable_k_is_named(k):
    with pytest.raises(ValueError, match=r"k is .*; it must be an integer of at least 1"):
        TopK(k)


def test_unknown_variant_is_named_with_the_choices():
    with pytest.raises(ValueError, match=r"unknown variant 'gamma'; choose from alpha, beta"):
        TopK(1, "gamma")


@pytest.mark.parametrize("k", [5, 6])
def test_k_that_leaves_no_class_out_is_named_with_the_range(k, sample):
    message = rf"k is {k}, but there are 5 classes; choose k from 1 to 4"
    for use in (TopK(k).value, TopK(k).value_and_gradient, TopK(k, "beta").violations):
        with pytest.raises(ValueError, match=message):
            use(*sample)


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
