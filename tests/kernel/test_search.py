"""KernelSearchCV finds what GridSearchCV finds, however it is dealt out, stopped or squeezed."""

import json
import os
import signal
import subprocess
import sys
import time

import matplotlib.pyplot as plt
import numpy as np
import pytest
from joblib import parallel_config
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris, make_blobs
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, ShuffleSplit, StratifiedKFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import SVC

from maxmargin.kernel import KernelSearchCV, KernelSVC

TIGHT = 1e-8
CS, GAMMAS = [1.0, 0.05, 30.0], [0.3, "scale", 0.02]


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:400] / 16, y[:400]


def found_by_scikit_learn(X, y, cv=4, Cs=CS, gammas=GAMMAS, scoring=None, fit=None, **svc):
    grid = {"C": Cs, "gamma": gammas}
    return GridSearchCV(SVC(tol=TIGHT, **svc), grid, cv=cv, scoring=scoring).fit(X, y, **(fit or {}))


def assert_same(ours, theirs):
    assert ours.best_params_ == theirs.best_params_
    assert ours.best_index_ == theirs.best_index_
    assert ours.best_score_ == theirs.best_score_
    assert ours.cv_results_["params"] == theirs.cv_results_["params"]
    for name, values in theirs.cv_results_.items():
        assert name in ours.cv_results_
        if "test" in name:
            np.testing.assert_array_equal(ours.cv_results_[name], values, err_msg=name)


CASES = {
    "default folds": {},
    "polynomial": {"svc": {"kernel": "poly", "degree": 2, "coef0": 1.0}},
    "weighted classes": {"svc": {"class_weight": {1: 2.0, 7: 0.5}}},
    "ties broken": {"svc": {"break_ties": True}},
    "overlapping folds": {"cv": ShuffleSplit(3, test_size=0.3, random_state=0)},
    "unshuffled folds": {"cv": KFold(3)},
    "f1": {"scoring": "f1_macro"},
    "a function": {"scoring": lambda model, X, y: f1_score(y, model.predict(X), average="weighted")},
}


@pytest.mark.parametrize("case", CASES)
def test_scores_are_those_of_grid_search(digits, case):
    options = {"cv": 4, "scoring": None, "svc": {}} | CASES[case]
    cv, scoring, svc = options["cv"], options["scoring"], options["svc"]
    theirs = found_by_scikit_learn(*digits, cv=cv, scoring=scoring, **svc)
    estimator = KernelSVC(tol=TIGHT, **svc)
    ours = KernelSearchCV(CS, GAMMAS, estimator=estimator, cv=cv, scoring=scoring).fit(*digits)
    assert_same(ours, theirs)
    np.testing.assert_array_equal(ours.predict(digits[0]), theirs.predict(digits[0]))


