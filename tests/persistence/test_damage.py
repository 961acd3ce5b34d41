import io
import shutil
from pathlib import Path

import numpy as np
import pytest
import skops.io
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from maxmargin import load_model
from maxmargin.persistence import read_manifest
from maxmargin.persistence._manifest import sha256
from tests.persistence.folders import (
    FILES,
    archive,
    iris_model,
    refusal,
    write_folder,
)


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_byte_anywhere_is_named(name, folder, tmp_path):
    copy = Path(shutil.copytree(folder, tmp_path / "m"))
    content = (folder / name).read_bytes()
    step = 1 if name == "model.json" else 97
    for offset in [*range(0, len(content), step), len(content) - 1]:
        for mask in (0x01, 0x20, 0xFF):
            damaged = bytearray(content)
            damaged[offset] ^= mask
            (copy / name).write_bytes(damaged)
            message = refusal(load_model, copy)
            assert str(copy / name) in message
            assert "is damaged" in message


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_any_other_content_of_a_file_is_named(data, folder, tmp_path_factory):
    name = data.draw(st.sampled_from(FILES))
    content = (folder / name).read_bytes()
    start = data.draw(st.integers(0, len(content)))
    stop = data.draw(st.integers(start, len(content)))
    damaged = content[:start] + data.draw(st.binary(max_size=20)) + content[stop:]
    assume(damaged != content)
    copy = Path(shutil.copytree(folder, tmp_path_factory.mktemp("damaged") / "m"))
    (copy / name).write_bytes(damaged)
    assert str(copy / name) in refusal(load_model, copy)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", "null", '{"guard": 1}', "[" * 100_000, '{"a": NaN}', "{}"]
)
def test_a_manifest_that_is_none(text, folder, tmp_path):
    copy = Path(shutil.copytree(folder, tmp_path / "m"))
    (copy / "model.json").write_text(text)
    assert "model.json is damaged or was not written by maxmargin" in refusal(load_model, copy)


def test_missing_unknown_and_truncated_files(folder, tmp_path):
    copy = Path(shutil.copytree(folder, tmp_path / "m"))
    (copy / "weights.npy").write_bytes(b"x")
    assert f"{copy / 'weights.npy'} is not listed in model.json" in refusal(load_model, copy)
    (copy / "weights.npy").unlink()
    (copy / "estimator.skops").write_bytes((folder / "estimator.skops").read_bytes()[:-1])
    assert f"{copy / 'estimator.skops'} is damaged" in refusal(load_model, copy)
    (copy / "estimator.skops").unlink()
    assert f"{copy / 'estimator.skops'} is missing" in refusal(load_model, copy)
    (copy / "estimator.skops").mkdir()
    assert f"{copy / 'estimator.skops'} is missing" in refusal(load_model, copy)


@pytest.mark.parametrize("read", [load_model, read_manifest])
def test_a_path_that_is_no_model_folder(read, tmp_path):
    assert "does not exist" in refusal(read, tmp_path / "nowhere")
    assert f"{tmp_path} has no model.json" in refusal(read, tmp_path)
    (tmp_path / "file").write_text("x")
    assert "is no folder" in refusal(read, str(tmp_path / "file"))


def test_a_newer_format_asks_for_an_upgrade(tmp_path):
    path = write_folder(
        tmp_path / "m", skops.io.dumps(iris_model()[0]), format_version=2, classes="elsewhere"
    )
    assert "format version 2: written by a newer maxmargin; upgrade" in refusal(load_model, path)
    assert "upgrade" in refusal(read_manifest, path)


@pytest.mark.parametrize(
    "changes",
    [
        {"format_version": 0},
        {"format_version": "2"},
        {"format_version": True},
        {"files": []},
        {"versions": 1},
    ],
)
def test_a_guarded_manifest_with_unusable_fields(changes, tmp_path):
    path = write_folder(tmp_path / "m", skops.io.dumps(iris_model()[0]), **changes)
    assert f"model.json has no usable {next(iter(changes))}" in refusal(load_model, path)


def test_a_manifest_that_lists_no_estimator_or_a_file_outside(tmp_path):
    path = write_folder(tmp_path / "a", b"", files={})
    (path / "estimator.skops").unlink()
    assert "lists no estimator.skops" in refusal(load_model, path)
    content = skops.io.dumps(iris_model()[0])
    outside = {"../outside": sha256(b"x"), "estimator.skops": sha256(content)}
    (tmp_path / "outside").write_bytes(b"x")
    assert "outside is missing" in refusal(load_model, write_folder(tmp_path / "b", content, files=outside))


def test_archives_that_are_damaged_though_their_hashes_are_right(tmp_path):
    good = skops.io.dumps(iris_model()[0])
    broken = [b"", b"no zip", good[: len(good) // 2], good[:200] + bytes(20) + good[220:], archive({})]
    deep = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": []}
    for _ in range(3000):
        deep = {**deep, "content": [deep]}
    huge = {
        "__class__": "ndarray",
        "__module__": "numpy",
        "__loader__": "NdArrayNode",
        "type": "numpy",
        "file": "a.npy",
    }
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (1 << 50,)}
    )
    broken.append(archive(huge, {"a.npy": header.getvalue()}))
    for number, content in enumerate(broken):
        path = write_folder(tmp_path / str(number), content)
        assert f"{path / 'estimator.skops'} cannot be rebuilt" in refusal(load_model, path)
