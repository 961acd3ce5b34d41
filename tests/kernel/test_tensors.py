"""Kernel machines of torch tensors: those of arrays, solved as one batch."""

from functools import partial

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris

from maxmargin._checks import InputError
from maxmargin.kernel import KernelSearchCV, KernelSVC
from maxmargin.solvers import batched_smo
from maxmargin.solvers.batched_smo import minimize_smo_batch
from maxmargin.solvers.smo import Machine, minimize_smo

torch = pytest.importorskip("torch")

TIGHT = partial(KernelSVC, tol=1e-6)


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:300] / 16, y[:300]


def assert_alike(got, expected, X, *, rel=1e-6):
    assert got.converged_
    assert got.certificate_["dual"] == pytest.approx(expected.certificate_["dual"], rel=rel)
    scores = got.decision_function(torch.as_tensor(X))
    assert isinstance(scores, torch.Tensor)
    np.testing.assert_allclose(scores, got.decision_function(X), atol=1e-6)
    np.testing.assert_array_equal(got.predict(torch.as_tensor(X)), expected.predict(X))
    np.testing.assert_array_equal(got.classes_, expected.classes_)


# The solver


def problems(rng, n, sizes, Cs):
    X = rng.normal(size=(n, 4))
    gram = np.exp(-((X[:, None] - X) ** 2).sum(axis=-1) / 4)
    machines = []
    for size, C in zip(sizes, Cs, strict=True):
        first = int(rng.integers(0, n - size + 1))
        rows = slice(first, first + size)
        signs = np.where(X[rows, 0] + 0.7 * rng.normal(size=size) > 0, 1.0, -1.0)
        signs[:2] = 1, -1
        bounds = C * rng.choice([0.0, 1.0, 1.0, 2.5], size=size)
        machines.append(Machine(np.array([[first, first + size]]), signs, bounds))
    return gram, machines


def batched(gram, machines, dtype=torch.float64, **limits):
    width = max(len(machine.signs) for machine in machines)
    rows = np.zeros((len(machines), width), dtype=np.int64)
    signs, bounds = np.ones((2, *rows.shape))
    bounds[:] = 0
    for k, machine in enumerate(machines):
        size = len(machine.signs)
        rows[k, :size], signs[k, :size], bounds[k, :size] = machine.rows, machine.signs, machine.bounds
    tensors = [torch.as_tensor(values) for values in (rows, signs, bounds)]
    return minimize_smo_batch(torch.as_tensor(gram).to(dtype), *tensors, **limits)


@pytest.mark.parametrize("seed", range(3))
def test_problems_of_unlike_sizes_and_bounds(seed):
    gram, machines = problems(
        np.random.default_rng(seed), 120, [120, 5, 60, 100, 17, 2], [0.01, 100, 1, 10, 1000, 1]
    )
    for got, machine in zip(batched(gram, machines, tol=1e-8), machines, strict=True):
        expected, size = minimize_smo(gram, machine, tol=1e-8).point, len(machine.signs)
        point = got.point
        assert got.status == "converged"
        assert point.violation <= 1e-8
        assert point.dual == pytest.approx(expected.dual, rel=1e-9)
        assert point.primal == pytest.approx(expected.primal, abs=1e-8 * machine.bounds.sum())
        assert point.intercept == pytest.approx(expected.intercept, abs=1e-6)
        assert not point.coef[size:].any()
        assert point.coef.sum() == pytest.approx(0, abs=1e-9)
        coef = point.coef[:size]
        assert (coef * machine.signs >= 0).all()
        assert (np.abs(coef) <= machine.bounds).all()
        slope = machine.signs - gram[np.ix_(machine.rows, machine.rows)] @ coef
        np.testing.assert_allclose(point.slope[:size], slope, atol=1e-8)


@pytest.mark.parametrize("steps", [1, 2, 5, 20])
def test_steps_are_those_of_one_problem_solved_alone(steps):
    gram, machines = problems(np.random.default_rng(7), 90, [90, 50, 30], [1, 10, 100])
    for got, machine in zip(batched(gram, machines, tol=1e-8, max_iter=steps), machines, strict=True):
        expected = minimize_smo(gram, machine, tol=1e-8, max_iter=steps, polish=False)
        assert got.iterations == expected.iterations == steps
        np.testing.assert_allclose(got.point.coef[: len(machine.signs)], expected.point.coef, atol=1e-9)


