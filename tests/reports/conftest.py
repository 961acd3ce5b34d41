"""Records as a comparison writes them: from fits on real data, and made up where the shape matters."""

import copy
import itertools
import time

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from maxmargin.metrics import confusion_matrix, margins, per_class_recall, wilson_interval

TITLES = {
    "softmax": "Multinomial logistic regression",
    "ovr": "One-vs-rest SVM",
    "cs": "Crammer–Singer SVM",
    "ww": "Weston–Watkins SVM",
    "m3": "M3 SVM",
    "ism3": "Softmax with M3 regularisation",
    "dummy": "Most frequent class",
    "nearest-centroid": "Nearest centroid",
    "knn": "Nearest neighbours",
    "rbf-svc": "SVM with RBF kernel",
}
VERSIONS = {"maxmargin": "0.1.0", "python": "3.11.7", "numpy": "2.4.6", "scikit-learn": "1.9.1"}


def study_record(classes, methods, repeats, n_train=300, n_test=100, **data):
    return {
        "kind": "study",
        "format": 1,
        "data": {
            "name": "digits",
            "source": "digits",
            "kind": "image",
            "n_samples": n_train + n_test,
            "n_features": 64,
            "classes": list(classes),
            "class_counts": [(n_train + n_test) // len(classes)] * len(classes),
            "target": "digit",
            "image_shape": [8, 8],
            "sha256": "6b2f0a3c" * 8,
            "notes": ["the label is the digit that was written", "pixels are counts from 0 to 16"],
            "preprocessing": ["numeric columns: missing values imputed with the median, then standardised"],
            **data,
        },
        "protocol": {
            "methods": list(methods),
            "cv": 3,
            "repeats": repeats,
            "test_size": 0.25,
            "seed": 0,
            "max_samples": None,
            "n_train": n_train,
            "n_test": n_test,
            "grids": {
                m: {"C": [0.01, 0.1, 1.0, 10.0]} for m in methods if m in ("softmax", "ovr", "cs", "m3")
            },
        },
        "titles": {m: TITLES.get(m, m) for m in methods},
        "summaries": {"softmax": "cross-entropy with a squared penalty, fitted to the optimum"},
        "linear": [m for m in methods if m in ("softmax", "ovr", "cs", "ww", "m3", "ism3")],
        "versions": VERSIONS,
        "commit": None,
        "started": "2026-11-20T14:00:00+00:00",
        "machine": {"cpus": 2, "system": "Linux x86_64"},
    }


def made_up(accuracies, classes=("no", "yes"), n_test=100, n_train=300, **data):
    """Records with about the given accuracies by method and split; errors go to the next class."""
    methods = list(accuracies)
    repeats = len(next(iter(accuracies.values())))
    records = [study_record(classes, methods, repeats, n_train, n_test, **data)]
    c = len(classes)
    for m, of_method in enumerate(accuracies.values()):
        for split, accuracy in enumerate(of_method):
            rng = np.random.default_rng([m, split])
            true = np.arange(n_test) % c
            wrong = np.arange(n_test) >= round(accuracy * n_test)
            predicted = (true + wrong) % c
            size = rng.gamma(2.0, 1.0, n_test) * np.where(wrong, -0.5, 1)
            records.append(
                split_record(methods[m], split, true, predicted, size, accuracy, c, 0.01 * (m + 1))
            )
    records.append(
        {"kind": "model", "method": methods[0], "params": {"C": 1.0}, "path": "model", "seconds": 1.0}
    )
    return records


def split_record(method, split, true, predicted, of_margins, accuracy, n_classes, fit_seconds, params=None):
    confusion = confusion_matrix(true, predicted, n_classes)
    return {
        "kind": "test",
        "method": method,
        "split": split,
        "params": {"C": 1.0} if params is None else params,
        "accuracy": accuracy,
        "validation_accuracy": accuracy,
        "recall": per_class_recall(confusion).tolist(),
        "confusion": confusion.tolist(),
        "fit_seconds": fit_seconds,
        "predict_seconds": fit_seconds / 20,
        "tune_seconds": fit_seconds * 12,
        "rows": list(range(len(true))),
        "predictions": np.asarray(predicted).tolist(),
        "margins": None if of_margins is None else np.asarray(of_margins).tolist(),
        "converged": True,
        "n_iter": 31,
        "warnings": [],
        "seed": 0,
        "versions": VERSIONS,
        "commit": None,
    }


def digits_records(repeats=5):
    X, y = load_digits(return_X_y=True)
    models = {
        "softmax": (LogisticRegression(C=0.1, tol=1e-2, max_iter=200), {"C": 0.1}),
        "ovr": (LinearSVC(C=0.01, random_state=0), {"C": 0.01}),
        "cs": (LinearSVC(C=0.1, multi_class="crammer_singer", random_state=0), {"C": 0.1}),
        "ww": (RidgeClassifier(alpha=10.0), {"C": 1.0}),
        "rbf-svc": (SVC(C=10.0), {"C": 10.0, "gamma": "scale"}),
        "knn": (KNeighborsClassifier(3), {"n_neighbors": 3}),
        "nearest-centroid": (make_pipeline(PCA(20, random_state=0), NearestCentroid()), {}),
        "dummy": (DummyClassifier(), {}),
    }
    counts = np.bincount(y).tolist()
    records = [study_record([str(k) for k in range(10)], models, repeats, 1347, 450, class_counts=counts)]
    for split in range(repeats):
        train, test = train_test_split(np.arange(len(y)), test_size=450, stratify=y, random_state=split)
        scaler = StandardScaler().fit(X[train])
        for method, (model, params) in models.items():
            start = time.perf_counter()
            model.fit(scaler.transform(X[train]), y[train])
            seconds = time.perf_counter() - start
            predicted = model.predict(scaler.transform(X[test]))
            linear = method in ("softmax", "ovr", "cs", "ww")
            size = margins(model.decision_function(scaler.transform(X[test])), y[test]) if linear else None
            accuracy = float((predicted == y[test]).mean())
            record = split_record(method, split, y[test], predicted, size, accuracy, 10, seconds, params)
            record["converged"] = None if params == {} else True
            records.append(record)
    records.append(
        {"kind": "model", "method": "rbf-svc", "params": {"C": 10.0}, "path": "model", "seconds": 1.2}
    )
    return records


def tuned(classes=("no", "yes"), best=(0, 8.0, 0.125), n_stages=2, confusion=None, **data):
    """Records of a tuning whose accuracy falls off from the best (stage, C, gamma) on both sides."""
    stage, C, gamma = best
    coarse = 2.0 ** np.arange(-7, 14, 2), 2.0 ** np.arange(-15, 4, 2)
    grids = [coarse, (8 * 2.0 ** np.arange(-2, 2, 0.25), 0.125 * 2.0 ** np.arange(-2, 2, 0.25))][:n_stages]
    found = []
    for number, (Cs, gammas) in enumerate(grids):
        for c, g in itertools.product(Cs.tolist(), gammas.tolist()):
            far = abs(np.log2(c / C)) + abs(np.log2(g / gamma)) + 0.1 * (number != stage)
            score = {"mean": 0.95 * 0.98**far, "std": 0.01, "fit_seconds": 0.01, "score_seconds": 0.001}
            found.append({"C": c, "gamma": g, "stage": number, **score})
    means = np.array([one["mean"] for one in found])
    for one in found:
        one["rank"] = 1 + int((means > one["mean"]).sum())
    first = [one["rank"] for one in found].index(1)
    if confusion is None:
        confusion = (10 * np.eye(len(classes), dtype=int) + np.eye(len(classes), k=1, dtype=int)).tolist()
    study = study_record(classes, [], 1, 300, int(np.sum(confusion)), **data)
    study["title"] = "SVM with RBF kernel"
    study["protocol"] |= {
        "method": "rbf",
        "strategy": "ovo",
        "coarse_to_fine": n_stages == 2,
        "cv": 5,
        "n_folds": 5,
    }
    study["machine"]["jobs"] = 2
    right = int(np.trace(confusion))
    outcome = {
        "kind": "tuning",
        "params": {"C": found[first]["C"], "gamma": found[first]["gamma"], "strategy": "ovo"},
        "best": first,
        "validation_accuracy": found[first]["mean"],
        "candidates": found,
        "test": {
            "accuracy": right / np.sum(confusion),
            "interval": list(wilson_interval(right, int(np.sum(confusion)))),
            "confusion": confusion,
            "warnings": [],
        },
        "model": {"method": "rbf-svc", "path": "model", "warnings": []},
        "search_seconds": 12.5,
        "resumed": False,
        "warnings": [],
    }
    return [study, outcome]


def epochs(losses, accuracies=None, validation=None):
    """The history of a training."""
    none = [None] * len(losses)
    columns = enumerate(zip(losses, accuracies or none, validation or none, strict=True))
    fields = ("train_loss", "train_accuracy", "validation_accuracy")
    return [
        {"epoch": k, "seconds": 0.1 * k, **dict(zip(fields, values, strict=True))} for k, values in columns
    ]


def networks():
    """Three networks, two of them the same, an autoencoder, and a method that trains none."""
    accuracy = {"softmax-net": 0.97, "cnn+svc": 0.98, "dlsvm-l2": 0.96, "ae+svc": 0.9, "dummy": 0.5}
    records = made_up({name: [mean, mean - 0.01] for name, mean in accuracy.items()})
    records[0]["networks"] = {"net": "ism3", "epochs": 3}
    for record in records:
        if record["kind"] != "test" or record["method"] == "dummy":
            continue
        split = record["split"]
        if record["method"] == "ae+svc":
            record["history"] = epochs([0.5, 0.4, 0.3])
        elif record["method"] == "dlsvm-l2":
            record["history"] = epochs([4.0, 2.0, 1.0], [0.5, 0.7, 0.9 + 0.05 * split])
        else:
            record["history"] = epochs([2.0, 1.0, 0.5][: 3 - split], [0.6, 0.8, 0.9][: 3 - split])
            record["filters"] = np.full((4, 5, 5), 128 + split).tolist()
    return records


@pytest.fixture(scope="session")
def _digits():
    return digits_records(repeats=3)


@pytest.fixture
def digits(_digits):
    return copy.deepcopy(_digits)


@pytest.fixture
def make_records():
    return made_up


@pytest.fixture
def make_tuning():
    return tuned


@pytest.fixture
def make_networks():
    return networks


@pytest.fixture
def history():
    return epochs
