import hashlib
import io
import socket
import tarfile
import threading
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from maxmargin._checks import InputError
from maxmargin.datasets import fetch_dataset, load_dataset
from maxmargin.datasets.registry import KNOWN, Download


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_arguments):
        return


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def pin(monkeypatch, name, downloads):
    monkeypatch.setitem(KNOWN, name, replace(KNOWN[name], downloads=tuple(downloads)))


def offer(home, name, data):
    folder, url = home
    (folder / name).write_bytes(data)
    return Download(url + name, "md5:" + hashlib.md5(data).hexdigest())


def leftovers(root):
    return (
        [path for path in root.rglob("*") if path.is_file() or path.name.startswith(".")]
        if root.exists()
        else []
    )


def test_files_are_fetched_once_and_can_be_loaded(home, miniatures, tmp_path, monkeypatch):
    files = KNOWN["svhn"].files
    pin(monkeypatch, "svhn", [offer(home, file, (miniatures / "svhn" / file).read_bytes()) for file in files])
    root = tmp_path / "root"
    assert fetch_dataset("svhn", root) == root / "svhn"
    assert sorted(path.name for path in leftovers(root)) == sorted(files)
    assert load_dataset("svhn", root=root).X.shape == (10, 3072)
    for file in files:
        (home[0] / file).unlink()
    assert fetch_dataset("svhn", root) == root / "svhn"


def test_an_archive_is_unpacked(home, miniatures, tmp_path, monkeypatch):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        archive.add(miniatures / "cifar-100-python", "cifar-100-python")
    pin(monkeypatch, "cifar100", [offer(home, "cifar-100-python.tar.gz", stream.getvalue())])
    root = tmp_path / "root"
    fetch_dataset("cifar100", root)
    assert sorted(path.name for path in leftovers(root)) == ["meta", "test", "train"]
    assert load_dataset("cifar100", root=root).X.shape == (4, 3072)


def test_a_wrong_checksum_leaves_nothing(home, tmp_path, monkeypatch):
    right = offer(home, "train_32x32.mat", b"right")
    wrong = replace(offer(home, "test_32x32.mat", b"wrong"), checksum="md5:" + "0" * 32)
    pin(monkeypatch, "svhn", [right, wrong])
    root = tmp_path / "root"
    with pytest.raises(InputError) as caught:
        fetch_dataset("svhn", root)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{wrong.url} differs from its pinned checksum md5:000")
    assert str(root / "svhn" / "test_32x32.mat") in message
    assert leftovers(root) == []


def test_an_unreachable_or_empty_home_is_one_line(home, tmp_path, monkeypatch):
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        closed = Download(f"http://127.0.0.1:{reserved.getsockname()[1]}/train_32x32.mat", "md5:" + "0" * 32)
        absent = Download(home[1] + "absent.mat", "md5:" + "0" * 32)
        for download, reason in ((closed, "ConnectionError"), (absent, "HTTPError")):
            pin(monkeypatch, "svhn", [download])
            with pytest.raises(InputError) as caught:
                fetch_dataset("svhn", tmp_path / "root")
            message = str(caught.value)
            assert "\n" not in message
            assert message.startswith(
                f"{download.url} cannot be fetched ({reason}); try again, or put by hand: "
            )
            assert str(tmp_path / "root" / "svhn" / "train_32x32.mat") in message
            assert leftovers(tmp_path / "root") == []


def test_sets_without_a_home_say_which_file_goes_where(tmp_path):
    with pytest.raises(InputError, match=r"'orl' has no pinned home .*put by hand: .*ORL\.mat"):
        fetch_dataset("orl", tmp_path)
    with pytest.raises(InputError, match="comes with scikit-learn"):
        fetch_dataset("iris", tmp_path)
    with pytest.raises(InputError, match="unknown data set 'emnist'; choose from digits, "):
        fetch_dataset("emnist", tmp_path)


def test_every_home_is_pinned():
    downloads = [download for known in KNOWN.values() for download in known.downloads]
    assert len(downloads) == 13
    assert len({download.checksum for download in downloads}) == 13
    assert all(len(download.checksum) == len("md5:") + 32 for download in downloads)
