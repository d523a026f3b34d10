"""Derivatives of a network by hand: batched matrix products instead of nested automatic differentiation.

A Lagrangian network needs second derivatives of a multilayer perceptron N(x) in its forward pass.  Two operators give
them for a whole batch, each with its own reverse sweep:

    hessian_rows   dN/dx and d²N/dx_k dx for the velocity inputs k, by forward-over-reverse (scalar N)
    tangents       N(x) and dN/dq_k for every coordinate k, by forward differentiation (vector N)

A reverse sweep gives each layer's weight gradient as sums of outer products, left undone: summed over the batch they
are the gradient that a first-order optimiser needs, kept apart they are the rows of the Jacobian that
Levenberg–Marquardt needs.

Parameters and inputs may carry a leading dimension of members (K, ...): the networks of an ensemble, each with its own
inputs, in batched matrix products.

Source: forward-over-reverse is Pearlmutter (1994), Fast exact multiplication by the Hessian, Neural Computation 6(1).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import softplus

from lagsym.errors import InputError

_NARROW = 16
"""Fewer columns than this, and BLAS takes a quarter of the time for the transposed product."""


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
        reverse: (parameters, tape, cotangent of the output) -> one LayerGradient a layer.
        members: whether parameters and inputs may carry a leading dimension of members.
    """

    forward: Callable[[Sequence[Tensor], Tensor, Tensor], tuple[Tensor, Any]]
    reverse: Callable[[Sequence[Tensor], Any, Tensor], list[LayerGradient]]
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
    return (right.mT @ left).mT if right.shape[-1] < _NARROW else left.mT @ right


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


def _through(stack: Tensor, matrix: Tensor) -> Tensor:
    """A stack (m, B, in) times a matrix (in, out), as one product."""
    flat = stack.flatten(-3, -2)
    product = (matrix.mT @ flat.mT).mT if matrix.shape[-1] < _NARROW else flat @ matrix
    return product.unflatten(-2, stack.shape[-3:-1])


def _value(stack: Tensor) -> Tensor:
    """The first of a stack."""
    return stack.select(-3, 0)


def _along(stack: Tensor) -> Tensor:
    """All of a stack but the first: what belongs to the directions."""
    return stack.narrow(-3, 1, stack.shape[-3] - 1)


