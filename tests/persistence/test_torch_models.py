import io
import subprocess
import sys
import zipfile
from importlib.metadata import version

import numpy as np
import pytest
import skops.io
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from maxmargin import load_model, save_model
from maxmargin.persistence import read_manifest
from tests.persistence.folders import assert_same_outputs, iris_model, refusal, write_folder

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import maxmargin.deep  # noqa: E402
from maxmargin.deep.modules_as_data import module_from_data, module_to_data  # noqa: E402


class TinyNet(ClassifierMixin, BaseEstimator):
    """A classifier in the manner of maxmargin.deep: its network is plain data wherever it is kept."""

    def __init__(self, seed=0):
        self.seed = seed

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        torch.manual_seed(self.seed)
        first, last = nn.Linear(X.shape[1], 4), nn.Linear(4, len(self.classes_)).bfloat16()
        self.net_ = nn.Sequential(first, nn.BatchNorm1d(4), nn.Linear(4, 4), nn.Linear(4, 4), last)
        self.net_[3].weight = self.net_[2].weight
        self.net_[:4](torch.tensor(X, dtype=torch.float32))
        self.net_.eval()
        return self

    def decision_function(self, X):
        with torch.no_grad():
            features = self.net_[:4](torch.tensor(np.asarray(X), dtype=torch.float32))
            return self.net_[4](features.bfloat16()).float().numpy()

    def predict(self, X):
        return self.classes_[self.decision_function(X).argmax(axis=1)]

    def __getstate__(self):
        return {**super().__getstate__(), "net_": module_to_data(self.net_)}

    def __setstate__(self, state):
        super().__setstate__({**state, "net_": module_from_data(state["net_"])})


class Foreign(nn.Module):
    pass


WITHOUT_TORCH = """
import sys
from importlib.machinery import PathFinder

class Finder(PathFinder):
    def find_spec(name, *args):
        return None if name == "torch" else PathFinder.find_spec(name, *args)

sys.meta_path[sys.meta_path.index(PathFinder)] = Finder
from maxmargin import load_model
try:
    load_model(sys.argv[1])
except ValueError as error:
    print(error)
"""


@pytest.fixture
def deep(monkeypatch):
    """TinyNet as if maxmargin.deep defined it."""
    monkeypatch.setattr(TinyNet, "__module__", "maxmargin.deep")
    monkeypatch.setattr(maxmargin.deep, "TinyNet", TinyNet, raising=False)
    return TinyNet


def model_of(kind):
    X, y = load_iris(return_X_y=True)
    return make_pipeline(StandardScaler(), kind()).fit(X, y), X


def test_a_network_in_a_pipeline_is_bit_equal(deep, tmp_path):
    model, X = model_of(deep)
    loaded = load_model(save_model(model, tmp_path / "m"))
    assert_same_outputs(loaded, model, X)
    assert loaded[-1].net_[3].weight is loaded[-1].net_[2].weight
    assert loaded[-1].net_[4].weight.dtype == torch.bfloat16
    assert loaded[-1].net_[1].num_batches_tracked.shape == ()
    assert not any(part.training for part in loaded[-1].net_.modules())


def test_the_same_network_gives_the_same_bytes_and_no_pickle(deep, tmp_path):
    paths = [save_model(model_of(deep)[0], tmp_path / name) for name in ("a", "b")]
    contents = [(path / "estimator.skops").read_bytes() for path in paths]
    assert contents[0] == contents[1]
    with zipfile.ZipFile(io.BytesIO(contents[0])) as content:
        arrays = [name for name in content.namelist() if name != "schema.json"]
        assert len(arrays) > 10
        for name in arrays:
            np.load(io.BytesIO(content.read(name)), allow_pickle=False)


def test_the_manifest_names_torch_where_the_model_needs_it(deep, tmp_path):
    path = save_model(model_of(deep)[0], tmp_path / "deep")
    assert read_manifest(path)["versions"]["torch"] == version("torch")
    assert "torch" not in read_manifest(save_model(iris_model()[0], tmp_path / "linear"))["versions"]


def test_a_network_that_could_not_be_loaded_is_not_saved(deep, tmp_path):
    model, _ = model_of(deep)
    model[-1].net_.append(Foreign())
    message = refusal(save_model, model, tmp_path / "m")
    assert "to save holds what cannot be saved: Sequential.5 is a" in message
    assert "build the net from the parts of torch.nn" in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["os.system", "__main__.Net", "torch.hub.load", "hostile_net.Net"])
def test_a_network_of_another_class_is_refused_and_the_file_named(path, deep, tmp_path, monkeypatch):
    (tmp_path / "hostile_net.py").write_text("raise SystemExit('the hostile module ran')\n")
    monkeypatch.syspath_prepend(tmp_path)
    model, _ = model_of(deep)
    sound = model[-1].__getstate__()
    sound["net_"]["modules"][-1]["class"] = path
    monkeypatch.setattr(deep, "__getstate__", lambda _: sound)
    folder = write_folder(tmp_path / "m", skops.io.dumps(model))
    message = refusal(load_model, folder)
    assert str(folder / "estimator.skops") in message
    assert f"{path!r}, which is not trusted" in message


def test_without_torch_it_says_what_to_install(deep, tmp_path):
    folder = save_model(model_of(deep)[0], tmp_path / "m")
    command = [sys.executable, "-c", WITHOUT_TORCH, folder]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    assert done.stdout == 'PyTorch is not installed; pip install "maxmargin[deep]"\n'
