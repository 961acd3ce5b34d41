"""What cannot be used is told with its value and the valid choices."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from maxmargin.kernel import KernelSVC

X, Y = np.random.default_rng(0).normal(size=(12, 2)), np.tile([0, 1, 2], 4)

PARAMETERS = [
    ({"C": 0}, "C is 0; it must be a positive number"),
    ({"C": "big"}, "C is 'big'"),
    ({"C": np.inf}, "C is inf"),
    ({"gamma": 0}, "gamma is 0; it must be a positive number"),
    ({"gamma": np.nan}, "gamma is nan"),
    ({"gamma": "big"}, "unknown gamma 'big'; choose from scale, auto"),
    ({"kernel": "cubic"}, "'cubic'; choose from rbf, linear, poly, sigmoid, precomputed"),
    ({"degree": -1}, "degree is -1; it must be a number of at least 0"),
    ({"strategy": "both"}, "unknown strategy 'both'; choose from ovo, ovr"),
    ({"probability": "isotonic"}, "unknown probability 'isotonic'; choose from temperature, coupling"),
    ({"tol": 0}, "tol is 0"),
    ({"cache_size": -5}, "cache_size is -5"),
    ({"max_iter": 0}, "max_iter is 0; it must be a number of at least 1"),
    ({"dtype": "int8"}, "dtype is 'int8'; choose from float32, float64 or None"),
    ({"dtype": "nonsense"}, "dtype is 'nonsense'; choose from float32"),
    ({"class_weight": "even"}, "class_weight is 'even'; it must be a dict, 'balanced' or None"),
    ({"class_weight": {9: 1.0}}, r"class_weight names \[9\]"),
    (
        {"kernel": lambda a, b: (a @ b.T)[:1]},
        r"returned float64 of shape \(1, 2\).* shape \(12, 2\)|of shape",
    ),
    ({"kernel": lambda a, b: np.full((len(a), len(b)), "x")}, "must return numbers of shape"),
    ({"kernel": lambda a, b: np.full((len(a), len(b)), np.nan)}, "a kernel value is nan"),
    ({"kernel": "precomputed"}, r"X has shape \(12, 2\); .* square matrix"),
]


@pytest.mark.parametrize(("parameters", "message"), PARAMETERS, ids=[m for _, m in PARAMETERS])
def test_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        KernelSVC(**parameters).fit(X, Y)


INPUTS = [
    ((np.where(X > 1, np.nan, X), Y), {}, "NaN"),
    ((X, np.zeros(12)), {}, "one class"),
    ((X, Y), {"sample_weight": -np.ones(12)}, "Negative"),
    ((X, Y), {"sample_weight": np.zeros(12)}, "at least one non-zero"),
    ((X, Y), {"sample_weight": (Y == 1).astype(float)}, "two classes with positive sample_weight"),
    ((X, Y), {"sample_weight": np.ones(5)}, "sample_weight"),
    ((X, Y[:5]), {}, "inconsistent"),
    ((X, Y + 0.5), {}, "continuous"),
    ((X[:, 0], Y), {}, "1D array"),
]


@pytest.mark.parametrize(("rows", "given", "message"), INPUTS, ids=[m for *_, m in INPUTS])
def test_rows(rows, given, message):
    with pytest.raises(ValueError, match=message):
        KernelSVC().fit(*rows, **given)


def test_values_that_overflow():
    with pytest.raises(ValueError, match="a kernel value is inf in float32; scale the features"):
        KernelSVC(kernel="poly", degree=9, gamma=1.0, dtype="float32").fit(X * 1e9, Y)


def test_sparse_kernel_values():
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        KernelSVC(kernel="precomputed").fit(sparse.eye(12, format="csr"), Y)


def test_other_features_than_in_training():
    model = KernelSVC().fit(X, Y)
    with pytest.raises(ValueError, match="3 features, but KernelSVC is expecting 2"):
        model.predict(np.ones((4, 3)))


def test_nothing_is_fitted_yet():
    with pytest.raises(NotFittedError):
        KernelSVC().predict(X)
    assert not hasattr(KernelSVC(), "predict_proba")


def test_too_few_steps_are_warned_of():
    with pytest.warns(ConvergenceWarning, match=r"stopped after \d+ steps .* above tol=1.0e-03"):
        model = KernelSVC(max_iter=1).fit(X, Y)
    assert not model.converged_
    assert model.certificate_["violation"] > 1e-3


def test_no_row_can_calibrate():
    with pytest.raises(ValueError, match="each of the 3 classes has a single row"):
        KernelSVC(probability="temperature").fit(X[:3], Y[:3])
