"""Chart: the variables of one part of a density, and what the derivatives by them contribute to its equation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from lagsym.neural.models.records import Net
from lagsym.neural.operators import hessian_rows
from lagsym.neural.operators.quadratic import quadratic_rows


@dataclass(frozen=True)
class Chart:
    """The variables z of a part sign · P(z) of a density: functions of fields and base coordinates, then derivatives.

    Arguments:
        sign: 1 or -1.
        directions: the base directions along which the part depends on derivatives of the fields.
        count: number of fields n.
        places: how many variables are functions of fields and base coordinates.
        hidden: whether P is a perceptron; otherwise it is a quadratic form.
    """

    sign: int
    directions: tuple[int, ...]
    count: int
    places: int
    hidden: bool

    @property
    def size(self) -> int:
        """Number of variables d."""
        return self.places + len(self.directions) * self.count

    @property
    def net(self) -> Net:
        """What P is made of."""
        if self.hidden:
            return Net(hessian_rows, self.size, 1, biased=False)
        return Net(quadratic_rows, self.size, self.size, biased=True, hidden=False)

    def variables(self, places: Tensor, first: Tensor) -> Tensor:
        """The variables (B, d) from functions of fields (B, places) and first derivatives (B, b, n)."""
        return torch.cat([places, first[:, list(self.directions)].flatten(1)], 1)

    def seeds(self, like: Tensor) -> Tensor:
        """The directions of z that belong to derivatives (m n, d)."""
        return torch.eye(self.size, dtype=like.dtype, device=like.device)[self.places :]

    def gradient(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """P by functions of fields (B, places) and by first derivatives (B, m, n), from the operator's output."""
        places, first = rows[0].split([self.places, self.size - self.places], -1)
        return places, first.unflatten(1, (len(self.directions), self.count))

    def principal(self, rows: Tensor) -> Float[Tensor, "directions directions batch n n"]:
        """d²P/dW_(mu,i) dW_(nu,j), [mu, nu, :, i, j], from the operator's output."""
        blocks = rows[1:, :, self.places :].unflatten(0, (-1, self.count)).unflatten(-1, (-1, self.count))
        return blocks.permute(0, 3, 2, 1, 4)

    def transport(self, rows: Tensor, along: Callable[[int], Tensor], second: Tensor | None) -> Tensor:
        """Σ_mu D_mu dP/dW_(mu,i) (B, n): each Hessian row times the total derivative of the variables.

        Arguments:
            rows: the operator's output (1 + m n, B, d).
            along: the total derivative of the functions of fields along a base direction (B, places).
            second: second derivatives (B, b, b, n), or None for zeros.
        """
        blocks = rows[1:].unflatten(0, (len(self.directions), self.count))
        total = 0
        for block, direction in zip(blocks, self.directions, strict=True):
            moved = along(direction)
            if second is not None:
                moved = self.variables(moved, second[:, direction])
            total = total + (block[..., : moved.shape[1]] * moved).sum(-1)
        return torch.as_tensor(total).mT
