"""From data to C and gamma, a report and a model; killed at any moment, it goes on."""

import csv
import io
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest

from maxmargin import load_model
from maxmargin.datasets import load_dataset
from maxmargin.studies import RecordLog

FILES = ["model", "records.jsonl", "report.html", "search"]
OPTIONS = ("--no-coarse-to-fine", "--cv", 3, "--jobs", 1)

# Runs the command line and kills it after so many values of gamma, or half-way through writing the model.
KILLED = """
import os, signal, sys
from pathlib import Path
from maxmargin.cli import main
from maxmargin.kernel.stages import StageFiles

moment = sys.argv.pop(1)
written, write, write_bytes = [], StageFiles.write, Path.write_bytes

def write_and_die(files, stage, place, found):
    write(files, stage, place, found)
    written.append(place)
    if moment == str(len(written)):
        os.kill(os.getpid(), signal.SIGKILL)

def write_bytes_and_die(path, content):
    write_bytes(path, content)
    if moment == "model" and ".draft" in str(path):
        os.kill(os.getpid(), signal.SIGKILL)

StageFiles.write, Path.write_bytes = write_and_die, write_bytes_and_die
main()
"""


@pytest.fixture(scope="module")
def here_before(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("tuned")


@pytest.fixture(scope="module")
def tuned(maxmargin, here_before) -> CompletedProcess[str]:
    """``tune iris`` without --out, run to its end."""
    return maxmargin("tune", "iris", "--method", "rbf", *OPTIONS, cwd=here_before)


@pytest.fixture(scope="module")
def folder(tuned, here_before) -> Path:
    assert tuned.returncode == 0, tuned.stderr
    (folder,) = (here_before / "runs").iterdir()
    return folder


def _outcome(folder: Path) -> tuple:
    (record,) = (r for r in RecordLog(folder / "records.jsonl").read() if r["kind"] == "tuning")
    scores = [(one["C"], one["gamma"], one["mean"], one["std"]) for one in record["candidates"]]
    return record["params"], scores, record["test"]["predictions"], record["test"]["interval"]


def test_tune_leaves_all_it_promises_and_is_quiet(tuned, folder):
    assert tuned.stderr == ""
    assert re.fullmatch(r"iris-tune-\d{8}-\d{6}", folder.name)
    assert sorted(path.name for path in folder.iterdir()) == FILES
    for name in ("model", "records.jsonl", "report.html"):
        assert f"runs/{folder.name}/{name}" in tuned.stdout
    lines = tuned.stdout.replace("\xa0", " ").splitlines()
    assert lines[0] == "iris: 150 rows, 4 features, 3 classes"
    assert any(line.startswith("SVM with RBF kernel does best with C = ") for line in lines)
    assert "112 training and 38 test rows" in tuned.stdout
    assert "\x1b" not in tuned.stdout
    assert "<svg" in (folder / "report.html").read_text(encoding="utf-8")
    assert len(list((folder / "search").glob("coarse-gamma-*.json"))) == 10


def test_the_model_predicts_and_is_evaluated(here, folder):
    iris = load_dataset("iris")
    expected = load_model(folder / "model").predict(iris.X)
    code, printed, error = here("predict", folder / "model", "iris")
    assert (code, error) == (0, "")
    rows = list(csv.DictReader(io.StringIO(printed)))
    assert [row["prediction"] for row in rows] == expected.tolist()
    code, printed, error = here("evaluate", folder / "model", "iris")
    assert (code, error) == (0, "")
    right = int(np.sum(expected == iris.y))
    assert right > 135
    assert f"{right} of 150 rows right" in printed


def test_killed_in_every_phase_it_ends_with_the_same_numbers(environment, maxmargin, folder, tmp_path):
    out = tmp_path / "run"
    options = ("tune", "iris", *map(str, OPTIONS), "--out", "run")
    searched = []
    for moment in ("3", "model"):
        resume = ("--resume",) if out.exists() else ()
        command = [sys.executable, "-c", KILLED, moment, *options, *resume]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (-signal.SIGKILL, "")
        searched.append(len(list((out / "search").glob("coarse-gamma-*.json"))))
        assert [record["kind"] for record in RecordLog(out / "records.jsonl").read()] == ["study"]
    assert searched == [3, 10]
    assert not (out / "model").exists()
    done = maxmargin(*options, "--resume", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.name for path in out.iterdir()) == FILES
    assert _outcome(out) == _outcome(folder)
    X = load_dataset("iris").X
    models = [load_model(one / "model") for one in (out, folder)]
    np.testing.assert_array_equal(*(model.decision_function(X) for model in models))


def test_resume_without_out_takes_the_newest_run_and_rewrites_the_report(
    here, folder, here_before, monkeypatch
):
    monkeypatch.chdir(here_before)
    before = (folder / "records.jsonl").read_bytes()
    (folder / "report.html").unlink()
    code, printed, error = here("tune", "iris", *OPTIONS, "--resume")
    assert (code, error) == (0, "")
    assert f"runs/{folder.name}/report.html" in printed
    assert (folder / "report.html").exists()
    assert (folder / "records.jsonl").read_bytes() == before


def test_resume_with_other_options_data_or_nothing_to_resume_is_refused(here, folder, tmp_path, monkeypatch):
    copy = shutil.copytree(folder, tmp_path / "run")
    before = (copy / "records.jsonl").read_bytes()
    cases = {
        (
            "iris",
            *OPTIONS,
            "--seed",
            1,
            "--resume",
        ): "holds a run with --seed 0, not 1; give the same options",
        ("wine", *OPTIONS, "--resume"): "holds a run on other data; give the same data or another --out",
        ("iris", *OPTIONS): "holds a run already; add --resume to go on or choose another --out",
    }
    for call, words in cases.items():
        code, _, error = here("tune", *call, "--out", copy)
        assert (code, error.count("\n")) == (2, 1)
        assert words in error
    assert (copy / "records.jsonl").read_bytes() == before
    monkeypatch.chdir(tmp_path)
    code, _, error = here("tune", "iris", "--resume")
    assert code == 2
    assert "no run on iris under runs" in error


def test_an_unknown_method_is_one_line(maxmargin, tmp_path):
    done = maxmargin("tune", "iris", "--method", "poly", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "maxmargin: error: unknown method 'poly'; choose from rbf\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("iris", "--strategy", "all"), "unknown strategy 'all'; choose from ovo, ovr"),
        (("iris", "--cv", 1), "--cv is 1; it must be at least 2"),
        (("iris", "--test-size", 1.5), "--test-size is 1.5; it must lie between 0 and 1"),
        (("iris", "--test-size", 0.01), "--test-size 0.01 leaves 148 training and 2 test rows"),
        (("iris", "--max-samples", 5), "--max-samples is 5; 3 classes need at least 6 rows"),
        (("nosuch.csv",), "nosuch.csv"),
    ],
)
def test_so_is_every_other_input_that_cannot_be_used(here, tmp_path, monkeypatch, options, words):
    monkeypatch.chdir(tmp_path)
    code, _, error = here("tune", *options, "--out", "out")
    assert code == 2
    assert error.startswith("maxmargin: error: ")
    assert error.count("\n") == 1
    assert words in error
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_else_is_let_be(here, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    code, _, error = here("tune", "iris", *OPTIONS, "--out", tmp_path)
    assert (code, error.count("\n")) == (2, 1)
    assert "exists and holds no run; choose another --out" in error
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_interrupted_it_says_how_to_go_on(here, tmp_path, monkeypatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("maxmargin.kernel.KernelSearchCV.fit", interrupted)
    code, _, error = here("tune", "iris", "--cv", 3)
    assert code == 130
    assert re.search(r"tune iris --cv 3 --out runs/iris-tune-\d{8}-\d{6} --resume\n$", error)


def test_both_grids_on_a_table_of_text_gaps_and_a_rare_class(here, tmp_path, rng):
    rows = ["size,colour,kind"]
    for i in range(60):
        kind = "rare" if i < 3 else ("big", "small")[i % 2]
        size = "" if i % 11 == 5 else f"{rng.normal(5 * (i % 2)):.3f}"
        rows.append(f"{size},{('red', 'blue', '')[i % 3]},{kind}")
    (tmp_path / "things.csv").write_text("\n".join(rows) + "\n")
    out = tmp_path / "run"
    options = ("--cv", 2, "--strategy", "ovr", "--max-samples", 50, "--target", "kind", "--out", out)
    code, printed, error = here("tune", tmp_path / "things.csv", *options)
    assert (code, error) == (0, "")
    assert " of the 60 rows were drawn" in printed
    (record,) = (r for r in RecordLog(out / "records.jsonl").read() if r["kind"] == "tuning")
    assert len(record["candidates"]) == 110 + 256
    (tmp_path / "new.csv").write_text("colour,size\ngreen,5.1\n,\n")
    code, printed, _ = here("predict", out / "model", tmp_path / "new.csv")
    assert code == 0
    assert len(printed.splitlines()) == 3
