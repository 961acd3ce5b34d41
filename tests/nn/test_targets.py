"""Targets, class weights, ignored rows, reductions and layouts: torch's conventions, for every loss alike."""

import pytest

torch = pytest.importorskip("torch")

from maxmargin._checks import InputError  # noqa: E402
from maxmargin.losses import Hinge  # noqa: E402
from maxmargin.nn import (  # noqa: E402
    CrammerSingerLoss,
    CrossEntropyLoss,
    SoftMarginSoftmaxLoss,
    WestonWatkinsLoss,
    functional,
)
from tests.nn.losses import each_loss  # noqa: E402

WEIGHT = torch.tensor([0.5, 2.0, 1.0, 0.0, 3.0], dtype=torch.float64)
REDUCTIONS = ("mean", "sum", "none")


@pytest.fixture
def scores():
    return torch.randn(6, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


@pytest.fixture
def target():
    return torch.tensor([0, 4, 2, 1, 4, 3])


@pytest.fixture
def probabilities():
    return torch.rand(6, 5, generator=torch.Generator().manual_seed(4), dtype=torch.float64).softmax(1)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weight"])
@pytest.mark.parametrize("kind", ["classes", "ignored", "probabilities"])
@pytest.mark.parametrize("layout", [(), (3,), (2, 3)], ids=str)
@pytest.mark.parametrize("build", [CrossEntropyLoss, lambda **options: SoftMarginSoftmaxLoss(0, **options)])
def test_cross_entropy_is_torchs(reduction, weight, kind, layout, build):
    generator = torch.Generator().manual_seed(5)
    scores = torch.randn(4, 5, *layout, generator=generator, dtype=torch.float64, requires_grad=True)
    target = torch.randint(5, (4, *layout), generator=generator)
    options = {"weight": weight, "reduction": reduction}
    if kind == "ignored":
        options["ignore_index"] = 2
        assert (target == 2).any()
    elif kind == "probabilities":
        target = torch.rand(scores.shape, generator=generator, dtype=torch.float64).softmax(1)
    mine, theirs = (
        build(**options)(scores, target),
        torch.nn.functional.cross_entropy(scores, target, **options),
    )
    torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-12)
    slopes = [torch.autograd.grad(value.sum(), scores)[0] for value in (mine, theirs)]
    torch.testing.assert_close(*slopes, rtol=1e-12, atol=1e-12)


@each_loss
def test_reductions_agree(build, scores, target):
    for options in ({}, {"weight": WEIGHT}):
        none, total, mean = (
            build(reduction=name, **options)(scores, target) for name in ("none", "sum", "mean")
        )
        weights = options.get("weight", torch.ones_like(WEIGHT))[target]
        torch.testing.assert_close(none, weights * build(reduction="none")(scores, target))
        torch.testing.assert_close(none.sum(), total)
        torch.testing.assert_close(mean, total / weights.sum())


@each_loss
@pytest.mark.parametrize("ignore_index", [-100, 2, 255])
def test_ignored_rows_count_nowhere_whatever_they_hold(build, scores, target, ignore_index):
    kept = target != 2
    marked = target.masked_fill(~kept, ignore_index)
    for rubbish in (float("-inf"), float("nan"), 1e30):
        spoilt = scores.masked_fill(~kept[:, None], rubbish).requires_grad_()
        loss = build(ignore_index=ignore_index)(spoilt, marked)
        torch.testing.assert_close(loss, build()(scores[kept], target[kept]))
        (gradient,) = torch.autograd.grad(loss, spoilt)
        assert torch.all(gradient[~kept] == 0)
        assert torch.isfinite(gradient).all()


@each_loss
def test_all_ignored_sums_to_zero_and_has_no_mean(build, scores):
    nobody = torch.full((6,), -100)
    assert build(reduction="sum")(scores, nobody) == 0
    assert torch.equal(build(reduction="none")(scores, nobody), torch.zeros(6, dtype=torch.float64))
    with pytest.raises(InputError, match=r"no target counts: all are ignored \(ignore_index=-100\)"):
        build()(scores, nobody)


@each_loss
def test_space_is_more_rows(build, target):
    scores = torch.randn(2, 5, 3, dtype=torch.float64, requires_grad=True)
    target = target.reshape(2, 3)
    values = build(reduction="none")(scores, target)
    rows = build(reduction="none")(scores.movedim(1, -1).reshape(6, 5), target.reshape(6))
    torch.testing.assert_close(values, rows.reshape(2, 3))
    soft = torch.nn.functional.one_hot(target, 5).movedim(-1, 1).double()
    torch.testing.assert_close(build(reduction="none")(scores, soft), values)


@each_loss
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32])
def test_any_integer_will_do(build, scores, target, dtype):
    torch.testing.assert_close(build()(scores, target.to(dtype)), build()(scores, target))


@each_loss
def test_certainty_is_a_class(build, scores, target):
    one_hot = torch.nn.functional.one_hot(target, 5).double()
    for options in ({}, {"weight": WEIGHT}):
        loss = build(reduction="sum", **options)
        torch.testing.assert_close(loss(scores, one_hot), loss(scores, target))


@each_loss
def test_loss_of_a_mixture_is_the_mixture_of_losses(build, scores, target):
    other = target.flip(0)
    mixed = (
        0.3 * torch.nn.functional.one_hot(target, 5).double()
        + 0.7 * torch.nn.functional.one_hot(other, 5).double()
    )
    loss = build(weight=WEIGHT, reduction="none")
    torch.testing.assert_close(loss(scores, mixed), 0.3 * loss(scores, target) + 0.7 * loss(scores, other))


