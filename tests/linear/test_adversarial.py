"""Data made to break a solver: every fit with the default parameters converges, and proves it."""

from functools import partial

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning

from maxmargin import linear
from maxmargin.objectives import goals, minimisation
from tests.linear import classifiers

ESTIMATORS = {name: getattr(linear, name) for name in classifiers.NAMES} | {
    "OneVsRestSVC-hinge": partial(linear.OneVsRestSVC, loss="hinge"),
    "OneVsOneSVC-hinge": partial(linear.OneVsOneSVC, loss="hinge"),
    "TopKSVC-2-alpha": partial(linear.TopKSVC, k=2, variant="alpha"),
    "M3SVC-2": partial(linear.M3SVC, p=2),
    "M3SVC-1": partial(linear.M3SVC, p=1),
    "M3LogisticRegression-1": partial(linear.M3LogisticRegression, p=1),
    "M3LogisticRegression-1.5": partial(linear.M3LogisticRegression, p=1.5),
}
each_estimator = pytest.mark.parametrize("make", ESTIMATORS.values(), ids=ESTIMATORS)


def clouds(rng, n=60, d=4, c=3, apart=1.5):
    y = np.arange(n) % c
    return rng.normal(size=(n, d)) + apart * np.eye(c, d)[y], y


def stripes(rng):
    """Six classes side by side along one column."""
    y = np.arange(240) % 6
    return np.column_stack([(y + rng.uniform(size=240)) / 6, rng.uniform(size=240)]), y


def duplicated_columns(rng):
    X, y = clouds(rng)
    return np.hstack([X, X, X[:, :1]]), y


def columns_of_all_units(rng):
    X, y = clouds(rng)
    return X * [1e6, 1e-6, 1, 1e3], y


def columns_far_off_the_origin(rng):
    X, y = clouds(rng)
    return X + np.array([1e6, 0, -1e4, 1]), y


def constant_columns(rng):
    X, y = clouds(rng)
    return np.hstack([X, np.full((60, 1), 7.0), np.zeros((60, 1))]), y


def one_row_a_class(rng):
    return rng.normal(size=(6, 3)), np.arange(6)


def one_class_of_a_single_row(rng):
    X, y = clouds(rng, c=2)
    return np.vstack([X, X[:1] + 0.1]), np.append(y, 2)


def more_columns_than_rows(rng):
    return clouds(rng, n=15, d=60)


def duplicated_rows(rng):
    X, y = clouds(rng, n=12)
    return np.repeat(X, 6, axis=0), np.repeat(y, 6)


def contradicting_rows(rng):
    X, _ = clouds(rng, n=10)
    return np.repeat(X, 3, axis=0), np.tile([0, 1, 2], 10)


def nothing_but_zeros(rng):  # noqa: ARG001
    return np.zeros((12, 3)), np.arange(12) % 3


def an_outlier(rng):
    X, y = clouds(rng)
    X[0] = 1e4
    return X, y


DATA = [
    stripes,
    duplicated_columns,
    columns_of_all_units,
    columns_far_off_the_origin,
    constant_columns,
    one_row_a_class,
    one_class_of_a_single_row,
    more_columns_than_rows,
    duplicated_rows,
    contradicting_rows,
    nothing_but_zeros,
    an_outlier,
]


def assert_proven(estimator, X, y):
    certificate = estimator.certificate_
    gap = certificate.get("relative_gap", certificate.get("relative_gradient"))
    assert estimator.converged_
    assert -1e-12 <= gap <= estimator.tol
    assert np.isfinite(estimator.coef_).all()
    assert np.isfinite(estimator.intercept_).all()
    assert set(estimator.predict(X)) <= set(y)


@pytest.mark.parametrize("data", DATA, ids=lambda data: data.__name__)
@each_estimator
def test_hard_data_converge_with_a_certificate(make, data, rng):
    X, y = data(rng)
    assert_proven(make().fit(X, y), X, y)


@pytest.mark.parametrize("C", [1e-5, 1e4])
@each_estimator
def test_any_c_converges_with_a_certificate(make, C, rng):
    X, y = clouds(rng)
    assert_proven(make(C=C).fit(X, y), X, y)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
@each_estimator
def test_classes_far_apart_converge_at_a_large_c(make, form, rng):
    # Next to no loss is left to hold the intercepts, nothing else does, and few rows support the planes.
    y = rng.integers(6, size=3000)
    X = rng.normal(size=(3000, 50)) + 3 * rng.normal(size=(6, 50))[y]
    estimator = make(C=1e4, max_iter=200).fit(form(X), y)
    assert_proven(estimator, X, y)


@each_estimator
def test_real_rows_in_the_millionth_of_their_unit_converge(make):
    # As a C of 1e12 would, these leave overlapping classes next to no penalty.
    X, y = load_iris(return_X_y=True)
    assert_proven(make().fit(1e6 * X, y), 1e6 * X, y)


@pytest.mark.parametrize("name", ["CrammerSingerSVC", "WestonWatkinsSVC", "BredensteinerBennettSVC"])
def test_overlapping_rows_of_which_half_the_columns_are_in_the_millionth_converge(name):
    # Next to nothing is curved, and the kinks of the hinges cut Newton's steps to a millionth.
    X, y = load_iris(return_X_y=True)
    X = X * [1, 1e6, 1, 1e6]
    assert_proven(ESTIMATORS[name]().fit(X, y), X, y)


