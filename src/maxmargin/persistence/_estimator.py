"""Fitted estimators to bytes and back through skops, trusting only types that cannot run foreign code."""

import io
import json
import re
import warnings
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from maxmargin._checks import InputError, check_torch

# The skops nodes that hold data or name a type; those that call methods, partials or operators are absent.
_NODES = {
    *("JsonNode", "DictNode", "ListNode", "TupleNode", "SetNode", "SliceNode", "BytesNode"),
    *("NdArrayNode", "MaskedArrayNode", "SparseMatrixNode", "DTypeNode", "RandomStateNode"),
    *("ObjectNode", "TypeNode", "FunctionNode", "LossNode"),
}

# Trees (also KDTree, BallTree) stay out: their unchecked indices let a crafted file read foreign memory.
_HELPERS = {
    "maxmargin.kernel.functions.Kernel",
    "sklearn.compose._column_transformer._RemainderColsList",
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.metrics._scorer._Scorer",
}


def dump_estimator(estimator: Any) -> bytes:
    """Return ``estimator`` as a skops archive, the same bytes for the same estimator.

    Raises
    ------
    InputError
        If ``estimator`` holds what :func:`load_estimator` would refuse.
    """
    import skops.io

    what = f"the {type(estimator).__name__} to save"
    try:
        content = _reproducible(skops.io.dumps(estimator))
    except Exception as error:
        raise InputError(f"{what} holds what cannot be saved: {_one_line(error)}") from error
    load_estimator(content, what)
    return content


def load_estimator(content: bytes, what: str) -> Any:
    """Rebuild the estimator in the skops archive ``content``; ``what`` names it in an error.

    Raises
    ------
    InputError
        If the archive is damaged or names a type that is not trusted; nothing of it was run.
    """
    import skops.io
    from sklearn.base import BaseEstimator
    from sklearn.exceptions import InconsistentVersionWarning

    try:
        trusted = _trusted(content, what)
    except InputError:
        raise
    except Exception as error:  # what a crafted archive makes the readers raise is not foreseeable
        raise InputError(f"{what} cannot be rebuilt: {_one_line(error)}") from error
    try:
        with warnings.catch_warnings():
            # The manifest gives one warning for the folder; scikit-learn's comes once per estimator.
            warnings.simplefilter("ignore", InconsistentVersionWarning)
            estimator = skops.io.loads(content, trusted=trusted)
    except Exception as error:
        raise InputError(f"{what} cannot be rebuilt: {_one_line(error)}") from error
    if not isinstance(estimator, BaseEstimator):
        raise InputError(f"{what} is a {type(estimator).__name__}, no estimator; save the model again")
    return estimator


def needs_torch(content: bytes) -> bool:
    """Whether the skops archive ``content`` holds an estimator of maxmargin.deep."""
    with ZipFile(io.BytesIO(content)) as archive:
        nodes = _nodes(json.loads(archive.read("schema.json")))
        return any(f"{node['__module__']}.".startswith("maxmargin.deep.") for node in nodes)


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, InputError) else f"{type(error).__name__}: {text}"


def _trusted(content: bytes, what: str) -> list[str]:
    """Return the types beyond skops' own defaults that the archive names, each of which must be safe."""
    import skops.io
    from scipy.sparse import load_npz

    untrusted = set(skops.io.get_untrusted_types(data=content))
    with ZipFile(io.BytesIO(content)) as archive:
        nodes = list(_nodes(json.loads(archive.read("schema.json"))))
        for node in nodes:
            if node["__loader__"] == "SparseMatrixNode":
                # Indices out of range would let a product read foreign memory.
                load_npz(io.BytesIO(archive.read(node["file"]))).check_format(full_check=True)
    safe = set()
    for node in nodes:
        name = f"{node['__module__']}.{node['__class__']}"
        if node["__loader__"] not in _NODES:
            raise InputError(
                f"{what} holds a {node['__loader__']} ({name}); only data and known types are loaded"
            )
        if name in untrusted and _is_safe(node["__loader__"], node["__module__"], node["__class__"]):
            safe.add(name)
        elif name in untrusted:
            raise InputError(
                f"{what} holds {name}, which is not trusted; only classifiers and preprocessing "
                "of maxmargin and scikit-learn without trees or own functions are saved and loaded"
            )
    return sorted(safe)


def _nodes(state: Any) -> Iterator[dict[str, Any]]:
    if isinstance(state, dict):
        if isinstance(state.get("__loader__"), str):
            yield state
        state = list(state.values())
    if isinstance(state, list):
        for child in state:
            yield from _nodes(child)


def _is_safe(loader: str, module: str, name: str) -> bool:
    # A name is trusted only in its role: a class may be rebuilt or named, a function only be named.
    if loader in ("ObjectNode", "TypeNode"):
        return f"{module}.{name}" in _HELPERS | _splitters() or _is_own_estimator(module, name)
    if loader == "FunctionNode":
        return f"{module}.{name}" in _scoring_functions()
    if loader == "SparseMatrixNode":
        return f"{module}.{name}" in _sparse_matrices()
    return loader == "DTypeNode" and (module, name) == ("numpy", "dtype")


def _is_own_estimator(module: str, name: str) -> bool:
    from sklearn.base import BaseEstimator

    # No part may begin with two underscores: importing a __main__ would run it.
    if not re.fullmatch(r"maxmargin(\.(?!__)[A-Za-z_]\w*)+", module):
        return False
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError):
        if module.split(".")[1] == "deep":
            check_torch()
        return False
    return (
        isinstance(found, type)
        and issubclass(found, BaseEstimator)
        and (found.__module__, found.__qualname__) == (module, name)
    )


@cache
def _sparse_matrices() -> set[str]:
    from scipy.sparse import csc_array, csc_matrix, csr_array, csr_matrix

    return {f"{c.__module__}.{c.__name__}" for c in (csr_matrix, csr_array, csc_matrix, csc_array)}


@cache
def _splitters() -> set[str]:
    """Return scikit-learn's cross-validation splitters, which a fitted search keeps."""
    from sklearn import model_selection

    classes = [member for member in vars(model_selection).values() if isinstance(member, type)]
    return {f"{c.__module__}.{c.__name__}" for c in classes if hasattr(c, "get_n_splits")}


@cache
def _scoring_functions() -> set[str]:
    """Return the metrics behind scikit-learn's named scorers, which a fitted search keeps."""
    from sklearn.metrics import get_scorer, get_scorer_names

    metrics = [get_scorer(name)._score_func for name in get_scorer_names()]
    return {f"{metric.__module__}.{metric.__name__}" for metric in metrics}


def _reproducible(content: bytes) -> bytes:
    """Rewrite a skops archive without what differs between runs: memory addresses and times."""
    target = io.BytesIO()
    with ZipFile(io.BytesIO(content)) as source, ZipFile(target, "w", ZIP_STORED) as archive:
        schema = json.loads(source.read("schema.json"))
        ids: dict[int, int] = {}
        files: dict[str, str] = {}
        for node in _nodes(schema):
            if "__id__" in node:
                node["__id__"] = ids.setdefault(node["__id__"], len(ids) + 1)
            if "file" in node:
                old = node["file"]
                if old not in files:
                    files[old] = f"{len(files) + 1}{old[old.rindex('.') :]}"
                    archive.writestr(ZipInfo(files[old]), source.read(old))
                node["file"] = files[old]
        archive.writestr(ZipInfo("schema.json"), json.dumps(schema))
    return target.getvalue()