@each_loss
def test_few_probabilities_of_many_classes(build):
    """Mixup: the work is of another kind where most probabilities are 0; its results are not."""
    generator = torch.Generator().manual_seed(6)
    scores = torch.randn(7, 30, generator=generator, dtype=torch.float64, requires_grad=True)
    one, other = torch.nn.functional.one_hot(torch.randint(30, (2, 7), generator=generator), 30).double()
    other[0] = 0
    loss, direction = build(reduction="none"), torch.randn(7, 30, generator=generator, dtype=torch.float64)

    def derivatives(values):
        (gradient,) = torch.autograd.grad(values.sum(), scores, create_graph=True)
        return values, gradient, torch.autograd.grad((gradient * direction).sum(), scores)[0]

    mixture = derivatives(loss(scores, 0.3 * one + 0.7 * other))
    whole = derivatives(
        0.3 * loss(scores, one.argmax(1)) + 0.7 * other.sum(1) * loss(scores, other.argmax(1))
    )
    for mine, theirs in zip(mixture, whole, strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("build", [WestonWatkinsLoss, CrammerSingerLoss])
def test_mixup_costs_few_passes(build, monkeypatch):
    """The rows that are looked at, counted where the surrogate is computed."""
    seen = []
    of_hinge = Hinge.value_and_slope
    monkeypatch.setattr(
        Hinge, "value_and_slope", lambda hinge, t: (seen.append(len(t)), of_hinge(hinge, t))[1]
    )
    mixed = torch.zeros(4, 100)
    mixed[:, [3, 50]] = 0.5
    build()(torch.randn(4, 100), mixed)
    assert sum(seen) <= 2 * 4


@each_loss
def test_masked_classes_of_no_probability_do_no_harm(build, scores, probabilities):
    probabilities[:, 1] = 0
    masked = scores.masked_fill(torch.arange(5) == 1, float("-inf")).requires_grad_()
    value = build()(masked, probabilities)
    (gradient,) = torch.autograd.grad(value, masked)
    assert torch.isfinite(value)
    assert torch.isfinite(gradient).all()


SCORES = torch.zeros(3, 4)
CLASSES = torch.tensor([0, 1, 2])


@pytest.mark.parametrize(
    ("scores", "target", "options", "message"),
    [
        (SCORES, torch.tensor([0, 4, 1]), {}, r"target holds 4; with 4 classes it must lie in 0\.\.3"),
        (SCORES, torch.tensor([0, -1, 1]), {}, r"target holds -1; .*or be ignore_index=-100"),
        (SCORES, CLASSES.bool(), {}, r"target is torch\.bool; it must be integer"),
        (SCORES, CLASSES.float(), {}, r"target has shape \(3,\); floating targets are probabilities"),
        (SCORES, CLASSES[:2], {}, r"target has shape \(2,\); .* must be \(3,\) for classes"),
        (SCORES, torch.full((3, 4), -0.5), {}, r"target holds -0\.5; probabilities must be at least 0"),
        (SCORES, torch.full((3, 4), float("nan")), {}, r"target holds nan"),
        (SCORES, torch.ones(3, 4), {"ignore_index": 1}, r"ignore_index is 1; floating targets"),
        (SCORES, torch.ones(3, 4, requires_grad=True), {}, r"target requires a gradient.*detach"),
        (SCORES.long(), CLASSES, {}, r"scores are torch\.int64; they must be floating"),
        (SCORES[0], CLASSES, {}, r"scores have shape \(4,\); it must be \(N, C\)"),
        (SCORES[:, :1], CLASSES * 0, {}, r"scores have shape \(3, 1\); there must be at least 2 classes"),
        (SCORES[:0], CLASSES[:0], {}, r"scores have shape \(0, 4\); the batch must not be empty"),
        (SCORES.tolist(), CLASSES, {}, r"scores is a list; it must be a torch\.Tensor"),
        (SCORES.numpy(), CLASSES, {}, r"scores is a numpy\.ndarray; it must be a torch\.Tensor"),
        (SCORES, CLASSES.tolist(), {}, r"target is a list; it must be a torch\.Tensor"),
        (SCORES, CLASSES.numpy(), {}, r"target is a numpy\.ndarray; it must be a torch\.Tensor"),
        (SCORES, CLASSES, {"weight": torch.ones(3)}, r"weight has shape \(3,\); it must be \(4,\)"),
        (SCORES, CLASSES, {"weight": torch.zeros(4)}, r"no target counts: .* of weight 0"),
        (
            SCORES,
            CLASSES,
            {"reduction": "median"},
            r"unknown reduction 'median'; choose from mean, sum, none",
        ),
    ],
)
@each_loss
def test_what_cannot_be_used_is_named(build, scores, target, options, message):
    with pytest.raises(InputError, match=message):
        build(**options)(scores, target)


def test_options_of_functions_are_checked_too():
    with pytest.raises(InputError, match=r"weight holds -1; the weights of classes must be at least 0"):
        functional.cross_entropy(SCORES, CLASSES, weight=-torch.ones(4))
    with pytest.raises(InputError, match=r"ignore_index is None; it must be an integer"):
        functional.cross_entropy(SCORES, CLASSES, ignore_index=None)
