"""Scaling: what a network sees of positions, time and parameters, in units in which it is of order one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from lagsym.data.jets import Jets
from lagsym.errors import DataError, InputError
from lagsym.neural.invariants import Layout, invariants
from lagsym.neural.symmetry import NO_SYMMETRY, Symmetry

_SMALLEST_ANGLE_SPREAD = 0.1
"""A pendulum that hardly swings has a nearly constant cosine; dividing by less would only enlarge round-off."""


@dataclass(frozen=True)
class Scaling:
    """Units for inputs, velocities and time.

    A network sees features x = (raw − center) / spread, where raw is the coordinate itself or, for an angle, its sine;
    then the cosines of the angles; then sines and cosines of each further multiple of the angles; then time and the
    parameters, where they enter.  It works with velocities W = v / velocity and times T = t / time, so its coordinates
    are Q = q / (velocity · time), its accelerations A = a · time / velocity; the same number L(Q, W) = L(q, v) gives

        M_ij = M'_ij / (velocity_i velocity_j),    f_i = f'_i / (velocity_i time).

    Arguments:
        angles: positions of the coordinates with period 2 pi.
        center: of each feature.
        spread: of each feature, positive.
        velocity: unit of each velocity, positive.
        time: unit of time, positive.
        harmonics: multiples of the angles up to this one are features; 1 for the angles themselves.
        explicit_time: whether the Lagrangian may depend on time.
        parameters: how many parameters it depends on.
        symmetry: what leaves the Lagrangian alone; the network sees the invariants of it.
        invariants: (center, spread) of each invariant that is no feature or velocity itself.

    Raises:
        InputError: lengths do not fit, an angle is not a coordinate, or a unit is not positive and finite.
    """

    angles: tuple[int, ...]
    center: tuple[float, ...]
    spread: tuple[float, ...]
    velocity: tuple[float, ...]
    time: float
    harmonics: int = 1
    explicit_time: bool = False
    parameters: int = 0
    symmetry: Symmetry = NO_SYMMETRY
    invariants: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        coordinates, angles = len(self.velocity), list(self.angles)
        if angles != sorted(set(angles)) or any(not 0 <= i < coordinates for i in angles):
            msg = f"expected angles as increasing positions below {coordinates}; got {self.angles}"
            raise InputError(msg)
        if self.harmonics < 1 or self.parameters < 0:
            msg = f"expected at least 1 harmonic and 0 parameters; got {self.harmonics} and {self.parameters}"
            raise InputError(msg)
        if not len(self.center) == len(self.spread) == self.features_count:
            msg = f"expected {self.features_count} centers and spreads; got {len(self.center)} and {len(self.spread)}"
            raise InputError(msg)
        units = np.array([*self.spread, *self.velocity, self.time])
        if not (np.all(np.isfinite(units)) and np.all(units > 0) and np.all(np.isfinite(self.center))):
            msg = f"expected finite centers and positive, finite units; got {self}"
            raise InputError(msg)
        self._check_symmetry()

    def _check_symmetry(self) -> None:
        self.symmetry.check_for(self.coordinates, self.angles)
        measured = sum(one.place is None for one in invariants(self.symmetry, self.layout)) if self.symmetry else 0
        if len(self.invariants) != measured:
            msg = f"expected center and spread of {measured} invariants of the symmetry; got {len(self.invariants)}"
            raise InputError(msg)
        for group in self.symmetry.shared:
            if len({self.velocity[i] for i in group}) > 1:
                msg = f"expected one unit of velocity for the coordinates {group} of a symmetry; got {self.velocity}"
                raise InputError(msg)

    @property
    def layout(self) -> Layout:
        """Where the numbers of a state are."""
        return Layout(self.coordinates, self.angles, self.harmonics, self.explicit_time + self.parameters)

    @property
    def coordinates(self) -> int:
        """Number of coordinates n."""
        return len(self.velocity)

    @property
    def features_count(self) -> int:
        """Number of features."""
        return self.coordinates + len(self.angles) * (2 * self.harmonics - 1) + self.explicit_time + self.parameters

    @property
    def owners(self) -> tuple[int, ...]:
        """For each feature the coordinate that it is a function of; n for time; 0, with no slope, for parameters."""
        circular = self.angles * (2 * self.harmonics - 1)
        time = (self.coordinates,) if self.explicit_time else ()
        return (*range(self.coordinates), *circular, *time, *(0,) * self.parameters)

    def features(self, q: Tensor, t: Tensor | None, parameters: Tensor | None) -> tuple[Tensor, Tensor]:
        """Raw features (B, d), and the derivative of each by its own coordinate or by time, in the data's units.

        Angles are reduced in the data's precision: float32 loses the phase of an angle that wound up many times.

        Arguments:
            q: coordinates (B, n).
            t: times (B,), looked at where they enter.
            parameters: (B, k), looked at where they enter.

        Raises:
            InputError: times or parameters are needed and missing, or of another shape.
        """
        raw, slope = q, torch.ones_like(q)
        if self.angles:
            raw, slope = self._circular(raw, slope)
        if self.explicit_time:
            time = _required(t, (len(q),), "times").unsqueeze(1)
            raw, slope = torch.cat([raw, time.to(raw)], 1), torch.cat([slope, torch.ones_like(raw[:, :1])], 1)
        if self.parameters:
            given = _required(parameters, (len(q), self.parameters), "parameters").to(raw)
            raw, slope = torch.cat([raw, given], 1), torch.cat([slope, torch.zeros_like(given)], 1)
        return raw, slope

    def _circular(self, raw: Tensor, slope: Tensor) -> tuple[Tensor, Tensor]:
        angles = list(self.angles)
        theta = raw[:, angles]
        sine, cosine = torch.sin(theta), torch.cos(theta)
        values, slopes = [raw, cosine], [slope, -sine]
        for k in range(2, self.harmonics + 1):
            values += [torch.sin(k * theta), torch.cos(k * theta)]
            slopes += [k * torch.cos(k * theta), -k * torch.sin(k * theta)]
        raw, slope = torch.cat(values, 1), torch.cat(slopes, 1)
        raw[:, angles], slope[:, angles] = sine, cosine
        return raw, slope

    @classmethod
    def unit(
        cls, coordinates: int, angles: Collection[int] = (), *, symmetry: Symmetry | None = None, **entering: int
    ) -> Scaling:
        """Units of one: the data as they are.

        >>> Scaling.unit(2, angles=[1]).spread
        (1.0, 1.0, 1.0)
        """
        harmonics, time = entering.get("harmonics", 1), bool(entering.get("explicit_time", False))
        parameters = entering.get("parameters", 0)
        count = coordinates + len(angles) * (2 * harmonics - 1) + time + parameters
        ordered = tuple(sorted(angles))
        units = (0.0,) * count, (1.0,) * count, (1.0,) * coordinates, 1.0
        plain = cls(ordered, *units, harmonics, time, parameters)
        if not symmetry:
            return plain
        symmetry.check_for(coordinates, ordered)
        measured = (one for one in invariants(symmetry, plain.layout) if one.place is None)
        return replace(plain, symmetry=symmetry, invariants=tuple((0.0, 1.0) for _ in measured))

    @classmethod
    def of(
        cls,
        jets: Jets,
        angles: Collection[int] = (),
        *,
        harmonics: int = 1,
        explicit_time: bool = False,
        symmetry: Symmetry | None = None,
    ) -> Scaling:
        """Units taken from jets, which must hold accelerations; parameters enter where the jets have them.

        Velocities are measured by their root mean square, taken over all coordinates that a symmetry mixes; the unit of
        time is the geometric mean over the coordinates of velocity over acceleration.

        Raises:
            DataError: there are no samples, no accelerations, or a value is not finite.
        """
        for name, values in (("position", jets.q), ("velocity", jets.v), ("acceleration", jets.a)):
            require_finite(name, values)
        n, parameters = jets.q.shape[1], 0 if jets.parameters is None else jets.parameters.shape[1]
        entering = {"harmonics": harmonics, "explicit_time": explicit_time, "parameters": parameters}
        plain = cls.unit(n, angles, symmetry=symmetry, **entering)
        given = None if jets.parameters is None else torch.from_numpy(np.array(jets.parameters, float))
        tensors = (torch.from_numpy(np.array(jets.q, float)), torch.from_numpy(np.array(jets.t, float)))
        raw = plain.features(*tensors, given)[0].numpy()
        spread = _positive(raw.std(0), np.abs(raw.mean(0)))
        circular = [*plain.angles, *range(n, n + len(plain.angles) * (2 * harmonics - 1))]
        spread[circular] = np.maximum(spread[circular], _SMALLEST_ANGLE_SPREAD)
        speed, acceleration = _root_mean_square(jets.v), _root_mean_square(jets.a)
        moves = (speed > 0) & (acceleration > 0)
        time = float(np.exp(np.log(speed[moves] / acceleration[moves]).mean())) if moves.any() else 1.0
        velocity = _positive(speed, spread[:n] / time)
        for group in map(list, plain.symmetry.shared):
            velocity[group] = _root_mean_square(velocity[group])
        center, widths, speeds = (tuple(values.tolist()) for values in (raw.mean(0), spread, velocity))
        return replace(
            plain,
            center=center,
            spread=widths,
            velocity=speeds,
            time=time,
            invariants=_measured(plain, np.concatenate([np.ones((len(raw), 1)), raw, jets.v], 1)),
        )


def require_finite(name: str, values: np.ndarray) -> None:
    """Check that an array (N, n) has rows and that all are finite.

    Raises:
        DataError: naming the first row that is not.
    """
    if not len(values):
        msg = "expected at least one sample; got none"
        raise DataError(msg)
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad):
        msg = (
            f"expected finite numbers; the {name} in row {bad[0]} is {values[bad[0]].tolist()} "
            f"({len(bad)} such rows of {len(values)}); drop them first"
        )
        raise DataError(msg)


def _measured(units: Scaling, states: np.ndarray) -> tuple[tuple[float, float], ...]:
    """Center and spread of each invariant of a symmetry that is no feature or velocity itself, over states (N, s)."""
    sizes = []
    for one in invariants(units.symmetry, units.layout) if units.symmetry else ():
        if one.place is None:
            values = 0.5 * ((states @ one.matrix) * states).sum(1)
            spread = _positive(values.std(keepdims=True), np.abs(values.mean(keepdims=True)))
            sizes.append((float(values.mean()), float(spread[0])))
    return tuple(sizes)


def _required(values: Tensor | None, shape: tuple[int, ...], name: str) -> Tensor:
    if values is None or tuple(values.shape) != shape:
        got = "none" if values is None else f"shape {tuple(values.shape)}"
        msg = f"expected {name} of shape {shape}, which this Lagrangian depends on; got {got}"
        raise InputError(msg)
    return values


def _positive(size: np.ndarray, instead: np.ndarray) -> np.ndarray:
    """Sizes, replaced where a coordinate stands still."""
    still = size <= 1e-9 * np.maximum(instead, 1e-300)
    return np.where(still, np.where(instead > 0, instead, 1.0), size)


def _root_mean_square(values: np.ndarray) -> np.ndarray:
    return np.sqrt(np.mean(np.square(values), axis=0))
