"""DensityNetwork: Lagrangian densities that are neural networks.

For fields u_i over time and space, with first derivatives u_(i,mu), a density L(u, du, x) moves them by

    E_i = dL/du_i − Σ_mu D_mu dL/du_(i,mu) = 0,

which is affine in all second derivatives: each of them has d²L/du_(i,mu) du_(j,nu) for its coefficient. A particle's
equation has one direction mu; here each direction adds its Hessian rows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import MappingProxyType
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lagsym.data.jets import Jets
from lagsym.neural.fields.chart import Chart
from lagsym.neural.fields.network import FieldNetwork, require_second
from lagsym.neural.fields.records import FieldInputs, FieldReading, ReadableDensity
from lagsym.neural.linear import solve
from lagsym.neural.models.perceptrons import Outputs
from lagsym.neural.models.records import Net
from lagsym.neural.operators import gradient, values

_CHUNK = 8192
"""Samples read at a time, which bounds the memory that reading takes."""


class DensityNetwork(FieldNetwork, ABC):
    """L = ½ Σ_i W_(i,t)² plus perceptrons and trainable quadratic forms of fields and their first derivatives.

    The quadratic forms, the *skip*, hold what most densities mostly consist of: products of fields that are no angles
    and of derivatives.  They start at zero; a perceptron adds what is left.

    E is blind to divergences and to the scale of L, so only E is to be compared.
    """

    @abstractmethod
    def _charts(self) -> tuple[Chart, ...]:
        """The parts of L beside ½ Σ_i W_(i,t)²."""

    @property
    def bends(self) -> tuple[tuple[int, int], ...]:
        """The pairs of base directions of second derivatives that L depends on; mostly none."""
        return ()

    def _nets(self) -> tuple[Net, ...]:
        self._parts = self._charts()
        self._straight = list(self.scaling.straight)
        return tuple(part.net for part in self._parts)

    def _places(self, part: Chart, inputs: FieldInputs) -> Tensor:
        if part.hidden:
            return inputs.features
        return inputs.fields[:, self._straight[: part.places]]

    def _along(self, part: Chart, inputs: FieldInputs, direction: int) -> Tensor:
        """Total derivative of a part's functions of fields along a base direction (B, places)."""
        if part.hidden:
            return self.by_feature(inputs, direction)
        return inputs.first[:, direction, self._straight[: part.places]]

    def _by_field(self, part: Chart, inputs: FieldInputs, places: Tensor) -> Tensor:
        """Derivative by fields U (B, n) from that by a part's functions of them (B, places)."""
        if part.hidden:
            return self.by_field(places * inputs.slopes)
        result = torch.zeros_like(inputs.fields)
        return result.index_add(1, self._owner[self._straight[: part.places]], places)

    def _second(self, inputs: FieldInputs) -> Tensor | None:
        return require_second(inputs) if self.bends else None

    def arguments(self, inputs: FieldInputs) -> tuple[tuple[Tensor, Tensor], ...]:
        """The variables of every part, to be differentiated along derivatives of the fields."""
        return tuple(
            (part.variables(self._places(part, inputs), inputs.first, self._second(inputs)), part.seeds(inputs.first))
            for part in self._parts
        )

    # ------------------------------------------------------------------------------ in the network's units

    def operator(self, outputs: Outputs, inputs: FieldInputs, *, at_rest: bool = False) -> Tensor:
        """E (B, n) from the operators' outputs, at the second derivatives of the inputs or, at rest, at zero ones."""
        second = None if at_rest else require_second(inputs)
        total = torch.zeros_like(inputs.fields) if second is None else -second[:, 0, 0]
        for part, rows in zip(self._parts, outputs, strict=True):
            by_field = self._by_field(part, inputs, part.gradient(rows)[0])
            moved = part.transport(rows, lambda mu, part=part: self._along(part, inputs, mu), second)
            total = total + part.sign * (by_field - moved)
        return total

    def principal(self, outputs: Outputs) -> Float[Tensor, "batch base base n n"]:
        """d²L/dW_(mu,i) dW_(nu,j) from the operators' outputs."""
        base, count = self.scaling.base, self.scaling.count
        total = outputs[0].new_zeros(base, base, outputs[0].shape[1], count, count)
        total[0, 0] = torch.eye(count, dtype=total.dtype, device=total.device)
        for part, rows in zip(self._parts, outputs, strict=True):
            chosen = list(part.directions)
            total[np.ix_(chosen, chosen)] += part.sign * part.principal(rows)
        return total.permute(2, 0, 1, 3, 4)

    def mass(self, outputs: Outputs) -> Float[Tensor, "batch n n"]:
        """d²L/dW_(t,i) dW_(t,j), the coefficient of second time derivatives, from the operators' outputs."""
        total = torch.eye(self.scaling.count, dtype=self.dtype, device=self.device)
        for part, rows in zip(self._parts, outputs, strict=True):
            if 0 in part.directions:
                stop = part.places + self.scaling.count  # time comes first among a part's directions
                own = rows[1 : 1 + self.scaling.count, :, part.places : stop].permute(1, 0, 2)
                total = total + part.sign * own
        return total.expand(outputs[-1].shape[-2], -1, -1)

    def excess(self, outputs: Outputs, inputs: FieldInputs) -> Tensor:
        """M⁻¹ E (B, n), by how much the U_tt that L predicts exceeds that of the inputs."""
        return solve(self.mass(outputs), self.operator(outputs, inputs))

    def gradients(self, outputs: Outputs, inputs: FieldInputs) -> tuple[Tensor, Tensor, Tensor]:
        """dL/dU (B, n), dL/dW_mu (B, b, n) and that by `bends` (B, pairs, n), from the first of the outputs' rows."""
        by_field, by_slope = torch.zeros_like(inputs.fields), torch.zeros_like(inputs.first)
        by_bend = inputs.fields.new_zeros(len(inputs), len(self.bends), self.scaling.count)
        by_slope[:, 0] = inputs.first[:, 0]
        for part, rows in zip(self._parts, outputs, strict=True):
            places, first, second = part.gradient(rows)
            by_field = by_field + part.sign * self._by_field(part, inputs, places)
            by_slope = by_slope.index_add(1, torch.tensor(part.directions, device=first.device), part.sign * first)
            if part.bends:
                by_bend = by_bend + part.sign * second
        return by_field, by_slope, by_bend

    # ---------------------------------------------------------------------------------- in the data's units

    @torch.no_grad()
    def value(self, inputs: FieldInputs) -> Tensor:
        """L (B,)."""
        total = 0.5 * inputs.first[:, 0].square().sum(1)
        for part, parameters, (z, _) in zip(self._parts, self._weights(), self.arguments(inputs), strict=True):
            if part.hidden:
                (own,) = values(parameters, z, z[:0]).unbind(1)
            else:
                own = 0.5 * ((z @ parameters[0]) * z).sum(1) + z @ parameters[1]
            total = total + part.sign * own
        return total

    @torch.no_grad()
    def slopes(self, inputs: FieldInputs) -> tuple[Tensor, Tensor, Tensor]:
        """dL/du (B, n), dL/du_mu (B, b, n) and that by `bends` (B, pairs, n), at the price of a gradient alone."""
        found = []
        for part, parameters, (z, _) in zip(self._parts, self._weights(), self.arguments(inputs), strict=True):
            if part.hidden:
                found.append(gradient(parameters, z, z[:0]).unsqueeze(0))
            else:
                found.append(part.net.operator(parameters, z, part.seeds(z)[:0]))
        by_field, by_slope, by_bend = self.gradients(found, inputs)
        pairs = torch.tensor(self.bends, dtype=torch.long).reshape(-1, 2)
        return (
            by_field / self._sizes,
            by_slope * (self._steps.unsqueeze(1) / self._sizes),
            by_bend * (self._steps[pairs].prod(1, keepdim=True) / self._sizes),
        )

    def translations(self, inputs: FieldInputs) -> Float[Tensor, "batch base base"]:
        """Σ_i u_(i,nu) dL/du_(i,mu) − δ^mu_nu L at [:, mu, nu], from a gradient and the value.

        It is the canonical stress–energy tensor of a density of first derivatives; where there are `bends`, their
        currents come on top in the directions mu of space.
        """
        first = inputs.first * (self._sizes / self._steps.unsqueeze(1))
        tensor = torch.einsum("bmi,bni->bmn", self.slopes(inputs)[1], first)
        tensor.diagonal(dim1=1, dim2=2).sub_(self.value(inputs).unsqueeze(1))
        return tensor

    def constant_mass(self) -> Float[np.ndarray, "n n"] | None:
        """d²L/du_(t,i) du_(t,j) where the form makes it the same everywhere, and L has no other term in u_t."""
        return None

    def _weights(self) -> list[list[Tensor]]:
        parameters, found = [parameter.detach() for parameter in self.network], []
        for net in self.nets:
            found.append(parameters[: net.tensors(self.depth)])
            parameters = parameters[net.tensors(self.depth) :]
        return found

    @torch.no_grad()
    def read(self, jets: Jets) -> FieldReading:
        """Everything that the network says at jets, whose second derivatives need not occur in nature.

        Raises:
            InputError: the jets have another number of fields or base coordinates, or no second derivatives.
        """
        indices = np.array_split(np.arange(len(jets)), max(1, -(-len(jets) // _CHUNK)))
        pieces = [self._read(self.inputs_of(jets.take(index))) for index in indices]
        return FieldReading(*(np.concatenate(arrays) for arrays in zip(*pieces, strict=True)))

    def _read(self, inputs: FieldInputs) -> Sequence[np.ndarray]:
        outputs, second = self.outputs(inputs), require_second(inputs)
        principal = self.principal(outputs)
        principal = 0.5 * (principal + principal.transpose(1, 2))
        per_base = self._steps.unsqueeze(1) * self._steps
        per_field = 1 / (self._sizes.unsqueeze(1) * self._sizes)
        rate = (self.excess(outputs, inputs) + second[:, 0, 0]) * (self._sizes / self._steps[0] ** 2)
        arrays = (
            principal * per_base[..., None, None] * per_field,
            self.operator(outputs, inputs, at_rest=True) / self._sizes,
            self.operator(outputs, inputs) / self._sizes,
            rate,
        )
        return [array.cpu().double().numpy() for array in arrays]


class NaturalDensity(DensityNetwork):
    """L = ½ Σ_ij K_ij W_(i,t) W_(j,t) − W(u, ∂_x u, x), with constant K.

    W is a quadratic form plus a perceptron.  It cannot represent masses that depend on the field, as in a sigma model,
    or terms linear in u_t.
    """

    form: ClassVar[str] = "natural"

    def _charts(self) -> tuple[Chart, ...]:
        scaling, space = self.scaling, tuple(range(1, self.scaling.base))
        return (
            Chart(-1, space, scaling.count, scaling.features_count, hidden=True),
            Chart(-1, space, scaling.count, len(scaling.straight), hidden=False),
            Chart(1, (0,), scaling.count, 0, hidden=False),
        )

    @torch.no_grad()
    def constant_mass(self) -> Float[np.ndarray, "n n"]:
        """K in the data's units."""
        weight = self._weights()[-1][0]
        scaled = torch.eye(len(weight), dtype=self.dtype) + 0.5 * (weight + weight.mT)
        return (scaled * self._steps[0] ** 2 / (self._sizes.unsqueeze(1) * self._sizes)).numpy()


class FreeDensity(DensityNetwork):
    """L = ½ Σ_i W_(i,t)² + N(u, ∂_t u, ∂_x u, x), a quadratic form plus a perceptron of all first derivatives."""

    form: ClassVar[str] = "free"

    def _charts(self) -> tuple[Chart, ...]:
        scaling, everywhere = self.scaling, tuple(range(self.scaling.base))
        return (
            Chart(1, everywhere, scaling.count, scaling.features_count, hidden=True),
            Chart(1, everywhere, scaling.count, len(scaling.straight), hidden=False),
        )


DENSITIES = MappingProxyType({form.form: form for form in (NaturalDensity, FreeDensity)})
"""Every form by its name, the narrower first."""


def density_operator(model: ReadableDensity, jets: Jets) -> Float[np.ndarray, "samples n"]:
    """The network's E at given jets, on or off the shell, in the data's units and on its own scale.

    Points are to be drawn from the training jets, with second derivatives permuted among them: beyond them a network
    knows nothing, and a match there chooses wrong terms.
    """
    return model.read(jets).operator
