"""What a person relies on beyond scikit-learn's own checks, one row of the table an estimator."""

import os
import pickle
import tracemalloc
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from maxmargin import linear
from maxmargin.datasets import load_dataset
from maxmargin.objectives import rounded_rows
from tests.linear import classifiers

ESTIMATORS = {name: getattr(linear, name) for name in classifiers.NAMES} | {
    "OneVsRestSVC-hinge": partial(linear.OneVsRestSVC, loss="hinge"),
    "OneVsOneSVC-hinge": partial(linear.OneVsOneSVC, loss="hinge"),
    "TopKSVC-2-alpha": partial(linear.TopKSVC, k=2, variant="alpha"),
    "M3SVC-2": partial(linear.M3SVC, p=2),
    "M3LogisticRegression-1.5": partial(linear.M3LogisticRegression, p=1.5),
}
AMONG_THREE = {name: make for name, make in ESTIMATORS.items() if name != "TopKSVC-2-alpha"}
each_estimator = pytest.mark.parametrize("make", ESTIMATORS.values(), ids=ESTIMATORS)
each_for_two_classes = pytest.mark.parametrize("make", AMONG_THREE.values(), ids=AMONG_THREE)
CORNELL = Path(os.environ.get("MAXMARGIN_DATA", "nowhere")) / "m3svm" / "Cornell.mat"
TIGHT = {"tol": 1e-8, "max_iter": 5000}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(7)
    y = rng.integers(0, 3, size=90)
    X = rng.normal(size=(90, 4)) + 1.5 * np.eye(3, 4)[y]
    return X, np.array(["ash", "elm", "oak"])[y]


def two_classes(y):
    return np.where(y == "ash", "ash", "other")


def assert_same_model(one, other, atol=1e-4):
    assert one.objective_ == pytest.approx(other.objective_, rel=1e-7)
    np.testing.assert_array_equal(one.classes_, other.classes_)
    np.testing.assert_allclose(one.coef_, other.coef_, atol=atol)
    np.testing.assert_allclose(one.intercept_, other.intercept_, atol=10 * atol)


@each_for_two_classes
def test_attributes_have_the_documented_shapes(make, data):
    X, y = data
    for labels, n_classes, n_pairs in ((y, 3, 3), (two_classes(y), 2, 1)):
        estimator = make().fit(X, labels)
        n_rows = n_pairs if isinstance(estimator, linear.OneVsOneSVC) else n_classes
        assert estimator.coef_.shape == (n_rows, 4)
        assert estimator.intercept_.shape == (n_rows,)
        assert list(estimator.classes_) == sorted(set(labels))
        assert estimator.converged_ is True
        assert isinstance(estimator.n_iter_, int)
        assert estimator.n_iter_ >= 1
        assert estimator.objective_ == estimator.certificate_["primal"] > 0
        assert estimator.decision_function(X).shape == ((90, 3) if n_classes == 3 else (90,))
        assert estimator.score(X, labels) > 0.7


@each_estimator
@pytest.mark.parametrize("form", ["csr_matrix", "csr_array", "int64 indices", "float32", "memmap"])
def test_every_form_of_the_rows_gives_the_same_model(make, form, data, tmp_path):
    X, y = data
    X = np.where(np.abs(X) < 0.3, 0, X.astype(np.float32)).astype(np.float64)
    plain = make(**TIGHT).fit(X, y)
    same = sparse.csr_matrix(X) if form == "csr_matrix" else sparse.csr_array(X)
    if form == "int64 indices":
        same.indices, same.indptr = same.indices.astype(np.int64), same.indptr.astype(np.int64)
    if form == "float32":
        same = X.astype(np.float32)
    if form == "memmap":
        np.save(tmp_path / "X.npy", X)
        same = np.load(tmp_path / "X.npy", mmap_mode="r")
    other = make(**TIGHT).fit(same, y)
    assert_same_model(other, plain)
    assert other.coef_.dtype == np.float64
    np.testing.assert_allclose(other.decision_function(same), other.decision_function(X), atol=1e-10)
    if form == "memmap":
        np.testing.assert_array_equal(other.coef_, plain.coef_)


