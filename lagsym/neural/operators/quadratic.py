"""Gradient and Hessian rows of a quadratic form, as those of a perceptron.

Terms of second degree, ½ zᵀ S z + s·z, are what most Lagrangians mostly consist of; a perceptron only approaches them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lagsym.neural.operators.base import LayerGradient, Operator


@dataclass(frozen=True)
class _Tape:
    z: Tensor  # (B, d)
    directions: Tensor  # (n, d)


def _forward(parameters: Sequence[Tensor], z: Tensor, directions: Tensor) -> tuple[Tensor, _Tape]:
    weight, linear = parameters
    matrix = 0.5 * (weight + weight.mT)
    rows = (directions @ matrix).unsqueeze(1).expand(-1, len(z), -1)
    return torch.cat([torch.addmm(linear, z, matrix).unsqueeze(0), rows]), _Tape(z, directions.unsqueeze(1))


def _reverse(parameters: Sequence[Tensor], tape: _Tape, cotangent: Tensor) -> list[LayerGradient]:
    del parameters
    half = 0.5 * cotangent
    seeds = tape.directions.expand(-1, len(tape.z), -1)
    right = torch.cat([tape.z.unsqueeze(0), seeds])
    return [LayerGradient(((half, right), (right, half)), cotangent[0])]


quadratic_rows = Operator(_forward, _reverse)
"""Gradient and Hessian rows of ½ zᵀ S z + s·z: (z (B, d), directions (n, d)) -> (1 + n, B, d), as `hessian_rows`.

Its parameters are one layer's weight W (d, d) with S = (W + Wᵀ)/2, and bias s (d,).
"""
