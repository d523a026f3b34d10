"""Derivatives of a network by hand: batched matrix products instead of nested automatic differentiation.

A Lagrangian network needs second derivatives of a multilayer perceptron N(x) in its forward pass.  Two operators give
them for a whole batch, each with its own reverse sweep:

    hessian_rows   dN/dx and d²N/dx_k dx for the velocity inputs k, by forward-over-reverse (scalar N)
    tangents       N(x) and dN/dq_k for every coordinate k, by forward differentiation (vector N)

A reverse sweep gives each layer's weight gradient as sums of outer products, left undone: summed over the batch they
are the gradient that a first-order optimiser needs, kept apart they are the rows of the Jacobian that
Levenberg–Marquardt needs.

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
    """

    pairs: tuple[tuple[Tensor, Tensor], ...]
    bias: Tensor | None


@dataclass(frozen=True)
class Operator:
    """A forward sweep and its reverse.

    Arguments:
        forward: (parameters, x, directions) -> (output, tape); parameters are weight, bias, weight, bias, ...
        reverse: (parameters, tape, cotangent of the output) -> one LayerGradient a layer.
    """

    forward: Callable[[Sequence[Tensor], Tensor, Tensor], tuple[Tensor, Any]]
    reverse: Callable[[Sequence[Tensor], Any, Tensor], list[LayerGradient]]

    def __call__(self, parameters: Sequence[Tensor], x: Tensor, directions: Tensor) -> Tensor:
        """The operator's output, differentiable once with respect to the parameters.

        Arguments:
            parameters: weight (out, in) and bias (out,) of each layer in turn; the last bias may be missing.
            x: inputs (B, d).
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
        gradients += [weight] if layer.bias is None else [weight, layer.bias.sum(0)]
    return gradients


def _outer_sum(left: Tensor, right: Tensor) -> Tensor:
    """Sum of left ⊗ right over stack and batch; a `right` that is the same for all samples has a batch of one."""
    if right.shape[1] == 1:
        return left.sum(1).mT @ right.squeeze(1)
    left, right = _flat(left), _flat(right)
    return (right.mT @ left).mT if right.shape[1] < _NARROW else left.mT @ right


def write_jacobian_rows(layers: Sequence[LayerGradient], rows: Float[Tensor, "batch parameters"]) -> None:
    """Write each sample's gradient with respect to all parameters into `rows`."""
    start = 0
    for layer in layers:
        left = torch.cat([left for left, _ in layer.pairs])
        right = torch.cat([right.expand(-1, len(rows), -1) for _, right in layer.pairs])
        outer = torch.bmm(left.permute(1, 2, 0), right.permute(1, 0, 2)).flatten(1)
        for part in (outer,) if layer.bias is None else (outer, layer.bias):
            rows[:, start : start + part.shape[1]] = part
            start += part.shape[1]


def _flat(stack: Tensor) -> Tensor:
    return stack.reshape(-1, stack.shape[-1])


def _through(stack: Tensor, matrix: Tensor) -> Tensor:
    """A stack (m, B, in) times a matrix (in, out), as one product."""
    flat = _flat(stack)
    product = (matrix.mT @ flat.mT).mT if matrix.shape[1] < _NARROW else flat @ matrix
    return product.view(*stack.shape[:-1], -1)


def _weights(parameters: Sequence[Tensor]) -> Sequence[Tensor]:
    return parameters[0::2]


# ------------------------------------------------------------------------------------------------ hessian_rows


@dataclass
class _RowsTape:
    x: Tensor
    seeds: Tensor  # inputs' tangents (n, 1, d)
    slopes: list[Tensor]  # softplus'(z) of each hidden layer (B, h)
    curvatures: list[Tensor]  # softplus''(z)
    tangents: list[Tensor]  # dz/dx_k (n, B, h)
    inputs: list[Tensor]  # activations and their tangents, what each later weight was applied to (1 + n, B, h)
    after: list[Tensor]  # dN/dz and its tangents (1 + n, B, h)
    before: list[Tensor]  # the same before the activation's slope; one fewer than hidden layers


def _rows_forward(parameters: Sequence[Tensor], x: Tensor, directions: Tensor) -> tuple[Tensor, _RowsTape]:
    weights, biases = _weights(parameters), parameters[1::2]
    hidden, n = len(weights) - 1, len(directions)
    tape = _RowsTape(x, directions.unsqueeze(1), [], [], [], [], [], [])
    z = torch.addmm(biases[0], x, weights[0].mT)
    tangent = (directions @ weights[0].mT).unsqueeze(1)
    for k in range(hidden):
        slope = torch.sigmoid(z)
        tape.slopes.append(slope)
        tape.curvatures.append(torch.addcmul(slope, slope, slope, value=-1))
        tape.tangents.append(tangent)
        if k < hidden - 1:
            stack = z.new_empty(1 + n, *z.shape)
            stack[0] = softplus(z)
            torch.mul(slope, tangent, out=stack[1:])
            tape.inputs.append(stack)
            stack = _through(stack, weights[k + 1].mT)
            z, tangent = stack[0].add_(biases[k + 1]), stack[1:]
    last = weights[-1][0]
    stack = z.new_empty(1 + n, *z.shape)
    torch.mul(last, tape.slopes[-1], out=stack[0])
    torch.mul(last * tape.curvatures[-1], tape.tangents[-1], out=stack[1:])
    tape.after.insert(0, stack)
    for k in range(hidden - 1, 0, -1):
        before = _through(stack, weights[k])
        stack = before * tape.slopes[k - 1]
        stack[1:].addcmul_(before[0] * tape.curvatures[k - 1], tape.tangents[k - 1])
        tape.before.insert(0, before)
        tape.after.insert(0, stack)
    return _through(stack, weights[0]), tape


