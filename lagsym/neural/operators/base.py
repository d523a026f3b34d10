"""An operator: a forward sweep through a perceptron and its reverse, and what comes of the reverse sweep.

A reverse sweep gives each layer's weight gradient as sums of outer products, left undone: summed over the batch they
are the gradient that a first-order optimiser needs, kept apart they are the rows of the Jacobian that
Levenberg–Marquardt needs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from lagsym.errors import InputError
from lagsym.neural.operators.stacks import NARROW


@dataclass(frozen=True)
class LayerGradient:
    """Gradient of one layer, per sample, as outer products that are still to be taken.

    Arguments:
        pairs: (left, right) with left (m, B, out) and right (m, B or 1, in); the weight's gradient of a sample is the
            sum over m and over the pairs of left ⊗ right.
        bias: (B, out), or None where the layer has no bias.

    Members come first in all of them, except in a `right` that is the same for all samples.
    """

    pairs: tuple[tuple[Tensor, Tensor], ...]
    bias: Tensor | None


@dataclass(frozen=True)
class Operator:
    """A forward sweep and its reverse.

    Arguments:
        forward: (parameters, x, directions) -> (output, tape); parameters are weight, bias, weight, bias, ...
        reverse: (parameters, tape, cotangent of the output) -> one LayerGradient a layer; the tape stays as it is.  The
            cotangent is a tensor like the output, or a short form of one that the operator knows.
        members: whether parameters and inputs may carry a leading dimension of members.
    """

    forward: Callable[[Sequence[Tensor], Tensor, Tensor], tuple[Tensor, Any]]
    reverse: Callable[[Sequence[Tensor], Any, Any], list[LayerGradient]]
    members: bool = False

    def __call__(self, parameters: Sequence[Tensor], x: Tensor, directions: Tensor) -> Tensor:
        """The operator's output, differentiable once with respect to the parameters.

        Arguments:
            parameters: weight (out, in) and bias (out,) of each layer in turn; the last bias may be missing.  With
                members, (K, out, in) and (K, out).
            x: inputs (B, d); with members, (K, B, d).
            directions: what to differentiate along, see `hessian_rows` and `tangents`.

        Raises:
            InputError: a gradient with respect to the inputs is asked for; only the parameters have one.
        """
        if x.requires_grad or directions.requires_grad:
            msg = "expected inputs without requires_grad: gradients reach the parameters only; detach the inputs first"
            raise InputError(msg)
        return cast("Tensor", _Applied.apply(self, x, directions, *parameters))


class _Applied(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, operator: Operator, x: Tensor, directions: Tensor, *parameters: Tensor) -> Tensor:
        output, ctx.tape = operator.forward(parameters, x, directions)
        ctx.operator = operator
        ctx.save_for_backward(*parameters)
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        (cotangent,) = grad_outputs
        layers = ctx.operator.reverse(ctx.saved_tensors, ctx.tape, cotangent.contiguous())
        return (None, None, None, *batch_gradient(layers))


def batch_gradient(layers: Sequence[LayerGradient]) -> list[Tensor]:
    """Gradients summed over the batch, in the order of the parameters."""
    gradients = []
    for layer in layers:
        weight = _outer_sum(*layer.pairs[0])
        for pair in layer.pairs[1:]:
            weight += _outer_sum(*pair)
        gradients += [weight] if layer.bias is None else [weight, layer.bias.sum(-2)]
    return gradients


def _outer_sum(left: Tensor, right: Tensor) -> Tensor:
    """Sum of left ⊗ right over stack and batch; a `right` that is the same for all samples has a batch of one."""
    if right.shape[-2] == 1:
        return left.sum(-2).mT @ right.squeeze(-2)
    left, right = left.flatten(-3, -2), right.flatten(-3, -2)
    return (right.mT @ left).mT if right.shape[-1] < NARROW else left.mT @ right


def write_jacobian_rows(layers: Sequence[LayerGradient], rows: Float[Tensor, "batch parameters"]) -> None:
    """Write each sample's gradient with respect to all parameters into `rows`; without members."""
    start = 0
    for layer in layers:
        left = torch.cat([left for left, _ in layer.pairs])
        right = torch.cat([right.expand(-1, len(rows), -1) for _, right in layer.pairs])
        outer = torch.bmm(left.permute(1, 2, 0), right.permute(1, 0, 2)).flatten(1)
        for part in (outer,) if layer.bias is None else (outer, layer.bias):
            rows[:, start : start + part.shape[1]] = part
            start += part.shape[1]
