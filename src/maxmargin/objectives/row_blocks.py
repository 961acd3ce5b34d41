"""The rows of a training set, handed out in blocks that fit the cache."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from maxmargin._typing import Floats, Ints

_BLOCK_BYTES = (
    1 << 19
)  # half of a common 1 MiB L2 cache: the other half holds the scores and their derivative


@dataclass(frozen=True)
class RowBlocks:
    """Rows X, their targets and weights; each pass reads X once, block by block, as float64.

    Parameters
    ----------
    X : ndarray, memmap or CSR matrix of shape (n_samples, n_features)
        A sparse X is one block.
    target : ndarray of int, shape (n_samples,)
        Class indices.
    weight : ndarray of shape (n_samples,)
        What each sample's loss counts.

    Examples
    --------
    >>> rows = RowBlocks(np.zeros((100000, 64)), np.zeros(100000, dtype=int), np.ones(100000))
    >>> next(iter(rows))[0].shape
    (1024, 64)
    """

    X: Any
    target: Ints
    weight: Floats

    def __iter__(self) -> Iterator[tuple[Any, Ints, Floats]]:
        """Yield (X, target, weight) of each block."""
        n_samples, n_features = self.X.shape
        if sparse.issparse(self.X):
            yield self.X, self.target, self.weight
            return
        size = max(1, _BLOCK_BYTES // (8 * n_features))
        for start in range(0, n_samples, size):
            block = slice(start, start + size)
            yield np.asarray(self.X[block], dtype=np.float64), self.target[block], self.weight[block]

    def moments(self) -> tuple[Floats, Floats]:
        """Weighted mean and variance of each column, from one pass.

        Examples
        --------
        >>> RowBlocks(np.array([[0.0], [2.0]]), np.array([0, 1]), np.ones(2)).moments()
        (array([1.]), array([1.]))
        """
        total = float(self.weight.sum())
        mean = np.zeros(self.X.shape[1])
        spread = np.zeros(self.X.shape[1])
        seen = 0.0
        for X, _, weight in self:
            share = float(weight.sum())
            if share == 0:
                continue
            block_mean = np.asarray(weight @ X).ravel() / share
            if sparse.issparse(X):
                block_spread = np.asarray(weight @ X.multiply(X)).ravel() - share * block_mean**2
            else:
                block_spread = weight @ (X - block_mean) ** 2
            # Chan, Golub and LeVeque: the spread of a union is the two spreads and that of the two means.
            gap = block_mean - mean
            seen += share
            mean += gap * share / seen
            spread += block_spread + gap**2 * share * (seen - share) / seen
        return mean, np.maximum(spread, 0) / total
