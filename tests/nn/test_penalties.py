"""The pairwise margin penalty and ISM3 as torch modules."""

import pytest

torch = pytest.importorskip("torch")

from maxmargin import nn  # noqa: E402
from maxmargin._checks import InputError  # noqa: E402
from maxmargin.nn import CrossEntropyLoss, ISM3Loss, PairwiseMarginPenalty  # noqa: E402
from tests.reference.losses import pairwise_margin  # noqa: E402

each_p = pytest.mark.parametrize("p", [1, 1.5, 2, 3, 4, 8])
compiled = pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")


@pytest.fixture
def coef():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(4, 3, generator=generator, dtype=torch.float64).requires_grad_()


@each_p
def test_value_is_the_sum_over_pairs(p, coef):
    assert PairwiseMarginPenalty(p)(coef).item() == pytest.approx(
        pairwise_margin(coef.tolist(), p), rel=1e-12
    )


@each_p
def test_derivatives(p, coef):
    assert torch.autograd.gradcheck(PairwiseMarginPenalty(p), coef)
    assert torch.autograd.gradgradcheck(PairwiseMarginPenalty(p), coef)


@each_p
def test_equal_and_zero_weights_have_finite_derivatives(p):
    for coef in (torch.zeros(3, 2), torch.ones(3, 2), torch.full((3, 2), 1e4)):
        coef.requires_grad_()
        PairwiseMarginPenalty(p)(coef).backward()
        assert torch.equal(coef.grad, torch.zeros(3, 2))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_single(coef, dtype):
    half = coef.detach().to(dtype).requires_grad_()
    single = half.detach().float().requires_grad_()
    value, expected = PairwiseMarginPenalty()(half), PairwiseMarginPenalty()(single)
    assert torch.equal(value, expected)
    value.backward()
    expected.backward()
    assert torch.equal(half.grad, single.grad.to(dtype))


def test_autocast_changes_nothing(coef):
    single = coef.detach().float().requires_grad_()

    def derivatives():
        value = PairwiseMarginPenalty()(single)
        (gradient,) = torch.autograd.grad(value, single, create_graph=True)
        return value, gradient, torch.autograd.grad(gradient.square().sum(), single)[0]

    expected = derivatives()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = derivatives()
    for mine, theirs in zip(inside, expected, strict=True):
        assert torch.equal(mine, theirs)


def test_transforms(coef):
    penalty = PairwiseMarginPenalty()
    batch = torch.stack([coef.detach(), 2 * coef.detach()])
    values, gradients = torch.func.vmap(penalty)(batch), torch.func.vmap(torch.func.grad(penalty))(batch)
    (gradient,) = torch.autograd.grad(penalty(coef), coef)
    torch.testing.assert_close(values, penalty(coef) * torch.tensor([1.0, 16.0], dtype=torch.float64))
    torch.testing.assert_close(gradients, torch.stack([gradient, 8 * gradient]))


@pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning")
def test_forward_mode(coef):
    penalty = PairwiseMarginPenalty(3)
    (gradient,) = torch.autograd.grad(penalty(coef), coef)
    torch.testing.assert_close(torch.func.jacfwd(penalty)(coef.detach()), gradient)
    bend = torch.autograd.functional.hessian(penalty, coef)
    torch.testing.assert_close(torch.func.hessian(penalty)(coef.detach()), bend)


@compiled
def test_compiles_whole(coef):
    torch._dynamo.reset()
    fast = torch.compile(PairwiseMarginPenalty(), fullgraph=True, backend="aot_eager")
    slopes = [torch.autograd.grad(penalty(coef), coef)[0] for penalty in (fast, PairwiseMarginPenalty())]
    torch.testing.assert_close(*slopes)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_ism3_is_cross_entropy_and_penalty(coef, reduction):
    torch.manual_seed(0)
    X, target = torch.randn(6, 3, dtype=torch.float64), torch.tensor([0, 1, 2, 3, 0, -100])
    loss = ISM3Loss(p=3, strength=0.2, reduction=reduction)
    value = loss(X @ coef.T, target, coef=coef)
    expected = CrossEntropyLoss(reduction=reduction)(X @ coef.T, target) + 0.2 * PairwiseMarginPenalty(3)(
        coef
    )
    torch.testing.assert_close(value, expected, rtol=1e-12, atol=1e-12)
    assert torch.autograd.gradcheck(lambda W: loss(X @ W.T, target, W), coef)


def test_ism3_keeps_classes_apart_in_bfloat16_training():
    torch.manual_seed(0)
    layer, target = torch.nn.Linear(6, 4).bfloat16(), torch.arange(32) % 4
    before = layer.weight.detach().clone()
    X = torch.randn(32, 6).bfloat16()
    for _ in range(5):
        layer.zero_grad()
        ISM3Loss(strength=0.1)(layer(X), target, layer.weight).backward()
        torch.optim.SGD(layer.parameters(), lr=0.2).step()
    assert (layer.weight != before).float().mean() > 0.95


def test_constants_may_be_changed(coef):
    X, target = torch.ones(2, 3, dtype=torch.float64), torch.tensor([0, 1])
    loss, penalty = ISM3Loss(), PairwiseMarginPenalty()
    loss.p, loss.strength, penalty.p = 2, 0.5, 2
    assert torch.equal(penalty(coef), PairwiseMarginPenalty(2)(coef))
    assert torch.equal(loss(X @ coef.T, target, coef), ISM3Loss(2, 0.5)(X @ coef.T, target, coef))
    assert repr(penalty) == repr(PairwiseMarginPenalty(2))


@pytest.mark.parametrize("shape", [(3,), (2, 2, 2), (0, 3), (3, 0)])
def test_weights_of_another_shape_are_named(shape):
    with pytest.raises(
        InputError, match=r"coef is torch\.float32 of shape .*; it must be floating, \(n_classes"
    ):
        PairwiseMarginPenalty()(torch.zeros(shape))


def test_weights_that_are_no_tensor_are_named():
    with pytest.raises(InputError, match=r"coef is a list; it must be a torch\.Tensor"):
        PairwiseMarginPenalty()([[1.0], [2.0]])


def test_unusable_p_is_named():
    with pytest.raises(InputError, match=r"p is 0; it must be a number of at least 1"):
        PairwiseMarginPenalty(0)


@pytest.mark.parametrize(
    "loss", [nn.OneVsRestHingeLoss(), torch.nn.MultiMarginLoss()], ids=["ours", "torch's"]
)
def test_any_loss_may_be_penalised(loss):
    generator = torch.Generator().manual_seed(0)
    coef = torch.randn(3, 5, generator=generator, dtype=torch.float64).requires_grad_()
    rows, target = torch.randn(7, 5, generator=generator, dtype=torch.float64), torch.arange(7) % 3
    penalised = nn.PenalisedLoss(loss, p=3.0, strength=0.1)
    by_hand = loss(rows @ coef.T, target) + 0.1 * nn.PairwiseMarginPenalty(3.0)(coef)
    torch.testing.assert_close(penalised(rows @ coef.T, target, coef=coef), by_hand, rtol=0, atol=0)
    assert torch.autograd.gradcheck(lambda w: penalised(rows @ w.T, target, coef=w), coef)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"p": 0.5}, r"p is 0.5"),
        ({"strength": -1.0}, "strength is -1.0"),
        ({"loss": nn.CrossEntropyLoss(reduction="none")}, "unknown reduction 'none'; choose from mean, sum"),
    ],
)
def test_what_cannot_penalise_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        nn.PenalisedLoss(**({"loss": nn.CrossEntropyLoss()} | options))