def test_a_matrix_in_single_precision():
    gram, machines = problems(np.random.default_rng(3), 80, [80, 30], [1, 50])
    gram = gram.astype(np.float32)
    for got, machine in zip(batched(gram, machines, torch.float32, tol=1e-5), machines, strict=True):
        expected = minimize_smo(gram, machine, tol=1e-5).point
        assert got.converged
        assert got.point.dual == pytest.approx(expected.dual, rel=1e-6)


@pytest.mark.parametrize(
    "gram",
    [
        np.zeros((6, 6)),
        np.ones((6, 6)),
        np.outer(np.arange(6.0), np.arange(6.0)),
        -np.eye(6),
        1e8 * np.eye(6),
    ],
    ids=["zero", "one", "rank one", "negative", "large"],
)
def test_degenerate_matrices(gram):
    signs = np.array([1.0, -1.0, 1.0, 1.0, -1.0, -1.0])
    machine = Machine(np.array([[0, 6]]), signs, np.ones(6))
    expected, (got,) = minimize_smo(gram, machine, polish=False), batched(gram, [machine])
    assert got.status == expected.status
    assert got.point.dual == pytest.approx(expected.point.dual, abs=1e-9)


def test_one_class_and_bounds_of_zero_have_nothing_to_move():
    machines = [
        Machine(np.array([[0, 3]]), np.ones(3), np.ones(3)),
        Machine(np.array([[0, 3]]), np.array([1.0, -1.0, 1.0]), np.zeros(3)),
    ]
    for got, machine in zip(batched(np.eye(3), machines), machines, strict=True):
        assert (got.status, got.iterations, got.point.dual) == ("converged", 0, 0)
        assert got.point.intercept == minimize_smo(np.eye(3), machine).point.intercept


@pytest.mark.parametrize("max_iter", [1, 7, 50, 130])
def test_steps_are_limited_and_those_of_one_problem_alone(max_iter):
    gram, machines = problems(np.random.default_rng(4), 120, [120, 6], [100, 1])
    long, short = batched(gram, machines, tol=1e-6, max_iter=max_iter)
    assert (long.status, long.iterations) == ("max_iter", max_iter)
    assert short.iterations <= max_iter
    (alone,) = batched(gram, machines[:1], tol=1e-6, max_iter=max_iter)
    np.testing.assert_allclose(alone.point.coef, long.point.coef, atol=1e-9)


def test_what_rounding_stalls_ends():
    gram, machines = problems(np.random.default_rng(5), 60, [60, 40], [1, 1000])
    for got, machine in zip(batched(gram, machines, tol=1e-300), machines, strict=True):
        assert got.status == "stalled"
        assert got.point.violation < 1e-9
        assert got.point.dual == pytest.approx(minimize_smo(gram, machine, tol=1e-9).point.dual, rel=1e-9)


def test_a_cycle_of_rounding_ends():
    rng = np.random.default_rng(1)
    X = rng.integers(-2, 3, size=(14, 2)).astype(float)
    signs = np.where(rng.random(14) < 0.5, 1.0, -1.0)
    machine = Machine(np.array([[0, 14]]), signs, np.ones(14))
    (got,) = batched(X @ X.T, [machine], tol=1e-300, max_iter=6000)
    assert got.status == "stalled"
    assert got.point.violation < 1e-12


def test_steps_that_no_digit_of_the_dual_value_shows_go_on():
    rng = np.random.default_rng(0)
    X, signs = rng.normal(size=(40, 3)), np.where(rng.random(40) < 0.5, 1.0, -1.0)
    gram = np.exp(-((X[:, None] - X) ** 2).sum(axis=-1) / 4)
    (got,) = batched(gram, [Machine(np.array([[0, 40]]), signs, np.full(40, 1e3))], tol=1e-10)
    assert got.status == "converged"


