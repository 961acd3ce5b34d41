"""Values against formulas written out here, conversions against each other."""

import math
from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.special import log_softmax

from maxmargin._checks import InputError
from maxmargin.conventions import CONVENTIONS, convention, convert, convert_coef, evaluate
from maxmargin.losses import (
    CrammerSinger,
    OneVsRest,
    SmoothHinge,
    SoftmaxCrossEntropy,
    SquaredHinge,
    WestonWatkins,
)
from maxmargin.penalties import PairwiseMargin

CLASSES, FEATURES, ROWS = 3, 4, 12
SIZES = {"n_samples": ROWS, "n_classes": CLASSES, "n_all": 15}


@pytest.fixture(name="X")
def rows(rng):
    return rng.normal(size=(ROWS, FEATURES))


@pytest.fixture
def y(rng):
    return np.concatenate([np.arange(CLASSES), rng.integers(CLASSES, size=ROWS - CLASSES)])


@pytest.fixture
def model(rng):
    return rng.normal(size=(CLASSES, FEATURES)), rng.normal(size=CLASSES)


def plus(t):
    return max(0.0, t)


def pairs(W, p):
    return sum(np.linalg.norm(W[k] - W[j]) ** p for k, j in combinations(range(len(W)), 2))


def rivals(f, y):
    return [f[y] - f[k] for k in range(len(f)) if k != y]


def one_vs_rest(f, y, power=1):
    return sum(plus(1 - (f[k] if k == y else -f[k])) ** power for k in range(len(f)))


def smooth(t, delta):
    return (t + math.sqrt(t * t + delta * delta)) / 2


def norm2(a):
    return float(np.sum(np.square(a)))


