"""Fits to dask arrays: those in memory, wherever the partitions lie; and arrays in a file."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from maxmargin._checks import InputError
from maxmargin.linear import (
    M3SVC,
    CrammerSingerSVC,
    MultinomialLogisticRegression,
    OneVsOneSVC,
    OneVsRestSVC,
    SparseMultinomialLogisticRegression,
)

da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")

pytestmark = [
    pytest.mark.usefixtures("client"),
    # The sockets of a worker that was killed are closed by the collector.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]

ESTIMATORS = [
    MultinomialLogisticRegression(),
    SparseMultinomialLogisticRegression(C=0.5),
    OneVsRestSVC(),
    OneVsOneSVC(),
    CrammerSingerSVC(C=0.1),
    M3SVC(),
]

N = 1500


@pytest.fixture(scope="module")
def client():
    with distributed.Client(
        processes=False, n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0"
    ) as client:
        yield client


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(5)
    # As many as are solved to the tolerance asked for, and not to rounding.
    X = rng.normal(size=(N, 4)) * [1, 10, 0.1, 3] + [0, 20, 0, -2]
    standard = (X - X.mean(axis=0)) / X.std(axis=0)
    labels = np.array(["ash", "elm", "oak"])
    y = labels[np.argmax(standard[:, :3] + 0.7 * rng.normal(size=(N, 3)), axis=1)]
    return X, y, rng.choice([0.0, 1.0, 2.5], size=N)


def spread(values, *sizes):
    """Partitions of these many rows, and one of the rest."""
    sizes = *sizes, len(values) - sum(sizes)
    return da.from_array(values, chunks=(sizes, *values.shape[1:]), asarray=False)


def assert_same_fit(got, expected, rel=1e-6):
    assert got.converged_
    assert expected.converged_
    assert got.objective_ == pytest.approx(expected.objective_, rel=rel)
    largest = np.abs(expected.coef_).max()
    np.testing.assert_allclose(got.coef_, expected.coef_, atol=2e-3 * largest)
    np.testing.assert_array_equal(got.classes_, expected.classes_)
    assert got.n_features_in_ == expected.n_features_in_


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_the_fit_and_the_answers_are_those_in_memory(table, estimator):
    X, y, weight = table
    parts = 800, 0
    estimator.set_params(tol=1e-7, class_weight="balanced")
    expected = estimator.fit(X, y, weight)
    here = expected.coef_, expected.intercept_, expected.predict(X), expected.decision_function(X)
    expected = type(estimator)(**estimator.get_params()).fit(X, y, weight)
    got = estimator.fit(spread(X, *parts), spread(y, *parts), spread(weight, *parts))
    assert_same_fit(got, expected)
    got.coef_, got.intercept_ = here[:2]
    labels, scores = got.predict(spread(X, *parts)), got.decision_function(spread(X, *parts))
    assert isinstance(labels, da.Array)
    assert isinstance(scores, da.Array)
    np.testing.assert_array_equal(labels.compute(), here[2])
    np.testing.assert_allclose(scores.compute(), here[3], rtol=1e-12)


@pytest.mark.parametrize(
    "change",
    {
        "labels and weights in memory": lambda X, y, w: (X, np.asarray(y.compute()), list(w.compute())),
        "other chunks": lambda X, y, w: (X.rechunk((N, 2)), y.rechunk(170), w.rechunk(N)),
        "single precision": lambda X, y, w: (X.astype(np.float32), y, w),
        "sparse": lambda X, y, w: (X.map_blocks(sparse.csr_array), y, w),
        "unknown sizes": lambda X, y, w: (X[w >= 0], y[w >= 0], w[w >= 0]),
        "unknown sizes of the rows alone": lambda X, y, w: (X[w >= 0], y.compute(), w),
    }.items(),
    ids=lambda item: item[0],
)
def test_forms_of_the_input(table, change):
    chunked = [spread(values, 500) for values in table]
    expected = OneVsRestSVC(tol=1e-8).fit(*table)
    assert_same_fit(OneVsRestSVC(tol=1e-8).fit(*change[1](*chunked)), expected)


def test_two_classes_probabilities_and_scores(table):
    X, y, _ = table
    y = y == "oak"
    X_spread, y_spread = spread(X, 700), spread(y, 700)
    expected = OneVsRestSVC(tol=1e-8, probability="temperature").fit(X, y)
    got = OneVsRestSVC(tol=1e-8, probability="temperature").fit(X_spread, y_spread)
    scores = got.decision_function(X_spread)
    assert scores.shape == (N,)
    np.testing.assert_allclose(scores.compute(), expected.decision_function(X), atol=1e-4)
    for method in ("predict_proba", "predict_log_proba"):
        answers = getattr(got, method)(X_spread)
        assert answers.chunks == ((700, N - 700), (2,))
        np.testing.assert_allclose(answers.compute(), getattr(expected, method)(X), atol=1e-4)
    assert got.score(X_spread, y_spread) == pytest.approx(expected.score(X, y))


def test_answers_are_those_of_the_fit_they_were_asked_of(table):
    X, y, _ = table
    classifier = MultinomialLogisticRegression(C=10).fit(X, y)
    expected = classifier.predict_proba(X)
    lazy = classifier.predict_proba(spread(X, 700))
    classifier.fit(X[:, ::-1], y)
    np.testing.assert_allclose(lazy.compute(), expected)


def test_rows_of_weight_zero_may_hold_any_label(table):
    X, y, _ = table
    y = np.concatenate([y, ["yew"] * 10])
    X, weight = np.concatenate([X, X[:10]]), np.repeat([1.0, 0.0], [N, 10])
    got = OneVsRestSVC().fit(spread(X, 700), spread(y, 700), weight)
    assert got.classes_.tolist() == ["ash", "elm", "oak"]


def test_a_warm_start_takes_the_last_solution(table):
    X, y, _ = table
    classifier = OneVsRestSVC(loss="hinge", C=0.1, tol=1e-5, warm_start=True).fit(X, y)
    steps = classifier.n_iter_
    classifier.fit(spread(X, 700), y)
    assert classifier.converged_
    assert classifier.n_iter_ < steps


def broken(values, where, value):
    values = np.array(values)
    values[where] = value
    return values


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X, y, w: (broken(X, (750, 2), np.nan), y, w), "partition 1 of X.*contains NaN"),
        (lambda X, y, w: (broken(X, (3, 1), np.inf), y, w), "partition 0 of X.*contains infinity"),
        (lambda X, y, w: (X, y[:-1], w), "y has 1499 entries, and X has 1500 rows"),
        (lambda X, y, w: (X, y, w[:100]), "sample_weight has 100 entries, and X has 1500 rows"),
        (lambda X, y, w: (X, y, broken(w, 750, -1.5)), "sample_weight holds -1.5 in partition 1"),
        (lambda X, y, w: (X, y, broken(w, 750, np.nan)), "partition 1 of sample_weight.*contains NaN"),
        (lambda X, _, w: (X, np.linspace(0, 1, N), w), "partition [01] of y.*[Uu]nknown label type"),
        (lambda X, _, w: (X, np.full(N, "ash"), w), r"holds? one class: \['ash'\]"),
        (lambda X, y, w: (X, y, 0 * w), r"one class: \[\]"),
        (lambda X, y, w: (X, np.column_stack([y, y]), w), r"y is a dask array of shape \(1500, 2\)"),
        (lambda X, y, w: (X[:, 0], y, w), r"X is a dask array of shape \(1500,\)"),
        (lambda X, y, w: (X[:, :0], y, w), r"X is a dask array of shape \(1500, 0\)"),
        (lambda X, y, w: (np.full(X.shape, "ash"), y, w), "partition [01] of X cannot be used.*'ash'"),
    ],
)
def test_damage_is_refused_in_one_line(table, change, message):
    damaged = change(*table)
    damaged = [spread(values, 700) if len(values) > 700 else values for values in damaged]
    with pytest.raises(InputError, match=message) as refusal:
        OneVsRestSVC().fit(*damaged)
    assert "\n" not in str(refusal.value)


def test_rows_with_other_columns_are_refused_at_once(table):
    X, y, _ = table
    classifier = OneVsRestSVC().fit(spread(X), y)
    with pytest.raises(ValueError, match="X has 3 features, but OneVsRestSVC is expecting 4"):
        classifier.predict(spread(X[:, :3]))


def test_without_a_cluster_it_says_what_to_start():
    script = (
        "import dask.array as da, numpy as np\n"
        "from maxmargin.linear import OneVsRestSVC\n"
        "try:\n"
        "    OneVsRestSVC().fit(da.ones((4, 2)), np.arange(4))\n"
        "except ValueError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "start one first, such as client = dask.distributed.Client()" in done.stdout


def test_dask_is_not_imported_for_arrays_in_memory():
    script = (
        "import sys, numpy as np\n"
        "from maxmargin.linear import OneVsRestSVC\n"
        "OneVsRestSVC().fit(np.eye(4), [0, 0, 1, 1]).predict(np.eye(4))\n"
        "print({'dask', 'distributed', 'torch'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_worker_killed_during_the_fit_changes_nothing(table):
    X, y, weight = table
    expected = OneVsRestSVC(loss="hinge", C=0.1, tol=1e-6).fit(X, y, weight)
    killed = []

    class Watched(OneVsRestSVC):
        def _report(self):
            def report(step, _):
                if step == 5 and not killed:
                    address, pid = next(iter(client.run(os.getpid).items()))
                    os.kill(pid, signal.SIGKILL)
                    killed.append(address)

            return report

    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        got = Watched(loss="hinge", C=0.1, tol=1e-6).fit(spread(X, 700), y, spread(weight, 700))
    assert killed
    assert_same_fit(got, expected)


MEASURED = """
import sys
import numpy as np
from maxmargin.linear import OneVsRestSVC
from maxmargin.objectives import rounded_rows