def test_two_classes_and_a_score_of_decisions(digits):
    X, y = digits[0], np.where(digits[1] < 5, "low", "high")
    theirs = found_by_scikit_learn(X, y, scoring="roc_auc")
    ours = KernelSearchCV(CS, GAMMAS, estimator=KernelSVC(tol=TIGHT), cv=4, scoring="roc_auc").fit(X, y)
    assert ours.best_params_ == theirs.best_params_
    np.testing.assert_allclose(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"])
    assert ours.decision_function(X).shape == (len(X),)


def test_sparse_rows(digits):
    X = sparse.csr_matrix(digits[0])
    theirs = found_by_scikit_learn(X, digits[1], gammas=[0.3, 0.02])
    ours = KernelSearchCV(CS, [0.3, 0.02], estimator=KernelSVC(tol=TIGHT), cv=4).fit(X, digits[1])
    assert_same(ours, theirs)


def test_groups_and_sample_weights(digits):
    X, y = digits
    weight = np.random.default_rng(0).integers(1, 4, len(y)).astype(float)
    groups, cv = np.arange(len(y)) % 8, GroupKFold(4)
    gammas = [0.3, 0.02]
    theirs = found_by_scikit_learn(
        X, y, cv=cv, gammas=gammas, fit={"groups": groups, "sample_weight": weight}
    )
    search = KernelSearchCV(CS, gammas, estimator=KernelSVC(tol=TIGHT), cv=cv)
    assert_same(search.fit(X, y, groups=groups, sample_weight=weight), theirs)


def test_kernel_values_are_given(digits):
    X, y = digits
    values = X @ X.T
    theirs = GridSearchCV(SVC(tol=TIGHT, kernel="precomputed"), {"C": CS}, cv=4).fit(values, y)
    estimator = KernelSVC(tol=TIGHT, kernel="precomputed")
    ours = KernelSearchCV(CS, ["scale"], estimator=estimator, cv=4).fit(values, y)
    np.testing.assert_array_equal(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"])
    np.testing.assert_array_equal(ours.predict(values), theirs.predict(values))


@pytest.mark.parametrize("kernel", ["linear", "precomputed"])
def test_kernel_without_gamma_is_searched_along_c_alone(digits, kernel):
    X, y = digits
    search = KernelSearchCV(CS, estimator=KernelSVC(kernel=kernel)).fit(
        X @ X.T if kernel != "linear" else X, y
    )
    assert [params["gamma"] for params in search.cv_results_["params"]] == ["scale"] * 3


def test_one_against_the_rest_is_really_that(digits):
    model = OneVsRestClassifier(SVC(tol=TIGHT))
    grid = {"estimator__C": CS, "estimator__gamma": [0.3, 0.02]}
    theirs = GridSearchCV(model, grid, cv=4).fit(*digits)
    search = KernelSearchCV(CS, [0.3, 0.02], estimator=KernelSVC(tol=TIGHT), cv=4, strategy="ovr")
    ours = search.fit(*digits)
    np.testing.assert_array_equal(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"])
    assert ours.best_estimator_.strategy == "ovr"


def test_class_that_a_fold_never_sees():
    X, y = make_blobs(60, centers=4, random_state=0)
    y[y == 3] = np.where(np.arange(np.sum(y == 3)) == 0, 3, 2)
    cv = [(np.flatnonzero(np.arange(60) % 3 != k), np.flatnonzero(np.arange(60) % 3 == k)) for k in range(3)]
    theirs = found_by_scikit_learn(X, y, cv=cv)
    for strategy in ("ovo", "ovr"):
        search = KernelSearchCV(CS, GAMMAS, estimator=KernelSVC(tol=TIGHT), cv=cv, strategy=strategy)
        ours = search.fit(X, y)
        if strategy == "ovo":
            assert_same(ours, theirs)
        seen = [set(y[train]) for train, _ in cv]
        assert any(len(classes) == 3 for classes in seen)


@pytest.mark.parametrize("megabytes", [0.8, 0.05])
def test_little_memory_changes_no_score(digits, megabytes):
    """Room for one matrix of 400 x 400 float32 but not two, and for none."""
    theirs = found_by_scikit_learn(*digits, gammas=[0.3, 0.02])
    estimator = KernelSVC(tol=1e-5, cache_size=megabytes, dtype="float32")
    ours = KernelSearchCV(CS, [0.3, 0.02], estimator=estimator, cv=4).fit(*digits)
    np.testing.assert_array_equal(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"])


def test_processes_change_no_score(digits):
    alone = KernelSearchCV(CS, GAMMAS, estimator=KernelSVC(tol=TIGHT)).fit(*digits)
    dealt = KernelSearchCV(CS, GAMMAS, estimator=KernelSVC(tol=TIGHT), n_jobs=2).fit(*digits)
    assert_same(dealt, alone)


@pytest.mark.filterwarnings("ignore")  # what a cluster says at its end is its own affair
def test_dask_cluster_takes_the_gammas(digits):
    distributed = pytest.importorskip("distributed")
    alone = KernelSearchCV(CS, GAMMAS, estimator=KernelSVC(tol=TIGHT)).fit(*digits)
    with (
        distributed.LocalCluster(2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        distributed.Client(cluster),
        parallel_config(backend="dask"),
    ):
        dealt = KernelSearchCV(CS, GAMMAS, estimator=KernelSVC(tol=TIGHT)).fit(*digits)
    assert_same(dealt, alone)


def test_second_stage_surrounds_the_best_of_the_first():
    X, y = load_iris(return_X_y=True)
    search = KernelSearchCV([0.5, 8.0], [0.25, 0.015625], cv=3, coarse_to_fine=True).fit(X, y)
    results = search.cv_results_
    stages = results["stage"]
    assert np.bincount(stages).tolist() == [4, 256]
    first = int(np.argmax(results["mean_test_score"][stages == 0]))
    best = results["params"][first]
    fine = [results["params"][i] for i in np.flatnonzero(stages == 1)]
    for name in ("C", "gamma"):
        values = np.unique([params[name] for params in fine])
        np.testing.assert_allclose(np.log2(values / best[name]), np.arange(-2, 2, 0.25), atol=1e-12)
    assert search.best_score_ == results["mean_test_score"].max()
    with pytest.raises(ValueError, match=r"stage is 7; choose from \[0, 1\]"):
        search.plot_heatmap(stage=7)


def test_heatmap_shows_the_scores(digits):
    search = KernelSearchCV([1.0, 0.25, 4.0], [0.5, 0.0625]).fit(*digits)
    axes = search.plot_heatmap()
    table = axes.images[0].get_array()
    means = dict(
        zip(map(str, search.cv_results_["params"]), search.cv_results_["mean_test_score"], strict=True)
    )
    for row, C in enumerate([0.25, 1.0, 4.0]):
        for column, gamma in enumerate([0.0625, 0.5]):
            assert table[row, column] == means[str({"C": C, "gamma": gamma})]
    (frame,) = axes.patches
    assert table[round(frame.get_y() + 0.5), round(frame.get_x() + 0.5)] == search.best_score_
    assert len(axes.texts) == 6
    assert f"{search.best_score_:.4f}" in axes.get_title()
    plt.close("all")


@pytest.mark.parametrize("done", [1, 2])
def test_search_that_was_stopped_goes_on(digits, done, tmp_path, monkeypatch):
    from maxmargin.kernel.folds import FoldSearch

    whole = KernelSearchCV(CS, GAMMAS, cv=3).fit(*digits)
    plain, asked = FoldSearch.scores, []

    def scores(self, gamma, *rest):
        asked.append(gamma)
        if len(asked) == done + 1:
            raise KeyboardInterrupt
        return plain(self, gamma, *rest)

    monkeypatch.setattr(FoldSearch, "scores", scores)
    search = KernelSearchCV(CS, GAMMAS, cv=3, resume_dir=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        search.fit(*digits)
    search.fit(*digits)
    assert asked == [*GAMMAS[: done + 1], *GAMMAS[done:]]
    assert_same(search, whole)


SCRIPT = """
import sys
from sklearn.datasets import load_digits
from maxmargin.kernel import KernelSearchCV
X, y = load_digits(return_X_y=True)
search = KernelSearchCV([1.0, 4.0], [0.02 * 1.1**k for k in range(12)], cv=3, resume_dir=sys.argv[1])
search.fit(X, y)
print(search.cv_results_["mean_test_score"].tolist())
"""


def test_killed_process_loses_one_gamma_at_most(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path / "a")])
    while process.poll() is None and len(list((tmp_path / "a").glob("coarse-gamma-*.json"))) < 3:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = {path: path.stat().st_mtime_ns for path in (tmp_path / "a").glob("coarse-gamma-*.json")}
    assert 3 <= len(done) < 12
    again = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "a")], capture_output=True, text=True, check=True
    )
    whole = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "b")], capture_output=True, text=True, check=True
    )
    assert json.loads(again.stdout) == json.loads(whole.stdout)
    assert all(path.stat().st_mtime_ns == written for path, written in done.items())


