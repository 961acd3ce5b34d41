"""KernelSVC ends where LIBSVM ends: objective, support vectors, coefficients, decisions and labels."""

from itertools import combinations

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.metrics import balanced_accuracy_score
from sklearn.metrics.pairwise import laplacian_kernel, rbf_kernel
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from maxmargin.kernel import KernelSVC

TIGHT = 1e-9


def _data(name):
    if name == "digits":
        X, y = load_digits(return_X_y=True)
        return X[:500] / 16, y[:500]
    X, y = (load_iris if name == "iris" else load_wine)(return_X_y=True)
    _, once = np.unique(X, axis=0, return_index=True)  # a row that is there twice has no unique coefficients
    once.sort()
    return StandardScaler().fit_transform(X[once]), y[once]


DATA = {name: _data(name) for name in ("iris", "wine", "digits")}
DATA["two classes"] = (DATA["wine"][0], np.where(DATA["wine"][1] == 1, "one", "other"))
KERNELS = {
    "rbf": {},
    "sharp rbf": {"gamma": 2.0},
    "linear": {"kernel": "linear"},
    "polynomial": {"kernel": "poly", "degree": 3, "coef0": 1.0, "gamma": "auto"},
    "sigmoid": {"kernel": "sigmoid", "gamma": 0.01},
    "a function": {"kernel": laplacian_kernel},
}


def dual_objective(model, values):
    """Of all machines of a pair of classes each, from the attributes that scikit-learn documents."""
    ends = np.append(0, np.cumsum(model.n_support_))
    table = model.dual_coef_
    if len(ends) == 3:
        return np.abs(table).sum() - table[0] @ values @ table[0] / 2
    total = 0.0
    for k, m in combinations(range(len(ends) - 1), 2):
        coef = np.zeros(ends[-1])
        coef[ends[k] : ends[k + 1]] = table[m - 1, ends[k] : ends[k + 1]]
        coef[ends[m] : ends[m + 1]] = table[k, ends[m] : ends[m + 1]]
        total += np.abs(coef).sum() - coef @ values @ coef / 2
    return total


def values_of(model, X):
    from sklearn.metrics.pairwise import pairwise_kernels

    rows = X[model.support_]
    if callable(model.kernel):
        return model.kernel(rows, rows)
    if model.kernel == "precomputed":
        return rows[:, model.support_]
    options = {"gamma": model._gamma, "degree": model.degree, "coef0": model.coef0}
    return pairwise_kernels(rows, rows, metric=model.kernel, filter_params=True, **options)


def assert_same(ours, theirs, X, atol=1e-5):
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)
    values = values_of(theirs, X)
    assert dual_objective(theirs, values) == pytest.approx(ours.certificate_["dual"], rel=1e-6)
    assert ours.certificate_["relative_gap"] < 1e-5
    assert ours.converged_
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=atol)
    dense = np.zeros((2, len(theirs.dual_coef_), X.shape[0]))
    dense[0][:, ours.support_], dense[1][:, theirs.support_] = ours.dual_coef_, theirs.dual_coef_
    np.testing.assert_allclose(dense[0], dense[1], atol=1e3 * atol)
    assert ours.n_support_.sum() == len(ours.support_)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    decisions, expected = ours.decision_function(X), theirs.decision_function(X)
    # Where votes are equal the predicted class alone is raised to the largest score.
    np.testing.assert_allclose(np.sort(decisions)[..., -1:], np.sort(expected)[..., -1:], atol=10 * atol)
    same = np.isclose(decisions, expected, atol=10 * atol)
    assert same.mean() > 0.99


@pytest.mark.parametrize("C", [0.1, 10.0])
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("data", DATA)
def test_optimum_is_that_of_libsvm(data, kernel, C):
    X, y = DATA[data]
    ours = KernelSVC(C, tol=TIGHT, **KERNELS[kernel]).fit(X, y)
    theirs = SVC(C=C, tol=TIGHT, **KERNELS[kernel]).fit(X, y)
    assert_same(ours, theirs, X)
    if data != "digits":  # elsewhere a coefficient of 1e-10 is a support vector of one and not of the other
        np.testing.assert_array_equal(ours.n_support_, theirs.n_support_)
        np.testing.assert_array_equal(np.sort(ours.support_), np.sort(theirs.support_))


