"""Linear layers at the top of a network that carry a margin."""

import math
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from maxmargin._arrays import is_eager
from maxmargin._checks import InputError, check_at_least, check_count, check_nonnegative, check_positive
from maxmargin.nn._targets import check_range
from maxmargin.nn.losses import OneVsRestHingeLoss


class LargeMarginSoftmaxLinear(nn.Linear):
    """Score classes so that, in training, the angle to the own class must be ``margin`` times too large.

    A bias-free linear layer with scores f_k = w_k.x. Given targets in training, the score of the own class
    f_y = |w_y| |x| cos(t) is replaced by the annealed

        (lambda f_y + |w_y| |x| psi(t)) / (1 + lambda),

    psi(t) = (-1)^k cos(a t) - 2k for t in [k pi / a, (k + 1) pi / a], of margin a; cross-entropy on these
    scores is L-Softmax. In evaluation, or without targets, the scores are plain. Where w_y or x is zero there
    is no angle and f_y stays.

    As in the authors' Caffe layer, lambda = max(minimum, base (1 + gamma i)^-power) in the i-th training
    forward with targets, counted from 1 in the buffer ``iteration``, so that a run resumed from its
    ``state_dict`` goes on exactly. The defaults are those of their MNIST example and meant for ten thousand
    steps: after 400, lambda is still 700, and nearly plain softmax is trained. :meth:`annealed` fits the
    annealing to the steps that there are. As with the counters of batch normalisation, ``torch.func.grad``
    must be given the buffer along with the weights.

    The net must hand its targets on: :class:`maxmargin.deep.HeadedNet` does, ``nn.Sequential`` does not.

    Half-precision inputs and weights, and autocast, are computed and returned in float32; the parameters keep
    their type.

    Parameters
    ----------
    in_features, n_classes : int
        Sizes of the features and of the scores.
    margin : int
        a, at least 1; with 1 the scores are plain.
    base, gamma, power, minimum : float, default=1000.0, 2.5e-5, 35.0, 0.0
        The annealing; ``base=0`` is the margin in full from the first step.
    ignore_index : int, default=-100
        Rows of this target keep plain scores.
    device, dtype
        Of the weights, as in ``nn.Linear``.

    Raises
    ------
    InputError
        If the margin is no integer of at least 1 or the annealing is negative; in ``forward``, if the targets
        are not integers or are not one for each row, and, on the CPU in eager mode, if one is out of range.

    References
    ----------
    Liu et al., Large-Margin Softmax Loss for Convolutional Neural Networks (ICML 2016), eqs. 5 to 7, and
    their Caffe layer LargeMarginInnerProduct.

    Examples
    --------
    >>> import torch
    >>> head = LargeMarginSoftmaxLinear(2, 2, margin=2, base=0)
    >>> _ = torch.nn.init.eye_(head.weight)
    >>> head(torch.tensor([[3.0, 4.0]]), torch.tensor([0])).round(decimals=4)  # 5 cos(2 t), cos(t) = 3/5
    tensor([[-1.4000,  4.0000]], grad_fn=<RoundBackward1>)
    >>> head.eval()(torch.tensor([[3.0, 4.0]]))
    tensor([[3., 4.]], grad_fn=<MmBackward0>)
    """

    iteration: Tensor

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        margin: int,
        *,
        base: float = 1000.0,
        gamma: float = 2.5e-5,
        power: float = 35.0,
        minimum: float = 0.0,
        ignore_index: int = -100,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        if isinstance(margin, bool) or not isinstance(margin, int) or margin < 1:
            raise InputError(f"margin is {margin!r}; it must be an integer of at least 1")
        for name, value in (("base", base), ("gamma", gamma), ("power", power), ("minimum", minimum)):
            check_nonnegative(value, name)
        super().__init__(in_features, n_classes, bias=False, device=device, dtype=dtype)
        self.margin, self.ignore_index = margin, ignore_index
        self.base, self.gamma, self.power, self.minimum = base, gamma, power, minimum
        self.register_buffer("iteration", torch.zeros((), dtype=torch.int64, device=device))

    @classmethod
    def annealed(
        cls,
        in_features: int,
        n_classes: int,
        margin: int,
        steps: int,
        *,
        base: float = 1000.0,
        power: float = 35.0,
        minimum: float = 1.0,
        **options: Any,
    ) -> Self:
        """Build a head whose lambda falls from ``base`` to ``minimum`` in a given number of steps, and stays.

        Parameters
        ----------
        in_features, n_classes, margin
            As of the class.
        steps : int
            Training forwards after which lambda is ``minimum``, such as half of those of the training:
            ``gamma = ((base / minimum)^(1 / power) - 1) / steps``.
        base, power, minimum : float, default=1000.0, 35.0, 1.0
            The annealing, all positive. A large ``power`` makes lambda fall nearly geometrically. At a
            ``minimum`` of 1 half of the score is that of the margin; the less, the harder the training.
        **options
            The other parameters of the class.

        Raises
        ------
        InputError
            If a value cannot be used.

        Examples
        --------
        >>> head = LargeMarginSoftmaxLinear.annealed(2, 2, margin=2, steps=10)
        >>> for _ in range(10):
        ...     _ = head(torch.ones(1, 2), torch.tensor([0]))
        >>> head.annealing.round(decimals=3)
        tensor(1.)
        """
        check_count(steps, "steps")
        for name, value in (("minimum", minimum), ("power", power)):
            check_positive(value, name)
        check_at_least(base, minimum, "base")
        gamma = ((base / minimum) ** (1 / power) - 1) / steps
        annealing = {"base": base, "gamma": gamma, "power": power, "minimum": minimum}
        return cls(in_features, n_classes, margin, **annealing, **options)

    @property
    def annealing(self) -> Tensor:
        """The lambda of the last training forward, a scalar; before the first, ``base``."""
        dtype = torch.promote_types(self.weight.dtype, torch.float32)
        lam = self.base * (1 + self.gamma * self.iteration.to(dtype)) ** -self.power
        return lam.clamp(min=self.minimum)

    def forward(self, features: Tensor, target: Tensor | None = None) -> Tensor:  # type: ignore[override]
        """Scores (..., n_classes) of features (..., in_features) with integer targets (...)."""
        if target is not None:
            target = self._checked(target, features)
        with torch.autocast(features.device.type, enabled=False):
            dtype = torch.promote_types(torch.promote_types(features.dtype, self.weight.dtype), torch.float32)
            features, weight = features.to(dtype), self.weight.to(dtype)
            scores = functional.linear(features, weight)
            if target is None or not self.training:
                return scores
            self.iteration.add_(1)
            return scores if self.margin == 1 else self._with_margin(scores, features, weight, target)

    def _with_margin(self, scores: Tensor, features: Tensor, weight: Tensor, target: Tensor) -> Tensor:
        # Sums over a mask and no gather, whose backward adds in any order on CUDA.
        own = target[..., None] == torch.arange(self.out_features, device=target.device)
        own = own & (target != self.ignore_index)[..., None]
        own_score = torch.where(own, scores, 0).sum(-1)
        scale = _norm(features) * torch.where(own, _norm(weight), 0).sum(-1)
        has_angle = scale > torch.finfo(scale.dtype).tiny
        cosine = own_score / torch.where(has_angle, scale, 1)
        annealing = self.annealing.to(scores.dtype)
        annealed = (annealing * own_score + scale * _psi(cosine, self.margin)) / (1 + annealing)
        return torch.where(own & has_angle[..., None], annealed[..., None], scores)

    def _checked(self, target: Tensor, features: Tensor) -> Tensor:
        if target.dtype not in (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8):
            raise InputError(f"target has dtype {target.dtype}; a large margin needs integer targets")
        if target.shape != features.shape[:-1]:
            raise InputError(
                f"target has shape {tuple(target.shape)}; features of shape {tuple(features.shape)} need "
                f"{tuple(features.shape[:-1])}"
            )
        target = target.long()
        if is_eager(target):
            check_range(target[target != self.ignore_index], self.out_features, self.ignore_index)
        return target

    def extra_repr(self) -> str:
        """What tells two such layers apart."""
        return f"in_features={self.in_features}, n_classes={self.out_features}, margin={self.margin}"