@pytest.mark.parametrize(
    "make", [linear.OneVsRestSVC, ESTIMATORS["OneVsRestSVC-hinge"]], ids=["squared", "hinge"]
)
def test_memory_mapped_rows_are_never_copied_whole(make, rng, tmp_path, monkeypatch):
    y = rng.integers(0, 2, size=20000)
    np.save(tmp_path / "X.npy", rng.normal(size=(20000, 200)) + 0.05 * y[:, None])
    X = np.load(tmp_path / "X.npy", mmap_mode="r")
    # The curved rows may be copied up to a size that counts for nothing; here it would be all of them.
    monkeypatch.setattr(rounded_rows, "_COPIED_BYTES", 0)
    tracemalloc.start()
    make(tol=1e-2).fit(X, y)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.8 * X.nbytes


@each_estimator
def test_units_of_the_features_do_not_matter_to_convergence(make, data):
    X, y = data
    plain = make(C=10.0, fit_intercept=True).fit(X * [1e6, 1, 1e-3, 1] + [0, 1e5, 0, 0], y)
    assert plain.converged_


@each_estimator
def test_a_weight_of_two_is_the_row_twice(make, data):
    X, y = data
    weight = np.ones(90)
    weight[:20] = 2
    weighted = make(**TIGHT).fit(X, y, sample_weight=weight)
    assert_same_model(weighted, make(**TIGHT).fit(np.vstack([X, X[:20]]), np.append(y, y[:20])))


@each_estimator
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_a_weight_of_zero_is_no_row(make, form, data):
    X, y = data
    weight = np.linspace(0.5, 2, 90)
    # Those absent are of all three classes, far off, and of a class of their own.
    absent_X, absent_y = np.vstack([X[:20] + 1e3, -X[:9]]), np.append(y[:20], ["yew"] * 9)
    everything = np.vstack([absent_X, X]), np.append(absent_y, y), np.append(np.zeros(29), weight)
    with_absent = make(**TIGHT).fit(form(everything[0]), everything[1], sample_weight=everything[2])
    assert_same_model(with_absent, make(**TIGHT).fit(form(X), y, sample_weight=weight))
    assert list(with_absent.classes_) == ["ash", "elm", "oak"]


@each_estimator
def test_class_weight_multiplies_the_sample_weight(make, data):
    X, y = data
    weight = np.linspace(0.5, 2, 90)
    by_class = make(class_weight={"oak": 3.0}, **TIGHT).fit(X, y, sample_weight=weight)
    by_sample = make(**TIGHT).fit(X, y, sample_weight=weight * np.where(y == "oak", 3.0, 1.0))
    np.testing.assert_allclose(by_class.coef_, by_sample.coef_, atol=1e-9)
    counts = {label: np.sum(y == label) for label in np.unique(y)}
    balanced = make(class_weight="balanced", **TIGHT).fit(X, y)
    given = make(class_weight={k: 90 / (3 * n) for k, n in counts.items()}, **TIGHT).fit(X, y)
    np.testing.assert_allclose(balanced.coef_, given.coef_, atol=1e-9)


@each_for_two_classes
def test_warm_start_goes_on_from_the_last_solution(make, data):
    X, y = data
    cold = make(warm_start=True).fit(X, y)
    steps, objective = cold.n_iter_, cold.objective_
    again = cold.fit(X, y)
    # The exact hinges keep no dual variables, so they may have to prove their optimum anew.
    assert again.n_iter_ <= steps
    assert again.objective_ == pytest.approx(objective, rel=1e-4)
    assert again.set_params(C=0.1, **TIGHT).fit(X, y).objective_ == pytest.approx(
        make(C=0.1, **TIGHT).fit(X, y).objective_, rel=1e-8
    )
    # What the last solution does not fit starts afresh.
    fresh = make(C=0.1, **TIGHT).fit(X, two_classes(y))
    np.testing.assert_array_equal(again.fit(X, two_classes(y)).coef_, fresh.coef_)
    np.testing.assert_array_equal(
        again.fit(X[:, :2], two_classes(y)).coef_, make(C=0.1, **TIGHT).fit(X[:, :2], two_classes(y)).coef_
    )


