"""One-vs-rest: every class against all the others together."""

from dataclasses import dataclass

from maxmargin._arrays import array_namespace
from maxmargin._typing import Array
from maxmargin.functional import clip, positive_part
from maxmargin.losses._base import Curvature, chosen
from maxmargin.losses.faces import box_tangent
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

    is_separable = True

    surrogate: Surrogate = Hinge()

    @property
    def is_polyhedral(self) -> bool:
        """Whether it is piecewise linear: with the hinge."""
        return isinstance(self.surrogate, Hinge)

    def value(self, scores: Array, target: Array) -> Array:
        """Loss of each sample, shape (n,)."""
        return array_namespace(scores).sum(self.surrogate.value(self.violations(scores, target)), axis=1)

    def value_and_gradient(self, scores: Array, target: Array) -> tuple[Array, Array]:
        """Loss of each sample (n,) and its derivative by the scores (n, n_classes)."""
        xp = array_namespace(scores)
        values, slopes = self.surrogate.value_and_slope(self.violations(scores, target))
        return xp.sum(values, axis=1), self.pull(slopes, target)

    def curvature(self, scores: Array, target: Array) -> Curvature:
        """Map d to phi'' d, elementwise, since t_k^2 = 1."""
        bends = self.surrogate.bend(self.violations(scores, target))
        return Curvature(lambda direction: bends * direction, bends)

    def conjugate(self, gradient: Array, target: Array) -> Array:
        """Sum over the classes of phi*(u_k) - u_k, with u_k = -t_k g_k."""
        xp = array_namespace(gradient)
        slopes = positive_part(self.pull(gradient, target))
        return xp.sum(self.surrogate.conjugate(slopes) - slopes, axis=1)

    def violations(self, scores: Array, target: Array) -> Array:
        """1 - t_k f_k."""
        return 1 + self.push(scores, target)

    def project(self, points: Array, target: Array) -> Array:  # noqa: ARG002
        """Nearest point of the box [0, 1]^n_classes."""
        return clip(points, 0.0, 1.0)

    def tangent(self, points: Array, target: Array) -> Curvature:  # noqa: ARG002
        """The coordinates inside the box."""
        return box_tangent((points > 0) & (points < 1), points)

    def pull(self, duals: Array, target: Array) -> Array:
        """-t_k u_k."""
        return chosen(target, duals).flipped(duals)

    def push(self, direction: Array, target: Array) -> Array:
        """-t_k d_k."""
        return self.pull(direction, target)
