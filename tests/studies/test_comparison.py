import csv
import json
import shutil
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier

from maxmargin import load_model
from maxmargin._checks import InputError
from maxmargin.reports import summarise, verdict
from maxmargin.studies import METHODS, Comparison, Method, Settings

SETTINGS = Settings(methods=("softmax", "dummy"), repeats=2)


@pytest.fixture(scope="module")
def finished(iris, tmp_path_factory):
    study = Comparison(iris, SETTINGS, tmp_path_factory.mktemp("iris") / "run")
    study.run()
    return study


@pytest.fixture
def run(finished, tmp_path):
    """A copy of a finished run."""
    return shutil.copytree(finished.out, tmp_path / "run")


@pytest.fixture
def broken(monkeypatch):
    """Method that fails where told to."""

    def put(name: str, when: str) -> None:
        class Broken(DummyClassifier):
            def fit(self, X, y, sample_weight=None):
                if when == "always" or (when == "test" and len(y) == 112):
                    raise FloatingPointError("the iterations\n  overflowed")
                return super().fit(X, y, sample_weight)

        monkeypatch.setitem(METHODS, name, Method(name, name.title(), "fails", Broken))

    return put


def test_a_record_a_fit_with_all_that_was_promised(finished):
    lines = finished.log.path.read_text().splitlines()
    records = [json.loads(line) for line in lines]
    kinds = [record["kind"] for record in records]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "study": 1,
        "validation": 2 * 3 * 5,  # what has no parameters to choose is not validated
        "test": 2 * 2,
        "model": 1,
    }
    for record in records:
        assert {"versions", "seed", "commit"} <= set(record)
        if record["kind"] in ("validation", "test"):
            assert {"method", "params", "split", "accuracy", "fit_seconds", "predict_seconds"} <= set(record)
    assert max(map(len, lines)) < 3000


def test_predictions_stand_beside_the_rows_of_the_data(finished, iris):
    with (finished.out / "preds.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 2 * 38
    assert all(row["truth"] == iris.y[int(row["row"])] for row in rows)
    for record in finished.records:
        if record["kind"] == "test":
            mine = [
                row
                for row in rows
                if (row["method"], row["split"]) == (record["method"], str(record["split"]))
            ]
            share = np.mean([row["truth"] == row["prediction"] for row in mine])
            assert share == record["accuracy"]
            if record["method"] == "softmax":
                assert all((float(r["margin"]) > 0) == (r["truth"] == r["prediction"]) for r in mine)


def test_rows_of_a_drawn_part_are_those_of_the_whole(iris, tmp_path):
    order = np.random.default_rng(5).permutation(150)
    shuffled = replace(iris, X=iris.X.iloc[order].reset_index(drop=True), y=iris.y[order])
    settings = replace(SETTINGS, methods=("dummy",), max_samples=30)
    Comparison(shuffled, settings, tmp_path / "run").run()
    with (tmp_path / "run" / "preds.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert max(int(row["row"]) for row in rows) >= 30
    assert all(row["truth"] == shuffled.y[int(row["row"])] for row in rows)


def test_a_run_cut_after_any_line_ends_with_the_same_numbers(finished, iris, outcome, tmp_path):
    lines = finished.log.path.read_bytes().splitlines(keepends=True)
    expected, predictions = outcome(finished.records), (finished.out / "preds.csv").read_bytes()
    for length in [0, 1, 8, len(lines) - 4, len(lines) - 1]:
        out = tmp_path / str(length)
        out.mkdir()
        (out / "records.jsonl").write_bytes(b"".join(lines[:length]) + b'{"kind": "te')
        study = Comparison(iris, SETTINGS, out)
        assert outcome(study.run(resume=True)) == expected, length
        assert (out / "preds.csv").read_bytes() == predictions, length


def test_the_records_of_half_a_fold_do_not_count_as_the_fold(finished, iris, outcome, run):
    """A kill between two lines of one write must not leave the choice to some of the candidates."""
    lines = (run / "records.jsonl").read_bytes().splitlines(keepends=True)
    assert json.loads(lines[3])["kind"] == "validation"
    (run / "records.jsonl").write_bytes(b"".join(lines[:4]))
    assert outcome(Comparison(iris, SETTINGS, run).run(resume=True)) == outcome(finished.records)


def test_a_model_lost_after_its_record_is_fitted_again(finished, iris, run):
    expected = load_model(finished.out / "model").predict(iris.X)
    shutil.rmtree(run / "model")
    Comparison(iris, SETTINGS, run).run(resume=True)
    np.testing.assert_array_equal(load_model(run / "model").predict(iris.X), expected)


def test_a_finished_run_is_fitted_no_more_and_drafts_go(iris, run, monkeypatch):
    (run / ".model.abc.draft").mkdir()
    (run / ".preds.csv.abc.draft").touch()
    (run / "preds.csv").unlink()
    before = (run / "records.jsonl").read_bytes()
    monkeypatch.setattr("maxmargin.studies.comparison.fit_method", None)
    monkeypatch.setattr("maxmargin.studies.protocol.validate", None)
    Comparison(iris, SETTINGS, run).run(resume=True)
    assert sorted(path.name for path in run.iterdir()) == ["model", "preds.csv", "records.jsonl"]
    assert (run / "records.jsonl").read_bytes() == before


def test_a_run_is_not_overwritten(iris, run):
    before = (run / "records.jsonl").read_bytes()
    (run / "records.jsonl").write_bytes(before + b"half")
    with pytest.raises(InputError, match="holds a run already; add --resume"):
        Comparison(iris, SETTINGS, run).run()
    assert (run / "records.jsonl").read_bytes() == before + b"half"


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_no_run_is_left_alone(iris, tmp_path, kind):
    out = tmp_path / "out"
    if kind == "file":
        out.write_text("mine")
    else:
        (out / ".letter.draft").mkdir(parents=True)
    with pytest.raises(InputError, match="out exists and holds no run; choose another --out"):
        Comparison(iris, SETTINGS, out).run(resume=True)
    assert out.read_text() == "mine" if kind == "file" else (out / ".letter.draft").is_dir()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 1}, "--seed 0, not 1"),
        ({"test_size": 0.5}, "--test-size 0.25, not 0.5"),
        ({"methods": ("dummy", "softmax")}, "--methods softmax,dummy, not dummy,softmax"),
        ({"max_samples": 200}, "--max-samples None, not 200"),
    ],
)
def test_a_run_with_other_options_is_refused(iris, run, change, message):
    with pytest.raises(InputError, match=f"holds a run with {message}; give the same options"):
        Comparison(iris, replace(SETTINGS, **change), run).run(resume=True)


