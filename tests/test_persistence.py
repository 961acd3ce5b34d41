import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn.base
import sklearn.exceptions
import skops.io
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, RepeatedStratifiedKFold, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC

import maxmargin.linear
from maxmargin import load_model, save_model
from maxmargin._checks import InputError
from maxmargin.persistence import read_manifest
from maxmargin.persistence._manifest import manifest_bytes, sha256

FILES = ("estimator.skops", "model.json")


class CentroidScores(ClassifierMixin, BaseEstimator):
    """A classifier in maxmargin's manner: plain NumPy attributes, coef_ a strided view."""

    def fit(self, X, y):
        self.classes_, target = np.unique(y, return_inverse=True)
        parameters = np.stack([np.append(X[target == k].mean(axis=0), k) for k in range(len(self.classes_))])
        self.coef_, self.intercept_ = parameters[:, :-1], parameters[:, -1]
        self.history_ = [{"objective": 1.5, "status": "converged"}]
        return self

    def decision_function(self, X):
        return X @ self.coef_.T + self.intercept_

    def predict(self, X):
        return self.classes_[self.decision_function(X).argmax(axis=1)]


@pytest.fixture
def own(monkeypatch):
    """CentroidScores as if maxmargin.linear defined it."""
    monkeypatch.setattr(CentroidScores, "__module__", "maxmargin.linear")
    monkeypatch.setattr(maxmargin.linear, "CentroidScores", CentroidScores, raising=False)
    return CentroidScores


def table():
    rng = np.random.default_rng(0)
    n = 90
    frame = pd.DataFrame(
        {
            "length": rng.normal(size=n),
            "width": rng.normal(size=n).astype(np.float32),
            "colour": rng.choice(["red", "größer", "z"], n),
            "shape": pd.Categorical(rng.choice(["p", "q"], n)),
            "weight": rng.normal(size=n),
        }
    )
    frame.loc[3, "length"] = np.nan
    frame.loc[4, "colour"] = None
    return frame, np.array(["ash", "oak", "yew"])[rng.integers(0, 3, n)]


def preprocessing():
    return make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["length", "width"]),
        (
            make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")),
            ["colour", "shape"],
        ),
        remainder=MaxAbsScaler(),
        sparse_threshold=0,
    )


def search(**settings):
    splits = StratifiedKFold(3, shuffle=True, random_state=0)
    return GridSearchCV(LinearSVC(random_state=0), {"C": [0.1, 1.0]}, **{"cv": splits, **settings})


CLASSIFIERS = {
    "neighbours": KNeighborsClassifier(algorithm="brute"),
    "centroid": NearestCentroid(),
    "dummy": DummyClassifier(strategy="stratified", random_state=np.random.RandomState(3)),
    "svc": SVC(),
    "svc-linear": SVC(kernel="linear", class_weight={"ash": 2.0}),
    "logistic": LogisticRegression(),
    "linear-svc": LinearSVC(random_state=0),
    "search": search(),
    "search-scoring": search(scoring="balanced_accuracy"),
    "search-scorings": search(scoring=["accuracy", "f1_macro"], refit="accuracy"),
    "search-repeated": search(cv=RepeatedStratifiedKFold(n_splits=2, n_repeats=2, random_state=0)),
}


def outputs(model, X):
    names = [name for name in ("predict", "decision_function", "predict_proba") if hasattr(model, name)]
    return {name: getattr(model, name)(X) for name in names}


def assert_same_outputs(loaded, model, X):
    expected, found = outputs(model, X), outputs(loaded, X)
    assert expected.keys() == found.keys()
    for name, values in expected.items():
        assert found[name].dtype == values.dtype
        assert found[name].tolist() == values.tolist(), name


def iris_model():
    X, y = load_iris(return_X_y=True)
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y), X


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_model(
        iris_model()[0],
        tmp_path_factory.mktemp("models") / "iris",
        metadata={"kind": "table", "größe": [1, 2.5]},
    )


