"""The free structure: L(q, v) of any form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import linear, softplus

from lagsym.neural.models.base import NetworkLagrangian, Outputs
from lagsym.neural.models.records import Inputs, Net
from lagsym.neural.operator import hessian_rows


class FreeLagrangian(NetworkLagrangian):
    """L(q, v) = ½|v|² + N(q, v) in the network's units.

    The anchor ½|v|² makes M invertible at the start; without it training stalls.  N may take it back.
    Beyond the scale, L is determined only up to gauge, and M may depend on v where the data leave it open, so
    canonical parts are read at v = 0.

    Source: Cranmer et al. (2020), Lagrangian Neural Networks, arXiv:2003.04630.
    """

    structure: ClassVar[str] = "free"

    def _nets(self) -> tuple[Net, ...]:
        return (Net(hessian_rows, self.scaling.features_count + self.coordinates, 1, biased=False),)

    def arguments(self, inputs: Inputs) -> tuple[tuple[Tensor, Tensor], ...]:
        """Features and velocities, to be differentiated along the velocities."""
        x = torch.cat([inputs.features, inputs.velocity], 1)
        directions = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)[inputs.features.shape[1] :]
        return ((x, directions),)

    def assemble(self, outputs: Outputs, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """M (B, n, n) and f (B, n) in the network's units, from the operator's output."""
        by_position, by_velocity = self._blocks(outputs, inputs)
        first, *mixed = by_position.unbind()
        force = first[:, : self.coordinates] - torch.stack([(row * inputs.rates).sum(-1) for row in mixed], 1)
        return anchored_mass(by_velocity[1:]), force

    def gradients(self, outputs: Outputs, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """dL/dQ (B, n) and dL/dW (B, n) in the network's units, from the operator's output."""
        by_position, by_velocity = self._blocks(outputs, inputs)
        return by_position[0, :, : self.coordinates], inputs.velocity + by_velocity[0]

    def _blocks(self, outputs: Outputs, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """The operator's rows dN/dx and d²N/dW_k dx, split into derivatives by Q (and T) and by W (1 + n, B, ...)."""
        by_feature, by_velocity = outputs[0].split([inputs.features.shape[1], self.coordinates], -1)
        return self.by_position(by_feature, inputs), by_velocity

    def _potential(self, inputs: Inputs) -> Tensor:
        ((x, _),) = self.arguments(inputs.at_rest())
        return -value(list(self.network), x)

    def _gyroscopic(self, outputs: Outputs, inputs: Inputs) -> Tensor:
        rows = self._blocks(outputs, inputs)[0][1:, :, : self.coordinates]  # [j, :, i] = d²L/dW_j dQ_i = dA_j/dQ_i
        return rows.permute(1, 2, 0) - rows.permute(1, 0, 2)


def anchored_mass(rows: Tensor) -> Tensor:
    """M = 1 + d²N/dW dW (B, n, n) of L = ½|W|² + N, from the rows d²N/dW_k dW (n, B, n)."""
    return rows.permute(1, 0, 2) + torch.eye(rows.shape[-1], dtype=rows.dtype, device=rows.device)


def value(parameters: Sequence[Tensor], x: Tensor) -> Tensor:
    """N(x) (B,) of a scalar perceptron, given weight, bias, weight, bias, ..."""
    weights, biases = parameters[0::2], parameters[1::2]
    for weight, bias in zip(weights[:-1], biases, strict=False):
        x = softplus(linear(x, weight, bias))
    last = biases[len(weights) - 1] if len(biases) == len(weights) else None
    return linear(x, weights[-1], last).squeeze(-1)
