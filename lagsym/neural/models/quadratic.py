"""Lagrangians quadratic in the velocities: what the natural and the gyroscopic structure share."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import softplus

from lagsym.neural.models.base import NetworkLagrangian, Outputs
from lagsym.neural.models.records import Inputs, Net
from lagsym.neural.operator import tangents

_SHIFT = 0.5413248546129181
"""softplus(_SHIFT) = 1: an untrained network starts near M = 1."""

_FLOOR = 1e-4
"""Smallest diagonal of the Cholesky factor, so that M stays invertible; where M spans decades it is never reached."""


class QuadraticLagrangian(NetworkLagrangian):
    """L = ½ v·M v + A·v − V with M = C Cᵀ, C lower triangular with a positive diagonal, all functions of q (and t).

    M is positive definite by construction: as a free symmetric matrix it may pass through singular ones and stall.
    One perceptron gives the entries of C, then A where there is one, then V.

    Source: Lutter, Ritter, Peters (2019), Deep Lagrangian Networks, arXiv:1907.04490.
    """

    linear_terms: ClassVar[bool]
    """Whether there is an A."""

    def _nets(self) -> tuple[Net, ...]:
        n = self.coordinates
        return (Net(tangents, self.scaling.features_count, self._factors + n * self.linear_terms + 1, biased=True),)

    @property
    def _factors(self) -> int:
        """How many entries C has."""
        return self.coordinates * (self.coordinates + 1) // 2

    def arguments(self, inputs: Inputs) -> tuple[tuple[Tensor, Tensor], ...]:
        """Features, to be differentiated along every coordinate Q, and along time where it enters."""
        directions = inputs.slopes.new_zeros(inputs.rates.shape[1], *inputs.slopes.shape)
        directions[self._owner, :, torch.arange(len(self._owner), device=self.device)] = inputs.slopes.mT
        return ((inputs.features, directions),)

    def assemble(self, outputs: Outputs, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """M (B, n, n) and f (B, n) in the network's units, from the operator's output."""
        (output,) = outputs
        mass, slopes = self._mass(output)
        n, velocity = self.coordinates, inputs.velocity
        moved = (slopes * velocity.unsqueeze(1)).sum(-1)  # (dM/dQ_k) W, (n or n + 1, B, n)
        kinetic = 0.5 * (moved[:n] * velocity).sum(-1).mT
        transport = (moved * inputs.rates.mT.unsqueeze(-1)).sum(0)  # Ṁ W
        force = kinetic - output[1 : n + 1, :, -1].mT - transport
        if self.linear_terms:
            by_position = output[1:, :, self._factors : -1]  # dA_i/dQ_k, (n or n + 1, B, n)
            force = force + (by_position[:n] * velocity).sum(-1).mT
            force = force - (by_position * inputs.rates.mT.unsqueeze(-1)).sum(0)
        return mass, force

    def gradients(self, outputs: Outputs, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """dL/dQ (B, n) and dL/dW (B, n) in the network's units, from the operator's output."""
        (output,) = outputs
        mass, slopes = self._mass(output)
        n, velocity = self.coordinates, inputs.velocity
        moved = (slopes[:n] * velocity.unsqueeze(1)).sum(-1)
        by_position = 0.5 * (moved * velocity).sum(-1).mT - output[1 : n + 1, :, -1].mT
        momentum = (mass * velocity.unsqueeze(1)).sum(-1)
        if self.linear_terms:
            linear = output[:, :, self._factors : -1]
            by_position = by_position + (linear[1 : n + 1] * velocity).sum(-1).mT
            momentum = momentum + linear[0]
        return by_position, momentum

    def _mass(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """M (B, n, n) and dM/dQ_k, with time after the coordinates (n or n + 1, B, n, n)."""
        n, entries = self.coordinates, output[..., : self._factors]
        rows, columns = torch.tril_indices(n, n, device=output.device).unbind()
        diagonal = rows == columns
        shifted = entries[0] + _SHIFT
        entry = torch.where(diagonal, softplus(shifted) + _FLOOR, entries[0])
        slope = torch.where(diagonal, torch.sigmoid(shifted), 1.0)
        factor = output.new_zeros(*output.shape[:2], n, n)
        factor[..., rows, columns] = torch.cat([entry.unsqueeze(0), slope * entries[1:]])
        half = factor[1:] @ factor[0].mT
        return factor[0] @ factor[0].mT, half + half.mT

    def _potential(self, inputs: Inputs) -> Tensor:
        return self.outputs(inputs)[0][0, :, -1]

    def _gyroscopic(self, outputs: Outputs, inputs: Inputs) -> Tensor:
        n = self.coordinates
        if not self.linear_terms:
            return inputs.velocity.new_zeros(len(inputs), n, n)
        slopes = outputs[0][1 : n + 1, :, self._factors : -1].permute(1, 0, 2)  # [:, i, j] = dA_j/dQ_i
        return slopes - slopes.mT