def write_folder(path, content, **changes):
    """A model folder around an archive, its hashes right, with fields of the manifest changed."""
    manifest = {
        "format_version": 1,
        "method": "m",
        "classes": [0, 1],
        "class_kind": "i",
        "feature_names": None,
        "versions": {"scikit-learn": version("scikit-learn")},
        "metadata": {},
        "files": {"estimator.skops": sha256(content)},
    }
    path.mkdir()
    (path / "estimator.skops").write_bytes(content)
    (path / "model.json").write_bytes(manifest_bytes({**manifest, **changes}))
    return path


def archive(state, files=()):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as zip_file:
        for name, content in dict(files).items():
            zip_file.writestr(name, content)
        zip_file.writestr("schema.json", json.dumps({**state, "protocol": 2, "_skops_version": "0.12.0"}))
    return target.getvalue()


def refusal(call, *args, **kwargs):
    with pytest.raises(InputError) as caught:
        call(*args, **kwargs)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_predictions_of_a_table_pipeline_are_bit_equal(name, tmp_path):
    X, y = table()
    model = make_pipeline(preprocessing(), clone(CLASSIFIERS[name])).fit(X, y)
    loaded = load_model(save_model(model, tmp_path / "model"))
    # "stratified" draws from the random state it keeps: the copy continues the same stream.
    assert_same_outputs(loaded, model, X)
    assert loaded.get_params().keys() == model.get_params().keys()


@pytest.mark.parametrize("make", [sp.csr_matrix, sp.csr_array])
def test_sparse_rows_and_sparse_support_vectors(make, tmp_path):
    rng = np.random.default_rng(1)
    X = make(rng.normal(size=(60, 8)) * (rng.random((60, 8)) < 0.3))
    y = rng.integers(0, 3, 60)
    model = make_pipeline(MaxAbsScaler(), SVC()).fit(X, y)
    assert sp.issparse(model[-1].support_vectors_)
    assert_same_outputs(load_model(save_model(model, tmp_path / "m")), model, X)


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        ([False, True], "b"),
        ([3, 7], "i"),
        ([0.5, 1.5], "f"),
        (["a", "ü"], "U"),
        (np.array(["a", "bc"], dtype=object), "O"),
    ],
)
def test_classes_of_every_kind(labels, kind, tmp_path):
    X = np.arange(12.0).reshape(6, 2)
    labels = np.asarray(labels)
    if kind == "f":
        model = DummyClassifier().fit(X, [0, 1] * 3)
        model.classes_ = labels
    else:
        model = LinearSVC().fit(X, np.tile(labels, 3))
    path = save_model(model, tmp_path / "m")
    manifest = read_manifest(path)
    assert (manifest["classes"], manifest["class_kind"]) == (labels.tolist(), kind)
    assert load_model(path).classes_.dtype == labels.dtype


@pytest.mark.parametrize("name", sorted(maxmargin.linear.__all__))
def test_every_linear_estimator_is_bit_equal(name, tmp_path):
    X, y = load_iris(return_X_y=True, as_frame=True)
    model = make_pipeline(StandardScaler(), getattr(maxmargin.linear, name)()).fit(X, y)
    path = save_model(model, tmp_path / "m")
    assert read_manifest(path)["method"] == name
    assert_same_outputs(load_model(path), model, X)


def test_an_estimator_of_maxmargin_is_loaded_with_its_records(own, tmp_path):
    X, y = load_iris(return_X_y=True)
    model = make_pipeline(StandardScaler(), own().fit(X, y)).fit(X, y)
    assert not model[-1].coef_.flags.contiguous
    loaded = load_model(save_model(model, tmp_path / "m"))
    assert type(loaded[-1]) is own
    assert loaded[-1].history_ == [{"objective": 1.5, "status": "converged"}]
    assert_same_outputs(loaded, model, X)