@pytest.mark.parametrize("data", ["iris", "two classes"])
def test_order_of_support_vectors_is_that_of_libsvm(data):
    X, y = DATA[data]
    shuffled = np.random.default_rng(0).permutation(len(y))
    ours, theirs = (cls(tol=TIGHT).fit(X[shuffled], y[shuffled]) for cls in (KernelSVC, SVC))
    np.testing.assert_array_equal(ours.support_, theirs.support_)
    np.testing.assert_array_equal(ours.support_vectors_, theirs.support_vectors_)
    np.testing.assert_allclose(ours.dual_coef_, theirs.dual_coef_, atol=1e-5)


WEIGHTS = {
    "sample weights": ({}, {"sample_weight": np.random.default_rng(1).uniform(0.2, 4, 178)}),
    "class weights": ({"class_weight": {0: 5.0, 2: 0.3}}, {}),
    "balanced classes": ({"class_weight": "balanced", "C": 0.9}, {}),
}


@pytest.mark.parametrize("case", WEIGHTS)
def test_weights_are_those_of_libsvm(case):
    options, given = WEIGHTS[case]
    X, y = DATA["wine"]
    ours = KernelSVC(tol=TIGHT, gamma=0.05, **options).fit(X, y, **given)
    theirs = SVC(tol=TIGHT, gamma=0.05, **options).fit(X, y, **given)
    assert_same(ours, theirs, X)


def test_rows_of_weight_0_are_not_there():
    X, y = DATA["wine"]
    used = np.arange(len(y)) % 3 > 0
    ours = KernelSVC(tol=TIGHT).fit(X, y, sample_weight=used.astype(float))
    theirs = SVC(tol=TIGHT).fit(X[used], y[used])
    np.testing.assert_array_equal(ours.support_, np.flatnonzero(used)[theirs.support_])
    np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), atol=1e-6)


@pytest.mark.parametrize("kernel", ["rbf", "linear", "polynomial"])
def test_sparse_rows_are_dense_rows(kernel):
    X, y = DATA["digits"]
    ours = KernelSVC(tol=TIGHT, **KERNELS[kernel]).fit(sparse.csr_matrix(X), y)
    dense = KernelSVC(tol=TIGHT, **KERNELS[kernel]).fit(X, y)
    assert sparse.issparse(ours.support_vectors_)
    np.testing.assert_array_equal(ours.support_, dense.support_)
    for rows in (X, sparse.csr_matrix(X), sparse.csc_matrix(X)):
        np.testing.assert_allclose(ours.decision_function(rows), dense.decision_function(X), atol=1e-6)
        np.testing.assert_allclose(dense.decision_function(rows), dense.decision_function(X), atol=1e-6)


def test_sparse_rows_in_any_order_and_with_zeros_stored():
    X, y = DATA["iris"]
    plain = sparse.csr_matrix(np.where(np.abs(X) < 0.3, 0, X))
    untidy = plain.copy()
    for start, stop in zip(untidy.indptr[:-1], untidy.indptr[1:], strict=True):
        for part in (untidy.indices, untidy.data):
            part[start:stop] = part[start:stop][::-1].copy()
    untidy.has_sorted_indices = False
    zeros = sparse.csr_matrix((X.ravel(), np.tile(np.arange(4), len(y)), np.arange(len(y) + 1) * 4))
    zeros.data[np.abs(zeros.data) < 0.3] = 0
    assert zeros.nnz > plain.nnz
    expected = KernelSVC(tol=TIGHT, gamma=0.3).fit(plain, y).decision_function(plain)
    for rows in (untidy, zeros):
        found = KernelSVC(tol=TIGHT, gamma=0.3).fit(rows, y).decision_function(rows)
        np.testing.assert_allclose(found, expected, atol=1e-7)


@pytest.mark.parametrize("layout", ["columns first", "every second"])
def test_layout_of_the_arrays_does_not_matter(layout):
    X, y = DATA["wine"]
    rows, labels = np.asfortranarray(X), np.repeat(y, 2)[::2]
    if layout == "every second":
        rows = np.repeat(np.repeat(X, 2, axis=0), 2, axis=1)[::2, ::2]
    found = KernelSVC(tol=TIGHT).fit(rows, labels).decision_function(rows)
    np.testing.assert_allclose(found, KernelSVC(tol=TIGHT).fit(X, y).decision_function(X), atol=1e-9)


def test_indices_of_64_bits():
    X, y = DATA["iris"]
    wide = sparse.csr_matrix(X)
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    np.testing.assert_array_equal(KernelSVC().fit(wide, y).predict(wide), KernelSVC().fit(X, y).predict(X))


