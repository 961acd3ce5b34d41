"""Every input that cannot be used ends with one line, exit code 2, and nothing half-written."""

import gzip
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest
from PIL import Image

from maxmargin.studies import RecordLog

ROWS = "".join(f"{i % 7}.5,{i % 5},{'ab'[i % 2]}\n" for i in range(40))
TABLE = "x,z,class\n" + ROWS

# Name of the file, its content, and what the line must speak of.
FILES: dict[str, tuple[bytes, list[str]]] = {
    "empty.csv": (b"", ["empty.csv"]),
    "header.csv": (b"x,z,class\n", ["header.csv", "no rows"]),
    "one_class.csv": (b"x,class\n" + b"".join(b"%d,a\n" % i for i in range(20)), ["one class", "'a'"]),
    "one_sample.csv": (TABLE.encode() + b"1,1,c\n", ["'c'", "one sample", "line 42"]),
    "infinite.csv": (TABLE.replace("3.5,3,", "inf,3,", 1).encode(), ["'x'", "inf", "line 5"]),
    "constant.csv": (b"x,z,class\n" + b"1,2,a\n1,2,b\n" * 10, ["constant"]),
    "huge.csv": (TABLE.replace("3.5,3,", "1e300,3,", 1).encode(), ["'x'", "1e+300", "line 5"]),
    "twice.csv": (TABLE.replace("x,z", "x,x").encode(), ["'x'"]),
    "floats.csv": (b"x,class\n" + b"".join(b"%d,%d.25\n" % (i, i % 3) for i in range(20)), ["'class'"]),
    "latin.csv": (TABLE.replace("x,z", "gr\xf6\xdfe,z").encode("latin-1"), ["latin.csv", "UTF-8"]),
    "cut.csv.gz": (gzip.compress(TABLE.encode() * 50)[:-40], ["cut.csv.gz"]),
    "none.parquet": (TABLE.encode(), ["none.parquet", "Parquet"]),
    "what.xyz": (TABLE.encode(), ["what.xyz", ".csv"]),
}

# Name of the case, arguments, and what the line must speak of; {out} is a path that does not exist.
CALLS: dict[str, tuple[str, list[str]]] = {
    "an unknown method": ("compare iris --methods softmax,svm --out {out}", ["'svm'", "softmax, ovr"]),
    "no folds": ("compare iris --cv 1 --out {out}", ["--cv", "at least 2"]),
    "a folder that is there": ("compare iris --methods dummy --out images", ["images", "choose another"]),
    "a folder that is no model": ("predict images iris --out {out}", ["images", "model"]),
    "a broken image": ("compare images --out {out}", ["broken.png"]),
}

# The same, run without a process of their own.
OTHERS: dict[str, tuple[str, list[str]]] = {
    "a missing file": ("compare nosuch.csv --out {out}", ["nosuch.csv"]),
    "an unknown label": ("compare iris.csv --target nosuch --out {out}", ["nosuch", "class"]),
    "no method": ("compare iris --methods , --out {out}", ["no method", "softmax"]),
    "an unknown method to fit": ("fit iris --method svm --out {out}", ["'svm'", "softmax, ovr"]),
    "all for testing": ("compare iris --test-size 1.5 --out {out}", ["--test-size", "between 0 and 1"]),
    "too small a test part": ("compare iris --test-size 0.01 --out {out}", ["--test-size 0.01", "3 classes"]),
    "too few rows drawn": ("compare iris --max-samples 5 --out {out}", ["--max-samples", "at least 6"]),
    "no number of rows": ("fit iris --max-samples 2 --out {out}", ["--max-samples", "at least 4"]),
    "a file that is there": ("compare iris --methods dummy --out iris.csv", ["iris.csv", "choose another"]),
    "a folder to fit into": ("fit iris --method dummy --out images", ["images", "choose another"]),
    "an unknown parameter": ("fit iris --method m3 --param D=1 --out {out}", ["'D'", "class_weight"]),
    "a bad value": ("fit iris --method m3 --param C=-1 --out {out}", ["C is -1", "positive"]),
    "a bad pair": ("fit iris --param C --out {out}", ["'C'", "NAME=VALUE"]),
    "no model": ("predict nosuch iris --out {out}", ["nosuch", "model"]),
}

