import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV, StratifiedKFold, StratifiedShuffleSplit
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from maxmargin._checks import InputError
from maxmargin.datasets import load_dataset
from maxmargin.studies import Comparison, Settings, drawn, protocol
from maxmargin.studies.method import Method
from maxmargin.studies.methods import METHODS, select_methods
from maxmargin.studies.preparation import build_preparation


@pytest.fixture(scope="module")
def wine():
    return load_dataset("wine")


@pytest.fixture(scope="module")
def records(wine, tmp_path_factory):
    settings = Settings(methods=("rbf-svc", "nearest-centroid"), repeats=2, seed=7)
    return Comparison(wine, settings, tmp_path_factory.mktemp("wine") / "run").run()


def _tests(records, method):
    return sorted((r for r in records if (r["kind"], r.get("method")) == ("test", method)), key=_split)


def _split(record):
    return record["split"]


def _by_hand(wine, seed, repeats):
    splitter = StratifiedShuffleSplit(repeats, test_size=0.25, random_state=seed)
    return list(splitter.split(wine.X, wine.y))


def test_the_splits_are_those_of_scikit_learn(wine, records):
    expected = _by_hand(wine, 7, 2)
    for method in ("rbf-svc", "nearest-centroid"):
        rows = [record["rows"] for record in _tests(records, method)]
        assert rows == [test.tolist() for _, test in expected]


def test_a_grid_search_by_hand_chooses_and_scores_the_same(wine, records):
    for split, (train, test) in enumerate(_by_hand(wine, 7, 2)):
        search = GridSearchCV(
            Pipeline([("scale", StandardScaler()), ("svc", SVC())]),
            {"svc__C": [0.1, 1.0, 10.0, 100.0]},
            cv=StratifiedKFold(3, shuffle=True, random_state=7 + split),
        ).fit(wine.X.iloc[train], wine.y[train])
        record = _tests(records, "rbf-svc")[split]
        assert record["params"] == {"C": search.best_params_["svc__C"]}
        assert record["validation_accuracy"] == pytest.approx(search.best_score_, abs=1e-9)
        assert record["accuracy"] == search.score(wine.X.iloc[test], wine.y[test])


def test_every_validation_score_is_that_of_a_loop_by_hand(wine, records):
    _, target = np.unique(wine.y, return_inverse=True)
    found = {
        (r["split"], r["fold"], r["params"]["C"]): r["accuracy"]
        for r in records
        if r["kind"] == "validation" and r["method"] == "rbf-svc"
    }
    expected = {}
    for split, (train, _) in enumerate(_by_hand(wine, 7, 2)):
        X, y = wine.X.to_numpy()[train], target[train]
        for fold, (a, b) in enumerate(StratifiedKFold(3, shuffle=True, random_state=7 + split).split(X, y)):
            scale = StandardScaler().fit(X[a])
            for C in (0.1, 1.0, 10.0, 100.0):
                model = SVC(C=C).fit(scale.transform(X[a]), y[a])
                expected[split, fold, C] = np.mean(model.predict(scale.transform(X[b])) == y[b])
    assert found == expected


def test_a_method_without_parameters_scores_as_by_hand(wine, records):
    for split, (train, test) in enumerate(_by_hand(wine, 7, 2)):
        model = Pipeline([("scale", StandardScaler()), ("centroid", NearestCentroid())])
        model.fit(wine.X.iloc[train], wine.y[train])
        assert _tests(records, "nearest-centroid")[split]["accuracy"] == model.score(
            wine.X.iloc[test], wine.y[test]
        )


def test_no_test_row_is_seen_while_tuning(wine, tmp_path):
    """Whatever stands in the test rows and their labels, every validation score stays the same."""
    settings = Settings(methods=("rbf-svc", "softmax"), repeats=1)
    plain = Comparison(wine, settings, tmp_path / "plain")
    _, test = plain.splits[0]
    X = wine.X.copy()
    X.iloc[test] = 1e6 * (1 + np.arange(len(test)))[:, None]
    spoilt = Comparison(replace(wine, X=X), settings, tmp_path / "spoilt")

    def validations(study):
        return [
            (r["method"], r["fold"], r["params"], r["accuracy"])
            for r in study.run()
            if r["kind"] == "validation"
        ]

    seen = validations(plain)
    assert len(seen) == 3 * (4 + 5)
    assert validations(spoilt) == seen


def test_the_preparation_learns_from_the_rows_of_the_fold_alone(wine):
    means = []

    class Recorder(StandardScaler):
        def fit(self, X, y=None, sample_weight=None):
            super().fit(X, y, sample_weight)
            means.append(self.mean_)
            return self

    _, target = np.unique(wine.y, return_inverse=True)
    train, test = np.arange(0, 178, 2), np.arange(1, 178, 2)
    protocol.validate(METHODS["nearest-centroid"], Recorder(), wine.X, target, train, test)
    protocol.evaluate(METHODS["nearest-centroid"], Recorder(), {}, wine.X, target, train, test)
    expected = wine.X.to_numpy()[train].mean(axis=0)
    assert len(means) == 2
    np.testing.assert_allclose(means, [expected, expected])


def test_a_tie_goes_to_the_first_candidate_though_sums_round_differently():
    first, second = [0.1, 0.2, 0.3], [0.3, 0.2, 0.1]
    assert (0.1 + 0.2) + 0.3 != (0.3 + 0.2) + 0.1
    records = [
        {"params": {"C": C}, "accuracy": accuracy}
        for C, scores in ((1, first), (10, second))
        for accuracy in scores
    ]
    for candidates in ([{"C": 1}, {"C": 10}], [{"C": 10}, {"C": 1}]):
        assert protocol.choose(candidates, records)[0] == candidates[0]


