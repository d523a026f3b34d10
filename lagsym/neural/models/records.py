"""What goes into a Lagrangian network and what is read from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lagsym.neural.operator import Operator


@dataclass(frozen=True)
class Net:
    """One perceptron of a Lagrangian: the operator that differentiates it, and the sizes of its ends.

    Arguments:
        operator: see `lagsym.neural.operator`.
        inputs: numbers that go in.
        outputs: numbers that come out.
        biased: whether the last layer has a bias.
    """

    operator: Operator
    inputs: int
    outputs: int
    biased: bool

    def tensors(self, depth: int) -> int:
        """How many tensors its parameters are, with so many hidden layers."""
        return 2 * (depth + 1) - (not self.biased)


@dataclass(frozen=True)
class Inputs:
    """Samples in the network's units.

    Arguments:
        features: (B, d) scaled coordinates or sines, cosines, further harmonics, time, parameters.
        slopes: (B, d) derivative of each feature with respect to its own coordinate Q, or to time; 0 of parameters.
        velocity: (B, n) scaled velocities W.
        rates: (B, n or n + 1) rates of what features depend on: the velocities, and 1 for time where it enters.
    """

    features: Float[Tensor, "batch features"]
    slopes: Float[Tensor, "batch features"]
    velocity: Float[Tensor, "batch coordinates"]
    rates: Float[Tensor, "batch moving"]

    def __len__(self) -> int:
        return len(self.features)

    def take(self, index: Tensor | slice) -> Inputs:
        """The samples at `index`."""
        return Inputs(self.features[index], self.slopes[index], self.velocity[index], self.rates[index])

    def at_rest(self) -> Inputs:
        """The same positions and times with zero velocities."""
        still = torch.zeros_like(self.velocity)
        rates = torch.cat([still, self.rates[:, still.shape[1] :]], 1)
        return Inputs(self.features, self.slopes, still, rates)


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
        acceleration: M⁻¹ f (N, n).
        potential: V(q) (N,), up to a constant.
        mass_at_rest: M(q, 0) (N, n, n).
        gyroscopic: B(q) (N, n, n).
    """

    mass: Float[np.ndarray, "samples n n"]
    force: Float[np.ndarray, "samples n"]
    acceleration: Float[np.ndarray, "samples n"]
    potential: Float[np.ndarray, " samples"]
    mass_at_rest: Float[np.ndarray, "samples n n"]
    gyroscopic: Float[np.ndarray, "samples n n"]
