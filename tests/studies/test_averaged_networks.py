"""Networks of cross-validation are scored on their folds, their mean on each part of the test rows."""

import numpy as np
import pytest

pytest.importorskip("torch")

from tests.studies.test_networks import killed_at_save, of_kind, run, shuffled_tests

from maxmargin._checks import InputError
from maxmargin.studies.papers import averaged_networks
from maxmargin.studies.papers.experiment import read_experiment

FOLDED = """
title = "small"
paper = "none"

[procedure]
kind = "averaged-networks"
folds = 3
test_parts = { public = 100, private = 300 }
epochs = 2
selection_epochs = 1
training = { batch_size = 50, lr = 0.05 }
test_curve = true

[procedure.data.Digits]
source = "digits"
net = "mlp"
train_rows = 500
test_rows = 400
validation_rows = 100
preprocessing = [{ name = "PixelMean" }]

[procedure.methods]
softmax = { loss = "CrossEntropyLoss", choices = { weight_decay = [0.001] } }
svm = { loss = "OneVsRestHingeLoss", choices = { C = [0.1, 0.3] } }

[scales.quick]
note = "two epochs"
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    records, _ = run(folder, range(1), FOLDED)
    assert not list((folder / ".small").glob("*"))
    again, told = run(folder, range(1), FOLDED, resume=True)
    assert (again, told) == (records, [])
    return records


def test_each_fold_is_scored_and_the_mean_on_each_part(whole):
    assert len(of_kind(whole, "selection", method="svm")) == 2
    for method in ("softmax", "svm"):
        folds = of_kind(whole, "test", method=method, scored_on="cross-validation")
        assert [(r["fold"], r["n_test"], r["n_train"]) for r in folds] == [
            (0, 167, 333),
            (1, 167, 333),
            (2, 166, 334),
        ]
        assert all(len(r["curve"]["test_accuracy"]) == 2 for r in folds)
        public, private = (of_kind(whole, "test", method=method, scored_on=p) for p in ("public", "private"))
        assert [r["n_test"] for r in (*public, *private)] == [100, 300]
        assert all(r["error"] < 0.4 for r in (*public, *private))


def test_what_is_averaged_are_the_scores(tmp_path, monkeypatch, whole):
    kept, scored = averaged_networks._kept_scores, []

    def seen(trainings, method, seed, test):
        scores = kept(trainings, method, seed, test)
        scored.append((method, scores, test.y))
        return scores

    monkeypatch.setattr(averaged_networks, "_kept_scores", seen)
    run(tmp_path, range(1), FOLDED)
    of_softmax = [(scores, y) for method, scores, y in scored if method == "softmax"]
    mean, target = np.mean([scores for scores, _ in of_softmax], axis=0), of_softmax[0][1]
    (private,) = of_kind(whole, "test", method="softmax", scored_on="private")
    assert private["error"] == pytest.approx(np.mean(mean[100:].argmax(axis=1) != target[100:]))


def test_the_test_rows_reach_nothing_else(tmp_path, monkeypatch, whole):
    shuffled_tests(monkeypatch, 400)
    records, _ = run(tmp_path, range(1), FOLDED)
    for one, other in zip(whole, records, strict=True):
        same = one.get("scored_on") not in ("public", "private")
        assert (one["error"] == other["error"]) == same
        assert one.get("curve") == other.get("curve")


def test_a_killed_run_goes_on(tmp_path, monkeypatch, whole):
    killed_at_save(monkeypatch, 9)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, range(1), FOLDED)
    records, _ = run(tmp_path, range(1), FOLDED, resume=True)
    assert [(r["error"], r.get("curve")) for r in records] == [(r["error"], r.get("curve")) for r in whole]


def test_parts_that_are_not_the_test_rows_are_refused():
    with pytest.raises(InputError, match="test_rows is 400, not the sum of test_parts"):
        read_experiment("small", FOLDED.replace("private = 300", "private = 200"))