def test_folder_of_another_problem_is_refused(digits, tmp_path):
    X, y = digits
    KernelSearchCV(CS, [0.1], cv=3, resume_dir=tmp_path).fit(X, y)
    others = {
        "C is": KernelSearchCV([1.0], [0.1], cv=3, resume_dir=tmp_path),
        "gamma is": KernelSearchCV(CS, [0.2], cv=3, resume_dir=tmp_path),
        "splits is": KernelSearchCV(CS, [0.1], cv=4, resume_dir=tmp_path),
        "estimator tol": KernelSearchCV(CS, [0.1], cv=3, estimator=KernelSVC(tol=1e-4), resume_dir=tmp_path),
        "estimator strategy": KernelSearchCV(CS, [0.1], cv=3, strategy="ovr", resume_dir=tmp_path),
    }
    for what, search in others.items():
        with pytest.raises(ValueError, match=f"holds the search of another problem: .*{what}"):
            search.fit(X, y)
    with pytest.raises(ValueError, match="another problem: X is"):
        KernelSearchCV(CS, [0.1], cv=3, resume_dir=tmp_path).fit(X + 1, y)


def test_damaged_file_is_named(digits, tmp_path):
    search = KernelSearchCV(CS, [0.1], cv=3, resume_dir=tmp_path).fit(*digits)
    (tmp_path / "coarse-gamma-0.json").write_text("[[{")
    with pytest.raises(ValueError, match=r"coarse-gamma-0\.json is damaged; remove it"):
        search.fit(*digits)