def test_a_numpy_function_is_kept_in_preprocessing(tmp_path):
    X, y = load_iris(return_X_y=True)
    model = make_pipeline(FunctionTransformer(np.log1p), LinearSVC()).fit(X, y)
    assert_same_outputs(load_model(save_model(model, tmp_path / "m")), model, X)


def test_another_process_predicts_the_same(folder):
    model, X = iris_model()
    code = (
        "import sys; from sklearn.datasets import load_iris; from maxmargin import load_model;"
        "sys.stdout.buffer.write(load_model(sys.argv[1]).predict_proba(load_iris().data).tobytes())"
    )
    done = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, check=True)
    assert done.stdout == model.predict_proba(X).tobytes()


def test_the_manifest_says_what_the_model_is(tmp_path):
    X, y = table()
    model = make_pipeline(preprocessing(), LinearSVC()).fit(X, y)
    metadata = {
        "kind": "table",
        "image_shape": (2, np.int64(3)),
        "params": {"C": np.float64(0.5)},
        "note": "ü",
    }
    manifest = read_manifest(save_model(model, str(tmp_path / "m"), metadata=metadata))
    assert manifest["format_version"] == 1
    assert manifest["method"] == "LinearSVC"
    assert manifest["classes"] == ["ash", "oak", "yew"]
    assert manifest["feature_names"] == list(X.columns)
    assert manifest["metadata"] == {"kind": "table", "image_shape": [2, 3], "params": {"C": 0.5}, "note": "ü"}
    assert manifest["versions"]["scikit-learn"] == version("scikit-learn")
    assert list(manifest["files"]) == ["estimator.skops"]


def test_method_and_feature_names_can_be_given(tmp_path):
    metadata = {"method": "ovr", "feature_names": ["a", "b", "c", "d"]}
    manifest = read_manifest(save_model(iris_model()[0], tmp_path / "m", metadata=metadata))
    assert (manifest["method"], manifest["feature_names"]) == ("ovr", ["a", "b", "c", "d"])
    assert manifest["metadata"] == {}
    assert metadata == {"method": "ovr", "feature_names": ["a", "b", "c", "d"]}
    assert read_manifest(save_model(iris_model()[0], tmp_path / "n"))["feature_names"] is None


def test_the_same_model_gives_the_same_bytes(folder, tmp_path):
    again = save_model(iris_model()[0], tmp_path / "again", metadata=read_manifest(folder)["metadata"])
    for name in FILES:
        assert (again / name).read_bytes() == (folder / name).read_bytes()


def test_nothing_in_the_folder_is_pickled(tmp_path):
    X, y = table()
    path = save_model(make_pipeline(preprocessing(), search()).fit(X, y), tmp_path / "m")
    with zipfile.ZipFile(path / "estimator.skops") as content:
        names = [name for name in content.namelist() if name != "schema.json"]
        assert names
        for name in names:
            np.load(io.BytesIO(content.read(name)), allow_pickle=False)


# ---- damage ----


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


# ---- hostile folders ----


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


# ---- versions ----


def test_another_minor_version_of_scikit_learn_warns_once(tmp_path, monkeypatch):
    monkeypatch.setattr(sklearn.base, "__version__", "1.0.2")
    content = skops.io.dumps(iris_model()[0])
    monkeypatch.undo()
    path = write_folder(tmp_path / "m", content, versions={"scikit-learn": "1.0.2"})
    with pytest.warns(
        UserWarning, match=r"was saved with scikit-learn '1\.0\.2'.*predictions may differ"
    ) as caught:
        load_model(path)
    assert [warning.category for warning in caught] == [UserWarning]
    assert caught[0].filename == __file__


def test_another_patch_version_is_silent(tmp_path, monkeypatch):
    running = version("scikit-learn")
    patch = ".".join([*running.split(".")[:2], "99"])
    monkeypatch.setattr(sklearn.base, "__version__", patch)
    content = skops.io.dumps(iris_model()[0])
    monkeypatch.undo()
    path = write_folder(tmp_path / "m", content, versions={"scikit-learn": patch})
    with pytest.warns(sklearn.exceptions.InconsistentVersionWarning):
        skops.io.loads(content)
    load_model(path)


