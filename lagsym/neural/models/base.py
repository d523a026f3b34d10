"""NetworkLagrangian: what every Lagrangian network offers, in the units of the data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from lagsym.data.jets import Jets
from lagsym.errors import InputError
from lagsym.neural.linear import solve
from lagsym.neural.models.network import Network, Outputs
from lagsym.neural.models.records import Inputs, Parts, Reading

__all__ = ["NetworkLagrangian", "Outputs"]

_CHUNK = 8192
"""Samples read at a time, which bounds the memory that reading takes."""


class NetworkLagrangian(Network, ABC):
    """A Lagrangian L(q, v, t; parameters) made of one or more multilayer perceptrons with softplus activations.

    Its Euler–Lagrange expression is E = f − M a with M = d²L/dv dv, f = dL/dq − (d²L/dv dq) v − d²L/dv dt.  Angles
    enter as sine and cosine, everything else scaled to order one.

    Arguments:
        scaling: units, which coordinates are angles, and whether time and parameters enter.
        width: units of each hidden layer.
        depth: hidden layers.
        seed: of the initial weights.
        dtype: torch.float32 or torch.float64.

    Raises:
        InputError: width or depth is not positive, or the dtype is another one.
    """

    structure: ClassVar[str]

    @abstractmethod
    def assemble(self, outputs: Outputs, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """M (B, n, n) and f (B, n) in the network's units, from the operators' outputs."""

    @abstractmethod
    def gradients(self, outputs: Outputs, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """dL/dQ (B, n) and dL/dW (B, n) in the network's units, from the operators' outputs."""

    @abstractmethod
    def _potential(self, inputs: Inputs) -> Tensor:
        """−L(q, 0) (B,)."""

    @abstractmethod
    def _gyroscopic(self, outputs: Outputs, inputs: Inputs) -> Tensor:
        """dA_j/dQ_i − dA_i/dQ_j (B, n, n) in the network's units, from the operators' outputs at v = 0."""

    # ------------------------------------------------------------------------------------ the law of motion

    def motion(self, outputs: Outputs, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """M (B, n, n) and f + Q − dD/dv (B, n) in the network's units; without friction and forces as `assemble`."""
        mass, force = self.assemble(outputs, inputs)
        dissipative, applied = self.forces(outputs, inputs)
        for other in (dissipative, applied):
            force = force if other is None else force + other
        return mass, force

    def solved(self, outputs: Outputs, inputs: Inputs) -> Tensor:
        """The accelerations M⁻¹ (f + Q − dD/dv) (B, n) in the network's units, from the operators' outputs."""
        return solve(*self.motion(outputs, inputs))

    def forces(self, outputs: Outputs, inputs: Inputs) -> tuple[Tensor | None, Tensor | None]:
        """−dD/dv and Q (B, n) in the network's units, which L has no part in; None where there is none."""
        del outputs, inputs
        return None, None

    @property
    def energy_unit(self) -> Tensor:
        """How much of the data's energy the network's unit of energy is; 1 where nothing fixes the scale of L."""
        return self._velocity.new_ones(())

    # --------------------------------------------------------------------------------------- the data's units

    def mass_and_force(
        self, q: Tensor, v: Tensor, t: Tensor | None = None, parameters: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """M (B, n, n) and f (B, n) with E = f − M a, in the data's units; for the arguments see `inputs`.

        Raises:
            InputError: as `inputs`.
        """
        inputs = self.inputs(q, v, t, parameters)
        return self._in_data_units(*self.assemble(self.outputs(inputs), inputs))

    def acceleration(
        self,
        q: Tensor,
        v: Tensor,
        t: Tensor | None = None,
        parameters: Tensor | None = None,
        force: Tensor | None = None,
    ) -> Tensor:
        """M⁻¹ (f + Q − dD/dv) (B, n), in the data's units; for the arguments see `inputs`.

        Raises:
            InputError: as `inputs`.
        """
        inputs = self.inputs(q, v, t, parameters, force)
        return self.solved(self.outputs(inputs), inputs) * (self._velocity / self.scaling.time)

    def euler_lagrange(
        self, q: Tensor, v: Tensor, a: Tensor, t: Tensor | None = None, parameters: Tensor | None = None
    ) -> Tensor:
        """E = f − M a (B, n), in the data's units, from q, v and a (B, n); zero where L alone moves.

        Raises:
            InputError: the shapes are not (B, n).
        """
        mass, force = self.mass_and_force(q, v, t, parameters)
        if a.shape != force.shape:
            msg = f"expected a of the shape of q, {tuple(force.shape)}; got {tuple(a.shape)}"
            raise InputError(msg)
        return force - (mass @ self._own(a).unsqueeze(-1)).squeeze(-1)

    def parts(self, q: Tensor, t: Tensor | None = None, parameters: Tensor | None = None) -> Parts:
        """Canonical parts at q (B, n), read at v = 0, in the data's units.

        Raises:
            InputError: as `inputs`.
        """
        return self._parts(self.inputs(q, torch.zeros_like(q), t, parameters))

    def _parts(self, at_rest: Inputs) -> Parts:
        outputs = self.outputs(at_rest)
        mass, force = self._in_data_units(*self.assemble(outputs, at_rest))
        gyroscopic, _ = self._in_data_units(self._gyroscopic(outputs, at_rest), force)
        return Parts(self._potential(at_rest), mass, gyroscopic / self.scaling.time)

    def _in_data_units(self, mass: Tensor, force: Tensor) -> tuple[Tensor, Tensor]:
        units = self._velocity.unsqueeze(1) * self._velocity
        return mass * (self.energy_unit / units), self._force_in_data_units(force)

    def _force_in_data_units(self, force: Tensor) -> Tensor:
        return force * (self.energy_unit / (self._velocity * self.scaling.time))

    @torch.no_grad()
    def read(self, jets: Jets) -> Reading:
        """Everything that the network says at the (q, v) of jets; their accelerations are not looked at.

        Raises:
            InputError: the jets have another number of coordinates or parameters.
        """
        indices = np.array_split(np.arange(len(jets)), max(1, -(-len(jets) // _CHUNK)))
        pieces = [self._read(self.inputs_of(jets.take(index))) for index in indices]
        return Reading(*(np.concatenate(arrays) for arrays in zip(*pieces, strict=True)))

    def _read(self, inputs: Inputs) -> Sequence[np.ndarray]:
        outputs = self.outputs(inputs)
        mass, force = self.assemble(outputs, inputs)
        acceleration = self.solved(outputs, inputs) * (self._velocity / self.scaling.time)
        parts = self._parts(inputs.at_rest())
        others = [torch.zeros_like(force) if other is None else other for other in self.forces(outputs, inputs)]
        arrays = (
            *self._in_data_units(mass, force),
            acceleration,
            parts.potential,
            parts.mass,
            parts.gyroscopic,
            *map(self._force_in_data_units, others),
        )
        return [array.cpu().double().numpy() for array in arrays]