FORMULAS = {
    "ours": (
        convention("maxmargin", penalty=PairwiseMargin(3)),
        WestonWatkins(SmoothHinge(0.2)),
        lambda W, _, F, y, C: (
            pairs(W, 3) + C * sum(smooth(1 - u, 0.2) for f, k in zip(F, y, strict=True) for u in rivals(f, k))
        ),
    ),
    "liblinear, squared hinge": (
        "liblinear",
        OneVsRest(SquaredHinge()),
        lambda W, b, F, y, C: (
            norm2(W) / 2 + norm2(b) / 2 + C * sum(one_vs_rest(f, k, 2) for f, k in zip(F, y, strict=True))
        ),
    ),
    "liblinear, Crammer-Singer, intercept_scaling": (
        convention("liblinear", intercept_scaling=5.0),
        CrammerSinger(),
        lambda W, b, F, y, C: (
            norm2(W) / 2
            + norm2(b / 5) / 2
            + C * sum(plus(1 - min(rivals(f, k))) for f, k in zip(F, y, strict=True))
        ),
    ),
    "shark, Weston-Watkins": (
        "shark",
        WestonWatkins(),
        lambda W, _, F, y, C: (
            norm2(W) / 2 + C * sum(plus(1 - u / 2) for f, k in zip(F, y, strict=True) for u in rivals(f, k))
        ),
    ),
    "shark, one-vs-rest": (
        "shark",
        OneVsRest(),
        lambda W, _, F, y, C: norm2(W) / 2 + C * sum(one_vs_rest(f, k) for f, k in zip(F, y, strict=True)),
    ),
    "Weston and Watkins, 1998": (
        convention("maxmargin", margin=2.0),
        WestonWatkins(),
        lambda W, _, F, y, C: (
            norm2(W) / 2 + C * sum(plus(2 - u) for f, k in zip(F, y, strict=True) for u in rivals(f, k))
        ),
    ),
    "tang, L1-SVM": (
        "tang",
        OneVsRest(),
        lambda W, b, F, y, C: (
            norm2(W) / 2 + norm2(b) / 2 + C * sum(one_vs_rest(f, k) for f, k in zip(F, y, strict=True))
        ),
    ),
    "m3svm-paper, eq. 25": (
        "m3svm-paper",
        WestonWatkins(SmoothHinge(0.5)),
        lambda W, _, F, y, lam: (
            sum(smooth(1 - u, 0.5) for f, k in zip(F, y, strict=True) for u in rivals(f, k))
            + lam * pairs(W, 4)
        ),
    ),
    "m3svm-script": (
        convention("m3svm-script", penalty=PairwiseMargin(6)),
        SoftmaxCrossEntropy(),
        lambda W, _, F, y, lam: (
            -np.mean(np.eye(CLASSES)[y] * log_softmax(F, axis=1))
            + lam * (np.linalg.norm(W[:, None] - W[None, :], axis=2) ** 6).sum() / 15
        ),
    ),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_the_value_is_what_the_source_writes(name, X, y, model):
    row, loss, formula = FORMULAS[name]
    W, b = model
    for parameter in (0.01, 3.0):
        expected = formula(W, b, X @ W.T + b, y, parameter)
        value = evaluate(W, b, X, y, parameter, row, loss=loss, n_all=15)
        assert value == pytest.approx(expected, rel=1e-12)


def test_the_ridge_is_added_and_converts_by_c(X, y, model):
    W, b = model
    loss, ours = WestonWatkins(SmoothHinge()), convention("maxmargin", penalty=PairwiseMargin(4))
    with_ridge = evaluate(W, b, X, y, 5.0, ours, loss=loss, epsilon=0.3)
    without = evaluate(W, b, X, y, 5.0, ours, loss=loss)
    assert with_ridge - without == pytest.approx(0.3 * (norm2(W) + norm2(b)), rel=1e-9)
    paper = evaluate(W, b, X, y, 1 / 5.0, "m3svm-paper", loss=loss, epsilon=0.3 / 5.0)
    assert with_ridge == pytest.approx(5.0 * paper, rel=1e-12)


def test_one_vector_of_two_classes_is_the_binary_problem(X, rng):
    w, b, y = rng.normal(size=(1, FEATURES)), rng.normal(size=1), np.arange(ROWS) % 2
    margins = (2 * y - 1) * (X @ w[0] + b[0])
    hinge = norm2(w) / 2 + 0.7 * np.maximum(0, 1 - margins).sum()
    for loss in (OneVsRest(), CrammerSinger(), WestonWatkins()):
        assert evaluate(w, b, X, y, 0.7, "libsvm", loss=loss) == pytest.approx(hinge, rel=1e-12)
    logistic = norm2(w) / 2 + 0.7 * np.logaddexp(0, -margins).sum()
    ours = convention("maxmargin", binary=True)
    value = evaluate(w, b, X, y, 0.7, ours, loss=SoftmaxCrossEntropy())
    assert value == pytest.approx(logistic, rel=1e-12)


def test_a_weight_of_two_is_a_row_twice_and_of_zero_no_row(X, y, model):
    weight = np.array([2.0] + [1.0] * (ROWS - 2) + [0.0])
    rows = np.repeat(np.arange(ROWS), weight.astype(int))
    for name, loss in (("liblinear", CrammerSinger()), ("torch", SoftmaxCrossEntropy())):
        weighted = evaluate(*model, X, y, 0.4, name, loss=loss, sample_weight=weight)
        repeated = evaluate(*model, X[rows], y[rows], 0.4, name, loss=loss)
        assert weighted == pytest.approx(repeated, rel=1e-12)


def test_sparse_rows_and_named_classes_make_no_difference(X, y, model):
    plain = evaluate(*model, X, y, 0.4, "shark", loss=CrammerSinger())
    names = np.array(["c", "a", "b"])
    named = evaluate(*model, csr_matrix(X), names[y], 0.4, "shark", loss=CrammerSinger(), classes=names)
    assert named == pytest.approx(plain, rel=1e-12)


LOSSES = [
    OneVsRest(),
    OneVsRest(SquaredHinge()),
    CrammerSinger(),
    CrammerSinger(SquaredHinge()),
    WestonWatkins(),
    WestonWatkins(SquaredHinge()),
    WestonWatkins(SmoothHinge(0.3)),
    SoftmaxCrossEntropy(),
]
PAIRWISE = PairwiseMargin(4)
ROWS_OF_THE_TABLE = [
    *CONVENTIONS.values(),
    convention("maxmargin", penalty=PAIRWISE),
    convention("maxmargin", margin=3.0, penalty=PAIRWISE, relative_scale=0.7),
    convention("torch", intercept_scaling=None),
    convention("torch", intercept_scaling=None, margin=2.0),
    convention("torch", intercept_scaling=None, penalty=PAIRWISE),
    convention("liblinear", binary=True, intercept_scaling=None),
]


def convertible():
    """Every (source, target, loss) between which there is a conversion."""
    found = []
    for source, target in permutations(ROWS_OF_THE_TABLE, 2):
        for loss in LOSSES:
            try:
                convert(1.0, source, target, loss=loss, **SIZES)
            except InputError:
                continue
            found.append((source, target, loss))
    return found


CONVERTIBLE = convertible()
OVER_A_THIRD = [
    (source, middle, target, loss)
    for source, middle, loss in CONVERTIBLE
    for target in ROWS_OF_THE_TABLE
    if (middle, target, loss) in CONVERTIBLE and (source, target, loss) in CONVERTIBLE
]


def test_every_convention_converts_to_another():
    assert {row.name for row, _, _ in CONVERTIBLE} == set(CONVENTIONS)


@given(st.sampled_from(CONVERTIBLE), st.floats(1e-6, 1e6))
def test_there_and_back_is_where_one_was(case, value):
    source, target, loss = case
    there = convert(value, source, target, loss=loss, **SIZES)
    assert convert(there, target, source, loss=loss, **SIZES) == pytest.approx(value, rel=1e-12)


@given(st.sampled_from(OVER_A_THIRD), st.floats(1e-3, 1e3))
def test_the_way_over_a_third_convention_is_the_direct_one(case, value):
    source, middle, target, loss = case
    over = convert(convert(value, source, middle, loss=loss, **SIZES), middle, target, loss=loss, **SIZES)
    assert over == pytest.approx(convert(value, source, target, loss=loss, **SIZES), rel=1e-12)


@settings(deadline=None)
@given(
    st.sampled_from(CONVERTIBLE),
    st.floats(1e-3, 1e3),
    st.integers(0, 2**32 - 1),
)
def test_converted_objectives_are_multiples_of_each_other_everywhere(case, value, seed):
    source, target, loss = case
    rng = np.random.default_rng(seed)
    of_two = source.binary or target.binary
    sizes = {**SIZES, "n_classes": 2 if of_two else CLASSES}
    X, y = rng.normal(size=(ROWS, FEATURES)), np.arange(ROWS) % sizes["n_classes"]
    converted = convert(value, source, target, loss=loss, **sizes)
    ratios = []
    for _ in range(2):
        W, b = rng.normal(size=(sizes["n_classes"], FEATURES)), rng.normal(size=sizes["n_classes"])
        W, b = W - W.mean(axis=0), b - b.mean()  # one vector of two classes is of weights that sum to zero
        here = (W[1:] - W[:1], b[1:] - b[:1]) if source.binary else (W, b)
        there = convert_coef(*here, source, target, loss=loss)
        ratios.append(
            evaluate(*here, X, y, value, source, loss=loss, n_all=15)
            / evaluate(*there, X, y, converted, target, loss=loss, n_all=15)
        )
    assert ratios[0] == pytest.approx(ratios[1], rel=1e-9)


@given(st.sampled_from(CONVERTIBLE))
def test_converted_coefficients_come_back_and_predict_the_same(case):
    source, target, loss = case
    rng = np.random.default_rng(0)
    W, b = rng.normal(size=(2, FEATURES)), rng.normal(size=2)
    W, b = W - W.mean(axis=0), b - b.mean()
    here = (W[1:], b[1:]) if source.binary else (W, b)
    there = convert_coef(*here, source, target, loss=loss)
    back = convert_coef(*there, target, source, loss=loss)
    for before, after in zip(here, back, strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-12)
    second_wins = [w[-1] - (w[0] if len(w) == 2 else 0) for w in (here[0], there[0])]
    np.testing.assert_array_equal(np.sign(second_wins[0]), np.sign(second_wins[1]))


def test_weights_are_twice_as_large_under_shark():
    W, b = convert_coef([[1.0], [2.0]], [3.0, 4.0], "maxmargin", "shark", loss=WestonWatkins())
    assert (W.tolist(), b.tolist()) == ([[2.0], [4.0]], [6.0, 8.0])
    assert convert_coef([[1.0], [2.0]], 0, "maxmargin", "shark", loss=OneVsRest())[0].tolist() == [
        [1.0],
        [2.0],
    ]


def test_the_pairwise_penalty_at_2_is_a_squared_norm_where_weights_sum_to_zero(X, y, rng):
    """Lemma 3 of M3SVM: 2 c lambda (1/2 |W|^2), so that C = 1 / (2 c lambda)."""
    paper = convention("m3svm-paper", penalty=PairwiseMargin(2))
    C = convert(0.05, paper, "maxmargin", loss=WestonWatkins(), n_classes=CLASSES)
    np.testing.assert_allclose(C, 1 / (2 * CLASSES * 0.05), rtol=1e-12)
    W = rng.normal(size=(CLASSES, FEATURES))
    W -= W.mean(axis=0)
    ours = evaluate(W, None, X, y, C, loss=WestonWatkins())
    assert evaluate(W, None, X, y, 0.05, paper, loss=WestonWatkins()) == pytest.approx(ours / C, rel=1e-12)
