"""Margin losses as modules, to be used where ``torch.nn.CrossEntropyLoss`` is.

All take scores of shape (N, C) or (N, C, d1, ...) and integer targets (N, d1, ...) or probabilities of the
scores' shape, and keep to the conventions that :mod:`maxmargin.nn.functional` lists.
"""

from typing import Any, ClassVar

from torch import Tensor, nn

from maxmargin._checks import check_choice, check_nonnegative
from maxmargin.losses import (
    CrammerSinger,
    Loss,
    SmoothHinge,
    SoftmaxCrossEntropy,
    SquaredHinge,
    TopK,
    WestonWatkins,
)
from maxmargin.nn._targets import check_options, reduced_loss
from maxmargin.nn.functional import one_vs_rest, pairwise_margin_penalty
from maxmargin.penalties import PairwiseMargin

_OPTIONS = """weight : tensor of shape (C,), optional
        A factor for each class, at least 0.
    ignore_index : int, default=-100
        An integer target that does not count.
    reduction : {"mean", "sum", "none"}, default="mean"
        "mean" divides by the summed weights of the targets, or by their number where they are probabilities.

    Raises
    ------
    InputError
        Where a parameter is out of range; in ``forward`` where shapes or types do not fit, there is one class
        alone or no row, and, on the CPU in eager mode, where a target is out of range or all are ignored."""


class ClassificationLoss(nn.Module):
    """What the losses of (scores, target) share.

    The constants live in ``loss`` alone: who sets one builds that anew, which checks it.
    """

    shown: ClassVar[tuple[str, ...]] = ()
    loss: Any
    weight: Tensor | None

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.__doc__ = (cls.__doc__ or "").replace("{options}", _OPTIONS)

    def __init__(self, loss: Loss, weight: Tensor | None, ignore_index: int, reduction: str) -> None:
        super().__init__()
        check_options(weight, ignore_index, reduction)
        self.loss = loss
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index
        self.reduction = reduction

    def extra_repr(self) -> str:
        """The parameters, for ``repr``."""
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in (*self.shown, "reduction"))

    def forward(self, scores: Tensor, target: Tensor) -> Tensor:
        """Loss of the scores, reduced."""
        return reduced_loss(
            self.loss,
            scores,
            target,
            weight=self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
        )


class OneVsRestHingeLoss(ClassificationLoss):
    """Train every class against all others: sum_k [1 - t_k f_k]_+^power, t_k = 1 at the true class, else -1.

    Parameters
    ----------
    power : {1, 2}, default=2
        1 for Tang's L1-SVM, 2 for his L2-SVM.
    {options}

    References
    ----------
    Tang (2013), Deep Learning using Linear Support Vector Machines, eqs 5 and 6.

    Examples
    --------
    >>> import torch
    >>> OneVsRestHingeLoss(power=1)(torch.tensor([[0.5, -2.0, 0.0]]), torch.tensor([0]))
    tensor(1.5000)
    """

    shown = ("power",)

    def __init__(
        self,
        power: int = 2,
        *,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
    ) -> None:
        super().__init__(one_vs_rest(power), weight, ignore_index, reduction)

    @property
    def power(self) -> int:
        """1 or 2."""
        return 2 if isinstance(self.loss.surrogate, SquaredHinge) else 1

    @power.setter
    def power(self, power: int) -> None:
        self.loss = one_vs_rest(power)