class SVMLinear(nn.Linear):
    """Train a one-vs-rest linear SVM as the top layer of a network, with all layers below it.

    ``objective`` is weight_cost / 2 |W|^2 + C mean_i sum_k [1 - t_ik f_k]_+^power; the bias is not penalised.
    Tang writes 1/2 |W|^2 + C_T sum_i of the same over n training rows: divided by n C_T, this is ours with
    C = 1 and weight_cost = 1 / (n C_T). So it means the same whatever the number of rows or the batch.

    Parameters
    ----------
    in_features, n_classes : int
        Sizes of the features and of the scores.
    C : float, default=1.0
        Weight of the hinges.
    power : {1, 2}, default=2
        1 for the L1-SVM, 2 for the L2-SVM, the paper's choice.
    weight_cost : float, default=0.001
        Weight of the penalty; the paper prints 0.001 for MNIST.
    device, dtype
        Of the weights, as in ``nn.Linear``.

    Raises
    ------
    InputError
        If ``C`` is not positive, ``weight_cost`` is negative or ``power`` is another.

    References
    ----------
    Tang, Deep Learning using Linear Support Vector Machines (2013), eqs. 5, 6, 10 and 11.

    Examples
    --------
    >>> import torch
    >>> head = SVMLinear(2, 2, weight_cost=0.5)
    >>> _ = torch.nn.init.eye_(head.weight), torch.nn.init.zeros_(head.bias)
    >>> head.objective(head(torch.tensor([[0.5, -2.0]])), torch.tensor([0]))  # 0.5 / 2 * 2 + 0.5^2
    tensor(0.7500, grad_fn=<AddBackward0>)
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        C: float = 1.0,
        power: int = 2,
        weight_cost: float = 0.001,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        check_positive(C, "C")
        check_nonnegative(weight_cost, "weight_cost")
        super().__init__(in_features, n_classes, device=device, dtype=dtype)
        self.C, self.weight_cost = C, weight_cost
        self.hinges = OneVsRestHingeLoss(power=power)

    def objective(self, scores: Tensor, target: Tensor) -> Tensor:
        """The SVM's objective, a scalar, of scores (N, n_classes) and targets (N,)."""
        weight = self.weight.to(torch.promote_types(self.weight.dtype, torch.float32))
        return self.weight_cost / 2 * weight.square().sum() + self.C * self.hinges(scores, target)


def _norm(x: Tensor) -> Tensor:
    """|x| over the last axis, without overflow, and of derivative 0 at 0 however often it is derived."""
    largest = x.detach().abs().amax(-1, keepdim=True)  # the norm does not depend on it
    largest = torch.where(largest > 0, largest, 1)
    squares = (x / largest).square().sum(-1)
    positive = squares > 0
    return largest[..., 0] * torch.where(positive, torch.where(positive, squares, 1).sqrt(), 0)


def _psi(cosine: Tensor, margin: int) -> Tensor:
    """(-1)^k cos(a t) - 2k of cos(t); the polynomial is as good where rounding leaves [-1, 1]."""
    before, multiple = torch.ones_like(cosine), cosine
    for _ in range(margin - 1):  # cos((n + 1) t) = 2 cos(t) cos(n t) - cos((n - 1) t)
        before, multiple = multiple, 2 * cosine * multiple - before
    turns = sum((cosine < math.cos(j * math.pi / margin)).to(cosine.dtype) for j in range(1, margin))
    return (1 - 2 * (turns % 2)) * multiple - 2 * turns
