"""The kernel matrix of the training rows: whole, or a block of its rows at a time."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from maxmargin._threads import blas_threads, one_blas_thread, pool
from maxmargin._typing import Ints
from maxmargin.kernel.functions import Kernel, Rows, finite

_TILE, _WIDTH = 256, 256  # rows and columns that are computed at a time
_STRIP = 64  # rows whose values with all others are computed at a time
_LINES = 8  # of a whole matrix that stay in the cache between a factor and its exponential


def gram_matrix(kernel: Kernel, rows: Rows, dtype: Any, threads: int) -> np.ndarray:
    """All kernel values of the rows, each pair computed once."""
    if kernel.is_given or callable(kernel.name):
        with np.errstate(over="ignore"):
            return finite(np.ascontiguousarray(kernel.block(rows, rows), dtype=dtype))
    matrix = np.empty((len(rows), len(rows)), dtype=dtype)
    fill_symmetric(matrix, lambda i, j: kernel.block(rows.take(i), rows.take(j)), threads)
    np.fill_diagonal(matrix, kernel.diagonal(rows))
    return matrix


def rectangle(kernel: Kernel, left: Rows, right: Rows) -> np.ndarray:
    """Kernel values of each row of one set with each of another, on all threads."""
    values = np.empty((len(left), len(right)), dtype=left.left.dtype)

    def fill(first: int) -> None:
        rows = slice(first, first + _STRIP)
        values[rows] = kernel.block(left.take(rows), right)

    with one_blas_thread():
        list(pool(blas_threads()).map(fill, range(0, len(left), _STRIP)))
    return values


class RunMatrices:
    """Kernel matrices of rows that are a few runs of neighbours; those of one run with itself are kept.

    Parameters
    ----------
    kernel : Kernel
        The kernel.
    rows : Rows
        All rows.
    dtype : dtype
        Of kernel values.
    n_bytes : int
        What may be kept.
    """

    def __init__(self, kernel: Kernel, rows: Rows, dtype: Any, n_bytes: int) -> None:
        self._kernel, self._rows, self._dtype = kernel, rows, dtype
        self._left, self._kept = n_bytes, {}

    def matrix(self, runs: Ints, memory: np.ndarray) -> np.ndarray:
        """The kernel matrix of some runs, in memory that is there already, computed on this thread."""
        stops = np.cumsum(runs[:, 1] - runs[:, 0])
        n = int(stops[-1])
        matrix = carved(memory, (n, n), self._dtype)
        parts = [slice(stop - (end - first), stop) for (first, end), stop in zip(runs, stops, strict=True)]
        for k, (run, part) in enumerate(zip(runs, parts, strict=True)):
            matrix[part, part] = self._own(slice(*run))
            for other, columns in zip(runs[k + 1 :], parts[k + 1 :], strict=True):
                self._fill(matrix[part, columns], matrix[columns, part], slice(*run), slice(*other))
        return matrix

    def _own(self, run: slice) -> np.ndarray:
        found = self._kept.get(run.start)
        if found is None:
            found = gram_matrix(self._kernel, self._rows.take(run), self._dtype, threads=1)
            if found.nbytes <= self._left:
                self._kept[run.start] = found
                self._left -= found.nbytes
        return found

    def _fill(self, matrix: np.ndarray, mirror: np.ndarray, run: slice, other: slice) -> None:
        rows, columns = self._rows.take(run), self._rows.take(other)
        for first in range(0, len(rows), _TILE):
            i = slice(first, first + _TILE)
            for start in range(0, len(columns), _WIDTH):
                j = slice(start, start + _WIDTH)
                tile = self._kernel.block(rows.take(i), columns.take(j))
                matrix[i, j] = tile
                mirror[j, i] = tile.T


def carved(memory: np.ndarray, shape: tuple[int, int], dtype: Any) -> np.ndarray:
    """An array in memory that is there already: fresh memory costs more than what is written into it."""
    return memory[: shape[0] * shape[1] * np.dtype(dtype).itemsize].view(dtype).reshape(shape)


class SharedProducts:
    """The products of the rows, from which the kernel matrices of several gammas follow.

    Parameters
    ----------
    kernel : Kernel
        The kernel with its largest gamma.
    rows : Rows
        The rows as this kernel takes them.
    dtype : dtype
        Of kernel values.
    """

    def __init__(self, kernel: Kernel, rows: Rows, dtype: Any) -> None:
        self._kernel = kernel
        self._products = np.empty((len(rows), len(rows)), dtype=dtype)
        fill_symmetric(
            self._products, lambda i, j: kernel.products(rows.take(i), rows.take(j)), blas_threads()
        )
        self._matrix = np.empty_like(self._products)

    def gram(self, gamma: float) -> np.ndarray:
        """The kernel matrix of a gamma, which takes the place of the one before.

        Distances scale with gamma, ``-gamma |x - z|^2``; other products do not depend on it.
        """
        kernel = replace(self._kernel, gamma=gamma)
        factor = gamma / self._kernel.gamma if kernel.name == "rbf" else 1.0

        def fill(first: int) -> None:
            part = self._matrix[first : first + _LINES]
            np.multiply(self._products[first : first + _LINES], part.dtype.type(factor), out=part)
            kernel.values(part)

        list(pool(blas_threads()).map(fill, range(0, len(self._matrix), _LINES)))
        if kernel.name == "rbf":
            np.fill_diagonal(self._matrix, 1)  # the products of a row with itself are rounded
        return self._matrix


def fill_symmetric(matrix: np.ndarray, block: Callable[[slice, slice], np.ndarray], threads: int) -> None:
    """Fill a symmetric matrix with tiles ``block(rows, columns)``, each pair of rows computed once."""
    n = len(matrix)

    def fill(first: int) -> None:
        rows = slice(first, first + _TILE)
        for start in range(first, n, _WIDTH):
            columns = slice(start, start + _WIDTH)
            tile = block(rows, columns)
            matrix[rows, columns] = tile
            matrix[columns, rows] = tile.T

    if threads == 1:
        for first in range(0, n, _TILE):
            fill(first)
        return
    with one_blas_thread():
        list(pool(threads).map(fill, range(0, n, _TILE)))


class RowsOnDemand:
    """Rows of a kernel matrix that is too large to keep: those in use, computed in blocks.

    Parameters
    ----------
    kernel : Kernel
        The kernel.
    rows : Rows
        All rows.
    dtype : dtype
        Type of the values.
    n_bytes : int
        What the rows in use, and their values with each other, may take.
    memory : ndarray of bytes, optional
        Where to keep the rows in use, at least ``n_bytes``; new memory by default.
    """

    def __init__(
        self, kernel: Kernel, rows: Rows, dtype: Any, n_bytes: int, memory: np.ndarray | None = None
    ) -> None:
        n = len(rows)
        self._kernel, self._rows = kernel, rows
        self.diagonal = kernel.diagonal(rows).astype(dtype)
        width = np.dtype(dtype).itemsize
        # A table of m rows and its square part take width * (m n + m^2) bytes.
        self.capacity = min(n, max(2, int((np.sqrt(n**2 + 4 * n_bytes / width) - n) / 2)))
        shape = (self.capacity, n)
        self._table = np.empty(shape, dtype=dtype) if memory is None else carved(memory, shape, dtype)
        self._places = np.full(n, -1)

    def hold(self, members: Ints) -> tuple[np.ndarray, Ints]:
        """Compute the rows of ``members`` that are not in the table; return it and the place of each row."""
        held = self._places >= 0
        held[members] = False
        given_up = np.flatnonzero(held)
        new = members[self._places[members] < 0]
        free = np.ones(self.capacity, dtype=bool)
        free[self._places[self._places >= 0]] = False
        # Unused places first: what is given up may be wanted again.
        places = np.concatenate([np.flatnonzero(free), self._places[given_up]])[: len(new)]
        self._places[given_up[np.isin(self._places[given_up], places)]] = -1
        self._places[new] = places
        for first in range(0, len(new), _TILE):
            batch = slice(first, first + _TILE)
            self._table[places[batch]] = self._kernel.block(self._rows.take(new[batch]), self._rows)
        return self._table, self._places
