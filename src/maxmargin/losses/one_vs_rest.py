"""One-vs-rest: every class against all the others together."""

from collections.abc import Callable
from dataclasses import dataclass

from array_api_compat import array_namespace

from maxmargin._typing import Array
from maxmargin.losses._base import one_hot
from maxmargin.losses.surrogates import Hinge, Surrogate


@dataclass(frozen=True)
class OneVsRest:
    """One-vs-rest loss: sum_k phi(1 - t_k f_k), with t_k = +1 for the true class and -1 for the others.

    Parameters
    ----------
    surrogate : Surrogate, default=Hinge()
        phi: the hinge (Tang's L1-SVM), squared hinge (Tang's L2-SVM) or smooth hinge.

    References
    ----------
    Tang (2013), Deep Learning using Linear Support Vector Machines, eqs 5, 6 and 10.

    Examples
    --------
    >>> import numpy as np
    >>> OneVsRest().value(np.array([[0.5, -2.0, 0.0]]), np.array([0]))
    array([1.5])
    """

    surrogate: Surrogate = Hinge()

    def value(self, scores: Array, target: Array) -> Array:
        """Loss of each sample, shape (n,)."""
        xp = array_namespace(scores)
        signed = xp.where(one_hot(scores, target), -scores, scores)
        return xp.sum(self.surrogate.value(1 + signed), axis=1)

    def value_and_gradient(self, scores: Array, target: Array) -> tuple[Array, Array]:
        """Loss of each sample (n,) and its derivative by the scores (n, n_classes)."""
        xp = array_namespace(scores)
        truth = one_hot(scores, target)
        values, slopes = self.surrogate.value_and_slope(1 + xp.where(truth, -scores, scores))
        return xp.sum(values, axis=1), xp.where(truth, -slopes, slopes)

    def curvature(self, scores: Array, target: Array) -> Callable[[Array], Array]:
        """Map d to phi'' d, elementwise, since t_k^2 = 1."""
        xp = array_namespace(scores)
        bends = self.surrogate.bend(1 + xp.where(one_hot(scores, target), -scores, scores))
        return lambda direction: bends * direction
