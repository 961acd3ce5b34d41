"""Linear classifiers choose inside each training part, and the script of M3SVM's authors is rerun as is."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

from maxmargin import linear
from maxmargin._checks import InputError
from maxmargin.conventions import convention, convert
from maxmargin.datasets import load_dataset
from maxmargin.evidence import findings
from maxmargin.losses import SoftmaxCrossEntropy
from maxmargin.penalties import PairwiseMargin
from maxmargin.studies.drawing import drawn
from maxmargin.studies.papers import load_experiment, reproduce
from maxmargin.studies.papers.experiment import read_experiment
from maxmargin.studies.papers.full_batch_adam import FullBatch, adam
from maxmargin.studies.papers.linear_methods import LinearMethod, best
from maxmargin.studies.papers.m3svm_script import ScriptSettings
from maxmargin.studies.papers.samples import Sample

SMALL = """
title = "small"
paper = "none"

[procedure]
kind = "linear-models"
folds = 3
inner_folds = 2
data = { Wine = { source = "wine", rows = 75 }, HHAR = { source = "har" } }

[procedure.methods.lr]
estimator = "MultinomialLogisticRegression"
C = [0.1, 10.0]
per_feature = true

[procedure.methods.top-k]
estimator = "TopKSVC"
options = { variant = "alpha" }
C = [0.1]
grid = { k = [1, 2] }

[procedure.methods.m3]
estimator = "M3SVC"
C = [0.1, 10.0]
grid = { p = [2, 4] }
each = "p"

[procedure.script]
Wine = { lr = 0.05, lam = 0.001, p = 4 }

[scales.quick]
note = "small"

[[tables]]
name = "Table 1"
title = "accuracy"
measure = "accuracy"
better = "higher"
columns = "data"
claims = [{ better = "m3", than = ["lr", "top-k"] }]

[[tables]]
name = "Beyond"
title = "p"
measure = "accuracy"
better = "higher"
where = { kind = "each", method = "m3" }
rows = "choice"
columns = "data"
"""


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch, tmp_path):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    monkeypatch.setenv("MAXMARGIN_DATA", str(tmp_path / "none"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder with records of a whole run, these, and what was told."""
    out = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOKY_MAX_CPU_COUNT", "1")
        patch.setenv("MAXMARGIN_DATA", str(out / "none"))
        return out, *run(out)


def run(out, text=SMALL, seeds=range(1), **options):
    told = []
    experiment = read_experiment("small", text)
    return reproduce(experiment, "quick", seeds, out, tell=told.append, **options), told


def without(record, *names):
    return {name: value for name, value in record.items() if name not in names}


def of(records, kind):
    return [record for record in records if record["kind"] == kind]


def test_each_fold_chooses_and_is_tested_once(whole):
    out, records, told = whole
    tests = of(records, "test")
    assert [(r["method"], r["fold"]) for r in tests] == [
        (method, fold) for fold in range(3) for method in ("lr", "top-k", "m3", "m3svm-script")
    ]
    assert all(r["accuracy"] > 0.85 and r["n_test"] + r["n_train"] == 73 for r in tests)
    assert all(np.trace(r["confusion"]) == round(r["accuracy"] * r["n_test"]) for r in tests)
    assert len(of(records, "each")) == 3 * (2 + 1)
    assert {record["device"] for record in records} == {"cpu"}
    assert (
        told[-1] == "har is not there, so it is left out (Human Activity Recognition Using Smartphones, "
        "at the UCI repository)"
    )
    again, told = run(out, resume=True)
    assert again == records
    assert len(told) == 1
    tables = [findings(table, records) for table in read_experiment("small", SMALL).tables]
    assert {cell.ours.n for table in tables for cell in table.cells.values()} == {3}
    assert {judged.than for judged in tables[0].judgements} == {"lr", "top-k"}
    assert set(tables[1].rows) == {"chosen", "p = 2", "p = 4"}


