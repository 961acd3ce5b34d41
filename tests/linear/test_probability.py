"""Probabilities of the estimators: where they are off, and what they promise where they are on."""

import numpy as np
import pytest
from scipy import sparse

from maxmargin import linear
from tests.linear import classifiers

CLASSES = {name: getattr(linear, name) for name in classifiers.NAMES}
MARGIN = {name: cls for name, cls in CLASSES.items() if "probability" in cls().get_params()}
SOFTMAX = {name: cls for name, cls in CLASSES.items() if name not in MARGIN}
each_margin_estimator = pytest.mark.parametrize("cls", MARGIN.values(), ids=MARGIN)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    y = np.repeat([0, 1, 2], 20)
    return rng.normal(size=(60, 3)) + np.eye(3)[y], np.array(["ash", "elm", "oak"])[y]


def assert_lawful(estimator, X):
    probabilities = estimator.predict_proba(X)
    assert probabilities.shape == (X.shape[0], len(estimator.classes_))
    assert (probabilities > 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_array_equal(estimator.classes_[probabilities.argmax(axis=1)], estimator.predict(X))
    logarithms = estimator.predict_log_proba(X)
    np.testing.assert_allclose(logarithms, np.log(probabilities), atol=1e-12)
    np.testing.assert_array_equal(estimator.classes_[logarithms.argmax(axis=1)], estimator.predict(X))


def test_all_estimators_are_of_one_kind_or_the_other():
    assert set(SOFTMAX) >= {"M3LogisticRegression", "MultinomialLogisticRegression"}
    assert len(MARGIN) >= 7


@each_margin_estimator
@pytest.mark.parametrize("method", ["predict_proba", "predict_log_proba"])
def test_no_probabilities_unless_asked_for(cls, method, data):
    fitted = cls().fit(*data)
    assert not hasattr(fitted, method)
    assert not hasattr(fitted, "calibration_")
    with pytest.raises(AttributeError, match=f"has no attribute '{method}'") as error:
        getattr(fitted, method)
    assert str(error.value.__cause__).startswith(
        f"{cls.__name__} has no probabilities by default; "
        "set probability to 'temperature' or 'coupling' before fit"
    )


@each_margin_estimator
@pytest.mark.parametrize("probability", ["temperature", "coupling"])
def test_most_probable_is_the_predicted_class(cls, probability, data, rng):
    X, y = data
    fitted = cls(probability=probability).fit(X, y)
    rows = np.vstack([X, 100 * rng.normal(size=(50, 3)), np.zeros((1, 3))])
    assert_lawful(fitted, rows)
    assert_lawful(fitted, sparse.csr_array(rows))
    np.testing.assert_array_equal(fitted.coef_, cls().fit(X, y).coef_)


@each_margin_estimator
@pytest.mark.parametrize("probability", ["temperature", "coupling"])
def test_two_classes_have_two_probabilities(cls, probability, data):
    X, y = data
    fitted = cls(probability=probability).fit(X, y == "oak")
    assert_lawful(fitted, X)
    # The loss is that of informed guesses: below the entropy of the labels.
    loss = -np.log(fitted.predict_proba(X)[np.arange(60), (y == "oak").astype(int)]).mean()
    assert loss < -np.log(2 / 3) * 2 / 3 - np.log(1 / 3) / 3


@pytest.mark.parametrize("cls", SOFTMAX.values(), ids=SOFTMAX)
def test_softmax_estimators_always_have_probabilities(cls, data, rng):
    X, y = data
    for labels in (y, y == "oak"):
        fitted = cls().fit(X, labels)
        assert_lawful(fitted, np.vstack([X, 20 * rng.normal(size=(50, 3))]))
        scores = X @ fitted.coef_.T + fitted.intercept_
        odds = np.exp(scores)
        np.testing.assert_allclose(fitted.predict_proba(X), odds / odds.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("cls", [linear.OneVsRestSVC, linear.M3SVC, linear.WestonWatkinsSVC])
def test_weights_and_seed_reach_the_calibration(cls, data):
    X, y = data
    weight = np.where(np.arange(60) % 20 < 15, 1.0, 0.0)
    one, other = (
        cls(probability="temperature", random_state=seed).fit(X, y, sample_weight=weight) for seed in (1, 1)
    )
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))
    used = weight > 0
    without = cls(probability="temperature", tol=1e-6).fit(X[used], y[used])
    with_absent = cls(probability="temperature", tol=1e-6).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(with_absent.predict_proba(X), without.predict_proba(X), atol=1e-3)
