"""Every estimator's optimum and certificate against clarabel's solution of the problem it prints."""

from itertools import combinations

import cvxpy as cp
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from maxmargin.linear import (
    M3SVC,
    BredensteinerBennettSVC,
    CrammerSingerSVC,
    M3LogisticRegression,
    MultinomialLogisticRegression,
    OneVsOneSVC,
    OneVsRestSVC,
    TopKSVC,
    WestonWatkinsSVC,
)
from maxmargin.objectives import coordinate_ascent

DELTA, EPSILON = 0.2, 1e-3
TIGHT = {"tol": 1e-7, "max_iter": 5000}


def overlapping(rng):
    """Three classes that overlap, with weights of which some are 0."""
    y = np.repeat(np.arange(3), 12)
    return rng.normal(size=(36, 3)) + 1.2 * np.eye(3)[y], y, rng.choice([0, 0.3, 1, 2.5], size=36), 0.5


def separable(rng):
    """Four classes far apart, off the origin."""
    y = np.repeat(np.arange(4), 8)
    return (
        rng.uniform(-1, 1, size=(32, 4)) + 6 * np.eye(4)[y] + [3, 0, 0, -2],
        y,
        rng.uniform(0.5, 2, 32),
        10.0,
    )


def large_c(rng):
    """Four classes that overlap, where the loss is all that counts."""
    y = np.repeat(np.arange(4), 9)
    return rng.normal(size=(36, 2)) + 1.5 * np.eye(4, 2)[y], y, rng.uniform(0.5, 2, 36), 1000.0


DATA = {"overlapping": overlapping, "separable": separable, "large-C": large_c}


def gaps(F, Y):
    """1 - (f_y - f_k) for k != y, and 0 at k = y."""
    truth = cp.sum(cp.multiply(Y, F), axis=1, keepdims=True)
    return (1 - Y) + F - truth @ np.ones((1, Y.shape[1]))


def crammer_singer(F, Y):
    return cp.max(gaps(F, Y), axis=1)


def weston_watkins(F, Y):
    return cp.sum(cp.multiply(1 - Y, cp.pos(gaps(F, Y))), axis=1)


def smooth_pairs(F, Y):
    t = gaps(F, Y)
    root = cp.norm(cp.vstack([cp.vec(t, order="C"), np.full(Y.size, DELTA)]), axis=0)
    return cp.sum(cp.multiply(1 - Y, (t + cp.reshape(root, Y.shape, order="C")) / 2), axis=1)


def top_alpha(k):
    return lambda F, Y: cp.hstack([cp.pos(cp.sum_largest(a, k) / k) for a in gaps(F, Y)])


def top_beta(k):
    return lambda F, Y: cp.hstack([cp.sum_largest(cp.pos(a), k) / k for a in gaps(F, Y)])


def cross_entropy(F, Y):
    return cp.log_sum_exp(F, axis=1) - cp.sum(cp.multiply(Y, F), axis=1)


def one_vs_rest(phi):
    return lambda F, Y: cp.sum(phi(1 - cp.multiply(2 * Y - 1, F)), axis=1)


def one_vs_one(phi):
    def loss(F, Y):
        signs = np.column_stack([Y[:, k] - Y[:, m] for k, m in combinations(range(Y.shape[1]), 2)])
        return cp.sum(cp.multiply(np.abs(signs), phi(1 - cp.multiply(signs, F))), axis=1)

    return loss


def squared_hinge(t):
    return cp.square(cp.pos(t))


def frobenius(W, b):  # noqa: ARG001
    return cp.sum_squares(W) / 2


def bredensteiner_bennett(W, b):
    return sum(cp.sum_squares(W[k] - W[m]) for k, m in combinations(range(W.shape[0]), 2)) / 2 + frobenius(
        W, b
    )


def pairwise(p):
    def penalty(W, b):
        pairs = combinations(range(W.shape[0]), 2)
        margins = sum(cp.power(cp.norm(W[k] - W[m]), p) for k, m in pairs)
        return margins + EPSILON * (cp.sum_squares(W) + cp.sum_squares(b))

    return penalty