def test_the_choice_is_that_of_a_plain_search_of_the_training_rows(whole):
    _, records, _ = whole
    dataset, _ = drawn(load_dataset("wine"), 75, seed=0)
    X, y = np.asarray(dataset.X), np.unique(dataset.y, return_inverse=True)[1]
    train, test = list(StratifiedKFold(3, shuffle=True, random_state=0).split(X, y))[1]
    means = {}
    for C in (0.1, 10.0):
        for p in (2, 4):
            parts = StratifiedKFold(2, shuffle=True, random_state=0).split(X[train], y[train])
            means[C, p] = np.mean(
                [
                    score(linear.M3SVC(C, p=p), X[train[a]], y[train[a]], X[train[b]], y[train[b]])
                    for a, b in parts
                ]
            )
    (search,) = [r for r in of(records, "search") if (r["method"], r["fold"]) == ("m3", 1)]
    assert np.ravel(search["grid"]["accuracy"]) == pytest.approx(list(means.values()), abs=1e-5)
    chosen = max(means, key=lambda one: means[one])
    (tested,) = [r for r in of(records, "test") if (r["method"], r["fold"]) == ("m3", 1)]
    assert (tested["C"], tested["p"]) == chosen
    model = linear.M3SVC(chosen[0], p=chosen[1])
    assert tested["accuracy"] == pytest.approx(score(model, X[train], y[train], X[test], y[test]), abs=1e-6)
    lr = next(r for r in of(records, "test") if r["method"] == "lr")
    assert lr["C"] in (round(0.1 / 13, 5), 0.769)


def score(model, X, y, X_test, y_test):
    scaler = StandardScaler().fit(X)
    return model.fit(scaler.transform(X), y).score(scaler.transform(X_test), y_test)


def test_the_test_rows_reach_no_choice(whole, tmp_path, monkeypatch):
    _, expected, _ = whole
    plain = Sample.folds

    def shuffled(*args):
        for fold in plain(*args):
            y = fold.y.copy()
            y[fold.test] = np.random.default_rng(0).permutation(y[fold.test])
            yield replace(fold, y=y)

    monkeypatch.setattr(Sample, "folds", shuffled)
    records, _ = run(tmp_path)
    for one, other in zip(expected, records, strict=True):
        measured = () if one["kind"] in ("search", "selection") else ("accuracy", "confusion")
        names = ("seconds", "commit", *measured)
        assert without(one, *names) == without(other, *names)
    assert any(r["accuracy"] < 0.6 for r in of(records, "test"))


def test_a_wider_grid_is_searched_and_shown_anew(whole, tmp_path):
    out, first, _ = whole
    shutil.copy(out / "small.jsonl", tmp_path)
    wider = SMALL.replace("C = [0.1, 10.0]\nper", "C = [0.001, 0.1, 10.0]\nper")
    second, told = run(tmp_path, wider, resume=True)
    assert len([line for line in told if "kind=search" in line]) == 3
    table = read_experiment("small", wider).tables[0]
    assert findings(table, second).cells["lr", "Wine"].ours.n == 3
    assert second[: len(first)] == first


def test_a_killed_run_goes_on(whole, tmp_path, monkeypatch):
    _, expected, _ = whole
    fitted, count = LinearMethod.fitted, []

    def killed(self, X, y, params):
        count.append(params)
        if len(count) == 6:
            raise KeyboardInterrupt
        return fitted(self, X, y, params)

    monkeypatch.setattr(LinearMethod, "fitted", killed)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    records, _ = run(tmp_path, resume=True)
    assert [without(r, "seconds", "commit") for r in records] == [
        without(r, "seconds", "commit") for r in expected
    ]


