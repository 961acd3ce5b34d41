import copy

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from maxmargin._checks import InputError
from maxmargin.linear import CrammerSingerSVC, OneVsOneSVC, OneVsRestSVC, WestonWatkinsSVC

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

from maxmargin.deep.features import extract_features  # noqa: E402
from maxmargin.deep.nets import HeadedNet  # noqa: E402
from maxmargin.deep.refit import refit_head  # noqa: E402
from maxmargin.nn import LargeMarginSoftmaxLinear, SVMLinear  # noqa: E402

CRAMMER_SINGER = CrammerSingerSVC(C=0.1, tol=1e-3)


class Stranger(nn.Module):
    """A net of somebody else, whose last layer runs first in the order of its parts but one."""

    def __init__(self, n_classes):
        super().__init__()
        self.body = nn.Linear(64, 20)
        self.drop = nn.Dropout(0.5)
        self.top = nn.Linear(20, n_classes)

    def forward(self, x):
        return self.top(self.drop(self.body(x).relu()))


def body():
    return nn.Sequential(nn.Linear(64, 20), nn.ReLU())


NETS = {
    "sequential": lambda c: nn.Sequential(*body(), nn.Linear(20, c)),
    "headed": lambda c: HeadedNet(body(), nn.Linear(20, c)),
    "stranger": lambda c: Stranger(c),
    "svm head": lambda c: HeadedNet(body(), SVMLinear(20, c)),
    "large margin": lambda c: HeadedNet(body(), LargeMarginSoftmaxLinear(20, c, margin=2)),
    "half": lambda c: nn.Sequential(*body(), nn.Linear(20, c)).bfloat16(),
    "linear": lambda c: nn.Linear(64, c),
}


def made(name, n_classes):
    torch.manual_seed(0)
    return NETS[name](n_classes)


def digits(n_classes=3, n=150):
    X, y = load_digits(n_class=n_classes, return_X_y=True)
    return (X[:n] / 16).astype(np.float32), y[:n]


def predicted(net, X):
    with torch.no_grad():
        dtype = next(net.parameters()).dtype
        return copy.deepcopy(net).eval()(torch.from_numpy(X).to(dtype)).float().argmax(dim=1).numpy()


def accuracy(net, X, y):
    return float(np.mean(predicted(net, X) == y))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("name", NETS)
def test_the_net_predicts_what_the_estimator_does(name, n_classes):
    X, y = digits(n_classes)
    net = made(name, n_classes)
    net.train()
    before = copy.deepcopy(net)
    fit_intercept = name != "large margin"
    result = refit_head(net, X, clone(CRAMMER_SINGER).set_params(fit_intercept=fit_intercept), y=y)
    features = extract_features(net, X)
    agreement = np.mean(predicted(net, X) == result.estimator.predict(features))
    assert agreement == 1 if name != "half" else agreement > 0.97
    assert result.estimator.certificate_["primal"] - result.estimator.certificate_["dual"] < 1e-2
    assert result.accuracy_after > 0.8 > result.accuracy_before
    if name != "half":
        assert result.training_accuracy_before == pytest.approx(accuracy(before, X, y))
        assert result.training_accuracy_after == pytest.approx(accuracy(net, X, y))
    # Nothing but the last layer is changed, and that in place.
    values, others = net.state_dict(), before.state_dict()
    changed = {key for key, value in values.items() if not torch.equal(value, others[key])}
    last = list(values)[-1].rpartition(".")[0]
    assert changed <= {f"{last}.weight".strip("."), f"{last}.bias".strip(".")}
    assert all(value.dtype == others[key].dtype for key, value in values.items())
    assert [part.training for part in net.modules()] == [part.training for part in before.modules()]
    assert all(p.requires_grad and p.is_leaf for p in net.parameters())


ESTIMATORS = {
    "crammer-singer": CRAMMER_SINGER,
    "weston-watkins": WestonWatkinsSVC(C=0.1),
    "one-vs-rest": OneVsRestSVC(C=0.1),
    "logistic regression": LogisticRegression(C=10.0),
    "linear svc": LinearSVC(C=0.1),
    "ridge": RidgeClassifier(),
}


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_scores_are_those_of_the_estimator(name, n_classes):
    X, y = digits(n_classes)
    net = made("sequential", n_classes)
    result = refit_head(net, X, ESTIMATORS[name], y=y)
    with torch.no_grad():
        scores = net(torch.from_numpy(X)).numpy()
    decisions = result.estimator.decision_function(extract_features(net, X))
    found = scores[:, 1] - scores[:, 0] if n_classes == 2 else scores
    np.testing.assert_allclose(found, decisions, atol=1e-5 * np.abs(decisions).max())
    assert ESTIMATORS[name].get_params().get("C") == result.C
    assert not hasattr(ESTIMATORS[name], "coef_")


