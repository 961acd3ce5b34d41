"""What every calibration promises, one row of the table a calibration, and what only one of them does."""

import pickle

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, log_expit, log_softmax, softmax
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV

from maxmargin import calibration as module
from maxmargin.calibration import CALIBRATIONS, PairwiseCoupling, TemperatureScaling
from maxmargin.linear import CrammerSingerSVC, OneVsRestSVC
from maxmargin.linear.out_of_fold import calibrate, out_of_fold_scores
from maxmargin.persistence._estimator import dump_estimator, load_estimator

each_calibration = pytest.mark.parametrize("cls", CALIBRATIONS.values(), ids=CALIBRATIONS)


def drawn(n, c, rng, temperature=1.0, classes=None):
    """Scores whose softmax over the temperature is the law the targets are drawn from."""
    scores = 3.0 * rng.normal(size=(n, c))
    odds = softmax(scores / temperature, axis=1)
    target = (odds.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return scores, np.minimum(target, c - 1 if classes is None else classes - 1)


def log_loss(probabilities, target):
    return -np.log(probabilities[np.arange(len(target)), target]).mean()


def assert_lawful(probabilities, scores):
    assert np.isfinite(probabilities).all()
    assert (probabilities > 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=0, atol=1e-12)
    best = np.argmax(scores, axis=1)
    np.testing.assert_array_equal(np.argmax(probabilities, axis=1), best)
    np.testing.assert_array_equal(np.argmax(np.log(probabilities), axis=1), best)


coarse = st.integers(-2, 2).map(float)
near_ties = st.sampled_from([1.0, np.nextafter(1.0, 2), np.nextafter(1.0, 0), -0.0, 0.0, 5e-324])
extremes = st.sampled_from([1e300, -1e300, 1e290, 3e299, np.inf, -np.inf, 1e-300, 1.0])
anything = st.floats(-1e300, 1e300)


@each_calibration
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_most_probable_is_the_largest_score_at_ties_and_extremes(cls, data):
    c = data.draw(st.integers(2, 6))
    numbers = data.draw(st.sampled_from([coarse, near_ties, extremes, anything]))
    scores = data.draw(arrays(float, (data.draw(st.integers(1, 8)), c), elements=numbers))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    # Random targets give slopes of either sign, which rank against the scores.
    calibration = cls().fit(rng.normal(size=(25, c)), rng.integers(0, c, 25))
    assert_lawful(calibration.predict_proba(scores), scores)


@each_calibration
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_fits_whatever_the_scores(cls, data):
    c = data.draw(st.integers(2, 4))
    numbers = data.draw(st.sampled_from([coarse, near_ties, extremes, anything]))
    scores = data.draw(arrays(float, (data.draw(st.integers(1, 12)), c), elements=numbers))
    target = data.draw(arrays(int, len(scores), elements=st.integers(0, c - 1)))
    calibration = cls().fit(scores, target)
    assert all(np.isfinite(value).all() for value in vars(calibration).values())
    assert_lawful(calibration.predict_proba(scores), scores)


@each_calibration
def test_five_hundred_classes_in_chunks(cls, rng):
    scores, target = drawn(1500, 500, rng, classes=490)
    calibration = cls().fit(scores, target)
    probabilities = calibration.predict_proba(scores[:30])
    assert_lawful(probabilities, scores[:30])
    np.testing.assert_allclose(calibration.predict_proba(scores[29:30]), probabilities[29:], rtol=1e-12)


@each_calibration
def test_shift_and_unit_of_the_scores_do_not_matter(cls, rng):
    scores, target = drawn(300, 4, rng)
    expected = cls().fit(scores, target).predict_proba(scores)
    shift = 100 * rng.normal(size=(300, 1))
    shifted = cls().fit(scores + shift, target).predict_proba(scores + shift)
    np.testing.assert_allclose(shifted, expected, rtol=1e-7)
    for unit in (1e-250, 1e-6, 1e6, 1e250):
        scaled = cls().fit(unit * scores, target).predict_proba(unit * scores)
        np.testing.assert_allclose(scaled, expected, rtol=1e-7)


@each_calibration
def test_order_of_the_classes_does_not_matter(cls, rng):
    scores, target = drawn(300, 5, rng)
    order = rng.permutation(5)
    permuted = cls().fit(scores[:, order], np.argsort(order)[target]).predict_proba(scores[:, order])
    np.testing.assert_allclose(permuted, cls().fit(scores, target).predict_proba(scores)[:, order], rtol=1e-7)


@each_calibration
def test_a_weight_is_the_row_repeated(cls, rng):
    scores, target = drawn(200, 4, rng)
    weight = rng.integers(0, 4, 200)
    weighted = cls().fit(scores, target, weight)
    repeated = cls().fit(np.repeat(scores, weight, axis=0), np.repeat(target, weight))
    for name, value in vars(repeated).items():
        np.testing.assert_allclose(getattr(weighted, name), value, rtol=1e-7, atol=1e-9)


@each_calibration
@pytest.mark.parametrize("temperature", [0.3, 4.0])
def test_log_loss_beats_the_softmax_on_new_rows(cls, temperature, rng):
    scores, target = drawn(3000, 4, rng, temperature)
    calibration = cls().fit(scores[:1000], target[:1000])
    new = log_loss(calibration.predict_proba(scores[1000:]), target[1000:])
    assert new < log_loss(softmax(scores[1000:], axis=1), target[1000:]) - 0.05
    true = log_loss(softmax(scores[1000:] / temperature, axis=1), target[1000:])
    assert new < true + 0.05


@each_calibration
def test_survives_pickle_clone_and_skops(cls, rng):
    scores, target = drawn(100, 3, rng)
    calibration = cls().fit(scores, target)
    expected = calibration.predict_proba(scores)
    for copy in (
        pickle.loads(pickle.dumps(calibration)),  # noqa: S301
        load_estimator(dump_estimator(calibration), "the copy"),
        clone(calibration).fit(scores, target),
    ):
        np.testing.assert_array_equal(copy.predict_proba(scores), expected)


@each_calibration
@pytest.mark.parametrize(
    ("scores", "target", "weight", "message"),
    [
        ([[0.0, 1.0], [np.nan, 0.0]], [0, 1], None, "the scores of row 1 are not numbers"),
        ([[0.0], [1.0]], [0, 0], None, r"the scores have shape \(2, 1\); they must be"),
        ([[0.0, 1.0]], [2], None, "not the columns of 1 rows: give 1 integers of 0 to 1"),
        ([[0.0, 1.0]], [0, 1], None, "not the columns of 1 rows"),
        ([[0.0, 1.0]], [0], [-1.0], "[Nn]egative"),
        ([[0.0, 1.0]], [0], [0.0], "positive weight|non-zero"),
    ],
)
def test_unusable_input_is_named(cls, scores, target, weight, message):
    with pytest.raises(ValueError, match=message):
        cls().fit(scores, target, weight)


@pytest.mark.parametrize("temperature", [0.05, 0.7, 30.0])
def test_temperature_of_a_known_law_is_found(temperature, rng):
    scores, target = drawn(40000, 4, rng, temperature)
    found = TemperatureScaling().fit(scores, target).temperature_
    # Three standard errors, from the curvature of the loss.
    odds = softmax(scores / temperature, axis=1)
    variance = (odds * scores**2).sum(axis=1) - (odds * scores).sum(axis=1) ** 2
    error = temperature**2 / np.sqrt(variance.sum())
    assert abs(found - temperature) < 3 * error


def test_temperature_is_the_minimum_of_its_printed_problem(rng):
    scores, target = drawn(60, 3, rng)
    weight = rng.uniform(0.2, 2, 60)
    unknown = 1 / (1 + weight.sum())
    goal = (1 - unknown) * np.eye(3)[target] + unknown / 3
    solved = minimize_scalar(
        lambda u: -(weight[:, None] * goal * log_softmax(scores * np.exp(-u), axis=1)).sum(),
        bounds=(-5, 5),
        method="bounded",
        options={"xatol": 1e-10},
    )
    found = TemperatureScaling().fit(scores, target, weight).temperature_
    assert found == pytest.approx(np.exp(solved.x), rel=1e-6)


def test_temperature_of_separated_useless_and_equal_scores():
    separated = TemperatureScaling().fit(5 * np.eye(2)[[0, 1] * 20], [0, 1] * 20)
    # 40 rows and one of unknown label are right 40.5 times out of 41.
    np.testing.assert_allclose(separated.predict_proba([[5.0, 0.0]]), [[40.5 / 41, 0.5 / 41]])
    wrong = TemperatureScaling().fit(5 * np.eye(2)[[0, 1] * 20], [1, 0] * 20)
    np.testing.assert_allclose(wrong.predict_proba([[5.0, 0.0]]), [[0.5, 0.5]], atol=1e-6)
    assert TemperatureScaling().fit(np.ones((3, 2)), [0, 1, 1]).temperature_ == 1


def test_coupling_is_clarabels(rng):
    for c in (2, 3, 6):
        upper = np.triu(rng.uniform(1e-3, 1 - 1e-3, (4, c, c)), 1)
        pairwise = upper + np.tril(1 - np.swapaxes(upper, 1, 2), -1)
        found = module._coupled(pairwise.copy())
        for r, solution in zip(pairwise, found, strict=True):
            p = cp.Variable(c, nonneg=True)
            terms = [r[m, k] * p[k] - r[k, m] * p[m] for k in range(c) for m in range(k)]
            problem = cp.Problem(cp.Minimize(cp.sum_squares(cp.hstack(terms))), [cp.sum(p) == 1])
            problem.solve(solver="CLARABEL", tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12)
            np.testing.assert_allclose(solution, p.value, atol=1e-6)


def test_coupling_of_consistent_pairs_is_their_law(rng):
    law = rng.dirichlet(np.ones(7), size=20)
    pairwise = law[:, :, None] / (law[:, :, None] + law[:, None, :])
    np.testing.assert_allclose(module._coupled(pairwise), law, rtol=1e-9)


def test_coupling_has_the_sigmoids_of_lin_lin_and_weng(rng):
    scores, target = drawn(150, 3, rng)
    weight = rng.uniform(0.5, 2, 150)
    calibration = PairwiseCoupling().fit(scores, target, weight)
    for k, m in ((0, 1), (0, 2), (1, 2)):
        rows = (target == k) | (target == m)
        first = target[rows] == k
        count = {j: weight[target == j].sum() for j in (k, m)}
        goal = np.where(first, (count[k] + 1) / (count[k] + 2), 1 / (count[m] + 2))
        lead, w = scores[rows, k] - scores[rows, m], weight[rows]

        def loss(v, lead=lead, w=w, goal=goal):
            z = v[0] * lead + v[1]
            return -(w * (goal * log_expit(z) + (1 - goal) * log_expit(-z))).sum()

        slope, offset = minimize(
            loss, [0, 0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12}
        ).x
        assert calibration.slopes_[k, m] == pytest.approx(slope, rel=1e-5)
        assert calibration.offsets_[k, m] == pytest.approx(offset, abs=1e-5)
    np.testing.assert_array_equal(calibration.slopes_, calibration.slopes_.T)
    np.testing.assert_array_equal(calibration.offsets_, -calibration.offsets_.T)


def test_sigmoids_are_optimal_where_full_newton_steps_diverge(rng):
    for _ in range(60):
        lead, weight = (np.exp(3 * rng.normal(size=20)) for _ in range(2))
        lead *= rng.choice([-1, 1], 20)
        first = lead + 0.01 * rng.normal(size=20) > 0
        target = np.where(first, 0, 1)
        calibration = PairwiseCoupling().fit(np.c_[lead, np.zeros(20)], target, weight)
        own, other = weight[first].sum(), weight[~first].sum()
        goal = np.where(first, (own + 1) / (own + 2), 1 / (other + 2))
        residual = weight * (expit(calibration.slopes_[0, 1] * lead + calibration.offsets_[0, 1]) - goal)
        assert abs(residual.sum()) < 1e-8 * weight.sum()
        assert abs(residual @ lead) < 1e-8 * weight.sum() * np.abs(lead).sum()


def test_coupling_keeps_pairs_from_certainty():
    calibration = PairwiseCoupling().fit(9 * np.eye(3)[[0, 1, 2] * 9], [0, 1, 2] * 9)
    far = calibration.predict_proba(1e6 * np.eye(3))
    assert far.min() > 1e-9
    assert far.max() < 1 - 1e-9


def test_coupling_of_two_classes_is_the_sigmoid(rng):
    scores, target = drawn(200, 2, rng)
    calibration = PairwiseCoupling().fit(scores, target)
    z = calibration.slopes_[0, 1] * (scores[:, 0] - scores[:, 1]) + calibration.offsets_[0, 1]
    same = (z >= 0) == (scores[:, 0] >= scores[:, 1])
    assert same.sum() > 150
    np.testing.assert_allclose(calibration.predict_proba(scores)[same, 0], expit(z)[same], atol=1e-10)


def test_coupling_without_rows_of_a_class_takes_the_temperature(rng):
    scores, target = drawn(300, 4, rng, classes=2)
    calibration = PairwiseCoupling().fit(scores, target)
    temperature = TemperatureScaling().fit(scores, target).temperature_
    np.testing.assert_allclose(calibration.slopes_[2:], 1 / temperature)
    np.testing.assert_array_equal(calibration.offsets_[:, 2:], 0)
    assert calibration.offsets_[0, 1] != 0


def test_least_change_that_puts_the_predicted_class_first_is_clarabels(rng):
    given_rows = rng.dirichlet(np.ones(5), size=12)
    predicted = np.argmin(given_rows, axis=1)
    found = module._led_by(predicted, given_rows.copy())
    assert_lawful(found, np.eye(5)[predicted])
    for row, y, changed in zip(given_rows, predicted, found, strict=True):
        q = cp.Variable(5, nonneg=True)
        problem = cp.Problem(cp.Minimize(cp.sum_squares(q - row)), [cp.sum(q) == 1, q <= q[y]])
        problem.solve(solver="CLARABEL", tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12)
        np.testing.assert_allclose(changed, q.value, atol=1e-6)


def test_rows_led_by_the_predicted_class_stay_as_they_are(rng):
    rows = rng.dirichlet(np.ones(5), size=50)
    np.testing.assert_array_equal(module._led_by(np.argmax(rows, axis=1), rows.copy()), rows)


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(3)
    y = np.repeat([0, 1, 2], 40)[rng.permutation(120)]
    return rng.normal(size=(120, 4)) + 1.2 * np.eye(3, 4)[y], np.array(["ash", "elm", "oak"])[y]


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix, sparse.csr_array])
def test_scores_out_of_fold_are_those_of_fits_without_the_row(form, table):
    X, y = table
    weight = np.random.default_rng(0).uniform(0.5, 2, len(y))
    estimator = CrammerSingerSVC(tol=1e-9, class_weight={"oak": 2.0})
    scores, rows = out_of_fold_scores(estimator, form(X), y, weight, n_folds=4)
    np.testing.assert_array_equal(rows, np.arange(120))
    # The rows of each class go to the folds in turn.
    fold = np.empty(120, dtype=int)
    fold[np.argsort(y, kind="stable")] = np.arange(120) % 4
    for number in range(4):
        kept = fold != number
        model = clone(estimator).fit(X[kept], y[kept], weight[kept])
        np.testing.assert_allclose(scores[~kept], model.decision_function(X[~kept]), atol=1e-5)
    assert not hasattr(estimator, "coef_")


