"""Forces that do not follow from L: measured, or learned from time or from a measured input, never from (q, v)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import pi

import numpy as np
import torch
from torch import Tensor

from lagsym.data.jets import Jets
from lagsym.errors import DataError, InputError
from lagsym.neural.models.effect import Effect
from lagsym.neural.models.records import Inputs, Net
from lagsym.neural.operators import values
from lagsym.neural.scaling import Scaling


@dataclass(frozen=True)
class MeasuredForce(Effect):
    """Measured forces Q, which fix the scale of L.

    The network keeps a scale of its own: one unit of its energy is energy · e^σ in the data's units, with σ learned, so
    that what was built into it (the anchor ½|v|² of a free network, the softplus of M's diagonal) is as harmless as
    without forces.  The scale of L in the data's units is then that of the network times this unit.

    Arguments:
        energy: unit of energy at first, in the data's units.

    Raises:
        InputError: the unit is not positive and finite.
    """

    energy: float

    def __post_init__(self) -> None:
        if not 0 < self.energy < np.inf:
            msg = f"expected a positive, finite unit of energy; got {self.energy}"
            raise InputError(msg)

    @classmethod
    def of(cls, jets: Jets, scaling: Scaling) -> MeasuredForce:
        """With the unit of energy in which the forces are of order one.

        Raises:
            DataError: the jets hold no forces, some are not finite, or all are zero.
        """
        if jets.force is None or not np.isfinite(jets.force).all() or not jets.force.any():
            msg = "expected finite measured forces that are not all zero; leave the force columns out or repair them"
            raise DataError(msg)
        scaled = jets.force * np.array(scaling.velocity) * scaling.time
        return cls(float(np.sqrt(np.mean(np.square(scaled)))))

    @property
    def net(self) -> Net:
        """One weight, σ, which starts at zero."""
        return Net(values, 1, 1, biased=False, hidden=False)

    def arguments(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """One for each sample."""
        one = torch.ones_like(inputs.velocity[:, :1])
        return one, one[:0]

    def force(self, output: Tensor, inputs: Inputs) -> Tensor:
        """Q (B, n) in the network's units, from σ of each sample (B, 1).

        Raises:
            InputError: the inputs hold no measured forces.
        """
        if inputs.force is None:
            msg = "expected measured forces, which this model was trained with; give `force` (zeros for free motion)"
            raise InputError(msg)
        return inputs.force / self.unit(output)

    def unit(self, exponent: Tensor) -> Tensor:
        """The network's unit of energy in the data's units, energy · e^σ."""
        return self.energy * exponent.exp()


@dataclass(frozen=True)
class TimeForce(Effect):
    """A force Q(t), learned; a perceptron of time and of its oscillations over the record.

    What is constant in it may be a part of V just as well.  Outside the record it says nothing.

    Arguments:
        coordinates: how many, n.
        start: when the record begins, in the data's units.
        span: how long it is, positive.
        oscillations: sines and cosines of up to so many periods over the record go in.

    Raises:
        InputError: the span is not positive, or there is no oscillation.
    """

    coordinates: int
    start: float
    span: float
    oscillations: int

    def __post_init__(self) -> None:
        if not (0 < self.span < np.inf and self.oscillations > 0):
            msg = f"expected a positive span and at least 1 oscillation; got {self.span} and {self.oscillations}"
            raise InputError(msg)

    @classmethod
    def of(cls, jets: Jets, oscillations: int) -> TimeForce:
        """Over the time of jets.

        Raises:
            InputError: as the constructor.
        """
        start = float(jets.t.min())
        return cls(jets.q.shape[1], start, float(jets.t.max()) - start, oscillations)

    @property
    def net(self) -> Net:
        """From time and its oscillations to Q."""
        return Net(values, 1 + 2 * self.oscillations, self.coordinates, biased=True)

    def arguments(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """Time in spans, with sines and cosines.

        Raises:
            InputError: the inputs hold no times.
        """
        if inputs.time is None:
            msg = "expected times, which the learned force depends on; give `t`"
            raise InputError(msg)
        turn = ((inputs.time - self.start) / self.span).unsqueeze(1)
        phases = 2 * pi * turn * torch.arange(1, self.oscillations + 1, device=turn.device, dtype=turn.dtype)
        x = torch.cat([turn, torch.sin(phases), torch.cos(phases)], 1)
        return x, x[:0]

    def force(self, output: Tensor, inputs: Inputs) -> Tensor:
        """Q (B, n) in the network's units, from the operator's output."""
        del inputs
        return output


@dataclass(frozen=True)
class InputForce(Effect):
    """A force Q(u) = N(u) − N(0) of measured inputs u (a voltage, a wind), learned; without input there is no force.

    Arguments:
        coordinates: how many, n.
        spread: of each input, positive, in the data's units.

    Raises:
        InputError: there is no input, or a spread is not positive and finite.
    """

    coordinates: int
    spread: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.spread or not all(0 < spread < np.inf for spread in self.spread):
            msg = f"expected at least one input, each with a positive, finite spread; got {self.spread}"
            raise InputError(msg)

    @classmethod
    def of(cls, jets: Jets, count: int) -> InputForce:
        """Of the last `count` columns of the parameters of jets.

        Raises:
            DataError: there are fewer columns, or one of them is always zero or not finite.
        """
        if jets.parameters is None or not 0 < count <= jets.parameters.shape[1]:
            got = 0 if jets.parameters is None else jets.parameters.shape[1]
            msg = f"expected {count} measured inputs as the last columns of the jets' parameters; got {got} columns"
            raise DataError(msg)
        size = np.sqrt(np.square(jets.parameters[:, -count:]).mean(0))
        if not (np.isfinite(size).all() and size.all()):
            msg = f"expected finite inputs that are not always zero; their root mean squares are {size.tolist()}"
            raise DataError(msg)
        return cls(jets.q.shape[1], tuple(size.tolist()))

    @property
    def net(self) -> Net:
        """From the inputs to Q."""
        return Net(values, len(self.spread), self.coordinates, biased=False)

    def arguments(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """The inputs, and their zero.

        Raises:
            InputError: there are no inputs.
        """
        if inputs.measured is None:
            msg = f"expected {len(self.spread)} measured inputs; give them as the last columns of `parameters`"
            raise InputError(msg)
        x = inputs.measured / torch.tensor(self.spread).to(inputs.measured)
        return x, torch.zeros_like(x[:1])

    def force(self, output: Tensor, inputs: Inputs) -> Tensor:
        """Q (B, n) in the network's units, from the operator's output."""
        del inputs
        return output


def without_inputs(jets: Jets, count: int) -> Jets:
    """Jets without the last `count` columns of their parameters: what L depends on.

    >>> jets = Jets.of_particle(np.zeros(1), *np.ones((2, 1, 1)), parameters=np.array([[1.0, 2.0, 3.0]]))
    >>> without_inputs(jets, 1).parameters
    array([[1., 2.]])
    """
    if not count or jets.parameters is None:
        return jets
    known = jets.parameters[:, : jets.parameters.shape[1] - count]
    return replace(jets, parameters=known if known.shape[1] else None)
