"""Fits to torch tensors: those to arrays, and no row leaves its device."""

import numpy as np
import pytest

from maxmargin._checks import InputError
from maxmargin.linear import (
    M3SVC,
    BredensteinerBennettSVC,
    CrammerSingerSVC,
    M3LogisticRegression,
    MultinomialLogisticRegression,
    OneVsOneSVC,
    OneVsRestSVC,
    SparseMultinomialLogisticRegression,
    TopKSVC,
    WestonWatkinsSVC,
)

torch = pytest.importorskip("torch")

ESTIMATORS = [
    MultinomialLogisticRegression(),
    SparseMultinomialLogisticRegression(C=0.5),
    OneVsRestSVC(),
    OneVsRestSVC(C=0.1, loss="hinge"),
    OneVsOneSVC(),
    CrammerSingerSVC(C=0.1),
    WestonWatkinsSVC(C=0.1),
    TopKSVC(C=0.1, k=2, variant="alpha"),
    BredensteinerBennettSVC(C=0.1),
    M3SVC(),
    M3LogisticRegression(),
]


class Watched(torch.Tensor):
    """A tensor that notes how much of what is computed from it leaves for NumPy or another device."""

    left: list[int]

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func.__name__ in {"cpu", "numpy", "__array__", "tolist", "cuda"}:
            cls.left.append(args[0].numel())
        return super().__torch_function__(func, types, args, kwargs or {})


@pytest.fixture
def watched():
    Watched.left = []
    return lambda values: torch.as_tensor(values).as_subclass(Watched)


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(400, 4)) * [1, 10, 0.1, 3] + [0, 20, 0, -2]
    standard = (X - X.mean(axis=0)) / X.std(axis=0)
    y = np.argmax(standard[:, :3] + 0.7 * rng.normal(size=(400, 3)), axis=1)
    return X, 10 * y, rng.choice([0.0, 1.0, 2.5], size=400)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_the_fit_and_the_answers_are_those_of_arrays(table, watched, estimator):
    X, y, weight = table
    estimator.set_params(tol=1e-7, class_weight="balanced")
    expected = type(estimator)(**estimator.get_params()).fit(X, y, weight)
    got = estimator.fit(watched(X), torch.as_tensor(y), torch.as_tensor(weight))
    # Gradients, Gram matrices and the like leave; the rows and what has an entry a row do not.
    assert 0 < max(Watched.left) < len(X)
    assert isinstance(got.coef_, np.ndarray)
    assert got.converged_
    assert got.objective_ == pytest.approx(expected.objective_, rel=1e-6)
    np.testing.assert_allclose(got.coef_, expected.coef_, atol=2e-3 * np.abs(expected.coef_).max())
    scores, labels = got.decision_function(torch.as_tensor(X)), got.predict(torch.as_tensor(X))
    assert scores.dtype == torch.float64
    np.testing.assert_allclose(scores, got.decision_function(X), rtol=1e-9, atol=1e-9)
    assert isinstance(labels, torch.Tensor)
    np.testing.assert_array_equal(labels, got.predict(X))


def test_of_the_rows_to_score_only_the_scores_leave(table, watched):
    X, y, _ = table
    classifier = MultinomialLogisticRegression().fit(X, y)
    classifier.predict_proba(watched(X))
    assert set(Watched.left) == {3 * len(X)}


@pytest.mark.parametrize("form", ["float32", "int64", "requires_grad"])
def test_forms_of_a_tensor(table, form):
    X, y, _ = table
    X = np.round(X) if form == "int64" else X
    rows = torch.as_tensor(X)
    rows = rows.requires_grad_() if form == "requires_grad" else rows.to(getattr(torch, form))
    expected, got = OneVsRestSVC(tol=1e-8).fit(X, y), OneVsRestSVC(tol=1e-8).fit(rows, y.tolist())
    assert got.objective_ == pytest.approx(expected.objective_, rel=1e-6)
    np.testing.assert_array_equal(got.predict(rows), expected.predict(X))
    assert got.score(rows, torch.as_tensor(y)) == expected.score(X, y)


def test_labels_that_no_tensor_holds_are_an_array(table):
    X, y, _ = table
    rows, names = torch.as_tensor(X), np.array([f"class {label}" for label in y])
    classifier = OneVsRestSVC().fit(rows, names)
    labels = classifier.predict(rows)
    assert isinstance(labels, np.ndarray)
    np.testing.assert_array_equal(labels, classifier.predict(X))


def test_two_classes_and_probabilities(table):
    X, y, _ = table
    y, rows = y == 20, torch.as_tensor(X)
    expected = OneVsRestSVC(tol=1e-8, probability="coupling").fit(X, y)
    got = OneVsRestSVC(tol=1e-8, probability="coupling").fit(rows, torch.as_tensor(y))
    assert got.decision_function(rows).shape == (len(X),)
    for method in ("predict_proba", "predict_log_proba"):
        answers = getattr(got, method)(rows)
        assert isinstance(answers, torch.Tensor)
        np.testing.assert_allclose(answers, getattr(expected, method)(X), atol=1e-4)
    assert got.predict(rows).dtype == torch.bool


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X: X[:, 0], r"X is a tensor of shape \(400,\)"),
        (lambda X: X[:0], r"X is a tensor of shape \(0, 4\)"),
        (lambda X: X + 0j, "X is a tensor of torch.complex128"),
        (lambda X: torch.where(X[7, 2] == X, torch.nan, X), "NaN or infinity, first in row 7"),
        (lambda X: torch.where(X[9, 1] == X, -torch.inf, X), "NaN or infinity, first in row 9"),
    ],
)
def test_damage_is_refused_in_one_line(table, change, message):
    X, y, _ = table
    with pytest.raises(InputError, match=message) as refusal:
        OneVsRestSVC().fit(change(torch.as_tensor(X)), y)
    assert "\n" not in str(refusal.value)


def test_a_sum_that_overflows_is_no_damage(table):
    X, y, _ = table
    classifier = OneVsRestSVC().fit(X, y)
    large = torch.full((400, 4), 5e36, dtype=torch.float32)
    assert torch.isinf(large.sum())
    np.testing.assert_array_equal(classifier.predict(large), classifier.predict(large.numpy()))


def test_labels_and_columns_must_fit_the_rows(table):
    X, y, _ = table
    rows = torch.as_tensor(X)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        OneVsRestSVC().fit(rows, y[:-1])
    with pytest.raises(ValueError, match="Input y contains NaN"):
        OneVsRestSVC().fit(rows, torch.where(rows[:, 0] > 0, torch.nan, 1.0))
    with pytest.raises(ValueError, match="X has 3 features, but OneVsRestSVC is expecting 4"):
        OneVsRestSVC().fit(rows, y).predict(rows[:, :3])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_a_fit_on_the_accelerator(table, estimator):
    X, y, weight = table
    rows = torch.as_tensor(X, device="cuda")
    expected = type(estimator)(**estimator.get_params()).fit(X, y, weight)
    got = estimator.fit(rows, torch.as_tensor(y, device="cuda"), torch.as_tensor(weight, device="cuda"))
    assert got.objective_ == pytest.approx(expected.objective_, rel=1e-6)
    assert got.predict(rows).device == rows.device
    assert got.score(rows, torch.as_tensor(y, device="cuda")) == got.score(X, y)
