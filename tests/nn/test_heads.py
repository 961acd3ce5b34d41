"""Laws of the heads, with the cosine of a true angle as the oracle."""

import copy
import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from maxmargin._checks import InputError  # noqa: E402
from maxmargin.nn.heads import LargeMarginSoftmaxLinear, SVMLinear  # noqa: E402

MARGINS = [1, 2, 3, 4, 7]


def large_margin(margin, *, base=0.0, n_features=5, n_classes=4, **options):
    """A head in float64 whose annealing stays what it is."""
    torch.manual_seed(margin)
    return LargeMarginSoftmaxLinear(
        n_features, n_classes, margin, base=base, gamma=0.0, dtype=torch.float64, **options
    )


def rows(n=40, n_features=5, n_classes=4):
    torch.manual_seed(1)
    return torch.randn(n, n_features, dtype=torch.float64), torch.randint(n_classes, (n,))


def by_angles(W, X, y, margin, annealing):
    """The scores by acos, row by row."""
    scores = X @ W.T
    for i, k in enumerate(y):
        scale = np.linalg.norm(W[k]) * np.linalg.norm(X[i])
        angle = math.acos(max(-1.0, min(1.0, scores[i, k] / scale)))
        turns = min(int(angle * margin / math.pi), margin - 1)
        psi = (-1) ** turns * math.cos(margin * angle) - 2 * turns
        scores[i, k] = (annealing * scores[i, k] + scale * psi) / (1 + annealing)
    return scores


@pytest.mark.parametrize("annealing", [0.0, 0.5, 1000.0])
@pytest.mark.parametrize("margin", MARGINS)
def test_training_scores_are_those_of_the_angle(margin, annealing):
    head, (X, y) = large_margin(margin, base=annealing), rows()
    expected = by_angles(head.weight.detach().numpy(), X.numpy(), y.numpy(), margin, annealing)
    np.testing.assert_allclose(head(X, y).detach().numpy(), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("margin", MARGINS)
def test_scores_fall_with_the_angle_and_never_exceed_plain_ones(margin):
    head = LargeMarginSoftmaxLinear(2, 2, margin, base=0, dtype=torch.float64)
    nn.init.eye_(head.weight)
    angles = torch.linspace(0, math.pi, 2001, dtype=torch.float64)
    X, y = torch.stack([angles.cos(), angles.sin()], 1), torch.zeros(2001, dtype=torch.int64)
    scores = head(X, y)[:, 0].detach()
    assert (scores.diff() < 0).all()
    assert (scores.diff() > -0.01 * margin).all()  # continuous where k steps
    assert (scores <= angles.cos() + 1e-12).all()
    assert scores[-1].item() == pytest.approx(
        (-1) ** (margin - 1) * math.cos(margin * math.pi) - 2 * (margin - 1)
    )


def test_margin_one_is_cross_entropy_of_a_linear_layer_exactly():
    head, (X, y) = large_margin(1, base=1000.0), rows()
    plain = nn.Linear(5, 4, bias=False, dtype=torch.float64)
    plain.load_state_dict({"weight": head.weight.detach().clone()})
    assert torch.equal(head(X, y), plain(X))
    ours, theirs = (nn.functional.cross_entropy(s, y) for s in (head(X, y), plain(X)))
    ours.backward()
    theirs.backward()
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-12)
    torch.testing.assert_close(head.weight.grad, plain.weight.grad, rtol=0, atol=1e-12)


@pytest.mark.parametrize("margin", MARGINS)
def test_evaluation_and_missing_targets_give_plain_scores(margin):
    head, (X, y) = large_margin(margin), rows()
    plain = X @ head.weight.T
    torch.testing.assert_close(head(X), plain)
    torch.testing.assert_close(head.eval()(X, y), plain)
    assert int(head.iteration) == 0


@pytest.mark.parametrize("margin", MARGINS)
def test_ignored_rows_keep_plain_scores(margin):
    head, (X, y) = large_margin(margin, ignore_index=-1), rows()
    expected = head(X, y)
    y[::3] = -1
    expected[::3] = X[::3] @ head.weight.T
    torch.testing.assert_close(head(X, y), expected)


