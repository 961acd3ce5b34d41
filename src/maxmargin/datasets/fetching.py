"""Known sets from their homes, each file pinned by its checksum."""

from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path
from typing import Any

from maxmargin._checks import InputError, check_choice
from maxmargin.datasets.registry import BUILTIN, KNOWN, Download, KnownSet, data_root


def fetch_dataset(name: str, root: Path | None = None) -> Path:
    """Download a known data set whose home is known, unless it is there already.

    Parameters
    ----------
    name : str
        Name of a known set, such as "mnist".
    root : Path, optional
        Folder of the known sets; by default MAXMARGIN_DATA, else the user's data folder.

    Returns
    -------
    Path
        The folder that holds the files of the set.

    Raises
    ------
    InputError
        When the set has no home to fetch it from, the home cannot be reached, or a file differs from its
        checksum; then nothing is kept, and the message says which file to put where by hand.

    Examples
    --------
    >>> fetch_dataset("iris")
    Traceback (most recent call last):
    maxmargin._checks.InputError: 'iris' comes with scikit-learn; there is nothing to fetch
    """
    check_choice(name, [*BUILTIN, *KNOWN], "data set")
    if name in BUILTIN:
        raise InputError(f"{name!r} comes with scikit-learn; there is nothing to fetch")
    entry, folder = KNOWN[name], data_root(root)
    if entry.located(folder) is None:
        if not entry.downloads:
            raise InputError(f"{name!r} has no pinned home ({entry.home}); {_by_hand(entry, folder)}")
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as scratch:
            _download(entry, folder, Path(scratch))
    return folder / entry.folders[0]


def _by_hand(entry: KnownSet, root: Path) -> str:
    return f"put by hand: {', '.join(map(str, entry.expected(root)))}"


def _download(entry: KnownSet, root: Path, scratch: Path) -> None:
    """Fetch and check every file before the first one takes its place."""
    unpacked = scratch / "unpacked"
    unpacked.mkdir()
    for download in entry.downloads:
        file = _retrieve(download, scratch, _by_hand(entry, root))
        if file.name.endswith(".tar.gz"):
            with tarfile.open(file) as archive:
                archive.extractall(unpacked, filter="data")
        else:
            target = unpacked / entry.folders[0] / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            file.replace(target)
    for name in entry.files:
        target = root / entry.folders[0] / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (unpacked / entry.folders[0] / name).replace(target)


def _retrieve(download: Download, scratch: Path, by_hand: str) -> Path:
    import logging

    import pooch
    import requests

    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        name = download.url.rsplit("/", 1)[-1]
        transfer: Any = _transfer
        file = pooch.retrieve(download.url, download.checksum, fname=name, path=scratch, downloader=transfer)
    except requests.RequestException as error:
        reason = type(error).__name__
        raise InputError(f"{download.url} cannot be fetched ({reason}); try again, or {by_hand}") from None
    except ValueError:
        raise InputError(
            f"{download.url} differs from its pinned checksum {download.checksum}, nothing was kept; "
            f"try again, or {by_hand}"
        ) from None
    finally:
        logger.setLevel(level)
    return Path(file)


def _transfer(url: str, output_file: str, _registry: object) -> None:
    """Write what ``url`` answers to a file; the connection is closed on errors too, as pooch's own is not."""
    import requests

    with requests.get(url, stream=True, timeout=30) as response, Path(output_file).open("wb") as file:
        response.raise_for_status()
        for block in response.iter_content(2**20):
            file.write(block)
