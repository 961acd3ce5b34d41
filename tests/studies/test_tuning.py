import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import GridSearchCV, StratifiedKFold, StratifiedShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from maxmargin import load_model
from maxmargin._checks import InputError
from maxmargin.datasets import load_dataset
from maxmargin.kernel import KernelSearchCV
from maxmargin.metrics import wilson_interval
from maxmargin.persistence import read_manifest
from maxmargin.studies import Comparison, Settings, Tuning, TuningSettings

SETTINGS = TuningSettings(coarse_to_fine=False, cv=3, seed=5)
GRID = {"C": 2.0 ** np.arange(-7, 14, 2), "gamma": 2.0 ** np.arange(-15, 4, 2)}


@pytest.fixture(scope="module")
def wine():
    return load_dataset("wine")


@pytest.fixture(scope="module")
def finished(wine, tmp_path_factory):
    study = Tuning(wine, SETTINGS, tmp_path_factory.mktemp("wine") / "run")
    study.run()
    return study


@pytest.fixture
def run(finished, tmp_path):
    """A copy of a finished run."""
    return shutil.copytree(finished.out, tmp_path / "run")


def _split(wine):
    splitter = StratifiedShuffleSplit(1, test_size=0.25, random_state=5)
    ((train, test),) = splitter.split(wine.X, wine.y)
    return train, test


def _numbers(record):
    return [(one["C"], one["gamma"], one["stage"], one["mean"], one["std"]) for one in record["candidates"]]


def test_a_grid_search_by_hand_scores_and_chooses_the_same(wine, finished):
    train, test = _split(wine)
    scaler = StandardScaler().fit(wine.X.iloc[train])
    folds = StratifiedKFold(3, shuffle=True, random_state=5)
    search = GridSearchCV(SVC(), GRID, cv=folds)
    search.fit(scaler.transform(wine.X.iloc[train]), wine.y[train])
    _, found = finished.records
    for name, key in (("mean", "mean_test_score"), ("std", "std_test_score")):
        values = [one[name] for one in found["candidates"]]
        np.testing.assert_allclose(values, search.cv_results_[key], atol=1e-12)
    assert found["best"] == search.best_index_
    assert found["params"] == search.best_params_ | {"strategy": "ovo"}
    assert found["validation_accuracy"] == pytest.approx(search.best_score_)
    predicted = search.predict(scaler.transform(wine.X.iloc[test]))
    assert found["test"]["confusion"] == confusion_matrix(wine.y[test], predicted).tolist()
    right = int(np.sum(predicted == wine.y[test]))
    assert found["test"]["accuracy"] == right / len(test)
    assert tuple(found["test"]["interval"]) == wilson_interval(right, len(test))


def test_the_model_is_the_chosen_candidate_fitted_on_all_rows(wine, finished):
    params = finished.records[1]["params"]
    expected = make_pipeline(StandardScaler(), SVC(C=params["C"], gamma=params["gamma"])).fit(wine.X, wine.y)
    model = load_model(finished.out / "model")
    np.testing.assert_array_equal(model.predict(wine.X), expected.predict(wine.X))
    about = read_manifest(finished.out / "model")
    assert about["method"] == "rbf-svc"
    assert about["metadata"]["params"] == params
    assert about["metadata"]["validation_accuracy"] == finished.records[1]["validation_accuracy"]


def test_two_records_with_all_that_was_promised(finished):
    records = [json.loads(line) for line in finished.log.path.read_text().splitlines()]
    assert [record["kind"] for record in records] == ["study", "tuning"]
    assert records == finished.records
    for record in records:
        assert {"versions", "seed", "commit"} <= set(record)
    assert len(records[1]["candidates"]) == 110
    assert all(one["fit_seconds"] > 0 for one in records[1]["candidates"])


def test_no_test_row_is_seen_by_the_search(wine, finished, tmp_path):
    _, test = _split(wine)
    X = wine.X.copy()
    X.iloc[test] = 1e6 * (1 + np.arange(len(test)))[:, None]
    _, spoilt = Tuning(replace(wine, X=X), SETTINGS, tmp_path / "run").run()
    assert _numbers(spoilt) == _numbers(finished.records[1])
    assert spoilt["test"]["accuracy"] != finished.records[1]["test"]["accuracy"]


def test_the_second_stage_surrounds_the_best_of_the_first(wine, finished, tmp_path):
    before = finished.records[1]
    _, found = Tuning(wine, replace(SETTINGS, coarse_to_fine=True), tmp_path / "run", jobs=2).run()
    assert _numbers(found)[:110] == _numbers(before)
    fine = found["candidates"][110:]
    assert (len(fine), {one["stage"] for one in fine}) == (256, {1})
    best = before["candidates"][before["best"]]
    assert fine[8 * 16 + 8]["C"] == pytest.approx(best["C"])
    assert fine[8 * 16 + 8]["gamma"] == pytest.approx(best["gamma"])
    ranks = [one["rank"] for one in found["candidates"]]
    assert found["best"] == ranks.index(1)


