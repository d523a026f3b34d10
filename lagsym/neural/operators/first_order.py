"""Operators of first order: values of a perceptron and the gradient of a scalar one, each with its own reverse sweep.

Friction coefficients, driving forces and unconstrained accelerations are values of a network; Hamilton's equations
need the gradient of one.  For the conventions of parameters and reverse sweeps see `lagsym.neural.operators.base`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import linear, softplus

from lagsym.neural.operators.base import LayerGradient, Operator

# ------------------------------------------------------------------------------------------------------ values


@dataclass
class _ValuesTape:
    inputs: list[Tensor]  # what each weight was applied to (1 or 2, B, in)
    slopes: list[Tensor]  # softplus'(z) of each hidden layer (1 or 2, B, h)
    biased: bool  # whether the last layer has a bias


def _values_forward(parameters: Sequence[Tensor], x: Tensor, reference: Tensor) -> tuple[Tensor, _ValuesTape]:
    weights, biases = parameters[0::2], parameters[1::2]
    tape = _ValuesTape([], [], len(biases) == len(weights))
    stack = torch.cat([x.unsqueeze(0), reference.unsqueeze(1).expand(-1, *x.shape)])
    for k, weight in enumerate(weights):
        tape.inputs.append(stack)
        stack = linear(stack, weight, biases[k] if k < len(biases) else None)
        if k < len(weights) - 1:
            tape.slopes.append(torch.sigmoid(stack))
            stack = softplus(stack)
    return (stack[0] - stack[1] if len(stack) > 1 else stack[0]), tape


def _values_reverse(parameters: Sequence[Tensor], tape: _ValuesTape, cotangent: Tensor) -> list[LayerGradient]:
    weights, layers = parameters[0::2], []
    bar = torch.stack([cotangent, -cotangent][: len(tape.inputs[0])])
    for k in range(len(weights) - 1, -1, -1):
        biased = tape.biased or k < len(weights) - 1
        layers.append(LayerGradient(((bar, tape.inputs[k]),), bar.sum(0) if biased else None))
        if k > 0:
            bar = (bar @ weights[k]) * tape.slopes[k - 1]
    return layers[::-1]


values = Operator(_values_forward, _values_reverse)
"""Values of a network: (x (B, d), reference (0 or 1, d)) -> (B, outputs), N(x) or N(x) − N(reference).

The last layer may lack a bias, and there may be no hidden layer.
"""


# ---------------------------------------------------------------------------------------------------- gradient


@dataclass
class _GradientTape:
    inputs: list[Tensor]  # what each weight was applied to (B, in)
    slopes: list[Tensor]  # softplus'(z) of each hidden layer (B, h)
    before: list[Tensor]  # dN/d softplus(z) of each hidden layer (B, h), or (1, h) of the last


def _gradient_forward(parameters: Sequence[Tensor], x: Tensor, directions: Tensor) -> tuple[Tensor, _GradientTape]:
    weights, biases = parameters[0::2], parameters[1::2]
    tape = _GradientTape([], [], [weights[-1]])
    for weight, bias in zip(weights[:-1], biases, strict=True):
        tape.inputs.append(x)
        z = linear(x, weight, bias)
        tape.slopes.append(torch.sigmoid(z))
        x = softplus(z)
    for k in range(len(weights) - 2, 0, -1):
        tape.before.insert(0, (tape.before[0] * tape.slopes[k]) @ weights[k])
    return (tape.before[0] * tape.slopes[0]) @ weights[0], tape


def _gradient_reverse(parameters: Sequence[Tensor], tape: _GradientTape, cotangent: Tensor) -> list[LayerGradient]:
    """Back through the gradient half of the forward sweep (input to output), then through its value half."""
    weights = parameters[0::2]
    hidden, arrived, sent = len(weights) - 1, [cotangent], []
    for k in range(hidden):
        bar = arrived[k] @ weights[k].mT
        sent.append(bar * tape.before[k])  # to the slopes
        arrived.append(bar * tape.slopes[k])
    one = torch.ones_like(arrived[-1][:, :1])
    layers = [LayerGradient(((one.unsqueeze(0), arrived[-1].unsqueeze(0)),), None)]
    bar = torch.zeros_like(sent[-1])
    for k in range(hidden - 1, -1, -1):
        slope = tape.slopes[k]
        bar = torch.addcmul(bar, sent[k], slope - slope * slope)
        after = (tape.before[k] * slope).unsqueeze(0)
        pairs = (after, arrived[k].unsqueeze(0)), (bar.unsqueeze(0), tape.inputs[k].unsqueeze(0))
        layers.append(LayerGradient(pairs, bar))
        if k > 0:
            bar = (bar @ weights[k]) * tape.slopes[k - 1]
    return layers[::-1]


gradient = Operator(_gradient_forward, _gradient_reverse)
"""Gradient of a scalar network: (x (B, d), nothing (0, d)) -> dN/dx (B, d).

The last layer has one output and no bias, since a constant has no gradient.
"""
