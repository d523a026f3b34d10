"""The balance of forces at measured accelerations."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from lagsym.neural.examples.acceleration import AccelerationExamples
from lagsym.neural.models import NetworkLagrangian
from lagsym.neural.models.base import Outputs


class BalanceExamples(AccelerationExamples):
    """The balance of forces at measured accelerations: (M a − f) / (|M| rms(a)), with |M| of each sample alone.

    Like the error of accelerations it is blind to the scale of L; but where M spans decades, as for relativistic
    particles, samples with a small M don't outweigh all others, and there is no gain in making M large.
    """

    def residuals(self, model: NetworkLagrangian, outputs: Outputs) -> Float[Tensor, "batch coordinates"]:
        """Weighted residuals of the equation of motion, in units of the sample's mean mass."""
        mass, force = model.motion(outputs, self.inputs)
        size = mass.square().sum((1, 2)).div(mass.shape[-1]).sqrt().unsqueeze(1)
        moved = (mass * self.acceleration.unsqueeze(1)).sum(-1)
        return (moved - force) / size * self.weight
