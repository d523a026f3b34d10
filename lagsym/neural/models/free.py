"""The free structure: L(q, v) of any form."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import linear, softplus

from lagsym.neural.models.base import NetworkLagrangian
from lagsym.neural.models.records import Inputs
from lagsym.neural.operator import Operator, hessian_rows


class FreeLagrangian(NetworkLagrangian):
    """L(q, v) = ½|v|² + N(q, v) in the network's units.

    The anchor ½|v|² makes M invertible at the start; without it training stalls.  N may take it back.
    Beyond the scale, L is determined only up to gauge, and M may depend on v where the data leave it open, so
    canonical parts are read at v = 0.

    Source: Cranmer et al. (2020), Lagrangian Neural Networks, arXiv:2003.04630.
    """

    structure: ClassVar[str] = "free"
    operator: ClassVar[Operator] = hessian_rows

    def _sizes(self) -> tuple[int, int, bool]:
        return len(self.scaling.center) + self.coordinates, 1, False

    def arguments(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """Features and velocities, to be differentiated along the velocities."""
        x = torch.cat([inputs.features, inputs.velocity], 1)
        directions = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)[inputs.features.shape[1] :]
        return x, directions

    def assemble(self, output: Tensor, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """M (B, n, n) and f (B, n) in the network's units, from the operator's output."""
        by_position, by_velocity = self._blocks(output, inputs)
        first, *mixed = by_position.unbind()
        mass = by_velocity[1:].permute(1, 0, 2) + torch.eye(self.coordinates, dtype=output.dtype, device=output.device)
        return mass, first - torch.stack([(row * inputs.velocity).sum(-1) for row in mixed], 1)

    def _blocks(self, output: Tensor, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """The operator's rows dN/dx and d²N/dW_k dx, split into derivatives by Q and by W (1 + n, B, n)."""
        by_feature, by_velocity = output.split([inputs.features.shape[1], self.coordinates], -1)
        return self.by_position(by_feature, inputs), by_velocity

    def _potential(self, inputs: Inputs) -> Tensor:
        x, _ = self.arguments(inputs)
        for weight, bias in zip(list(self.network)[0:-1:2], list(self.network)[1::2], strict=True):
            x = softplus(linear(x, weight, bias))
        return -linear(x, self.network[-1]).squeeze(-1)

    def _gyroscopic(self, output: Tensor, inputs: Inputs) -> Tensor:
        rows = self._blocks(output, inputs)[0][1:]  # rows[j, :, i] = d²L/dW_j dQ_i = dA_j/dQ_i
        return rows.permute(1, 2, 0) - rows.permute(1, 0, 2)
