"""Records are read as they are, and refused where they are not what they should be."""

import json

import pytest

from maxmargin._checks import InputError
from maxmargin.reports.papers import read_results, summarise_evidence
from tests.reports.evidence import drawn, record

GOOD = record("drawn", "quick", "test", method="svm", seed=0, error=0.1, n_test=10)


def write(folder, lines, name="drawn"):
    path = folder / f"{name}.jsonl"
    path.write_bytes(lines if isinstance(lines, bytes) else "".join(f"{line}\n" for line in lines).encode())
    return path


def test_whole_lines_are_read_and_nothing_is_changed(tmp_path):
    text = json.dumps(GOOD) + "\n" + json.dumps(GOOD | {"seed": 1})[:-7]
    path = write(tmp_path, text.encode())
    write(tmp_path, [], "other")
    (tmp_path / "notes.txt").write_text("not records")
    assert read_results(tmp_path, ["drawn", "other"]) == {"drawn": [GOOD]}
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([json.dumps(GOOD), "{'seed': 1}"], r"drawn.jsonl: line 2 is no record; restore the file"),
        (["[1, 2]"], "line 1 is no record"),
        ([""], "line 1 is no record"),
        (b"\xff\xfe\n", "line 1 is no record"),
        ([json.dumps({"kind": "study", "format": 1})], "line 1 is no record of an experiment: it has no exp"),
        ([json.dumps(GOOD | {"kind": None})], "it has no kind"),
        (
            [json.dumps(GOOD | {"experiment": "large"})],
            "line 1 is a record of 'large'; move it to its own file",
        ),
        ([], r"holds no records; run 'maxmargin reproduce NAME --out"),
    ],
)
def test_damaged_and_foreign_records_are_refused(tmp_path, lines, message):
    write(tmp_path, lines)
    with pytest.raises(InputError, match=message):
        read_results(tmp_path, ["drawn", "large"])


def test_folders_without_records_are_refused(tmp_path):
    with pytest.raises(InputError, match="nowhere is no folder; give the one that 'maxmargin reproduce'"):
        read_results(tmp_path / "nowhere", ["drawn"])
    with pytest.raises(InputError, match="holds no records"):
        read_results(tmp_path, ["drawn"])
    write(tmp_path, [json.dumps(GOOD)], "comparison")
    with pytest.raises(InputError, match=r"comparison.jsonl: no experiment is called 'comparison'; move"):
        read_results(tmp_path, ["drawn"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scale": "huge"}, r"drawn.jsonl: a record is of scale 'huge', .* it has full, quick"),
        ({"error": "low"}, r"drawn.jsonl, scale quick: Table 1 \(Errors\): error is 'low' in a record"),
    ],
)
def test_records_that_do_not_fit_the_experiment_are_refused(change, message):
    experiment, _ = drawn()
    with pytest.raises(InputError, match=message):
        summarise_evidence([experiment], {"drawn": [GOOD | change]})


def test_scales_are_apart_and_the_papers_own_comes_first():
    experiment, _ = drawn()
    records = [GOOD, GOOD | {"scale": "full", "error": 0.2}]
    full, quick = summarise_evidence([experiment], {"drawn": records})
    assert (full.scale, quick.scale) == ("full", "quick")
    assert [s.findings[0].cells["svm", ""].ours.mean for s in (full, quick)] == [0.2, 0.1]
    assert [s.findings[0].cells["svm", ""].ours.n for s in (full, quick)] == [1, 1]
    assert summarise_evidence([experiment], {}) == []