def test_progress_tells_the_time_left(digits, capsys):
    KernelSearchCV(CS, [0.1, 0.2], cv=3, verbose=True).fit(*digits)
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("coarse grid: 1 of 2 values of gamma, best score 0.")
    assert second.startswith("coarse grid: 2 of 2")
    assert second.endswith("; 0 s left")


def test_fits_that_do_not_converge_are_counted(digits):
    search = KernelSearchCV([1.0], [0.1], cv=3, estimator=KernelSVC(max_iter=2), refit=False)
    with pytest.warns(ConvergenceWarning, match="3 of 3 fits did not reach"):
        search.fit(*digits)
    assert not hasattr(search, "best_estimator_")
    with pytest.raises(NotFittedError, match="refit"):
        search.predict(digits[0])


def _the_fourth(results):
    assert "mean_test_score" in results
    return 4


def test_manners(digits):
    search = KernelSearchCV(CS, GAMMAS, refit=_the_fourth, cv=3)
    assert clone(search).get_params()["C"] == CS
    with pytest.raises(NotFittedError):
        search.predict(digits[0])
    assert not hasattr(search, "predict_proba")
    search.fit(*digits)
    assert search.best_index_ == 4
    assert search.best_params_ == search.cv_results_["params"][4]
    assert search.best_estimator_.get_params()["C"] == search.best_params_["C"]
    assert search.classes_.tolist() == list(range(10))
    assert search.n_features_in_ == 64


def test_probabilities_of_the_best(digits):
    estimator = KernelSVC(probability="temperature")
    search = KernelSearchCV([1.0, 10.0], [0.1], estimator=estimator, cv=StratifiedKFold(3)).fit(*digits)
    probabilities = search.predict_proba(digits[0])
    np.testing.assert_array_equal(search.classes_[probabilities.argmax(axis=1)], search.predict(digits[0]))


@pytest.mark.parametrize(
    ("search", "message"),
    [
        (KernelSearchCV([0.0], [0.1]), r"C\[0\] is 0.0; it must be a positive number"),
        (KernelSearchCV([], [0.1]), "C is empty"),
        (KernelSearchCV(1.0, [0.1]), "C is 1.0; it must be a sequence"),
        (KernelSearchCV([1.0], "scale"), "gamma is 'scale'; it must be a sequence"),
        (KernelSearchCV([1.0], [0.1, "big"]), r"gamma\[1\] is 'big'"),
        (KernelSearchCV([1.0], [0.1, 0.1]), "0.1, which is there twice"),
        (KernelSearchCV([1.0], [0.1], strategy="both"), "unknown strategy 'both'; choose from ovo, ovr"),
        (KernelSearchCV([1.0], [0.1], estimator=SVC()), r"estimator is SVC\(\); it must be a KernelSVC"),
        (KernelSearchCV([1.0], [0.1], scoring=lambda *_: "good"), "scoring returned 'good'"),
        (KernelSearchCV([1.0], [0.1], scoring="neg_log_loss"), "more than the labels and decisions"),
    ],
)
def test_refusals(digits, search, message):
    with pytest.raises(ValueError, match=message):
        search.fit(*digits)
