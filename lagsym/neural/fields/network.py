"""FieldNetwork: perceptrons of fields and their derivatives, and the way from the data's units into theirs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from lagsym.data.jets import Jets
from lagsym.errors import InputError
from lagsym.neural.fields.records import FieldInputs
from lagsym.neural.fields.scaling import FieldScaling
from lagsym.neural.models.perceptrons import Outputs, Perceptrons


class FieldNetwork(Perceptrons, ABC):
    """A network of n fields over b base coordinates that says how they move: u_tt from everything else.

    Angles enter as sine and cosine, everything else scaled to order one.

    Arguments:
        scaling: units, which fields are angles, and which base coordinates enter.
        width: units of each hidden layer.
        depth: hidden layers.
        seed: of the initial weights.
        dtype: torch.float32 or torch.float64.

    Raises:
        InputError: width or depth is not positive, or the dtype is another one.
    """

    form: ClassVar[str]
    """Its name."""

    _owner: Tensor
    _center: Tensor
    _spread: Tensor
    _origin: Tensor
    _sizes: Tensor
    _steps: Tensor

    def __init__(
        self,
        scaling: FieldScaling,
        *,
        width: int = 20,
        depth: int = 2,
        seed: int = 0,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__(width=width, depth=depth, dtype=dtype)
        self.scaling = scaling
        self.register_buffer("_owner", torch.tensor(scaling.owners, dtype=torch.long), persistent=False)
        fields, count = scaling.fields, scaling.count
        buffers = {
            "_center": (*fields.center, *(center for center, _ in scaling.origins)),
            "_spread": (*fields.spread, *(spread for _, spread in scaling.origins)),
            "_origin": [0.0 if i in fields.angles else fields.center[i] for i in range(count)],
            "_sizes": scaling.sizes,
            "_steps": scaling.steps,
        }
        for name, values in buffers.items():
            self.register_buffer(name, torch.tensor(values, dtype=dtype), persistent=False)
        self._begin(seed, dtype)

    @abstractmethod
    def excess(self, outputs: Outputs, inputs: FieldInputs) -> Tensor:
        """What is predicted minus what is for U_tt (B, n), in the network's units, from the operators' outputs."""

    def _initial(self, seed: int, dtype: torch.dtype) -> list[nn.Parameter]:
        """As of every network, but perceptrons are zero at first: what the linear nets can say alone they say alone."""
        parameters, stop = super()._initial(seed, dtype), 0
        for net in self.nets:
            stop += net.tensors(self.depth)
            if net.hidden:
                parameters[stop - 1 - net.biased].data.zero_()
        return parameters

    def _untrained(self, dtype: torch.dtype) -> FieldNetwork:
        """One of the same kind and size, on the CPU."""
        return type(self)(self.scaling, width=self.width, depth=self.depth, dtype=dtype)

    def inputs(self, x: Tensor, u: Tensor, du: Tensor, ddu: Tensor | None = None) -> FieldInputs:
        """Samples in the network's units, from the data's.

        Arguments:
            x: base coordinates (B, b).
            u: fields (B, n).
            du: first derivatives (B, b, n).
            ddu: second derivatives (B, b, b, n), or None.

        Raises:
            InputError: the shapes are others.
        """
        base, count = self.scaling.base, self.scaling.count
        if u.shape != (len(x), count) or du.shape != (len(x), base, count) or x.shape[1:] != (base,):
            shapes = [tuple(part.shape) for part in (x, u, du)]
            msg = f"expected x (B, {base}), u (B, {count}), du (B, {base}, {count}); got {shapes}"
            raise InputError(msg)
        raw, slope = self.scaling.features(u, x)
        steps, units = self._steps, torch.cat([self._sizes, self._steps])
        return FieldInputs(
            (self._own(raw) - self._center) / self._spread,
            self._own(slope) * (units[self._owner] / self._spread),
            (self._own(u) - self._origin) / self._sizes,
            self._own(du) * (steps.unsqueeze(1) / self._sizes),
            None if ddu is None else self._own(ddu) * (steps.view(-1, 1, 1) * steps.unsqueeze(1) / self._sizes),
        )

    def inputs_of(self, jets: Jets) -> FieldInputs:
        """All of jets in the network's units.

        Raises:
            InputError: the jets have another number of fields or base coordinates.
        """
        x, u, du = (torch.from_numpy(np.array(part, float)) for part in (jets.x, jets.u, jets.du))
        return self.inputs(x, u, du, None if jets.ddu is None else torch.from_numpy(np.array(jets.ddu, float)))

    def rate(self, inputs: FieldInputs) -> Tensor:
        """The predicted u_tt (B, n), in the data's units; the u_tt of the inputs only has to be there.

        Raises:
            InputError: the inputs hold no second derivatives.
        """
        second = require_second(inputs)
        scaled = self.excess(self.outputs(inputs), inputs) + second[:, 0, 0]
        return scaled * (self._sizes / self._steps[0] ** 2)

    def by_field(self, gradient: Tensor) -> Tensor:
        """Slopes times gradient by features (..., B, d) -> derivative by each field U (..., B, n)."""
        count, straight = self.scaling.count, gradient[..., : self.scaling.count]
        if gradient.shape[-1] == count:
            return straight
        owner = self._owner[count:]
        inner = owner < count
        return straight.index_add(-1, owner[inner], gradient[..., count:][..., inner])

    def by_feature(self, inputs: FieldInputs, direction: int) -> Tensor:
        """Total derivative of every feature along a base direction (B, d)."""
        first = inputs.first[:, direction]
        if inputs.slopes.shape[1] == self.scaling.count:
            return first * inputs.slopes
        along = torch.zeros_like(self._steps)
        along[direction] = 1.0
        return torch.cat([first, along.expand(len(first), -1)], 1)[:, self._owner] * inputs.slopes


def require_second(inputs: FieldInputs) -> Tensor:
    """The second derivatives of inputs.

    Raises:
        InputError: there are none.
    """
    if inputs.second is None:
        msg = "expected inputs with second derivatives, at which E is to be read; give ddu of shape (B, b, b, n)"
        raise InputError(msg)
    return inputs.second
