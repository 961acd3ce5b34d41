"""Rows rounded to single precision, whose passes take half the time while a solution is far away."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from maxmargin._typing import Array, Floats, Ints
from maxmargin.objectives.coordinates import Coordinates
from maxmargin.objectives.products import combinations, products
from maxmargin.objectives.row_blocks import Block, RowBlocks

_COPIED_SHARE, _COPIED_BYTES = 0.25, 100e6  # rows that may be copied: a share of the data and a little more
_COPIED_ENTRIES = 100_000  # of data that are worth it: smaller ones deserve every digit


def worth_copying(rows: RowBlocks, share: float = 1.0) -> bool:
    """Whether a share of the rows are worth a copy in single precision, and memory has room for it.

    Examples
    --------
    >>> worth_copying(RowBlocks.of(np.zeros((2000, 100)), np.zeros(2000, dtype=int), np.ones(2000)))
    True
    """
    entries = rows.n_samples * rows.n_features
    fits = 4 * share * entries <= _COPIED_SHARE * rows.nbytes + _COPIED_BYTES
    return fits and entries >= _COPIED_ENTRIES and not rows.is_sparse


@dataclass(frozen=True)
class RoundedBlock:
    """A block of rows with a standardised copy in single precision, from which scores and sums are computed.

    Standardised, the columns lose no digits to their offsets and units.

    Attributes
    ----------
    block : Block
        The rows as they are.
    X : array of shape (n, n_features)
        The copy.
    coordinates : Coordinates
        By which it is standardised.
    """

    block: Block
    X: Array
    coordinates: Coordinates

    @property
    def target(self) -> Ints:
        """Column of each row's class."""
        return self.block.target

    @property
    def weight(self) -> Floats:
        """What each row counts."""
        return self.block.weight

    def matrix(self, rows: Any = None) -> Any:
        """The rows, or some of them, as they are."""
        return self.block.matrix(rows)

    def here(self, values: Any) -> Any:
        """A small array where the rows are, to compute with them."""
        return self.block.here(values)

    def standardised(self, coordinates: Coordinates, rows: Any = None) -> Array:  # noqa: ARG002
        """The rows, or some of them, in the coordinates of the copy."""
        return self.X if rows is None else self.X[rows]

    def scores(self, coef: Floats, intercept: Floats) -> Floats:
        """W x + b = V z + b + W m for the standardised row z = D^-1 (x - m), with V = W D."""
        table = self.here((coef * self.coordinates.scale).astype(np.float32))
        offset = self.here((intercept + coef @ self.coordinates.mean).astype(np.float32))
        return products(self.X, table) + offset

    def adjoint(self, by_scores: Floats) -> Floats:
        """sum_i g_i x_i^T, of shape (n_scores, n_features)."""
        xp = array_namespace(by_scores)
        total = xp.astype(combinations(xp.astype(by_scores, xp.float32, copy=False), self.X), xp.float64)
        mean, scale = map(self.here, (self.coordinates.mean, self.coordinates.scale))
        return total * scale + xp.astype(xp.sum(by_scores, axis=0), xp.float64)[:, None] * mean


def rounded(rows: RowBlocks, coordinates: Coordinates) -> RowBlocks:
    """Rows in memory with copies in single precision."""
    blocks, _ = rows.run(partial(_rounded, coordinates))
    return replace(rows, blocks=blocks, whole=None)


def _rounded(coordinates: Coordinates, block: Block) -> tuple[RoundedBlock, tuple]:
    return RoundedBlock(block, block.standardised(coordinates), coordinates), ()
