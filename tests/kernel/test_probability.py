"""Probabilities of kernel machines: fitted to decisions on rows held out, from the same kernel matrix."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss

from maxmargin.kernel import KernelSVC
from maxmargin.kernel.functions import Kernel

X, Y = load_digits(return_X_y=True)
X, Y = X / 16, Y
TRAIN, TEST = slice(0, 400), slice(400, 900)
each_method = pytest.mark.parametrize("method", ["temperature", "coupling"])


def assert_lawful(model, rows):
    probabilities = model.predict_proba(rows)
    assert probabilities.shape == (rows.shape[0], len(model.classes_))
    assert (probabilities > 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_array_equal(model.classes_[probabilities.argmax(axis=1)], model.predict(rows))
    np.testing.assert_allclose(model.predict_log_proba(rows), np.log(probabilities), atol=1e-12)
    return probabilities


@each_method
@pytest.mark.parametrize("strategy", ["ovo", "ovr"])
@pytest.mark.parametrize("C", [0.01, 10.0])
def test_laws(method, strategy, C):
    model = KernelSVC(C, probability=method, strategy=strategy).fit(X[TRAIN], Y[TRAIN])
    assert_lawful(model, X[TEST])


@each_method
def test_two_classes_and_given_values(method):
    rows, labels = X[TRAIN], np.where(Y[TRAIN] < 4, "few", "many")
    model = KernelSVC(probability=method, kernel="precomputed").fit(rows @ rows.T, labels)
    same = KernelSVC(probability=method, kernel="linear").fit(rows, labels)
    given = assert_lawful(model, X[TEST] @ rows.T)
    np.testing.assert_allclose(given, assert_lawful(same, X[TEST]), atol=1e-6)


@each_method
def test_sparse_rows_and_columns_in_the_order_of_the_classes(method):
    names = np.array([f"{9 - digit} to go" for digit in range(10)])[Y[TRAIN]]
    model = KernelSVC(10.0, probability=method).fit(sparse.csr_matrix(X[TRAIN]), names)
    dense = KernelSVC(10.0, probability=method).fit(X[TRAIN], Y[TRAIN])
    assert model.classes_.tolist() == sorted(set(names))
    found = assert_lawful(model, sparse.csr_matrix(X[TEST]))
    hits = dense.predict(X[TEST]) == [9 - int(name[0]) for name in model.predict(sparse.csr_matrix(X[TEST]))]
    assert hits.mean() > 0.99
    assert np.mean(np.abs(found[:, ::-1] - dense.predict_proba(X[TEST])) < 0.02) > 0.97


@each_method
def test_they_tell_of_unseen_rows(method):
    model = KernelSVC(10.0, probability=method).fit(X[TRAIN], Y[TRAIN])
    frequencies = np.bincount(Y[TRAIN]) / 400
    guess = log_loss(Y[TEST], np.tile(frequencies, (500, 1)))
    assert log_loss(Y[TEST], model.predict_proba(X[TEST])) < 0.3 * guess


@each_method
@pytest.mark.parametrize("strategy", ["ovo", "ovr"])
def test_class_of_one_row_is_never_held_out(method, strategy):
    labels = np.append(Y[:399], 77)
    model = KernelSVC(probability=method, strategy=strategy).fit(X[TRAIN], labels)
    assert assert_lawful(model, X[TEST]).shape[1] == 11


def test_most_probable_class_has_the_votes_also_where_they_are_equal():
    rng = np.random.default_rng(0)
    rows, labels, grid = rng.normal(size=(120, 2)), np.arange(120) % 6, rng.normal(size=(1000, 2))
    for broken in (False, True):
        for method in ("temperature", "coupling"):
            assert_lawful(KernelSVC(probability=method, break_ties=broken).fit(rows, labels), grid)


def test_rows_held_out_had_no_part_in_their_scores():
    """Labels without any meaning get probabilities without any certainty, however well they were learnt."""
    labels = np.random.default_rng(0).integers(0, 2, 400)
    model = KernelSVC(100.0, gamma=1.0, probability="temperature").fit(X[TRAIN], labels)
    assert model.score(X[TRAIN], labels) > 0.99
    assert model.predict_proba(X[TRAIN]).max() < 0.75


def test_calibration_computes_no_kernel_value(monkeypatch):
    computed, plain = [], Kernel.block

    def block(self, left, right):
        computed.append(len(left) * len(right))
        return plain(self, left, right)

    monkeypatch.setattr(Kernel, "block", block)
    KernelSVC().fit(X[TRAIN], Y[TRAIN])
    without = sum(computed)
    computed.clear()
    KernelSVC(probability="temperature").fit(X[TRAIN], Y[TRAIN])
    assert sum(computed) == without > 0


def test_weights_count_in_the_calibration():
    weight = np.where(Y[TRAIN] == 3, 8.0, 1.0)
    plain, heavy = (
        KernelSVC(0.5, probability="temperature").fit(X[TRAIN], Y[TRAIN], sample_weight=w)
        for w in (None, weight)
    )
    assert plain.calibration_.temperature_ != heavy.calibration_.temperature_


def test_folds_are_shuffled_by_the_random_state():
    first, again, other = (
        KernelSVC(probability="temperature", random_state=seed).fit(X[TRAIN], Y[TRAIN]) for seed in (0, 0, 1)
    )
    assert first.calibration_.temperature_ == again.calibration_.temperature_
    assert first.calibration_.temperature_ != other.calibration_.temperature_
