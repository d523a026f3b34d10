"""Stacks (m, B, h): the value of a layer's units and its tangents, or what else belongs to the same samples."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import linear

NARROW = 16
"""Fewer columns than this, and BLAS takes a quarter of the time for the transposed product."""


def through(stack: Tensor, matrix: Tensor) -> Tensor:
    """A stack (m, B, in) times a matrix (in, out), as one product."""
    narrow = matrix.shape[-1] < NARROW
    if stack.dim() == 3 and not narrow:
        return stack @ matrix
    flat = stack.flatten(-3, -2)
    product = (matrix.mT @ flat.mT).mT if narrow else flat @ matrix
    return product.unflatten(-2, stack.shape[-3:-1])


def value(stack: Tensor) -> Tensor:
    """The first of a stack."""
    return stack.select(-3, 0)


def along(stack: Tensor) -> Tensor:
    """All of a stack but the first: what belongs to the directions."""
    return stack.narrow(-3, 1, stack.shape[-3] - 1)


def affine(bias: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """Affine maps, x weightᵀ + bias (B, h) of inputs (B, d), all of them with members or none."""
    return linear(x, weight, bias) if x.dim() == 2 else torch.baddbmm(bias.unsqueeze(-2), x, weight.mT)


def new_stack(like: Tensor, directions: int) -> Tensor:
    """An empty stack (1 + directions, B, h) for values and tangents of units (B, h)."""
    return like.new_empty(*like.shape[:-2], 1 + directions, *like.shape[-2:])


def contract(left: Tensor, right: Tensor, total: Tensor | None = None) -> Tensor:
    """Sum of left * right over their stack.  It is added to `total`."""
    return weighted_sum(left, right.unbind(-3), total)


def weighted_sum(stack: Tensor, factors: Sequence[Tensor], total: Tensor | None = None) -> Tensor:
    """Sum of a stack times one factor each, added to `total`; a stack is short, and this faster than a reduction."""
    pairs = list(zip(stack.unbind(-3), factors, strict=True))
    if total is None:
        total = torch.mul(*pairs.pop(0))
    for pair in pairs:
        total.addcmul_(*pair)
    return total
