"""The natural structure: kinetic energy quadratic in the velocities, minus a potential."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import softplus

from lagsym.neural.models.base import NetworkLagrangian
from lagsym.neural.models.records import Inputs
from lagsym.neural.operator import Operator, tangents

_SHIFT = 0.5413248546129181
"""softplus(_SHIFT) = 1: an untrained network starts near M = 1."""

_FLOOR = 1e-4
"""Smallest diagonal of the Cholesky factor, so that M stays invertible; where M spans decades it is never reached."""


class NaturalLagrangian(NetworkLagrangian):
    """L(q, v) = ½ v·M(q) v − V(q) with M = C Cᵀ, C lower triangular with a positive diagonal.

    M is positive definite by construction: as a free symmetric matrix it may pass through singular ones and stall.

    Source: Lutter, Ritter, Peters (2019), Deep Lagrangian Networks, arXiv:1907.04490.
    """

    structure: ClassVar[str] = "natural"
    operator: ClassVar[Operator] = tangents

    def _sizes(self) -> tuple[int, int, bool]:
        n = self.coordinates
        return len(self.scaling.center), n * (n + 1) // 2 + 1, True

    def arguments(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """Features, to be differentiated along every coordinate Q."""
        directions = inputs.slopes.new_zeros(self.coordinates, *inputs.slopes.shape)
        directions[self._owner, :, torch.arange(len(self._owner), device=self.device)] = inputs.slopes.mT
        return inputs.features, directions

    def assemble(self, output: Tensor, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """M (B, n, n) and f (B, n) in the network's units, from the operator's output."""
        mass, by_position = self._mass(output)
        velocity = inputs.velocity
        moved = (by_position * velocity.unsqueeze(1)).sum(-1)  # (dM/dQ_k) W, (n, B, n)
        kinetic = 0.5 * (moved * velocity).sum(-1).mT
        transport = (moved * velocity.mT.unsqueeze(-1)).sum(0)  # Ṁ W
        return mass, kinetic - output[1:, :, -1].mT - transport

    def _mass(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """M (B, n, n) and dM/dQ_k (n, B, n, n)."""
        n = self.coordinates
        rows, columns = torch.tril_indices(n, n, device=output.device).unbind()
        diagonal = rows == columns
        shifted = output[0, :, :-1] + _SHIFT
        entry = torch.where(diagonal, softplus(shifted) + _FLOOR, output[0, :, :-1])
        slope = torch.where(diagonal, torch.sigmoid(shifted), 1.0)
        factor = output.new_zeros(*output.shape[:2], n, n)
        factor[..., rows, columns] = torch.cat([entry.unsqueeze(0), slope * output[1:, :, :-1]])
        half = factor[1:] @ factor[0].mT
        return factor[0] @ factor[0].mT, half + half.mT

    def _potential(self, inputs: Inputs) -> Tensor:
        return self.output(inputs)[0, :, -1]

    def _gyroscopic(self, output: Tensor, inputs: Inputs) -> Tensor:
        return output.new_zeros(output.shape[1], self.coordinates, self.coordinates)