def test_between_two_tests_no_value_leaves_the_device(monkeypatch):
    gram, machines = problems(np.random.default_rng(6), 60, [60, 40], [1, 10])
    step, inside = batched_smo._Batch.step, []

    class Watched(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            name = getattr(func, "__name__", "")
            inside.append(name)
            if name in {"__getitem__", "__setitem__"}:
                places = args[1] if isinstance(args[1], tuple) else args[1:2]
                inside.extend("mask" for each in places if getattr(each, "dtype", None) == torch.bool)
            return func(*args, **(kwargs or {}))

    def watched(self, tol):
        with Watched():
            step(self, tol)

    monkeypatch.setattr(batched_smo._Batch, "step", watched)
    batched(gram, machines, tol=1e-6)
    leaving = {
        "mask",
        "item",
        "__bool__",
        "tolist",
        "cpu",
        "numpy",
        "nonzero",
        "__array__",
        "__float__",
        "to",
    }
    assert len(inside) > 1000
    assert not leaving & set(inside)


# The classifier


@pytest.mark.parametrize("strategy", ["ovo", "ovr"])
@pytest.mark.parametrize(
    "kernel",
    [
        {"kernel": "rbf"},
        {"kernel": "rbf", "gamma": "auto", "C": 30.0},
        {"kernel": "linear"},
        {"kernel": "poly", "degree": 2, "coef0": 1.0},
        {"kernel": "sigmoid", "gamma": 0.01},
    ],
    ids=lambda kernel: "-".join(map(str, kernel.values())),
)
def test_the_fit_is_that_of_arrays(iris, kernel, strategy):
    X, y = iris
    X = X - X.mean(axis=0)
    expected = TIGHT(strategy=strategy, **kernel).fit(X, y)
    got = TIGHT(strategy=strategy, **kernel).fit(torch.as_tensor(X), torch.as_tensor(y))
    assert_alike(got, expected, X)
    assert got.gamma_ == pytest.approx(expected.gamma_, rel=1e-12)
    for name in ("support_", "support_vectors_", "n_support_", "dual_coef_", "intercept_", "n_iter_"):
        assert isinstance(getattr(got, name), np.ndarray)
    if kernel["kernel"] == "linear":
        np.testing.assert_allclose(got.coef_, expected.coef_, atol=1e-4)


@pytest.mark.parametrize("strategy", ["ovo", "ovr"])
def test_ten_classes_in_several_batches(digits, strategy, monkeypatch):
    from maxmargin.kernel import tensors

    X, y = digits
    expected = TIGHT(strategy=strategy).fit(X, y)
    monkeypatch.setattr(tensors, "_BATCH_BYTES", 128 * 1000)
    monkeypatch.setattr(tensors, "_BLOCK_BYTES", 8 * 300 * 64)
    got = TIGHT(strategy=strategy).fit(torch.as_tensor(X), y)
    assert_alike(got, expected, X)


def test_two_classes_weights_and_breaking_ties(iris):
    X, y = iris
    weight = np.random.default_rng(0).choice([0.0, 1.0, 2.5], size=len(y))
    for labels, parameters in [(y > 0, {}), (y, {"break_ties": True, "class_weight": "balanced"})]:
        expected = TIGHT(**parameters).fit(X, labels, weight)
        got = TIGHT(**parameters).fit(
            torch.as_tensor(X), torch.as_tensor(labels), sample_weight=torch.as_tensor(weight)
        )
        assert_alike(got, expected, X)
        assert got.gamma_ == pytest.approx(expected.gamma_)
        assert got.score(torch.as_tensor(X), torch.as_tensor(labels)) == expected.score(X, labels)
    weighted = TIGHT(class_weight={0: 1.0, 1: 5.0, 2: 0.5})
    expected = TIGHT(**weighted.get_params()).fit(X, y)
    assert_alike(weighted.fit(torch.as_tensor(X), y.tolist()), expected, X)


def test_values_that_are_given(iris):
    X, y = iris
    gram = X @ X.T
    expected = TIGHT(kernel="precomputed").fit(gram, y)
    got = TIGHT(kernel="precomputed").fit(torch.as_tensor(gram), y)
    assert_alike(got, expected, gram)
    assert got.support_vectors_.shape == (0, 0)
    with pytest.raises(InputError, match="square matrix"):
        TIGHT(kernel="precomputed").fit(torch.as_tensor(X), y)


def test_a_function_takes_tensors_and_returns_one(iris):
    X, y = iris
    got = TIGHT(kernel=lambda a, b: a @ b.T).fit(torch.as_tensor(X), y)
    assert_alike(got, TIGHT(kernel="linear").fit(X, y), X)
    with pytest.raises(InputError, match=r"returned a ndarray of shape \(150, 150\) for tensors"):
        TIGHT(kernel=lambda a, b: (a @ b.T).numpy()).fit(torch.as_tensor(X), y)


@pytest.mark.parametrize(("fitted", "asked"), [("float32", "float64"), ("float64", "float32")])
def test_a_function_is_given_one_type_of_number(iris, fitted, asked):
    X, y = iris
    rows = torch.as_tensor(X)
    model = KernelSVC(kernel=lambda a, b: a @ b.T).fit(rows.to(getattr(torch, fitted)), y)
    expected = KernelSVC(kernel="linear").fit(X, y).predict(X)
    np.testing.assert_array_equal(model.predict(rows.to(getattr(torch, asked))), expected)


@pytest.mark.parametrize("form", ["float32", "int64", "requires_grad"])
def test_forms_of_a_tensor(iris, form):
    X, y = np.round(iris[0]), iris[1]
    rows = torch.as_tensor(X)
    rows = rows.requires_grad_() if form == "requires_grad" else rows.to(getattr(torch, form))
    got = TIGHT(dtype="float64").fit(rows, y)
    assert_alike(got, TIGHT(dtype="float64").fit(X, y), X)
    np.testing.assert_array_equal(got.predict(rows), got.predict(X))
    assert got.support_vectors_.dtype == (np.float32 if form == "float32" else np.float64)


def test_kernel_values_in_single_precision(digits):
    X, y = digits
    rows = torch.as_tensor(X)
    got = KernelSVC(tol=1e-4, dtype="float32").fit(rows, y)
    expected = KernelSVC(tol=1e-4, dtype="float32").fit(X, y)
    assert got.certificate_["dual"] == pytest.approx(expected.certificate_["dual"], rel=1e-5)
    np.testing.assert_array_equal(got.predict(rows), expected.predict(X))
    far = KernelSVC(tol=1e-4, dtype="float32").fit(rows * 1e5, y)
    np.testing.assert_array_equal(far.predict(rows * 1e5), expected.predict(X))


def test_rows_in_single_precision_have_the_distances_of_double():
    rng = np.random.default_rng(1)
    corners = rng.choice([-300.0, 300.0], size=(200, 3))
    near = rng.normal(size=(200, 3))
    X, y = (corners + near).astype(np.float32), (near[:, 0] * near[:, 1] > 0).astype(int)
    expected = TIGHT(gamma=1.0).fit(X.astype(np.float64), y)
    got = TIGHT(gamma=1.0).fit(torch.as_tensor(X), y)
    assert got.certificate_["dual"] == pytest.approx(expected.certificate_["dual"], rel=1e-5)
    np.testing.assert_allclose(got.decision_function(X), expected.decision_function(X), atol=1e-3)


def test_many_rows_far_from_the_origin_keep_their_digits():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(2010, 4)) + 1000
    y = (X[:, 0] + 0.3 * rng.normal(size=len(X)) > 1000).astype(int)
    expected, got = (KernelSVC(1e-3, kernel="linear").fit(rows, y) for rows in (X, torch.as_tensor(X)))
    assert got.certificate_["dual"] == pytest.approx(expected.certificate_["dual"], rel=1e-6)
    assert got._dtype == expected._dtype == np.float64