def test_c_is_searched_on_rows_set_apart_and_ties_go_to_the_smallest():
    X, y = digits(10, 400)
    net = made("sequential", 10)
    features = extract_features(net, X)
    Cs = [10.0, 1e-6, 1.0, 1e-3]
    result = refit_head(net, X, LinearSVC(), y=y, Cs=Cs, validation=0.25, seed=3)
    train, kept = train_test_split(np.arange(len(y)), test_size=0.25, stratify=y, random_state=3)
    train, kept = np.sort(train), np.sort(kept)
    by_hand = [
        {"C": C, "accuracy": LinearSVC(C=C).fit(features[train], y[train]).score(features[kept], y[kept])}
        for C in sorted(Cs)
    ]
    assert list(result.search) == by_hand
    assert len({record["accuracy"] for record in by_hand}) > 1
    best = max(by_hand, key=lambda record: (record["accuracy"], -record["C"]))
    assert (result.C, result.accuracy_after) == (best["C"], best["accuracy"])
    # Then all rows are taken.
    whole = LinearSVC(C=best["C"]).fit(features, y)
    np.testing.assert_allclose(net[2].weight.detach(), whole.coef_, rtol=1e-5, atol=1e-7)


def test_equal_accuracies_choose_the_smallest_c():
    X, y = digits(2)
    result = refit_head(made("linear", 2), X, LinearSVC(), y=y, Cs=[3.0, 1.0, 2.0])
    assert [record["accuracy"] for record in result.search] == [1.0, 1.0, 1.0]
    assert result.C == 1.0


@pytest.mark.parametrize("kind", ["pair", "dataset", "loader"])
def test_validation_rows_of_their_own_are_never_trained_on(kind):
    X, y = digits(3, 300)
    net = made("sequential", 3)
    features = extract_features(net, X)
    apart = TensorDataset(torch.from_numpy(X[200:]), torch.from_numpy(y[200:]))
    validation = {"pair": (X[200:], y[200:]), "dataset": apart, "loader": DataLoader(apart, 7)}[kind]
    result = refit_head(net, X[:200], LinearSVC(C=0.1), y=y[:200], validation=validation)
    by_hand = LinearSVC(C=0.1).fit(features[:200], y[:200])
    np.testing.assert_allclose(net[2].weight.detach(), by_hand.coef_, rtol=1e-5, atol=1e-7)
    assert result.accuracy_after == by_hand.score(features[200:], y[200:]) == accuracy(net, X[200:], y[200:])


def test_a_loader_that_shuffles_brings_its_labels():
    X, y = digits(3)
    data = TensorDataset(torch.from_numpy(X), torch.from_numpy(y))
    loader = DataLoader(data, 16, shuffle=True, generator=torch.Generator().manual_seed(1))
    net = made("sequential", 3)
    assert refit_head(net, loader, CRAMMER_SINGER).training_accuracy_after == accuracy(net, X, y) > 0.9


def test_a_layer_by_name():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(64, 3), nn.Identity(), nn.Linear(3, 3))
    last = net[2].weight.clone()
    X, y = digits(3)
    result = refit_head(net, X, CRAMMER_SINGER, y=y, layer="0")
    assert np.array_equal(net[0].weight.detach(), result.estimator.coef_.astype(np.float32))
    assert torch.equal(net[2].weight, last)


def test_a_bias_is_zero_where_there_is_no_intercept():
    X, y = digits(3)
    net = made("sequential", 3)
    refit_head(net, X, LinearSVC(fit_intercept=False), y=y)
    assert not net[2].bias.any()


def _parametrised():
    net = made("sequential", 3)
    nn.utils.parametrizations.weight_norm(net[2])
    return net


class Enormous(LinearSVC):
    def fit(self, X, y):
        super().fit(X, y)
        self.coef_ *= 1e9
        return self


