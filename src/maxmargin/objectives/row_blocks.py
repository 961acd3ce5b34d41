"""The rows of a training set in blocks that fit the cache, and what is computed block by block."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from mmap import mmap
from typing import Any, NamedTuple

import numpy as np
from array_api_compat import array_namespace
from scipy import sparse
from sklearn.utils import gen_batches

from maxmargin._threads import blas_threads, one_blas_thread, pool
from maxmargin._typing import Floats, Ints
from maxmargin.objectives.products import combinations, products

_BLOCK_BYTES = 1 << 23  # rows that stay in the cache between their two products
_SCORE_BYTES = 1 << 18  # scores that do so too; much smaller blocks keep the threads waiting for each other
_PIECE_BYTES = 1 << 18  # rows that stay in a processor's own cache, with what is made of them
_BATCH = 8  # blocks a thread, whose results are held at a time

States = Sequence[Any]
"""One value a block."""


class Block(NamedTuple):
    """Neighbouring rows with their targets and weights."""

    X: Any
    target: Ints
    weight: Floats

    def matrix(self, rows: Ints | None = None) -> Any:
        """The rows, or some of them, in double precision."""
        X = self.X if rows is None else self.X[rows]
        return X if sparse.issparse(X) else np.asarray(X, dtype=np.float64)

    def here(self, values: Floats) -> Any:
        """A small array where the rows are, to compute with them."""
        return values

    def standardised(self, coordinates: Any, rows: Any = None) -> Any:
        """The rows, or some of them, in these coordinates, in single precision."""
        return coordinates.standardised(self.matrix(rows), self.here)

    def scores(self, coef: Floats, intercept: Floats) -> Any:
        """W x + b of each row, of shape (n, n_scores)."""
        return products(self.matrix(), self.here(coef)) + self.here(intercept)

    def adjoint(self, by_scores: Any) -> Any:
        """sum_i g_i x_i^T, of shape (n_scores, n_features), over the rows that take part."""
        X, xp = self.matrix(), array_namespace(by_scores)
        (used,) = xp.nonzero(xp.any(by_scores, axis=1))
        if 2 * len(used) < len(by_scores):
            X, by_scores = X[used], by_scores[used]
        return combinations(by_scores, X)


class Moments(NamedTuple):
    """Weight, mean and summed squared distances from it, of each column; their sum is that of all rows."""

    weight: float
    mean: Any
    spread: Any

    def __add__(self, other: Any) -> "Moments":
        """Those of the union."""
        if not (self.weight and other.weight):
            return self if self.weight else other
        # Chan, Golub and LeVeque: the spread of a union is the two spreads and that of the two means.
        weight, gap = self.weight + other.weight, other.mean - self.mean
        mean = self.mean + gap * (other.weight / weight)
        return Moments(
            weight, mean, self.spread + other.spread + gap**2 * (self.weight * other.weight / weight)
        )


@dataclass(frozen=True)
class RowBlocks:
    """Rows, their targets and weights; each pass reads every block once.

    Who holds the blocks is the only difference between rows in memory, on disk and on other machines.

    Parameters
    ----------
    blocks : sequence of Block
        The rows in order.
    n_features : int
        Columns.
    threads : int, default=1
        Blocks that are worked on at a time.
    whole : Block, optional
        All rows in one piece, where they are in memory.

    Examples
    --------
    >>> rows = RowBlocks.of(np.zeros((100000, 64)), np.zeros(100000, dtype=int), np.ones(100000))
    >>> rows.blocks[0].X.shape
    (16384, 64)
    >>> rows.run(lambda block: (None, (float(block.weight.sum()),)))[1]
    (100000.0,)
    """

    is_local = True  # whether the blocks are in this process

    blocks: Sequence[Block]
    n_features: int
    threads: int = 1
    whole: Block | None = None

    @classmethod
    def of(cls, X: Any, target: Ints, weight: Floats, n_scores: int = 1) -> "RowBlocks":
        """Cut an ndarray, memmap or CSR matrix (n_samples, n_features) into blocks, without a copy."""
        blocks = blocks_of(X, target, weight, n_scores)
        whole = None if _is_mapped(X) else Block(X, target, weight)
        return cls(blocks, X.shape[1], min(blas_threads(), len(blocks)), whole)

    @property
    def n_samples(self) -> int:
        """Rows."""
        return sum(len(block.target) for block in self.blocks)

    @property
    def weight(self) -> float:
        """Summed weights."""
        return float(sum(block.weight.sum() for block in self.blocks))

    @property
    def is_sparse(self) -> bool:
        """Whether the rows are sparse."""
        return sparse.issparse(self.blocks[0].X)

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the rows' values take: none where they lie in a file."""
        values = [block.X.data if sparse.issparse(block.X) else block.X for block in self.blocks]
        return sum(0 if _is_mapped(array) else array.nbytes for array in values)

    def thinned(self, step: int) -> "RowBlocks":
        """A copy of one of step rows, of rows that are in one piece."""
        if self.whole is None:
            raise ValueError("only rows in one piece can be thinned")
        some = spread_out(self.whole.weight, step)
        X, target, weight = (part[some] for part in self.whole)
        cuts = gen_batches(len(target), len(self.blocks[0].target))
        blocks = [Block(X[cut], target[cut], weight[cut]) for cut in cuts]
        return RowBlocks(blocks, self.n_features, self.threads, Block(X, target, weight))

    def gathered(self, rows: Ints) -> Any:
        """A copy of some rows, by ascending number, in double precision."""
        if self.whole is not None:
            return self.whole.matrix(rows)
        xp = array_namespace(rows)
        first, parts = 0, []
        for block in self.blocks:
            last = first + len(block.target)
            here = rows[(rows >= first) & (rows < last)]
            if len(here):
                parts.append(block.matrix(here - first))
            first = last
        return xp.concat(parts)

    def cut(self, values: Floats) -> States:
        """An array over all rows as one array a block."""
        ends = np.cumsum([len(block.target) for block in self.blocks])
        return np.split(np.asfortranarray(values), ends[:-1])

    def run(self, function: Callable[..., tuple[Any, tuple]], *states: States) -> tuple[list[Any], tuple]:
        """Call ``function(block, *state of the block)`` on each block.

        It returns (new state, totals); the states come back in a list, the totals summed over the blocks in
        their order, so that the number of threads changes no digit.
        """
        kept, totals = [], None
        for state, parts in self.each(function, self.blocks, *states):
            kept.append(state)
            totals = parts if totals is None else tuple(a + b for a, b in zip(totals, parts, strict=True))
        return kept, totals or ()

    def pooled(self, function: Callable[..., tuple], *states: States) -> tuple:
        """Totals of ``function(rows, *states)``, called once for all rows that share a memory."""
        return function(self, *states)

    def each(self, function: Callable[..., Any], *items: Iterable[Any]) -> Iterator[Any]:
        """Map a function over items, on as many threads as BLAS may use."""
        if self.threads == 1:
            yield from map(function, *items)
            return
        left = zip(*items, strict=False)
        while batch := list(islice(left, _BATCH * self.threads)):
            yield from self._batch(function, batch)

    def _batch(self, function: Callable[..., Any], batch: list[tuple]) -> list[Any]:
        results, numbers = [None] * len(batch), iter(range(len(batch)))

        def work() -> None:
            # A thread that takes the next item by itself waits less than one that is handed each.
            for i in numbers:
                results[i] = function(*batch[i])

        for ended in [pool(self.threads).submit(work) for _ in range(self.threads)]:
            ended.result()
        return results

    @contextmanager
    def working(self) -> Iterator[None]:
        """Leave the threads to the blocks: BLAS runs on one inside each."""
        with one_blas_thread():
            yield

    @cached_property
    def moments(self) -> tuple[Floats, Floats]:
        """Weighted mean and variance of each column, from one pass.

        Examples
        --------
        >>> RowBlocks.of(np.array([[0.0], [2.0]]), np.array([0, 1]), np.ones(2)).moments
        (array([1.]), array([1.]))
        """
        _, (moments,) = self.run(_moments)
        return moments.mean, np.maximum(moments.spread, 0) / moments.weight


