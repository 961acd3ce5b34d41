"""Kernel functions, evaluated in blocks by matrix products."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from array_api_compat import array_namespace, is_torch_array
from scipy import sparse
from sklearn.utils.sparsefuncs import mean_variance_axis

from maxmargin._checks import InputError, check_choice, check_finite, check_nonnegative, check_positive
from maxmargin._typing import Floats

KERNELS = "rbf", "linear", "poly", "sigmoid", "precomputed"

_DIGITS = 1e-5  # share of the rows' spread that single precision may change in a product
_DENSE_BYTES = 1 << 26  # of sparse rows that are made dense at a time
_FEW = 64  # rows whose kernel values with each other are computed for those with themselves
_BATCH = 4096  # rows that are scaled at a time
_ROUNDING = 1e-6  # what single precision may change in an exponent before products are taken in double


class Rows(NamedTuple):
    """Rows as a kernel takes them.

    For an RBF kernel, z being a row less the centre times sqrt(2 gamma), they are ``(z, -|z|^2 / 2, 1)`` on
    the left and ``(z, 1, -|z|^2 / 2)`` on the right: the product of two is ``-gamma |x - x'|^2``.

    Attributes
    ----------
    left, right : ndarrays or CSR matrices of shape (n_rows, n_columns)
        The rows on either side of a product, the same object unless the kernel is one of distances.
    """

    left: Any
    right: Any

    def __len__(self) -> int:
        return self.left.shape[0]

    def take(self, which: Any) -> "Rows":
        """Some of the rows."""
        left = self.left[which]
        return Rows(left, left if self.right is self.left else self.right[which])

    def astype(self, dtype: Any) -> "Rows":
        """The rows in another type of number."""
        left = self.left.astype(dtype)
        return Rows(left, left if self.right is self.left else self.right.astype(dtype))


@dataclass(frozen=True)
class Kernel:
    """A kernel function of rows, evaluated as ``values(products(x, z))``.

    Parameters
    ----------
    name : {"rbf", "linear", "poly", "sigmoid", "precomputed"} or callable
        ``exp(-gamma |x - z|^2)``, ``x.z``, ``(gamma x.z + coef0)^degree``, ``tanh(gamma x.z + coef0)``,
        values that are given, or a function of two sets of rows.
    gamma : float
        In units of one over a squared feature.
    degree : float
        Of "poly".
    coef0 : float
        Of "poly" and "sigmoid".

    Examples
    --------
    >>> kernel = Kernel("rbf", gamma=0.5)
    >>> rows = kernel.rows(np.array([[0.0], [2.0]]), np.zeros(1), np.float64)
    >>> kernel.block(rows, rows).round(4)
    array([[1.    , 0.1353],
           [0.1353, 1.    ]])
    """

    name: str | Callable[[Any, Any], Any]
    gamma: float = 1.0
    degree: float = 3
    coef0: float = 0.0

    @property
    def is_given(self) -> bool:
        """Whether the rows hold the values themselves."""
        return self.name == "precomputed"

    def centre(self, X: Any) -> np.ndarray | None:
        """What to take off all rows: distances do not change, and their rounding errors shrink."""
        measured = self.name == "rbf" and not sparse.issparse(X) and X.shape[0] > 0
        return X.mean(axis=0) if measured else None

    def precision(self, X: Any, centre: np.ndarray | None) -> Any:
        """Type of number in which products are precise enough for float32 kernel values.

        Raises
        ------
        InputError
            Where a row is too large to be measured.
        """
        if X.shape[0] == 0:
            return np.float32
        with np.errstate(over="ignore"):
            squares = _squares(X if centre is None else X - centre)
        largest = float(squares.max())
        if not np.isfinite(largest):
            raise InputError("a row of X is so large that its square is not finite; scale the features down")
        eps = float(np.finfo(np.float32).eps)
        if self.name == "rbf":
            return np.float32 if 2 * self.gamma * largest * eps < _ROUNDING else np.float64
        # Of rows far from the origin, products keep few of the digits in which the rows differ.
        mean = np.asarray(X.mean(axis=0)).ravel() if sparse.issparse(X) else X.mean(axis=0)
        spread = float(squares.mean()) - float(mean @ mean)
        return np.float32 if eps * largest < _DIGITS * spread else np.float64

    def rows(self, X: Any, centre: np.ndarray | None, dtype: Any) -> Rows:
        """Rows in this type of number, as ``block`` takes them."""
        if callable(self.name) or self.is_given:
            return Rows(X, X)
        if self.name != "rbf":
            X = X.astype(dtype, copy=False)
            return Rows(X, X)
        if sparse.issparse(X):
            X = X * np.sqrt(2 * self.gamma)
            half, one = -_squares(X)[:, None] / 2, np.ones((X.shape[0], 1))
            sides: Any = [sparse.hstack(parts, format="csr") for parts in ([X, half, one], [X, one, half])]
            return Rows(*(side.astype(dtype) for side in sides))
        n, d = X.shape
        left, right = np.empty((2, n, d + 2), dtype=dtype)
        for first in range(0, n, _BATCH):
            batch = slice(first, first + _BATCH)
            part = (X[batch] if centre is None else X[batch] - centre) * np.sqrt(2 * self.gamma)
            half = -_squares(part) / 2
            left[batch, :d], left[batch, d], left[batch, d + 1] = part, half, 1
            right[batch, :d], right[batch, d], right[batch, d + 1] = part, 1, half
        return Rows(left, right)

    def block(self, left: Rows, right: Rows) -> np.ndarray:
        """Kernel values of each row of one set with each of another; (n_left, n_right)."""
        if callable(self.name):
            return finite(_called(self.name, left.left, right.right))
        if self.is_given:
            return left.left
        return self.values(self.products(left, right))

    def products(self, left: Rows, right: Rows) -> np.ndarray:
        """``x.z``, or for distances ``-gamma |x - z|^2``, of each row with each other."""
        if sparse.issparse(left.left):
            return _sparse_products(left.left, right.right)
        with np.errstate(over="ignore", invalid="ignore"):
            return left.left @ right.right.T

    def values(self, products: np.ndarray) -> np.ndarray:
        """Kernel values of products, in their place.

        Raises
        ------
        InputError
            Where one is not finite.
        """
        if self.name == "rbf":
            np.minimum(
                products, 0, out=products
            )  # rounding may make the distance of a row from itself negative
            return np.exp(products, out=products)
        with np.errstate(over="ignore", invalid="ignore"):
            if self.name != "linear":
                products *= products.dtype.type(self.gamma)
                products += products.dtype.type(self.coef0)
                _power(products, self.degree) if self.name == "poly" else np.tanh(products, out=products)
        return finite(products)

    def diagonal(self, rows: Rows) -> np.ndarray:
        """Kernel value of each row with itself."""
        if callable(self.name):
            each = [rows.take(slice(i, i + _FEW)) for i in range(0, len(rows), _FEW)]
            return np.concatenate([self.block(few, few).diagonal() for few in each]).astype(np.float64)
        if self.name == "rbf":
            return np.ones(len(rows), dtype=rows.left.dtype)
        return self.values(_squares(rows.left))


def resolve(
    kernel: Any, gamma: Any, degree: float, coef0: float, X: Any, weight: Floats, *, name: str
) -> Kernel:
    """The kernel that parameters name, with gamma as a number.

    Raises
    ------
    InputError
        Where a parameter cannot be used; ``name`` is the estimator's.
    """
    if not callable(kernel):
        check_choice(kernel, KERNELS, f"kernel of {name}")
    check_nonnegative(degree, "degree")
    check_finite(coef0, "coef0")
    if kernel == "precomputed":
        if X.shape[0] != X.shape[1]:
            raise InputError(
                f"X has shape {X.shape}; with kernel='precomputed' it must be a square matrix of kernel "
                "values, (n_samples, n_samples)"
            )
        return Kernel(kernel)
    return Kernel(kernel, _gamma(gamma, X, weight), degree, float(coef0))


def _gamma(gamma: Any, X: Any, weight: Floats) -> float:
    if isinstance(gamma, str):
        check_choice(gamma, ("scale", "auto"), "gamma")
        if gamma == "auto":
            return 1.0 / X.shape[1]
        variance = _variance(X, weight)
        return 1.0 / (X.shape[1] * variance) if variance > 0 else 1.0
    check_positive(gamma, "gamma")
    return float(gamma)


def _variance(X: Any, weight: Floats) -> float:
    """Weighted variance of all entries; that of ``X.var()`` where all weights are alike."""
    if is_torch_array(X):
        return _variance_of_tensor(X, weight)
    if np.all(weight == weight[0]):
        if sparse.issparse(X):
            return float(X.multiply(X).mean() - X.mean() ** 2)
        return float(X.var())
    if sparse.issparse(X):
        moments: Any = mean_variance_axis(X, axis=0, weights=weight.astype(X.dtype))
        means, variances = moments[0], moments[1]
    else:
        means = np.average(X, axis=0, weights=weight)
        variances = np.average((X - means) ** 2, axis=0, weights=weight)
    return float(np.mean(variances) + np.var(means))


def _variance_of_tensor(X: Any, weight: Floats) -> float:
    xp = array_namespace(X)
    share = xp.asarray(weight / weight.sum(), device=X.device)
    X = xp.astype(X, xp.float64, copy=False)
    means = share @ X
    return float(xp.mean(share @ (X - means) ** 2) + xp.var(means))


def _squares(X: Any) -> Any:
    if is_torch_array(X):
        return (X * X).sum(-1)
    if sparse.issparse(X):
        return np.asarray(X.multiply(X).sum(axis=1)).ravel()
    return np.einsum("ij,ij->i", X, X)


def _sparse_products(left: Any, right: Any) -> np.ndarray:
    """``left @ right.T`` as a dense array, by whichever way is less work."""
    n, d = right.shape
    by_columns = 10 * left.nnz * (right.nnz / max(1, d))  # an entry of a sparse result costs several products
    if by_columns < n * d + left.nnz * n:
        return (left @ right.T).toarray()
    out = np.empty((left.shape[0], n), dtype=left.dtype)
    size = max(1, _DENSE_BYTES // (8 * d))
    for first in range(0, n, size):
        batch = slice(first, first + size)
        out[:, batch] = left @ np.ascontiguousarray(right[batch].toarray().T)
    return out


def _power(values: np.ndarray, degree: float) -> None:
    """Raise in place; products of whole degrees are many times faster than general powers."""
    if degree != int(degree) or degree > 16:
        np.power(values, values.dtype.type(degree), out=values)
        return
    base = values.copy()
    values[:] = 1
    for _ in range(int(degree)):
        values *= base


def finite(values: np.ndarray) -> np.ndarray:
    """Return kernel values if all are finite; else raise InputError."""
    if not np.isfinite(values).all():
        bad = values[~np.isfinite(values)]
        raise InputError(
            f"a kernel value is {bad[0]} in {values.dtype}; scale the features, or lower gamma or degree"
        )
    return values


def _called(function: Callable[[Any, Any], Any], left: Any, right: Any) -> np.ndarray:
    values = np.asarray(function(left, right))
    shape = (left.shape[0], right.shape[0])
    if values.shape != shape or values.dtype.kind not in "fiub":
        raise InputError(
            f"the kernel function returned {values.dtype} of shape {values.shape} for {shape[0]} and "
            f"{shape[1]} rows; it must return numbers of shape {shape}"
        )
    return values
