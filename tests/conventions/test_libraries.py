"""Fits of other libraries are optima of the objective that their convention says, and of ours converted."""

from itertools import combinations

import cvxpy
import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from maxmargin.conventions import convention, convert, convert_coef, evaluate
from maxmargin.losses import CrammerSinger, OneVsRest, SoftmaxCrossEntropy, SquaredHinge, WestonWatkins
from maxmargin.penalties import Frobenius, PairwiseMargin

L2_SVM, WW_SQUARED, SOFTMAX = OneVsRest(SquaredHinge()), WestonWatkins(SquaredHinge()), SoftmaxCrossEntropy()
FREE = convention("torch", intercept_scaling=None)
EXACT = {"tol": 1e-10, "max_iter": 10**6}


@pytest.fixture(scope="module")
def wine():
    """Five columns of three classes that overlap."""
    X, y = load_wine(return_X_y=True)
    return StandardScaler().fit_transform(X)[:, :5], y


@pytest.fixture(scope="module")
def two(wine):
    X, y = wine
    return X[y < 2], y[y < 2]


@pytest.fixture
def weight(wine, rng):
    return rng.uniform(0.1, 3.0, size=len(wine[1]))


def appended(X, scaling):
    """X, with the column that LIBLINEAR regularises like the others."""
    return X if scaling is None else np.hstack([X, np.full((len(X), 1), scaling)])


def weights_of(svm, scaling):
    return svm.coef_ if scaling is None else np.hstack([svm.coef_, svm.intercept_[:, None] / scaling])


def intercept_of(scaling):
    return {"fit_intercept": False} if scaling is None else {"intercept_scaling": scaling}


def steepness(coef, intercept, X, y, C, loss, penalty=None, weight=None):
    """Largest entry of the gradient of our objective by (W, b), relative to that at zero weights."""

    def largest(coef, intercept):
        weights = np.ones(len(y)) if weight is None else weight
        by_scores = loss.value_and_gradient(X @ coef.T + intercept, y)[1] * weights[:, None]
        by_coef = C * by_scores.T @ X + (penalty or Frobenius()).value_and_gradient(coef)[1]
        by_intercept = C * by_scores.sum(axis=0) if np.any(intercept) else 0.0
        return max(np.abs(by_coef).max(), np.abs(by_intercept).max())

    at_zero = largest(np.zeros_like(coef), 0.0)
    return largest(coef, intercept) / at_zero


def least(X, y, C, loss_of_gaps, scale=1.0):
    """Optimum of 1/2 |W|^2 + C sum loss without an intercept, by an interior point method; and W."""
    W = cvxpy.Variable((y.max() + 1, X.shape[1]))
    F = X @ W.T
    truth = np.eye(y.max() + 1)[y]
    if loss_of_gaps == "one-vs-rest":
        risk = cvxpy.sum(cvxpy.pos(1 - cvxpy.multiply(2 * truth - 1, F)))
    else:
        own = cvxpy.sum(cvxpy.multiply(truth, F), axis=1, keepdims=True)
        violation = cvxpy.multiply(1 - truth, 1 - scale * (own @ np.ones((1, truth.shape[1])) - F))
        rows = cvxpy.max if loss_of_gaps == "crammer-singer" else cvxpy.sum
        risk = cvxpy.sum(cvxpy.pos(rows(cvxpy.pos(violation), axis=1)))
    problem = cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(W) / 2 + C * risk))
    return problem.solve(solver=cvxpy.CLARABEL), W.value


@pytest.mark.parametrize("dual", [True, False])
@pytest.mark.parametrize("scaling", [None, 1.0, 7.0])
def test_liblinear_squared_hinge(wine, dual, scaling):
    X, y = wine
    svm = LinearSVC(C=0.02, dual=dual, **intercept_of(scaling), **EXACT).fit(X, y)
    coef, columns = weights_of(svm, scaling), appended(X, scaling)
    C = convert(0.02, "liblinear", "maxmargin", loss=L2_SVM, fit_intercept=False)
    assert steepness(coef, 0.0, columns, y, C, L2_SVM) < 1e-6
    assert steepness(coef, 0.0, columns, y, 2 * C, L2_SVM) > 1e-3
    row = convention("liblinear", intercept_scaling=scaling or 1.0)
    theirs = evaluate(svm.coef_, svm.intercept_, X, y, 0.02, row, loss=L2_SVM)
    assert theirs == pytest.approx(evaluate(coef, None, columns, y, C, loss=L2_SVM), rel=1e-12)


