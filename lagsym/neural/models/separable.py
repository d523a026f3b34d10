"""The separable structure: kinetic energy of any form in the velocities, minus a potential."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from lagsym.neural.models.base import NetworkLagrangian, Outputs
from lagsym.neural.models.free import anchored_mass
from lagsym.neural.models.records import Inputs, Net
from lagsym.neural.models.views import Positions, state_view, value


class SeparableLagrangian(NetworkLagrangian):
    """L(q, v) = T(v) − V(q), as of relativistic particles; T(v) = ½|v|² + N(v) in the network's units.

    T may depend on parameters (a mass), V on parameters and on time.  With one coordinate a free L may be any of
    infinitely many with the same motion; this one is determined up to its scale.
    """

    structure: ClassVar[str] = "separable"

    def _nets(self) -> tuple[Net, ...]:
        dtype = self._center.dtype
        self._moving, self._places = state_view(self.scaling, dtype, kinetic=True), Positions(self.scaling, dtype)
        return (
            Net(self._moving.operator, self._moving.inputs_count, 1, biased=False),
            Net(self._places.operator, self._places.inputs_count, 1, biased=True),
        )

    def arguments(self, inputs: Inputs) -> tuple[tuple[Tensor, Tensor], ...]:
        """What T sees, to be differentiated along the velocities, and what V sees, along the coordinates."""
        x, along = self._places.arguments(inputs, self.by_position)
        return self._moving.arguments(inputs), (x, along[: self.coordinates])

    def assemble(self, outputs: Outputs, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """M (B, n, n) and f (B, n) in the network's units, from the operators' outputs."""
        by_position, by_velocity = self._blocks(outputs, inputs)
        return anchored_mass(by_velocity[1:]), by_position

    def gradients(self, outputs: Outputs, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """dL/dQ (B, n) and dL/dW (B, n) in the network's units, from the operators' outputs."""
        by_position, by_velocity = self._blocks(outputs, inputs)
        return by_position, inputs.velocity + by_velocity[0]

    def _blocks(self, outputs: Outputs, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """−dV/dQ (B, n); dN/dW and d²N/dW_k dW (1 + n, B, n)."""
        kinetic, potential = outputs
        by_velocity = self._moving.derivatives(kinetic, inputs)[..., inputs.features.shape[1] :]
        return -self._places.total(potential[1:, :, 0]).mT, by_velocity

    def _potential(self, inputs: Inputs) -> Tensor:
        tensors = self.nets[0].tensors(self.depth)
        parameters = list(self.network)
        potential = self._places.total(value(parameters[tensors:], self.arguments(inputs)[1][0]))
        return potential - self._moving.value(parameters[:tensors], inputs.at_rest())

    def _gyroscopic(self, outputs: Outputs, inputs: Inputs) -> Tensor:
        n = self.coordinates
        return inputs.velocity.new_zeros(len(inputs), n, n)