@pytest.mark.parametrize("margin", MARGINS)
@pytest.mark.parametrize("annealing", [0.0, 2.0])
def test_first_and_second_derivatives_are_right(margin, annealing):
    head, (X, y) = large_margin(margin, base=annealing), rows(6)

    def scores(features, weight):
        return torch.func.functional_call(head, {"weight": weight}, (features, y))

    inputs = (X.requires_grad_(), head.weight.detach().clone().requires_grad_())
    assert torch.autograd.gradcheck(scores, inputs)
    assert torch.autograd.gradgradcheck(scores, inputs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("margin", MARGINS)
def test_values_and_derivatives_are_finite_everywhere(margin, dtype):
    """At cosines of 1 and -1, for zero features and weights, and for long and short ones."""
    large = 30.0 if dtype == torch.float16 else 1e4  # gradients, sums over rows, must fit in their type
    head = LargeMarginSoftmaxLinear(3, 4, margin, base=1.0).to(dtype)
    with torch.no_grad():
        head.weight[0] = torch.tensor([1.0, 1.0, 1.0])
        head.weight[1] = 0
        head.weight[2] = large * torch.tensor([1.0, -3.0, 2.0])
        head.weight[3] = torch.tensor([1e-4, 0.0, 0.0])
    ones = torch.ones(3)
    X = torch.stack(
        [ones, -ones, 0 * ones, large * ones, -6 * large * ones, 1e-7 * ones, torch.tensor([0.1, 0.7, 0.3])]
    )
    X, y = X.to(dtype).repeat(4, 1).requires_grad_(), torch.arange(4).repeat_interleave(len(X))
    scores = head(X, y)
    assert scores.isfinite().all()
    first = torch.autograd.grad(scores.logsumexp(1).sum(), [X, head.weight], create_graph=True)
    assert all(g.isfinite().all() for g in first)
    if dtype != torch.float16:  # in which squares of gradients do not fit, of whatever function
        second = torch.autograd.grad(sum(g.double().sin().sum() for g in first), [X, head.weight])
        assert all(g.isfinite().all() for g in second)


def test_long_vectors_do_not_overflow_float32():
    head = LargeMarginSoftmaxLinear(2, 2, 4, base=0)
    nn.init.eye_(head.weight)
    for size in (1e-30, 1e25):
        X = torch.tensor([[3 * size, 4 * size]], requires_grad=True)
        scores = head(X, torch.tensor([0]))
        torch.testing.assert_close(
            scores / size, torch.tensor([[-5.784, 4.0]])
        )  # -cos(4 t) - 2 of 3/5, times 5
        scores.div(size).sum().backward()
        assert X.grad.isfinite().all()


def test_zero_vectors_have_the_derivatives_of_plain_scores():
    head = LargeMarginSoftmaxLinear(3, 2, 4, base=0)
    X = torch.zeros(1, 3, requires_grad=True)
    head(X, torch.tensor([1]))[0, 1].backward()
    torch.testing.assert_close(X.grad[0], head.weight[1].detach())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_single(dtype):
    X, y = rows()
    exact = large_margin(4).float()
    half = copy.deepcopy(exact).to(dtype)
    scores = half(X.to(dtype), y)
    assert scores.dtype == torch.float32
    expected = copy.deepcopy(half).float()(X.to(dtype).float(), y)
    assert torch.equal(scores, expected)
    assert half.weight.dtype == dtype


def test_autocast_leaves_the_head_in_single_precision():
    X, y = rows()
    head = large_margin(4).float()
    expected = head(X.float(), y), head(X.float())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert nn.Linear(5, 4)(X.float()).dtype == torch.bfloat16
        seen = head(X.float(), y), head(X.float())
    assert all(torch.equal(a, b) for a, b in zip(seen, expected, strict=True))


def test_training_under_autocast_moves_every_weight():
    X, y = rows(400)
    head = large_margin(3).float()
    before = head.weight.detach().clone()
    optimizer = torch.optim.SGD(head.parameters(), lr=1e-4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = nn.functional.cross_entropy(head(X.bfloat16(), y), y)
    loss.backward()
    optimizer.step()
    assert (head.weight != before).all()


def test_annealing_is_that_of_the_authors_layer_and_counts_training_forwards():
    X, y = rows()
    head = LargeMarginSoftmaxLinear(
        5, 4, 4, base=1000.0, gamma=0.1, power=2.0, minimum=600.0, dtype=torch.float64
    )
    expected = [max(600.0, 1000 * (1 + 0.1 * i) ** -2.0) for i in (1, 2, 3, 4)]
    seen = []
    for _ in range(4):
        head(X, y)
        seen.append(head.annealing.item())
        head(X)
        head.eval()(X, y)
        head.train()
    assert seen == pytest.approx(expected, rel=1e-12)
    assert expected[0] > expected[1] > expected[2] == 600


@pytest.mark.parametrize("base", [1000.0, 5.0])
@pytest.mark.parametrize(("steps", "minimum"), [(1, 0.1), (10, 5.0), (400, 1.0)])
def test_annealing_over_a_number_of_steps_ends_at_the_minimum_and_stays(steps, minimum, base):
    X, y = rows(2)
    head = LargeMarginSoftmaxLinear.annealed(5, 4, 2, steps, base=base, minimum=minimum, dtype=torch.float64)
    seen = [head.annealing.item()]
    for _ in range(steps + 3):
        head(X, y)
        seen.append(head.annealing.item())
    assert seen[0] == base
    assert seen == sorted(seen, reverse=True)
    assert seen[steps] == pytest.approx(minimum, rel=1e-9)
    assert seen[steps + 1 :] == [minimum] * 3
    if base > minimum:
        assert seen[steps - 1] > minimum
        # By about the same factor in every step.
        assert seen[steps // 2] < 1.3 * (base * minimum) ** 0.5 or steps == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps is 0; it must be an integer of at least 1"),
        ({"steps": 2.5}, "steps is 2.5"),
        ({"minimum": 0.0}, "minimum is 0.0; it must be a positive number"),
        ({"power": 0}, "power is 0; it must be a positive number"),
        ({"base": 0.5}, "base is 0.5; it must be a number of at least 1.0"),
    ],
)
def test_annealing_that_cannot_be_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        LargeMarginSoftmaxLinear.annealed(5, 4, 2, **({"steps": 10} | options))


def test_a_resumed_run_goes_on_exactly():
    X, y = rows()
    head = LargeMarginSoftmaxLinear(5, 4, 4, gamma=0.5, power=3.0, dtype=torch.float64)
    for _ in range(3):
        head(X, y)
    resumed = LargeMarginSoftmaxLinear(5, 4, 4, gamma=0.5, power=3.0, dtype=torch.float64)
    resumed.load_state_dict(head.state_dict())
    for _ in range(3):
        assert torch.equal(resumed(X, y), head(X, y))
    assert int(resumed.iteration) == 6


@pytest.mark.parametrize("margin", MARGINS)
def test_compiled_without_recompiling_over_batches_and_steps(margin):
    torch._dynamo.reset()
    head = LargeMarginSoftmaxLinear(5, 4, margin, gamma=0.1).double()
    eager, traced = copy.deepcopy(head), []

    def backend(graph, _):
        traced.append(graph)
        return graph.forward

    compiled = torch.compile(head, fullgraph=True, dynamic=True, backend=backend)
    for n in (3, 7, 20, 11):
        X, y = rows(n)
        torch.testing.assert_close(compiled(X, y), eager(X, y))
    assert len(traced) == 1
    assert int(head.iteration) == 4


@pytest.mark.parametrize("margin", MARGINS)
def test_vmap_over_rows_and_over_heads(margin):
    head, (X, y) = large_margin(margin, base=3.0), rows()
    expected = head(X, y)
    torch.testing.assert_close(torch.vmap(head)(X, y), expected)
    weights = torch.stack([head.weight.detach(), 2 * head.weight.detach()])

    def scores(weight):
        return torch.func.functional_call(head, {"weight": weight}, (X, y))

    both = torch.vmap(scores)(weights)
    torch.testing.assert_close(both[0], expected)
    torch.testing.assert_close(both[1], 2 * expected)

    def loss(weight, iteration, x, k):  # grad lets no buffer be counted up that it is not given
        scores = torch.func.functional_call(head, {"weight": weight, "iteration": iteration}, (x, k))
        return nn.functional.cross_entropy(scores, k)

    state = (head.weight.detach(), head.iteration.clone())
    of_rows = torch.vmap(torch.func.grad(loss), in_dims=(None, None, 0, 0))(*state, X, y)
    nn.functional.cross_entropy(head(X, y), y).backward()
    torch.testing.assert_close(of_rows.mean(0), head.weight.grad)


@pytest.mark.parametrize("make", [lambda: LargeMarginSoftmaxLinear(7, 3, 4), lambda: SVMLinear(7, 3)])
def test_weights_begin_like_those_of_a_linear_layer(make):
    torch.manual_seed(0)
    weight = nn.Linear(7, 3).weight
    torch.manual_seed(0)
    assert torch.equal(make().weight, weight)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bool])
