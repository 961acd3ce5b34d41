"""Input and parameters that cannot be used are named, and nothing is fitted."""

import numpy as np
import pytest
from scipy import sparse

from maxmargin import linear
from tests.linear import classifiers

ESTIMATORS = {name: getattr(linear, name) for name in classifiers.NAMES}
each_estimator = pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=ESTIMATORS)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(7)
    y = np.repeat([0, 1, 2], 10)
    return rng.normal(size=(30, 4)) + 1.5 * np.eye(3, 4)[y], np.array(["ash", "elm", "oak"])[y]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"C": 0}, r"^C is 0; it must be a positive number$"),
        ({"C": float("nan")}, r"^C is nan; it must be a positive number$"),
        ({"C": "1"}, r"^C is '1'; it must be a positive number$"),
        ({"tol": -1}, r"^tol is -1; it must be a positive number$"),
        ({"max_iter": 0}, r"^max_iter is 0; it must be an integer of at least 1$"),
        ({"max_iter": 1.5}, r"^max_iter is 1.5; it must be an integer of at least 1$"),
        ({"fit_intercept": "no"}, r"^fit_intercept is 'no'; it must be True or False$"),
        ({"warm_start": "no"}, r"^warm_start is 'no'; it must be True or False$"),
        ({"verbose": "no"}, r"^verbose is 'no'; it must be True or False$"),
        ({"class_weight": "even"}, r"^class_weight is 'even'; it must be a dict, 'balanced' or None$"),
        (
            {"class_weight": [1, 2, 3]},
            r"^class_weight is \[1, 2, 3\]; it must be a dict, 'balanced' or None$",
        ),
        (
            {"class_weight": {"fir": 2}},
            r"^class_weight names \['fir'\], which are not among the labels \['ash'",
        ),
        ({"class_weight": {"oak": -1.0}}, r"class_weight.*-1\.0"),
        ({"class_weight": {"oak": float("nan")}}, r"class_weight.*nan"),
    ],
)
@each_estimator
def test_unusable_parameters_are_named(cls, parameters, message, data):
    estimator = cls(**parameters)
    with pytest.raises(ValueError, match=message):
        estimator.fit(*data)
    assert not hasattr(estimator, "coef_")


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (linear.OneVsRestSVC(loss="log"), r"^unknown loss 'log'; choose from hinge, squared_hinge$"),
        (linear.OneVsOneSVC(loss="smooth"), r"^unknown loss 'smooth'; choose from hinge, squared_hinge$"),
        (linear.TopKSVC(k=0), r"^k is 0; it must be an integer of at least 1$"),
        (linear.TopKSVC(k=1.5), r"^k is 1.5; it must be an integer of at least 1$"),
        (linear.TopKSVC(k=3), r"^k is 3, but there are 3 classes; choose k from 1 to 2$"),
        (linear.TopKSVC(variant="gamma"), r"^unknown variant 'gamma'; choose from alpha, beta$"),
        (linear.M3SVC(p=0.5), r"^p is 0.5; it must be a number of at least 1$"),
        (linear.M3SVC(delta=0), r"^delta is 0; it must be a positive number$"),
        (linear.M3SVC(epsilon=-1), r"^epsilon is -1; it must be a number of at least 0$"),
        (linear.M3LogisticRegression(p=float("inf")), r"^p is inf; it must be a number of at least 1$"),
        (linear.M3LogisticRegression(epsilon=-1), r"^epsilon is -1; it must be a number of at least 0$"),
        (
            linear.CrammerSingerSVC(probability="sigmoid"),
            r"^unknown probability 'sigmoid'; choose from temperature, coupling$",
        ),
    ],
    ids=str,
)
def test_unusable_own_parameters_are_named(estimator, message, data):
    with pytest.raises(ValueError, match=message):
        estimator.fit(*data)
    assert not hasattr(estimator, "coef_")


@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered")
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
@each_estimator
def test_an_overflow_is_named_and_nothing_is_fitted(cls, form, data):
    estimator = cls(C=1e308)
    with pytest.raises(
        ValueError, match=rf"^the objective of {cls.__name__} overflows at C=1e\+308; lower C or"
    ):
        estimator.fit(form(data[0]), data[1])
    assert not hasattr(estimator, "coef_")
    with pytest.raises(ValueError, match=r"overflows at C=1.0; .* or scale X down$"):
        cls().fit(form(1e155 * data[0]), data[1])


@each_estimator
def test_a_weight_of_a_class_that_the_rows_lack_is_left_out(cls, data):
    weights = {"ash": 1, "elm": 2, "oak": 3}
    X, y = data
    some = cls(class_weight=weights).fit(X[y != "oak"], y[y != "oak"])
    same = cls(class_weight={"ash": 1, "elm": 2}).fit(X[y != "oak"], y[y != "oak"])
    np.testing.assert_array_equal(some.coef_, same.coef_)


@each_estimator
def test_one_class_is_named(cls, data):
    message = r"at least two classes with positive sample_weight; the labels hold one class: \['elm'\]$"
    with pytest.raises(ValueError, match=message):
        cls().fit(np.ones((3, 2)), ["elm"] * 3)
    X, y = data
    with pytest.raises(ValueError, match=message):
        cls().fit(X, y, sample_weight=(y == "elm").astype(float))


@each_estimator
def test_unusable_weights_are_named(cls, data):
    X, y = data
    with pytest.raises(ValueError, match=r"positive sample_weight|non-zero"):
        cls().fit(X, y, sample_weight=np.zeros(30))
    with pytest.raises(ValueError, match="sample_weight"):
        cls().fit(X, y, sample_weight=np.full(30, -1.0))
    with pytest.raises(ValueError, match="sample_weight"):
        cls().fit(X, y, sample_weight=np.full(30, np.nan))
    with pytest.raises(ValueError, match="sample_weight"):
        cls().fit(X, y, sample_weight=np.ones(29))


@each_estimator
def test_unusable_rows_are_named(cls, data):
    X, y = data
    broken = X.copy()
    broken[3, 1] = np.inf
    for form in (np.asarray, sparse.csr_array):
        with pytest.raises(ValueError, match="infinity"):
            cls().fit(form(broken), y)
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        cls().fit(X, np.linspace(0, 1, 30))
    fitted = cls().fit(X, y)
    with pytest.raises(ValueError, match=r"X has 3 features, but .* is expecting 4 features"):
        fitted.predict(X[:, :3])
