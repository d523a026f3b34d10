"""The separable structure: kinetic energy of any form in the velocities, minus a potential."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from lagsym.neural.models.base import NetworkLagrangian, Outputs
from lagsym.neural.models.free import anchored_mass, value
from lagsym.neural.models.records import Inputs, Net
from lagsym.neural.operator import hessian_rows, tangents


class SeparableLagrangian(NetworkLagrangian):
    """L(q, v) = T(v) − V(q), as of relativistic particles; T(v) = ½|v|² + N(v) in the network's units.

    T may depend on parameters (a mass), V on parameters and on time.  With one coordinate a free L may be any of
    infinitely many with the same motion; this one is determined up to its scale.
    """

    structure: ClassVar[str] = "separable"

    def _nets(self) -> tuple[Net, ...]:
        units = self.scaling
        return (
            Net(hessian_rows, units.coordinates + units.parameters, 1, biased=False),
            Net(tangents, units.features_count, 1, biased=True),
        )

    def arguments(self, inputs: Inputs) -> tuple[tuple[Tensor, Tensor], ...]:
        """Velocities and parameters, to be differentiated along the velocities; features, along the coordinates."""
        n, parameters = self.coordinates, self.scaling.parameters
        features = inputs.features
        x = torch.cat([inputs.velocity, features[:, features.shape[1] - parameters :]], 1)
        along = inputs.slopes.new_zeros(n, *inputs.slopes.shape)
        places = (self._owner < n).nonzero().squeeze(1)
        along[self._owner[places], :, places] = inputs.slopes[:, places].mT
        return (x, torch.eye(x.shape[1], dtype=x.dtype, device=x.device)[:n]), (features, along)

    def assemble(self, outputs: Outputs, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """M (B, n, n) and f (B, n) in the network's units, from the operators' outputs."""
        kinetic, potential = outputs
        return anchored_mass(kinetic[1:, :, : self.coordinates]), -potential[1:, :, 0].mT

    def gradients(self, outputs: Outputs, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """dL/dQ (B, n) and dL/dW (B, n) in the network's units, from the operators' outputs."""
        kinetic, potential = outputs
        return -potential[1:, :, 0].mT, inputs.velocity + kinetic[0, :, : self.coordinates]

    def _potential(self, inputs: Inputs) -> Tensor:
        kinetic, potential = self.arguments(inputs.at_rest())
        tensors = self.nets[0].tensors(self.depth)
        parameters = list(self.network)
        return value(parameters[tensors:], potential[0]) - value(parameters[:tensors], kinetic[0])

    def _gyroscopic(self, outputs: Outputs, inputs: Inputs) -> Tensor:
        n = self.coordinates
        return inputs.velocity.new_zeros(len(inputs), n, n)