def test_kernel_values_are_given():
    X, y = DATA["digits"]
    values, between = X @ X.T, X[:50] @ X.T
    ours = KernelSVC(tol=TIGHT, kernel="precomputed").fit(values, y)
    theirs = SVC(tol=TIGHT, kernel="precomputed").fit(values, y)
    assert_same(ours, theirs, values)
    linear = KernelSVC(tol=TIGHT, kernel="linear").fit(X, y)
    np.testing.assert_allclose(ours.decision_function(between), linear.decision_function(X[:50]), atol=1e-6)
    assert ours.support_vectors_.size == 0


@pytest.mark.parametrize("dtype", ["float32", np.float64])
def test_little_memory_changes_nothing_that_shows(dtype):
    X, y = DATA["digits"]
    plain = KernelSVC(10.0, tol=1e-6).fit(X, y)
    for strategy in ("ovo", "ovr"):
        plain = KernelSVC(10.0, tol=1e-6, strategy=strategy).fit(X, y)
        squeezed = KernelSVC(10.0, tol=1e-6, strategy=strategy, cache_size=0.1, dtype=dtype).fit(X, y)
        assert squeezed.certificate_["dual"] == pytest.approx(plain.certificate_["dual"], rel=1e-6)
        np.testing.assert_allclose(squeezed.decision_function(X), plain.decision_function(X), atol=1e-3)


def test_single_precision_is_enough_far_from_the_origin():
    """Distances of rows that lie close together, far away: what an expansion of squares would lose."""
    X, y = DATA["iris"]
    near = KernelSVC(tol=1e-6, dtype="float32", gamma=0.5).fit(X, y)
    far = KernelSVC(tol=1e-6, dtype="float32", gamma=0.5).fit(X + 1e4, y)
    assert far.certificate_["dual"] == pytest.approx(near.certificate_["dual"], rel=1e-5)
    np.testing.assert_array_equal(far.predict(X + 1e4), near.predict(X))
    sharp = KernelSVC(tol=1e-6, dtype="float32", gamma=5e5).fit(X / 1e3, y)
    same = KernelSVC(tol=1e-6, dtype="float64", gamma=5e5).fit(X / 1e3, y)
    assert sharp.certificate_["dual"] == pytest.approx(same.certificate_["dual"], rel=1e-6)


def test_float32_rows():
    X, y = DATA["wine"]
    ours = KernelSVC().fit(X.astype(np.float32), y)
    np.testing.assert_array_equal(ours.predict(X.astype(np.float32)), KernelSVC().fit(X, y).predict(X))


@pytest.mark.parametrize("gamma", ["scale", "auto", 0.3])
def test_gamma_is_the_number_that_scikit_learn_takes(gamma):
    X, y = DATA["wine"]
    for rows in (X + 3, sparse.csr_matrix(X + 3)):
        ours, theirs = KernelSVC(gamma=gamma).fit(rows, y), SVC(gamma=gamma).fit(rows, y)
        assert ours.gamma_ == pytest.approx(theirs._gamma, rel=1e-12)
    assert KernelSVC().fit(np.ones((4, 2)), [0, 1, 0, 1]).gamma_ == 1.0


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_one_against_the_rest_is_really_that(kernel):
    X, y = DATA["digits"]
    ours = KernelSVC(tol=TIGHT, strategy="ovr", **KERNELS[kernel]).fit(X, y)
    theirs = OneVsRestClassifier(SVC(tol=TIGHT, **KERNELS[kernel])).fit(X, y)
    np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), atol=1e-4)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    assert ours.dual_coef_.shape == (10, len(ours.support_))
    pairs = KernelSVC(tol=TIGHT, **KERNELS[kernel]).fit(X, y)
    assert not np.array_equal(pairs.decision_function(X), ours.decision_function(X))


def test_two_classes_need_no_strategy():
    X, y = DATA["two classes"]
    pair, rest = (KernelSVC(strategy=strategy).fit(X, y) for strategy in ("ovo", "ovr"))
    np.testing.assert_allclose(pair.decision_function(X), rest.decision_function(X), atol=1e-9)
    np.testing.assert_allclose(pair.dual_coef_, rest.dual_coef_, atol=1e-9)


