"""What a classifier makes of its loss: learning, probabilities, the margin of L-Softmax, class weights."""

import copy

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.utils.class_weight import compute_class_weight

from maxmargin import load_model, save_model
from maxmargin._checks import InputError

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from maxmargin.deep.features import extract_features  # noqa: E402
from maxmargin.deep.heads import find_head  # noqa: E402
from maxmargin.deep.ingredients import LOSSES, make_loss  # noqa: E402
from maxmargin.deep.nets import HeadedNet  # noqa: E402
from maxmargin.nn import LargeMarginSoftmaxLinear, TopKHingeLoss  # noqa: E402
from tests.deep.digits import DIGITS, NAMES, Y, make, tiny, weights  # noqa: E402

OF_SOFTMAX = {"cross_entropy", "soft_margin_softmax", "ism3", "l_softmax"}


@pytest.mark.parametrize("loss", [*LOSSES, TopKHingeLoss(2), nn.MultiMarginLoss()], ids=str)
def test_every_loss_learns_and_its_probabilities_follow_its_scores(loss):
    model = make("mlp", loss, epochs=3, lr=0.003).fit(DIGITS, NAMES)
    scores, probabilities = model.decision_function(DIGITS), model.predict_proba(DIGITS)
    assert model.score(DIGITS, NAMES) > 0.95
    assert scores.shape == probabilities.shape == (300, 5)
    np.testing.assert_array_equal(model.classes_[scores.argmax(axis=1)], model.predict(DIGITS))
    np.testing.assert_array_equal(probabilities.argmax(axis=1), scores.argmax(axis=1))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(np.log(probabilities), model.predict_log_proba(DIGITS))
    temperature = model.calibration_.temperature_
    assert (temperature == 1) == (loss in OF_SOFTMAX if isinstance(loss, str) else False)
    expected = torch.tensor(scores / temperature).softmax(dim=1).numpy()
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)


def head_of(model):
    head = find_head(model.net_)
    assert isinstance(head, LargeMarginSoftmaxLinear)
    return head


def cosines(model):
    """Of the angle between the features of each row and the weights of its class."""
    features = torch.tensor(extract_features(model.net_, DIGITS))
    return nn.functional.cosine_similarity(features, find_head(model.net_).weight.detach()[Y]).numpy()


@pytest.mark.parametrize("epochs", [3, 10])
def test_the_margin_of_l_softmax_acts_at_every_length_of_the_training(epochs):
    X, y = load_digits(return_X_y=True)
    large = make("mlp", "l_softmax", epochs=epochs, lr=0.003).fit(X[::3], y[::3])
    plain = make("mlp", "cross_entropy", epochs=epochs, lr=0.003).fit(X[::3], y[::3])
    assert head_of(large).annealing == 1
    assert head_of(large).iteration == epochs * 21
    assert np.abs(large.decision_function(X) - plain.decision_function(X)).max() > 1
    assert (large.predict(X) != plain.predict(X)).any()
    assert np.median(cosines(large)) > np.median(cosines(plain)) + 0.2
    assert large.score(X[1::3], y[1::3]) > plain.score(X[1::3], y[1::3]) - 0.03


def test_the_margin_of_l_softmax_is_there_after_half_of_the_steps():
    model = make("mlp", "l_softmax", epochs=6, lr=0.003)
    seen = []
    for _ in range(6):
        model.partial_fit(DIGITS, NAMES, classes=np.unique(NAMES))
        seen.append(head_of(model).annealing.item())
    expected = LargeMarginSoftmaxLinear.annealed(1, 2, margin=2, steps=60)
    for lam, steps in zip(seen, range(20, 121, 20), strict=True):
        expected.iteration.fill_(steps)
        assert lam == expected.annealing.item()
    assert 1000 > seen[0] > seen[1] > 1.01
    assert seen[2:] == pytest.approx([1, 1, 1, 1], rel=1e-4)
    assert model.score(DIGITS, NAMES) > 0.95
    assert head_of(make("mlp", "l_softmax", epochs=1).fit(DIGITS[:20], NAMES[:20])).annealing == 1


def large_margin_body():
    torch.manual_seed(0)
    return [nn.Linear(64, 24), nn.ReLU(), LargeMarginSoftmaxLinear(24, 5, margin=2, base=1.0)]


@pytest.mark.parametrize("way", ["module", "function"])
def test_a_sequence_that_ends_in_a_head_with_a_margin_gives_it_the_targets(way):
    joined = make(HeadedNet(nn.Sequential(*large_margin_body()[:2]), large_margin_body()[2]), "cross_entropy")
    net = nn.Sequential(*large_margin_body())
    model = make(net if way == "module" else lambda *_: copy.deepcopy(net), "cross_entropy")
    np.testing.assert_array_equal(weights(model.fit(DIGITS, NAMES)), weights(joined.fit(DIGITS, NAMES)))
    assert head_of(model).iteration > 0


def test_a_head_with_a_margin_that_gets_no_targets_is_refused():
    first, *rest = large_margin_body()
    with pytest.raises(InputError, match=r"no parameter target.*HeadedNet\(features, head\)"):
        make(nn.Sequential(first, nn.Sequential(*rest)), "cross_entropy").fit(DIGITS, NAMES)


def test_l_softmax_by_name_needs_a_net_by_name():
    with pytest.raises(InputError, match=r"give a net of your own as HeadedNet\(features, LargeMargin"):
        make(tiny, "l_softmax").fit(DIGITS, NAMES)


@pytest.mark.parametrize("loss", LOSSES)
def test_classes_are_weighed_as_by_the_loss_itself(loss):
    kept = np.flatnonzero((Y > 0) | (np.arange(300) % 5 == 0))
    X, y = DIGITS[kept], NAMES[kept]
    shares = compute_class_weight("balanced", classes=np.unique(y), y=y)
    own = make_loss(loss, torch.tensor(shares, dtype=torch.float32))
    net = "mlp" if loss == "l_softmax" else tiny
    balanced, named = (
        make(net, loss, class_weight=given, epochs=2).fit(X, y)
        for given in ("balanced", dict(zip(np.unique(y), shares, strict=True)))
    )
    np.testing.assert_allclose(weights(named), weights(balanced), atol=1e-5)
    assert np.abs(weights(balanced) - weights(make(net, loss, epochs=2).fit(X, y))).max() > 1e-3
    if net is tiny:
        np.testing.assert_array_equal(weights(make(net, own, epochs=2).fit(X, y)), weights(balanced))


def test_weights_of_classes_in_partial_fit(tmp_path):
    heavy = make("mlp", class_weight={"ash": 50.0}, lr=1e-4)
    plain = make("mlp", lr=1e-4)
    for model in (heavy, plain):
        model.partial_fit(DIGITS, NAMES, classes=np.unique(NAMES))
    assert (heavy.predict(DIGITS) == "ash").sum() > (plain.predict(DIGITS) == "ash").sum()
    again = load_model(save_model(heavy, tmp_path / "model"))
    assert again.class_weight == {"ash": 50.0}
    with pytest.raises(InputError, match="'balanced', but partial_fit does not know all rows; give a dict"):
        plain.set_params(class_weight="balanced").partial_fit(DIGITS, NAMES)
