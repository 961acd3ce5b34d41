"""Where two estimators, or one and scikit-learn's, solve the same problem, they agree."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import SVC, LinearSVC

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
from maxmargin.losses import SmoothHinge, WestonWatkins
from maxmargin.objectives import Coordinates, LinearObjective, RowBlocks, minimise
from maxmargin.penalties import Frobenius

C, DELTA = 0.5, 0.2
TIGHT = {"tol": 1e-9, "max_iter": 5000}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(5)
    y = np.repeat([0, 1, 2], 14)
    X = rng.normal(size=(42, 3)) + 1.2 * np.eye(3)[y]
    return X, y


@pytest.fixture
def two_classes(data):
    return data[0], np.where(data[1] == 1, "positive", "negative")


@pytest.mark.parametrize("variant", ["alpha", "beta"])
def test_top_1_is_crammer_singer(variant, data):
    top = TopKSVC(k=1, variant=variant, C=C, **TIGHT).fit(*data)
    crammer_singer = CrammerSingerSVC(C=C, **TIGHT).fit(*data)
    assert top.objective_ == pytest.approx(crammer_singer.objective_, rel=1e-8)
    np.testing.assert_allclose(top.coef_, crammer_singer.coef_, atol=1e-4)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("cls", [CrammerSingerSVC, WestonWatkinsSVC, TopKSVC])
def test_two_classes_turn_all_pairs_into_the_binary_machine_of_twice_the_c(cls, fit_intercept, two_classes):
    # With v = w_1 - w_0 and w_1 = -w_0 the penalty is |v|^2 / 4: half the binary objective at 2 C.
    both = cls(C=C, fit_intercept=fit_intercept, **TIGHT).fit(*two_classes)
    binary = OneVsRestSVC(loss="hinge", C=2 * C, fit_intercept=fit_intercept, **TIGHT).fit(*two_classes)
    assert both.objective_ == pytest.approx(binary.objective_ / 4, rel=1e-8)
    np.testing.assert_allclose(both.coef_, binary.coef_ / 2, atol=1e-4)
    np.testing.assert_allclose(both.coef_[0], -both.coef_[1], atol=1e-6)
    np.testing.assert_allclose(
        both.decision_function(two_classes[0]), binary.decision_function(two_classes[0]) / 2, atol=1e-3
    )


def test_two_classes_of_one_vs_rest_are_two_mirrored_binary_machines(two_classes):
    X, y = two_classes
    ours = OneVsRestSVC(loss="hinge", C=C, **TIGHT).fit(X, y)
    theirs = SVC(kernel="linear", C=C, tol=1e-8).fit(X, y)
    np.testing.assert_allclose(ours.coef_, np.vstack([-theirs.coef_, theirs.coef_]), atol=1e-4)
    np.testing.assert_allclose(ours.decision_function(X), 2 * theirs.decision_function(X), atol=1e-3)
    np.testing.assert_array_equal(ours.coef_[0], -ours.coef_[1])
    slack = np.maximum(0, 1 - np.where(y == "positive", 1, -1) * theirs.decision_function(X))
    assert ours.objective_ == pytest.approx(np.sum(theirs.coef_**2) + 2 * C * slack.sum(), rel=1e-6)


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
def test_two_classes_of_one_vs_one_are_one_vs_rest(loss, two_classes):
    X, y = two_classes
    one = OneVsOneSVC(loss=loss, C=C, **TIGHT).fit(X, y)
    rest = OneVsRestSVC(loss=loss, C=C, **TIGHT).fit(X, y)
    assert one.objective_ == pytest.approx(rest.objective_ / 2, rel=1e-8)
    np.testing.assert_allclose(one.coef_, rest.coef_[:1], atol=1e-4)
    np.testing.assert_array_equal(one.predict(X), rest.predict(X))
    np.testing.assert_array_equal(one.classes_[(one.decision_function(X) > 0).astype(int)], one.predict(X))


def test_bredensteiner_bennett_is_weston_watkins_at_a_share_of_c(data):
    m_svm = BredensteinerBennettSVC(C=C, **TIGHT).fit(*data)
    weston_watkins = WestonWatkinsSVC(C=C / 4, **TIGHT).fit(*data)
    np.testing.assert_allclose(m_svm.coef_, weston_watkins.coef_, atol=1e-4)
    assert m_svm.objective_ == pytest.approx(4 * weston_watkins.objective_, rel=1e-8)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
def test_one_vs_rest_is_a_binary_machine_a_class(loss, fit_intercept, data):
    X, y = data
    ours = OneVsRestSVC(loss=loss, C=C, fit_intercept=fit_intercept, **TIGHT).fit(X, y)
    machines = [
        OneVsOneSVC(loss=loss, C=C, fit_intercept=fit_intercept, **TIGHT).fit(X, y != k) for k in range(3)
    ]
    np.testing.assert_allclose(ours.coef_, np.vstack([machine.coef_ for machine in machines]), atol=1e-4)
    assert ours.objective_ == pytest.approx(sum(machine.objective_ for machine in machines), rel=1e-8)


def test_one_vs_rest_is_scikit_learns(data):
    X, y = data
    weight = np.linspace(0.5, 2, len(y))
    plain = {"C": C, "fit_intercept": False}
    squared = LinearSVC(dual=False, tol=1e-10, max_iter=5000, **plain).fit(X, y, sample_weight=weight)
    ours = OneVsRestSVC(**plain, **TIGHT).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(ours.coef_, squared.coef_, atol=1e-5)
    np.testing.assert_allclose(ours.decision_function(X), squared.decision_function(X), atol=1e-4)
    hinge = OneVsRestClassifier(SVC(kernel="linear", C=C, tol=1e-8)).fit(X, y)
    ours = OneVsRestSVC(loss="hinge", C=C, **TIGHT).fit(X, y)
    np.testing.assert_allclose(ours.coef_, [machine.coef_[0] for machine in hinge.estimators_], atol=1e-4)
    np.testing.assert_allclose(ours.decision_function(X), hinge.decision_function(X), atol=1e-3)


def test_one_vs_one_is_scikit_learns(data):
    X, y = data
    rows = np.random.default_rng(8).normal(scale=3, size=(500, 3))
    ours = OneVsOneSVC(loss="hinge", C=C, **TIGHT).fit(X, y)
    theirs = SVC(kernel="linear", C=C, tol=1e-8, break_ties=True).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-4)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-3)
    np.testing.assert_allclose(ours.decision_function(rows), theirs.decision_function(rows), atol=1e-3)
    np.testing.assert_array_equal(ours.predict(rows), theirs.predict(rows))


def test_crammer_singer_is_liblinears(data):
    X, y = data
    ours = CrammerSingerSVC(C=C, fit_intercept=False, **TIGHT).fit(X, y)
    theirs = LinearSVC(
        C=C, multi_class="crammer_singer", fit_intercept=False, tol=1e-8, max_iter=10**6, random_state=0
    ).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-4)


def test_votes_outweigh_scores(data):
    X, y = data
    machine = OneVsOneSVC().fit(X, y)
    # Class 1 wins both of its pairs by a hair, class 0 the third by far.
    machine.coef_, machine.intercept_ = np.zeros((3, 3)), np.array([-1e-9, 1e9, 1e-9])
    assert machine.predict(X[:1]) == [1]
    # A circle of victories is settled by the largest sum of margins: class 2 wins by 3 and loses by 1.
    machine.intercept_ = np.array([2.0, -3.0, 1.0])
    assert machine.predict(X[:1]) == [2]


def test_softmax_is_scikit_learns(data):
    X, y = data
    ours = MultinomialLogisticRegression(C=C, **TIGHT).fit(X, y)
    theirs = LogisticRegression(C=C, tol=1e-9, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-5)
    np.testing.assert_allclose(ours.predict_log_proba(X), np.log(ours.predict_proba(X)))


def test_m3_at_two_is_the_squared_norm_of_lemma_3(data):
    # sum_{k<l} |w_k - w_l|^2 = c |W|^2 for weights that sum to zero, which are 2 c times the squared norm's.
    X, y = data
    m3 = M3SVC(C=2 * 3 * C, p=2, epsilon=1e-9, delta=DELTA, **TIGHT).fit(X, y)
    rows = RowBlocks.of(X, y, np.ones(len(y)))
    coordinates = Coordinates.of(rows, C, 3, fit_intercept=True)
    squared = LinearObjective(rows, WestonWatkins(SmoothHinge(DELTA)), Frobenius(), C, coordinates)
    minimum = minimise(squared, np.zeros(coordinates.size), **TIGHT)
    np.testing.assert_allclose(m3.coef_, coordinates.split(minimum.vector)[0], atol=1e-5)
    assert m3.objective_ == pytest.approx(2 * 3 * minimum.certificate.primal, rel=1e-7)


def test_m3_at_two_and_no_width_is_weston_watkins(data):
    X, y = data
    ww = WestonWatkinsSVC(C=C, **TIGHT).fit(X, y)
    for delta in (1e-2, 1e-4):
        m3 = M3SVC(C=2 * 3 * C, p=2, epsilon=1e-9, delta=delta, **TIGHT).fit(X, y)
        excess = m3.objective_ - 2 * 3 * ww.objective_
        # The smooth hinge lies at most delta / 2 above the hinge, on 2 pairs a row.
        assert -1e-6 <= excess <= 2 * 3 * C * len(y) * 2 * delta / 2
    np.testing.assert_allclose(m3.coef_, ww.coef_, atol=1e-2)


@pytest.mark.parametrize("p", [1, 1.5, 2, 4])
@pytest.mark.parametrize("cls", [M3SVC, M3LogisticRegression])
def test_m3_solution_is_unique_and_sums_to_zero_as_of_theorem_2(cls, p, data):
    rng = np.random.default_rng(3)
    first = cls(C=C, p=p, warm_start=True, **TIGHT).fit(*data)
    coef, intercept = first.coef_, first.intercept_
    np.testing.assert_allclose(coef.sum(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(intercept.sum(), 0, atol=1e-9)
    for shift in (0.0, 1.0, -30.0):
        first.coef_, first.intercept_ = rng.normal(size=(3, 3)) + shift, rng.normal(size=3) - shift
        first.fit(*data)
        assert first.converged_
        np.testing.assert_allclose(first.coef_.sum(axis=0), 0, atol=1e-6)
        np.testing.assert_allclose(first.intercept_.sum(), 0, atol=1e-6)
        np.testing.assert_allclose(first.coef_, coef, atol=1e-4)
        np.testing.assert_allclose(first.intercept_, intercept, atol=1e-4)


@pytest.mark.parametrize(
    "cls",
    [CrammerSingerSVC, WestonWatkinsSVC, BredensteinerBennettSVC, TopKSVC, MultinomialLogisticRegression],
)
def test_losses_of_differences_give_weights_that_sum_to_zero(cls, data):
    np.testing.assert_allclose(cls(C=C, **TIGHT).fit(*data).coef_.sum(axis=0), 0, atol=1e-6)


def test_a_larger_p_widens_the_smallest_margin(data):
    def smallest_margin(p):
        # C is chosen so that the penalty's scale stays put: only the balance between the margins may differ.
        W = M3SVC(C=100.0, p=p).fit(*data).coef_
        distances = [np.linalg.norm(W[k] - W[m]) for k in range(3) for m in range(k)]
        return np.mean(distances) / max(distances)

    assert smallest_margin(8) > smallest_margin(2)