@pytest.mark.parametrize("probability", ["temperature", "coupling"])
def test_probabilities(iris, probability):
    X, y = iris
    rows = torch.as_tensor(X)
    expected = TIGHT(probability=probability).fit(X, y)
    got = TIGHT(probability=probability).fit(rows, y)
    for method in ("predict_proba", "predict_log_proba"):
        answers = getattr(got, method)(rows)
        assert isinstance(answers, torch.Tensor)
        np.testing.assert_allclose(answers, getattr(expected, method)(X), rtol=1e-3)


def test_labels_that_no_tensor_holds_are_an_array(iris):
    X, y = iris
    names = np.array(["a", "bc", "d"])[y]
    got = KernelSVC().fit(torch.as_tensor(X), names)
    labels = got.predict(torch.as_tensor(X))
    assert isinstance(labels, np.ndarray)
    np.testing.assert_array_equal(labels, KernelSVC().fit(X, names).predict(X))
    assert got.score(torch.as_tensor(X), names) > 0.95


# Devices


def test_arrays_move_to_the_device_and_answers_come_back(iris):
    X, y = iris
    expected = TIGHT().fit(X, y)
    got = TIGHT(device="cpu").fit(X, y)
    assert got.certificate_["dual"] == pytest.approx(expected.certificate_["dual"], rel=1e-6)
    assert isinstance(got.predict(X), np.ndarray)
    assert isinstance(got.predict(torch.as_tensor(X)), torch.Tensor)
    np.testing.assert_allclose(got.decision_function(X), expected.decision_function(X), atol=1e-4)
    np.testing.assert_array_equal(got.set_params(device=None).predict(X), expected.predict(X))