def test_targets_must_be_integers(dtype):
    with pytest.raises(InputError, match=f"target has dtype {dtype}; a large margin needs integer targets"):
        large_margin(2)(rows()[0], torch.zeros(40, dtype=dtype))


def test_targets_must_be_one_for_each_row():
    with pytest.raises(
        InputError, match=r"target has shape \(39,\); features of shape \(40, 5\) need \(40,\)"
    ):
        large_margin(2)(rows()[0], torch.zeros(39, dtype=torch.int64))


@pytest.mark.parametrize("margin", MARGINS)
@pytest.mark.parametrize("outside", [4, 99, -1, -100])
def test_targets_must_be_classes_or_ignored(outside, margin):
    head, (X, y) = large_margin(margin, ignore_index=-2), rows()
    y[7], y[8] = outside, -2
    message = f"target holds {outside}; with 4 classes it must lie in 0..3 or be ignore_index=-2"
    for way in (head, head.eval()):
        with pytest.raises(InputError, match=message):
            way(X, y)
    assert int(head.iteration) == 0


def test_bytes_are_targets_of_which_none_is_ignored():
    head, (X, _) = large_margin(2, n_classes=200), rows(200)
    y = torch.arange(200)
    assert torch.equal(head(X, y.to(torch.uint8)), head(X, y))  # 156 is -100 in a byte


