"""Short roll-outs: the law integrated from fitted starting states and compared with the motion."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lagsym.data.trajectories import Segment, Trajectories
from lagsym.neural.examples.base import Examples
from lagsym.neural.examples.motion import Motion
from lagsym.neural.examples.shooting import STAGES, Path, Windows
from lagsym.neural.models import Inputs, NetworkLagrangian
from lagsym.neural.models.base import Outputs

_SPAN = 0.25
"""Length of a window in characteristic times."""
_INTERVALS = 4
"""Of a window, between nodes at which states are compared."""
_STEPS = 32
"""Runge–Kutta steps in a characteristic time, at least."""
_CORRECTIONS = 1
"""Gauss–Newton steps from the measured starting states to those that fit best."""
_WINDOWS = 4000
"""At most: beyond this windows are left out evenly."""
_CHUNK = 512
"""Windows that are rolled out at a time when only the error is wanted."""
_ASTRAY = 5.0
"""A roll-out that is this far off, relative to how far motion goes within a window, teaches nothing."""
_FLOOR = 1e-3
"""Noise counts as at least this fraction of the motion within a window: smoothing and integration aren't exact."""


@dataclass(frozen=True)
class RolloutExamples(Examples):
    """Differences between roll-outs and motion, by multiple shooting with free starting states.

    A window is rolled out from a state that fits it best; positions, and velocities where they were measured, are
    compared at a few nodes, each relative to its noise.  The starting states are eliminated: with G the derivative of
    the differences d by the starting state,

        r = (1 − G G⁺) d,    dr = (1 − G G⁺) · tangent roll-out of da,

    where da, the change of the acceleration along the path, is all that the operators have to differentiate.  It is
    the exact derivative at the network for which the path was rolled out, that of the moment of `take`; values are
    exact for any.

    Arguments:
        model: whose roll-outs they are; followed as it learns.
        windows: the motion.
        weight: of each compared part of a state, positions first (n or 2n,).
        path: roll-outs from the best starting states.
        inputs: its stages (m · group, ...).
        basis: orthonormal columns that span those of G (m, compared, 2n).

    Source: Bock (1983), Recent advances in parameter identification techniques for O.D.E. (multiple shooting);
    Golub and Pereyra (1973), SIAM Journal on Numerical Analysis 10(2) and Kaufman (1975), BIT 15 (elimination).
    """

    consecutive: ClassVar[bool] = True
    static: ClassVar[bool] = False  # they are rolled out anew for every batch
    model: NetworkLagrangian
    windows: Windows
    weight: Float[Tensor, " compared"]
    path: Path
    inputs: Inputs
    basis: Float[Tensor, "windows differences states"]

    @classmethod
    def of(cls, data: Motion, model: NetworkLagrangian) -> RolloutExamples:
        """Windows on every unbroken stretch of motion; none straddles a gap."""
        windows = _windows(data, model)
        weight = windows.state.new_tensor(_weights(data, windows))
        return _shoot(model, windows, weight)

    @property
    def group(self) -> int:
        """Stages of a roll-out."""
        return self.windows.time.shape[1]

    @property
    def columns(self) -> int:
        """Differences of a window that the starting state can't take up."""
        return self.basis.shape[1] - self.basis.shape[2]

    def take(self, index: Tensor) -> RolloutExamples:
        """The windows at `index`, weighed as before and rolled out with the network as it is now."""
        return _shoot(self.model, self.windows.take(index), self.weight)

    def residuals(self, model: NetworkLagrangian, outputs: Outputs) -> Float[Tensor, "windows differences"]:
        """Differences, relative to how far motion goes within a window; constant for roll-outs that went astray."""
        with torch.no_grad():
            difference = _differences(model, self.windows, self.weight, self.path.start)
        sound = _sound(difference)
        unit = outputs[0].new_tensor(model.scaling.velocity) / model.scaling.time
        acceleration = (model.solved(outputs, self.inputs) * unit).view(len(self), self.group, -1)
        if acceleration.requires_grad:
            change = (acceleration - acceleration.detach()).unsqueeze(-1)
            still = torch.zeros_like(self.path.start).unsqueeze(-1)
            tangent = self.path.tangent(self.windows, still, change).squeeze(-1)
            difference = difference + _compared(tangent, self.weight)
        left = difference - (self.basis @ (self.basis.mT @ difference.unsqueeze(-1))).squeeze(-1)
        return torch.where(sound, left * (left.shape[1] / self.columns) ** 0.5, _ASTRAY)

    def error(self, model: NetworkLagrangian) -> Tensor:
        """The root mean square of the differences of a network's own roll-outs."""
        squares = []
        for index in torch.arange(len(self.windows), device=self.weight.device).split(_CHUNK):
            some = _shoot(model, self.windows.take(index), self.weight)
            with torch.no_grad():
                squares.append(some.residuals(model, model.outputs(some.inputs)).square().mean(1))
        return torch.cat(squares).mean().sqrt()


def _compared(nodes: Tensor, weight: Tensor) -> Tensor:
    """States at the nodes (m, nodes, 2n, ...) -> what is compared of them, weighed (m, nodes · compared, ...)."""
    shape = (len(weight), *[1] * (nodes.dim() - 3))
    return (nodes[:, :, : len(weight)] * weight.view(shape)).flatten(1, 2)


def _differences(model: NetworkLagrangian, windows: Windows, weight: Tensor, start: Tensor) -> Tensor:
    """What roll-outs from given states differ from the motion by, weighed (m, nodes · compared)."""
    return _compared(windows.roll(windows.law(model), start) - windows.state, weight)


