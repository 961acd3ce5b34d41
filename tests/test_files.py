import errno
import stat
from pathlib import Path

import pytest

from maxmargin._files import remove_drafts, replacing, replacing_folder


def _left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_takes_the_place_of_the_old_one_with_ordinary_rights(tmp_path):
    target = tmp_path / "new" / "out.txt"
    for text in ("first", "second"):
        with replacing(target) as draft:
            draft.write_text(text)
        assert target.read_text() == text
    plain = tmp_path / "plain"
    plain.touch()
    assert stat.S_IMODE(target.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
    assert _left(target.parent) == ["out.txt"]


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_an_error_leaves_the_old_file(tmp_path, error):
    target = tmp_path / "out.txt"
    target.write_text("old")

    def write() -> None:
        with replacing(target) as draft:
            draft.write_text("half")
            raise error

    with pytest.raises(type(error)):
        write()
    assert target.read_text() == "old"
    assert _left(tmp_path) == ["out.txt"]


def test_an_oserror_speaks_of_the_file_asked_for(tmp_path):
    for full in (OSError(errno.ENOSPC, "No space left on device"), OSError(errno.EIO, "I/O", "elsewhere")):
        with pytest.raises(OSError, match=full.strerror) as caught, replacing(tmp_path / "out.txt"):
            raise full
        assert (caught.value.errno, caught.value.filename) == (full.errno, str(tmp_path / "out.txt"))
    assert _left(tmp_path) == []


def test_a_folder_replaces_a_folder(tmp_path):
    target = tmp_path / "model"
    for name in ("first", "second"):
        with replacing_folder(target) as draft:
            (draft / name).write_text(name)
        assert _left(target) == [name]
        assert _left(tmp_path) == ["model"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_an_error_leaves_the_old_folder(tmp_path, error):
    target = tmp_path / "model"
    target.mkdir()
    (target / "old").touch()

    def write() -> None:
        with replacing_folder(target) as draft:
            (draft / "half").write_text("half")
            raise error

    with pytest.raises(type(error)):
        write()
    assert _left(target) == ["old"]
    assert _left(tmp_path) == ["model"]


def test_the_old_folder_comes_back_where_the_new_one_cannot_be_put(tmp_path, monkeypatch):
    target = tmp_path / "model"
    target.mkdir()
    (target / "old").touch()
    move = Path.replace

    def refuse(self: Path, to: Path) -> Path:
        if self.name == "new":
            raise OSError(errno.EACCES, "refused")
        return move(self, to)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="refused"), replacing_folder(target) as draft:
        (draft / "new").touch()
    assert _left(target) == ["old"]
    assert _left(tmp_path) == ["model"]


def test_only_drafts_are_removed(tmp_path):
    (tmp_path / ".out.txt.abc.draft").write_text("half")
    (tmp_path / ".model.abc.draft" / "new").mkdir(parents=True)
    (tmp_path / "kept.draft").touch()
    (tmp_path / ".hidden").touch()
    remove_drafts(tmp_path)
    assert _left(tmp_path) == [".hidden", "kept.draft"]
