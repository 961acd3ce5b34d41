"""Gram matrices that are about those of all rows, out of a sample of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from array_api_compat import array_namespace, device

from maxmargin._typing import Array, Floats

if TYPE_CHECKING:
    from maxmargin.objectives.coordinates import Coordinates
    from maxmargin.objectives.row_blocks import RowBlocks, States


@dataclass(frozen=True)
class RowSamples:
    """Standardised rows, of which a sample makes about the Gram matrix of all.

    Attributes
    ----------
    coordinates : Coordinates
        By which the rows are standardised.
    standardised : callable
        Map a part of the rows, and some of its rows or None for all, to these in single precision.
    parts : sequence
        What it is given, one a block.
    lengths : array of shape (n,)
        ``|z_i|^2`` of each row with its one.
    """

    coordinates: Coordinates
    standardised: Callable[[Any, Any], Any]
    parts: Sequence[Any]
    lengths: Any

    @classmethod
    def of(
        cls,
        rows: RowBlocks,
        coordinates: Coordinates,
        standardised: Callable[[Any, Any], Any],
        parts: Sequence[Any],
    ) -> RowSamples:
        """Measure the lengths, on the threads of these rows."""
        lengths = list(rows.each(partial(_lengths, coordinates, standardised), parts))
        return cls(coordinates, standardised, parts, array_namespace(*lengths).concat(lengths))

    def gram(self, strengths: States, step: int) -> Floats:
        """About ``sum_i s_i z_i z_i'`` out of one of step rows, with s in one array a block."""
        xp, place = array_namespace(*strengths), device(strengths[0])
        strength = xp.concat(strengths)
        rows, standing = drawn(strength, self.lengths, step)
        n_features = len(self.coordinates.mean)
        # One product of the whole sample is several times as fast as the sum of one a block.
        X = xp.empty((len(rows), self.coordinates.unknowns), dtype=xp.float32, device=place)
        if self.coordinates.fit_intercept:
            X[:, n_features] = 1 / self.coordinates.intercept_scale
        starts = np.cumsum([0, *map(len, strengths)])
        cuts = [int(cut) for cut in xp.searchsorted(rows, xp.asarray(starts, device=place))]
        for i, part in enumerate(self.parts):
            here = slice(cuts[i], cuts[i + 1])
            X[here, :n_features] = self.standardised(part, rows[here] - int(starts[i]))
        X *= xp.astype(xp.sqrt(standing * strength[rows]), xp.float32)[:, None]
        return X.T @ X


def _lengths(coordinates: Coordinates, standardised: Callable[[Any, Any], Any], part: Any) -> Array:
    return coordinates.squared_lengths(standardised(part, None))


def drawn(strength: Array, length: Array, step: int) -> tuple[Array, Array]:
    """Rows of a sample in ascending order, some of them twice, and how many rows each stands for.

    Half of the sample is drawn by strength, half by what a row adds to the trace of the Gram matrix, most of
    which may lie in few rows. A row that is certain to be drawn stands for itself.

    Examples
    --------
    >>> drawn(np.ones(8), np.array([1e6, 1e6, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]), step=2)
    (array([0, 1, 3, 5]), array([1., 1., 3., 3.]))
    """
    xp, place = array_namespace(strength, length), device(strength)
    n_used = int(xp.count_nonzero(strength))
    size = -(-n_used // step)
    if size == n_used:
        (rows,) = xp.nonzero(strength)
        return rows, xp.ones(n_used, dtype=xp.float64, device=place)
    chance = _chances(strength, size / 2) + _chances(strength * length, size / 2)
    is_certain = chance >= 1
    (certain,) = xp.nonzero(is_certain)
    ends = xp.cumulative_sum(xp.where(is_certain, 0.0, chance) if len(certain) else chance)
    # One of each stride of the summed chances, at random in it: no period of the rows is met.
    total = float(ends[-1])
    n_strides = max(1, round(total)) if total else 0
    stride = total / max(1, n_strides)
    places = stride * (np.arange(n_strides) + np.random.default_rng(0).random(n_strides))
    places = xp.asarray(np.minimum(places, np.nextafter(total, 0)), device=place)
    rows = xp.searchsorted(ends, places, side="right")
    standing = stride / chance[rows]
    if not len(certain):
        return rows, standing
    rows, standing = xp.concat([certain, rows]), xp.concat([xp.ones_like(chance[certain]), standing])
    order = xp.argsort(rows)
    return rows[order], standing[order]


def _chances(amounts: Array, size: float) -> Array:
    """Chances of being drawn that grow with the amounts, 1 at most, and sum to the size of the sample."""
    xp = array_namespace(amounts)
    uncertain, left = amounts, size
    while left > 0:
        stride = float(xp.sum(uncertain)) / left
        more = uncertain >= stride
        if stride == 0 or not xp.any(more):
            chance = uncertain / (stride or 1.0)
            return chance if uncertain is amounts else xp.where(uncertain < amounts, 1.0, chance)
        uncertain = xp.where(more, 0.0, uncertain)
        left -= int(xp.count_nonzero(more))
    return xp.astype(uncertain < amounts, xp.float64)
