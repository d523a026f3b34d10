"""Gradient and Hessian rows of a scalar perceptron, by forward-over-reverse, with their reverse sweep.

Source: forward-over-reverse is Pearlmutter (1994), Fast exact multiplication by the Hessian, Neural Computation 6(1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from lagsym.neural.operators.base import LayerGradient, Operator
from lagsym.neural.operators.contraction import Contraction, contracted_reverse
from lagsym.neural.operators.stacks import affine, along, contract, new_stack, through, value


@dataclass
class RowsTape:
    """What the forward sweep leaves for a reverse one."""

    x: Tensor
    seeds: Tensor  # inputs' tangents (n, 1, d)
    slopes: list[Tensor]  # softplus'(z) of each hidden layer (B, h)
    curvatures: list[Tensor]  # softplus''(z)
    bent: list[Tensor]  # softplus''(z) times what arrives at softplus(z) (B, h)
    tangents: list[Tensor]  # dz/dx_k (n, B, h)
    inputs: list[Tensor]  # activations and their tangents, what each later weight was applied to (1 + n, B, h)
    after: list[Tensor]  # dN/dz and its tangents (1 + n, B, h)
    before: list[Tensor]  # the same before the activation's slope; one fewer than hidden layers


def _rows_forward(parameters: Sequence[Tensor], x: Tensor, directions: Tensor) -> tuple[Tensor, RowsTape]:
    weights, biases = parameters[0::2], parameters[1::2]
    tape = RowsTape(x, directions.unsqueeze(1), [], [], [], [], [], [], [])
    z, tangent = affine(biases[0], x, weights[0]), (directions @ weights[0].mT).unsqueeze(-2)
    for weight, bias in zip(weights[1:-1], biases[1:], strict=True):
        slope = _note_activation(tape, z, tangent)
        stack = new_stack(z, len(directions))
        torch.mul(slope.unsqueeze(-3), tangent, out=along(stack))
        value(stack).copy_(softplus(z))
        tape.inputs.append(stack)
        stack = through(stack, weight.mT)
        z, tangent = value(stack).add_(bias.unsqueeze(-2)), along(stack)
    _note_activation(tape, z, tangent)
    return _gradient_rows(weights, tape), tape


def _note_activation(tape: RowsTape, z: Tensor, tangent: Tensor) -> Tensor:
    slope = torch.sigmoid(z)
    tape.slopes.append(slope)
    tape.curvatures.append(torch.addcmul(slope, slope, slope, value=-1))
    tape.tangents.append(tangent)
    return slope


def _gradient_rows(weights: Sequence[Tensor], tape: RowsTape) -> Tensor:
    """The gradient half of the forward sweep, from the output to the input."""
    slope, bent = tape.slopes[-1], weights[-1] * tape.curvatures[-1]
    stack = new_stack(slope, tape.tangents[-1].shape[-3])
    torch.mul(weights[-1], slope, out=value(stack))
    torch.mul(bent.unsqueeze(-3), tape.tangents[-1], out=along(stack))
    tape.bent, tape.after = [bent], [stack]
    for k in range(len(weights) - 3, -1, -1):
        before = through(stack, weights[k + 1])
        bent = value(before) * tape.curvatures[k]
        stack = before * tape.slopes[k].unsqueeze(-3)
        along(stack).addcmul_(bent.unsqueeze(-3), tape.tangents[k])
        tape.before.insert(0, before)
        tape.bent.insert(0, bent)
        tape.after.insert(0, stack)
    return through(stack, weights[0])


def _rows_reverse(parameters: Sequence[Tensor], tape: RowsTape, cotangent: Tensor | Contraction) -> list[LayerGradient]:
    if isinstance(cotangent, Contraction):
        return contracted_reverse(parameters, tape, cotangent)
    return _dense_reverse(parameters, tape, cotangent)


def _dense_reverse(parameters: Sequence[Tensor], tape: RowsTape, cotangent: Tensor) -> list[LayerGradient]:
    """Back through the gradient half of the forward sweep (input to output), then through its value half."""
    weights = parameters[0::2]
    bars = _reverse_of_gradient(weights, tape, cotangent)
    one = torch.ones_like(bars.last[..., :1])
    layers = [LayerGradient(((one.unsqueeze(-3), bars.last.unsqueeze(-3)),), None)]
    stack = bars.stacks[-1]
    for k in range(len(weights) - 3, -1, -1):
        pairs = (tape.after[k + 1], bars.arrived[k + 1]), (stack, tape.inputs[k])
        layers.append(LayerGradient(pairs, value(stack)))
        product, stack = through(stack, weights[k + 1]), bars.stacks[k]
        slopes = contract(along(product), tape.tangents[k], bars.slopes[k])
        stack.addcmul_(product, tape.slopes[k].unsqueeze(-3))
        value(stack).addcmul_(slopes, tape.curvatures[k])
    pairs = (
        (tape.after[0], bars.arrived[0]),
        (value(stack).unsqueeze(-3), tape.x.unsqueeze(-3)),
        (along(stack), tape.seeds),
    )
    layers.append(LayerGradient(pairs, value(stack)))
    return layers[::-1]


@dataclass
class _Bars:
    """Cotangents on their way from the gradient half to the value half, for each hidden layer."""

    slopes: list[Tensor]  # of softplus'(z), from its use on tangents (B, h); one fewer than hidden layers
    stacks: list[Tensor]  # of z and of its tangents (1 + n, B, h)
    arrived: list[Tensor]  # what each weight's output received in the gradient half (1 + n, B, in)
    last: Tensor  # gradient of the output weights (B, h)


def _reverse_of_gradient(weights: Sequence[Tensor], tape: RowsTape, cotangent: Tensor) -> _Bars:
    bars = _Bars([], [], [cotangent], cotangent)
    bar = through(cotangent, weights[0].mT)
    for k, (slope, bent) in enumerate(zip(tape.slopes, tape.bent, strict=True)):
        sent = contract(along(bar), tape.tangents[k])
        stack = bar * bent.unsqueeze(-3)
        # The third derivative of softplus is the second times 1 − 2 slope.
        value(stack).addcmul_(sent, torch.addcmul(bent, bent, slope, value=-2))
        bars.stacks.append(stack)
        if k == len(weights) - 2:
            bars.last = torch.addcmul(value(bar) * slope, sent, tape.curvatures[k])
        else:
            bars.slopes.append(contract(along(bar), along(tape.before[k])))
            bar.mul_(slope.unsqueeze(-3))
            value(bar).addcmul_(sent, tape.curvatures[k])
            bars.arrived.append(bar)
            bar = through(bar, weights[k + 1].mT)
    return bars


hessian_rows = Operator(_rows_forward, _rows_reverse, members=True)
"""Gradient and Hessian rows of a scalar network: (x (B, d), directions (n, d)) -> (1 + n, B, d).

Row 0 is dN/dx, row 1 + k is d/dx (directions_k . dN/dx).  The network's last layer has one output and no bias, since
a constant in a Lagrangian is gauge.  It costs 2 (1 + n) matrix products a hidden layer.  With members: x (K, B, d),
the same directions for all, -> (K, 1 + n, B, d).
"""