class WestonWatkinsLoss(ClassificationLoss):
    """Keep every other class a margin below the true one: sum_{k != y} [1 - (f_y - f_k)]_+.

    It is ``torch.nn.MultiMarginLoss`` times the number of classes.

    Parameters
    ----------
    {options}

    References
    ----------
    Weston and Watkins (1998), Multi-class support vector machines (whose margin is 2 where ours is 1).

    Examples
    --------
    >>> import torch
    >>> WestonWatkinsLoss()(torch.tensor([[2.0, 1.5, 3.0]]), torch.tensor([0]))
    tensor(2.5000)
    """

    def __init__(
        self, *, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        super().__init__(WestonWatkins(), weight, ignore_index, reduction)


class CrammerSingerLoss(ClassificationLoss):
    """Keep the strongest rival a margin below the true class: max_{k != y} [1 - (f_y - f_k)]_+.

    Parameters
    ----------
    {options}

    References
    ----------
    Crammer and Singer (2001), On the algorithmic implementation of multiclass kernel-based vector machines.

    Examples
    --------
    >>> import torch
    >>> CrammerSingerLoss()(torch.tensor([[2.0, 1.5, 3.0]]), torch.tensor([0]))
    tensor(2.)
    """

    def __init__(
        self, *, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        super().__init__(CrammerSinger(), weight, ignore_index, reduction)


class TopKHingeLoss(ClassificationLoss):
    """Bring the true class among the k highest scores: the mean of the k largest margin violations.

    With a_j = 1 - (f_y - f_j) for j != y and a_y = 0, sorted decreasingly, it is
    ``[(a_[1] + ... + a_[k]) / k]_+`` (alpha) or ``([a_[1]]_+ + ... + [a_[k]]_+) / k`` (beta).

    Parameters
    ----------
    k : int
        How many rivals count: at least 1 and below the number of classes.
    variant : {"alpha", "beta"}, default="alpha"
        Whether the mean is taken before the positive part or after it.
    {options}

    References
    ----------
    Lapin, Hein and Schiele (2015), Top-k multiclass SVM.

    Examples
    --------
    >>> import torch
    >>> TopKHingeLoss(k=2)(torch.tensor([[2.0, 1.5, 3.0, -4.0]]), torch.tensor([0]))
    tensor(1.2500)
    """

    shown = ("k", "variant")

    def __init__(
        self,
        k: int,
        variant: str = "alpha",
        *,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
    ) -> None:
        super().__init__(TopK(k, variant), weight, ignore_index, reduction)

    @property
    def k(self) -> int:
        """How many rivals count."""
        return self.loss.k

    @k.setter
    def k(self, k: int) -> None:
        self.loss = TopK(k, self.variant)

    @property
    def variant(self) -> str:
        """Whether the mean is taken before the positive part or after it."""
        return self.loss.variant

    @variant.setter
    def variant(self, variant: str) -> None:
        self.loss = TopK(self.k, variant)


class SmoothHingeLoss(ClassificationLoss):
    """Weston-Watkins without kinks: sum_{k != y} g(1 - (f_y - f_k)), g(t) = (t + sqrt(t^2 + delta^2)) / 2.

    Parameters
    ----------
    delta : float, default=0.1
        Width of the smoothing, in units of the margin; positive.
    {options}

    References
    ----------
    Multi-class Support Vector Machine with Maximizing Minimum Margin (AAAI 2024), eqs 21 and 25.

    Examples
    --------
    >>> import torch
    >>> SmoothHingeLoss(delta=1.0)(torch.tensor([[1.0, 0.0]]), torch.tensor([0]))
    tensor(0.5000)
    """

    shown = ("delta",)

    def __init__(
        self,
        delta: float = 0.1,
        *,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
    ) -> None:
        super().__init__(WestonWatkins(SmoothHinge(delta)), weight, ignore_index, reduction)

    @property
    def delta(self) -> float:
        """Width of the smoothing."""
        return self.loss.surrogate.delta

    @delta.setter
    def delta(self, delta: float) -> None:
        self.loss = WestonWatkins(SmoothHinge(delta))


class SoftMarginSoftmaxLoss(ClassificationLoss):
    """Softmax cross-entropy whose true class has to lead by a margin: f_y - m stands in place of f_y.

    Parameters
    ----------
    margin : float
        m, at least 0; with 0 it is the cross-entropy.
    {options}

    References
    ----------
    Liang et al. (2017), Soft-margin softmax for deep classification.

    Examples
    --------
    >>> import torch
    >>> SoftMarginSoftmaxLoss(margin=1.0)(torch.tensor([[0.0, 1.0]]), torch.tensor([1]))
    tensor(0.6931)
    """

    shown = ("margin",)

    def __init__(
        self,
        margin: float,
        *,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
    ) -> None:
        super().__init__(SoftmaxCrossEntropy(margin), weight, ignore_index, reduction)

    @property
    def margin(self) -> float:
        """By how much the true class has to lead."""
        return self.loss.margin

    @margin.setter
    def margin(self, margin: float) -> None:
        self.loss = SoftmaxCrossEntropy(margin)


class KerasHingeLoss(ClassificationLoss):
    """One-vs-rest hinge averaged over the classes, as Keras's ``hinge`` of targets in {-1, 1} has it.

    Parameters
    ----------
    {options}

    References
    ----------
    Gogos (2023), Neural Networks: Working with SVMs.

    Examples
    --------
    >>> import torch
    >>> KerasHingeLoss()(torch.tensor([[0.5, -2.0, 0.0]]), torch.tensor([0]))
    tensor(0.5000)
    """

    def __init__(
        self, *, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        super().__init__(one_vs_rest(1), weight, ignore_index, reduction)

    def forward(self, scores: Tensor, target: Tensor) -> Tensor:
        """Loss of the scores, reduced."""
        return super().forward(scores, target) / scores.shape[1]


class CrossEntropyLoss(ClassificationLoss):
    """Softmax cross-entropy -f_y + log sum_k exp f_k, as ``torch.nn.CrossEntropyLoss`` has it.

    Parameters
    ----------
    {options}

    Examples
    --------
    >>> import torch
    >>> CrossEntropyLoss()(torch.tensor([[0.0, 0.0]]), torch.tensor([1]))
    tensor(0.6931)
    """

    def __init__(
        self, *, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        super().__init__(SoftmaxCrossEntropy(), weight, ignore_index, reduction)


class ISM3Loss(CrossEntropyLoss):
    """Cross-entropy that widens the margins of the last layer: plus strength * sum_{k<l} |w_k - w_l|^p.

    The penalty belongs to no sample, so the reduction "none" is refused.

    Parameters
    ----------
    p : float, default=4
        Exponent, at least 1; a large one widens the smallest margin.
    strength : float, default=1e-3
        Weight of the penalty, at least 0.
    {options}

    References
    ----------
    Multi-class Support Vector Machine with Maximizing Minimum Margin (AAAI 2024), eq. 20.

    Examples
    --------
    >>> import torch
    >>> head = torch.nn.Linear(5, 3)
    >>> ISM3Loss()(head(torch.ones(2, 5)), torch.tensor([0, 2]), coef=head.weight).backward()
    """

    shown = ("p", "strength")

    def __init__(
        self,
        p: float = 4.0,
        strength: float = 1e-3,
        *,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
    ) -> None:
        check_choice(reduction, ("mean", "sum"), "reduction")
        super().__init__(weight=weight, ignore_index=ignore_index, reduction=reduction)
        self.p, self.strength = p, strength

    @property
    def p(self) -> float:
        """Exponent of the penalty."""
        return self._penalty.p

    @p.setter
    def p(self, p: float) -> None:
        self._penalty = PairwiseMargin(p)

    @property
    def strength(self) -> float:
        """Weight of the penalty."""
        return self._strength

    @strength.setter
    def strength(self, strength: float) -> None:
        check_nonnegative(strength, "strength")
        self._strength = strength

    def forward(self, scores: Tensor, target: Tensor, coef: Tensor) -> Tensor:
        """Loss of the scores and of the weights (n_classes, n_features) of the layer that made them."""
        return super().forward(scores, target) + self.strength * pairwise_margin_penalty(coef, self.p)