M3 = {"epsilon": EPSILON, **TIGHT}
PROBLEMS = {
    "softmax": (MultinomialLogisticRegression(**TIGHT), cross_entropy, frobenius),
    "ovr-hinge": (OneVsRestSVC(loss="hinge", **TIGHT), one_vs_rest(cp.pos), frobenius),
    "ovr-squared": (OneVsRestSVC(loss="squared_hinge", **TIGHT), one_vs_rest(squared_hinge), frobenius),
    "ovo-hinge": (OneVsOneSVC(loss="hinge", **TIGHT), one_vs_one(cp.pos), frobenius),
    "ovo-squared": (OneVsOneSVC(loss="squared_hinge", **TIGHT), one_vs_one(squared_hinge), frobenius),
    "crammer-singer": (CrammerSingerSVC(**TIGHT), crammer_singer, frobenius),
    "weston-watkins": (WestonWatkinsSVC(**TIGHT), weston_watkins, frobenius),
    "m-svm": (BredensteinerBennettSVC(**TIGHT), weston_watkins, bredensteiner_bennett),
    "top-1-alpha": (TopKSVC(k=1, variant="alpha", **TIGHT), top_alpha(1), frobenius),
    "top-2-alpha": (TopKSVC(k=2, variant="alpha", **TIGHT), top_alpha(2), frobenius),
    "top-1-beta": (TopKSVC(k=1, variant="beta", **TIGHT), top_beta(1), frobenius),
    "top-2-beta": (TopKSVC(k=2, variant="beta", **TIGHT), top_beta(2), frobenius),
    "m3-p2": (M3SVC(p=2, delta=DELTA, **M3), smooth_pairs, pairwise(2)),
    "m3-p4": (M3SVC(p=4, delta=DELTA, **M3), smooth_pairs, pairwise(4)),
    "ism3-p1.5": (M3LogisticRegression(p=1.5, **M3), cross_entropy, pairwise(1.5)),
    "ism3-p1": (M3LogisticRegression(p=1, **M3), cross_entropy, pairwise(1)),
    "ism3-p2": (M3LogisticRegression(p=2, **M3), cross_entropy, pairwise(2)),
    "ism3-p4": (M3LogisticRegression(p=4, **M3), cross_entropy, pairwise(4)),
}
WITHOUT_DUAL = {"ism3-p1"}
NOT_STRONGLY_CONVEX = {"m3-p4", "ism3-p1.5", "ism3-p4"}


def printed(estimator, loss, penalty, X, y, weight):
    """The problem that the docstring prints, with its variables and its value at the estimator's solution."""
    W, b = cp.Variable(estimator.coef_.shape), cp.Variable(estimator.intercept_.shape)
    F = X @ W.T + np.ones((len(X), 1)) @ cp.reshape(b, (1, b.size), order="C")
    risk = weight @ loss(F, np.eye(y.max() + 1)[y])
    constraints = [] if estimator.fit_intercept else [b == 0]
    problem = cp.Problem(cp.Minimize(penalty(W, b) + estimator.C * risk), constraints)
    W.value, b.value = estimator.coef_, estimator.intercept_
    return problem, W, float(problem.objective.value)


def solved(problem):
    problem.solve(solver="CLARABEL", tol_gap_abs=1e-10, tol_gap_rel=1e-10, tol_feas=1e-10)
    return problem.value


@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")
@pytest.mark.parametrize("fit_intercept", [True, False], ids=["intercept", "no-intercept"])
@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("name", PROBLEMS)
def test_optimum_and_certificate_are_clarabels(name, data, fit_intercept, rng):
    estimator, loss, penalty = PROBLEMS[name]
    X, y, weight, C = DATA[data](rng)
    estimator = clone(estimator).set_params(C=C, fit_intercept=fit_intercept)
    estimator.fit(X, y, sample_weight=weight)
    problem, W, at_solution = printed(estimator, loss, penalty, X, y, weight)
    optimum = solved(problem)
    assert estimator.converged_
    assert estimator.objective_ == pytest.approx(at_solution, rel=1e-10)
    assert estimator.objective_ == pytest.approx(optimum, rel=1e-6)
    certificate, slack = estimator.certificate_, 1e-7 * optimum
    assert certificate["primal"] == estimator.objective_ >= optimum - slack
    if name in WITHOUT_DUAL:
        assert certificate.keys() == {"primal", "relative_gradient"}
        assert 0 <= certificate["relative_gradient"] <= estimator.tol
    else:
        assert certificate.keys() == {"primal", "dual", "relative_gap"}
        assert certificate["dual"] <= optimum + slack
        gap = (certificate["primal"] - certificate["dual"]) / certificate["primal"]
        assert certificate["relative_gap"] == pytest.approx(gap, abs=1e-15)
        assert gap <= estimator.tol
    if name not in WITHOUT_DUAL | NOT_STRONGLY_CONVEX:
        # The gap bounds the distance of the weights as well.
        assert np.sum((estimator.coef_ - W.value) ** 2) / 2 <= 2e-7 * optimum + slack
    if not fit_intercept:
        np.testing.assert_array_equal(estimator.intercept_, 0)


@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")
@pytest.mark.parametrize("variant", ["alpha", "beta"])
def test_top_3_of_5_classes_is_clarabels(variant, rng):
    # With k up to 2 the variants are one loss; from 3 on they differ.
    y = np.repeat(np.arange(5), 7)
    X = rng.normal(size=(35, 3)) + 1.2 * np.eye(5, 3)[y]
    estimator = TopKSVC(k=3, variant=variant, C=2.0, **TIGHT).fit(X, y)
    loss = top_alpha(3) if variant == "alpha" else top_beta(3)
    problem, _, at_solution = printed(estimator, loss, frobenius, X, y, np.ones(35))
    assert estimator.objective_ == pytest.approx(at_solution, rel=1e-10)
    assert estimator.objective_ == pytest.approx(solved(problem), rel=1e-6)
    assert estimator.certificate_["dual"] <= problem.value * (1 + 1e-7)