def _affine(bias: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    return (torch.addmm if x.dim() == 2 else torch.baddbmm)(bias.unsqueeze(-2), x, weight.mT)


def _new_stack(like: Tensor, directions: int) -> Tensor:
    """An empty stack (1 + directions, B, h) for values and tangents of units (B, h)."""
    return like.new_empty(*like.shape[:-2], 1 + directions, *like.shape[-2:])


def _contract(left: Tensor, right: Tensor, total: Tensor | None = None) -> Tensor:
    """Sum of left * right over their stack, which is short: faster than a reduction.  It is added to `total`."""
    pairs = list(zip(left.unbind(-3), right.unbind(-3), strict=True))
    if total is None:
        total = torch.mul(*pairs.pop(0))
    for pair in pairs:
        total.addcmul_(*pair)
    return total


# ------------------------------------------------------------------------------------------------ hessian_rows


@dataclass
class _RowsTape:
    x: Tensor
    seeds: Tensor  # inputs' tangents (n, 1, d)
    slopes: list[Tensor]  # softplus'(z) of each hidden layer (B, h)
    curvatures: list[Tensor]  # softplus''(z)
    bent: list[Tensor]  # softplus''(z) times what arrives at softplus(z) (B, h)
    tangents: list[Tensor]  # dz/dx_k (n, B, h)
    inputs: list[Tensor]  # activations and their tangents, what each later weight was applied to (1 + n, B, h)
    after: list[Tensor]  # dN/dz and its tangents (1 + n, B, h)
    before: list[Tensor]  # the same before the activation's slope; one fewer than hidden layers


def _rows_forward(parameters: Sequence[Tensor], x: Tensor, directions: Tensor) -> tuple[Tensor, _RowsTape]:
    weights, biases = parameters[0::2], parameters[1::2]
    tape = _RowsTape(x, directions.unsqueeze(1), [], [], [], [], [], [], [])
    z, tangent = _affine(biases[0], x, weights[0]), (directions @ weights[0].mT).unsqueeze(-2)
    for weight, bias in zip(weights[1:-1], biases[1:], strict=True):
        slope = _note_activation(tape, z, tangent)
        stack = _new_stack(z, len(directions))
        torch.mul(slope.unsqueeze(-3), tangent, out=_along(stack))
        _value(stack).copy_(softplus(z))
        tape.inputs.append(stack)
        stack = _through(stack, weight.mT)
        z, tangent = _value(stack).add_(bias.unsqueeze(-2)), _along(stack)
    _note_activation(tape, z, tangent)
    return _gradient_rows(weights, tape), tape


def _note_activation(tape: _RowsTape, z: Tensor, tangent: Tensor) -> Tensor:
    slope = torch.sigmoid(z)
    tape.slopes.append(slope)
    tape.curvatures.append(torch.addcmul(slope, slope, slope, value=-1))
    tape.tangents.append(tangent)
    return slope


def _gradient_rows(weights: Sequence[Tensor], tape: _RowsTape) -> Tensor:
    """The gradient half of the forward sweep, from the output to the input."""
    slope, bent = tape.slopes[-1], weights[-1] * tape.curvatures[-1]
    stack = _new_stack(slope, tape.tangents[-1].shape[-3])
    torch.mul(weights[-1], slope, out=_value(stack))
    torch.mul(bent.unsqueeze(-3), tape.tangents[-1], out=_along(stack))
    tape.bent, tape.after = [bent], [stack]
    for k in range(len(weights) - 3, -1, -1):
        before = _through(stack, weights[k + 1])
        bent = _value(before) * tape.curvatures[k]
        stack = before * tape.slopes[k].unsqueeze(-3)
        _along(stack).addcmul_(bent.unsqueeze(-3), tape.tangents[k])
        tape.before.insert(0, before)
        tape.bent.insert(0, bent)
        tape.after.insert(0, stack)
    return _through(stack, weights[0])


def _rows_reverse(parameters: Sequence[Tensor], tape: _RowsTape, cotangent: Tensor) -> list[LayerGradient]:
    """Back through the gradient half of the forward sweep (input to output), then through its value half."""
    weights = parameters[0::2]
    bars = _reverse_of_gradient(weights, tape, cotangent)
    one = torch.ones_like(bars.last[..., :1])
    layers = [LayerGradient(((one.unsqueeze(-3), bars.last.unsqueeze(-3)),), None)]
    stack = bars.stacks[-1]
    for k in range(len(weights) - 3, -1, -1):
        pairs = (tape.after[k + 1], bars.arrived[k + 1]), (stack, tape.inputs[k])
        layers.append(LayerGradient(pairs, _value(stack)))
        product, stack = _through(stack, weights[k + 1]), bars.stacks[k]
        slopes = _contract(_along(product), tape.tangents[k], bars.slopes[k])
        stack.addcmul_(product, tape.slopes[k].unsqueeze(-3))
        _value(stack).addcmul_(slopes, tape.curvatures[k])
    pairs = (
        (tape.after[0], bars.arrived[0]),
        (_value(stack).unsqueeze(-3), tape.x.unsqueeze(-3)),
        (_along(stack), tape.seeds),
    )
    layers.append(LayerGradient(pairs, _value(stack)))
    return layers[::-1]


@dataclass
class _Bars:
    """Cotangents on their way from the gradient half to the value half, for each hidden layer."""

    slopes: list[Tensor]  # of softplus'(z), from its use on tangents (B, h); one fewer than hidden layers
    stacks: list[Tensor]  # of z and of its tangents (1 + n, B, h)
    arrived: list[Tensor]  # what each weight's output received in the gradient half (1 + n, B, in)
    last: Tensor  # gradient of the output weights (B, h)


def _reverse_of_gradient(weights: Sequence[Tensor], tape: _RowsTape, cotangent: Tensor) -> _Bars:
    bars = _Bars([], [], [cotangent], cotangent)
    bar = _through(cotangent, weights[0].mT)
    for k, (slope, bent) in enumerate(zip(tape.slopes, tape.bent, strict=True)):
        along = _contract(_along(bar), tape.tangents[k])
        stack = bar * bent.unsqueeze(-3)
        # The third derivative of softplus is the second times 1 − 2 slope.
        _value(stack).addcmul_(along, torch.addcmul(bent, bent, slope, value=-2))
        bars.stacks.append(stack)
        if k == len(weights) - 2:
            bars.last = torch.addcmul(_value(bar) * slope, along, tape.curvatures[k])
        else:
            bars.slopes.append(_contract(_along(bar), _along(tape.before[k])))
            bar.mul_(slope.unsqueeze(-3))
            _value(bar).addcmul_(along, tape.curvatures[k])
            bars.arrived.append(bar)
            bar = _through(bar, weights[k + 1].mT)
    return bars


hessian_rows = Operator(_rows_forward, _rows_reverse, members=True)
"""Gradient and Hessian rows of a scalar network: (x (B, d), directions (n, d)) -> (1 + n, B, d).

Row 0 is dN/dx, row 1 + k is d/dx (directions_k . dN/dx).  The network's last layer has one output and no bias, since
a constant in a Lagrangian is gauge.  It costs 2 (1 + n) matrix products a hidden layer.  With members: x (K, B, d),
the same directions for all, -> (K, 1 + n, B, d).
"""


# ---------------------------------------------------------------------------------------------------- tangents


def _tangents_forward(parameters: Sequence[Tensor], x: Tensor, directions: Tensor) -> tuple[Tensor, list[Any]]:
    weights, biases = parameters[0::2], parameters[1::2]
    stack, tape = torch.cat([x.unsqueeze(-3), directions], -3), []
    for k, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        output = _through(stack, weight.mT)
        z = _value(output).add_(bias.unsqueeze(-2))
        if k == len(weights) - 1:
            tape.append((stack, None, None))
            return output, tape
        slope, tangent = torch.sigmoid(z), _along(output)
        tape.append((stack, slope, tangent))
        stack = torch.empty_like(output)
        torch.mul(slope.unsqueeze(-3), tangent, out=_along(stack))
        _value(stack).copy_(softplus(z))
    raise AssertionError  # a network has a last layer


def _tangents_reverse(parameters: Sequence[Tensor], tape: list[Any], cotangent: Tensor) -> list[LayerGradient]:
    weights, layers, bar = parameters[0::2], [], cotangent
    for k in range(len(weights) - 1, -1, -1):
        layers.append(LayerGradient(((bar, tape[k][0]),), _value(bar)))
        if k > 0:
            _, slope, tangent = tape[k - 1]
            inner = _through(bar, weights[k])
            bar = inner * slope.unsqueeze(-3)
            curvature = torch.addcmul(slope, slope, slope, value=-1)
            _value(bar).addcmul_(_contract(_along(inner), tangent), curvature)
    return layers[::-1]


tangents = Operator(_tangents_forward, _tangents_reverse, members=True)
"""Values and directional derivatives of a network: (x (B, d), directions (n, B, d)) -> (1 + n, B, outputs).

Row 0 is N(x), row 1 + k is dN/dx . directions_k.  Every layer has a bias.  With members: x (K, B, d), directions
(K, n, B, d) -> (K, 1 + n, B, outputs).
"""
