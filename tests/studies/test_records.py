import errno
import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from maxmargin._checks import InputError
from maxmargin.studies import RecordLog

GROUPS = [[{"n": 0}], [{"n": 1}, {"n": 2}, {"n": 3}], [{"n": 4}]]


@pytest.fixture
def log(tmp_path) -> RecordLog:
    log = RecordLog(tmp_path / "folder" / "records.jsonl")
    for group in GROUPS:
        log.append(*group)
    return log


def test_a_missing_file_has_no_records(tmp_path):
    assert RecordLog(tmp_path / "none.jsonl").read() == []
    assert not (tmp_path / "none.jsonl").exists()


def test_what_is_appended_is_read_one_object_a_line(log):
    assert log.read() == [record for group in GROUPS for record in group]
    assert len(log.path.read_text().splitlines()) == 5
    assert all(isinstance(json.loads(line), dict) for line in log.path.read_text().splitlines())


def test_wherever_a_write_was_cut_the_groups_before_it_remain(log):
    """Every length that a kill can leave the file at: a group is there whole or not at all."""
    content = log.path.read_bytes()
    ends = [content.index(b'"n": 1') - 1, content.index(b'"n": 4') - 1, len(content)]
    for length in range(len(content) + 1):
        log.path.write_bytes(content[:length])
        whole = sum(length >= end for end in ends)
        expected = [record for group in GROUPS[:whole] for record in group]
        assert log.read() == expected, length
        log.append({"n": "next"})
        assert log.read() == [*expected, {"n": "next"}], length


@pytest.mark.parametrize("damage", [b"not json", b"[1, 2]", b"\xff\xfe", b'{"n": 1', b""])
def test_a_damaged_whole_line_is_named(log, damage):
    lines = log.path.read_bytes().splitlines()
    lines[2] = damage
    log.path.write_bytes(b"\n".join(lines) + b"\n")
    with pytest.raises(InputError, match=r"records\.jsonl: line 3 is no record; .*choose another --out"):
        log.read()


def test_a_record_that_json_cannot_hold_writes_nothing(log):
    before = log.path.read_bytes()
    with pytest.raises(ValueError, match="not JSON compliant"):
        log.append({"n": 5}, {"n": float("nan")})
    assert log.path.read_bytes() == before


def _append_until_full(path: str, limit: str) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    log = RecordLog(Path(path))
    try:
        for n in range(1000):
            log.append({"n": n}, {"n": n, "text": "x" * 50})
    except OSError as error:
        sys.exit(f"{errno.errorcode[error.errno or 0]} {error.filename}")


@pytest.mark.parametrize("limit", [1000, 1024, 1111])
def test_a_full_disk_leaves_whole_groups_and_names_the_file(tmp_path, limit):
    path = tmp_path / "records.jsonl"
    code = f"import runpy, sys; runpy.run_path({__file__!r})['_append_until_full'](*sys.argv[1:])"
    done = subprocess.run([sys.executable, "-c", code, path, str(limit)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, f"EFBIG {path}\n")
    records = RecordLog(path).read()
    assert len(records) >= 8
    assert [record["n"] for record in records] == [n // 2 for n in range(len(records))]
    assert len(records) % 2 == 0