def test_a_better_later_candidate_wins():
    records = [{"params": {"C": 1}, "accuracy": 0.5}, {"params": {"C": 2}, "accuracy": 0.6}]
    assert protocol.choose([{"C": 1}, {"C": 2}], records) == ({"C": 2}, 0.6)


def test_the_number_of_jobs_changes_no_number(iris, outcome, tmp_path):
    settings = Settings(methods=("softmax", "knn"), repeats=1)
    one = Comparison(iris, settings, tmp_path / "one", jobs=1).run()
    two = Comparison(iris, settings, tmp_path / "two", jobs=2).run()
    assert outcome(one) == outcome(two)


def test_folds_are_fewer_where_classes_are_small():
    target = np.repeat([0, 1, 2], [20, 2, 2])
    folds = protocol.folds(target, cv=3, seed=0)
    assert len(folds) == 2
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(24))
    for train, test in folds:
        assert not set(train) & set(test)
        assert len(np.unique(target[train])) == 3


@pytest.mark.parametrize("counts", [(6, 6), (2, 2, 8)])
def test_a_dozen_rows_can_be_compared(counts, tmp_path, rng):
    target = np.repeat(np.arange(len(counts)), counts)
    X = pd.DataFrame(rng.normal(size=(12, 2)) + target[:, None], columns=["a", "b"])
    dataset = replace(load_dataset("iris"), X=X, y=target, feature_names=["a", "b"])
    records = Comparison(dataset, Settings(repeats=2), tmp_path / "run").run()
    assert [r["error"] for r in records if r["kind"] == "failure"] == []
    assert sum(r["kind"] == "test" for r in records) == 2 * len(select_methods())


def test_a_hundred_classes_can_be_compared(tmp_path, rng):
    target = np.repeat(np.arange(100), 4)
    X = pd.DataFrame(rng.normal(size=(400, 5)) + target[:, None], columns=list("abcde"))
    dataset = replace(load_dataset("iris"), X=X, y=target, feature_names=list("abcde"))
    settings = Settings(methods=("nearest-centroid", "dummy"), repeats=2)
    records = Comparison(dataset, settings, tmp_path / "run").run()
    tests = [r for r in records if r["kind"] == "test"]
    assert [np.shape(r["confusion"]) for r in tests] == [(100, 100)] * 4


def test_too_few_test_rows_for_the_classes_name_the_option():
    with pytest.raises(
        InputError, match=r"^--test-size 0.1 leaves 36 training and 4 test rows for 10 classes"
    ):
        protocol.splits(np.repeat(np.arange(10), 4), Settings(test_size=0.1))


def test_nothing_to_tune_on_is_said():
    with pytest.raises(InputError, match="two rows of one class only"):
        protocol.splits(np.repeat([0, 1], [2, 10]), Settings())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"cv": 1}, "--cv is 1; it must be at least 2"),
        ({"repeats": 0}, "--repeats is 0; it must be at least 1"),
        ({"seed": -1}, "--seed is -1; it must be at least 0"),
        ({"seed": 2**32}, "--seed is 4294967296; it must be below"),
        ({"max_samples": 3}, "--max-samples is 3; it must be at least 4"),
        ({"test_size": 1.0}, "--test-size is 1.0; it must lie between 0 and 1"),
        ({"test_size": float("nan")}, "--test-size is nan; it must lie between 0 and 1"),
    ],
)
def test_settings_out_of_range_name_the_option(wrong, message):
    with pytest.raises(InputError, match=f"^{message}"):
        Settings(**wrong)


def test_drawn_rows_keep_the_shares_of_the_classes_and_two_of_each(iris):
    rows = np.r_[0:50, 50:60, 100:102]
    dataset = replace(iris, X=iris.X.iloc[rows], y=iris.y[rows])
    small, places = drawn(dataset, 31, seed=0)
    assert np.unique(small.y, return_counts=True)[1].tolist() == [24, 5, 2]
    np.testing.assert_array_equal(small.y, dataset.y[places])
    pd.testing.assert_frame_equal(small.X, dataset.X.iloc[places])


def test_warnings_are_kept_once_each_and_constant_columns_are_no_warning(iris):
    class Noisy(NearestCentroid):
        def fit(self, X, y):
            for _ in range(1000):
                warnings.warn("the same thing", UserWarning, stacklevel=1)
            return super().fit(X, y)

    X = np.column_stack([iris.X.to_numpy(), np.zeros(150)])
    _, target = np.unique(iris.y, return_inverse=True)
    rows = np.arange(0, 150, 2), np.arange(1, 150, 2)
    method = Method("noisy", "Noisy", "warns", Noisy)
    for records in (
        protocol.validate(method, StandardScaler(), X, target, *rows),
        protocol.evaluate(method, StandardScaler(), {}, X, target, *rows),
    ):
        assert [record["warnings"] for record in records] == [["the same thing"]]


def test_a_preparation_of_text_and_gaps_learns_nothing_from_test_rows():
    X = pd.DataFrame({"size": [1.0, np.nan, 3.0, 100.0], "colour": ["red", "blue", None, "green"]})
    dataset = replace(load_dataset("iris"), X=X, y=np.array([0, 1, 0, 1]), feature_names=["size", "colour"])
    transformer, sentences = build_preparation(dataset)
    first = transformer.fit_transform(X.iloc[:3])
    assert len(sentences) == 2
    np.testing.assert_allclose(first[:, 0], [-np.sqrt(1.5), 0, np.sqrt(1.5)])  # the gap takes the median, 2
    np.testing.assert_array_equal(first[:, 1:].sum(axis=1), [1, 1, 1])
    unseen = transformer.transform(X.iloc[3:])
    assert unseen.shape == (1, 4)
    np.testing.assert_array_equal(unseen[0, 1:], 0)
