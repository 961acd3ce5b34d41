"""The rows of a training set on the workers of a dask.distributed cluster, a partition a block."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from maxmargin._checks import InputError
from maxmargin.objectives.row_blocks import RowBlocks, States, blocks_of

_FAN_IN = 8  # totals that one task adds


class Measure(NamedTuple):
    """What is known of a partition without its rows."""

    n_samples: int
    weight: float
    nbytes: int
    is_sparse: bool


@dataclass(frozen=True)
class DistributedRows(RowBlocks):
    """Rows that stay on the workers: functions go there, only small sums come back.

    A block is a partition: the futures of its rows, targets and weights. Its state is a future too, and the
    scheduler knows from what each was computed: what a lost worker held is computed anew on another. The
    workers are Dask's, so their number and threads are its own affair.

    Parameters
    ----------
    blocks : sequence of tuple of Future
        Rows, targets and weights of each partition.
    n_features : int
        Columns.
    n_scores : int, default=1
        Columns of the scores, by which a worker cuts its partition to the cache.
    measures : sequence of Measure
        Of each partition.

    Examples
    --------
    >>> import dask.array as da
    >>> import numpy as np
    >>> from dask.distributed import Client
    >>> with Client(processes=False, dashboard_address=None):
    ...     X, weight = da.ones((100, 2), chunks=(25, 2)), da.ones(100, chunks=25)
    ...     rows = DistributedRows.of(X, da.zeros(100, dtype=int, chunks=25), weight)
    ...     rows.run(sum_of_weights)[1]
    (100.0,)
    """

    is_local = False

    n_scores: int = 1
    measures: Sequence[Measure] = ()

    @classmethod
    def of(cls, X: Any, target: Any, weight: Any, n_scores: int = 1) -> "DistributedRows":
        """Hold dask arrays that are cut alike along the rows into chunks of any size, known or not."""
        client = current_client()
        blocks = list(zip(*(partitions(array) for array in (X, target, weight)), strict=True))
        measures = client.gather([client.submit(_measure, *block, pure=False) for block in blocks])
        kept = [
            (block, measure) for block, measure in zip(blocks, measures, strict=True) if measure.n_samples
        ]
        blocks, measures = zip(*kept, strict=True)
        return cls(blocks, X.shape[1], n_scores=n_scores, measures=measures)

    @property
    def n_samples(self) -> int:
        """Rows."""
        return sum(measure.n_samples for measure in self.measures)

    @property
    def weight(self) -> float:
        """Summed weights."""
        return float(sum(measure.weight for measure in self.measures))

    @property
    def is_sparse(self) -> bool:
        """Whether the rows are sparse."""
        return self.measures[0].is_sparse

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the rows' values take on the workers."""
        return sum(measure.nbytes for measure in self.measures)

    def run(self, function: Callable[..., tuple[Any, tuple]], *states: States) -> tuple[list[Any], tuple]:
        """Call ``function(block, *state of the block)`` on each block of each partition, where it lies.

        The new states stay there; the totals are added there, in the order of the partitions.
        """
        return self._everywhere(partial(_each_block, function), *states)

    def pooled(self, function: Callable[..., tuple], *states: States) -> tuple:
        """Totals of ``function(rows, *states)``, called once a partition."""
        return self._everywhere(partial(_whole_partition, function), *states)[1]

    def each(self, function: Callable[..., Any], *items: Sequence[Any]) -> Iterator[Any]:
        """Map a function over items, here."""
        yield from map(function, *items)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Change nothing: the work is done elsewhere."""
        yield

    def _everywhere(self, function: Callable[..., Any], *states: States) -> tuple[list[Any], tuple]:
        import dask.config

        client = current_client()
        # One task holds the function and the weights in it, however large: the partitions' recipes name it.
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"}):
            shared = client.submit(_Given(function), pure=False)
        results = client.map(
            partial(_on_partition, self.n_scores),
            [shared] * len(self.blocks),
            *zip(*self.blocks, strict=True),
            *states,
            pure=False,
        )
        totals = client.map(_totals, results, pure=False)
        while len(totals) > 1:
            groups = [totals[i : i + _FAN_IN] for i in range(0, len(totals), _FAN_IN)]
            totals = [client.submit(_added, *group, pure=False) for group in groups]
        return results, tuple(map(_own, totals[0].result()))


def current_client() -> Any:
    """The client of the cluster in use.

    Raises
    ------
    InputError
        Where there is none.
    """
    from distributed import get_client

    try:
        return get_client()
    except ValueError as error:
        raise InputError(
            "X is a dask array, and there is no cluster to fit it on; "
            "start one first, such as client = dask.distributed.Client()"
        ) from error


def partitions(array: Any) -> list[Any]:
    """Futures of a dask array's chunks, in order."""
    from dask.core import flatten
    from distributed import futures_of

    persisted = current_client().persist(array)
    by_key = {future.key: future for future in futures_of(persisted)}
    return [by_key[key] for key in flatten(persisted.__dask_keys__())]


def sum_of_weights(block: Any) -> tuple[None, tuple[float]]:
    """Of a block, as a total."""
    return None, (float(block.weight.sum()),)


class _Given:
    """A task whose result is what it was made with."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self) -> Any:
        return self.value


def _measure(X: Any, target: Any, weight: Any) -> Measure:
    values = X.data if sparse.issparse(X) else X
    return Measure(len(target), float(weight.sum()), values.nbytes, sparse.issparse(X))


def _on_partition(
    n_scores: int, function: Callable[..., Any], X: Any, target: Any, weight: Any, *states: Any
) -> tuple[list[Any] | None, tuple]:
    rows = RowBlocks(blocks_of(X, target, weight, n_scores), X.shape[1])
    # A state is what an earlier call returned: the blocks' own states and totals.
    return function(rows, *([None] * len(rows.blocks) if state is None else state[0] for state in states))


def _each_block(function: Callable[..., Any], rows: RowBlocks, *states: States) -> tuple[list[Any], tuple]:
    return rows.run(function, *states)


def _whole_partition(function: Callable[..., tuple], rows: RowBlocks, *states: States) -> tuple[None, tuple]:
    return None, function(rows, *states)


def _totals(result: tuple[Any, tuple]) -> tuple:
    return result[1]


def _own(total: Any) -> Any:
    """An array as LAPACK wants it: what came in a message may be read-only or lie askew in memory."""
    return np.require(total, requirements=["A", "W"]) if isinstance(total, np.ndarray) else total


def _added(*totals: tuple) -> tuple:
    return tuple(sum(parts[1:], start=parts[0]) for parts in zip(*totals, strict=True))
