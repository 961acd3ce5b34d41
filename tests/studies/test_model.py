import warnings
from dataclasses import replace

import numpy as np
import pytest

from maxmargin import load_model
from maxmargin._checks import InputError
from maxmargin.datasets import load_dataset
from maxmargin.persistence import read_manifest
from maxmargin.studies import METHODS, fit_method, select_methods
from maxmargin.studies.provenance import fingerprint


@pytest.mark.parametrize("name", [method.name for method in select_methods()])
def test_every_method_is_tuned_fitted_saved_and_loaded(iris, tmp_path, name):
    fitted = fit_method(iris, METHODS[name])
    assert fitted.params in METHODS[name].candidates
    assert (fitted.validation_accuracy is not None) == (len(METHODS[name].candidates) > 1)
    loaded = load_model(fitted.save(iris, tmp_path / "model"))
    np.testing.assert_array_equal(loaded.predict(iris.X), fitted.pipeline.predict(iris.X))
    assert hasattr(loaded, "predict_proba") == METHODS[name].has_probabilities


def test_the_manifest_says_which_columns_are_text(tmp_path):
    file = tmp_path / "cars.csv"
    lines = [f"{i % 7},{'red' if i % 3 else 'blue'},{i % 5},{'ab'[i % 2]}" for i in range(40)]
    file.write_text("doors,colour,seats,class\n" + "\n".join(lines) + "\n")
    dataset = load_dataset(file)
    path = fit_method(dataset, METHODS["dummy"]).save(dataset, tmp_path / "model")
    about = read_manifest(path)
    assert about["feature_names"] == ["doors", "colour", "seats"]
    assert about["metadata"]["text_columns"] == ["colour", "class"]


@pytest.mark.parametrize(
    ("method", "params", "message"),
    [
        ("m3", {"D": 1}, "method m3 has no parameter 'D'; choose from C, class_weight"),
        ("m3", {"C": -1}, "method m3 cannot be fitted: C is -1; it must be a positive number"),
        ("m3", {"C": "much"}, "method m3 cannot be fitted: C is 'much'"),
        ("rbf-svc", {"C": -1}, "method rbf-svc cannot be fitted: C is -1; it must be a positive number"),
        ("knn", {"n_neighbors": 1000}, "method knn cannot be fitted: Expected n_neighbors <= "),
    ],
)
def test_a_parameter_that_cannot_be_used_is_one_line(iris, method, params, message):
    with pytest.raises(InputError) as caught:
        fit_method(iris, METHODS[method], params=params)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_what_the_fit_warned_of_is_kept_and_not_printed(iris):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = fit_method(iris, METHODS["m3"], params={"max_iter": 1})
    assert len(fitted.warnings) == 1
    assert "M3SVC stopped after 1 iterations" in fitted.warnings[0]


def test_unknown_methods_are_shown_the_choices():
    with pytest.raises(InputError, match=r"unknown method 'svm'; choose from softmax, ovr, .*svc$"):
        select_methods(["softmax", "svm"])
    with pytest.raises(InputError, match="no method given; choose from softmax"):
        select_methods([])


def test_the_fingerprint_sees_values_names_order_and_labels(iris):
    X = iris.X
    others = [
        replace(iris, X=X.iloc[::-1]),
        replace(iris, X=X[X.columns[::-1]], feature_names=iris.feature_names[::-1]),
        replace(iris, X=X.rename(columns={X.columns[0]: "other"}), feature_names=["other", *X.columns[1:]]),
        replace(iris, y=np.roll(iris.y, 1)),
        replace(iris, X=X + 1e-12),
    ]
    prints = {fingerprint(dataset) for dataset in [iris, *others]}
    assert len(prints) == 6
    assert fingerprint(replace(iris, y=iris.y.astype(object))) == fingerprint(iris)
