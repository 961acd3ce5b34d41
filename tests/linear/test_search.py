"""The path and the search along C, held against scikit-learn's own search and against cold fits."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin, clone, is_classifier
from sklearn.datasets import load_digits, load_wine, make_classification
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, make_scorer
from sklearn.model_selection import GridSearchCV, GroupKFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import check_is_fitted

from maxmargin import linear
from maxmargin.linear import (
    M3SVC,
    LinearSearchCV,
    MultinomialLogisticRegression,
    OneVsOneSVC,
    OneVsRestSVC,
    regularization_path,
)
from maxmargin.linear._base import LinearClassifier

CLASSIFIERS = [
    cls
    for cls in map(vars(linear).get, linear.__all__)
    if isinstance(cls, type) and issubclass(cls, LinearClassifier)
]
CS = np.logspace(-3, 1, 5)
EXACT = {"tol": 1e-8, "max_iter": 5000}


@pytest.fixture(scope="module")
def data():
    return make_classification(
        240, 8, n_informative=6, n_redundant=0, n_classes=3, class_sep=0.7, flip_y=0.1, random_state=0
    )


def assert_same_results(search, grid):
    """Every key but the times, in the same order, with the same values."""
    assert list(search.cv_results_) == list(grid.cv_results_)
    for key, value in grid.cv_results_.items():
        if key.endswith("_time"):
            assert search.cv_results_[key].shape == value.shape
            assert np.all(search.cv_results_[key] >= 0)
        else:
            np.testing.assert_array_equal(search.cv_results_[key], value, err_msg=key)
    assert search.best_index_ == grid.best_index_
    assert search.best_params_ == grid.best_params_
    assert search.best_score_ == grid.best_score_
    assert search.n_splits_ == grid.n_splits_


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")  # scikit-learn's, on infinite labels
@parametrize_with_checks([LinearSearchCV(OneVsRestSVC(), [0.1, 1.0], cv=2)])
def test_search_follows_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize("cls", CLASSIFIERS)
def test_scores_are_those_of_grid_search_to_the_last_sample(cls, data):
    search = LinearSearchCV(cls(**EXACT), CS, cv=3).fit(*data)
    grid = GridSearchCV(cls(**EXACT), {"C": CS}, cv=3).fit(*data)
    assert_same_results(search, grid)
    np.testing.assert_array_equal(search.best_estimator_.coef_, grid.best_estimator_.coef_)


@pytest.mark.parametrize("load", [load_wine, load_digits])
@pytest.mark.parametrize("cls", [OneVsRestSVC, MultinomialLogisticRegression])
def test_scores_are_those_of_grid_search_at_the_tolerance_of_every_day(load, cls):
    X, y = (a[:600] for a in load(return_X_y=True))
    search = LinearSearchCV(cls(), CS, cv=StratifiedKFold(3, shuffle=True, random_state=0)).fit(X, y)
    grid = GridSearchCV(cls(), {"C": CS}, cv=StratifiedKFold(3, shuffle=True, random_state=0)).fit(X, y)
    for i in range(3):
        ours, theirs = (s.cv_results_[f"split{i}_test_score"] for s in (search, grid))
        np.testing.assert_allclose(ours, theirs, atol=1.5 / 200)  # one row of a fold


def test_other_parameters_are_searched_in_the_order_of_grid_search(data):
    extra = {"p": [4, 2], "class_weight": [None, "balanced"]}
    estimator, Cs = M3SVC(**EXACT), [1.0, 0.01, 0.1]
    search = LinearSearchCV(estimator, Cs, 3, extra).fit(*data)
    assert_same_results(search, GridSearchCV(estimator, {"C": Cs, **extra}, cv=3).fit(*data))


def accuracy_of(estimator, X, y):
    return np.mean(estimator.predict(X) == y)


@pytest.mark.parametrize(
    "scoring", ["f1_macro", "neg_log_loss", make_scorer(balanced_accuracy_score), accuracy_of]
)
def test_every_kind_of_scoring(scoring, data):
    estimator = OneVsRestSVC(probability="temperature", **EXACT)
    search = LinearSearchCV(estimator, CS[:3], cv=2, scoring=scoring).fit(*data)
    grid = GridSearchCV(estimator, {"C": CS[:3]}, cv=2, scoring=scoring).fit(*data)
    for i in range(2):
        ours, theirs = (s.cv_results_[f"split{i}_test_score"] for s in (search, grid))
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    assert search.score(*data) == pytest.approx(grid.score(*data), rel=1e-6)
    assert search.scorer_(search, *data) == pytest.approx(search.score(*data), rel=1e-12)


def test_sample_weight_and_groups_go_where_grid_search_sends_them(data):
    rng = np.random.default_rng(0)
    params = {"sample_weight": rng.uniform(0, 3, 240), "groups": rng.integers(0, 9, 240)}
    search = LinearSearchCV(OneVsRestSVC(**EXACT), CS, GroupKFold(3), scoring="accuracy").fit(*data, **params)
    grid = GridSearchCV(OneVsRestSVC(**EXACT), {"C": CS}, cv=GroupKFold(3), scoring="accuracy")
    assert_same_results(search, grid.fit(*data, **params))
    unweighted = LinearSearchCV(OneVsRestSVC(**EXACT), CS, GroupKFold(3)).fit(*data, groups=params["groups"])
    assert np.any(unweighted.best_estimator_.coef_ != search.best_estimator_.coef_)


class CountingScaler(TransformerMixin, BaseEstimator):
    fits, transforms = 0, 0

    def fit(self, X, y=None):  # noqa: ARG002
        CountingScaler.fits += 1
        self.scale_ = np.abs(X).max()
        return self

    def transform(self, X):
        CountingScaler.transforms += 1
        return X / self.scale_


def test_a_pipelines_transformers_are_fitted_once_a_fold(data):
    pipeline = make_pipeline(CountingScaler(), StandardScaler(), OneVsRestSVC(**EXACT))
    grid = GridSearchCV(pipeline, {"onevsrestsvc__C": CS}, cv=3, refit=False).fit(*data)
    CountingScaler.fits = CountingScaler.transforms = 0
    search = LinearSearchCV(pipeline, CS, cv=3, refit=False).fit(*data)
    assert (CountingScaler.fits, CountingScaler.transforms) == (3, 6)
    assert pipeline.memory is None
    grid.best_score_ = search.best_score_ = grid.cv_results_["mean_test_score"].max()
    assert_same_results(search, grid)


def test_steps_of_a_pipeline_are_searched(data):
    pipeline = make_pipeline(StandardScaler(), OneVsRestSVC())
    extra = {
        "standardscaler": [StandardScaler(), MinMaxScaler(), "passthrough"],
        "onevsrestsvc": [OneVsRestSVC(**EXACT), MultinomialLogisticRegression(**EXACT)],
    }
    weight = {"onevsrestsvc__sample_weight": np.random.default_rng(0).uniform(0.5, 2, 240)}
    search = LinearSearchCV(pipeline, CS[:3], 2, extra, scoring=accuracy_of).fit(*data, **weight)
    grid = GridSearchCV(pipeline, {"onevsrestsvc__C": CS[:3], **extra}, cv=2, scoring=accuracy_of)
    grid.fit(*data, **weight)
    for i in range(2):
        key = f"split{i}_test_score"
        np.testing.assert_array_equal(search.cv_results_[key], grid.cv_results_[key])
    assert str(search.cv_results_["params"]) == str(grid.cv_results_["params"])


def test_the_number_of_processes_changes_no_score(data):
    one, two = (
        LinearSearchCV(OneVsOneSVC(random_state=0), CS, 3, {"fit_intercept": [True, False]}, n_jobs=n).fit(
            *data
        )
        for n in (1, 2)
    )
    assert_same_results(one, two)


def test_sparse_rows_give_the_same_scores(data):
    X, y = data
    dense, thin = (
        LinearSearchCV(OneVsRestSVC(**EXACT), CS, 3).fit(form, y) for form in (X, sparse.csr_array(X))
    )
    assert_same_results(thin, dense)


def test_it_is_a_classifier_like_its_best_one(data):
    X, y = data
    search = LinearSearchCV(OneVsRestSVC(), CS, 3)
    assert is_classifier(search)
    assert get_tags(search).input_tags.sparse
    assert not hasattr(search, "predict_proba")
    with pytest.raises(NotFittedError):
        check_is_fitted(search)
    labels = np.array(["ash", "elm", "oak"])[y]
    fitted = clone(search).fit(X, labels)
    np.testing.assert_array_equal(fitted.predict(X), fitted.best_estimator_.predict(X))
    np.testing.assert_array_equal(fitted.decision_function(X), fitted.best_estimator_.decision_function(X))
    assert list(fitted.classes_) == ["ash", "elm", "oak"]
    assert fitted.n_features_in_ == 8
    assert fitted.refit_time_ > 0
    probable = LinearSearchCV(MultinomialLogisticRegression(), CS, 3).fit(X, y)
    np.testing.assert_allclose(probable.predict_proba(X).sum(axis=1), 1)


def test_refit_may_be_left_out_or_choose(data):
    search = LinearSearchCV(OneVsRestSVC(), CS, 3, refit=False).fit(*data)
    assert search.best_score_ == search.cv_results_["mean_test_score"].max()
    assert not hasattr(search, "best_estimator_")
    assert not hasattr(search, "predict")
    first = LinearSearchCV(OneVsRestSVC(), CS, 3, refit=lambda results: 0 * len(results)).fit(*data)
    assert first.best_params_ == {"C": CS[0]}
    assert first.best_estimator_.get_params()["C"] == CS[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Cs": []}, "Cs is empty; give at least one positive number"),
        ({"Cs": 1.0}, "Cs is 1.0; it must be a sequence of positive numbers"),
        ({"Cs": [1.0, -2.0]}, r"Cs\[1\] is -2.0; it must be a positive number"),
        ({"Cs": [1.0, float("nan")]}, r"Cs\[1\] is nan; it must be a positive number"),
        ({"Cs": [1.0, 2.0, 1]}, r"Cs\[2\] is 1, which is there twice; give each C once"),
        ({"extra_grid": {"C": [1.0]}}, "extra_grid holds 'C'; give the values of C in Cs"),
        (
            {"extra_grid": {"p": [2]}},
            "extra_grid cannot be used: Invalid parameter 'p' .* Valid parameters are",
        ),
        ({"extra_grid": {"tol": []}}, "extra_grid cannot be used: Parameter grid for parameter 'tol'"),
        ({"extra_grid": {"tol": 1e-3}}, "extra_grid cannot be used: Parameter grid for parameter 'tol'"),
        ({"scoring": ["accuracy"]}, "scoring is .'accuracy'.; it must be the name of one scorer, a callable"),
        ({"scoring": lambda *_: {"a": 1.0}}, "scoring returned {'a': 1.0}; it must return one number"),
        ({"estimator": LogisticRegression()}, r"LogisticRegression\(\), which is no classifier of maxmargin"),
        ({"estimator": OneVsRestSVC}, "the estimator is <class .*choose one, such as OneVsRestSVC()"),
        (
            {"estimator": make_pipeline(OneVsRestSVC(), StandardScaler())},
            "the last step 'standardscaler' of the Pipeline is StandardScaler()",
        ),
        (
            {"estimator": make_pipeline(OneVsRestSVC()), "extra_grid": {"onevsrestsvc__C": [1.0]}},
            "extra_grid holds 'onevsrestsvc__C'; give the values of C in Cs",
        ),
        (
            {"estimator": make_pipeline(OneVsRestSVC()), "extra_grid": {"onevsrestsvc": [MinMaxScaler()]}},
            "the last step 'onevsrestsvc' of the Pipeline is MinMaxScaler()",
        ),
    ],
)
def test_what_cannot_be_searched_is_named(changes, message, data):
    with pytest.raises(ValueError, match=message):
        LinearSearchCV(**({"estimator": OneVsRestSVC(), "Cs": [0.1, 1.0]} | changes)).fit(*data)


def test_a_finished_search_is_read_from_its_folder(data, tmp_path, monkeypatch):
    def search(**changes):
        parameters = {
            "estimator": M3SVC(),
            "Cs": CS,
            "cv": 3,
            "extra_grid": {"p": [2, 4]},
            "folder": tmp_path,
        }
        return LinearSearchCV(**(parameters | {"refit": False} | changes))

    first = search().fit(*data)
    with monkeypatch.context() as patch:
        patch.setattr(LinearClassifier, "_solve", None)
        assert_same_results(search(n_jobs=1).fit(*data), first)
    X, y = data
    for changes, rows, message in (
        (
            {"Cs": CS[:2]},
            X,
            r"another problem: Cs is \[0.001, 0.01, .*\] there and \[0.001, 0.01\] here; choose",
        ),
        ({"estimator": M3SVC(tol=1e-3)}, X, "estimator tol is 0.0001 there and 0.001 here"),
        ({"scoring": "f1_macro"}, X, 'scoring is null there and "f1_macro" here'),
        ({"cv": 2}, X, "splits is list .* there and list .* here"),
        ({}, X + 1, "X is ndarray .* there and ndarray .* here"),
    ):
        with pytest.raises(ValueError, match=message):
            search(**changes).fit(rows, y)
    with pytest.raises(ValueError, match="fit parameter sample_weight is not given there and ndarray"):
        search().fit(X, y, sample_weight=np.ones(240))
    with pytest.raises(ValueError, match=r"scoring is <function .* which cannot be recorded in a folder"):
        search(scoring=lambda *_: 1.0).fit(X, y)


def test_the_folder_knows_sparse_rows_again(data, tmp_path):
    rows = sparse.csr_matrix(data[0])
    for _ in range(2):  # a matrix learns about itself when it is used
        LinearSearchCV(OneVsRestSVC(), CS, 3, folder=tmp_path).fit(rows, data[1])


@pytest.mark.parametrize("name", ["problem.json", "combination-0-split-1.npz"])
def test_a_damaged_file_of_the_folder_is_named(name, data, tmp_path):
    LinearSearchCV(OneVsRestSVC(), CS, 3, folder=tmp_path).fit(*data)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=rf"{name} is damaged; .*remove"):
        LinearSearchCV(OneVsRestSVC(), CS, 3, folder=tmp_path).fit(*data)


SCRIPT = """
import sys
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from maxmargin.linear import LinearSearchCV, OneVsRestSVC