@pytest.mark.parametrize("strategy", ["ovo", "ovr"])
@pytest.mark.parametrize("data", ["iris", "two classes"])
def test_linear_kernel_has_weights(data, strategy):
    X, y = DATA[data]
    model = KernelSVC(kernel="linear", strategy=strategy, tol=TIGHT).fit(X, y)
    decisions = X @ model.coef_.T + model.intercept_
    if strategy == "ovo":
        np.testing.assert_allclose(model.coef_, SVC(kernel="linear", tol=TIGHT).fit(X, y).coef_, atol=1e-6)
    elif data == "iris":
        np.testing.assert_allclose(decisions, model.decision_function(X), atol=1e-9)
    with pytest.raises(AttributeError, match="kernel='linear' only"):
        _ = KernelSVC().fit(X, y).coef_


@pytest.mark.parametrize("as_rows", [np.asarray, sparse.csr_matrix])
def test_decision_is_what_the_attributes_say(as_rows):
    X, y = DATA["two classes"]
    model = KernelSVC(3.0, gamma=0.1).fit(as_rows(X), y)
    vectors = (
        model.support_vectors_.toarray() if sparse.issparse(model.support_vectors_) else X[model.support_]
    )
    by_hand = rbf_kernel(X, vectors, gamma=0.1) @ model.dual_coef_[0] + model.intercept_[0]
    np.testing.assert_allclose(model.decision_function(as_rows(X)), by_hand, atol=1e-9)
    np.testing.assert_array_equal(model.predict(as_rows(X)), model.classes_[(by_hand > 0).astype(int)])


def test_coefficients_that_are_changed_count_and_weights_cannot_be():
    X, y = DATA["two classes"]
    model = KernelSVC(kernel="linear").fit(X, y)
    plain, weights = model.decision_function(X), model.coef_
    model.dual_coef_ = -model.dual_coef_
    np.testing.assert_allclose(model.decision_function(X) + plain, 2 * model.intercept_[0], atol=1e-9)
    np.testing.assert_array_equal(model.coef_, -weights)
    with pytest.raises(AttributeError):
        model.coef_ = weights


def test_balanced_weights_are_the_frequencies_turned_round():
    X, y = DATA["iris"]
    X, y = X[:115], y[:115]  # of the third class a few rows
    weights = dict(enumerate(len(y) / (3 * np.bincount(y))))
    balanced, given, plain = (
        KernelSVC(0.1, tol=TIGHT, class_weight=w).fit(X, y) for w in ("balanced", weights, None)
    )
    np.testing.assert_allclose(balanced.decision_function(X), given.decision_function(X), atol=1e-7)
    assert balanced_accuracy_score(y, balanced.predict(X)) > balanced_accuracy_score(y, plain.predict(X))


def test_power_that_is_not_whole():
    X, y = np.abs(DATA["iris"][0]), DATA["iris"][1]
    model = KernelSVC(kernel="poly", degree=1.5, coef0=0.5, gamma=0.2).fit(X, y)
    same = KernelSVC(kernel=lambda a, b: (0.2 * a @ b.T + 0.5) ** 1.5).fit(X, y)
    assert model.certificate_["dual"] == pytest.approx(same.certificate_["dual"], rel=1e-9)
    np.testing.assert_array_equal(model.predict(X), same.predict(X))


def test_equal_votes_go_to_the_first_class_or_to_the_larger_decision():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 2)), np.repeat(np.arange(6), 10)
    grid = rng.normal(size=(2000, 2))
    plain, broken = (KernelSVC(tol=TIGHT, break_ties=b).fit(X, y) for b in (False, True))
    theirs = SVC(tol=TIGHT).fit(X, y)
    np.testing.assert_array_equal(plain.predict(grid), theirs.predict(grid))
    by_size = theirs.decision_function(grid)
    np.testing.assert_array_equal(broken.predict(grid), by_size.argmax(axis=1))
    assert np.any(plain.predict(grid) != broken.predict(grid))
    np.testing.assert_array_equal(plain.decision_function(grid).argmax(axis=1), plain.predict(grid))
    np.testing.assert_allclose(broken.decision_function(grid), by_size, atol=1e-6)


def test_rows_that_are_all_equal_teach_nothing():
    X, y = np.ones((10, 3)), np.repeat([0, 1], [7, 3])
    for kernel in ("rbf", "linear"):
        model = KernelSVC(kernel=kernel, gamma=1.0).fit(X, y)
        assert model.predict(X).tolist() == [0] * 10
        assert model.certificate_["relative_gap"] < 1e-9


