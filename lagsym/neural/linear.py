"""Many small linear systems at once."""

from __future__ import annotations

from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable


def solve(matrix: Float[Tensor, "batch n n"], right: Float[Tensor, "batch n"]) -> Float[Tensor, "batch n"]:
    """X with matrix x = right for every sample; infinite or NaN where a matrix is singular, never an error.

    Differentiable once, by the implicit function theorem: with g the gradient by x, the gradient by `right` is
    h = matrix⁻ᵀ g and the gradient by `matrix` is −h ⊗ x.
    """
    if matrix.requires_grad or right.requires_grad:
        return cast("Tensor", _Solve.apply(matrix, right))
    return _solve(matrix, right)


class _Solve(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, matrix: Tensor, right: Tensor) -> Tensor:
        solution = _solve(matrix, right)
        ctx.save_for_backward(matrix, solution)
        return solution

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor]:  # pyright: ignore[reportIncompatibleMethodOverride]
        matrix, solution = ctx.saved_tensors
        by_right = _solve(matrix.mT, grad_outputs[0])
        return by_right.unsqueeze(-1) * solution.neg().unsqueeze(-2), by_right


def _solve(matrix: Tensor, right: Tensor) -> Tensor:
    n = right.shape[-1]
    if n == 1:
        return right / matrix[..., 0]
    if n == 2:
        # Cramer's rule: a batched factorisation of 2 × 2 matrices costs more than the rest of a training step's
        # arithmetic on them.
        a, b, c, d = matrix.flatten(-2).unbind(-1)
        f, g = right.unbind(-1)
        determinant = torch.addcmul(a * d, b, c, value=-1)
        top, bottom = torch.addcmul(d * f, b, g, value=-1), torch.addcmul(a * g, c, f, value=-1)
        return torch.stack([top, bottom], -1) / determinant.unsqueeze(-1)
    return torch.linalg.solve_ex(matrix, right.unsqueeze(-1))[0].squeeze(-1)