X, y = load_digits(return_X_y=True)
Cs = [10.0 ** (k / 4) for k in range(-12, 5)]
estimator = make_pipeline(StandardScaler(), OneVsRestSVC(loss='hinge', random_state=0))
search = LinearSearchCV(estimator, Cs, cv=2, refit=False, folder=sys.argv[1]).fit(X[:300], y[:300])
"""


def test_a_killed_search_goes_on_to_the_same_scores(tmp_path):
    state, killed = tmp_path / "killed" / "combination-0-split-0.npz", tmp_path / "killed"
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(killed)])
    until = time.monotonic() + 60
    while not state.exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert not (killed / "combination-0-split-1.npz").exists()
    with np.load(state) as content:
        done = str(content["records"])
    found = []
    for folder in (killed, tmp_path / "whole"):
        names = {}
        exec(SCRIPT.replace("sys.argv[1]", repr(str(folder))), names)
        found.append(names["search"])
    assert_same_results(*found)
    with np.load(state) as content:
        records = str(content["records"])
    assert records.startswith(done[:-1])  # what was done was not done again: its times still stand
    assert len(records) > len(done)
    assert sorted(Path(file).name for file in killed.iterdir()) == [
        "combination-0-split-0.npz",
        "combination-0-split-1.npz",
        "problem.json",
    ]


@pytest.mark.parametrize("cls", CLASSIFIERS)
def test_the_path_is_that_of_cold_fits_in_the_order_given(cls, data):
    Cs = [1.0, 0.01, 0.1]
    path = regularization_path(cls(), *data, Cs)
    assert path.test_scores is None
    for i, C in enumerate(Cs):
        cold = cls(C=C).fit(*data)
        assert path.Cs[i] == C
        assert path.coefs[i].shape == cold.coef_.shape
        assert path.intercepts[i].shape == cold.intercept_.shape
        assert path.objectives[i] == pytest.approx(cold.objective_, rel=1e-3)
        assert path.certificates[i].keys() == cold.certificate_.keys()
        assert path.certificates[i]["primal"] == path.objectives[i]
        assert list(path.certificates[i].values())[-1] <= cold.tol
        assert path.n_iters[i] >= 1


def test_the_path_starts_each_fit_at_the_optimum_before(data):
    Cs = np.logspace(-2, 1, 20)
    path = regularization_path(OneVsRestSVC(tol=1e-6), *data, Cs[::-1])
    assert path.n_iters.sum() < sum(OneVsRestSVC(C=C, tol=1e-6).fit(*data).n_iter_ for C in Cs)


def test_the_path_scores_the_folds_with_extra_parameters_weights_and_steps(data):
    weight = np.random.default_rng(0).uniform(0.5, 2, 240)
    pipeline = make_pipeline(StandardScaler(), M3SVC(p=2, **EXACT))
    before = str(pipeline.get_params())
    path = regularization_path(pipeline, *data, CS[::-1], cv=3, m3svc__sample_weight=weight)
    grid = GridSearchCV(pipeline, {"m3svc__C": CS[::-1]}, cv=3).fit(*data, m3svc__sample_weight=weight)
    expected = np.column_stack([grid.cv_results_[f"split{i}_test_score"] for i in range(3)])
    np.testing.assert_array_equal(path.test_scores, expected)
    best = grid.best_index_
    np.testing.assert_allclose(path.coefs[best], grid.best_estimator_[-1].coef_, atol=1e-3)
    assert str(pipeline.get_params()) == before


def test_a_path_that_cannot_be_fitted_is_named(data):
    with pytest.raises(ValueError, match="Cs is empty"):
        regularization_path(OneVsRestSVC(), *data, [])
    with pytest.raises(ValueError, match=r"which is no classifier of maxmargin.linear"):
        regularization_path(LogisticRegression(), *data, [1.0])
