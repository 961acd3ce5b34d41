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
    ({"C": np.nan}, "C is nan"),
    ({"gamma": -0.5}, "gamma is -0.5"),
    ({"gamma": None}, "gamma is None"),
    ({"kernel": None}, "None; choose from rbf, linear, poly, sigmoid, precomputed"),
    ({"degree": np.nan}, "degree is nan"),
    ({"strategy": None}, "unknown strategy None; choose from ovo, ovr"),
    ({"probability": True}, "unknown probability True; choose from temperature, coupling"),
    ({"tol": np.nan}, "tol is nan"),
    ({"cache_size": "big"}, "cache_size is 'big'"),
    ({"max_iter": -2}, "max_iter is -2; it must be a number of at least 1"),
    ({"class_weight": {0: -1.0}}, r"class_weight\[0\] is -1.0; it must be a number of at least 0"),
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


def test_new_values_that_overflow():
    model = KernelSVC(kernel="poly").fit(X, Y)
    with pytest.raises(ValueError, match="a kernel value is inf in float64"):
        model.predict(1e200 * X)


def test_function_that_fails_on_new_rows():
    model = KernelSVC(kernel=lambda a, b: a @ b.T if len(a) == 12 else np.ones(3)).fit(X, Y)
    with pytest.raises(ValueError, match=r"float64 of shape \(3,\) for 3 and \d+ rows"):
        model.predict(X[:3])


def test_new_values_with_other_rows_than_those_of_training():
    model = KernelSVC(kernel="precomputed").fit(X @ X.T, Y)
    with pytest.raises(ValueError, match="11 features, but KernelSVC is expecting 12"):
        model.predict(X @ X[:11].T)


def test_new_rows_that_are_not_numbers():
    with pytest.raises(ValueError, match="NaN"):
        KernelSVC().fit(X, Y).predict(np.full((1, 2), np.nan))


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


@pytest.mark.parametrize("coef0", ["x", None, np.nan, np.inf])
def test_constant_that_is_no_number(coef0):
    with pytest.raises(ValueError, match=f"coef0 is {coef0!r}; it must be a finite number"):
        KernelSVC(kernel="poly", coef0=coef0).fit(X, Y)


def test_byte_order_of_another_machine():
    with pytest.raises(ValueError, match="dtype is '>f8'; choose from float32, float64"):
        KernelSVC(dtype=">f8").fit(X, Y)


def test_rows_without_a_finite_square():
    with pytest.raises(ValueError, match="a row of X is so large that its square is not finite; scale"):
        KernelSVC(gamma=1.0).fit(X * 1e200, Y)


@pytest.mark.parametrize("kernel", ["precomputed", lambda a, b: np.full((len(a), len(b)), 1e39)])
def test_given_values_beyond_single_precision(kernel):
    with pytest.raises(ValueError, match="a kernel value is inf in float32"):
        KernelSVC(kernel=kernel, dtype="float32").fit(np.full((12, 12), 1e39), Y)


def test_product_of_c_and_weights_that_overflows():
    with pytest.raises(ValueError, match="C times the largest weight is inf; lower C"):
        KernelSVC(1e300, class_weight={0: 1e300}).fit(X, Y)


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
@pytest.mark.parametrize(
    ("options", "scale"), [({"gamma": 1e30}, 1e150), ({"kernel": "linear", "dtype": "float32"}, 1e21)]
)
def test_sums_that_are_not_finite(options, scale):
    with pytest.raises(ValueError, match=r"scale the features"):
        KernelSVC(**options).fit(X * scale, Y)
