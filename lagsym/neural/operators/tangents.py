"""Values and directional derivatives of a perceptron, by forward differentiation, with their reverse sweep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

from lagsym.neural.operators.base import LayerGradient, Operator
from lagsym.neural.operators.stacks import along, contract, through, value


def _tangents_forward(parameters: Sequence[Tensor], x: Tensor, directions: Tensor) -> tuple[Tensor, list[Any]]:
    weights, biases = parameters[0::2], parameters[1::2]
    stack, tape = torch.cat([x.unsqueeze(-3), directions], -3), []
    for k, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        output = through(stack, weight.mT)
        z = value(output).add_(bias.unsqueeze(-2))
        if k == len(weights) - 1:
            tape.append((stack, None, None))
            return output, tape
        slope, tangent = torch.sigmoid(z), along(output)
        tape.append((stack, slope, tangent))
        stack = torch.empty_like(output)
        torch.mul(slope.unsqueeze(-3), tangent, out=along(stack))
        value(stack).copy_(softplus(z))
    raise AssertionError  # a network has a last layer


def _tangents_reverse(parameters: Sequence[Tensor], tape: list[Any], cotangent: Tensor) -> list[LayerGradient]:
    weights, layers, bar = parameters[0::2], [], cotangent
    for k in range(len(weights) - 1, -1, -1):
        layers.append(LayerGradient(((bar, tape[k][0]),), value(bar)))
        if k > 0:
            _, slope, tangent = tape[k - 1]
            inner = through(bar, weights[k])
            bar = inner * slope.unsqueeze(-3)
            curvature = torch.addcmul(slope, slope, slope, value=-1)
            value(bar).addcmul_(contract(along(inner), tangent), curvature)
    return layers[::-1]


tangents = Operator(_tangents_forward, _tangents_reverse, members=True)
"""Values and directional derivatives of a network: (x (B, d), directions (n, B, d)) -> (1 + n, B, outputs).

Row 0 is N(x), row 1 + k is dN/dx . directions_k.  Every layer has a bias.  With members: x (K, B, d), directions
(K, n, B, d) -> (K, 1 + n, B, outputs).
"""