def test_random_state_shuffles_the_folds(table):
    first, again, other, ordered = (
        out_of_fold_scores(OneVsRestSVC(), *table, random_state=state)[0] for state in (1, 1, 2, None)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3
    assert np.abs(first - ordered).max() > 1e-3


def test_rare_classes_are_held_out_only_where_a_row_is_left(table):
    X, y = table
    y = y.astype(object)
    y[:4] = ["fir", "yew", "yew", "elm"]
    weight = np.ones(120)
    weight[4:6] = 0
    scores, rows = out_of_fold_scores(OneVsRestSVC(), X, y.astype(str), weight)
    assert scores.shape == (117, 5)
    np.testing.assert_array_equal(rows, np.setdiff1d(np.arange(120), [0, 4, 5]))
    for method in CALIBRATIONS:
        calibration = calibrate(OneVsRestSVC(), X, y.astype(str), weight, method=method)
        scores = OneVsRestSVC().fit(X, y.astype(str), weight)._scores(X)
        assert_lawful(calibration.predict_proba(scores), scores)


def test_two_rows_are_two_folds():
    X, y = np.array([[0.0], [1.0], [5.0]]), [0, 0, 1]
    scores, rows = out_of_fold_scores(OneVsRestSVC(), X, y)
    np.testing.assert_array_equal(rows, [0, 1])
    np.testing.assert_allclose(scores[0], OneVsRestSVC().fit(X[1:], y[1:])._scores(X[:1])[0], atol=1e-4)


def test_coupling_of_two_classes_is_scikit_learns_platt(table):
    X, y = table[0], np.where(table[1] == "ash", "ash", "other")
    fold = np.empty(120, dtype=int)
    fold[np.argsort(y, kind="stable")] = np.arange(120) % 5
    splits = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(5)]
    estimator = OneVsRestSVC(tol=1e-9)
    theirs = CalibratedClassifierCV(estimator, method="sigmoid", cv=splits, ensemble=False).fit(X, y)
    expected = theirs.predict_proba(X)
    scores = estimator.fit(X, y)._scores(X)
    same = np.argmax(expected, axis=1) == np.argmax(scores, axis=1)
    assert same.mean() > 0.9
    ours = calibrate(estimator, X, y, method="coupling").predict_proba(scores)
    np.testing.assert_allclose(ours[same], expected[same], atol=1e-4)


def test_what_cannot_be_calibrated_is_named(table):
    with pytest.raises(ValueError, match=r"each of the 3 classes has a single row.*set probability to None"):
        out_of_fold_scores(OneVsRestSVC(), np.eye(3), ["ash", "elm", "oak"])
    with pytest.raises(ValueError, match="n_folds is 1; it must be a number of at least 2"):
        out_of_fold_scores(OneVsRestSVC(), *table, n_folds=1)
    with pytest.raises(ValueError, match="unknown probability 'platt'; choose from temperature, coupling"):
        calibrate(OneVsRestSVC(), *table, method="platt")
    calibration = PairwiseCoupling().fit(np.eye(3), [0, 1, 2])
    with pytest.raises(ValueError, match="the scores have 2 columns; the coupling was fitted to 3"):
        calibration.predict_proba([[0.0, 1.0]])
