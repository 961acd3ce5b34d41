"""Preprocessing as layers: fitted once on the training rows, applied on the device, saved with the net."""

import functools
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from maxmargin._checks import InputError, check_choice, check_positive
from maxmargin._typing import Array

_BLOCK_BYTES = 2**26  # of float64 rows held at once


class FittedLayer(nn.Module, ABC):
    """A layer whose buffers come from data: ``fit(X)`` or ``load_state_dict`` fills them.

    Statistics are computed in float64 over blocks of rows, so that memory maps larger than memory serve.
    The buffers lie where ``X`` lies, in its floating type (float32 for integers).
    """

    buffer_names: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        super().__init__()
        for name in self.buffer_names:
            self.register_buffer(name, None)

    def fit(self, X: Array | Tensor) -> Self:
        """Fit to training rows ``X``, (n, ...): a tensor, a NumPy array or a memory map; returns self."""
        _check_rows(X)
        like = X[:1] if isinstance(X, Tensor) else torch.tensor(X[:1])
        dtype = like.dtype if like.is_floating_point() else torch.get_default_dtype()
        for name, value in zip(self.buffer_names, self._statistics(X), strict=True):
            setattr(self, name, value.to(like.device, dtype))
        return self

    @abstractmethod
    def _statistics(self, X: Array | Tensor) -> tuple[Tensor, ...]:
        """The buffers in float64, in the order of ``buffer_names``."""

    def _ready(self, x: Tensor) -> Tensor:
        """``x`` in the type of the buffers, of which the first has the shape of a row."""
        first = getattr(self, self.buffer_names[0])
        if first is None:
            raise InputError(f"this {type(self).__name__} is not fitted; call fit(X) first")
        if x.shape[1:] != first.shape:
            raise InputError(
                f"rows have shape {tuple(x.shape[1:])}; the layer was fitted to {tuple(first.shape)}"
            )
        return x.to(first.dtype)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        for name in self.buffer_names:  # an unfitted layer does not know the shapes yet
            if getattr(self, name) is None and prefix + name in state_dict:
                setattr(self, name, torch.empty_like(state_dict[prefix + name]))
        super()._load_from_state_dict(state_dict, prefix, *args)


