"""What a person relies on beyond scikit-learn's own checks."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

import maxmargin
from maxmargin.kernel import KernelSVC

X, Y = load_digits(return_X_y=True)
X, Y = X[:500] / 16, Y[:500]


def test_clone_and_pickle():
    model = KernelSVC(2.0, gamma=0.1, probability="temperature", class_weight={1: 2.0}).fit(X, Y)
    assert clone(model).get_params() == model.get_params()
    again = pickle.loads(pickle.dumps(model))  # noqa: S301
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("kernel", ["rbf", "linear", "poly"])
def test_saved_model_answers_as_before(kernel, tmp_path):
    model = make_pipeline(StandardScaler(), KernelSVC(kernel=kernel, probability="coupling")).fit(X, Y)
    maxmargin.save_model(model, tmp_path / "model")
    again = maxmargin.load_model(tmp_path / "model")
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_grid_search_in_a_pipeline():
    grid = {"svc__C": [0.1, 10.0], "svc__gamma": [0.01, "scale"]}
    ours, theirs = (
        GridSearchCV(make_pipeline(StandardScaler(), svc), grid, cv=3).fit(X, Y)
        for svc in (_Named(tol=1e-8), SVC(tol=1e-8))
    )
    np.testing.assert_array_equal(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"])


class _Named(KernelSVC):
    """Under the name that the grid gives its step."""


_Named.__name__ = "SVC"


def test_given_values_are_cut_by_rows_and_columns_in_cross_validation():
    scores = cross_val_score(KernelSVC(kernel="precomputed", tol=1e-8), X @ X.T, Y, cv=3)
    np.testing.assert_array_equal(scores, cross_val_score(SVC(kernel="linear", tol=1e-8), X, Y, cv=3))


def test_calibrated_by_scikit_learn():
    model = CalibratedClassifierCV(KernelSVC(), cv=3).fit(X, Y)
    assert model.score(X, Y) > 0.95


def test_names_of_features():
    frame = pd.DataFrame(X[:, 20:24], columns=["a", "b", "c", "d"])
    model = KernelSVC().fit(frame, Y)
    assert model.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["b", "a", "c", "d"]])


def test_threads_change_no_digit():
    with threadpool_limits(1):
        one = KernelSVC(10.0).fit(X, Y)
    with threadpool_limits(2):
        two = KernelSVC(10.0).fit(X, Y)
    np.testing.assert_array_equal(one.support_, two.support_)
    np.testing.assert_array_equal(one.dual_coef_, two.dual_coef_)


def test_fits_at_the_same_time_do_not_disturb_each_other():
    alone = [KernelSVC(C).fit(X, Y).decision_function(X) for C in (0.1, 1.0, 10.0)]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda C: KernelSVC(C).fit(X, Y).decision_function(X), (0.1, 1.0, 10.0)))
    for expected, found in zip(alone, together, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_nothing_that_was_given_is_changed(tmp_path):
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    np.testing.assert_array_equal(
        KernelSVC().fit(mapped, Y).predict(mapped), KernelSVC().fit(X, Y).predict(X)
    )
    before, weight = X.copy(), np.ones(500)
    KernelSVC(kernel="poly").fit(X, Y, sample_weight=weight).predict(X)
    np.testing.assert_array_equal(X, before)
    values = X @ X.T
    kept = values.copy()
    KernelSVC(kernel="precomputed").fit(values, Y).predict(values)
    np.testing.assert_array_equal(values, kept)


def test_what_is_on_disk_is_only_read(tmp_path):
    rows, weight = sparse.csr_matrix(X), np.linspace(0.5, 2, 500)
    joblib.dump((rows, Y, weight), tmp_path / "rows.joblib")
    mapped = joblib.load(tmp_path / "rows.joblib", mmap_mode="r")
    assert not mapped[0].data.flags.writeable
    found = KernelSVC(probability="temperature").fit(*mapped).predict_proba(mapped[0])
    expected = KernelSVC(probability="temperature").fit(rows, Y, weight).predict_proba(rows)
    np.testing.assert_array_equal(found, expected)


def test_second_fit_forgets_the_first():
    model = KernelSVC().fit(X[:, :30], Y % 3).fit(X, Y)
    np.testing.assert_array_equal(model.decision_function(X), KernelSVC().fit(X, Y).decision_function(X))


def test_steps_are_told_by_machine():
    model = KernelSVC().fit(X, Y)
    assert model.n_iter_.shape == model.intercept_.shape == (45,)
    assert model.certificate_["violation"] <= model.tol
    assert set(model.certificate_) == {"primal", "dual", "relative_gap", "violation"}


def test_what_is_set_after_the_fit_waits_for_the_next():
    model = KernelSVC(probability="temperature").fit(X, Y)
    before = model.decision_function(X)
    model.set_params(strategy="ovr")
    np.testing.assert_array_equal(model.decision_function(X), before)
    model.set_params(probability=None).fit(X, Y)
    assert not hasattr(model, "calibration_")
