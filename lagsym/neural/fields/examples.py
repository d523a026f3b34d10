"""The strong form: the error of second time derivatives at given jets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from lagsym.data.jets import Jets
from lagsym.neural.examples import Examples
from lagsym.neural.examples.acceleration import LEAST
from lagsym.neural.fields.network import FieldNetwork, require_second
from lagsym.neural.models.perceptrons import Outputs


@dataclass(frozen=True)
class FieldRateExamples(Examples):
    """Second time derivatives to be matched: M⁻¹ E / rms(u_tt), each field relative to its own root mean square.

    M⁻¹ E is by how much the u_tt that the network predicts exceeds the given one, all other derivatives as given.

    Arguments:
        inputs: where they were seen, with second derivatives (B, ...).
        weight: of each field, the inverse of the root mean square of U_tt (n,).
    """

    inputs: Any
    weight: Float[Tensor, " fields"]

    @classmethod
    def of(cls, jets: Jets, model: FieldNetwork) -> FieldRateExamples:
        """The second time derivatives of jets.

        Raises:
            InputError: the jets hold none.
        """
        inputs = model.inputs_of(jets)
        return cls(inputs, 1 / require_second(inputs)[:, 0, 0].square().mean(0).sqrt().clamp_min(LEAST))

    @property
    def columns(self) -> int:
        """How many independent residuals an example has."""
        return len(self.weight)

    def take(self, index: Tensor) -> FieldRateExamples:
        """The samples at `index`, weighed as before."""
        return FieldRateExamples(self.inputs.take(index), self.weight)

    def residuals(self, model: Any, outputs: Outputs) -> Float[Tensor, "batch fields"]:
        """Weighted errors of second time derivatives in the network's units, of a `FieldNetwork`."""
        return model.excess(outputs, self.inputs) * self.weight


def relative_error(model: FieldNetwork, jets: Jets) -> float:
    """Root mean square error of a network's u_tt on jets, each field relative to its own."""
    with torch.no_grad():
        return float(FieldRateExamples.of(jets, model).error(model))  # pyright: ignore[reportArgumentType]
