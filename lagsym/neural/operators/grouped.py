"""Operators on groups of samples: those of one example in a row, whose gradients belong together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from lagsym.neural.operators.base import LayerGradient, Operator, sum_groups


def grouped(operator: Operator) -> Operator:
    """The same operator on (B, g, d) in place of (B · g, d), with gradients summed over each group of g.

    Its output, of shape (B · g, outputs) before, has the shape (B, g, outputs).
    """

    def forward(parameters: Sequence[Tensor], x: Tensor, directions: Tensor) -> tuple[Tensor, Any]:
        output, tape = operator.forward(parameters, x.flatten(0, 1), directions)
        return output.unflatten(0, x.shape[:2]), (tape, x.shape[1])

    def reverse(parameters: Sequence[Tensor], tape: Any, cotangent: Tensor) -> list[LayerGradient]:
        own, group = tape
        return sum_groups(operator.reverse(parameters, own, cotangent.flatten(0, 1)), group)

    return Operator(forward, reverse)
