"""Every block is worked on once, in any order but told in its own; a part of the rows stands for all."""

from dataclasses import replace

import numpy as np
import pytest

from maxmargin.objectives import RowBlocks
from maxmargin.objectives.row_blocks import _BATCH, spread_out

STEP = 8


def test_one_row_of_every_step_neighbours_that_count_is_taken(rng):
    weight = rng.choice([0.0, 0.5, 2.0], size=1003)
    rows = spread_out(weight, STEP)
    place = np.cumsum(weight > 0) - 1
    assert (weight[rows] > 0).all()
    np.testing.assert_array_equal(place[rows] // STEP, np.arange(len(rows)))
    assert len(rows) == -(-np.count_nonzero(weight) // STEP)


@pytest.mark.parametrize("period", range(2, 17))
def test_no_period_of_the_rows_is_met(period):
    places, counts = np.unique(spread_out(np.ones(8000), STEP) % period, return_counts=True)
    assert len(places) == period
    assert counts.min() > 0.5 * counts.mean()


def test_where_no_row_counts_none_is_taken():
    assert len(spread_out(np.zeros(5), STEP)) == 0


def test_a_thinned_set_holds_rows_with_their_targets_and_weights(rng):
    X, target, weight = rng.normal(size=(100, 2)), np.arange(100), rng.uniform(size=100)
    part = RowBlocks.of(X, target, weight).thinned(STEP)
    for block in part.blocks:
        np.testing.assert_array_equal(block.X, X[block.target])
        np.testing.assert_array_equal(block.weight, weight[block.target])
    assert part.n_samples == 13


def one_row(threads):
    return replace(RowBlocks.of(np.zeros((1, 1)), np.zeros(1, dtype=int), np.ones(1)), threads=threads)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_results_come_in_the_order_of_the_items(threads):
    rows, done = one_row(threads), []

    def work(item, other):
        done.append(item)
        return item * other

    numbers = range(3 * _BATCH * threads + 1)
    results = rows.each(work, numbers, (10 for _ in numbers))
    assert next(results) == 0
    assert len(done) <= _BATCH * threads  # so few results are held at a time
    assert [0, *results] == [10 * number for number in numbers]
    assert sorted(done) == list(numbers)


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_in_a_block_is_raised(threads):
    rows = one_row(threads)
    with pytest.raises(ZeroDivisionError):
        list(rows.each(lambda item: 1 / item, [1, 2, 0, 4]))