def test_a_run_on_other_data_is_refused(iris, run):
    X = iris.X.copy()
    X.iloc[7, 2] += 1e-9
    with pytest.raises(InputError, match="holds a run on other data"):
        Comparison(replace(iris, X=X), SETTINGS, run).run(resume=True)


@pytest.mark.parametrize("change", [{"format": 99}, {"kind": "test"}, {"protocol": {}}])
def test_the_records_of_another_version_are_refused(iris, run, change):
    lines = (run / "records.jsonl").read_text().splitlines()
    lines[0] = json.dumps(json.loads(lines[0]) | change)
    (run / "records.jsonl").write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match=r"give the same options|was not written by this version"):
        Comparison(iris, SETTINGS, run).run(resume=True)


@pytest.mark.parametrize("when", ["always", "test"])
def test_a_method_that_fails_is_recorded_and_the_others_go_on(iris, broken, tmp_path, when):
    broken("knn", when)
    settings = replace(SETTINGS, methods=("knn", "nearest-centroid", "dummy"))
    records = Comparison(iris, settings, tmp_path / "run").run()
    failures = [r for r in records if r["kind"] == "failure"]
    assert {(r["method"], r["error"]) for r in failures} == {
        ("knn", "FloatingPointError: the iterations overflowed")
    }
    summary = summarise(records)
    assert [result.method for result in summary.results] == ["nearest-centroid", "dummy"]
    assert any(sentence.startswith("knn failed") for sentence in verdict(summary))
    broken("knn", "never")
    again = Comparison(iris, settings, tmp_path / "run").run(resume=True)
    assert [r for r in again if r in records] == [r for r in records if r["kind"] != "failure"]
    assert {result.method for result in summarise(again).results} == {"knn", "nearest-centroid", "dummy"}


def test_nothing_is_left_to_compare_where_all_methods_fail(iris, broken, tmp_path):
    broken("knn", "always")
    with pytest.raises(InputError, match="no method could be fitted; knn said: FloatingPointError: the it"):
        Comparison(iris, replace(SETTINGS, methods=("knn",)), tmp_path / "run").run()
    assert not (tmp_path / "run" / "model").exists()


def test_progress_counts_every_fit(iris, tmp_path):
    told: list[Any] = []

    class Told:
        def begin(self, total: int, done: int) -> None:
            told.append((total, done))

        def advance(self, fits: int, what: str) -> None:
            assert what.startswith(("softmax, ", "dummy, "))
            told.append(fits)

    out = tmp_path / "run"
    Comparison(iris, SETTINGS, out, progress=Told()).run()
    total = 2 * (3 * 5 + 2)
    assert told[0] == (total, 0)
    assert sum(told[1:]) == total
    told.clear()
    Comparison(iris, SETTINGS, out, progress=Told()).run(resume=True)
    assert told == [(total, total)]