def test_one_against_the_rest_is_really_that(wine, tmp_path):
    study = Tuning(wine, replace(SETTINGS, strategy="ovr"), tmp_path / "run")
    study.run()
    assert load_model(tmp_path / "run" / "model")[-1].dual_coef_.shape[0] == 3


def test_a_search_cut_anywhere_ends_with_the_same_numbers(wine, finished, run):
    (run / "search" / "coarse-gamma-3.json").unlink()
    (run / "search" / ".coarse-gamma-3.json.abc.draft").touch()
    shutil.rmtree(run / "model")
    header, _ = (run / "records.jsonl").read_bytes().splitlines(keepends=True)
    (run / "records.jsonl").write_bytes(header + b'{"kind": "tun')
    _, found = Tuning(wine, SETTINGS, run).run(resume=True)
    assert (found["resumed"], finished.records[1]["resumed"]) == (True, False)
    assert _numbers(found) == _numbers(finished.records[1])
    assert found["params"] == finished.records[1]["params"]
    assert found["test"]["predictions"] == finished.records[1]["test"]["predictions"]
    models = [load_model(folder / "model") for folder in (run, finished.out)]
    np.testing.assert_array_equal(*(model.decision_function(wine.X) for model in models))


def test_a_finished_run_is_searched_no_more_and_a_lost_model_comes_back(wine, run, monkeypatch):
    before = (run / "records.jsonl").read_bytes()
    monkeypatch.setattr(KernelSearchCV, "fit", None)
    expected = load_model(run / "model").predict(wine.X)
    shutil.rmtree(run / "model")
    Tuning(wine, SETTINGS, run).run(resume=True)
    np.testing.assert_array_equal(load_model(run / "model").predict(wine.X), expected)
    assert (run / "records.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 1}, "--seed 5, not 1"),
        ({"cv": 4}, "--cv 3, not 4"),
        ({"strategy": "ovr"}, "--strategy ovo, not ovr"),
        ({"coarse_to_fine": True}, "--coarse-to-fine False, not True"),
    ],
)
def test_a_run_with_other_options_is_refused(wine, run, change, message):
    with pytest.raises(InputError, match=f"holds a run with {message}; give the same options"):
        Tuning(wine, replace(SETTINGS, **change), run).run(resume=True)


def test_a_run_on_other_data_or_of_another_command_is_refused(wine, run, tmp_path):
    with pytest.raises(InputError, match="holds a run already; add --resume"):
        Tuning(wine, SETTINGS, run).run()
    X = wine.X.copy()
    X.iloc[7, 2] += 1e-9
    with pytest.raises(InputError, match="holds a run on other data"):
        Tuning(replace(wine, X=X), SETTINGS, run).run(resume=True)
    methods = Settings(("dummy",), repeats=1)
    with pytest.raises(InputError, match="run holds a run of 'maxmargin tune'; choose another --out"):
        Comparison(wine, methods, run).run(resume=True)
    Comparison(wine, methods, tmp_path / "compared").run()
    with pytest.raises(InputError, match="compared holds a run of 'maxmargin compare'; choose another"):
        Tuning(wine, SETTINGS, tmp_path / "compared").run(resume=True)


def test_fewer_folds_are_said(iris, tmp_path):
    rows = np.r_[0:50, 50:54]
    few = replace(iris, X=iris.X.iloc[rows], y=iris.y[rows])
    study = Tuning(few, replace(SETTINGS, cv=5), tmp_path / "run")
    assert study.sentences[-1] == (
        "3 folds choose the parameters: the second largest class has no more training rows"
    )
    header, _ = study.run()
    assert (header["protocol"]["cv"], header["protocol"]["n_folds"]) == (5, 3)


def test_progress_is_told_where_it_is_asked_for(iris, tmp_path, capsys):
    Tuning(iris, SETTINGS, tmp_path / "quiet").run()
    assert capsys.readouterr().err == ""
    Tuning(iris, SETTINGS, tmp_path / "run", verbose=True).run()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 10
    assert lines[4].startswith("coarse grid: 5 of 10 values of gamma, best score 0.")
    assert lines[4].endswith(" s left")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"method": "poly"}, "unknown method 'poly'; choose from rbf$"),
        ({"strategy": "all"}, "unknown strategy 'all'; choose from ovo, ovr$"),
        ({"cv": 1}, "--cv is 1; it must be at least 2"),
        ({"test_size": 1.0}, "--test-size is 1.0; it must lie between 0 and 1"),
        ({"seed": -1}, "--seed is -1; it must be at least 0"),
        ({"max_samples": 3}, "--max-samples is 3; it must be at least 4"),
    ],
)
def test_settings_out_of_range_name_the_option(wrong, message):
    with pytest.raises(InputError, match=f"^{message}"):
        TuningSettings(**wrong)