class PerImageNorm(nn.Module):
    """Take out brightness and contrast: subtract each image's mean, then scale its pixels to one norm.

    A constant image becomes zero. There is nothing to fit.

    Parameters
    ----------
    norm : float, default=100.0
        The norm of every image, 100 in the paper.

    References
    ----------
    Tang, Deep Learning using Linear Support Vector Machines (2013), the section on FER2013.

    Examples
    --------
    >>> import torch
    >>> PerImageNorm(norm=5.0)(torch.tensor([[1.0, 7.0, 4.0, 4.0]]))
    tensor([[-3.5355,  3.5355,  0.0000,  0.0000]])
    """

    def __init__(self, norm: float = 100.0) -> None:
        super().__init__()
        check_positive(norm, "norm")
        self.norm = norm

    def fit(self, X: Array | Tensor) -> Self:
        """Return self: nothing depends on the training rows."""
        _check_rows(X)
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, ...) of mean 0 and the norm, in the shape that they came in."""
        rows = x.flatten(1)
        rows = rows if rows.is_floating_point() else rows.to(torch.get_default_dtype())
        centred = rows - rows.mean(1, keepdim=True)
        norms = torch.linalg.vector_norm(centred, dim=1, keepdim=True)
        # What is left of a constant image is the rounding of its mean.
        flat = norms <= 4 * torch.finfo(rows.dtype).eps * torch.linalg.vector_norm(rows, dim=1, keepdim=True)
        return torch.where(flat, 0.0, self.norm * centred / torch.where(flat, 1.0, norms)).view(x.shape)


class PixelMean(FittedLayer):
    """Subtract from each pixel its mean over the training rows.

    Examples
    --------
    >>> import torch
    >>> PixelMean().fit(torch.tensor([[0.0, 1.0], [2.0, 5.0]]))(torch.tensor([[1.0, 1.0]]))
    tensor([[ 0., -2.]])
    """

    buffer_names = ("mean",)
    mean: Tensor

    def _statistics(self, X: Array | Tensor) -> tuple[Tensor, ...]:
        return (_mean(X).view(X.shape[1:]),)

    def forward(self, x: Tensor) -> Tensor:
        """Rows (N, ...) less the mean."""
        return self._ready(x) - self.mean


class PixelStandardisation(FittedLayer):
    """Bring each pixel to mean 0 and standard deviation 1 over the training rows; constant pixels become 0.

    References
    ----------
    Tang, Deep Learning using Linear Support Vector Machines (2013), the section on FER2013.

    Examples
    --------
    >>> import torch
    >>> PixelStandardisation().fit(torch.tensor([[0.0, 1.0], [2.0, 5.0]]))(torch.tensor([[3.0, 1.0]]))
    tensor([[ 2., -1.]])
    """

    buffer_names = ("mean", "deviation")
    mean: Tensor
    deviation: Tensor

    def _statistics(self, X: Array | Tensor) -> tuple[Tensor, ...]:
        mean = _mean(X)
        variance = _total((rows - mean).square().sum(0) for rows in _blocks(X)) / len(X)
        return mean.view(X.shape[1:]), _nonzero(variance.sqrt(), mean.abs()).view(X.shape[1:])

    def forward(self, x: Tensor) -> Tensor:
        """Rows (N, ...) less the mean, over the deviation."""
        return (self._ready(x) - self.mean) / self.deviation


class PrincipalComponents(FittedLayer):
    """Project flattened rows onto the directions of largest variance of the training rows.

    The eigenvectors of the covariance; of each the entry largest in absolute value is positive, as in
    scikit-learn.

    Parameters
    ----------
    n_components : int or float
        A number of components, or the share of the variance, in (0, 1), that they must exceed.
    scale : "none", "global" or "whiten", default="none"
        Divide the components by nothing, by one deviation common to them all (their root mean variance), or
        each by its own.

    Raises
    ------
    InputError
        For another ``n_components`` or ``scale``; by ``fit`` if the rows or columns are too few.

    References
    ----------
    Tang, Deep Learning using Linear Support Vector Machines (2013), the section on MNIST: 784 to 70;
    Gogos, Neural Networks: Working with SVMs (2023), section 7.1: 90 % of the variance.

    Examples
    --------
    >>> import torch
    >>> layer = PrincipalComponents(1).fit(torch.tensor([[0.0, 0.0], [2.0, 2.0], [4.0, 4.0]]))
    >>> layer(torch.tensor([[3.0, 3.0]]))
    tensor([[1.4142]])
    """

    buffer_names = ("mean", "components", "deviation")
    mean: Tensor
    components: Tensor
    deviation: Tensor

    def __init__(self, n_components: int | float, scale: str = "none") -> None:
        super().__init__()
        whole = isinstance(n_components, int) and not isinstance(n_components, bool) and n_components >= 1
        if not whole and not (isinstance(n_components, float) and 0 < n_components < 1):
            raise InputError(
                f"n_components is {n_components!r}; it must be an integer of at least 1 or a share in (0, 1)"
            )
        self.n_components = n_components
        self.scale = check_choice(scale, ("none", "global", "whiten"), "scale")

    def _statistics(self, X: Array | Tensor) -> tuple[Tensor, ...]:
        n_most = min(len(X) - 1, math.prod(X.shape[1:]))
        if self.n_components > n_most or n_most == 0:
            raise InputError(f"X has shape {tuple(X.shape)}; it has at most {n_most} principal components")
        mean = _mean(X)
        covariance = _total((rows := block - mean).T @ rows for block in _blocks(X)) / (len(X) - 1)
        variances, vectors = torch.linalg.eigh(covariance)
        variances, vectors = variances.flip(0).clamp(min=0), vectors.T.flip(0)
        kept = self._n_kept(variances)
        components = vectors[:kept]
        peaks = components.gather(1, components.abs().argmax(1, keepdim=True))
        return mean.view(X.shape[1:]), components * peaks.sign(), self._deviation(variances[:kept])

    def _n_kept(self, variances: Tensor) -> int:
        if isinstance(self.n_components, int):
            return self.n_components
        shares = variances.cumsum(0) / variances.sum()
        return min(int((shares <= self.n_components).sum()) + 1, len(variances))

    def _deviation(self, variances: Tensor) -> Tensor:
        if self.scale == "none":
            return torch.ones_like(variances[:1])
        kept = variances if self.scale == "whiten" else variances.mean()[None]
        return _nonzero(kept.sqrt(), variances.max().sqrt())

    def forward(self, x: Tensor) -> Tensor:
        """Components (N, n_components) of rows (N, ...)."""
        return (self._ready(x) - self.mean).flatten(1) @ self.components.T / self.deviation


def _check_rows(X: Array | Tensor) -> None:
    if X.ndim < 2 or 0 in X.shape:
        raise InputError(f"X has shape {tuple(X.shape)}; it must have rows, (n, ...), and not be empty")


def _blocks(X: Array | Tensor) -> Iterator[Tensor]:
    """Flattened rows in float64, a few at a time."""
    step = max(1, _BLOCK_BYTES // (8 * math.prod(X.shape[1:])))
    for start in range(0, len(X), step):
        rows = X[start : start + step]
        if isinstance(rows, Tensor):
            yield rows.detach().flatten(1).double()
        else:
            yield torch.tensor(rows, dtype=torch.float64).flatten(1)  # copies: a memory map may be read-only


def _total(terms: Iterable[Tensor]) -> Tensor:
    return functools.reduce(Tensor.add_, terms)


def _mean(X: Array | Tensor) -> Tensor:
    total = _total(rows.sum(0) for rows in _blocks(X))
    if not torch.isfinite(total).all():
        raise InputError("X has values that are not finite; remove or replace them first")
    return total / len(X)


def _nonzero(deviation: Tensor, scale: Tensor) -> Tensor:
    """1 in place of a deviation that is only rounding beside ``scale``."""
    noise = 1e-7 * scale
    return torch.where(deviation <= noise, torch.ones_like(deviation), deviation)