@pytest.mark.parametrize("device", ["nowhere", "cuda:77", "meta", 3.5])
def test_a_device_that_is_not_there_is_refused(iris, device):
    X, y = iris
    with pytest.raises(InputError, match=f"device is '?{device}'?, .* choose from cpu") as refusal:
        KernelSVC(device=device).fit(X, y)
    assert "\n" not in str(refusal.value)
    with pytest.raises(InputError, match="device is"):
        KernelSVC().fit(X, y).set_params(device=device).predict(X)


def test_without_torch_a_device_is_refused(iris, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "array_api_compat.torch", None)
    monkeypatch.delattr("array_api_compat.torch", raising=False)
    with pytest.raises(InputError, match="device is 'cpu', which needs torch, and it is not installed"):
        KernelSVC(device="cpu").fit(*iris)


def test_sparse_rows(iris):
    from scipy import sparse

    X, y = iris
    rows = sparse.csr_matrix(X)
    with pytest.raises(InputError, match="X is a sparse matrix and device is 'cpu'"):
        KernelSVC(device="cpu").fit(rows, y)
    fitted = KernelSVC().fit(rows, y)
    np.testing.assert_array_equal(fitted.predict(torch.as_tensor(X)), fitted.predict(rows))
    with pytest.raises(InputError, match="X is a sparse matrix"):
        fitted.set_params(device="cpu").predict(rows)
    np.testing.assert_array_equal(KernelSVC().fit(torch.as_tensor(X), y).predict(rows), fitted.predict(X))


def test_a_matrix_that_is_too_large_is_refused(iris):
    X, y = iris
    with pytest.raises(InputError, match=r"150 rows takes 0 MB of float64 on cpu, and cache_size is 0.1 MB"):
        KernelSVC(cache_size=0.1).fit(torch.as_tensor(X), y)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X: X[:, 0], r"X is a tensor of shape \(150,\)"),
        (lambda X: X[:0], r"X is a tensor of shape \(0, 4\)"),
        (lambda X: X + 0j, "X is a tensor of torch.complex128"),
        (lambda X: torch.where(X[7, 2] == X, torch.nan, X), "NaN or infinity, first in row"),
    ],
)
def test_damage_is_refused_in_one_line(iris, change, message):
    X, y = iris
    with pytest.raises(InputError, match=message):
        KernelSVC().fit(change(torch.as_tensor(X)), y)
    fitted = KernelSVC().fit(X, y)
    with pytest.raises(InputError, match=message):
        fitted.predict(change(torch.as_tensor(X)))
    with pytest.raises(ValueError, match="X has 3 features, but KernelSVC is expecting 4"):
        fitted.predict(torch.as_tensor(X)[:, :3])


@pytest.mark.parametrize("kernel", ["linear", "poly"])
def test_kernel_values_that_overflow_are_refused(iris, kernel):
    rows = torch.as_tensor(iris[0]) * 1e160
    with pytest.raises(InputError, match="is not finite"):
        KernelSVC(kernel=kernel, gamma=1.0).fit(rows, iris[1])
    fitted = KernelSVC(kernel=kernel, gamma=0.01).fit(torch.as_tensor(iris[0]), iris[1])
    with pytest.raises(InputError, match=r"a kernel value is not finite in torch\.float64"):
        fitted.predict(torch.as_tensor(iris[0]) * 1e307)