@pytest.mark.skipif(not CORNELL.exists(), reason="MAXMARGIN_DATA has no Cornell")
@pytest.mark.parametrize("name", ["WestonWatkinsSVC", "TopKSVC-2-alpha"])
def test_a_warm_start_that_is_far_off_costs_little(name):
    # Words of web pages: ten times C moves almost every dual variable of these classes.
    dataset = load_dataset("cornell")
    rows = np.random.default_rng(0).permutation(len(dataset.y))[:440]
    X, y = StandardScaler().fit_transform(dataset.X[rows].astype(float)), dataset.y[rows]
    X = PCA(svd_solver="full").fit_transform(X)
    estimator = ESTIMATORS[name](C=0.0024, warm_start=True, tol=1e-3, max_iter=200).fit(X, y)
    assert estimator.set_params(C=0.024).fit(X, y).converged_


@pytest.mark.skipif(not CORNELL.exists(), reason="MAXMARGIN_DATA has no Cornell")
def test_steps_do_not_crawl_along_a_kink():
    # Newton systems solved loosely throughout took 259 to 331 steps on these rows, and once more than 10000.
    dataset = load_dataset("cornell")
    folds = StratifiedKFold(5, shuffle=True, random_state=0).split(dataset.X, dataset.y)
    rows = list(folds)[1][0]
    X, y = StandardScaler().fit_transform(dataset.X[rows].astype(float)), dataset.y[rows]
    orders = np.random.default_rng(0).permuted(np.tile(np.arange(len(y)), (24, 1)), axis=1)
    for some in orders[[3, 14, 23], :330]:
        turned = np.linalg.qr((X[some] - X[some].mean(axis=0)).T).R.T
        classifier = ESTIMATORS["TopKSVC-2-alpha"](C=0.242, tol=1e-3).fit(
            np.ascontiguousarray(turned), y[some]
        )
        assert classifier.converged_
        assert classifier.n_iter_ <= 120


@pytest.mark.parametrize("name", ["OneVsRestSVC", "OneVsOneSVC", "M3SVC", "MultinomialLogisticRegression"])
def test_a_smooth_fit_warm_started_at_its_solution_takes_no_step(name, data):
    estimator = ESTIMATORS[name](warm_start=True).fit(*data)
    assert estimator.n_iter_ > 0
    assert estimator.fit(*data).n_iter_ == 0


@each_estimator
def test_the_same_fit_twice_is_the_same_to_the_last_digit(make, data):
    one, other = (make(random_state=seed).fit(*data) for seed in (0, 0))
    np.testing.assert_array_equal(one.coef_, other.coef_)
    np.testing.assert_array_equal(one.intercept_, other.intercept_)


@each_estimator
def test_pickle_and_clone(make, data):
    X, y = data
    fitted = make(C=2.0).fit(X, y)
    back = pickle.loads(pickle.dumps(fitted))  # noqa: S301
    np.testing.assert_array_equal(back.decision_function(X), fitted.decision_function(X))
    assert back.certificate_ == fitted.certificate_
    unfitted = clone(fitted)
    assert unfitted.get_params() == fitted.get_params()
    assert not hasattr(unfitted, "coef_")


@each_estimator
def test_names_of_the_features_are_kept_and_checked(make, data):
    X, y = data
    frame = pd.DataFrame(X, columns=["sap", "bark", "leaf", "root"])
    estimator = make().fit(frame, y)
    assert list(estimator.feature_names_in_) == ["sap", "bark", "leaf", "root"]
    np.testing.assert_array_equal(estimator.predict(frame), make().fit(X, y).predict(X))
    with pytest.raises(ValueError, match="feature names should match"):
        estimator.predict(frame[["bark", "sap", "leaf", "root"]])


@each_estimator
def test_verbose_prints_the_objective_after_each_step(make, data, capsys):
    estimator = make(verbose=True).fit(*data)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{type(estimator).__name__}: iteration 1, objective ")
    last = f"{type(estimator).__name__}: iteration {estimator.n_iter_}, objective "
    assert any(line.startswith(last) for line in lines)
    assert make().fit(*data).n_iter_ == estimator.n_iter_
    assert capsys.readouterr().out == ""


@each_estimator
def test_scikit_learns_tools_take_it(make, data):
    X, y = data
    pipeline = make_pipeline(StandardScaler(), make())
    search = GridSearchCV(pipeline, {f"{pipeline.steps[1][0]}__C": [0.1, 1.0]}, cv=3)
    assert search.fit(X, y).best_score_ > 0.7
    calibrated = CalibratedClassifierCV(make(), cv=3).fit(X, y)
    np.testing.assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1)
