"""Killed at any moment, a comparison goes on from its finished fits; interrupted, it says how."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from maxmargin import load_model
from maxmargin.datasets import load_dataset
from maxmargin.studies import RecordLog

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

_SHARED = Path("/dev/shm")
OPTIONS = ("compare", "iris", "--methods", "softmax,rbf-svc,dummy", "--repeats", "2", "--jobs", "1")

# Runs the command line and kills it after so many appended groups, or half-way through writing the model.
KILLED = """
import os, signal, sys
from pathlib import Path
from maxmargin.cli import main
from maxmargin.studies import RecordLog

moment = sys.argv.pop(1)
appended, append, write = [], RecordLog.append, Path.write_bytes

def append_and_die(log, *records):
    append(log, *records)
    appended.append(records)
    if moment == str(len(appended)):
        os.kill(os.getpid(), signal.SIGKILL)

def write_and_die(path, content):
    write(path, content)
    if moment == "model" and ".draft" in str(path):
        os.kill(os.getpid(), signal.SIGKILL)

RecordLog.append, Path.write_bytes = append_and_die, write_and_die
main()
"""


def _wait(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def _lines(log: Path) -> int:
    return log.read_bytes().count(b"\n") if log.exists() else 0


def _running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _workers(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture
def slow(environment, tmp_path):
    """Start a comparison with two jobs that lasts long enough to be ended; nothing outlives the test."""
    started: list[subprocess.Popen[str]] = []
    # A shell that runs the tests in the background has them, and their children, ignore the interrupt.
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)

    def start(*options: str) -> tuple[subprocess.Popen[str], list[int]]:
        before = _lines(tmp_path / "run" / "records.jsonl")
        command = [sys.executable, "-m", "maxmargin", "compare", "digits", "--methods", "m3,cs"]
        process = subprocess.Popen(
            [*command, "--repeats", "4", "--jobs", "2", "--out", "run", *options],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        _wait(lambda: _lines(tmp_path / "run" / "records.jsonl") > before + 1)
        return process, _workers(process.pid)

    yield start
    signal.signal(signal.SIGINT, inherited)
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        # A whole group killed leaves nobody to remove its semaphores and the folder of its shared arrays.
        for left in [*_SHARED.glob(f"sem.loky-{process.pid}-*"), *_SHARED.glob(f"joblib_*_{process.pid}_*")]:
            shutil.rmtree(left) if left.is_dir() else left.unlink()


def test_killed_in_every_phase_it_ends_with_the_same_numbers(environment, maxmargin, run_folder, tmp_path):
    out = tmp_path / "run"
    finished = []
    for moment in ("5", "10", "model"):
        resume = ("--resume",) if out.exists() else ()
        command = [sys.executable, "-c", KILLED, moment, *OPTIONS, "--out", "run", *resume]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (-signal.SIGKILL, "")
        finished.append([record["kind"] for record in RecordLog(out / "records.jsonl").read()])
    assert [kinds.count("test") for kinds in finished] == [0, 2, 6]
    assert [path.name for path in out.iterdir() if ".draft" in path.name] != []
    assert not (out / "model").exists()

    done = maxmargin(*OPTIONS, "--out", "run", "--resume", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.name for path in out.iterdir()) == [
        "model",
        "preds.csv",
        "records.jsonl",
        "report.html",
    ]
    assert _numbers(out) == _numbers(run_folder)
    assert (out / "preds.csv").read_bytes() == (run_folder / "preds.csv").read_bytes()
    X = load_dataset("iris").X
    models = [load_model(folder / "model") for folder in (out, run_folder)]
    np.testing.assert_array_equal(*(model.decision_function(X) for model in models))


def _numbers(folder: Path) -> list[str]:
    fields = ("kind", "method", "split", "fold", "params", "accuracy", "predictions", "margins", "confusion")
    records = RecordLog(folder / "records.jsonl").read()[1:]
    return sorted(str([record.get(field) for field in fields]) for record in records)


def test_no_worker_outlives_a_killed_parent_and_the_run_goes_on(slow, tmp_path):
    log = tmp_path / "run" / "records.jsonl"
    parent, workers = slow()
    assert len(workers) >= 2
    os.kill(parent.pid, signal.SIGKILL)
    assert parent.wait() == -signal.SIGKILL
    _wait(lambda: not any(map(_running, workers)), 20)
    before = len(RecordLog(log).read())

    group, workers = slow("--resume")
    os.killpg(group.pid, signal.SIGKILL)
    assert group.wait() == -signal.SIGKILL
    _wait(lambda: not any(map(_running, workers)), 20)
    records = RecordLog(log).read()
    assert len(records) > before
    fits = [str((r["method"], r["split"], r["fold"], r["params"])) for r in records[1:]]
    assert len(set(fits)) == len(fits)


def test_a_killed_worker_is_one_line(slow):
    process, workers = slow()
    commands = {pid: Path(f"/proc/{pid}/cmdline").read_text() for pid in workers}
    os.kill(next(pid for pid, command in commands.items() if "LokyProcess" in command), signal.SIGKILL)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 2
    assert error == (
        "maxmargin: error: a worker process was killed, as happens where memory runs out; "
        "use fewer processes with --jobs or fewer rows with --max-samples\n"
    )


def test_interrupted_it_says_how_to_go_on(slow):
    process, workers = slow()
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    begin = "maxmargin: interrupted; go on with: "
    assert error.startswith(begin)
    assert error.count("\n") == 1
    command = "maxmargin compare digits --methods m3,cs --repeats 4 --jobs 2 --out run --resume"
    assert shlex.split(error.removeprefix(begin)) == command.split()
    _wait(lambda: not any(map(_running, workers)), 20)


def test_interrupted_without_out_it_names_the_folder(here, tmp_path, monkeypatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("maxmargin.studies.comparison.run_tasks", interrupted)
    code, _, error = here("compare", "iris", "--methods", "dummy")
    assert code == 130
    assert re.search(r"compare iris --methods dummy --out runs/iris-\d{8}-\d{6} --resume\n$", error)