@pytest.mark.parametrize("scaling", [None, 1.0, 4.0])
@pytest.mark.parametrize(
    ("loss", "name", "options"),
    [
        (OneVsRest(), "one-vs-rest", {"loss": "hinge"}),
        (CrammerSinger(), "crammer-singer", {"multi_class": "crammer_singer"}),
    ],
)
def test_liblinear_hinges(wine, loss, name, options, scaling):
    X, y = wine
    svm = LinearSVC(C=0.02, **options, **intercept_of(scaling), **EXACT).fit(X, y)
    row = convention("liblinear", intercept_scaling=scaling or 1.0)
    optimum, _ = least(appended(X, scaling), y, 0.02, name)
    theirs = evaluate(svm.coef_, svm.intercept_, X, y, 0.02, row, loss=loss)
    assert theirs == pytest.approx(optimum, rel=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
def test_libsvm_primal_is_its_dual(two, weight, weighted):
    """Strong duality: the primal is sum_i alpha_i - 1/2 |w|^2, in LIBSVM's own units only."""
    X, y = two
    weight = weight[: len(y)] if weighted else None
    svm = SVC(kernel="linear", C=0.3, tol=1e-10).fit(X, y, sample_weight=weight)
    dual = np.abs(svm.dual_coef_).sum() - np.sum(svm.coef_**2) / 2
    fit = (svm.coef_, svm.intercept_)
    primal = evaluate(*fit, X, y, 0.3, "libsvm", loss=OneVsRest(), sample_weight=weight)
    assert primal == pytest.approx(dual, rel=1e-7)
    for loss, times in ((OneVsRest(), 2), (CrammerSinger(), 0.5), (WestonWatkins(), 0.5)):
        C = convert(0.3, "libsvm", "maxmargin", loss=loss)
        pair = convert_coef(*fit, "libsvm", "maxmargin", loss=loss)
        ours = evaluate(*pair, X, y, C, loss=loss, sample_weight=weight)
        assert ours == pytest.approx(times * dual, rel=1e-7)


def test_libsvm_fits_each_pair_of_classes_by_itself(wine):
    X, y = wine
    svm = SVC(kernel="linear", C=0.1, tol=1e-10).fit(X, y)
    for pair, (first, second) in enumerate(combinations(range(3), 2)):
        rows = (y == first) | (y == second)
        # With three classes and more, SVC's decision is in favour of the first.
        coef, intercept = -svm.coef_[pair : pair + 1], -svm.intercept_[pair : pair + 1]
        alone = SVC(kernel="linear", C=0.1, tol=1e-10).fit(X[rows], y[rows])
        of_pair = {"loss": OneVsRest(), "classes": [first, second]}
        value = evaluate(coef, intercept, X[rows], y[rows], 0.1, "libsvm", **of_pair)
        dual = np.abs(alone.dual_coef_).sum() - np.sum(alone.coef_**2) / 2
        assert value == pytest.approx(dual, rel=1e-7)


def test_two_classes_make_crammer_singer_one_vs_rest_at_twice_the_c(two):
    X, y = two
    binary = convention("liblinear", binary=True)
    C = convert(0.05, "liblinear", binary, loss=CrammerSinger())
    np.testing.assert_allclose(C, 0.1)
    hinge = LinearSVC(C=C, loss="hinge", fit_intercept=False, **EXACT).fit(X, y)
    both = LinearSVC(C=0.05, multi_class="crammer_singer", fit_intercept=False, **EXACT).fit(X, y)
    np.testing.assert_allclose(both.coef_, hinge.coef_, atol=1e-5)
    pair = convert_coef(both.coef_, both.intercept_, binary, "liblinear", loss=CrammerSinger())
    optimum, _ = least(X, y, 0.05, "crammer-singer")
    value = evaluate(*pair, X, y, 0.05, "liblinear", loss=CrammerSinger())
    assert value == pytest.approx(optimum, rel=1e-6)


@pytest.mark.parametrize("name", ["crammer-singer", "weston-watkins"])
def test_shark_has_twice_the_weights_at_four_times_the_c(wine, name):
    X, y = wine
    loss = {"crammer-singer": CrammerSinger(), "weston-watkins": WestonWatkins()}[name]
    shark_optimum, shark_weights = least(X, y, 0.08, name, scale=0.5)
    C = convert(0.08, "shark", "maxmargin", loss=loss)
    np.testing.assert_allclose(C, 0.02)
    optimum, coef = least(X, y, C, name)
    doubled, none = convert_coef(coef, None, "maxmargin", "shark", loss=loss)
    np.testing.assert_allclose(doubled, shark_weights, atol=1e-4)
    value = evaluate(shark_weights, none, X, y, 0.08, "shark", loss=loss)
    assert value == pytest.approx(shark_optimum, rel=1e-6)
    assert value == pytest.approx(4 * optimum, rel=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
def test_logistic_regression_is_ours(wine, weight, weighted):
    X, y = wine
    weight = weight if weighted else None
    fit = LogisticRegression(C=0.5, tol=1e-10, max_iter=10**4).fit(X, y, sample_weight=weight)
    assert steepness(fit.coef_, fit.intercept_, X, y, 0.5, SOFTMAX, weight=weight) < 1e-6


def test_logistic_regression_of_two_classes_has_one_vector(two):
    X, y = two
    fit = LogisticRegression(C=0.5, tol=1e-10, max_iter=10**4).fit(X, y)
    binary = convention("maxmargin", binary=True)
    C = convert(0.5, binary, "maxmargin", loss=SOFTMAX)
    np.testing.assert_allclose(C, 0.25)
    pair = convert_coef(fit.coef_, fit.intercept_, binary, "maxmargin", loss=SOFTMAX)
    assert steepness(*pair, X, y, C, SOFTMAX) < 1e-6
    theirs = evaluate(fit.coef_, fit.intercept_, X, y, 0.5, binary, loss=SOFTMAX)
    assert theirs == pytest.approx(2 * evaluate(*pair, X, y, C, loss=SOFTMAX), rel=1e-12)


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


@pytest.fixture
def layer(torch, wine):
    torch.manual_seed(0)
    return torch.nn.Linear(wine[0].shape[1], 3, dtype=torch.float64)


def numbers(layer):
    return layer.weight.detach().numpy().copy(), layer.bias.detach().numpy().copy()


def fit(torch, layer, objective):
    optimiser = torch.optim.LBFGS(
        layer.parameters(),
        max_iter=5000,
        tolerance_grad=1e-11,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )

    def closure():
        optimiser.zero_grad()
        value = objective()
        value.backward()
        return value

    optimiser.step(closure)
    return numbers(layer)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("margin", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("of_classes", [None, [0.5, 1.0, 3.0]])
def test_torch_multi_margin_loss(torch, layer, wine, p, margin, of_classes):
    X, y = wine
    weight = None if of_classes is None else torch.tensor(of_classes, dtype=torch.float64)
    theirs = torch.nn.MultiMarginLoss(p=p, margin=margin, weight=weight)(
        layer(torch.tensor(X)), torch.tensor(y)
    )
    ours = evaluate(
        *numbers(layer),
        X,
        y,
        1e-12,
        convention("torch", margin=margin),
        loss=WestonWatkins() if p == 1 else WW_SQUARED,
        sample_weight=None if of_classes is None else np.array(of_classes)[y],
    )
    assert ours == pytest.approx(theirs.item(), rel=1e-9)


@pytest.mark.parametrize("of_classes", [None, [0.5, 1.0, 3.0]])
def test_torch_cross_entropy(torch, layer, wine, of_classes):
    X, y = wine
    weight = None if of_classes is None else torch.tensor(of_classes, dtype=torch.float64)
    theirs = torch.nn.functional.cross_entropy(layer(torch.tensor(X)), torch.tensor(y), weight=weight)
    rows = None if of_classes is None else np.array(of_classes)[y]
    ours = evaluate(*numbers(layer), X, y, 1e-12, "torch", loss=SOFTMAX, sample_weight=rows)
    assert ours == pytest.approx(theirs.item(), rel=1e-9)


def test_a_step_of_sgd_with_weight_decay_descends_the_torch_objective(torch, layer, wine):
    X, y = wine
    optimiser = torch.optim.SGD(layer.parameters(), lr=1.0, weight_decay=0.3)
    coef, intercept = numbers(layer)
    torch.nn.functional.cross_entropy(layer(torch.tensor(X)), torch.tensor(y)).backward()
    optimiser.step()
    after, after_intercept = numbers(layer)

    def slope(by_coef, by_intercept, h=1e-6):
        ahead, behind = (
            evaluate(coef + s * by_coef, intercept + s * by_intercept, X, y, 0.3, "torch", loss=SOFTMAX)
            for s in (h, -h)
        )
        return (ahead - behind) / (2 * h)

    for k in range(3):
        for j in range(X.shape[1]):
            unit = np.zeros_like(coef)
            unit[k, j] = 1
            assert coef[k, j] - after[k, j] == pytest.approx(slope(unit, np.zeros(3)), abs=1e-7)
        expected = slope(np.zeros_like(coef), np.eye(3)[k])
        assert intercept[k] - after_intercept[k] == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("decayed_bias", [False, True])
def test_torch_with_weight_decay_finds_logistic_regression(torch, layer, wine, decayed_bias):
    X, y = wine
    decay = 0.01

    def objective():
        decayed = layer.weight.square().sum() + (layer.bias.square().sum() if decayed_bias else 0)
        return (
            torch.nn.functional.cross_entropy(layer(torch.tensor(X)), torch.tensor(y)) + decay / 2 * decayed
        )

    coef, intercept = fit(torch, layer, objective)
    row = "torch" if decayed_bias else FREE
    sizes = {"n_samples": len(y), "fit_intercept": not decayed_bias}
    C = convert(decay, row, "maxmargin", loss=SOFTMAX, **sizes)
    logistic = LogisticRegression(C=C, tol=1e-10, max_iter=10**4, fit_intercept=not decayed_bias)
    columns = appended(X, 1.0) if decayed_bias else X
    logistic.fit(columns, y)
    expected = np.hstack([coef, intercept[:, None]]) if decayed_bias else coef
    np.testing.assert_allclose(logistic.coef_, expected, atol=1e-5)
    value = evaluate(coef, intercept, X, y, decay, row, loss=SOFTMAX)
    assert value == pytest.approx(objective().item(), rel=1e-12)


@pytest.mark.parametrize("margin", [1.0, 2.0])
def test_torch_multi_margin_with_weight_decay_is_our_weston_watkins(torch, layer, wine, margin):
    X, y = wine
    loss = torch.nn.MultiMarginLoss(p=2, margin=margin)

    def objective():
        return loss(layer(torch.tensor(X)), torch.tensor(y)) + 0.02 / 2 * layer.weight.square().sum()

    row = convention("torch", margin=margin, intercept_scaling=None)
    coef, intercept = convert_coef(*fit(torch, layer, objective), row, "maxmargin", loss=WW_SQUARED)
    C = convert(0.02, row, "maxmargin", loss=WW_SQUARED, n_samples=len(y), n_classes=3)
    assert steepness(coef, intercept, X, y, C, WW_SQUARED) < 1e-6
    assert steepness(coef, intercept, X, y, 2 * C, WW_SQUARED) > 1e-3


@pytest.mark.parametrize("p", [2, 4])
def test_the_m3svm_script_solves_our_m3_logistic_regression(torch, layer, wine, p):
    X, y = wine
    n_all, lam = 230, 0.01
    truth = torch.nn.functional.one_hot(torch.tensor(y))

    def objective():
        entropy = -torch.mean(truth * torch.log_softmax(layer(torch.tensor(X)), dim=1))
        pairs = [(k, j) for k in range(3) for j in range(3) if k != j]
        penalty = sum(torch.linalg.norm(layer.weight[k] - layer.weight[j]) ** p for k, j in pairs)
        return entropy + lam / n_all * penalty

    coef, intercept = fit(torch, layer, objective)
    script = convention("m3svm-script", penalty=PairwiseMargin(p))
    value = evaluate(coef, intercept, X, y, lam, script, loss=SOFTMAX, n_all=n_all)
    assert value == pytest.approx(objective().item(), rel=1e-12)
    sizes = {"n_samples": len(y), "n_classes": 3, "n_all": n_all}
    ours = convention("maxmargin", penalty=PairwiseMargin(p))
    C = convert(lam, script, ours, loss=SOFTMAX, **sizes)
    assert steepness(coef, intercept, X, y, C, SOFTMAX, PairwiseMargin(p)) < 1e-6
    assert steepness(coef, intercept, X, y, 2 * C, SOFTMAX, PairwiseMargin(p)) > 1e-3
    if p == 2:
        C = convert(lam, script, "maxmargin", loss=SOFTMAX, **sizes)
        logistic = LogisticRegression(C=C, tol=1e-10, max_iter=10**4).fit(X, y)
        np.testing.assert_allclose(logistic.coef_, coef - coef.mean(axis=0), atol=1e-5)