def blocks_of(X: Any, target: Ints, weight: Floats, n_scores: int) -> list[Block]:
    """Rows in memory or on disk, cut into blocks that fit the cache, without a copy."""
    n_samples, n_features = X.shape
    size = max(64, _SCORE_BYTES // (8 * n_scores))
    if not sparse.issparse(X):
        size = max(1, min(size, _BLOCK_BYTES // (8 * max(1, n_features))))
    return [Block(_rows(X, cut), target[cut], weight[cut]) for cut in gen_batches(n_samples, size)]


def pieces(X: Any) -> Iterator[slice]:
    """Cuts of rows in memory so small that what is made of them stays in a processor's own cache.

    Examples
    --------
    >>> list(pieces(np.zeros((50, 1000))))
    [slice(0, 32, None), slice(32, 64, None)]
    """
    size = max(1, _PIECE_BYTES // (8 * max(1, X.shape[1])) if isinstance(X, np.ndarray) else len(X))
    for first in range(0, len(X), size):
        yield slice(first, first + size)


def spread_out(weight: Floats, step: int) -> Ints:
    """Number of one row, at random, of every step neighbouring ones that count: no period of theirs is met.

    Examples
    --------
    >>> spread_out(np.array([1.0, 1.0, 0.0, 1.0, 1.0, 0.0]), step=2)
    array([1, 4])
    """
    (used,) = array_namespace(weight).nonzero(weight > 0)
    first = np.arange(0, len(used), step)
    ahead = np.random.default_rng(0).integers(step, size=len(first))
    return used[np.minimum(first + ahead, len(used) - 1)]


def taken(values: Floats, rows: Ints) -> Floats:
    """Some rows of what has an entry a class, class by class in memory."""
    return np.asfortranarray(values[rows]) if isinstance(values, np.ndarray) else values[rows]


def _rows(X: Any, cut: slice) -> Any:
    if not sparse.issparse(X):
        return X[cut]
    first, last = X.indptr[cut.start], X.indptr[cut.stop]
    rows = sparse.csr_array((cut.stop - cut.start, X.shape[1]), dtype=X.dtype)
    # The constructor would copy what is less than half of an array; attributes are taken as they are.
    rows.data, rows.indices = X.data[first:last], X.indices[first:last]
    rows.indptr = X.indptr[cut.start : cut.stop + 1] - first
    return rows


def _is_mapped(X: Any) -> bool:
    """Whether the rows lie in a file: validation takes the memmap off and leaves a view of it."""
    while isinstance(X, np.ndarray):
        X = X.base
    return isinstance(X, mmap)


def _moments(block: Block) -> tuple[None, tuple[Moments]]:
    X, weight = block.matrix(), block.weight
    share = float(weight.sum())
    if share == 0:
        return None, (Moments(0.0, np.zeros(X.shape[1]), np.zeros(X.shape[1])),)
    mean = weight @ X / share
    if sparse.issparse(X):
        return None, (Moments(share, mean, weight @ X.multiply(X) - share * mean**2),)
    spread = sum(weight[some] @ (X[some] - mean) ** 2 for some in pieces(X))
    return None, (Moments(share, mean, spread),)
