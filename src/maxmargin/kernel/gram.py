"""The kernel matrix of the training rows: whole, or a block of its rows at a time."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from maxmargin._threads import blas_threads, one_blas_thread, pool
from maxmargin._typing import Ints
from maxmargin.kernel.functions import Kernel, Rows

_TILE, _WIDTH = 256, 256  # rows and columns that are computed at a time
_LINES = 8  # of a whole matrix that stay in the cache between a factor and its exponential


def gram_matrix(kernel: Kernel, rows: Rows, dtype: Any) -> np.ndarray:
    """All kernel values of the rows, each pair computed once."""
    if kernel.is_given or callable(kernel.name):
        return np.ascontiguousarray(kernel.block(rows, rows), dtype=dtype)
    matrix = symmetric(len(rows), dtype, lambda i, j: kernel.block(rows.take(i), rows.take(j)))
    np.fill_diagonal(matrix, kernel.diagonal(rows))
    return matrix


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
        self._products = symmetric(len(rows), dtype, lambda i, j: kernel.products(rows.take(i), rows.take(j)))
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


def symmetric(n: int, dtype: Any, block: Callable[[slice, slice], np.ndarray]) -> np.ndarray:
    """A symmetric matrix whose tiles ``block(rows, columns)`` are computed on all threads."""
    matrix = np.empty((n, n), dtype=dtype)

    def fill(first: int) -> None:
        rows = slice(first, first + _TILE)
        for start in range(first, n, _WIDTH):
            columns = slice(start, start + _WIDTH)
            tile = block(rows, columns)
            matrix[rows, columns] = tile
            matrix[columns, rows] = tile.T

    with one_blas_thread():
        list(pool(blas_threads()).map(fill, range(0, n, _TILE)))
    return matrix


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
    """

    def __init__(self, kernel: Kernel, rows: Rows, dtype: Any, n_bytes: int) -> None:
        n = len(rows)
        self._kernel, self._rows = kernel, rows
        self.diagonal = kernel.diagonal(rows).astype(dtype)
        width = np.dtype(dtype).itemsize
        # A table of m rows and its square part take width * (m n + m^2) bytes.
        self.capacity = min(n, max(2, int((np.sqrt(n**2 + 4 * n_bytes / width) - n) / 2)))
        self._table = np.empty((self.capacity, n), dtype=dtype)
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
