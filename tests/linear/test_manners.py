"""What a person relies on beyond scikit-learn's own checks, one row of the table an estimator."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from maxmargin import linear

ESTIMATORS = {name: getattr(linear, name) for name in linear.__all__}
each_estimator = pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=ESTIMATORS)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(7)
    y = rng.integers(0, 3, size=90)
    X = rng.normal(size=(90, 4)) + 1.5 * np.eye(3, 4)[y]
    return X, np.array(["ash", "elm", "oak"])[y]


@each_estimator
def test_attributes_have_one_row_a_class(cls, data):
    X, y = data
    for labels, n_classes in ((y, 3), (np.where(y == "ash", "ash", "other"), 2)):
        estimator = cls().fit(X, labels)
        assert estimator.coef_.shape == (n_classes, 4)
        assert estimator.intercept_.shape == (n_classes,)
        assert list(estimator.classes_) == sorted(set(labels))
        assert estimator.converged_
        assert estimator.n_iter_ >= 1
        assert np.isfinite(estimator.objective_)
        assert estimator.score(X, labels) > 0.7


@each_estimator
def test_sparse_rows_give_the_same_model(cls, data):
    X, y = data
    dense = cls(tol=1e-8, max_iter=5000).fit(X, y)
    for form in (sparse.csr_matrix, sparse.csr_array):
        same = cls(tol=1e-8, max_iter=5000).fit(form(X), y)
        np.testing.assert_allclose(same.coef_, dense.coef_, atol=1e-4)
        np.testing.assert_allclose(same.decision_function(form(X)), same.decision_function(X), atol=1e-10)


@each_estimator
def test_units_of_the_features_do_not_matter_to_convergence(cls, data):
    X, y = data
    scaled = cls(C=10.0).fit(X * [1e6, 1, 1e-3, 1] + [0, 1e5, 0, 0], y)
    assert scaled.converged_


@each_estimator
def test_a_weight_of_two_is_the_row_twice(cls, data):
    X, y = data
    weight = np.ones(90)
    weight[:20] = 2
    weighted = cls(tol=1e-8, max_iter=5000).fit(X, y, sample_weight=weight)
    doubled = cls(tol=1e-8, max_iter=5000).fit(np.vstack([X, X[:20]]), np.append(y, y[:20]))
    assert weighted.objective_ == pytest.approx(doubled.objective_, rel=1e-9)
    np.testing.assert_allclose(weighted.coef_, doubled.coef_, atol=1e-4)


@each_estimator
def test_class_weight_multiplies_the_sample_weight(cls, data):
    X, y = data
    by_class = cls(class_weight={"oak": 3.0}, tol=1e-8).fit(X, y)
    by_sample = cls(tol=1e-8).fit(X, y, sample_weight=np.where(y == "oak", 3.0, 1.0))
    np.testing.assert_allclose(by_class.coef_, by_sample.coef_, atol=1e-9)
    counts = {label: np.sum(y == label) for label in np.unique(y)}
    balanced = cls(class_weight="balanced", tol=1e-8).fit(X, y)
    given = cls(class_weight={k: 90 / (3 * n) for k, n in counts.items()}, tol=1e-8).fit(X, y)
    np.testing.assert_allclose(balanced.coef_, given.coef_, atol=1e-9)


@each_estimator
def test_warm_start_goes_on_from_the_last_solution(cls, data):
    X, y = data
    estimator = cls(warm_start=True).fit(X, y)
    assert estimator.n_iter_ > 0
    assert estimator.fit(X, y).n_iter_ == 0
    other = np.where(y == "ash", "ash", "other")
    assert estimator.fit(X, other).coef_.shape == (2, 4)


@each_estimator
def test_too_few_iterations_warn(cls, data):
    with pytest.warns(
        ConvergenceWarning, match="stopped after 1 iterations .max_iter.*raise max_iter or tol"
    ):
        estimator = cls(max_iter=1, tol=1e-9).fit(*data)
    assert not estimator.converged_


@each_estimator
def test_verbose_prints_the_objective(cls, data, capsys):
    cls(verbose=True).fit(*data)
    assert f"{cls.__name__}: iteration 1, objective " in capsys.readouterr().out


@each_estimator
def test_scikit_learns_tools_take_it(cls, data):
    X, y = data
    search = GridSearchCV(cls(), {"C": [0.1, 1.0]}, cv=3).fit(X, y)
    assert search.best_score_ > 0.7
    calibrated = CalibratedClassifierCV(cls(), cv=3).fit(X, y)
    np.testing.assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"C": 0}, r"C is 0; it must be a positive number"),
        ({"C": float("nan")}, r"C is nan; it must be a positive number"),
        ({"tol": -1}, r"tol is -1; it must be a positive number"),
        ({"max_iter": 0}, r"max_iter is 0; it must be a number of at least 1"),
        ({"class_weight": "even"}, r"class_weight is 'even'; it must be a dict, 'balanced' or None"),
        (
            {"class_weight": {"fir": 2}},
            r"class_weight names \['fir'\], which are not among the labels \['ash'",
        ),
    ],
)
@each_estimator
def test_unusable_parameters_are_named(cls, parameters, message, data):
    with pytest.raises(ValueError, match=message):
        cls(**parameters).fit(*data)


@each_estimator
@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered")
def test_an_overflow_is_named_and_nothing_is_fitted(cls, data):
    estimator = cls(C=1e308)
    with pytest.raises(ValueError, match=r"the objective of \w+ overflows at C=1e\+308; lower C"):
        estimator.fit(*data)
    assert not hasattr(estimator, "coef_")


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (linear.OneVsRestSVC(loss="log"), r"unknown loss 'log'; choose from squared_hinge, smooth_hinge"),
        (linear.CrammerSingerSVC(delta=0), r"delta is 0; it must be a positive number"),
        (linear.WestonWatkinsSVC(delta=-1), r"delta is -1; it must be a positive number"),
        (linear.M3SVC(p=0.5), r"p is 0.5; it must be a number of at least 1"),
        (linear.M3LogisticRegression(epsilon=-1), r"epsilon is -1; it must be a number of at least 0"),
    ],
)
def test_unusable_own_parameters_are_named(estimator, message, data):
    with pytest.raises(ValueError, match=message):
        estimator.fit(*data)


@each_estimator
def test_one_class_is_named(cls):
    with pytest.raises(ValueError, match=r"needs rows of at least two classes .* one class: \['elm'\]"):
        cls().fit(np.ones((3, 2)), ["elm"] * 3)