def test_rows_that_contradict_each_other():
    X = np.repeat(DATA["iris"][0][:40], 2, axis=0)
    y = np.tile([0, 1], 40)
    model = KernelSVC(1e6).fit(X, y)
    assert model.converged_
    assert model.certificate_["dual"] == pytest.approx(8e7, rel=1e-6)


def test_class_with_one_row():
    X, y = DATA["iris"]
    X, y = np.vstack([X, [[10.0, 10, 10, 10]]]), np.append(y, 7)
    ours, theirs = KernelSVC(10.0, tol=TIGHT).fit(X, y), SVC(C=10.0, tol=TIGHT).fit(X, y)
    assert_same(ours, theirs, X)
    assert ours.predict(X[-1:]).tolist() == [7]


@pytest.mark.parametrize("C", [1e-6, 1e6])
def test_tiny_and_huge_c(C):
    X, y = DATA["wine"]
    ours, theirs = KernelSVC(C, tol=1e-6).fit(X, y), SVC(C=C, tol=1e-6).fit(X, y)
    assert ours.certificate_["dual"] == pytest.approx(dual_objective(theirs, values_of(theirs, X)), rel=1e-6)


def test_labels_of_text_and_objects():
    X, y = DATA["iris"]
    names = np.array(["setosa", "versicolor", "virginica"])
    for labels in (names[y], names[y].astype(object)):
        np.testing.assert_array_equal(
            KernelSVC().fit(X, labels).predict(X), names[KernelSVC().fit(X, y).predict(X)]
        )


OFFSET = 300.0


@pytest.fixture(scope="module")
def many_rows():
    """More rows than the kernel matrix is kept in double precision for."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(2100, 8))
    return X, (X[:, 0] + X[:, 1] * X[:, 2] + 0.5 * rng.normal(size=2100) > 0).astype(int)


@pytest.mark.parametrize("kernel", ["linear", "poly"])
def test_many_rows_far_from_the_origin_keep_their_digits(many_rows, kernel):
    X, y = many_rows
    options = {"kernel": kernel, "degree": 2, "coef0": 1.0, "gamma": 1e-4}
    ours, exact = (KernelSVC(dtype=dtype, **options).fit(X + OFFSET, y) for dtype in (None, "float64"))
    assert np.mean(ours.predict(X + OFFSET) != exact.predict(X + OFFSET)) < 0.005
    assert ours.certificate_["dual"] == pytest.approx(exact.certificate_["dual"], rel=1e-5)


def test_large_coefficients_are_summed_in_double(many_rows):
    X, y = many_rows
    single = KernelSVC(1e3, gamma=0.05).fit(X, y)
    exact = KernelSVC(1e3, gamma=0.05, dtype="float64").fit(X, y)
    expected = exact.dual_coef_ @ np.exp(-0.05 * _squared_distances(X[exact.support_], X)) + exact.intercept_
    np.testing.assert_allclose(single.decision_function(X), expected[0], rtol=1e-3, atol=0.02)


def _squared_distances(a, b):
    return np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1) - 2 * a @ b.T


def test_huge_rows_are_as_near_to_themselves_as_small_ones():
    X, y = np.repeat(np.arange(20.0), 2)[:, None] * 1e9, np.repeat(np.arange(20) % 2, 2)
    assert KernelSVC(gamma=1.0).fit(X, y).score(X, y) == 1.0


@pytest.mark.parametrize("options", [{"tol": 10.0}, {"class_weight": {0: 0.0}}])
@pytest.mark.parametrize("sparse_rows", [False, True])
def test_machine_without_support_vectors_predicts(options, sparse_rows):
    X, y = DATA["two classes"][0], (DATA["two classes"][1] == "one").astype(int)
    X = sparse.csr_matrix(X) if sparse_rows else X
    model = KernelSVC(**options).fit(X, y)
    assert len(model.support_) == 0
    assert len(set(model.predict(X).tolist())) == 1


def test_wide_sparse_rows_stay_sparse():
    """In dense form these rows would take 40 GB."""
    rng = np.random.default_rng(0)
    X = sparse.random(500, 10_000_000, density=2e-6, format="csr", rng=rng)
    y = rng.integers(0, 2, 500)
    for options in ({"kernel": "linear"}, {"gamma": 1.0}, {"gamma": 1.0, "cache_size": 0.2}):
        assert len(KernelSVC(**options).fit(X, y).predict(X)) == 500
