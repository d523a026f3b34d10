"""Network: perceptrons with hand-written derivatives, and the way from the data's units into theirs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Self, cast

import numpy as np
import torch
from torch import Tensor, nn

from lagsym.data.jets import Jets
from lagsym.errors import InputError
from lagsym.neural.models.records import Inputs, Net
from lagsym.neural.scaling import Scaling

Outputs = Sequence[Tensor]
"""What the operator of each net gives, in their order."""


class Network(nn.Module, ABC):
    """One or more multilayer perceptrons with softplus activations, and what goes into them.

    Angles enter as sine and cosine, everything else scaled to order one.

    Arguments:
        scaling: units, which coordinates are angles, and whether time and parameters enter.
        width: units of each hidden layer.
        depth: hidden layers.
        seed: of the initial weights.
        dtype: torch.float32 or torch.float64.

    Raises:
        InputError: width or depth is not positive, or the dtype is another one.
    """

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
        """Weight, bias, ... with weights of variance 1 / inputs, drawn alike for every dtype; linear nets are 0."""
        generator = torch.Generator().manual_seed(seed)
        parameters = []
        for net in self.nets:
            sizes = [net.inputs, *[self.width] * self.depth * net.hidden, net.outputs]
            for k, (into, out) in enumerate(pairwise(sizes)):
                weight = torch.randn(out, into, generator=generator, dtype=torch.float64) / into**0.5
                bias = 0.3 * torch.randn(out, generator=generator, dtype=torch.float64)
                if not net.hidden:
                    weight = torch.zeros_like(weight)
                if k < len(sizes) - 2:
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

    def converted(self, dtype: torch.dtype) -> Self:
        """A copy on the CPU in another number type, whose units are those of `scaling` to its last digit."""
        copy = self._untrained(dtype)
        with torch.no_grad():
            for mine, theirs in zip(copy.network, self.network, strict=True):
                mine.copy_(theirs)
        return cast("Self", copy)

    def _untrained(self, dtype: torch.dtype) -> Network:
        """One of the same kind and size, on the CPU."""
        return type(self)(self.scaling, width=self.width, depth=self.depth, dtype=dtype)

    @abstractmethod
    def _nets(self) -> tuple[Net, ...]:
        """The perceptrons."""

    @abstractmethod
    def arguments(self, inputs: Inputs) -> tuple[tuple[Tensor, Tensor], ...]:
        """What the operator of each net is applied to: x and directions."""

    def inputs(
        self,
        q: Tensor,
        v: Tensor,
        t: Tensor | None = None,
        parameters: Tensor | None = None,
        force: Tensor | None = None,
    ) -> Inputs:
        """Samples in the network's units, from the data's.

        Arguments:
            q: coordinates (B, n).
            v: velocities (B, n).
            t: times (B,), which a Lagrangian with explicit time needs.
            parameters: (B, k), which a Lagrangian of k parameters needs.
            force: measured forces (B, n), which only an `OpenSystem` with measured forces looks at.

        Raises:
            InputError: the shapes are others, or times or parameters are missing.
        """
        if q.dim() != 2 or q.shape != v.shape or q.shape[1] != self.coordinates:
            msg = f"expected q and v of shape (B, {self.coordinates}); got {tuple(q.shape)} and {tuple(v.shape)}"
            raise InputError(msg)
        known, measured = self._known(parameters)
        raw, slope = self.scaling.features(q, t, known)
        units = torch.cat([self._velocity * self.scaling.time, self._velocity.new_full((1,), self.scaling.time)])
        velocity = self._own(v) / self._velocity
        ones = velocity.new_ones(len(velocity), self.scaling.explicit_time)
        return Inputs(
            (self._own(raw) - self._center) / self._spread,
            self._own(slope) * (units[self._owner] / self._spread),
            velocity,
            torch.cat([velocity, ones], 1) if self.scaling.explicit_time else velocity,
            time=None if t is None else self._own(t),
            measured=None if measured is None else self._own(measured),
            force=None if force is None else self._own(force) * self._velocity * self.scaling.time,
        )

    def _known(self, parameters: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
        """Parameters of L, and measured inputs of forces beside it."""
        return parameters, None

    def inputs_of(self, jets: Jets) -> Inputs:
        """All of jets but their accelerations, in the network's units.

        Raises:
            InputError: the jets have another number of coordinates or parameters.
        """
        arrays = (jets.q, jets.v, jets.t, jets.parameters, jets.force)
        tensors = (None if array is None else torch.from_numpy(np.array(array, float)) for array in arrays)
        return self.inputs(*cast("list[Any]", list(tensors)))

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

    def by_feature(self, gradient: Tensor, inputs: Inputs) -> Tensor:
        """The transpose of `by_position`: (..., B, n or n + 1) -> (..., B, d); of rates it gives those of features."""
        if gradient.shape[-1] < inputs.slopes.shape[-1]:
            if self.scaling.explicit_time and gradient.shape[-1] == self.coordinates:
                gradient = torch.cat([gradient, torch.zeros_like(gradient[..., :1])], -1)
            gradient = gradient[..., self._owner]
        return gradient * inputs.slopes
