"""The unconstrained baseline: accelerations as any function of position and velocity."""

from __future__ import annotations

import torch
from torch import Tensor

from lagsym.neural.models.network import Network, Outputs
from lagsym.neural.models.records import Inputs, Net
from lagsym.neural.operators import values


class AccelerationNetwork(Network):
    """A perceptron a = N(q, v), and of time and parameters where they enter; no law of mechanics is built in.

    It sees the same scaled inputs as a Lagrangian network and is fitted to the same examples, as if M were 1 and f
    were a. Where it predicts held-out data better than every Lagrangian network, there may be no Lagrangian.
    """

    def _nets(self) -> tuple[Net, ...]:
        return (Net(values, self.scaling.features_count + self.coordinates, self.coordinates, biased=True),)

    def arguments(self, inputs: Inputs) -> tuple[tuple[Tensor, Tensor], ...]:
        """Features and velocities."""
        x = torch.cat([inputs.features, inputs.velocity], 1)
        return ((x, x[:0]),)

    def motion(self, outputs: Outputs, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """The unit matrix (B, n, n) in the place of M, and a (B, n), in the network's units."""
        del inputs
        (acceleration,) = outputs
        unit = torch.eye(self.coordinates, dtype=acceleration.dtype, device=acceleration.device)
        return unit.expand(len(acceleration), -1, -1), acceleration

    def solved(self, outputs: Outputs, inputs: Inputs) -> Tensor:
        """The predicted accelerations (B, n) in the network's units, from the operator's output."""
        del inputs
        (acceleration,) = outputs
        return acceleration

    def acceleration(self, q: Tensor, v: Tensor, t: Tensor | None = None, parameters: Tensor | None = None) -> Tensor:
        """The predicted accelerations (B, n), in the data's units; for the arguments see `inputs`.

        Raises:
            InputError: as `inputs`.
        """
        (output,) = self.outputs(self.inputs(q, v, t, parameters))
        return output * (self._velocity / self.scaling.time)