def test_a_rotation_changes_no_prediction():
    X, y = load_dataset("digits").X, load_dataset("digits").y
    rng = np.random.default_rng(0)
    X = np.asarray(X, dtype=float)[:120] @ rng.normal(size=(64, 300))
    method = LinearMethod(estimator="M3SVC", C=[1.0], options={"p": 4})
    model, _ = method.fitted(X[:80], y[:80], {"C": 1.0})
    assert isinstance(model[1], PCA)
    plain = linear.M3SVC(1.0, p=4, tol=1e-3)
    scaler = StandardScaler().fit(X[:80])
    plain.fit(scaler.transform(X[:80]), y[:80])
    expected = plain.decision_function(scaler.transform(X[80:]))
    assert model.decision_function(X[80:]) == pytest.approx(expected, abs=0.02 * np.abs(expected).max())
    sparse = LinearMethod(estimator="SparseMultinomialLogisticRegression", C=[1.0])
    assert len(sparse.fitted(X[:80], y[:80], {"C": 1.0})[0]) == 2


def test_adam_descends_to_the_optimum_of_the_script():
    dataset = load_dataset("iris")
    X, y = np.asarray(dataset.X, dtype=float), np.unique(dataset.y, return_inverse=True)[1]
    train, test = next(iter(StratifiedKFold(5, shuffle=True, random_state=0).split(X, y)))
    settings = ScriptSettings(lr=0.05, lam=0.01, p=4)
    predicted, found = settings.predicted(X, y, train, test, seed=0)
    assert np.mean(predicted == y[test]) > 0.85
    X = StandardScaler().fit_transform(X)
    objective = FullBatch(
        X[train],
        y[train],
        SoftmaxCrossEntropy(),
        PairwiseMargin(4),
        risk=1 / (3 * 120),
        strength=2 * 0.01 / 150,
    )
    *_, (_, _, last) = adam(objective, 3, lr=0.05, steps=500, seed=0)
    assert found["objective"] == pytest.approx(last, rel=1e-5)
    C = strength_of(0.01, 120, 150)
    tol = 1e-8
    exact = linear.M3LogisticRegression(C, p=4, epsilon=0, tol=tol).fit(X[train], y[train])
    optimum, _ = objective.value_and_gradient(np.column_stack([exact.coef_, exact.intercept_]))
    assert (1 - tol) * optimum <= last < 1.02 * optimum


def strength_of(lam, n_train, n_all):
    sizes = {"n_samples": n_train, "n_classes": 3, "n_all": n_all}
    ours = convention("maxmargin", penalty=PairwiseMargin(4))
    return convert(lam, "m3svm-script", ours, loss=SoftmaxCrossEntropy(), **sizes)


def test_the_best_of_a_search_is_the_first_among_equals():
    grid = {"C": [1, 10], "k": [2, 3], "accuracy": [[0.5, 0.7], [0.7, 0.7]]}
    assert best(grid) == ({"C": 1, "k": 3}, 0.7)
    assert best(grid, k=2) == ({"C": 10, "k": 2}, 0.7)


def test_the_experiment_of_the_paper():
    experiment = load_experiment("m3svm-table-1")
    table = experiment.tables[0]
    assert set(table.printed) == set(table.printed_std) == set(experiment.at("full").data)
    for column, printed in table.printed.items():
        assert set(printed) == set(experiment.at("full").methods)
        assert max(printed, key=printed.get) in ("m3svm", "ovo"), column
    assert set(experiment.at("full").script) == set(table.printed)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("M3SVC", "M3SV", r"unknown estimator 'M3SV'; choose from .*CrammerSingerSVC"),
        ('each = "p"', 'each = "q"', r"unknown parameter of the grid 'q'; choose from p"),
        ('source = "wine"', 'source = "vine"', r"unknown data set 'vine'; choose from .*wine"),
        ("folds = 3", "folds = 1", r"greater than or equal to 2"),
        ("Wine = { lr", "Beer = { lr", r"unknown data set of the script 'Beer'; choose from Wine"),
    ],
)
def test_a_wrong_file_is_refused(old, new, message):
    with pytest.raises(InputError, match=message):
        read_experiment("small", SMALL.replace(old, new, 1))