@pytest.mark.parametrize("units", [[1e6, 1e6, 1e6, 1e6], [1, 1e6, 1, 1e6], [1e6, 1, 1, 1]])
@each_estimator
def test_columns_in_the_millionth_of_their_unit_tell_classes_apart(make, units, rng):
    # The weights are so small that C times the rounding of a score is more than their penalty.
    X, y = clouds(rng, apart=12)
    estimator = make().fit(X * units, y)
    assert_proven(estimator, X * units, y)
    assert estimator.score(X * units, y) == 1


@pytest.mark.parametrize(
    "name",
    [
        "OneVsRestSVC",
        "OneVsRestSVC-hinge",
        "OneVsOneSVC",
        "OneVsOneSVC-hinge",
        "CrammerSingerSVC",
        "WestonWatkinsSVC",
        "BredensteinerBennettSVC",
        "TopKSVC-2-alpha",
    ],
)
def test_where_classes_are_apart_a_million_times_larger_rows_want_weights_as_much_smaller(name, rng):
    X, y = clouds(rng, apart=12)
    small, large = (ESTIMATORS[name](C=1e4).fit(unit * X, y) for unit in (1, 1e6))
    assert large.objective_ == pytest.approx(small.objective_ / 1e12, rel=2e-4)
    np.testing.assert_allclose(1e6 * large.coef_, small.coef_, atol=2e-2 * np.abs(small.coef_).max())


@pytest.mark.parametrize("C", [1.0, 1e4])
@each_estimator
def test_any_labels_are_apart_where_columns_are_many(make, C, rng):
    X, y = 30 * rng.normal(size=(150, 1000)), np.arange(150) % 3
    estimator = make(C=C, max_iter=200).fit(X, y)
    assert_proven(estimator, X, y)
    assert estimator.score(X, y) == 1


@pytest.mark.parametrize("cls", [linear.CrammerSingerSVC, linear.WestonWatkinsSVC])
def test_sweeps_that_were_all_that_was_allowed_are_kept(cls, rng):
    y = rng.integers(6, size=3000)
    X = rng.normal(size=(3000, 50)) + 3 * rng.normal(size=(6, 50))[y]
    with pytest.warns(ConvergenceWarning):
        stopped = cls(C=1e4, max_iter=2).fit(X, y)
    assert stopped.score(X, y) > 0.9


@each_estimator
def test_sparse_rows_far_off_the_origin_converge(make, rng):
    X, y = columns_far_off_the_origin(rng)
    assert_proven(make().fit(sparse.csr_array(X), y), X, y)


@each_estimator
def test_sparse_rows_with_empty_rows_and_columns_converge(make, rng):
    X, y = clouds(rng, d=30)
    X[np.abs(X) < 1.3] = 0
    X[:3], X[:, 3:6] = 0, 0
    assert_proven(make().fit(sparse.csr_array(X), y), X, y)


@each_estimator
def test_many_classes_of_few_rows_converge(make, rng):
    estimator = make()
    if "loss" not in estimator.get_params() and "relative_gap" in make().fit(*clouds(rng)).certificate_:
        c = 60
    else:
        c = 200
    y = np.repeat(np.arange(c), 2)
    X = 3 * rng.normal(size=(c, 8))[y] + 0.3 * rng.normal(size=(2 * c, 8))
    assert_proven(estimator.fit(X, y), X, y)


@each_estimator
def test_rows_that_count_at_even_intervals_are_those_of_the_fit(make, rng, monkeypatch):
    # Large problems begin with a part of the rows: every eighth of these would count for nothing.
    monkeypatch.setattr(minimisation, "_LARGE", 0)
    monkeypatch.setattr(goals, "_SMALL", 0)
    X, y = clouds(rng, n=600)
    weight = (np.arange(len(y)) % 4 == 1) * 1.0
    estimator = make().fit(X, y, sample_weight=weight)
    assert_proven(estimator, X, y)
    alone = make().fit(X[weight > 0], y[weight > 0])
    assert estimator.objective_ == pytest.approx(alone.objective_, rel=3 * estimator.tol)


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
def test_stripes_are_beyond_one_vs_rest_but_not_one_vs_one(loss, rng):
    # No line has an inner stripe alone on one side; any two stripes have a line between.
    X, y = stripes(rng)
    assert linear.OneVsRestSVC(loss=loss, C=10).fit(X, y).score(X, y) < 0.8
    assert linear.OneVsOneSVC(loss=loss, C=10).fit(X, y).score(X, y) > 0.9


@pytest.mark.parametrize("cls", [linear.CrammerSingerSVC, linear.WestonWatkinsSVC])
def test_stripes_are_within_the_coupled_machines(cls, rng):
    X, y = stripes(rng)
    assert cls(C=1e4).fit(X, y).score(X, y) > 0.95


@pytest.mark.parametrize("C", [0.1, 10.0])
def test_duplicated_columns_share_their_weight(C, rng):
    X, y = clouds(rng)
    fitted = linear.CrammerSingerSVC(C=C, tol=1e-9).fit(np.hstack([X, X]), y)
    np.testing.assert_allclose(fitted.coef_[:, :4], fitted.coef_[:, 4:], atol=1e-6)
    # Twice a column is one of sqrt(2) times the length, under twice its weight.
    single = linear.CrammerSingerSVC(C=C, tol=1e-9).fit(np.sqrt(2) * X, y)
    np.testing.assert_allclose(fitted.coef_[:, :4] * np.sqrt(2), single.coef_, atol=1e-4)
