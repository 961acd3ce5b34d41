"""Rows sorted by class with their kernel matrix, and the machines that are solved on them."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from maxmargin._threads import blas_threads, one_blas_thread, pool
from maxmargin._typing import Floats, Ints
from maxmargin.kernel.functions import Kernel, Rows
from maxmargin.kernel.gram import RowsOnDemand, RunMatrices, gram_matrix, rectangle
from maxmargin.kernel.strategies import Strategy
from maxmargin.solvers import Solution
from maxmargin.solvers.smo import DualPoint, Machine, minimize_smo

_SMALL = 2000  # rows whose kernel matrix is kept in double precision, unless asked for otherwise
_PART = 0.5  # of the tolerance that rounding may take, by a bound that is several times too high
_MOST_USED = 2  # times that each kernel value is used, above which all are computed and kept
_TABLE_BYTES = 1 << 22  # kernel values of new rows that are computed at a time, on one thread


@dataclass(frozen=True)
class Fit:
    """The machines of a classifier, solved: a table of coefficients and an intercept each."""

    table: Floats
    intercepts: Floats
    solutions: Sequence[Solution]

    @property
    def points(self) -> list[DualPoint]:
        """Dual points of the machines."""
        return [solution.point for solution in self.solutions]


@dataclass(frozen=True)
class TrainingSet:
    """Rows sorted by class.

    Attributes
    ----------
    kernel : Kernel
        The kernel.
    rows : Rows
        Class k has the rows starts[k] to starts[k + 1] - 1.
    starts : ndarray of shape (n_classes + 1,)
        First rows of the classes, and the number of rows.
    dtype : dtype
        Of kernel values.
    cache_bytes : int
        What kernel values may take.
    matrix : ndarray of shape (n_rows, n_rows), optional
        The kernel values, where they are at hand.
    """

    kernel: Kernel
    rows: Rows
    starts: Ints
    dtype: Any
    cache_bytes: int
    matrix: np.ndarray | None = None

    def with_kernel(self, kernel: Kernel, X: Any) -> "TrainingSet":
        """The same rows X, as another kernel takes them."""
        return replace(self, kernel=kernel, rows=training_rows(kernel, X, self.dtype), matrix=None)

    @cached_property
    def gram(self) -> np.ndarray | None:
        """The kernel matrix, where it is at hand or small enough to keep."""
        if self.matrix is not None:
            return self.matrix
        n = int(self.starts[-1])
        if self.kernel.is_given or n * n * np.dtype(self.dtype).itemsize <= self.cache_bytes:
            return gram_matrix(self.kernel, self.rows, self.dtype, blas_threads())
        return None

    def fits(
        self,
        strategy: Strategy,
        bounds: Sequence[Floats],
        Cs: Sequence[float],
        *,
        tol: float,
        max_iter: int | None,
    ) -> list[list[Fit]]:
        """Solve the machines of a strategy at each C in turn, each from its solution at the one before.

        Parameters
        ----------
        strategy : Strategy
            Which machines.
        bounds : sequence of ndarrays of shape (n_rows,)
            What each row's loss counts per unit of C; 0 leaves it out. Each array is a classifier.
        Cs : sequence of float
            Ascending.
        tol, max_iter
            As :func:`~maxmargin.solvers.smo.minimize_smo` takes them.

        Returns
        -------
        list of list of Fit
            One list a classifier, with one fit a C.
        """
        machines = [strategy.machines(self.starts, each) for each in bounds]
        flat = [machine for each in machines for machine in each]
        threads, own = min(blas_threads(), len(flat)), threading.local()
        gram = self.gram if self._is_shared(flat) else None
        available = self.cache_bytes // threads
        kept = RunMatrices(self.kernel, self.rows, self.dtype, self.cache_bytes // 2)

        def path(machine: Machine) -> list[Solution]:
            matrix = gram
            if matrix is None:
                matrix, machine = self._alone(machine, own, kept, available)
            solutions: list[Solution] = []
            for C in Cs:
                start = solutions[-1].point if solutions else None
                # The last digits matter to a fit that is kept, not to scores along a path.
                limits: dict[str, Any] = {"tol": tol, "max_iter": max_iter, "polish": len(Cs) == 1}
                solutions.append(minimize_smo(matrix, machine, C=C, start=start, **limits))
            return solutions

        if threads == 1:
            paths = list(map(path, flat))
        else:
            with one_blas_thread():
                paths = list(pool(threads).map(path, flat))
        cuts = np.cumsum([len(each) for each in machines])[:-1]
        return [
            [fit_of(strategy, self.starts, [paths[m][i] for m in part]) for i in range(len(Cs))]
            for part in np.split(np.arange(len(flat)), cuts)
        ]

    def held_out(self, strategy: Strategy, fits: Sequence[Fit], which: Ints, tol: float) -> list[Floats]:
        """Decisions of each fit on some of the rows, to a part of ``tol``."""
        used = np.flatnonzero(np.any([fit.table.any(axis=0) for fit in fits], axis=0))
        starts, sides = np.searchsorted(used, self.starts), {}
        found = []
        for fit in fits:
            table = fit.table[:, used]
            double = self.dtype == np.float64 or rounds_off(table, tol)
            if double not in sides:
                sides[double] = self._sides(which, used, double)
            decided = self._decided(sides[double], strategy, table, starts)
            found.append(decided + fit.intercepts)
        return found

    def _sides(self, which: Ints, used: Ints, double: bool) -> Any:
        """Kernel values of some rows with others or, where the matrix is not kept, both sets of rows."""
        fixed = self.kernel.is_given or callable(self.kernel.name)
        if self.gram is not None and (fixed or not double or self.dtype == np.float64):
            return self.gram[np.ix_(which, used)]
        rows, support = self.rows.take(which), self.rows.take(used)
        if double and not fixed:
            rows, support = rows.astype(np.float64), support.astype(np.float64)
        return (rows, support) if self.gram is None else rectangle(self.kernel, rows, support)

    def _decided(self, sides: Any, strategy: Strategy, table: Floats, starts: Ints) -> Floats:
        if isinstance(sides, tuple):
            rows, support = sides
            return decisions(self.kernel, rows, support, strategy, table, starts)
        return strategy.decisions(sides, table.astype(sides.dtype), starts)

    def _is_shared(self, machines: Sequence[Machine]) -> bool:
        """Whether the machines use kernel values so often, or these are so few, that all are computed."""
        if self.matrix is not None or self.kernel.is_given or callable(self.kernel.name):
            return True
        n, used = int(self.starts[-1]), sum(len(machine.signs) ** 2 for machine in machines)
        return n <= _SMALL or used > _MOST_USED * n * n

    def _alone(
        self, machine: Machine, own: threading.local, kept: RunMatrices, available: int
    ) -> tuple[np.ndarray | RowsOnDemand, Machine]:
        """Kernel values for one machine, in memory that its thread goes on with, and the machine on them."""
        n = len(machine.signs)
        n_bytes = n * n * self.dtype.itemsize
        whole = n_bytes <= available // 2
        needed = n_bytes if whole else min(n_bytes, max(available, 2 * n * self.dtype.itemsize))
        memory = getattr(own, "memory", None)
        if memory is None or len(memory) < needed:
            memory = own.memory = np.empty(needed, dtype=np.uint8)
        alone = Machine(np.array([[0, n]]), machine.signs, machine.bounds)
        if whole:
            return kept.matrix(machine.runs, memory), alone
        rows = self.rows.take(machine.rows)
        return RowsOnDemand(self.kernel, rows, self.dtype, available, memory), alone


def rounds_off(table: Floats, tol: float) -> bool:
    """Whether single precision of kernel values of about 1 would show in decisions to a part of ``tol``."""
    largest = float(np.sqrt(np.square(table).sum(axis=1)).max(initial=0.0))
    return largest * float(np.finfo(np.float32).eps) > _PART * tol


def training_rows(kernel: Kernel, X: Any, dtype: Any) -> Rows:
    """Rows in the precision that kernel values of a type need."""
    centre = kernel.centre(X)
    return kernel.rows(X, centre, row_type(kernel, X, centre, dtype))


def row_type(kernel: Kernel, X: Any, centre: Any, dtype: Any) -> Any:
    """Type of number of rows whose kernel values are to be precise in another."""
    if callable(kernel.name) or kernel.is_given:
        return dtype
    return np.result_type(dtype, kernel.precision(X, centre))


def fit_of(strategy: Strategy, starts: Ints, solutions: list[Solution]) -> Fit:
    """The classifier that solved machines make."""
    table = strategy.table(starts, [solution.point.coef for solution in solutions])
    return Fit(table, np.array([solution.point.intercept for solution in solutions]), solutions)


def value_type(dtype: Any, n_rows: int) -> Any:
    """Type of kernel values: as asked for or, by default, the one that is precise and fits."""
    if dtype is not None:
        return np.dtype(dtype)
    return np.dtype(np.float64 if n_rows <= _SMALL else np.float32)


def decisions(
    kernel: Kernel, rows: Rows, support: Rows, strategy: Strategy, table: Floats, starts: Ints
) -> Floats:
    """Decisions of the machines on new rows, less their intercepts.

    Each kernel value is computed once for all machines, and the rows are dealt to the threads in blocks.
    """
    n, n_support = len(rows), max(1, int(starts[-1]))
    table = table.astype(rows.left.dtype, copy=False)
    size = max(16, _TABLE_BYTES // (8 * n_support))
    batches = [slice(first, min(first + size, n)) for first in range(0, n, size)]

    def decide(batch: slice) -> Floats:
        return strategy.decisions(kernel.block(rows.take(batch), support), table, starts).astype(np.float64)

    threads = min(blas_threads(), len(batches))
    if threads == 1 or callable(kernel.name):
        parts = list(map(decide, batches))
    else:
        with one_blas_thread():
            parts = list(pool(threads).map(decide, batches))
    return np.concatenate(parts)
