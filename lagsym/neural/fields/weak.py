"""The weak form over space and time: field equations averaged against test functions, without second derivatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lagsym.neural.examples import Examples
from lagsym.neural.examples.acceleration import LEAST
from lagsym.neural.fields.density import DensityNetwork
from lagsym.neural.fields.motion import FieldMotion
from lagsym.neural.linear import solve
from lagsym.neural.models.perceptrons import Outputs


@dataclass(frozen=True)
class FieldWeakExamples(Examples):
    """Averages of the field equations over windows, relative to how they change off the shell.

    For a test function φ with its window of samples

        r = (∫ M φ)⁻¹ ∫ (dL/du φ + Σ_mu dL/du_mu ∂_mu φ + Σ dL/du_(mu nu) ∂_mu ∂_nu φ) / rms(u_tt),   M = d²L/du_t du_t,

    with rms(u_tt) of each field's second time derivatives, each of them an average over a window too.  The second
    integral is that of E φ and vanishes on the motion; where u_tt is off by δ, E is off by M δ.  Numerator and
    denominator are blind to divergences and of the same degree in L, so that neither a small L nor one that is all
    gauge gains anything.

    Arguments:
        inputs: samples of the windows (m · group, ...), smoothed.
        value: φ times quadrature weights (m, group).
        slopes: its derivatives likewise, per unit of the network's base coordinates (m, b, group).
        bends: its second derivatives likewise, those that the density depends on (m, pairs, group).
        weight: of each field, the inverse root mean square of its averaged U_tt, in the network's units (n,).

    Source: Messenger and Bortz (2021), Weak SINDy for partial differential equations, J. Comput. Phys. 443.
    """

    consecutive: ClassVar[bool] = True
    inputs: Any
    value: Float[Tensor, "windows samples"]
    slopes: Float[Tensor, "windows base samples"]
    bends: Float[Tensor, "windows pairs samples"]
    weight: Float[Tensor, " fields"]

    @classmethod
    def of(cls, data: FieldMotion, model: DensityNetwork) -> FieldWeakExamples:
        """Windows on every record; none straddles two."""
        windows, scaling = data.bent if model.bends else data.windows, model.scaling
        steps, sizes = np.array(scaling.steps), np.array(scaling.sizes)
        averaged = windows.averages.ddu
        assert averaged is not None  # windows always have them
        scaled = averaged[:, 0, 0] * (steps[0] ** 2 / sizes)
        weight = 1 / np.maximum(np.sqrt(np.mean(scaled**2, axis=0)), LEAST)
        slopes = np.moveaxis(windows.slopes * steps[:, None, None], 0, 1)
        bends = np.zeros((len(windows.value), len(model.bends), windows.value.shape[1]))
        for place, pair in enumerate(model.bends):
            bends[:, place] = windows.bends[pair] * steps[list(pair)].prod()
        arrays = (windows.value, slopes, bends, weight)
        own = (torch.tensor(part, dtype=model.dtype, device=model.device) for part in arrays)
        return cls(model.inputs_of(windows.jets), *own)

    @property
    def group(self) -> int:
        """Samples of a window."""
        return self.value.shape[1]

    @property
    def columns(self) -> int:
        """How many independent residuals an example has."""
        return len(self.weight)

    def take(self, index: Tensor) -> FieldWeakExamples:
        """The windows at `index`, weighed as before."""
        places = index.unsqueeze(1) * self.group + torch.arange(self.group, device=index.device)
        parts = (self.value[index], self.slopes[index], self.bends[index])
        return FieldWeakExamples(self.inputs.take(places.flatten()), *parts, self.weight)

    def residuals(self, model: Any, outputs: Outputs) -> Float[Tensor, "windows fields"]:
        """The average of every equation over every window, relative to how it changes off the shell."""
        by_field, by_slope, by_bend = model.gradients(outputs, self.inputs)
        weak = self._integral(self.value, by_field)
        for mu in range(self.slopes.shape[1]):
            weak = weak + self._integral(self.slopes[:, mu], by_slope[:, mu])
        for pair in range(self.bends.shape[1]):
            weak = weak + self._integral(self.bends[:, pair], by_bend[:, pair])
        mass = self._integral(self.value, model.mass(outputs).flatten(1))
        return solve(mass.unflatten(1, weak.shape[1:] * 2), weak) * self.weight

    def _integral(self, weight: Tensor, samples: Tensor) -> Tensor:
        return (weight.unsqueeze(-1) * samples.reshape(*weight.shape, -1)).sum(1)
