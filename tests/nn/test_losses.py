"""Laws of the losses as torch modules: value, derivatives, precision, transforms, compilation, limits."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

torch = pytest.importorskip("torch")

from maxmargin import nn  # noqa: E402
from maxmargin._checks import InputError  # noqa: E402
from maxmargin.deep.modules_as_data import from_data, to_data  # noqa: E402
from maxmargin.nn import functional  # noqa: E402
from tests.nn.losses import BUILDERS, ORACLES, each_loss  # noqa: E402

SMOOTH = ("ovr-squared", "smooth", "soft-margin", "cross-entropy")
each_smooth = pytest.mark.parametrize("build", [BUILDERS[name] for name in SMOOTH], ids=SMOOTH)
# Dynamo makes an instance of every custom function, against which torch itself warns.
compiled = pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
# Torch itself compiles something by what it has deprecated.
forward_mode = pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning")


def sample(n=7, n_classes=5, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(n, n_classes, generator=generator, dtype=torch.float64).mul(2).to(dtype)
    return scores.requires_grad_(), torch.randint(n_classes, (n,), generator=generator)


def probabilities(n=7, n_classes=5):
    return torch.rand(n, n_classes, generator=torch.Generator().manual_seed(9), dtype=torch.float64)


def slope(loss, scores, target):
    return torch.autograd.grad(loss(scores, target).sum(), scores)[0]


@pytest.mark.parametrize("name", ORACLES)
def test_value_is_the_papers(name):
    build, oracle = ORACLES[name]
    scores, target = sample(60)
    expected = [oracle(f, y) for f, y in zip(scores.tolist(), target.tolist(), strict=True)]
    value = build(reduction="none")(scores, target).detach()
    np.testing.assert_allclose(value.numpy(), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ORACLES)
def test_many_rows_and_classes_are_the_same_as_few(name):
    build, oracle = ORACLES[name]
    scores, target = sample(2500, 130)  # more than one block, and rows of more than one group
    loss = build(reduction="none")
    value, gradient = loss(scores, target), slope(loss, scores, target)
    for i in (0, 1999, 2499):
        assert value[i].item() == pytest.approx(oracle(scores[i].tolist(), target[i].item()), rel=1e-10)
    few = torch.cat([slope(loss, *pair) for pair in zip(scores.split(100), target.split(100), strict=True)])
    torch.testing.assert_close(gradient, few, rtol=0, atol=0)


@each_loss
@pytest.mark.parametrize("soft", [False, True])
def test_gradcheck(build, soft):
    scores, target = sample()
    target = probabilities() if soft else target
    assert torch.autograd.gradcheck(lambda f: build(reduction="none")(f, target), scores)


@each_loss
@pytest.mark.parametrize("soft", [False, True])
def test_gradgradcheck(build, soft):
    scores, target = sample()
    target = probabilities() if soft else target
    assert torch.autograd.gradgradcheck(lambda f: build()(f, target), scores)


@each_smooth
def test_double_backward_sees_the_curvature(build):
    scores, target = sample()
    (gradient,) = torch.autograd.grad(build()(scores, target), scores, create_graph=True)
    (bend,) = torch.autograd.grad(gradient.square().sum(), scores)
    assert bend.abs().sum() > 1e-3


@each_loss
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_single(build, dtype):
    scores, target = sample(dtype=dtype)
    loss = build()
    value = loss(scores, target)
    single = scores.detach().float().requires_grad_()
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, loss(single, target), rtol=0, atol=0)
    gradient = slope(loss, scores, target)
    assert gradient.dtype == dtype
    torch.testing.assert_close(gradient, slope(loss, single, target).to(dtype), rtol=0, atol=0)


@each_loss
def test_autocast_changes_nothing(build):
    scores, target = sample(dtype=torch.float32)
    loss = build()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside, gradient = loss(scores, target), slope(loss, scores, target)
    assert inside.dtype == torch.float32
    torch.testing.assert_close(inside, loss(scores, target), rtol=0, atol=0)
    torch.testing.assert_close(gradient, slope(loss, scores, target), rtol=0, atol=0)


@each_loss
def test_bfloat16_training_moves_the_weights(build):
    torch.manual_seed(0)
    features, target = torch.randn(64, 6).bfloat16(), torch.arange(64) % 5
    layer = torch.nn.Linear(6, 5).bfloat16()
    before = layer.weight.detach().clone()
    for _ in range(5):
        layer.zero_grad()
        build()(layer(features), target).backward()
        torch.optim.SGD(layer.parameters(), lr=0.5).step()
    assert (layer.weight != before).float().mean() > 0.95


@each_loss
@given(
    values=arrays(np.float32, (3, 5), elements=st.floats(-1e4, 1e4, width=32)),
    masked=arrays(np.bool_, (3, 5)),
    true=st.integers(0, 4),
)
def test_extreme_and_masked_scores_stay_finite(build, values, masked, true):
    masked[:, true] = False
    scores = torch.tensor(np.where(masked, -np.inf, values).astype(np.float32), requires_grad=True)
    target = torch.full((3,), true)
    value = build()(scores, target)
    (gradient,) = torch.autograd.grad(value, scores)
    assert torch.isfinite(value)
    assert torch.isfinite(gradient).all()
    assert torch.all(gradient[torch.tensor(masked)] == 0)


@each_loss
@pytest.mark.parametrize("soft", [False, True])
def test_backward_may_run_again_whoever_changed_what_it_gave(build, soft):
    # Soft targets take a pass a class.
    shape = (300, 50) if soft else (300, 1000)
    scores, target = sample(*shape)
    value = build()(scores, probabilities(*shape) if soft else target)
    (first,) = torch.autograd.grad(value, scores, retain_graph=True)
    (expected,) = torch.autograd.grad(value, scores, retain_graph=True, create_graph=True)
    torch.testing.assert_close(first, expected.detach(), rtol=0, atol=0)
    expected = first.clone()
    first.zero_()
    for create_graph in (False, True):
        (again,) = torch.autograd.grad(3 * value, scores, retain_graph=True, create_graph=create_graph)
        torch.testing.assert_close(again.detach(), 3 * expected)
        again.detach().zero_()


@pytest.mark.parametrize("variant", ["alpha", "beta"])
def test_rivals_that_tie_for_the_last_place_share_it_among_rows_that_do_not(variant):
    scores, target = sample(40, 12)
    rows = torch.cat([scores, scores.round()]).detach().requires_grad_()
    loss = nn.TopKHingeLoss(k=3, variant=variant, reduction="none")
    both = slope(loss, rows, target.repeat(2))
    torch.testing.assert_close(both[:40], slope(loss, scores, target), rtol=0, atol=1e-15)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(1))
    permuted = slope(loss, rows.detach()[:, order].requires_grad_(), order.argsort()[target.repeat(2)])
    torch.testing.assert_close(permuted, both[:, order], rtol=0, atol=1e-15)


@each_loss
def test_deterministic_to_the_bit(build):
    scores, target = sample(300, 200, dtype=torch.float32)
    loss = build()
    assert torch.equal(loss(scores, target), loss(scores, target))
    assert torch.equal(slope(loss, scores, target), slope(loss, scores, target))


@each_loss
def test_gradients_of_each_row_by_vmap(build):
    scores, target = sample()
    loss = build()
    of_rows = torch.func.vmap(torch.func.grad(lambda f, y: loss(f[None], y[None])))(scores, target)
    torch.testing.assert_close(of_rows, slope(build(reduction="sum"), scores, target))
    every = torch.func.vmap(lambda y: loss(scores, y.expand(7)))(torch.arange(5))
    torch.testing.assert_close(every, torch.stack([loss(scores, torch.full((7,), k)) for k in range(5)]))


@forward_mode
@each_loss
@pytest.mark.parametrize("soft", [False, True])
def test_forward_mode(build, soft):
    scores, target = sample()
    target = probabilities() if soft else target

    def objective(scores):
        return build()(scores, target)

    checks = {"check_forward_ad": True, "check_batched_forward_grad": True}
    assert torch.autograd.gradcheck(objective, scores, **checks)
    assert torch.autograd.gradgradcheck(objective, scores, check_fwd_over_rev=True)
    gradient, bend = slope(build(), scores, target), torch.autograd.functional.hessian(objective, scores)
    scores = scores.detach()
    direction = torch.ones_like(scores)
    along = torch.func.jvp(objective, (scores,), (direction,))[1]
    torch.testing.assert_close(along, (gradient * direction).sum())
    torch.testing.assert_close(torch.func.jacfwd(objective)(scores), gradient)
    torch.testing.assert_close(torch.func.hessian(objective)(scores), bend)
    torch.testing.assert_close(torch.func.jacrev(torch.func.jacfwd(objective))(scores), bend)


@forward_mode
@each_loss
def test_forward_mode_within_itself_is_refused(build):
    scores, target = sample()
    twice = torch.func.jacfwd(torch.func.jacfwd(lambda f: build()(f, target)))
    with pytest.raises(
        InputError, match=r"forward mode runs within the forward mode; take torch\.func\.hessian"
    ):
        twice(scores.detach())


@each_smooth
def test_hessian_of_each_row_by_vmap(build):
    scores, target = sample()
    loss = build()

    def gradient(f, y):
        return torch.func.grad(lambda f: loss(f[None], y[None]))(f)

    bends = torch.func.vmap(torch.func.jacrev(gradient))(scores.detach(), target)
    expected = torch.autograd.functional.hessian(lambda f: loss(f[None], target[:1]), scores[0].detach())
    torch.testing.assert_close(bends[0], expected)


@each_loss
def test_functional_call(build):
    torch.manual_seed(0)
    layer, loss = torch.nn.Linear(3, 5), build()
    X, (_, target) = torch.randn(7, 3), sample()
    weights = dict(layer.named_parameters())

    def objective(weights):
        return loss(torch.func.functional_call(layer, weights, (X,)), target)

    loss(layer(X), target).backward()
    torch.testing.assert_close(torch.func.grad(objective)(weights)["weight"], layer.weight.grad)


@compiled
@each_loss
def test_compiles_whole_and_once_for_all_batch_sizes(build):
    torch._dynamo.reset()
    loss = build(weight=torch.linspace(0.5, 2, 5))
    fast = torch.compile(loss, fullgraph=True, backend="aot_eager")
    for turn, n in enumerate((7, 9, 12, 30)):
        scores, target = sample(n, dtype=torch.float32)
        target[0] = -100
        with torch.compiler.set_stance("fail_on_recompile" if turn > 1 else "default"):
            gradient = slope(fast, scores, target)
        torch.testing.assert_close(gradient, slope(loss, scores, target))


@each_loss
def test_says_what_it_is_and_can_be_copied(build):
    loss = build(weight=torch.ones(5), reduction="sum")
    scores, target = sample()
    assert repr(loss).startswith(type(loss).__name__ + "(")
    assert "reduction='sum'" in repr(loss)
    assert list(loss.state_dict()) == ["weight"]
    assert not list(loss.parameters())
    torch.testing.assert_close(copy.deepcopy(loss)(scores, target), loss(scores, target))


CHANGES = {
    "power": (nn.OneVsRestHingeLoss(2), {"power": 1}, nn.OneVsRestHingeLoss(1)),
    "k-and-variant": (nn.TopKHingeLoss(1), {"k": 3, "variant": "beta"}, nn.TopKHingeLoss(3, "beta")),
    "delta": (nn.SmoothHingeLoss(), {"delta": 2.0}, nn.SmoothHingeLoss(2.0)),
    "margin": (nn.SoftMarginSoftmaxLoss(0.0), {"margin": 5.0}, nn.SoftMarginSoftmaxLoss(5.0)),
}
each_change = pytest.mark.parametrize(("loss", "changes", "expected"), CHANGES.values(), ids=CHANGES)


@each_change
@pytest.mark.parametrize(
    "copied",
    [
        copy.deepcopy,
        lambda loss: pickle.loads(pickle.dumps(loss)),  # noqa: S301
        lambda loss: from_data(to_data(loss)),
    ],
    ids=["deepcopy", "pickle", "data"],
)
def test_constants_may_be_changed(loss, changes, expected, copied):
    scores, target = sample(50)
    changed = copy.deepcopy(loss)
    assert not torch.equal(changed(scores, target), expected(scores, target))
    for name, value in changes.items():
        setattr(changed, name, value)
        assert getattr(changed, name) == value
    changed = copied(changed)
    assert repr(changed) == repr(expected)
    assert torch.equal(changed(scores, target), expected(scores, target))
    assert torch.equal(slope(changed, scores, target), slope(expected, scores, target))


@compiled
@each_change
def test_constants_may_be_changed_after_compilation(loss, changes, expected):
    torch._dynamo.reset()
    scores, target = sample(50)
    changed = copy.deepcopy(loss)
    fast = torch.compile(changed, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(fast(scores, target), loss(scores, target))
    for name, value in changes.items():
        setattr(changed, name, value)
    torch.testing.assert_close(slope(fast, scores, target), slope(expected, scores, target))


@compiled
def test_a_compiled_margin_may_rise_at_every_step():
    torch._dynamo.reset()
    scores, target = sample(50)
    loss = nn.SoftMarginSoftmaxLoss(0.0)
    fast = torch.compile(loss, fullgraph=True, backend="aot_eager")
    for margin in (0.0, 0.25, 0.5, 0.75, 1.0):
        loss.margin = margin
        expected = nn.SoftMarginSoftmaxLoss(margin)
        torch.testing.assert_close(slope(fast, scores, target), slope(expected, scores, target))


@pytest.mark.parametrize(
    ("loss", "name", "value", "message"),
    [
        (nn.OneVsRestHingeLoss(), "power", 3, r"power is 3; choose 1"),
        (nn.TopKHingeLoss(1), "k", 0, r"k is 0; it must be an integer"),
        (nn.TopKHingeLoss(1), "variant", "gamma", r"unknown variant 'gamma'"),
        (nn.SmoothHingeLoss(), "delta", 0.0, r"delta is 0\.0; it must be a positive number"),
        (
            nn.SoftMarginSoftmaxLoss(1.0),
            "margin",
            -1.0,
            r"margin is -1\.0; it must be a number of at least 0",
        ),
        (nn.ISM3Loss(), "p", 0.5, r"p is 0\.5; it must be a number of at least 1"),
        (nn.ISM3Loss(), "strength", -1.0, r"strength is -1\.0; it must be a number of at least 0"),
        (nn.PairwiseMarginPenalty(), "p", 0.5, r"p is 0\.5; it must be a number of at least 1"),
    ],
)
def test_unusable_changes_are_named_and_not_made(loss, name, value, message):
    before = repr(loss)
    with pytest.raises(InputError, match=message):
        setattr(loss, name, value)
    assert repr(loss) == before


def test_repr_shows_the_parameters():
    assert repr(nn.TopKHingeLoss(3, "beta")) == "TopKHingeLoss(k=3, variant='beta', reduction='mean')"
    assert repr(nn.ISM3Loss(p=2, strength=0.1)) == "ISM3Loss(p=2, strength=0.1, reduction='mean')"


@pytest.mark.parametrize(
    ("module", "function"),
    [
        (nn.OneVsRestHingeLoss(1), lambda f, y: functional.one_vs_rest_hinge_loss(f, y, power=1)),
        (nn.OneVsRestHingeLoss(), functional.one_vs_rest_hinge_loss),
        (nn.WestonWatkinsLoss(), functional.weston_watkins_loss),
        (nn.CrammerSingerLoss(), functional.crammer_singer_loss),
        (nn.TopKHingeLoss(2), lambda f, y: functional.top_k_hinge_loss(f, y, 2)),
        (nn.SmoothHingeLoss(0.3), lambda f, y: functional.smooth_hinge_loss(f, y, delta=0.3)),
        (nn.SoftMarginSoftmaxLoss(2.0), lambda f, y: functional.soft_margin_softmax_loss(f, y, 2.0)),
        (nn.KerasHingeLoss(), functional.keras_hinge_loss),
        (nn.CrossEntropyLoss(), functional.cross_entropy),
    ],
    ids=lambda thing: repr(thing) if isinstance(thing, torch.nn.Module) else "",
)
def test_functions_are_the_modules(module, function):
    assert torch.equal(module(*sample()), function(*sample()))


def test_a_single_place_is_crammer_singer():
    scores, target = sample(50)
    for loss in (nn.TopKHingeLoss(1), nn.TopKHingeLoss(1, "beta")):
        assert torch.equal(loss(scores, target), nn.CrammerSingerLoss()(scores, target))
        assert torch.equal(slope(loss, scores, target), slope(nn.CrammerSingerLoss(), scores, target))


def test_weston_watkins_is_torchs_multi_margin_times_the_classes():
    scores, target = sample(50)
    theirs = torch.nn.MultiMarginLoss()
    mine = nn.WestonWatkinsLoss()
    torch.testing.assert_close(mine(scores, target), 5 * theirs(scores, target), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(slope(mine, scores, target), 5 * slope(theirs, scores, target))


def test_two_classes_make_the_pairwise_losses_one():
    scores, target = sample(50, 2)
    expected = nn.CrammerSingerLoss()(scores, target)
    for loss in (nn.WestonWatkinsLoss(), nn.TopKHingeLoss(1)):
        torch.testing.assert_close(loss(scores, target), expected, rtol=1e-12, atol=1e-12)


def test_keras_hinge_vanishes_far_inside_the_margin():
    assert nn.KerasHingeLoss()(torch.tensor([[10.0, -10.0, -10.0]]), torch.tensor([0])) == 0


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: nn.OneVsRestHingeLoss(3), r"power is 3; choose 1 .* or 2"),
        (lambda: nn.OneVsRestHingeLoss(True), r"power is True; choose 1 .* or 2"),
        (lambda: nn.OneVsRestHingeLoss([1]), r"power is \[1\]; choose 1 .* or 2"),
        (lambda: nn.TopKHingeLoss(0), r"k is 0; it must be an integer of at least 1"),
        (lambda: nn.TopKHingeLoss(2, "gamma"), r"unknown variant 'gamma'; choose from alpha, beta"),
        (lambda: nn.TopKHingeLoss(5)(*sample()), r"k is 5, but there are 5 classes; choose k from 1 to 4"),
        (lambda: nn.SmoothHingeLoss(0.0), r"delta is 0\.0; it must be a positive number"),
        (lambda: nn.SoftMarginSoftmaxLoss(-1.0), r"margin is -1\.0; it must be a number of at least 0"),
        (lambda: nn.CrossEntropyLoss(reduction="median"), r"unknown reduction 'median'; choose from mean"),
        (lambda: nn.ISM3Loss(p=0.5), r"p is 0\.5; it must be a number of at least 1"),
        (lambda: nn.ISM3Loss(strength=-1.0), r"strength is -1\.0; it must be a number of at least 0"),
        (lambda: nn.ISM3Loss(reduction="none"), r"unknown reduction 'none'; choose from mean, sum"),
    ],
)
def test_unusable_parameters_are_named(build, message):
    with pytest.raises(InputError, match=message):
        build()


@each_loss
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight": [1.0] * 5}, r"weight is a list; it must be a torch\.Tensor"),
        ({"weight": np.ones(5)}, r"weight is a numpy\.ndarray; it must be a torch\.Tensor"),
        (
            {"weight": torch.tensor([1.0, -2.0])},
            r"weight holds -2; the weights of classes must be at least 0",
        ),
        ({"weight": torch.tensor([1.0, float("nan")])}, r"weight holds nan"),
        ({"ignore_index": None}, r"ignore_index is None; it must be an integer"),
        ({"ignore_index": 1.5}, r"ignore_index is 1\.5; it must be an integer"),
        ({"ignore_index": True}, r"ignore_index is True; it must be an integer"),
    ],
)
def test_unusable_options_are_named(build, options, message):
    with pytest.raises(InputError, match=message):
        build(**options)
