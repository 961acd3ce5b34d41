import io
import json
import os
import sys

import numpy as np
import pytest
import scipy.sparse as sp
import skops.io

from maxmargin import load_model
from tests.persistence.folders import (
    archive,
    refusal,
    write_folder,
)


def node(loader, module, name, **fields):
    return {"__class__": name, "__module__": module, "__loader__": loader, **fields}


def tuple_of(*values):
    content = [node("JsonNode", "builtins", "str", content=json.dumps(value)) for value in values]
    return node("TupleNode", "builtins", "tuple", content=content)


@pytest.fixture
def marker(tmp_path, monkeypatch):
    """A file that appears when a hostile module is imported or the hostile command runs."""
    marker = tmp_path / "ran"
    monkeypatch.setenv("MARKER", str(marker))
    (tmp_path / "hostile_module.py").write_text(
        "import os, pathlib\npathlib.Path(os.environ['MARKER']).touch()\nclass Model: pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield marker
    sys.modules.pop("hostile_module", None)


COMMAND = "touch $MARKER"
ATTACKS = {
    "call": node("ConstructorFromReduceNode", "os", "system", content=tuple_of(COMMAND)),
    "module": node("ObjectNode", "hostile_module", "Model"),
    "type": node("TypeNode", "hostile_module", "Model"),
    "function": node("FunctionNode", "hostile_module", "Model"),
}
HARMLESS_IF_LOADED = {
    "os.system": node("FunctionNode", "os", "system"),
    "builtins.eval": node("TypeNode", "builtins", "eval"),
    "os.getcwd": node("DictNode", "os", "getcwd", content={}, key_types=tuple_of()),
    "functools.partial": node(
        "PartialNode",
        "functools",
        "partial",
        content={
            "func": node("TypeNode", "builtins", "print"),
            "args": tuple_of("x"),
            "kwds": node("DictNode", "builtins", "dict", content={}, key_types=tuple_of()),
            "namespace": node("JsonNode", "builtins", "str", content="null"),
        },
    ),
    "operator.methodcaller": node("OperatorFuncNode", "operator", "methodcaller", attrs=tuple_of("mkdir")),
    "MethodNode": node(
        "MethodNode",
        "sklearn.svm._classes",
        "SVC",
        content={"func": "fit", "obj": node("ObjectNode", "sklearn.svm._classes", "SVC")},
    ),
    # a function that is trusted as a metric must not be called as if it were a container
    "sklearn.metrics._classification.accuracy_score": node(
        "ListNode", "sklearn.metrics._classification", "accuracy_score", content=[]
    ),
    "sklearn.datasets._base.load_files": node("FunctionNode", "sklearn.datasets._base", "load_files"),
    "sklearn.tree._tree.Tree": node("ObjectNode", "sklearn.tree._tree", "Tree"),
    "sklearn.evil.SVC": node("ObjectNode", "sklearn.evil", "SVC"),
    "maxmargin.evil.Model": node("ObjectNode", "maxmargin.evil", "Model"),
    "maxmargin.persistence._model.save_model": node(
        "ObjectNode", "maxmargin.persistence._model", "save_model"
    ),
    "maxmargin.persistence._model.Path": node("ObjectNode", "maxmargin.persistence._model", "Path"),
    "maxmargin._checks.InputError": node("ObjectNode", "maxmargin._checks", "InputError"),
    "maxmargin.__main__.Model": node("ObjectNode", "maxmargin.__main__", "Model"),
    "maxmarginal.Model": node("ObjectNode", "maxmarginal", "Model"),
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("nested", [False, True])
def test_a_hostile_folder_runs_nothing(attack, nested, marker, tmp_path):
    state = ATTACKS[attack]
    if nested:
        keys = node("ListNode", "builtins", "list", content=[node("TypeNode", "builtins", "str")])
        state = node("DictNode", "builtins", "dict", content={"__loader__": state}, key_types=keys)
    content = archive(state)
    path = write_folder(tmp_path / "m", content)
    name = f"{ATTACKS[attack]['__module__']}.{ATTACKS[attack]['__class__']}"
    assert name in refusal(load_model, path)
    assert not marker.exists()
    # The attack is a real one: whoever trusts what the file asks for runs it.
    skops.io.loads(content, trusted=skops.io.get_untrusted_types(data=content))
    assert marker.exists()


@pytest.mark.parametrize("name", HARMLESS_IF_LOADED)
def test_a_type_that_is_not_trusted_is_named(name, tmp_path):
    path = write_folder(tmp_path / "m", archive(HARMLESS_IF_LOADED[name]))
    message = refusal(load_model, path)
    assert str(path / "estimator.skops") in message
    assert name in message


def test_sparse_indices_out_of_range_are_refused(tmp_path):
    matrix = sp.csr_array(np.eye(3))
    matrix.indices[1] = 1 << 20
    buffer = io.BytesIO()
    sp.save_npz(buffer, matrix)
    state = node("SparseMatrixNode", "scipy.sparse._csr", "csr_array", type="scipy", file="a.npz")
    path = write_folder(tmp_path / "m", archive(state, {"a.npz": buffer.getvalue()}))
    assert "cannot be rebuilt: ValueError" in refusal(load_model, path)


def test_an_archive_of_plain_data_is_no_model(tmp_path):
    path = write_folder(tmp_path / "m", skops.io.dumps([1, 2]))
    assert f"{path / 'estimator.skops'} is a list, no estimator" in refusal(load_model, path)


def test_a_pickle_inside_an_array_is_not_read(marker, tmp_path):
    class Hostile:
        def __reduce__(self):
            return os.system, (COMMAND,)

    buffer = io.BytesIO()
    np.save(buffer, np.array([Hostile()], dtype=object), allow_pickle=True)
    state = node("NdArrayNode", "numpy", "ndarray", type="numpy", file="a.npy")
    path = write_folder(tmp_path / "m", archive(state, {"a.npy": buffer.getvalue()}))
    assert "allow_pickle=False" in refusal(load_model, path)
    assert not marker.exists()
    np.load(io.BytesIO(buffer.getvalue()), allow_pickle=True)
    assert marker.exists()
