"""NetworkLagrangian: what every Lagrangian network offers, in the units of the data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from lagsym.data.jets import Jets
from lagsym.errors import InputError
from lagsym.neural.linear import solve
from lagsym.neural.models.records import Inputs, Parts, Reading
from lagsym.neural.operator import Operator
from lagsym.neural.scaling import Scaling

_CHUNK = 8192
"""Samples read at a time, which bounds the memory that reading takes."""


class NetworkLagrangian(nn.Module, ABC):
    """A Lagrangian L(q, v) that holds a multilayer perceptron with softplus activations.

    Its Euler–Lagrange expression is E = f − M a with M = d²L/dv dv, f = dL/dq − (d²L/dv dq) v.  Angles enter as sine
    and cosine, everything else scaled to order one.

    Arguments:
        scaling: units, and which coordinates are angles.
        width: units of each hidden layer.
        depth: hidden layers.
        seed: of the initial weights.
        dtype: torch.float32 or torch.float64.

    Raises:
        InputError: width or depth is not positive, or the dtype is another one.
    """

    structure: ClassVar[str]
    operator: ClassVar[Operator]
    _angles: Tensor
    _owner: Tensor
    _center: Tensor
    _spread: Tensor
    _velocity: Tensor

    def __init__(
        self, scaling: Scaling, *, width: int = 32, depth: int = 2, seed: int = 0, dtype: torch.dtype = torch.float64
    ) -> None:
        super().__init__()
        if width < 1 or depth < 1:
            msg = f"expected width and depth of at least 1; got width {width}, depth {depth}"
            raise InputError(msg)
        if dtype not in (torch.float32, torch.float64):
            msg = f"expected torch.float32 or torch.float64; got {dtype}"
            raise InputError(msg)
        self.scaling, self.width, self.depth = scaling, width, depth
        angles = torch.tensor(scaling.angles, dtype=torch.long)
        owner = torch.cat([torch.arange(scaling.coordinates), angles])
        self.register_buffer("_angles", angles, persistent=False)
        self.register_buffer("_owner", owner, persistent=False)
        for name, values in (("_center", scaling.center), ("_spread", scaling.spread), ("_velocity", scaling.velocity)):
            self.register_buffer(name, torch.tensor(values, dtype=dtype), persistent=False)
        self.network = nn.ParameterList(self._initial(seed, dtype))

    def _initial(self, seed: int, dtype: torch.dtype) -> list[nn.Parameter]:
        """Weight, bias, weight, bias, ... with weights of variance 1 / inputs, drawn alike for every dtype."""
        generator = torch.Generator().manual_seed(seed)
        inputs, outputs, biased = self._sizes()
        sizes = [inputs, *[self.width] * self.depth, outputs]
        parameters = []
        for k, (into, out) in enumerate(pairwise(sizes)):
            weight = torch.randn(out, into, generator=generator, dtype=torch.float64) / into**0.5
            bias = 0.3 * torch.randn(out, generator=generator, dtype=torch.float64)
            if k < self.depth:
                parameters += [weight, bias]
            else:
                parameters += [weight, torch.zeros_like(bias)] if biased else [weight]
        return [nn.Parameter(parameter.to(dtype)) for parameter in parameters]

    @property
    def coordinates(self) -> int:
        """Number of coordinates n."""
        return self.scaling.coordinates

    @property
    def dtype(self) -> torch.dtype:
        """Number type of the weights."""
        return self.network[0].dtype

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.network[0].device

    @property
    def parameter_count(self) -> int:
        """How many numbers are learned."""
        return sum(parameter.numel() for parameter in self.network)

    def converted(self, dtype: torch.dtype) -> NetworkLagrangian:
        """A copy on the CPU in another number type, whose units are those of `scaling` to its last digit."""
        copy = type(self)(self.scaling, width=self.width, depth=self.depth, dtype=dtype)
        with torch.no_grad():
            for mine, theirs in zip(copy.network, self.network, strict=True):
                mine.copy_(theirs)
        return copy

    @abstractmethod
    def _sizes(self) -> tuple[int, int, bool]:
        """Inputs and outputs of the network, and whether the last layer has a bias."""

    @abstractmethod
    def arguments(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """What the operator is applied to: x and directions."""

    @abstractmethod
    def assemble(self, output: Tensor, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """M (B, n, n) and f (B, n) in the network's units, from the operator's output."""

    @abstractmethod
    def _potential(self, inputs: Inputs) -> Tensor:
        """−L(q, 0) (B,)."""

    @abstractmethod
    def _gyroscopic(self, output: Tensor, inputs: Inputs) -> Tensor:
        """dA_j/dQ_i − dA_i/dQ_j (B, n, n) in the network's units, from the operator's output at v = 0."""

    # ------------------------------------------------------------------------------------ the network's units

    def inputs(self, q: Tensor, v: Tensor) -> Inputs:
        """Samples in the network's units, from q and v (B, n) in the data's.

        Raises:
            InputError: the shapes are not (B, n).
        """
        if q.dim() != 2 or q.shape != v.shape or q.shape[1] != self.coordinates:
            msg = f"expected q and v of shape (B, {self.coordinates}); got {tuple(q.shape)} and {tuple(v.shape)}"
            raise InputError(msg)
        # Angles are reduced in the data's precision: float32 loses the phase of an angle that wound up many times.
        raw, slope, angles = q, torch.ones_like(q), list(self.scaling.angles)
        if angles:
            sine, cosine = torch.sin(q[:, angles]), torch.cos(q[:, angles])
            raw, slope = torch.cat([q, cosine], 1), torch.cat([slope, -sine], 1)
            raw[:, angles], slope[:, angles] = sine, cosine
        length = (self._velocity * self.scaling.time)[self._owner]
        return Inputs(
            (self._own(raw) - self._center) / self._spread,
            self._own(slope) * (length / self._spread),
            self._own(v) / self._velocity,
        )

    def _own(self, tensor: Tensor) -> Tensor:
        """In the network's number type and on its device, in this order: not every device has double precision."""
        return tensor.to(self.dtype).to(self.device)

    def output(self, inputs: Inputs) -> Tensor:
        """What the operator gives for this network, differentiable with respect to its parameters."""
        x, directions = self.arguments(inputs)
        return self.operator(list(self.network), x, directions)

    def solve(self, output: Tensor, inputs: Inputs) -> Tensor:
        """Accelerations A (B, n) in the network's units, from the operator's output."""
        return solve(*self.assemble(output, inputs))

    def by_position(self, gradient: Tensor, inputs: Inputs) -> Tensor:
        """Gradient with respect to features (..., B, d) -> with respect to coordinates Q (..., B, n)."""
        scaled = gradient * inputs.slopes
        if not self.scaling.angles:
            return scaled
        own, cosines = scaled.split([self.coordinates, len(self.scaling.angles)], -1)
        return own.index_add(-1, self._angles, cosines)

    # --------------------------------------------------------------------------------------- the data's units

    def mass_and_force(self, q: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """M (B, n, n) and f (B, n) with E = f − M a, in the data's units, from q and v (B, n).

        Raises:
            InputError: the shapes are not (B, n).
        """
        inputs = self.inputs(q, v)
        mass, force = self.assemble(self.output(inputs), inputs)
        return self._mass_in_data_units(mass), force / (self._velocity * self.scaling.time)

    def acceleration(self, q: Tensor, v: Tensor) -> Tensor:
        """M⁻¹ f (B, n), in the data's units, from q and v (B, n).

        Raises:
            InputError: the shapes are not (B, n).
        """
        inputs = self.inputs(q, v)
        return self.solve(self.output(inputs), inputs) * (self._velocity / self.scaling.time)

    def euler_lagrange(self, q: Tensor, v: Tensor, a: Tensor) -> Tensor:
        """E = f − M a (B, n), in the data's units, from q, v and a (B, n); zero where the motion obeys this law.

        Raises:
            InputError: the shapes are not (B, n).
        """
        mass, force = self.mass_and_force(q, v)
        if a.shape != force.shape:
            msg = f"expected a of the shape of q, {tuple(force.shape)}; got {tuple(a.shape)}"
            raise InputError(msg)
        return force - (mass @ self._own(a).unsqueeze(-1)).squeeze(-1)

    def parts(self, q: Tensor) -> Parts:
        """Canonical parts at q (B, n), read at v = 0, in the data's units.

        Raises:
            InputError: the shape is not (B, n).
        """
        inputs = self.inputs(q, torch.zeros_like(q))
        output = self.output(inputs)
        mass, _ = self.assemble(output, inputs)
        gyroscopic = self._mass_in_data_units(self._gyroscopic(output, inputs)) / self.scaling.time
        return Parts(self._potential(inputs), self._mass_in_data_units(mass), gyroscopic)

    def _mass_in_data_units(self, mass: Tensor) -> Tensor:
        return mass / (self._velocity.unsqueeze(1) * self._velocity)

    @torch.no_grad()
    def read(self, jets: Jets) -> Reading:
        """Everything that the network says at the (q, v) of jets; their accelerations are not looked at.

        Raises:
            InputError: the jets have another number of coordinates.
        """
        q, v = torch.from_numpy(np.array(jets.q)), torch.from_numpy(np.array(jets.v))
        pieces = [self._read(*chunk) for chunk in zip(q.split(_CHUNK), v.split(_CHUNK), strict=True)]
        return Reading(*(np.concatenate(arrays) for arrays in zip(*pieces, strict=True)))

    def _read(self, q: Tensor, v: Tensor) -> Sequence[np.ndarray]:
        mass, force = self.mass_and_force(q, v)
        parts = self.parts(q)
        arrays = (mass, force, self.acceleration(q, v), parts.potential, parts.mass, parts.gyroscopic)
        return [array.cpu().double().numpy() for array in arrays]
