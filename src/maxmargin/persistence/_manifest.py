"""The manifest ``model.json``: what the model is, what its files must hash to, and a guard over itself."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maxmargin._checks import InputError

MANIFEST = "model.json"
FORMAT_VERSION = 1


def sha256(content: bytes) -> str:
    """Return the SHA-256 digest of ``content`` in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def as_json(value: Any) -> Any:
    """Return ``value`` as JSON reads it back: NumPy scalars and arrays as numbers and lists, keys as text."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=_numpy_as_python)
    return json.loads(text.encode())


def _numpy_as_python(value: Any) -> Any:
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a value of type {type(value).__name__} has no JSON form")


def manifest_bytes(manifest: Mapping[str, Any]) -> bytes:
    """Return the one serialisation of ``manifest``, its guard included."""
    return _canonical({**manifest, "guard": sha256(_canonical(manifest))})


def _canonical(manifest: Mapping[str, Any]) -> bytes:
    text = json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def read_manifest(path: str | Path) -> dict[str, Any]:
    """Read and check the manifest of a saved model, without loading the model.

    Parameters
    ----------
    path : str or Path
        The folder that :func:`save_model` wrote.

    Returns
    -------
    manifest : dict
        ``format_version``, ``method``, ``classes``, ``class_kind`` (the NumPy dtype kind of the classes),
        ``feature_names`` (None if unknown), ``versions``, ``files`` (name to SHA-256) and ``metadata``.

    Raises
    ------
    InputError
        If ``path`` is no model folder, its manifest is damaged, or a newer maxmargin wrote it.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.dummy import DummyClassifier
    >>> from maxmargin import save_model
    >>> model = DummyClassifier().fit([[0], [1], [2]], ["b", "a", "a"])
    >>> folder = save_model(model, tempfile.mkdtemp(), metadata={"kind": "table"})
    >>> manifest = read_manifest(folder)
    >>> manifest["method"], manifest["classes"], manifest["metadata"]
    ('DummyClassifier', ['a', 'b'], {'kind': 'table'})
    """
    file = _existing_manifest(Path(path))
    content = file.read_bytes()
    try:
        manifest = json.loads(content)
        del manifest["guard"]
        # Equal to the byte, so that whitespace and the guard itself are guarded too.
        sound = content == manifest_bytes(manifest)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        sound = False
    if not sound:
        raise InputError(f"{file} is damaged or was not written by maxmargin; save the model again")
    _check_fields(manifest, file)
    return manifest


def _existing_manifest(folder: Path) -> Path:
    if not folder.exists():
        raise InputError(f"{folder} does not exist; give the folder of a saved model")
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; give the folder of a saved model")
    file = folder / MANIFEST
    if not file.is_file():
        raise InputError(f"{folder} has no {MANIFEST}; give the folder of a saved model")
    return file


def _check_fields(manifest: dict[str, Any], file: Path) -> None:
    version = manifest.get("format_version")
    if type(version) is int and version > FORMAT_VERSION:
        raise InputError(
            f"{file} has format version {version}: written by a newer maxmargin; upgrade "
            f"(this one reads up to {FORMAT_VERSION})"
        )
    types = {
        "method": str,
        "classes": list,
        "class_kind": str,
        "versions": dict,
        "files": dict,
        "metadata": dict,
    }
    wrong = [name for name, kind in types.items() if not isinstance(manifest.get(name), kind)]
    if type(version) is not int or version != FORMAT_VERSION:
        wrong.insert(0, "format_version")
    if wrong:
        raise InputError(f"{file} has no usable {', '.join(wrong)}; save the model again")


def read_files(folder: Path, digests: Mapping[str, str]) -> dict[str, bytes]:
    """Return the content of every file that the manifest lists, checked against its digest.

    Raises
    ------
    InputError
        If a file is missing, differs from its digest, or is not listed.
    """
    present = {entry.name for entry in folder.iterdir()} - {MANIFEST}
    if unknown := sorted(present - set(digests)):
        raise InputError(
            f"{folder / unknown[0]} is not listed in {MANIFEST}; remove it or save the model again"
        )
    # Only names that the folder itself lists are opened, so a manifest cannot point outside it.
    contents = {}
    for name, digest in digests.items():
        file = folder / name
        if name not in present or not file.is_file():
            raise InputError(f"{file} is missing; restore it or save the model again")
        contents[name] = file.read_bytes()
        if sha256(contents[name]) != digest:
            raise InputError(f"{file} is damaged (its SHA-256 differs from {MANIFEST}); save the model again")
    return contents
