"""The unconstrained baseline: second time derivatives as any function of fields and their spatial derivatives."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from lagsym.neural.fields.network import FieldNetwork, require_second
from lagsym.neural.fields.records import FieldInputs
from lagsym.neural.models.perceptrons import Outputs
from lagsym.neural.models.records import Net
from lagsym.neural.operators import values


class FieldRateNetwork(FieldNetwork):
    """u_tt = N(u, ∂_x u, ∂_x ∂_x u) plus a linear form of the same; no law of mechanics is built in.

    The linear form is what the quadratic skip of a density network gives: without it the comparison would be unfair.
    It starts at zero.  N sees scaled fields as sine and cosine where they are angles, and the base coordinates that
    enter; the linear form sees fields that are no angles, and all derivatives.
    """

    form: ClassVar[str] = "rates"

    def _nets(self) -> tuple[Net, ...]:
        count, space = self.scaling.count, self.scaling.base - 1
        derivatives = count * (space + space * (space + 1) // 2)
        self._straight = list(self.scaling.straight)
        pairs = torch.triu_indices(space, space) + 1
        self._one, self._other = pairs.tolist()
        return (
            Net(values, self.scaling.features_count + derivatives, count, biased=True),
            Net(values, len(self._straight) + derivatives, count, biased=True, hidden=False),
        )

    def arguments(self, inputs: FieldInputs) -> tuple[tuple[Tensor, Tensor], ...]:
        """Features, or fields, and spatial derivatives."""
        second = require_second(inputs)[:, self._one, self._other].flatten(1)
        derivatives = torch.cat([inputs.first[:, 1:].flatten(1), second], 1)
        places = (inputs.features, inputs.fields[:, self._straight])
        whole = [torch.cat([part, derivatives], 1) for part in places]
        return tuple((x, x[:0]) for x in whole)

    def excess(self, outputs: Outputs, inputs: FieldInputs) -> Tensor:
        """What is predicted minus what is for U_tt (B, n), in the network's units."""
        return outputs[0] + outputs[1] - require_second(inputs)[:, 0, 0]
