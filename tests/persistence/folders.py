"""Models to save, and folders to load, for the tests of persistence."""

import io
import json
import zipfile
from importlib.metadata import version

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RepeatedStratifiedKFold, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC

from maxmargin._checks import InputError
from maxmargin.kernel import KernelSearchCV, KernelSVC
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
    "kernel": KernelSVC(),
    "kernel-ovr": KernelSVC(kernel="poly", strategy="ovr", dtype="float32"),
    "kernel-coupling": KernelSVC(probability="coupling", class_weight={"ash": 2.0}),
    "kernel-search": KernelSearchCV([1.0, 4.0], [0.1], cv=3),
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
