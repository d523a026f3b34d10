"""What goes into a Lagrangian network and what is read from it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lagsym.data.jets import Jets
from lagsym.neural.operators import Operator


@dataclass(frozen=True)
class Net:
    """One perceptron: the operator that differentiates it, and the sizes of its ends.

    Arguments:
        operator: see `lagsym.neural.operators`.
        inputs: numbers that go in.
        outputs: numbers that come out.
        biased: whether the last layer has a bias.
        hidden: whether there are hidden layers; without them the net is linear.
    """

    operator: Operator
    inputs: int
    outputs: int
    biased: bool
    hidden: bool = True

    def tensors(self, depth: int) -> int:
        """How many tensors its parameters are, with so many hidden layers where it has any."""
        return 2 * (depth * self.hidden + 1) - (not self.biased)


@dataclass(frozen=True)
class Inputs:
    """Samples in the network's units.

    Arguments:
        features: (B, d) scaled coordinates or sines, cosines, further harmonics, time, parameters.
        slopes: (B, d) derivative of each feature with respect to its own coordinate Q, or to time; 0 of parameters.
        velocity: (B, n) scaled velocities W.
        rates: (B, n or n + 1) rates of what features depend on: the velocities, and 1 for time where it enters.
        time: (B,) in the data's units, for forces that depend on it; None where unknown.
        measured: (B, m) inputs in the data's units that only learned forces depend on; None where there are none.
        force: (B, n) measured forces by velocity · time, which makes them energies; None where there are none.
    """

    features: Float[Tensor, "batch features"]
    slopes: Float[Tensor, "batch features"]
    velocity: Float[Tensor, "batch coordinates"]
    rates: Float[Tensor, "batch moving"]
    time: Float[Tensor, " batch"] | None = None
    measured: Float[Tensor, "batch measured"] | None = None
    force: Float[Tensor, "batch coordinates"] | None = None

    def __len__(self) -> int:
        return len(self.features)

    def take(self, index: Tensor | slice) -> Inputs:
        """The samples at `index`."""
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: part[index] for name, part in parts.items() if part is not None})

    def at_rest(self) -> Inputs:
        """The same positions and times with zero velocities."""
        still = torch.zeros_like(self.velocity)
        rates = torch.cat([still, self.rates[:, still.shape[1] :]], 1)
        return replace(self, velocity=still, rates=rates)


@dataclass(frozen=True)
class Parts:
    """Canonical parts of a Lagrangian at positions q, in the units of the data, up to one common scale.

    Arguments:
        potential: V(q) = −L(q, 0), up to a constant (B,).
        mass: M(q) = d²L/dv dv at v = 0 (B, n, n).
        gyroscopic: B_ij = dA_j/dq_i − dA_i/dq_j with A = dL/dv at v = 0 (B, n, n).
    """

    potential: Float[Tensor, " batch"]
    mass: Float[Tensor, "batch n n"]
    gyroscopic: Float[Tensor, "batch n n"]


@dataclass(frozen=True)
class Reading:
    """What a network says at given jets, as NumPy arrays in the units of the data.

    Arguments:
        mass: M(q, v) (N, n, n).
        force: f(q, v) (N, n), so that E = f − M a for any acceleration a.
        acceleration: M⁻¹ (f + Q − dD/dv) (N, n).
        potential: V(q) (N,), up to a constant.
        mass_at_rest: M(q, 0) (N, n, n).
        gyroscopic: B(q) (N, n, n).
        dissipative_force: −dD/dv (N, n), zero without friction; on the scale of L.
        applied_force: Q (N, n), measured or learned, zero where there is none; on the scale of L.
    """

    mass: Float[np.ndarray, "samples n n"]
    force: Float[np.ndarray, "samples n"]
    acceleration: Float[np.ndarray, "samples n"]
    potential: Float[np.ndarray, " samples"]
    mass_at_rest: Float[np.ndarray, "samples n n"]
    gyroscopic: Float[np.ndarray, "samples n n"]
    dissipative_force: Float[np.ndarray, "samples n"]
    applied_force: Float[np.ndarray, "samples n"]


class Readable(Protocol):
    """A Lagrangian that can be read at any state: a network of ours, or a module of others."""

    def read(self, jets: Jets) -> Reading:
        """Everything that it says at the (q, v) of jets; their accelerations are not looked at."""
        ...
