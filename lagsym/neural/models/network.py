"""Network: perceptrons with hand-written derivatives, and the way from the data's units into theirs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from lagsym.data.jets import Jets
from lagsym.errors import InputError
from lagsym.neural.models.perceptrons import Outputs, Perceptrons
from lagsym.neural.models.records import Inputs
from lagsym.neural.scaling import Scaling

__all__ = ["Network", "Outputs"]


class Network(Perceptrons, ABC):
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
        super().__init__(width=width, depth=depth, dtype=dtype)
        self.scaling = scaling
        self.register_buffer("_owner", torch.tensor(scaling.owners, dtype=torch.long), persistent=False)
        for name, values in (("_center", scaling.center), ("_spread", scaling.spread), ("_velocity", scaling.velocity)):
            self.register_buffer(name, torch.tensor(values, dtype=dtype), persistent=False)
        self._begin(seed, dtype)

    @property
    def coordinates(self) -> int:
        """Number of coordinates n."""
        return self.scaling.coordinates

    def _untrained(self, dtype: torch.dtype) -> Network:
        """One of the same kind and size, on the CPU."""
        return type(self)(self.scaling, width=self.width, depth=self.depth, dtype=dtype)

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