def _rows_reverse(parameters: Sequence[Tensor], tape: _RowsTape, cotangent: Tensor) -> list[LayerGradient]:
    """Back through the gradient half of the forward sweep (input to output), then through its value half."""
    weights = _weights(parameters)
    bars = _reverse_of_gradient(weights, tape, cotangent)
    one = torch.ones_like(bars.last[:, :1])
    layers = [LayerGradient(((one.unsqueeze(0), bars.last.unsqueeze(0)),), None)]
    stack = _reverse_of_slope(tape, bars, -1)
    for k in range(len(weights) - 3, -1, -1):
        pairs = (tape.after[k + 1], bars.arrived[k + 1]), (stack, tape.inputs[k])
        layers.append(LayerGradient(pairs, stack[0]))
        product = _through(stack, weights[k + 1])
        bars.slopes[k] += _contract(product[1:], tape.tangents[k])
        stack = _reverse_of_slope(tape, bars, k)
        stack.addcmul_(product, tape.slopes[k])
    pairs = (tape.after[0], bars.arrived[0]), (stack[:1], tape.x.unsqueeze(0)), (stack[1:], tape.seeds)
    layers.append(LayerGradient(pairs, stack[0]))
    return layers[::-1]


@dataclass
class _Bars:
    """Cotangents on their way from the gradient half to the value half, for each hidden layer."""

    slopes: list[Tensor]  # of softplus'(z) (B, h)
    curvatures: list[Tensor]  # of softplus''(z) (B, h)
    stacks: list[Tensor]  # of z, still to be written, and of its tangents (1 + n, B, h)
    arrived: list[Tensor]  # what each weight's output received in the gradient half (1 + n, B, in)
    last: Tensor  # gradient of the output weights (B, h)


def _reverse_of_gradient(weights: Sequence[Tensor], tape: _RowsTape, cotangent: Tensor) -> _Bars:
    bars = _Bars([], [], [], [cotangent], cotangent)
    bar = _through(cotangent, weights[0].mT)
    for k, (slope, curvature, tangent) in enumerate(zip(tape.slopes, tape.curvatures, tape.tangents, strict=True)):
        along = _contract(bar[1:], tangent)
        final = k == len(weights) - 2
        before = weights[-1] if final else tape.before[k]
        bars.slopes.append(bar[0] * before[0] if final else _contract(bar, before))
        bars.curvatures.append(along * before[0])
        bars.stacks.append(torch.empty_like(bar))
        torch.mul(bar[1:], curvature * before[0], out=bars.stacks[-1][1:])
        if final:
            bars.last = torch.addcmul(bar[0] * slope, along, curvature)
        else:
            bar = bar * slope
            bar[0].addcmul_(along, curvature)
            bars.arrived.append(bar)
            bar = _through(bar, weights[k + 1].mT)
    return bars


def _reverse_of_slope(tape: _RowsTape, bars: _Bars, k: int) -> Tensor:
    """The stack of hidden layer k, with what softplus'(z) and softplus''(z) send to z written into it."""
    slope, curvature, stack = tape.slopes[k], tape.curvatures[k], bars.stacks[k]
    third = torch.addcmul(curvature, curvature, slope, value=-2)
    torch.mul(bars.slopes[k], curvature, out=stack[0])
    stack[0].addcmul_(bars.curvatures[k], third)
    return stack


def _contract(left: Tensor, right: Tensor) -> Tensor:
    """Sum of left * right over their first dimension, which is short: faster than a reduction."""
    total = left[0] * right[0]
    for a, b in zip(left[1:], right[1:], strict=True):
        total.addcmul_(a, b)
    return total


hessian_rows = Operator(_rows_forward, _rows_reverse)
"""Gradient and Hessian rows of a scalar network: (x (B, d), directions (n, d)) -> (1 + n, B, d).

Row 0 is dN/dx, row 1 + k is d/dx (directions_k . dN/dx).  The network's last layer has one output and no bias, since
a constant in a Lagrangian is gauge.  It costs 2 (1 + n) matrix products a hidden layer.
"""


# ---------------------------------------------------------------------------------------------------- tangents


def _tangents_forward(parameters: Sequence[Tensor], x: Tensor, directions: Tensor) -> tuple[Tensor, list[Any]]:
    weights, biases = _weights(parameters), parameters[1::2]
    stack, tape = torch.cat([x.unsqueeze(0), directions]), []
    for k, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        output = _through(stack, weight.mT)
        output[0] += bias
        if k == len(weights) - 1:
            tape.append((stack, None, None))
            return output, tape
        slope = torch.sigmoid(output[0])
        tape.append((stack, slope, output[1:]))
        stack = torch.cat([softplus(output[:1]), slope * output[1:]])
    raise AssertionError  # a network has a last layer


def _tangents_reverse(parameters: Sequence[Tensor], tape: list[Any], cotangent: Tensor) -> list[LayerGradient]:
    weights, layers, bar = _weights(parameters), [], cotangent
    for k in range(len(weights) - 1, -1, -1):
        layers.append(LayerGradient(((bar, tape[k][0]),), bar[0]))
        if k > 0:
            _, slope, tangent = tape[k - 1]
            inner = _through(bar, weights[k])
            bar = inner * slope
            bar[0].addcmul_(_contract(inner[1:], tangent), slope - slope * slope)
    return layers[::-1]


tangents = Operator(_tangents_forward, _tangents_reverse)
"""Values and directional derivatives of a network: (x (B, d), directions (n, B, d)) -> (1 + n, B, outputs).

Row 0 is N(x), row 1 + k is dN/dx . directions_k.  Every layer has a bias.
"""
