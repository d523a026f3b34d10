"""Scaling: units in which a network's inputs and outputs are of order one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from lagsym.data.jets import Jets
from lagsym.errors import DataError, InputError

_SMALLEST_ANGLE_SPREAD = 0.1
"""A pendulum that hardly swings has a nearly constant cosine; dividing by less would only enlarge round-off."""


@dataclass(frozen=True)
class Scaling:
    """Units for inputs, velocities and time.

    A network sees features x = (raw − center) / spread, where raw is the coordinate itself or, for an angle, its sine,
    followed by the cosines of the angles.  It works with velocities W = v / velocity and times T = t / time, so its
    coordinates are Q = q / (velocity · time), its accelerations A = a · time / velocity, and the same number
    L(Q, W) = L(q, v) gives

        M_ij = M'_ij / (velocity_i velocity_j),    f_i = f'_i / (velocity_i time).

    Arguments:
        angles: positions of the coordinates with period 2 pi.
        center: of each feature, coordinates (or sines) first, then cosines.
        spread: of each feature, positive.
        velocity: unit of each velocity, positive.
        time: unit of time, positive.

    Raises:
        InputError: lengths do not fit, an angle is not a coordinate, or a unit is not positive and finite.
    """

    angles: tuple[int, ...]
    center: tuple[float, ...]
    spread: tuple[float, ...]
    velocity: tuple[float, ...]
    time: float

    def __post_init__(self) -> None:
        coordinates, angles = len(self.velocity), list(self.angles)
        if angles != sorted(set(angles)) or any(not 0 <= i < coordinates for i in angles):
            msg = f"expected angles as increasing positions below {coordinates}; got {self.angles}"
            raise InputError(msg)
        features = coordinates + len(angles)
        if not len(self.center) == len(self.spread) == features:
            msg = f"expected {features} centers and spreads; got {len(self.center)} and {len(self.spread)}"
            raise InputError(msg)
        units = np.array([*self.spread, *self.velocity, self.time])
        if not (np.all(np.isfinite(units)) and np.all(units > 0) and np.all(np.isfinite(self.center))):
            msg = f"expected finite centers and positive, finite units; got {self}"
            raise InputError(msg)

    @property
    def coordinates(self) -> int:
        """Number of coordinates."""
        return len(self.velocity)

    @classmethod
    def unit(cls, coordinates: int, angles: Collection[int] = ()) -> Scaling:
        """Units of one: the data as they are.

        >>> Scaling.unit(2, angles=[1]).spread
        (1.0, 1.0, 1.0)
        """
        features = coordinates + len(angles)
        return cls(tuple(sorted(angles)), (0.0,) * features, (1.0,) * features, (1.0,) * coordinates, 1.0)

    @classmethod
    def of(cls, jets: Jets, angles: Collection[int] = ()) -> Scaling:
        """Units taken from jets, which must hold accelerations.

        Velocities are measured by their root mean square; the unit of time is the geometric mean over the coordinates
        of velocity over acceleration.

        Raises:
            DataError: there are no samples, no accelerations, or a value is not finite.
        """
        for name, values in (("position", jets.q), ("velocity", jets.v), ("acceleration", jets.a)):
            require_finite(name, values)
        ordered = tuple(sorted(angles))
        inside = [i for i in ordered if 0 <= i < jets.q.shape[1]]
        raw = np.concatenate([jets.q, np.cos(jets.q[:, inside])], axis=1)
        raw[:, inside] = np.sin(jets.q[:, inside])
        spread = _positive(raw.std(0), np.abs(raw.mean(0)))
        circular = [*inside, *range(jets.q.shape[1], raw.shape[1])]
        spread[circular] = np.maximum(spread[circular], _SMALLEST_ANGLE_SPREAD)
        speed, acceleration = _root_mean_square(jets.v), _root_mean_square(jets.a)
        moves = (speed > 0) & (acceleration > 0)
        time = float(np.exp(np.log(speed[moves] / acceleration[moves]).mean())) if moves.any() else 1.0
        velocity = _positive(speed, spread[: len(speed)] / time)
        return cls(ordered, tuple(raw.mean(0).tolist()), tuple(spread.tolist()), tuple(velocity.tolist()), time)


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


def _positive(size: np.ndarray, instead: np.ndarray) -> np.ndarray:
    """Sizes, replaced where a coordinate stands still."""
    still = size <= 1e-9 * np.maximum(instead, 1e-300)
    return np.where(still, np.where(instead > 0, instead, 1.0), size)


def _root_mean_square(values: np.ndarray) -> np.ndarray:
    return np.sqrt(np.mean(np.square(values), axis=0))