def _sound(difference: Tensor) -> Tensor:
    """Whether a roll-out stayed near the motion (m, 1); false for NaN too."""
    return difference.square().mean(1, keepdim=True) < _ASTRAY**2


@torch.no_grad()
def _shoot(model: NetworkLagrangian, windows: Windows, weight: Tensor) -> RolloutExamples:
    """Roll-outs from the starting states that fit best."""
    start = windows.state[:, 0]
    for _ in range(_CORRECTIONS):
        start = _corrected(model, windows, weight, start)
    sound = _sound(_differences(model, windows, weight, start))
    path = Path.of(model, windows, start, sound)
    basis, _ = torch.linalg.qr(_by_start(path, windows, weight))
    n = model.coordinates
    flat = path.state.flatten(0, 1)
    inputs = model.inputs(flat[:, :n], flat[:, n:], *windows.conditions)
    return RolloutExamples(model, windows, weight, path, inputs, basis)


def _by_start(path: Path, windows: Windows, weight: Tensor) -> Tensor:
    """Derivatives of the differences by the starting state (m, nodes · compared, 2n)."""
    size = path.start.shape[1]
    identity = torch.eye(size, dtype=weight.dtype, device=weight.device).expand(len(windows), -1, -1)
    return _compared(path.tangent(windows, identity, None), weight)


def _corrected(model: NetworkLagrangian, windows: Windows, weight: Tensor, start: Tensor) -> Tensor:
    """Starting states after a step of Gauss and Newton, taken where it brings the roll-out nearer to the motion."""
    before = _differences(model, windows, weight, start)
    path = Path.of(model, windows, start, _sound(before))
    basis, triangle = torch.linalg.qr(_by_start(path, windows, weight))
    across = basis.mT @ before.unsqueeze(-1)
    moved = start - torch.linalg.solve_triangular(triangle, across, upper=True).squeeze(-1)
    after = _differences(model, windows, weight, moved)
    nearer = after.square().sum(1, keepdim=True) < before.square().sum(1, keepdim=True)  # false for NaN too
    return torch.where(nearer, moved, start)


# ------------------------------------------------------------------------------------------ windows and weights


def _windows(data: Motion, model: NetworkLagrangian) -> Windows:
    smooth, characteristic = data.smooth, data.characteristic_time
    strides = [_stride(segment, characteristic) for segment in smooth.segments]
    longest = max(stride * _step(segment) for segment, stride in zip(smooth.segments, strides, strict=True))
    substeps = max(1, round(np.ceil(longest * _STEPS / characteristic - 1e-9)))
    pieces = [_cut(segment, stride, substeps, model) for segment, stride in zip(smooth.segments, strides, strict=True)]
    joined = [None if parts[0] is None else np.concatenate(parts) for parts in zip(*pieces, strict=True)]
    some = slice(None, None, -(-sum(len(piece[0]) for piece in pieces) // _WINDOWS))
    own = (None if part is None else torch.from_numpy(part[some]).to(model.dtype).to(model.device) for part in joined)
    return Windows(*own)  # pyright: ignore[reportArgumentType]


def _step(segment: Segment) -> float:
    return float(segment.t[-1] - segment.t[0]) / (len(segment) - 1)


def _stride(segment: Segment, characteristic: float) -> int:
    """Samples from node to node."""
    wanted = round(_SPAN * characteristic / _INTERVALS / _step(segment))
    return max(1, min(wanted, (len(segment) - 1) // _INTERVALS))


def _cut(
    segment: Segment, stride: int, substeps: int, model: NetworkLagrangian
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Windows of one segment that overlap by half, in the order of `Windows`."""
    assert segment.v is not None  # `differentiate` leaves none without
    step = _step(segment) * stride / substeps
    first = np.arange(0, len(segment) - _INTERVALS * stride, max(1, _INTERVALS * stride // 2))
    nodes = first[:, None] + stride * np.arange(_INTERVALS + 1)
    q, v = segment.q[nodes], segment.v[nodes]
    angles = list(model.scaling.angles)
    # A whole number of turns less: single precision would lose the phase of an angle that wound up many times.
    q[:, :, angles] -= 2 * np.pi * np.round(q[:, :1, angles] / (2 * np.pi))
    within = (np.arange(_INTERVALS * substeps)[:, None] + [0, 0.5, 0.5, 1]).ravel() * step
    assert len(within) == STAGES * _INTERVALS * substeps
    time = segment.t[first][:, None] + within
    force = None if segment.force_spline is None else segment.force_spline(time)
    parameters = np.tile(segment.parameters, (len(first), 1)) if segment.parameters else None
    return np.concatenate([q, v], 2), np.full(len(first), step), time, force, parameters


def _weights(data: Motion, windows: Windows) -> np.ndarray:
    """Inverse noise of positions and, where measured, velocities, scaled so that the whole is a relative error."""
    state = windows.state.cpu().double().numpy()
    spread = np.sqrt(np.square(state - state.mean(axis=1, keepdims=True)).mean(axis=(0, 1)))
    noise = data.measured.noise
    if data.measured.has_velocities:
        noise = np.concatenate([noise, _of_velocities(data.measured).noise])
    spread = np.where(spread > 0, spread, 1.0)[: len(noise)]
    noise = np.maximum(noise, _FLOOR * spread)
    return np.sqrt(np.mean((noise / spread) ** 2)) / noise


def _of_velocities(data: Trajectories) -> Trajectories:
    """Trajectories whose positions are the velocities of these."""
    segments = []
    for segment in data.segments:
        assert segment.v is not None  # asked for only where they were measured
        segments.append(replace(segment, q=segment.v, v=None, a=None, force=None))
    return data.with_segments(segments)
