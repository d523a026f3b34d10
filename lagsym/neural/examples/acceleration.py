"""The error of accelerations."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from lagsym.data.jets import Jets
from lagsym.neural.examples.base import Examples
from lagsym.neural.models import Inputs, NetworkLagrangian
from lagsym.neural.models.base import Outputs

LEAST = 1e-6
"""A coordinate whose accelerations are smaller than this, in the network's units, counts as unaccelerated."""


@dataclass(frozen=True)
class AccelerationExamples(Examples):
    """Accelerations to be matched: (M⁻¹ f − a) / rms(a), each coordinate relative to its own root mean square.

    Arguments:
        inputs: where they were seen (B, ...).
        acceleration: a in the network's units (B, n).
        weight: of each coordinate, the inverse of the root mean square of its accelerations (n,).
    """

    inputs: Inputs
    acceleration: Float[Tensor, "batch coordinates"]
    weight: Float[Tensor, " coordinates"]

    @classmethod
    def of(cls, jets: Jets, model: NetworkLagrangian) -> AccelerationExamples:
        """The accelerations of jets.

        Raises:
            DataError: the jets hold no accelerations.
        """
        unit = torch.tensor(model.scaling.velocity, dtype=torch.float64) / model.scaling.time
        scaled = torch.tensor(jets.a, dtype=torch.float64) / unit
        weight = 1 / scaled.square().mean(0).sqrt().clamp_min(LEAST)
        own = (tensor.to(dtype=model.dtype).to(model.device) for tensor in (scaled, weight))
        return cls(model.inputs_of(jets), *own)

    def take(self, index: Tensor) -> AccelerationExamples:
        """The samples at `index`, weighed as before."""
        return type(self)(self.inputs.take(index), self.acceleration[index], self.weight)

    def residuals(self, model: NetworkLagrangian, outputs: Outputs) -> Float[Tensor, "batch coordinates"]:
        """Weighted errors of accelerations in the network's units."""
        return (model.solved(outputs, self.inputs) - self.acceleration) * self.weight