X3, Y3 = digits(3)
NO_BIAS = nn.Sequential(nn.Linear(64, 3, bias=False))
REFUSED = {
    "no label": ({"y": None}, "y is missing; give the class of each row"),
    "fewer labels": ({"y": Y3[1:]}, "data has 150 rows and y has 149"),
    "missing class": ({"y": Y3 % 2}, "the labels hold none of class 2; the layer has 3 classes"),
    "outside": ({"y": Y3 + 1}, r"data has the label 3; the layer's classes are 0\.\.2"),
    "negative": ({"y": Y3 - 1}, "data has the label -1"),
    "labels of a wrong type": ({"y": Y3 * 1.0}, "the labels of data are float64 of shape"),
    "one-hot": ({"y": np.eye(3, dtype=int)[Y3]}, r"int64 of shape \(150, 3\); give one int a row"),
    "y beside pairs": ({"data": TensorDataset(torch.from_numpy(X3))}, "y is given beside a TensorDataset"),
    "dataset without labels": (
        {"data": TensorDataset(torch.from_numpy(X3)), "y": None},
        "the data have no labels; give pairs",
    ),
    "validation label": ({"validation": (X3, Y3 + 5)}, "validation has the label 5"),
    "share of 1": ({"validation": 1.0}, r"validation is 1\.0; give a share between 0 and 1"),
    "no validation": ({"validation": None}, "validation is None"),
    "three parts": ({"validation": (X3, Y3, Y3)}, "validation is of 3 parts"),
    "too small a share": ({"validation": 0.001}, r"validation=0\.001 cannot be set apart"),
    "no Cs": ({"Cs": []}, "Cs is empty"),
    "negative C": ({"Cs": [1.0, -1.0]}, "a value of Cs is -1.0"),
    "no C": (
        {"estimator": RidgeClassifier(), "Cs": [1.0]},
        "RidgeClassifier has no parameter C; leave Cs out",
    ),
    "no estimator": ({"estimator": "svc"}, "'svc' is no estimator"),
    "tree": ({"estimator": DecisionTreeClassifier()}, r"DecisionTreeClassifier are not X @ coef_\.T"),
    "one-vs-one": ({"estimator": OneVsOneSVC()}, "OneVsOneSVC are not"),
    "pairs of svc": ({"estimator": SVC(kernel="linear")}, "SVC are not"),
    "no bias": (
        {"model": NO_BIAS},
        r"the layer has no bias and CrammerSingerSVC has an intercept; give .*fit_intercept=False",
    ),
    "unknown layer": ({"layer": "9"}, "unknown layer '9'; choose from 0, 1, 2"),
    "no weights": ({"layer": "1"}, "ReLU holds no matrix of weights"),
    "parametrised": ({"model": _parametrised()}, "remove its parametrisations"),
    "overflow": (
        {"model": made("sequential", 3).half(), "estimator": Enormous()},
        r"the solution at C=1\.0 overflows torch\.float16; give smaller values of C",
    ),
    "nan": ({"data": np.full_like(X3, np.nan)}, "the model makes NaN or infinite features of data"),
    "one vector each": ({"data": np.stack([X3, X3], axis=1)}, "the layer is given 40 features a row and has"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_refitted_is_refused_and_changes_nothing(name):
    changes, said = REFUSED[name]
    arguments = {"model": made("sequential", 3), "data": X3, "estimator": CRAMMER_SINGER, "y": Y3, **changes}
    net = arguments["model"]
    before = copy.deepcopy(net.state_dict())
    with pytest.raises(InputError, match=said) as caught:
        refit_head(**arguments)
    assert "\n" not in str(caught.value)
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
    assert all(part.training and not part._forward_pre_hooks for part in net.modules())


def test_one_vs_one_of_two_classes_is_refused_for_its_sign():
    X, y = digits(2)
    with pytest.raises(InputError, match="OneVsOneSVC are not"):
        refit_head(made("sequential", 2), X, OneVsOneSVC(), y=y)


# The exporter calls a function that torch itself has deprecated.
@pytest.mark.filterwarnings("ignore:.*treespec, LeafSpec:FutureWarning")
def test_a_refitted_net_exports_to_onnx(tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    X, y = digits(10, 300)
    X = X.reshape(-1, 1, 8, 8)
    torch.manual_seed(0)
    convolution = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
    net = HeadedNet(convolution, nn.Linear(36, 10))
    refit_head(net, X, CRAMMER_SINGER, y=y)
    net.eval()
    inputs = torch.from_numpy(X)
    rows = ({0: torch.export.Dim("rows")},)
    torch.onnx.export(
        net, (inputs[:2],), tmp_path / "net.onnx", dynamo=True, dynamic_shapes=rows, verbose=False
    )
    session = runtime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    (scores,) = session.run(None, {session.get_inputs()[0].name: X})
    with torch.no_grad():
        expected = net(inputs).numpy()
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    assert (scores.argmax(axis=1) == y).mean() > 0.85