@pytest.mark.parametrize(
    ("parameters", "change", "message"),
    [
        ({"gamma": 1.0}, lambda X: X * 1e200, "a row of X is so large"),
        ({"gamma": 1.0}, lambda X: X.to(torch.float32) * 1e25, "a row of X is so large"),
        ({"gamma": 1e30}, lambda X: X * 1e150, r"a kernel value is not finite in torch\.float64"),
        ({"kernel": "linear"}, lambda X: X + 1e21, r"a kernel value is not finite in torch\.float32"),
        ({"kernel": "precomputed"}, lambda X: X @ X.T * 1e38, r"not finite in torch\.float32"),
        ({"kernel": lambda a, b: a @ b.T * 1e38}, lambda X: X, r"not finite in torch\.float32"),
    ],
)
def test_rows_and_values_beyond_the_range_are_refused(iris, parameters, change, message):
    with pytest.raises(InputError, match=message):
        KernelSVC(dtype="float32", **parameters).fit(change(torch.as_tensor(iris[0])), iris[1])


def test_given_values_are_not_measured_as_rows(iris):
    X, y = iris
    gram = torch.as_tensor(X @ X.T * 1e20)  # of which no square is finite in single precision
    got = KernelSVC(1e-21, kernel="precomputed", dtype="float32").fit(gram.to(torch.float32), y)
    expected = KernelSVC(1e-21, kernel="precomputed", dtype="float32").fit(gram.numpy(), y)
    assert got.certificate_["dual"] == pytest.approx(expected.certificate_["dual"], rel=1e-5)


def test_a_fit_that_does_not_converge_warns(iris):
    from sklearn.exceptions import ConvergenceWarning

    with pytest.warns(ConvergenceWarning, match="raise max_iter or tol"):
        fitted = KernelSVC(max_iter=3).fit(torch.as_tensor(iris[0]), iris[1])
    assert not fitted.converged_
    assert fitted.n_iter_.max() == 3


# The search


@pytest.mark.parametrize("form", ["tensor", "device"])
def test_a_search_finds_what_that_of_arrays_finds(iris, form):
    X, y = iris
    grid = {"C": [1.0, 0.1, 10.0], "gamma": [0.01, "scale", 1.0], "cv": 3}
    weight = np.where(np.arange(len(y)) % 4, 1.0, 2.0)
    expected = KernelSearchCV(**grid, estimator=TIGHT()).fit(X, y, sample_weight=weight)
    if form == "device":
        got = KernelSearchCV(**grid, estimator=TIGHT(device="cpu")).fit(X, y, sample_weight=weight)
    else:
        rows, labels, weight = map(torch.as_tensor, (X, y, weight))
        got = KernelSearchCV(**grid, estimator=TIGHT()).fit(rows, labels, sample_weight=weight)
        assert isinstance(got.predict(rows), torch.Tensor)
        assert got.score(rows, labels) == expected.score(X, y)
    assert got.best_params_ == expected.best_params_
    np.testing.assert_allclose(got.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"])


def test_a_search_of_tensors_records_and_goes_on(iris, tmp_path):
    X, y = iris
    search = KernelSearchCV(C=[1.0], gamma=[0.1, 1.0], cv=3, resume_dir=tmp_path / "run", scoring="f1_macro")
    first = search.fit(torch.as_tensor(X), torch.as_tensor(y)).cv_results_["mean_test_score"]
    again = search.fit(torch.as_tensor(X), torch.as_tensor(y)).cv_results_["mean_test_score"]
    np.testing.assert_array_equal(first, again)


def test_a_search_of_values_that_are_given(iris):
    X, y = iris
    given = KernelSVC(kernel="precomputed")
    expected = KernelSearchCV(C=[0.001, 1.0], gamma=["scale"], estimator=given).fit(X @ X.T, y)
    got = KernelSearchCV(C=[0.001, 1.0], gamma=["scale"], estimator=given).fit(torch.as_tensor(X @ X.T), y)
    np.testing.assert_array_equal(got.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("strategy", ["ovo", "ovr"])
def test_a_fit_on_the_accelerator(digits, strategy):
    X, y = digits
    expected = TIGHT(strategy=strategy, probability="temperature").fit(X, y)
    rows = torch.as_tensor(X, device="cuda")
    got = TIGHT(strategy=strategy, probability="temperature").fit(rows, torch.as_tensor(y, device="cuda"))
    assert got.certificate_["dual"] == pytest.approx(expected.certificate_["dual"], rel=1e-6)
    assert got.predict_proba(rows).device == rows.device
    np.testing.assert_array_equal(got.predict(rows).cpu(), expected.predict(X))
    assert got.score(rows, torch.as_tensor(y, device="cuda")) == expected.score(X, y)