rounded_rows._COPIED_BYTES = 5e6

def private():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon")) * 1024

X, y = np.load(sys.argv[1], mmap_mode="r"), np.load(sys.argv[2])
before, most = private(), [0]

class Watched(OneVsRestSVC):
    def _report(self):
        return lambda *_: most.append(private())

fitted = Watched(C=1e-4, loss=sys.argv[3], tol=1e-3).fit(X, y)
most.append(private())
print(fitted.converged_, len(most), max(most) - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the memory's size from /proc")
@pytest.mark.parametrize("loss", ["squared_hinge", "hinge"])
def test_rows_in_a_file_are_never_copied_whole(tmp_path, loss):
    n, d = 80_000, 320
    rng = np.random.default_rng(0)
    X = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", np.float32, (n, d))
    y = rng.integers(0, 3, size=n)
    for start in range(0, n, 10_000):
        rows = slice(start, start + 10_000)
        X[rows] = rng.normal(size=(10_000, d))
        X[rows, 0] += 1.5 * y[rows]
    X.flush()
    np.save(tmp_path / "y.npy", y)
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, tmp_path / "X.npy", tmp_path / "y.npy", loss],
        capture_output=True,
        text=True,
        check=True,
    )
    converged, steps, grown = done.stdout.split()
    assert converged == "True"
    assert int(steps) > 2
    assert int(grown) < 0.5 * 4 * n * d
