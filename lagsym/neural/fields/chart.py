"""Chart: the variables of one part of a density, and what the derivatives by them contribute to its equation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from lagsym.neural.models.records import Net
from lagsym.neural.operators import gradient, hessian_rows
from lagsym.neural.operators.quadratic import quadratic_rows


@dataclass(frozen=True)
class Chart:
    """The variables z of a part sign · P(z) of a density: functions of fields and base coordinates, then derivatives.

    A part that depends on second derivatives is known by its gradient alone, as the weak form asks for no more.

    Arguments:
        sign: 1 or -1.
        directions: the base directions along which the part depends on derivatives of the fields.
        count: number of fields n.
        places: how many variables are functions of fields and base coordinates.
        hidden: whether P is a perceptron; otherwise it is a quadratic form.
        bends: the pairs of base directions of the second derivatives that the part depends on.
    """

    sign: int
    directions: tuple[int, ...]
    count: int
    places: int
    hidden: bool
    bends: tuple[tuple[int, int], ...] = ()

    @property
    def size(self) -> int:
        """Number of variables d."""
        return self.places + (len(self.directions) + len(self.bends)) * self.count

    @property
    def net(self) -> Net:
        """What P is made of."""
        if self.hidden:
            return Net(gradient if self.bends else hessian_rows, self.size, 1, biased=False)
        return Net(quadratic_rows, self.size, self.size, biased=True, hidden=False)

    def variables(self, places: Tensor, first: Tensor, second: Tensor | None = None) -> Tensor:
        """The variables (B, d) from functions of fields (B, places), first (B, b, n) and second derivatives."""
        parts = [places, first[:, list(self.directions)].flatten(1)]
        if self.bends:
            assert second is not None
            parts.append(second[:, *self._pairs].flatten(1))
        return torch.cat(parts, 1)

    def seeds(self, like: Tensor) -> Tensor:
        """The directions of z that belong to first derivatives (m n, d); none where there are second ones."""
        seeds = torch.eye(self.size, dtype=like.dtype, device=like.device)[self.places :]
        return seeds[:0] if self.bends else seeds

    def gradient(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """P by functions of fields (B, places), by first (B, m, n) and by second derivatives (B, pairs, n)."""
        sizes = [self.places, len(self.directions) * self.count, len(self.bends) * self.count]
        row = rows if rows.ndim == 2 else rows[0]
        places, first, second = row.split(sizes, -1)
        return places, first.unflatten(1, (-1, self.count)), second.reshape(len(second), -1, self.count)

    @property
    def _pairs(self) -> tuple[list[int], list[int]]:
        return [mu for mu, _ in self.bends], [nu for _, nu in self.bends]

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
