"""Losses and penalties with their own derivatives, as functions that autograd knows."""

from typing import Any

import torch
from torch import Tensor
from torch._C._functorch import TransformType, get_interpreter_stack
from torch.autograd import Function

from maxmargin._arrays import has_values, is_eager
from maxmargin._checks import InputError

_BLOCK = 2**18  # scores that are worked on at a time: what is made of them stays in the second-level cache


def loss_of_rows(loss: Any, scores: Tensor, target: Tensor) -> Tensor:
    """Loss of each row, shape (n,), differentiable by the scores as often as wanted.

    Its derivatives are the loss's own, so that they are finite wherever these are.
    """
    return _value(loss, scores, target)


def penalty_of_weights(penalty: Any, coef: Tensor) -> Tensor:
    """Value of a penalty, a scalar, differentiable by the weights as often as wanted."""
    return _value(penalty, coef, None)


def _value(mathematics: Any, x: Tensor, target: Tensor | None) -> Tensor:
    return (_Value if torch.compiler.is_compiling() else _EagerValue).apply(mathematics, x, target)[0]


class _Value(Function):
    """The value; computes the gradient along with it and keeps that for backward."""

    generate_vmap_rule = True

    @staticmethod
    def forward(mathematics: Any, x: Tensor, target: Tensor | None) -> tuple[Tensor, Tensor]:
        return _value_and_gradient(mathematics, x, target)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: tuple) -> None:
        ctx.mathematics, x, target = inputs
        ctx.handed_out = False
        ctx.mark_non_differentiable(output[1])
        ctx.set_materialize_grads(False)  # else the gradient would get zeros of its own size
        ctx.save_for_backward(x, target, output[1])
        ctx.save_for_forward(x, target, output[1])

    @staticmethod
    def backward(ctx: Any, of_value: Tensor | None, _: None) -> tuple[None, Tensor | None, None]:
        if of_value is None:
            return None, None, None
        x, target, gradient = _intact(ctx)
        if torch.is_grad_enabled() or not has_values(of_value) or target is None:
            gradient_of = _Gradient if torch.compiler.is_compiling() else _EagerGradient
            return None, of_value[..., None] * gradient_of.apply(ctx.mathematics, x, target, gradient), None
        # Nobody but this backward needs it any more: scaled in its place it saves an array of its size.
        ctx.handed_out = True
        return None, gradient.data.mul_(of_value[..., None]), None


def _intact(ctx: Any) -> tuple[Tensor, Tensor | None, Tensor]:
    """Scores, target and gradient, which is computed anew after a backward that has handed it out."""
    x, target, gradient = ctx.saved_tensors
    if ctx.handed_out:
        gradient = _value_and_gradient(ctx.mathematics, x.detach(), target)[1]
    return x, target, gradient


def _value_and_gradient(mathematics: Any, x: Tensor, target: Tensor | None) -> tuple[Tensor, Tensor]:
    with torch.autocast(x.device.type, enabled=False):  # which would round weights to half precision
        if target is None:
            return mathematics.value_and_gradient(x)
        rows = max(1, _BLOCK // x.shape[1])
        if not is_eager(x) or x.shape[0] <= rows:
            return mathematics.value_and_gradient(x, target)
        value, gradient = x.new_empty(x.shape[0]), torch.empty_like(x)
        for start in range(0, x.shape[0], rows):
            block = slice(start, start + rows)
            value[block], gradient[block] = mathematics.value_and_gradient(x[block], target[block])
        return value, gradient


class _Gradient(Function):
    """The gradient, that is known already; its derivative is the curvature."""

    generate_vmap_rule = True

    @staticmethod
    def forward(mathematics: Any, x: Tensor, target: Tensor | None, gradient: Tensor) -> Tensor:  # noqa: ARG004
        return gradient.view_as(gradient)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:  # noqa: ARG004
        ctx.mathematics, x, target, _ = inputs
        ctx.save_for_backward(x, target)
        ctx.save_for_forward(x, target)

    @staticmethod
    def backward(ctx: Any, direction: Tensor) -> tuple[None, Tensor, None, None]:
        return None, _curvature_times(direction, ctx.mathematics, *ctx.saved_tensors), None, None


class _EagerValue(_Value):
    """The same with the forward mode, at whose sight torch.compile gives up."""

    @staticmethod
    def jvp(ctx: Any, _: None, direction: Tensor, __: None) -> tuple[Tensor, None]:
        x, target, gradient = ctx.saved_tensors
        _check_single_forward_mode()
        slopes = direction * _EagerGradient.apply(ctx.mathematics, x, target, gradient)
        return (slopes.sum() if target is None else slopes.sum(dim=1)), None


class _EagerGradient(_Gradient):
    """The same with the forward mode."""

    @staticmethod
    def jvp(ctx: Any, _: None, direction: Tensor, __: None, ___: None) -> Tensor:
        _check_single_forward_mode()
        return _curvature_times(direction, ctx.mathematics, *ctx.saved_tensors)


def _check_single_forward_mode() -> None:
    if sum(level.key() == TransformType.Jvp for level in get_interpreter_stack() or ()) > 1:
        raise InputError(
            "torch loses the second derivative where the forward mode runs within the forward mode; "
            "take torch.func.hessian, or jacfwd of jacrev"
        )


def _curvature_times(direction: Tensor, mathematics: Any, x: Tensor, target: Tensor | None) -> Tensor:
    with torch.autocast(x.device.type, enabled=False):
        if target is None:
            return mathematics.curvature(x)(direction)
        return mathematics.curvature(x, target).product(direction)
