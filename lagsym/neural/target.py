"""Target: accelerations to be matched, and how their errors are weighed."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from lagsym.data.jets import Jets
from lagsym.neural.models import NetworkLagrangian

_LEAST = 1e-6
"""A coordinate whose accelerations are smaller than this, in the network's units, counts as unaccelerated."""


@dataclass(frozen=True)
class Target:
    """Accelerations in a network's units, and one weight a coordinate, the inverse of their root mean square.

    The mean square of `residuals` is the relative acceleration error, squared.
    """

    acceleration: Float[Tensor, "batch coordinates"]
    weight: Float[Tensor, " coordinates"]

    @classmethod
    def of(cls, jets: Jets, model: NetworkLagrangian) -> Target:
        """The accelerations of jets, on the model's device and in its number type."""
        unit = torch.tensor(model.scaling.velocity, dtype=torch.float64) / model.scaling.time
        scaled = torch.tensor(jets.a, dtype=torch.float64) / unit
        weight = 1 / scaled.square().mean(0).sqrt().clamp_min(_LEAST)
        return cls(*(tensor.to(dtype=model.dtype).to(model.device) for tensor in (scaled, weight)))

    def take(self, index: Tensor | slice) -> Target:
        """The samples at `index`, weighed as before."""
        return Target(self.acceleration[index], self.weight)

    def residuals(self, acceleration: Float[Tensor, "batch coordinates"]) -> Float[Tensor, "batch coordinates"]:
        """Weighted errors of accelerations in the network's units."""
        return (acceleration - self.acceleration) * self.weight