USAGE = {
    "jobs": ("compare iris --jobs 0 --out {out}", "--jobs"),
    "text for a number": ("compare iris --repeats many --out {out}", "--repeats"),
    "unknown option": ("compare iris --nosuch --out {out}", "--nosuch"),
    "unknown command": ("explain iris", "explain"),
    "no data": ("compare", "DATA"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bad")
    for name, (content, _) in FILES.items():
        (folder / name).write_bytes(content)
    (folder / "iris.csv").write_text(TABLE)
    for label in "ab":
        (folder / "images" / label).mkdir(parents=True)
        for i in range(4):
            pixels = np.full((8, 8), 20 * i + ord(label), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "images" / label / f"{i}.png")
    whole = (folder / "images" / "a" / "0.png").read_bytes()
    (folder / "images" / "b" / "broken.png").write_bytes(whole[: len(whole) // 2])
    return folder


@pytest.fixture(scope="module")
def done(maxmargin, folder) -> dict[str, CompletedProcess[str]]:
    """Every case in a process of its own, two at a time."""
    calls = {name: f"compare {name} --out {{out}}" for name in FILES}
    calls |= {name: call for name, (call, _) in [*CALLS.items(), *USAGE.items()]}

    def run(item: tuple[int, str]) -> CompletedProcess[str]:
        number, call = item
        return maxmargin(*call.format(out=f"out{number}").split(), cwd=folder)

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(calls, pool.map(run, enumerate(calls.values())), strict=True))


@pytest.mark.parametrize("name", [*FILES, *CALLS])
def test_bad_input_is_one_line_and_exit_code_2(done, name):
    process, (_, words) = done[name], (FILES | CALLS)[name]
    assert process.returncode == 2
    assert process.stderr.startswith("maxmargin: error: ")
    assert process.stderr.count("\n") == 1
    assert len(process.stderr) < 400
    for word in words:
        assert word in process.stderr


@pytest.mark.parametrize("name", OTHERS)
def test_so_is_every_other(here, folder, name, monkeypatch, tmp_path):
    monkeypatch.chdir(folder)
    call, words = OTHERS[name]
    before = sorted(folder.rglob("*"))
    code, _, error = here(*call.format(out=tmp_path / "out").split())
    assert code == 2
    assert error.startswith("maxmargin: error: ")
    assert error.count("\n") == 1
    for word in words:
        assert word in error
    assert [*tmp_path.iterdir()] == []
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize("name", USAGE)
def test_a_call_that_cannot_be_understood_is_exit_code_2(done, name):
    process, (_, word) = done[name], USAGE[name]
    assert process.returncode == 2
    assert word in process.stderr
    assert "Traceback" not in process.stderr
    assert process.stderr.count("\n") <= 4


def test_nothing_was_written(done, folder):
    assert len(done) == len(FILES) + len(CALLS) + len(USAGE)
    assert {path.name for path in folder.iterdir()} == {*FILES, "iris.csv", "images"}
    assert len(list((folder / "images").rglob("*"))) == 2 + 9


def _limited(kilobytes: int, *arguments: object, cwd: Path, env: dict[str, str]) -> CompletedProcess[str]:
    """Run where no file can grow beyond so many kilobytes, as on a full disk."""
    command = ["bash", "-c", 'ulimit -f "$0" && exec "$@"', str(kilobytes), sys.executable, "-m", "maxmargin"]
    return subprocess.run([*command, *map(str, arguments)], cwd=cwd, env=env, capture_output=True, text=True)


@pytest.mark.parametrize(("kilobytes", "file"), [(8, "records.jsonl"), (34, "report.html")])
def test_a_full_disk_leaves_whole_records_and_the_run_goes_on(environment, tmp_path, kilobytes, file):
    options = ("compare", "iris", "--methods", "softmax,dummy", "--repeats", 2, "--jobs", 1, "--out", "run")
    full = _limited(kilobytes, *options, cwd=tmp_path, env=environment)
    assert full.returncode == 2
    advice = "free some space and try again, or go on with --resume"
    assert full.stderr == f"maxmargin: error: run/{file}: File too large; {advice}\n"
    log = RecordLog(tmp_path / "run" / "records.jsonl")
    size = log.path.stat().st_size
    assert len(log.read()) > 3
    assert log.path.stat().st_size == size  # nothing had to be cut off
    assert not [path.name for path in log.path.parent.iterdir() if ".draft" in path.name]
    assert not (tmp_path / "run" / "report.html").exists()


def test_a_full_disk_under_the_printed_predictions(maxmargin, run_folder, place):
    with Path("/dev/full").open("w") as full:
        process = maxmargin("predict", run_folder / "model", "iris", cwd=place, stdout=full.fileno())
    assert process.returncode == 2
    assert process.stderr.startswith("maxmargin: error: No space left on device; ")
    assert process.stderr.count("\n") == 1


def test_a_reader_that_leaves_is_no_error(environment, run_folder, place):
    command = f"'{sys.executable}' -m maxmargin predict '{run_folder}/model' iris | true"
    process = subprocess.run(
        ["bash", "-c", command], cwd=place, env=environment, capture_output=True, text=True
    )
    assert process.stderr == ""
