"""The weak form: equations of motion averaged against test functions, without accelerations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lagsym.data.weak import TestFunctions
from lagsym.neural.examples.acceleration import LEAST
from lagsym.neural.examples.base import Examples
from lagsym.neural.examples.motion import Motion
from lagsym.neural.linear import solve
from lagsym.neural.models import Inputs, NetworkLagrangian
from lagsym.neural.models.base import Outputs

_SAMPLES = 1_000_000
"""Samples of all windows together, at most: beyond this windows are left out evenly."""


@dataclass(frozen=True)
class WeakExamples(Examples):
    """Averages of the equations of motion over windows, relative to how they change off the shell.

    For a test function φ with its window of samples

        r = (∫ M φ dt)⁻¹ ∫ (dL/dq φ + dL/dv φ') dt / rms(a),

    with rms(a) of each coordinate's accelerations, each of them an average over a window too.  The second integral is
    that of E φ and vanishes on the motion; at accelerations a' that nature doesn't show, E is off by M (a' − a), so
    that r compares E with its size at permuted accelerations.

    Numerator and denominator are blind to total derivatives and of the same degree in L: neither a small L nor one
    that is all gauge gains anything.  Nor does one that moves only some combinations of the coordinates, as the
    denominator is a matrix.  A row depends on its own window alone.

    Arguments:
        inputs: samples of the windows (m · group, ...), smoothed; windows that are shorter than the longest are
            padded.
        value: φ times the quadrature weights, zero where padded (m, group).
        slope: φ' likewise, per unit of the network's time (m, group).
        weight: of each coordinate, the inverse root mean square of its averaged accelerations, in the network's units
            (n,).

    Source: the weak form, Messenger and Bortz (2021), Weak SINDy, Multiscale Modeling & Simulation 19(3).
    """

    consecutive: ClassVar[bool] = True
    inputs: Inputs
    value: Float[Tensor, "windows samples"]
    slope: Float[Tensor, "windows samples"]
    weight: Float[Tensor, " coordinates"]

    @classmethod
    def of(cls, data: Motion, model: NetworkLagrangian) -> WeakExamples:
        """Windows on every unbroken stretch of motion; none straddles a gap."""
        index, value, slope = _windows(data.functions)
        acceleration = data.averages.a * (model.scaling.time / np.array(model.scaling.velocity))
        weight = 1 / np.maximum(np.sqrt(np.mean(acceleration**2, axis=0)), LEAST)
        arrays = (value, slope * model.scaling.time, weight)
        own = (torch.from_numpy(array).to(dtype=model.dtype).to(model.device) for array in arrays)
        return cls(model.inputs_of(data.smooth.jets().take(index.ravel())), *own)

    @property
    def group(self) -> int:
        """Samples of a window."""
        return self.value.shape[1]

    def take(self, index: Tensor) -> WeakExamples:
        """The windows at `index`, weighed as before."""
        places = index.unsqueeze(1) * self.group + torch.arange(self.group, device=index.device)
        inputs = self.inputs.take(places.flatten())
        return type(self)(inputs, self.value[index], self.slope[index], self.weight)

    def residuals(self, model: NetworkLagrangian, outputs: Outputs) -> Float[Tensor, "windows coordinates"]:
        """The average of every equation over every window, relative to how it changes off the shell."""
        by_position, momentum = model.gradients(outputs, self.inputs)
        for force in model.forces(outputs, self.inputs):  # E + Q − dD/dv = 0: forces are averaged like dL/dq
            by_position = by_position if force is None else by_position + force
        weak = self._integral(self.value, by_position) + self._integral(self.slope, momentum)
        mass = self._integral(self.value, model.motion(outputs, self.inputs)[0].flatten(1))
        return solve(mass.unflatten(1, weak.shape[1:] * 2), weak) * self.weight

    def _integral(self, weight: Tensor, samples: Tensor) -> Tensor:
        return (weight.unsqueeze(-1) * samples.view(*weight.shape, -1)).sum(1)


def _windows(functions: TestFunctions) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every test function by itself: positions of its samples among all, values and slopes, each (windows, samples)."""
    supports = [_support(value) for value in functions.values]
    longest = max(int(np.ptp(part, axis=1).max()) + 1 for part in supports)
    pieces: list[tuple[Any, ...]] = []
    start = 0
    for (value, slope), support in zip(zip(functions.values, functions.slopes, strict=True), supports, strict=True):
        places = support[:, :1] + np.arange(longest)
        inside = places <= support[:, 1:]
        places = np.where(inside, places, support[:, 1:])
        weights = (np.where(inside, np.take_along_axis(part, places, 1), 0.0) for part in (value, slope))
        pieces.append((start + places, *weights))
        start += value.shape[1]
    index, value, slope = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
    some = slice(None, None, -(-index.size // _SAMPLES))
    return index[some], value[some], slope[some]


def _support(value: np.ndarray) -> np.ndarray:
    """First and last sample at which each function differs from zero (functions, 2)."""
    present = value > 0
    return np.stack([present.argmax(1), present.shape[1] - 1 - present[:, ::-1].argmax(1)], 1)
