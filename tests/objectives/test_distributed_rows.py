"""Rows on a cluster of two processes: the same sums, nothing gathered, and a lost worker made good."""

import os
import signal
import time
from functools import partial

import numpy as np
import pytest
from scipy import sparse

from maxmargin.losses import CrammerSinger, OneVsRest, SquaredHinge
from maxmargin.objectives import Coordinates, LinearObjective, RowBlocks, minimise, rows_of
from maxmargin.penalties import Frobenius

da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")
sizeof = pytest.importorskip("dask.sizeof").sizeof

pytestmark = [
    pytest.mark.usefixtures("client"),
    # The sockets of a worker that was killed are closed by the collector.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(7)
    X = rng.normal(size=(1200, 5)) * [1, 10, 0.1, 3, 1] + [0, 50, 0, -2, 1]
    target = np.argmax(X[:, [0, 2, 4]] + rng.normal(size=(1200, 3)), axis=1)
    return X, target, rng.choice([0.0, 0.5, 2.0], size=1200)


def spread(X, target, weight, chunks=(300, 300, 500, 100)):
    rows = da.from_array(X, chunks=(chunks, X.shape[1]), asarray=False)
    return rows, da.from_array(target, chunks=(chunks,)), da.from_array(weight, chunks=(chunks,))


def objective(rows, loss, C=0.3):
    return LinearObjective(rows, loss, Frobenius(), C, Coordinates.of(rows, C, 3, fit_intercept=True))


def kill_a_worker(client):
    """End the process of the worker that holds the most."""
    held = {address: len(keys) for address, keys in client.has_what().items()}
    victim = max(held, key=lambda address: held[address])
    os.kill(client.run(os.getpid, workers=[victim])[victim], signal.SIGKILL)
    return victim


def scores_and_sum(block, shift):
    scores = block.X @ np.ones(block.X.shape[1]) + shift
    return scores, (float(block.weight @ scores),)


def weighted(block, scores, other):
    return None, (float(block.weight @ (scores * other)), block.X.T @ scores)


@pytest.mark.parametrize("form", [np.asarray, np.float32, sparse.csr_array])
def test_sums_and_moments_are_those_in_memory(data, form):
    X, target, weight = form(data[0]), *data[1:]
    here, there = RowBlocks.of(X, target, weight), rows_of(*spread(X, target, weight))
    assert (there.n_samples, there.is_sparse) == (here.n_samples, here.is_sparse)
    assert there.weight == pytest.approx(here.weight)
    # A CSR matrix of a partition holds as many values.
    assert there.nbytes == here.nbytes
    for expected, got in zip(here.moments, there.moments, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-12)
    states = [rows.run(partial(scores_and_sum, shift=2.0)) for rows in (here, there)]
    assert states[1][1] == pytest.approx(states[0][1])
    sums = [
        rows.run(weighted, state, state)[1] for rows, (state, _) in zip((here, there), states, strict=True)
    ]
    for expected, got in zip(*sums, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_totals_are_the_same_to_the_last_digit(data):
    rows = rows_of(*spread(*data))
    first, second = (rows.run(partial(scores_and_sum, shift=0.1))[1] for _ in range(2))
    assert first == second


def test_partitions_without_rows_are_left_out(data):
    rows = rows_of(*spread(*data, chunks=(0, 600, 0, 600)))
    assert (rows.n_samples, len(rows.blocks)) == (1200, 2)


def test_no_partition_and_no_state_reaches_the_client(monkeypatch):
    n, d = 200_000, 20
    generator = da.random.default_rng(3)
    X = generator.normal(size=(n, d), chunks=(n // 4, d))
    target = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
    received = []
    original = distributed.Client._gather

    async def counted(self, futures, *args, **kwargs):
        values = await original(self, futures, *args, **kwargs)
        received.append(sizeof(values))
        return values

    monkeypatch.setattr(distributed.Client, "_gather", counted)
    rows = rows_of(X, target, da.ones(n, chunks=n // 4))
    end = minimise(objective(rows, OneVsRest(SquaredHinge()), C=1e-4), np.zeros(63), tol=1e-4, max_iter=50)
    assert end.status == "converged"
    partition, state = 8 * n // 4 * d, 8 * n // 4 * 3
    assert len(received) > 10
    assert max(received) < 0.05 * state < 0.05 * partition
    assert sum(received) < 0.5 * state


def test_a_lost_state_is_computed_anew(client, data):
    here, there = RowBlocks.of(*data), rows_of(*spread(*data))
    state, _ = there.run(partial(scores_and_sum, shift=2.0))
    other, _ = there.run(partial(scores_and_sum, shift=-1.0))
    expected = [here.run(partial(scores_and_sum, shift=shift))[0] for shift in (2.0, -1.0)]
    kill_a_worker(client)
    got = there.run(weighted, state, other)[1]
    for one, two in zip(got, here.run(weighted, *expected)[1], strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-12)


def test_a_worker_killed_amid_the_proximal_steps_changes_nothing(client, data):
    expected = minimise(objective(RowBlocks.of(*data), CrammerSinger()), np.zeros(18), tol=1e-8, max_iter=500)
    killed = []

    def report(step, _):
        if step == 6 and not killed:
            killed.append(kill_a_worker(client))

    rows = rows_of(*spread(*data, chunks=(600, 600)))
    got = minimise(objective(rows, CrammerSinger()), np.zeros(18), tol=1e-8, max_iter=500, report=report)
    assert killed
    assert got.status == expected.status == "converged"
    assert got.certificate.primal == pytest.approx(expected.certificate.primal, rel=1e-6)
    np.testing.assert_allclose(got.vector, expected.vector, atol=1e-3 * np.abs(expected.vector).max())


def test_what_a_minimisation_held_is_released(client, data):
    rows = rows_of(*spread(*data))
    minimise(objective(rows, OneVsRest(SquaredHinge())), np.zeros(18), tol=1e-6, max_iter=50)
    del rows
    for _ in range(100):
        left = client.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.tasks))
        if not left:
            break
        time.sleep(0.1)
    assert left == []