@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("fit_intercept", [True, False], ids=["intercept", "no-intercept"])
@pytest.mark.parametrize("steps", [1, 2, 4])
@pytest.mark.parametrize("name", sorted(PROBLEMS.keys() - WITHOUT_DUAL))
def test_certificate_holds_where_the_fit_was_cut_short(name, steps, fit_intercept, rng):
    estimator, loss, penalty = PROBLEMS[name]
    X, y, weight, C = overlapping(rng)
    estimator = clone(estimator).set_params(C=C, max_iter=steps, fit_intercept=fit_intercept)
    estimator.fit(X, y, sample_weight=weight)
    problem, _, at_solution = printed(estimator, loss, penalty, X, y, weight)
    optimum = solved(problem)
    assert estimator.n_iter_ <= steps
    assert estimator.certificate_["primal"] == pytest.approx(at_solution, rel=1e-10)
    assert estimator.certificate_["dual"] <= optimum * (1 + 1e-8)
    assert estimator.converged_ == (estimator.certificate_["relative_gap"] <= estimator.tol)


@pytest.mark.parametrize("name", PROBLEMS)
def test_one_step_is_not_enough_and_says_so(name, rng):
    X, y, weight, C = overlapping(rng)
    estimator = clone(PROBLEMS[name][0]).set_params(C=C, max_iter=1, tol=1e-9)
    kind = "gradient" if name in WITHOUT_DUAL else "duality gap"
    message = (
        rf"^{type(estimator).__name__} stopped after 1 iterations at relative {kind} \d.*, "
        r"above tol=1\.0e-09; raise max_iter or tol$"
    )
    with pytest.warns(ConvergenceWarning, match=message):
        estimator.fit(X, y, sample_weight=weight)
    value = estimator.certificate_["relative_gradient" if name in WITHOUT_DUAL else "relative_gap"]
    assert value > 1e-9
    assert estimator.converged_ is False
    assert estimator.n_iter_ == 1


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
@pytest.mark.parametrize("cls", [OneVsRestSVC, OneVsOneSVC])
def test_few_rows_of_many_features_are_swept_to_the_optimum_of_newton_steps(cls, loss, monkeypatch):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 90)) + 3.0, np.arange(40) % 4
    X[np.arange(40), y] += 2.0
    options = {"loss": loss, "tol": 1e-6, "warm_start": True}
    by_newton = cls(C=0.05, **options).fit(X, y)
    calls, sweeps = [], coordinate_ascent._one_vs_rest
    monkeypatch.setattr(coordinate_ascent, "_LEAST_BYTES", 0)
    monkeypatch.setattr(
        coordinate_ascent, "_one_vs_rest", lambda *given, **named: calls.append(1) or sweeps(*given, **named)
    )
    swept = cls(C=0.05, **options).fit(X, y)
    moved = cls(C=0.01, **options).fit(X, y).set_params(C=0.05).fit(X, y)
    assert len(calls) == 3 * (1 if cls is OneVsRestSVC else 6)
    for model in (swept, moved):
        assert model.converged_
        assert model.objective_ == pytest.approx(by_newton.objective_, rel=2e-6)
        np.testing.assert_allclose(model.coef_, by_newton.coef_, atol=1e-3)
        np.testing.assert_allclose(model.intercept_, by_newton.intercept_, atol=1e-2)


@pytest.mark.parametrize("C", [1e-4, 0.05])
@pytest.mark.parametrize(
    "estimator",
    [CrammerSingerSVC(), WestonWatkinsSVC(), BredensteinerBennettSVC(), TopKSVC(k=2, variant="beta")],
    ids=lambda estimator: type(estimator).__name__,
)
def test_coupled_hinges_are_swept_to_the_optimum_of_newton_steps(estimator, C, monkeypatch):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120, 6)), np.repeat(np.arange(4), [60, 30, 20, 10])
    X[np.arange(120), y] += 2.0
    estimator.set_params(C=C, tol=1e-6)
    by_newton = clone(estimator).fit(X, y)
    found, sweeps = [], coordinate_ascent._multi_class
    monkeypatch.setattr(coordinate_ascent, "_LEAST_BYTES", 0)
    monkeypatch.setattr(
        coordinate_ascent,
        "_multi_class",
        lambda *given, **named: found.append(sweeps(*given, **named)) or found[-1],
    )
    swept = clone(estimator).fit(X, y)
    assert swept.converged_
    assert swept.objective_ == pytest.approx(by_newton.objective_, rel=2e-6)
    np.testing.assert_allclose(swept.coef_, by_newton.coef_, atol=1e-3 * np.abs(by_newton.coef_).max())
    # Few rounds bring the sweeps close, also where a weak penalty moves the intercept far.
    (start,) = found
    assert start.certificate.value <= 0.1
    assert start.iterations <= 10