@pytest.mark.parametrize("margin", [0, -1, 1.5, 2.0, True])
def test_margins_are_integers(margin):
    with pytest.raises(InputError, match=f"margin is {margin}; it must be an integer of at least 1"):
        LargeMarginSoftmaxLinear(5, 4, margin)


@pytest.mark.parametrize("name", ["base", "gamma", "power", "minimum"])
def test_annealing_is_not_negative(name):
    with pytest.raises(InputError, match=f"{name} is -1"):
        LargeMarginSoftmaxLinear(5, 4, 2, **{name: -1})


@pytest.mark.parametrize("power", [1, 2])
def test_objective_is_tangs_over_the_rows_and_his_c(power):
    X, y = rows()
    head = SVMLinear(5, 4, power=power, weight_cost=1 / (40 * 0.3), dtype=torch.float64)
    scores = head(X)
    signs = 2 * nn.functional.one_hot(y, 4) - 1
    tang = head.weight.square().sum() / 2 + 0.3 * ((1 - signs * scores).clamp(min=0) ** power).sum()
    assert head.objective(scores, y).item() == pytest.approx(tang.item() / (40 * 0.3), rel=1e-12)
    doubled = SVMLinear(5, 4, C=2.0, power=power, weight_cost=0.0, dtype=torch.float64)
    hinges = ((1 - signs * scores).clamp(min=0) ** power).sum(1).mean()
    assert doubled.objective(scores, y).item() == pytest.approx(2 * hinges.item(), rel=1e-12)


def test_objective_has_the_gradient_that_tang_prints():
    X, y = rows()
    features = X.requires_grad_()
    head = SVMLinear(5, 4, weight_cost=1 / 40, dtype=torch.float64)  # C_T = 1: 40 times ours is Tang's
    scores = head(features)
    (gradient,) = torch.autograd.grad(40 * head.objective(scores, y), features)
    signs = 2 * nn.functional.one_hot(y, 4) - 1
    expected = -2 * (signs * (1 - signs * scores).clamp(min=0)) @ head.weight
    torch.testing.assert_close(gradient, expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"C": 0}, "C is 0"), ({"weight_cost": -1}, "weight_cost is -1"), ({"power": 3}, "power")],
)
def test_impossible_svms_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        SVMLinear(5, 4, **options)
