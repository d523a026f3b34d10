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
from lagsym.neural.models.records import Inputs, Net, Parts, Reading
from lagsym.neural.scaling import Scaling

_CHUNK = 8192
"""Samples read at a time, which bounds the memory that reading takes."""

Outputs = Sequence[Tensor]
"""What the operator of each net gives, in their order."""


class NetworkLagrangian(nn.Module, ABC):
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
        self.register_buffer("_owner", torch.tensor(scaling.owners, dtype=torch.long), persistent=False)
        for name, values in (("_center", scaling.center), ("_spread", scaling.spread), ("_velocity", scaling.velocity)):
            self.register_buffer(name, torch.tensor(values, dtype=dtype), persistent=False)
        self.nets = self._nets()
        self.network = nn.ParameterList(self._initial(seed, dtype))

    def _initial(self, seed: int, dtype: torch.dtype) -> list[nn.Parameter]:
        """Weight, bias, weight, bias, ... with weights of variance 1 / inputs, drawn alike for every dtype."""
        generator = torch.Generator().manual_seed(seed)
        parameters = []
        for net in self.nets:
            sizes = [net.inputs, *[self.width] * self.depth, net.outputs]
            for k, (into, out) in enumerate(pairwise(sizes)):
                weight = torch.randn(out, into, generator=generator, dtype=torch.float64) / into**0.5
                bias = 0.3 * torch.randn(out, generator=generator, dtype=torch.float64)
                if k < self.depth:
                    parameters += [weight, bias]
                else:
                    parameters += [weight, torch.zeros_like(bias)] if net.biased else [weight]
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
    def _nets(self) -> tuple[Net, ...]:
        """The perceptrons that L is made of."""

    @abstractmethod
    def arguments(self, inputs: Inputs) -> tuple[tuple[Tensor, Tensor], ...]:
        """What the operator of each net is applied to: x and directions."""

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

    # ------------------------------------------------------------------------------------ the network's units

    def inputs(self, q: Tensor, v: Tensor, t: Tensor | None = None, parameters: Tensor | None = None) -> Inputs:
        """Samples in the network's units, from the data's.

        Arguments:
            q: coordinates (B, n).
            v: velocities (B, n).
            t: times (B,), which a Lagrangian with explicit time needs.
            parameters: (B, k), which a Lagrangian of k parameters needs.

        Raises:
            InputError: the shapes are others, or times or parameters are missing.
        """
        if q.dim() != 2 or q.shape != v.shape or q.shape[1] != self.coordinates:
            msg = f"expected q and v of shape (B, {self.coordinates}); got {tuple(q.shape)} and {tuple(v.shape)}"
            raise InputError(msg)
        raw, slope = self.scaling.features(q, t, parameters)
        units = torch.cat([self._velocity * self.scaling.time, self._velocity.new_full((1,), self.scaling.time)])
        velocity = self._own(v) / self._velocity
        ones = velocity.new_ones(len(velocity), self.scaling.explicit_time)
        return Inputs(
            (self._own(raw) - self._center) / self._spread,
            self._own(slope) * (units[self._owner] / self._spread),
            velocity,
            torch.cat([velocity, ones], 1) if self.scaling.explicit_time else velocity,
        )

    def inputs_of(self, jets: Jets) -> Inputs:
        """The (q, v), times and parameters of jets in the network's units; their accelerations are not looked at.

        Raises:
            InputError: the jets have another number of coordinates or parameters.
        """
        q, v, t = (torch.from_numpy(np.array(array, float)) for array in (jets.q, jets.v, jets.t))
        parameters = None if jets.parameters is None else torch.from_numpy(np.array(jets.parameters, float))
        return self.inputs(q, v, t, parameters)

    def _own(self, tensor: Tensor) -> Tensor:
        """In the network's number type and on its device, in this order: not every device has double precision."""
        return tensor.to(self.dtype).to(self.device)

    def outputs(self, inputs: Inputs) -> Outputs:
        """What each net's operator gives, differentiable with respect to the parameters."""
        arguments, parameters, start = self.arguments(inputs), list(self.network), 0
        results = []
        for net, (x, directions) in zip(self.nets, arguments, strict=True):
            stop = start + net.tensors(self.depth)
            results.append(net.operator(parameters[start:stop], x, directions))
            start = stop
        return results

    def by_position(self, gradient: Tensor, inputs: Inputs) -> Tensor:
        """Gradient by features (..., B, d) -> by Q, and by T where time enters (..., B, n or n + 1)."""
        scaled, n = gradient * inputs.slopes, self.coordinates
        if scaled.shape[-1] == n:
            return scaled
        own, rest = scaled.split([n, scaled.shape[-1] - n], -1)
        if self.scaling.explicit_time:
            own = torch.cat([own, torch.zeros_like(own[..., :1])], -1)
        return own.index_add(-1, self._owner[n:], rest)

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

    def acceleration(self, q: Tensor, v: Tensor, t: Tensor | None = None, parameters: Tensor | None = None) -> Tensor:
        """M⁻¹ f (B, n), in the data's units; for the arguments see `inputs`.

        Raises:
            InputError: as `inputs`.
        """
        inputs = self.inputs(q, v, t, parameters)
        return solve(*self.assemble(self.outputs(inputs), inputs)) * (self._velocity / self.scaling.time)

    def euler_lagrange(self, q: Tensor, v: Tensor, a: Tensor, t: Tensor | None = None) -> Tensor:
        """E = f − M a (B, n), in the data's units, from q, v and a (B, n); zero where the motion obeys this law.

        Raises:
            InputError: the shapes are not (B, n).
        """
        mass, force = self.mass_and_force(q, v, t)
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
        return mass / units, force / (self._velocity * self.scaling.time)

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
        mass, force = self.assemble(self.outputs(inputs), inputs)
        acceleration = solve(mass, force) * (self._velocity / self.scaling.time)
        parts = self._parts(inputs.at_rest())
        arrays = (*self._in_data_units(mass, force), acceleration, parts.potential, parts.mass, parts.gyroscopic)
        return [array.cpu().double().numpy() for array in arrays]
