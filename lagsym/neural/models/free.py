"""The free structure: L(q, v) of any form."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from lagsym.neural.linear import solve
from lagsym.neural.models.base import NetworkLagrangian, Outputs
from lagsym.neural.models.recorded import Recorded
from lagsym.neural.models.records import Inputs, Net
from lagsym.neural.models.views import state_view
from lagsym.neural.operators import Contraction


class FreeLagrangian(NetworkLagrangian):
    """L(q, v) = ½|v|² + N(q, v) in the network's units.

    The anchor ½|v|² makes M invertible at the start; without it training stalls.  N may take it back.
    Beyond the scale, L is determined only up to gauge, and M may depend on v where the data leave it open, so
    canonical parts are read at v = 0.

    Source: Cranmer et al. (2020), Lagrangian Neural Networks, arXiv:2003.04630.
    """

    structure: ClassVar[str] = "free"

    def _nets(self) -> tuple[Net, ...]:
        self._view = state_view(self.scaling, self._center.dtype)
        return (Net(self._view.operator, self._view.inputs_count, 1, biased=False),)

    def arguments(self, inputs: Inputs) -> tuple[tuple[Tensor, Tensor], ...]:
        """Features and velocities, or the invariants of a symmetry, to be differentiated along the velocities."""
        return (self._view.arguments(inputs),)

    def assemble(self, outputs: Outputs, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """M (B, n, n) and f (B, n) in the network's units, from the operator's output."""
        by_feature, by_velocity = self._split(outputs, inputs)
        by_position = self.by_position(by_feature[0], inputs)[:, : self.coordinates]
        transport = (by_feature[1:] * self.by_feature(inputs.rates, inputs)).sum(-1).mT  # (d/dt) dN/dW at a = 0
        return anchored_mass(by_velocity[1:]), by_position - transport

    def solved(self, outputs: Outputs, inputs: Inputs) -> Tensor:
        """The accelerations M⁻¹ f (B, n) in the network's units, from the operator's output."""
        if not isinstance(outputs, Recorded):
            return super().solved(outputs, inputs)
        with torch.no_grad():
            mass, force = self.assemble(outputs, inputs)
            acceleration = solve(mass, force)
        return outputs.branch(
            acceleration, lambda g: [self._balance_cotangent(solve(mass.mT, g), acceleration, inputs)]
        )

    def _balance_cotangent(self, multiplier: Tensor, acceleration: Tensor, inputs: Inputs) -> Contraction:
        """Cotangent of the operator's output for Σ multiplier · (f − M a) at fixed accelerations a."""
        first = torch.cat([self.by_feature(multiplier, inputs), torch.zeros_like(multiplier)], 1)
        motion = torch.cat([self.by_feature(inputs.rates, inputs), acceleration], 1)
        return self._view.contraction(Contraction(first, -multiplier.mT, motion), inputs)

    def gradients(self, outputs: Outputs, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """dL/dQ (B, n) and dL/dW (B, n) in the network's units, from the operator's output."""
        by_position, by_velocity = self._blocks(outputs, inputs)
        return by_position[0, :, : self.coordinates], inputs.velocity + by_velocity[0]

    def _blocks(self, outputs: Outputs, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """Derivatives of N and of dN/dW_k, split into those by Q (and T) and by W (1 + n, B, ...)."""
        by_feature, by_velocity = self._split(outputs, inputs)
        return self.by_position(by_feature, inputs), by_velocity

    def _split(self, outputs: Outputs, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """The same by features, and by W."""
        rows = self._view.derivatives(outputs[0], inputs)
        by_feature, by_velocity = rows.split([inputs.features.shape[1], self.coordinates], -1)
        return by_feature, by_velocity

    def _potential(self, inputs: Inputs) -> Tensor:
        return -self._view.value(list(self.network), inputs.at_rest())

    def _gyroscopic(self, outputs: Outputs, inputs: Inputs) -> Tensor:
        rows = self._blocks(outputs, inputs)[0][1:, :, : self.coordinates]  # [j, :, i] = d²L/dW_j dQ_i = dA_j/dQ_i
        return rows.permute(1, 2, 0) - rows.permute(1, 0, 2)


def anchored_mass(rows: Tensor) -> Tensor:
    """M = 1 + d²N/dW dW (B, n, n) of L = ½|W|² + N, from the rows d²N/dW_k dW (n, B, n)."""
    return rows.permute(1, 0, 2) + torch.eye(rows.shape[-1], dtype=rows.dtype, device=rows.device)
