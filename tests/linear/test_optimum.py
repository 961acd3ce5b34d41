"""Every estimator's optimum against an independent solver of its printed problem, and against its peers."""

import cvxpy as cp
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from maxmargin.linear import (
    M3SVC,
    CrammerSingerSVC,
    M3LogisticRegression,
    MultinomialLogisticRegression,
    OneVsRestSVC,
    WestonWatkinsSVC,
)

C, DELTA = 0.5, 0.2


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(5)
    y = np.repeat([0, 1, 2], 14)
    X = rng.normal(size=(42, 3)) + 1.2 * np.eye(3)[y]
    return X, y


def smooth(t):
    return (t + cp.norm(cp.hstack([t, DELTA]))) / 2


def pairs(f, y):
    return [1 - (f[y] - f[k]) for k in range(3) if k != y]


def cross_entropy(f, y):
    return cp.log_sum_exp(f) - f[y]


def squared_ovr(f, y):
    return sum(cp.square(cp.pos(1 - (f[k] if k == y else -f[k]))) for k in range(3))


def smooth_ovr(f, y):
    return sum(smooth(1 - (f[k] if k == y else -f[k])) for k in range(3))


def all_pairs(f, y):
    return sum(smooth(t) for t in pairs(f, y))


def smoothed_maximum(f, y):
    # The dual of max over the simplex of a.u + gamma (1 - |u|^2) / 2.
    a = cp.hstack([*pairs(f, y), 0])
    v = cp.Variable(3)
    return cp.max(v) + cp.sum_squares(a - v) / (2 * DELTA) + DELTA / 2


def half_square(W, b):  # noqa: ARG001
    return cp.sum_squares(W) / 2


def pairwise(p, epsilon):
    def penalty(W, b):
        distances = [cp.norm(W[k] - W[m]) for k in range(3) for m in range(k)]
        ridge = cp.sum_squares(W) + cp.sum_squares(b)
        return sum(cp.power(distance, p) for distance in distances) + epsilon * ridge

    return penalty


TIGHT = {"C": C, "tol": 1e-7, "max_iter": 5000}
PROBLEMS = {
    "softmax": (MultinomialLogisticRegression(**TIGHT), cross_entropy, half_square),
    "ovr": (OneVsRestSVC(**TIGHT), squared_ovr, half_square),
    "ovr-smooth": (OneVsRestSVC(loss="smooth_hinge", delta=DELTA, **TIGHT), smooth_ovr, half_square),
    "ww": (WestonWatkinsSVC(delta=DELTA, **TIGHT), all_pairs, half_square),
    "cs": (CrammerSingerSVC(delta=DELTA, **TIGHT), smoothed_maximum, half_square),
    "m3-p2": (M3SVC(p=2, delta=DELTA, epsilon=1e-3, **TIGHT), all_pairs, pairwise(2, 1e-3)),
    "m3-p4": (M3SVC(p=4, delta=DELTA, epsilon=1e-3, **TIGHT), all_pairs, pairwise(4, 1e-3)),
    "ism3-p1.5": (M3LogisticRegression(p=1.5, epsilon=1e-3, **TIGHT), cross_entropy, pairwise(1.5, 1e-3)),
    "ism3-p4": (M3LogisticRegression(p=4, epsilon=1e-3, **TIGHT), cross_entropy, pairwise(4, 1e-3)),
}


@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")
@pytest.mark.parametrize("name", PROBLEMS)
def test_optimum_is_clarabels(name, data):
    estimator, loss, penalty = PROBLEMS[name]
    X, y = data
    estimator.fit(X, y)
    W, b = cp.Variable((3, 3)), cp.Variable(3)
    risk = sum(loss(W @ x + b, label) for x, label in zip(X, y, strict=True))
    problem = cp.Problem(cp.Minimize(penalty(W, b) + C * risk))
    problem.solve(solver="CLARABEL")
    assert estimator.converged_
    assert estimator.objective_ == pytest.approx(problem.value, rel=1e-6)
    np.testing.assert_allclose(estimator.coef_, W.value, atol=2e-3)


def test_softmax_is_scikit_learns(data):
    X, y = data
    ours = MultinomialLogisticRegression(C=C, tol=1e-9).fit(X, y)
    theirs = LogisticRegression(C=C, tol=1e-9, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-5)
    np.testing.assert_allclose(ours.predict_log_proba(X), np.log(ours.predict_proba(X)))


def test_one_vs_rest_is_scikit_learns_up_to_its_regularised_bias(data):
    X, y = data
    ours = OneVsRestSVC(C=C, tol=1e-7, fit_intercept=False, max_iter=5000).fit(X, y)
    theirs = LinearSVC(C=C, dual=False, tol=1e-10, fit_intercept=False, max_iter=5000).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)
    np.testing.assert_array_equal(ours.intercept_, 0)


def test_two_classes_turn_crammer_singer_into_weston_watkins(data):
    X, y = data[0], data[1] % 2
    cs, ww = (cls(C=C, delta=1e-3).fit(X, y) for cls in (CrammerSingerSVC, WestonWatkinsSVC))
    assert cs.objective_ == pytest.approx(ww.objective_, rel=1e-3)
    np.testing.assert_allclose(cs.coef_, ww.coef_, atol=2e-3)


def test_m3_at_two_is_the_squared_norm_of_lemma_3(data):
    # sum_{k<l} |w_k - w_l|^2 = c |W|^2 for weights that sum to zero, so C halves and shares among c classes.
    X, y = data
    m3 = M3SVC(C=2 * 3 * C, p=2, epsilon=1e-9, tol=1e-7, delta=DELTA, max_iter=5000).fit(X, y)
    ww = WestonWatkinsSVC(C=C, tol=1e-7, delta=DELTA, max_iter=5000).fit(X, y)
    np.testing.assert_allclose(m3.coef_, ww.coef_, atol=1e-5)
    assert m3.objective_ == pytest.approx(2 * 3 * ww.objective_, rel=1e-6)


@pytest.mark.parametrize("p", [2, 4])
@pytest.mark.parametrize("cls", [M3SVC, M3LogisticRegression])
def test_m3_weights_sum_to_zero_over_the_classes(cls, p, data):
    estimator = cls(C=C, p=p, tol=1e-8).fit(*data)
    np.testing.assert_allclose(estimator.coef_.sum(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(estimator.intercept_.sum(), 0, atol=1e-9)


def test_a_larger_p_widens_the_smallest_margin(data):
    def smallest_margin(p):
        # C is chosen so that the penalty's scale stays put: only the balance between the margins may differ.
        W = M3SVC(C=100.0, p=p).fit(*data).coef_
        distances = [np.linalg.norm(W[k] - W[m]) for k in range(3) for m in range(k)]
        return np.mean(distances) / max(distances)

    assert smallest_margin(8) > smallest_margin(2)
