import io
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.base
import sklearn.exceptions
import skops.io
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, StandardScaler
from sklearn.svm import SVC, LinearSVC

import maxmargin.linear
from maxmargin import load_model, save_model
from maxmargin.persistence import read_manifest
from tests.linear import classifiers
from tests.persistence.folders import (
    CLASSIFIERS,
    FILES,
    CentroidScores,
    assert_same_outputs,
    iris_model,
    preprocessing,
    refusal,
    search,
    table,
    write_folder,
)


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


@pytest.mark.parametrize("name", sorted(classifiers.NAMES))
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
