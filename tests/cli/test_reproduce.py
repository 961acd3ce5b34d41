"""Experiments of the papers from the command line: rerun, interrupted, resumed, and reported."""

import json
import re
import shutil
from pathlib import Path
from typing import Literal

import pytest

from maxmargin._checks import check_choice
from maxmargin.evidence import Claim, Printed, Scale, Table
from maxmargin.reports import papers as papers_reports
from maxmargin.studies import papers
from maxmargin.studies.papers.procedure import Procedure

KILLED: list[tuple[str, int]] = []
RESULTS = Path(__file__).parents[2] / "results"


class ToyProcedure(Procedure):
    """Two methods whose errors are made up."""

    kind: Literal["toy"] = "toy"

    @property
    def sources(self):
        return []

    def run(self, notebook, seeds, device):  # noqa: ARG002
        for seed in seeds:
            for method, error in (("svm", 0.01), ("softmax", 0.02)):
                if (method, seed) in KILLED:
                    raise KeyboardInterrupt
                place = {"kind": "test", "method": method, "seed": seed}
                found = {"error": error + seed / 1000 * (method == "svm"), "n_test": 1000}
                notebook.once(place, lambda found=found: found)

    def effort(self, seeds):
        return 2 * len(seeds)


class Toy(Printed):
    def at(self, scale):
        check_choice(scale, self.scales, "scale")
        return ToyProcedure()


TOY = Toy(
    name="toy", title="A toy", paper="Nobody (2024)",
    scales={"full": Scale(note="All of it."), "quick": Scale(note="A part of it.")},
    tables=[
        Table(name="Table 1", title="Errors", printed={"svm": 0.012, "softmax": 0.02},
              claims=[Claim(better="svm", than=["softmax"])]),
    ],
)  # fmt: skip


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setattr(papers, "load_experiment", lambda name: {"toy": TOY}[name])
    KILLED.clear()


@pytest.mark.usefixtures("toy")
def test_a_rerun_ends_with_the_tables_beside_the_papers(here, tmp_path):
    code, out, _ = here("reproduce", "toy", "--seeds", 3, "--out", tmp_path)
    assert code == 0
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "svm 1.20 1.10 [0.85 to 1.35] 3 −0.10 0.60 to 1.60" in lines
    assert "Quick: A part of it." in lines
    assert "svm better than softmax: holds (−0.90 [−1.15 to −0.65])" in lines
    assert lines[-1] == f"records: {tmp_path}/toy.jsonl"
    records = [json.loads(line) for line in (tmp_path / "toy.jsonl").read_text().splitlines()]
    assert [(r["method"], r["seed"]) for r in records] == [
        (m, s) for s in range(3) for m in ("svm", "softmax")
    ]


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_a_device_that_is_of_no_use_is_told(here, device, tmp_path):
    code, out, err = here("reproduce", "toy", "--device", device, "--out", tmp_path)
    assert code == 0
    assert "toy trains no network, so it runs on the CPU" in " ".join((out + err).split())


@pytest.mark.usefixtures("toy")
def test_an_interrupted_rerun_goes_on(here, tmp_path):
    KILLED.append(("softmax", 1))
    code, _, err = here("reproduce", "toy", "--seeds", 2, "--out", tmp_path)
    assert code == 130
    assert "interrupted; add --resume to go on" in err
    KILLED.clear()
    code, _, err = here("reproduce", "toy", "--seeds", 2, "--out", tmp_path)
    assert code == 2
    assert "add --resume to go on or choose another --out" in err
    code, out, _ = here("reproduce", "toy", "--seeds", 2, "--out", tmp_path, "--resume")
    assert code == 0
    assert "svm better than softmax: holds" in out
    assert len((tmp_path / "toy.jsonl").read_text().splitlines()) == 4


@pytest.mark.usefixtures("toy")
def test_other_seeds_and_the_full_scale_are_kept_apart(here, tmp_path):
    here("reproduce", "toy", "--scale", "full", "--seeds", 2, "--first-seed", 5, "--out", tmp_path)
    code, out, _ = here("reproduce", "toy", "--seeds", 2, "--out", tmp_path)
    assert code == 0
    assert "In full" not in out
    records = [json.loads(line) for line in (tmp_path / "toy.jsonl").read_text().splitlines()]
    assert {(r["scale"], r["seed"]) for r in records} == {
        ("full", 5),
        ("full", 6),
        ("quick", 0),
        ("quick", 1),
    }


def test_the_experiments_are_listed(here):
    code, out, _ = here("reproduce")
    assert code == 0
    assert "har" in out.split()  # which cannot be had here, and whose absence is told
    assert re.search(r"^ *tang-mnist .* \d+\.\d (s|min) +\d+\.\d (min|h) ", out.replace("\xa0", " "), re.M)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tang"], "unknown experiment 'tang'; choose from"),
        (["tang-mnist", "--scale", "huge"], "unknown scale 'huge'; choose from full, quick"),
        (["m3svm-table-1", "--device", "gpu"], "unknown device 'gpu'; choose from auto, cpu, cuda"),
    ],
)
def test_what_cannot_be_rerun_is_said(here, arguments, message, tmp_path):
    code, _, err = here("reproduce", *arguments, "--out", tmp_path)
    assert code == 2
    assert message in err.replace("quick, full", "full, quick")
    assert not list(tmp_path.iterdir())


def test_the_records_of_this_project_are_reported(maxmargin, tmp_path):
    done = maxmargin("report", RESULTS, "--html", "--out", tmp_path / "docs", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("The papers' claims, at their scale: ")
    assert done.stdout.endswith(f"page:   {tmp_path}/docs/results.html\n")
    text = (tmp_path / "docs" / "results.md").read_text(encoding="utf-8")
    for name in (path.stem for path in RESULTS.glob("*.jsonl")):
        assert f"## {name}: " in text
    for path in RESULTS.glob("*.jsonl"):
        assert path.read_bytes().endswith(b"\n")
    assert (tmp_path / "docs" / "results.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert not list((tmp_path / "docs").rglob(".*"))


def test_a_document_goes_where_this_project_keeps_its_own(maxmargin, tmp_path):
    (tmp_path / "results").mkdir()
    shutil.copy(RESULTS / "tang-mnist.jsonl", tmp_path / "results")
    done = maxmargin("report", "results", cwd=tmp_path)
    assert done.stdout.endswith("report: docs/results.md\n")
    assert "## tang-mnist: " in (tmp_path / "docs" / "results.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "holds no records"),
        ("{\n", "tang-mnist.jsonl: line 1 is no record"),
        ('{"kind": "study"}\n', "line 1 is no record of an experiment"),
    ],
)
def test_what_cannot_be_reported_is_said(here, content, message, tmp_path):
    results = tmp_path / "results"
    results.mkdir()
    if content:
        (results / "tang-mnist.jsonl").write_text(content)
    code, out, err = here("report", results, "--out", tmp_path / "docs")
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "docs").exists()


def test_a_folder_that_is_none_is_said(here, tmp_path):
    code, _, err = here("report", tmp_path / "nowhere", "--out", tmp_path / "docs")
    assert code == 2
    assert "nowhere is no folder" in err


def test_a_document_that_cannot_be_written_names_its_place(here, tmp_path, monkeypatch):
    (tmp_path / "docs").write_text("a file")
    monkeypatch.setattr(papers_reports, "draw_figures", None)  # that is said before the long work
    code, _, err = here("report", RESULTS, "--out", tmp_path / "docs")
    assert code == 2
    assert "docs" in err
    assert (tmp_path / "docs").read_text() == "a file"
