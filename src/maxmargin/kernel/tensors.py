"""Rows sorted by class in a tensor, their kernel matrix on its device, and all machines solved in a batch."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from array_api_compat import array_namespace, is_torch_array
from sklearn.utils import gen_batches

from maxmargin._checks import InputError
from maxmargin._tensors import in_memory
from maxmargin._typing import Array, Floats, Ints
from maxmargin.kernel.functions import Kernel, Rows
from maxmargin.kernel.strategies import Strategy
from maxmargin.kernel.training import Fit, fit_of, rounds_off, row_type
from maxmargin.solvers import Solution
from maxmargin.solvers.batched_smo import minimize_smo_batch
from maxmargin.solvers.smo import Machine

_BATCH_BYTES = 1 << 29  # what the machines that are solved at a time may take
_ENTRY_BYTES = 128  # of them, for each row of a machine: its fields and two gathered kernel values
_BLOCK_BYTES = 1 << 28  # kernel values that are computed at a time


@dataclass(frozen=True)
class TensorTrainingSet:
    """Rows sorted by class, on a device: what :class:`~maxmargin.kernel.training.TrainingSet` is in memory.

    Attributes
    ----------
    kernel : Kernel
        The kernel.
    X : tensor of shape (n_rows, n_features)
        Class k has the rows starts[k] to starts[k + 1] - 1; kernel values where they are given.
    starts : ndarray of shape (n_classes + 1,)
        First rows of the classes, and the number of rows.
    dtype : dtype
        Of kernel values.
    cache_bytes : int
        What they may take.
    """

    kernel: Kernel
    X: Array
    starts: Ints
    dtype: Any
    cache_bytes: int

    @cached_property
    def gram(self) -> Array:
        """The kernel matrix.

        Raises
        ------
        InputError
            Where it takes more than it may.
        """
        n, width = len(self.X), np.dtype(self.dtype).itemsize
        if not self.kernel.is_given and n * n * width > self.cache_bytes:
            raise InputError(
                f"the kernel matrix of {n} rows takes {n * n * width / 1e6:.0f} MB of {self.dtype} on "
                f"{self.X.device}, and cache_size is {self.cache_bytes / 1e6:g} MB; raise cache_size, or fit "
                "arrays with device=None, of which the matrix need not be kept"
            )
        centre = self.kernel.centre(self.X)
        rows = prepared(self.kernel, self.X, centre, row_type(self.kernel, self.X, centre, self.dtype))
        return _gram(self.kernel, rows, self.dtype)

    def with_kernel(self, kernel: Kernel, X: Array) -> "TensorTrainingSet":
        """The same rows X, as another kernel takes them."""
        return replace(self, kernel=kernel, X=X)

    def fits(
        self,
        strategy: Strategy,
        bounds: Sequence[Floats],
        Cs: Sequence[float],
        *,
        tol: float,
        max_iter: int | None,
    ) -> list[list[Fit]]:
        """Solve the machines of all classifiers at all C side by side.

        Parameters
        ----------
        strategy : Strategy
            Which machines.
        bounds : sequence of ndarrays of shape (n_rows,)
            What each row's loss counts per unit of C; 0 leaves it out. Each array is a classifier.
        Cs : sequence of float
            What the bounds are multiplied by.
        tol, max_iter
            As :func:`~maxmargin.solvers.batched_smo.minimize_smo_batch` takes them.

        Returns
        -------
        list of list of Fit
            One list a classifier, with one fit a C.
        """
        machines = [
            replace(machine, bounds=C * machine.bounds)
            for each in bounds
            for C in Cs
            for machine in strategy.machines(self.starts, each)
        ]
        sizes = np.array([len(machine.signs) for machine in machines])
        found: list[Any] = [None] * len(machines)
        for batch in _batches(sizes):
            solutions = self._solved([machines[k] for k in batch], tol, max_iter)
            for k, solution in zip(batch, solutions, strict=True):
                found[k] = solution
        fits = [fit_of(strategy, self.starts, list(part)) for part in _parts(found, len(bounds) * len(Cs))]
        return [list(path) for path in _parts(fits, len(bounds))]

    def _solved(self, machines: list[Machine], tol: float, max_iter: int | None) -> list[Solution]:
        sizes = [len(machine.signs) for machine in machines]
        shape = len(machines), max(sizes)
        rows, signs, bounds = np.zeros(shape, np.int64), np.ones(shape), np.zeros(shape)
        for k, machine in enumerate(machines):
            rows[k, : sizes[k]], signs[k, : sizes[k]] = machine.rows, machine.signs
            bounds[k, : sizes[k]] = machine.bounds
        there = [_on_device_of(self.gram, values) for values in (rows, signs, bounds)]
        solutions = minimize_smo_batch(self.gram, *there, tol=tol, max_iter=max_iter)
        return [_without_padding(*each) for each in zip(solutions, sizes, strict=True)]

    def held_out(self, strategy: Strategy, fits: Sequence[Fit], which: Ints, tol: float) -> list[Floats]:
        """Decisions of each fit on some of the rows, summed in double where ``tol`` asks for it."""
        gram = self.gram
        used = np.flatnonzero(np.any([fit.table.any(axis=0) for fit in fits], axis=0))
        starts, columns = np.searchsorted(used, self.starts), _on_device_of(gram, used)
        double = any(rounds_off(fit.table, tol) for fit in fits)
        dtype = np.dtype(np.float64) if double else self.dtype
        tables = [_on_device_of(gram, fit.table[:, used].astype(dtype)) for fit in fits]
        parts: list[list[Floats]] = [[np.empty((0, len(fit.intercepts)))] for fit in fits]
        for batch in _blocks(len(which), len(used)):
            values = gram[_on_device_of(gram, which[batch])[:, None], columns]
            values = array_namespace(gram).astype(values, tables[0].dtype, copy=False)
            for part, table in zip(parts, tables, strict=True):
                part.append(in_memory(strategy.decisions(values, table, starts)).astype(np.float64))
        return [np.concatenate(part) + fit.intercepts for part, fit in zip(parts, fits, strict=True)]


def prepared(kernel: Kernel, X: Array, centre: Array | None, dtype: Any) -> Rows:
    """Rows of a tensor as products take them; see :class:`~maxmargin.kernel.functions.Rows`."""
    if callable(kernel.name) or kernel.is_given:
        return Rows(X, X)
    xp = array_namespace(X)
    if kernel.name == "rbf":
        X = xp.astype(X if centre is None else X - centre, xp.float64) * float(np.sqrt(2 * kernel.gamma))
        half = -(X * X).sum(-1, keepdim=True) / 2
        one = xp.ones_like(half)
        sides = xp.concat([X, half, one], axis=1), xp.concat([X, one, half], axis=1)
        return Rows(*(xp.astype(side, _type(xp, dtype), copy=False) for side in sides))
    X = xp.astype(X, _type(xp, dtype), copy=False)
    return Rows(X, X)


def tensor_decisions(
    kernel: Kernel, rows: Rows, support: Rows, strategy: Strategy, table: Floats, starts: Ints
) -> Floats:
    """Decisions of the machines on new rows, less their intercepts; only they leave the device."""
    there = array_namespace(rows.left).astype(_on_device_of(rows.left, table), rows.left.dtype)
    parts = [
        strategy.decisions(_block(kernel, rows.take(batch), support), there, starts)
        for batch in _blocks(len(rows), int(starts[-1]))
    ]
    return np.concatenate([in_memory(part).astype(np.float64) for part in parts])


def _gram(kernel: Kernel, rows: Rows, dtype: Any) -> Array:
    """All kernel values of the rows, each pair computed once unless a function or the values are given."""
    xp, n = array_namespace(rows.left), len(rows)
    dtype = _type(xp, dtype)
    if kernel.is_given or callable(kernel.name):
        return _finite(xp.astype(_block(kernel, rows, rows), dtype, copy=False))
    matrix = xp.empty((n, n), dtype=dtype, device=rows.left.device)
    for batch in _blocks(n, n):
        part = _finite(xp.astype(_block(kernel, rows.take(batch), rows.take(slice(batch.start, n))), dtype))
        square = part[:, : len(part)]
        square[...] = xp.triu(square) + xp.triu(square, k=1).T
        matrix[batch, batch.start :], matrix[batch.start :, batch] = part, part.T
    if kernel.name == "rbf":
        matrix.fill_diagonal_(1.0)
    return matrix


def _block(kernel: Kernel, left: Rows, right: Rows) -> Array:
    """Kernel values of each row of one set with each of another."""
    if kernel.is_given:
        return left.left
    if callable(kernel.name):
        return _finite(_called(kernel, left.left, right.right))
    values = left.left @ right.right.T
    match kernel.name:
        case "rbf":
            return _finite(values).clamp_(max=0).exp_()
        case "poly":
            values = values.mul_(kernel.gamma).add_(kernel.coef0).pow_(kernel.degree)
        case "sigmoid":
            values = values.mul_(kernel.gamma).add_(kernel.coef0).tanh_()
    return _finite(values)


def _finite(values: Array) -> Array:
    xp = array_namespace(values)
    if not xp.all(xp.isfinite(values)):
        raise InputError(
            f"a kernel value is not finite in {values.dtype}; scale the features, or lower gamma or degree"
        )
    return values


def _called(kernel: Kernel, left: Array, right: Array) -> Array:
    function: Any = kernel.name
    values = function(left, right)
    shape = (len(left), len(right))
    if not is_torch_array(values) or tuple(values.shape) != shape:
        raise InputError(
            f"the kernel function returned a {type(values).__name__} of shape {np.shape(values)} for tensors "
            f"of {shape[0]} and {shape[1]} rows; it must return a tensor of shape {shape}"
        )
    return array_namespace(values).astype(values, left.dtype, copy=False)


def _on_device_of(there: Array, values: np.ndarray) -> Array:
    return array_namespace(there).asarray(values, device=there.device)


def _type(xp: Any, dtype: Any) -> Any:
    return getattr(xp, np.dtype(dtype).name)


def _blocks(n_rows: int, n_columns: int) -> list[slice]:
    return list(gen_batches(n_rows, max(1, _BLOCK_BYTES // (8 * max(1, n_columns)))))


def _batches(sizes: Ints) -> list[Ints]:
    """Numbers of the machines that are solved together, those of like size so that few rows are padding."""
    order = np.argsort(-sizes, kind="stable")
    batches, first = [], 0
    while first < len(order):
        count = max(1, _BATCH_BYTES // (_ENTRY_BYTES * int(sizes[order[first]])))
        batches.append(order[first : first + count])
        first += count
    return batches


def _parts(values: list[Any], count: int) -> list[list[Any]]:
    size = len(values) // count
    return [values[first : first + size] for first in range(0, len(values), size)]


def _without_padding(solution: Solution, size: int) -> Solution:
    point = solution.point
    return replace(solution, point=replace(point, coef=point.coef[:size], slope=point.slope[:size]))
