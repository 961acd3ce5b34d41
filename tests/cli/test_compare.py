import json
import os
import re
import shutil

import numpy as np
import pandas as pd
import pytest

from maxmargin import load_model
from maxmargin.datasets import load_dataset
from maxmargin.studies import METHODS, Method

FILES = ["model", "preds.csv", "records.jsonl", "report.html"]


def test_compare_leaves_all_it_promises_and_is_quiet(compared, run_folder):
    assert compared.stderr == ""
    assert re.fullmatch(r"iris-\d{8}-\d{6}", run_folder.name)
    assert sorted(path.name for path in run_folder.iterdir()) == FILES
    for name in FILES:
        assert f"runs/{run_folder.name}/{name}" in compared.stdout
    assert "iris: 150 rows, 4 features, 3 classes" in compared.stdout
    assert "\x1b" not in compared.stdout
    assert "<html" in (run_folder / "report.html").read_text()
    iris = load_dataset("iris")
    accuracy = np.mean(load_model(run_folder / "model").predict(iris.X) == iris.y)
    assert accuracy > 0.9


def test_resume_without_out_takes_the_newest_run_and_rewrites_the_report(
    here, run_folder, place, monkeypatch
):
    monkeypatch.chdir(place)
    older = shutil.copytree(run_folder, run_folder.with_name("iris-19991231-235959"))
    os.utime(older / "records.jsonl", (0, 0))
    other = shutil.copytree(run_folder, run_folder.with_name("iris-2-20991231-235959"))
    os.utime(other / "records.jsonl")
    lines = (run_folder / "records.jsonl").read_bytes()
    (run_folder / "report.html").unlink()
    options = ("--methods", "softmax,rbf-svc,dummy", "--repeats", 2)
    code, printed, error = here("compare", "iris", *options, "--resume")
    for folder in (older, other):
        shutil.rmtree(folder)
    assert (code, error) == (0, "")
    assert f"runs/{run_folder.name}/report.html" in printed
    assert (run_folder / "report.html").exists()
    assert (run_folder / "records.jsonl").read_bytes() == lines


def test_resume_with_other_options_or_nothing_to_resume_is_refused(here, run_folder, tmp_path, monkeypatch):
    before = (run_folder / "records.jsonl").read_bytes()
    options = ("--methods", "softmax,rbf-svc,dummy", "--repeats", 3, "--out", run_folder)
    code, _, error = here("compare", "iris", *options, "--resume")
    assert code == 2
    assert error == (
        f"maxmargin: error: {run_folder} holds a run with --repeats 2, not 3; "
        "give the same options or another --out\n"
    )
    code, _, error = here("compare", "iris", *options)
    assert (code, error.count("\n")) == (2, 1)
    assert "add --resume" in error
    assert (run_folder / "records.jsonl").read_bytes() == before
    monkeypatch.chdir(tmp_path)
    code, _, error = here("compare", "iris", "--resume")
    assert (code, error) == (
        2,
        "maxmargin: error: no run on iris under runs; give its folder with --out, or leave out --resume\n",
    )
    assert list(tmp_path.iterdir()) == []


def test_a_failing_method_is_told_and_the_others_are_compared(here, tmp_path, monkeypatch):
    def fails() -> None:
        raise FloatingPointError("no luck")

    monkeypatch.setitem(METHODS, "knn", Method("knn", "Unlucky", "fails", fails))
    out = tmp_path / "run"
    options = ("--methods", "knn,nearest-centroid,dummy", "--repeats", 2, "--jobs", 1, "--out", out)
    code, printed, error = here("compare", "iris", *options)
    assert (code, error) == (0, "")
    assert "knn failed" in printed
    assert "no luck" in (out / "report.html").read_text()
    out = tmp_path / "none"
    code, _, error = here("compare", "iris", "--methods", "knn", "--jobs", 1, "--out", out)
    assert code == 2
    assert error == ("maxmargin: error: no method could be fitted; knn said: FloatingPointError: no luck\n")
    assert [path.name for path in out.iterdir()] == ["records.jsonl"]


def test_a_table_of_text_gaps_and_a_rare_class(here, tmp_path, rng):
    n = 90
    table = pd.DataFrame(
        {
            "colour": rng.choice(["red", "green", "blue"], n),
            "size": rng.normal(size=n).round(3),
            "kind": np.r_[["rare"] * 2, ["common"] * 40, ["usual"] * 48],
        }
    )
    table.loc[::7, "size"] = np.nan
    table.loc[::9, "colour"] = None
    table.to_csv(tmp_path / "things.csv", index=False)
    options = ("--repeats", 2, "--jobs", 1, "--methods", "softmax,rbf-svc,knn,nearest-centroid,m3,dummy")
    code, printed, error = here("compare", tmp_path / "things.csv", *options, "--out", tmp_path / "run")
    assert (code, error) == (0, "")
    assert "90 rows, 2 features, 3 classes" in printed
    records = [json.loads(line) for line in (tmp_path / "run" / "records.jsonl").read_text().splitlines()]
    assert "failure" not in {record["kind"] for record in records}


def test_the_last_split_may_be_the_only_one(here, tmp_path):
    options = ("--repeats", 1, "--jobs", 1, "--methods", "nearest-centroid,dummy", "--max-samples", 60)
    code, printed, error = here("compare", "iris", *options, "--out", tmp_path / "run")
    assert (code, error) == (0, "")
    assert "one split" in printed


@pytest.mark.parametrize("arguments", [("methods",), ("datasets",)])
def test_lists(here, arguments):
    code, printed, error = here(*arguments)
    assert (code, error) == (0, "")
    names = {line.split()[0] for line in printed.splitlines()[1:] if line.strip()}
    assert names >= (set(METHODS) if arguments == ("methods",) else {"iris", "wine", "digits"})


def test_fetching_the_unknown_is_refused(here):
    code, _, error = here("datasets", "fetch", "nosuch")
    assert (code, error.count("\n")) == (2, 1)
    assert "nosuch" in error
