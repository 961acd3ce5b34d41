"""The bytes and the text of one file, with one clear line where they cannot be had."""

import difflib
import errno
import gzip
import re
import zlib
from collections.abc import Iterable
from pathlib import Path

from maxmargin._checks import InputError


def content(path: Path) -> bytes:
    """Return the bytes of a file, unpacked where its name ends in ``.gz``.

    Raises
    ------
    InputError
        When there is no such file, it is empty, or its gzip stream is damaged.
    """
    if not path.is_file():
        raise InputError(missing_file(path))
    data = path.read_bytes()
    if path.suffix.lower() == ".gz" and data:
        try:
            data = gzip.decompress(data)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InputError(f"{path}: a damaged or cut-off gzip file ({error}); copy it again") from None
    if not data.strip():
        raise InputError(f"{path}: the file is empty; it should hold one row a sample")
    return data


def text_content(path: Path) -> bytes:
    """Return the bytes of a text file, checked to be UTF-8."""
    data = content(path)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text at byte {error.start}; save it as UTF-8") from None
    if b"\0" in data:
        raise InputError(f"{path}: not text (a zero byte at byte {data.index(0)}); save it as UTF-8 text")
    return data


def missing_file(path: Path, names: Iterable[str] = ()) -> str:
    """Return the line that says a file is missing, with names and paths that are close to it."""
    if broken := _broken_link(path):
        return broken
    neighbours = {p.name: str(p) for p in path.parent.iterdir()} if path.parent.is_dir() else {}
    neighbours.pop(path.name, None)
    written = {**neighbours, **{name: name for name in names}}
    close = difflib.get_close_matches(path.name, written, n=3, cutoff=0.6)
    hint = (
        f"did you mean {' or '.join(repr(written[name]) for name in close)}?" if close else "check the path"
    )
    return f"no file, folder or built-in data set {str(path)!r}; {hint}"


def _broken_link(path: Path) -> str | None:
    try:
        path.stat()
    except OSError as error:
        if error.errno == errno.ELOOP:
            return f"{path}: a link that leads back to itself; link the file or give its own path"
        if path.is_symlink():
            return f"{path}: a link to {str(path.resolve())!r}, which is not there; give the file's own path"
    return None


def suffix(path: Path) -> str:
    """Return the lower-case ending that tells the format, ``.gz`` aside.

    Examples
    --------
    >>> suffix(Path("iris.CSV.gz"))
    '.csv'
    """
    return (path.with_suffix("") if path.suffix.lower() == ".gz" else path).suffix.lower()


def slug(path: Path) -> str:
    """Return a short name for a file or folder that is usable in a folder name.

    Examples
    --------
    >>> slug(Path("data/My Table (2).csv.gz"))
    'my-table-2'
    """
    name = path.resolve().name
    stem = name[: -len(".gz")] if name.lower().endswith(".gz") else name
    stem = stem if path.is_dir() else Path(stem).stem
    return re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-") or "data"
