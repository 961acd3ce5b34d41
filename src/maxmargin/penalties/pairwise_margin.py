"""The pairwise margin penalty of M3SVM and ISM3."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from maxmargin._arrays import array_namespace
from maxmargin._checks import check_at_least, check_nonnegative
from maxmargin._typing import Array

_DIGITS = 6  # of a distance, that the sharpest blur leaves: rounding of the Gram matrix takes the next two


@dataclass(frozen=True)
class PairwiseMargin:
    """The penalty sum_{k<l} |w_k - w_l|^p: since 2 / |w_k - w_l| is a margin, a large p widens the smallest.

    Value, gradient and curvature are computed from the Gram matrix of the weights, without an
    (n_classes, n_classes, n_features) array. Where two weights are equal their distance has derivative 0.

    Parameters
    ----------
    p : float, default=4
        Exponent, at least 1; 2 weighs all margins alike, more weighs the smallest margin.
    blur : float, default=0.0
        h: the distances are sqrt(|w_k - w_l|^2 + h^2), smooth where two weights are equal.

    References
    ----------
    Multi-class Support Vector Machine with Maximizing Minimum Margin (AAAI 2024), eq. 20 and Lemmas 1 and 3.

    Examples
    --------
    >>> import numpy as np
    >>> value, gradient = PairwiseMargin(p=4).value_and_gradient(np.array([[1.0], [-1.0]]))
    >>> float(value), gradient.tolist()
    (16.0, [[32.0], [-32.0]])
    """

    is_separable = False

    p: float = 4.0
    blur: float = field(default=0.0, repr=False)

    def __post_init__(self) -> None:
        check_at_least(self.p, 1, "p")
        check_nonnegative(self.blur, "blur")

    @property
    def has_conjugate(self) -> bool:
        """Whether ``conjugate`` knows a bound: for p > 1."""
        return self.p > 1

    def stages(self, scale: float) -> Sequence["PairwiseMargin"]:
        """Below p = 2 ever sharper blurs: the curvature has a pole where two weights meet."""
        if self.p >= 2 or self.blur > 0:
            return [self]
        return [replace(self, blur=scale * 10.0**-digits) for digits in range(_DIGITS + 1)]

    def sharpening(self, coef: Array) -> float:
        """0, or the value without the blur less that with it."""
        if self.blur == 0:
            return 0.0
        return float(replace(self, blur=0.0).value_and_gradient(coef)[0] - self.value_and_gradient(coef)[0])

    def value_and_gradient(self, coef: Array) -> tuple[Array, Array]:
        """Value, a scalar, and gradient, shape (n_classes, n_features)."""
        xp = array_namespace(coef)
        weights = centred(coef)
        if self.p == 2:
            # sum_{k<l} |w_k - w_l|^2 = c |W|^2 - |sum_k w_k|^2, and the centred weights sum to zero.
            return coef.shape[0] * xp.sum(weights * weights), 2 * coef.shape[0] * weights
        distances = _SafeDistances(weights, self.blur)
        return xp.sum(distances.power(self.p)) / 2, _pull(self.p * distances.power(self.p - 2), weights)

    def curvature(self, coef: Array) -> Callable[[Array], Array]:
        """D to sum_l p e^(p-2) (d_k - d_l) + p (p-2) e^(p-4) (w_k - w_l) (w_k - w_l).(d_k - d_l)."""
        weights = centred(coef)
        if self.p == 2:
            return lambda direction: 2 * coef.shape[0] * centred(direction)
        distances = _SafeDistances(weights, self.blur)
        along = self.p * distances.power(self.p - 2)
        across = self.p * (self.p - 2) * distances.power(self.p - 4)

        def product(direction: Array) -> Array:
            direction = centred(direction)
            return _pull(along, direction) + _pull(across * _paired(weights, direction), weights)

        return product

    def stiffness(self, coef: Array) -> Array:
        """sum_l p e_kl^(p-2), the curvature across the differences; at p = 2 that of centred weights, 2 c."""
        xp = array_namespace(coef)
        if self.p == 2:
            return 2 * coef.shape[0] * xp.ones_like(coef[:, 0])
        return self.p * xp.sum(_SafeDistances(centred(coef), self.blur).power(self.p - 2), axis=1)

    def slopes_along(self, coef: Array, direction: Array) -> Callable[[float], float]:
        """Along a line the squared distances are quadratic in t, so a slope costs c^2 operations."""
        xp = array_namespace(coef)
        coef, direction = centred(coef), centred(direction)
        start, mixed, end = (
            _paired(*pair) for pair in ((coef, coef), (coef, direction), (direction, direction))
        )

        def slope(t: float) -> float:
            squared = start + 2 * t * mixed + t * t * end
            apart = squared > 4 * xp.finfo(squared.dtype).eps * (start + t * t * end)
            squared = xp.where(apart, squared, xp.zeros_like(squared)) + self.blur**2
            apart = apart | (self.blur > 0)
            safe = xp.where(apart, squared, xp.ones_like(squared))
            powers = xp.where(apart, safe ** (self.p / 2 - 1), xp.zeros_like(safe))
            return self.p / 2 * float(xp.sum(powers * (mixed + t * end)))

        return slope

    def conjugate(self, slope: Array, coef: Array, ridge: float = 0.0) -> float | None:
        """|V|^2 / (4 (c + ridge)) at p = 2 of a slope V whose columns sum to zero; None at p = 1.

        Elsewhere the bound of a flow. Let u_kl, with u_lk = -u_kl, flow from class to class so that what
        leaves k is v_k = sum_l u_kl. Then V.W = sum_{k<l} u_kl.(w_k - w_l), and Young's inequality for each
        pair bounds the conjugate by sum_{k<l} (p - 1) (|u_kl| / p)^(p / (p - 1)). The gradient at ``coef`` is
        the flow p e^(p-2) (w_k - w_l), for which this is an equality; to it is added (r_k - r_l) / c, where
        the rest r is what the gradient lacks to V.
        """
        xp, n_classes = array_namespace(slope), slope.shape[0]
        if self.p == 1:
            return None
        if self.p == 2:
            return float(xp.sum(slope * slope)) / (4 * (n_classes + ridge))
        coef = centred(coef)
        slope = slope - 2 * ridge * coef  # since |W|^2 >= 2 W.coef - |coef|^2
        strength = self.p * _SafeDistances(coef, self.blur).power(self.p - 2)
        rest = (slope - _pull(strength, coef)) / n_classes
        squared = strength**2 * _paired(coef, coef) + 2 * strength * _paired(coef, rest) + _paired(rest, rest)
        flows = xp.sqrt(xp.where(squared > 0, squared, xp.zeros_like(squared))) / self.p
        of_pairs = (self.p - 1) * float(xp.sum(flows ** (self.p / (self.p - 1)))) / 2
        return of_pairs + ridge * float(xp.sum(coef * coef))


class _SafeDistances:
    """Distances e_kl = |w_k - w_l| whose powers are 0 where two weights are equal."""

    def __init__(self, weights: Array, blur: float) -> None:
        xp = array_namespace(weights)
        norms = xp.sum(weights * weights, axis=1)
        scale = norms[:, None] + norms[None, :]
        squared = scale - 2 * (weights @ weights.T)
        # Below the rounding error of the Gram matrix two weights are equal.
        apart = squared > 4 * xp.finfo(weights.dtype).eps * scale
        squared = xp.where(apart, squared, xp.zeros_like(squared)) + blur**2
        self._apart = ~_diagonal(weights) if blur > 0 else apart
        self._squared = xp.where(self._apart, squared, xp.ones_like(squared))

    def power(self, exponent: float) -> Array:
        xp = array_namespace(self._squared)
        return xp.where(self._apart, self._squared ** (exponent / 2), xp.zeros_like(self._squared))


def _diagonal(weights: Array) -> Array:
    classes = array_namespace(weights).arange(weights.shape[0], device=weights.device)
    return classes[:, None] == classes[None, :]


def _paired(a: Array, b: Array) -> Array:
    """(a_k - a_l).(b_k - b_l) of all pairs, from Gram matrices."""
    mixed = a @ b.T
    own = array_namespace(mixed).linalg.diagonal(mixed)
    return own[:, None] + own[None, :] - mixed - mixed.T


def centred(coef: Array) -> Array:
    """Differences do not see a common shift; centred weights lose the fewest digits in the Gram matrix."""
    return coef - array_namespace(coef).mean(coef, axis=0, keepdims=True)


def _pull(strength: Array, coef: Array) -> Array:
    """sum_l strength_kl (w_k - w_l)."""
    return array_namespace(coef).sum(strength, axis=1)[:, None] * coef - strength @ coef
