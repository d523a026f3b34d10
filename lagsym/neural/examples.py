"""Examples: what a network is to match, and how far it is from that.

A row of residuals depends on the samples of its own example alone, so that Levenberg–Marquardt gets every row of the
Jacobian out of one reverse sweep.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from lagsym.data.jets import Jets
from lagsym.neural.linear import solve
from lagsym.neural.models import Inputs, NetworkLagrangian
from lagsym.neural.models.base import Outputs

_LEAST = 1e-6
"""A coordinate whose accelerations are smaller than this, in the network's units, counts as unaccelerated."""


class Examples(ABC):
    """Examples on a model's device, in its units and number type."""

    inputs: Inputs
    """The samples (m · group, ...), those of one example in a row."""

    @property
    def group(self) -> int:
        """How many samples an example has."""
        return 1

    def __len__(self) -> int:
        return len(self.inputs) // self.group

    @abstractmethod
    def take(self, index: Tensor) -> Examples:
        """The examples at `index`, weighed as before."""

    @abstractmethod
    def residuals(self, model: NetworkLagrangian, outputs: Outputs) -> Float[Tensor, "examples residuals"]:
        """What is to vanish, scaled so that its mean square is the square of a relative error."""

    def error(self, model: NetworkLagrangian) -> Tensor:
        """The root mean square of the residuals."""
        return self.residuals(model, model.outputs(self.inputs)).square().mean().sqrt()


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
        weight = 1 / scaled.square().mean(0).sqrt().clamp_min(_LEAST)
        own = (tensor.to(dtype=model.dtype).to(model.device) for tensor in (scaled, weight))
        return cls(model.inputs_of(jets), *own)

    def take(self, index: Tensor) -> AccelerationExamples:
        """The samples at `index`, weighed as before."""
        return type(self)(self.inputs.take(index), self.acceleration[index], self.weight)

    def residuals(self, model: NetworkLagrangian, outputs: Outputs) -> Float[Tensor, "batch coordinates"]:
        """Weighted errors of accelerations in the network's units."""
        return (solve(*model.assemble(outputs, self.inputs)) - self.acceleration) * self.weight


class BalanceExamples(AccelerationExamples):
    """The balance of forces at measured accelerations: (M a − f) / (|M| rms(a)), with |M| of each sample alone.

    Like the error of accelerations it is blind to the scale of L; but where M spans decades, as for relativistic
    particles, samples with a small M don't outweigh all others, and there is no gain in making M large.
    """

    def residuals(self, model: NetworkLagrangian, outputs: Outputs) -> Float[Tensor, "batch coordinates"]:
        """Weighted residuals of the equation of motion, in units of the sample's mean mass."""
        mass, force = model.assemble(outputs, self.inputs)
        size = mass.square().sum((1, 2)).div(mass.shape[-1]).sqrt().unsqueeze(1)
        moved = (mass * self.acceleration.unsqueeze(1)).sum(-1)
        return (moved - force) / size * self.weight
