"""The rows of a training set in a tensor, on the device where it is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
from array_api_compat import array_namespace, is_numpy_array, to_device
from sklearn.utils import gen_batches

from maxmargin._typing import Array, Floats, Ints
from maxmargin.objectives.row_blocks import Block, Moments, RowBlocks, States

_BLOCK_BYTES = 1 << 26  # rows in double precision: long enough to keep a device busy, short beside the data


class TensorBlock(Block):
    """Neighbouring rows of a tensor; targets and weights are on its device."""

    __slots__ = ()

    def matrix(self, rows: Any = None) -> Array:
        """The rows, or some of them, in double precision."""
        xp = array_namespace(self.X)
        return xp.astype(self.X if rows is None else self.X[rows], xp.float64, copy=False)

    def here(self, values: Floats) -> Array:
        """A small NumPy array on the device."""
        return array_namespace(self.X).asarray(values, device=self.X.device)


class TensorRows(RowBlocks):
    """Rows that stay on their device: the states stay there too, only small sums leave it as NumPy arrays.

    Examples
    --------
    >>> rows = TensorRows.of(np.array([[0.0], [2.0]]), np.array([0, 1]), np.ones(2))
    >>> rows.moments
    (array([1.]), array([1.]))
    """

    @classmethod
    def of(cls, X: Array, target: Ints, weight: Floats, n_scores: int = 1) -> "TensorRows":  # noqa: ARG003
        """Cut a tensor of shape (n_samples, n_features) into blocks, without a copy."""
        xp, n_features = array_namespace(X), X.shape[1]
        size = max(1, _BLOCK_BYTES // (8 * max(1, n_features)))
        target = xp.asarray(target.astype(np.int64), device=X.device)
        weight = xp.asarray(weight, device=X.device)
        cuts = gen_batches(X.shape[0], size)
        return cls([TensorBlock(X[cut, :], target[cut], weight[cut]) for cut in cuts], n_features)

    def run(self, function: Callable[..., tuple[Any, tuple]], *states: States) -> tuple[list[Any], tuple]:
        """Call ``function(block, *state of the block)`` on each block; the totals are NumPy arrays."""
        return super().run(partial(_with_totals_here, function), *states)

    def pooled(self, function: Callable[..., tuple], *states: States) -> tuple:
        """Totals of ``function(rows, *states)`` as NumPy arrays."""
        return tuple(map(_fetched, function(self, *states)))

    @contextmanager
    def working(self) -> Iterator[None]:
        """Change nothing: the tensors' library has threads of its own."""
        yield


def _with_totals_here(
    function: Callable[..., tuple[Any, tuple]], block: Block, *states: Any
) -> tuple[Any, tuple]:
    state, totals = function(block, *states)
    return state, tuple(map(_fetched, totals))


def _fetched(total: Any) -> Any:
    if isinstance(total, Moments):
        return Moments(*map(_fetched, total))
    if isinstance(total, int | float) or is_numpy_array(total):
        return total
    return np.asarray(to_device(total, "cpu"))