# ---- refusals of save ----


def left_in(folder):
    return sorted(entry.name for entry in folder.iterdir())


class Foreign(CentroidScores):
    pass


def log_rows(X):
    return np.log1p(X)


def test_what_could_not_be_loaded_is_not_saved(tmp_path):
    X, y = load_iris(return_X_y=True)
    main = type("Home", (CentroidScores,), {"__module__": "__main__"})
    cases = {
        "<lambda>": make_pipeline(FunctionTransformer(lambda X: X), LinearSVC()),
        f"{log_rows.__module__}.log_rows": make_pipeline(FunctionTransformer(log_rows), LinearSVC()),
        f"{Foreign.__module__}.Foreign": Foreign(),
        "__main__.Home": main(),
        "sklearn.tree._tree.Tree": RandomForestClassifier(2),
        "sklearn.neighbors._kd_tree.KDTree": KNeighborsClassifier(algorithm="kd_tree"),
    }
    for name, model in cases.items():
        message = refusal(save_model, model.fit(X, y), tmp_path / "m")
        assert name in message
        assert left_in(tmp_path) == []


def test_an_attribute_that_skops_cannot_write_is_refused(own, tmp_path):
    X, y = load_iris(return_X_y=True)
    model = own().fit(X, y)
    model.rows_ = (row for row in X)
    assert "the CentroidScores to save holds what cannot be saved" in refusal(
        save_model, model, tmp_path / "m"
    )
    assert left_in(tmp_path) == []


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (LinearSVC(), "this LinearSVC is not fitted"),
        (Pipeline([("scale", StandardScaler()), ("svc", LinearSVC())]), "this Pipeline is not fitted"),
        (search(), "this GridSearchCV is not fitted"),
        ("a string", "this str is no estimator"),
        (LinearSVC, "is no estimator"),
        (LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0]), "has no one-dimensional classes_"),
        (DummyClassifier().fit([[0.0], [1.0]], [[0, 1], [1, 2]]), "has no one-dimensional classes_"),
    ],
)
def test_what_is_no_fitted_classifier_is_refused(model, said, tmp_path):
    assert said in refusal(save_model, model, tmp_path / "m")
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("value", [float("nan"), object(), {1, 2}, {(1, 2): 3}, "\ud800"])
def test_metadata_that_is_not_json_is_refused(value, tmp_path):
    assert "metadata of the model cannot be written as JSON" in refusal(
        save_model, iris_model()[0], tmp_path / "m", metadata={"note": value}
    )
    assert left_in(tmp_path) == []


def test_only_a_model_folder_or_an_empty_one_is_replaced(tmp_path):
    model, X = iris_model()
    other = DummyClassifier().fit(X, np.repeat(["a", "b", "c"], 50))
    (tmp_path / "empty").mkdir()
    path = save_model(model, tmp_path / "empty")
    assert load_model(save_model(other, path)).classes_.tolist() == ["a", "b", "c"]
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name in ("notes", "file"):
        message = refusal(save_model, model, tmp_path / name)
        assert f"{tmp_path / name} exists and is no model folder; choose another path" in message
    assert left_in(tmp_path) == ["empty", "file", "notes"]
    assert (tmp_path / "notes" / "mine.txt").read_text() == "mine"


def test_a_refused_save_leaves_the_model_that_was_there(folder, tmp_path):
    copy = Path(shutil.copytree(folder, tmp_path / "m"))
    refusal(save_model, LinearSVC(), copy)
    X, y = load_iris(return_X_y=True)
    refusal(save_model, Foreign().fit(X, y), copy)
    assert_same_outputs(load_model(copy), iris_model()[0], X)
    assert left_in(tmp_path) == ["m"]
