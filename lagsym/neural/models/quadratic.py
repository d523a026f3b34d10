"""Lagrangians quadratic in the velocities: what the natural and the gyroscopic structure share."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from lagsym.errors import InputError
from lagsym.neural.models.base import NetworkLagrangian, Outputs
from lagsym.neural.models.quadratic_forms import Terms, quadratic_form
from lagsym.neural.models.records import Inputs, Net


class QuadraticLagrangian(NetworkLagrangian):
    """L = ½ v·M v + A·v − V with M = C Cᵀ, C lower triangular with a positive diagonal, all functions of q (and t).

    M is positive definite by construction: as a free symmetric matrix it may pass through singular ones and stall.
    One perceptron gives the entries of C, then A where there is one, then V; see `quadratic_forms` for symmetries.

    Source: Lutter, Ritter, Peters (2019), Deep Lagrangian Networks, arXiv:1907.04490.
    """

    linear_terms: ClassVar[bool]
    """Whether there is an A."""

    def _nets(self) -> tuple[Net, ...]:
        if self.linear_terms and self.scaling.symmetry.even:
            msg = f"expected L even in the velocities; a {self.structure} one has terms linear in them, take natural"
            raise InputError(msg)
        self._form = quadratic_form(self.scaling, self._center.dtype, linear_terms=self.linear_terms)
        return (Net(self._form.places.operator, self._form.places.inputs_count, self._form.outputs_count, biased=True),)

    def arguments(self, inputs: Inputs) -> tuple[tuple[Tensor, Tensor], ...]:
        """Features, or the invariants of a symmetry, to be differentiated along every Q, and T where it enters."""
        return (self._form.places.arguments(inputs, self.by_position),)

    def assemble(self, outputs: Outputs, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """M (B, n, n) and f (B, n) in the network's units, from the operator's output."""
        terms, n, velocity = self._terms(outputs, inputs), self.coordinates, inputs.velocity
        moved = (terms.mass_slopes * velocity.unsqueeze(1)).sum(-1)  # (dM/dQ_k) W, (n or n + 1, B, n)
        kinetic = 0.5 * (moved[:n] * velocity).sum(-1).mT
        transport = (moved * inputs.rates.mT.unsqueeze(-1)).sum(0)  # Ṁ W
        force = kinetic - terms.potential[1 : n + 1].mT - transport
        if terms.linear is not None:
            by_position = terms.linear[1:]  # dA_i/dQ_k, (n or n + 1, B, n)
            force = force + (by_position[:n] * velocity).sum(-1).mT
            force = force - (by_position * inputs.rates.mT.unsqueeze(-1)).sum(0)
        return terms.mass, force

    def gradients(self, outputs: Outputs, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """dL/dQ (B, n) and dL/dW (B, n) in the network's units, from the operator's output."""
        terms, n, velocity = self._terms(outputs, inputs), self.coordinates, inputs.velocity
        moved = (terms.mass_slopes[:n] * velocity.unsqueeze(1)).sum(-1)
        by_position = 0.5 * (moved * velocity).sum(-1).mT - terms.potential[1 : n + 1].mT
        momentum = (terms.mass * velocity.unsqueeze(1)).sum(-1)
        if terms.linear is not None:
            by_position = by_position + (terms.linear[1 : n + 1] * velocity).sum(-1).mT
            momentum = momentum + terms.linear[0]
        return by_position, momentum

    def _terms(self, outputs: Outputs, inputs: Inputs) -> Terms:
        return self._form.terms(outputs[0], inputs, self.by_position)

    def _potential(self, inputs: Inputs) -> Tensor:
        return self._terms(self.outputs(inputs), inputs).potential[0]

    def _gyroscopic(self, outputs: Outputs, inputs: Inputs) -> Tensor:
        n, linear = self.coordinates, self._terms(outputs, inputs).linear
        if linear is None:
            return inputs.velocity.new_zeros(len(inputs), n, n)
        slopes = linear[1 : n + 1].permute(1, 0, 2)  # [:, i, j] = dA_j/dQ_i
        return slopes - slopes.mT
