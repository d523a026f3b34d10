"""Trajectories: measured or simulated motion of a particle system, as unbroken segments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.interpolate import CubicSpline

from lagsym.data.jets import Jets
from lagsym.data.local_polynomials import noise_level
from lagsym.data.periods import dominant_period
from lagsym.data.splitting import Split as Split
from lagsym.data.splitting import split as split
from lagsym.errors import DataError

ARRAYS = ("t", "q", "v", "a", "force")
SHORTEST_SEGMENT = 7
"""Fewest samples that a segment needs: below this no derivative can be taken from it."""


@dataclass(frozen=True)
class Segment:
    """An unbroken stretch of one trajectory.

    Arguments:
        t: strictly increasing times.
        q: generalised coordinates; angles are unwrapped.
        v: velocities, or None where they were not measured.
        a: accelerations, or None.
        trajectory: name of the trajectory that the stretch belongs to.
        force: measured generalised forces, or None where there are none.
        parameters: values of what differs from trajectory to trajectory, in the order of `Trajectories.varied`.

    Raises:
        DataError: the shapes do not fit, a number is not finite, or time does not increase.
    """

    t: Float[np.ndarray, " samples"]
    q: Float[np.ndarray, "samples coordinates"]
    v: Float[np.ndarray, "samples coordinates"] | None = None
    a: Float[np.ndarray, "samples coordinates"] | None = None
    trajectory: str = "0"
    force: Float[np.ndarray, "samples coordinates"] | None = None
    parameters: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not np.isfinite(self.parameters).all():
            msg = (
                f"trajectory {self.trajectory}: expected finite parameters, got {self.parameters}; mend or leave it out"
            )
            raise DataError(msg)
        parts = {"t": self.t[:, None], "q": self.q, "v": self.v, "a": self.a, "force": self.force}
        for name, part in parts.items():
            if part is None:
                continue
            wanted = (len(self.t), 1 if name == "t" else self.q.shape[1])
            if part.shape != wanted:
                msg = f"trajectory {self.trajectory}: expected {name} of shape {wanted}, got {part.shape}"
                raise DataError(msg)
            if not np.isfinite(part).all():
                row = int(np.flatnonzero(~np.isfinite(part).all(axis=1))[0])
                msg = f"trajectory {self.trajectory}: {name} is not a finite number at sample {row}; remove that sample"
                raise DataError(msg)
        if (np.diff(self.t) <= 0).any():
            row = int(np.flatnonzero(np.diff(self.t) <= 0)[0]) + 1
            msg = f"trajectory {self.trajectory}: time must increase, but does not at sample {row} (t = {self.t[row]})"
            raise DataError(msg)

    def __len__(self) -> int:
        return len(self.t)

    @property
    def run(self) -> str:
        """The trajectory, as `lagsym.data.splitting` calls it."""
        return self.trajectory

    @cached_property
    def force_spline(self) -> CubicSpline | None:
        """Measured forces at any time within the stretch, or None where there are none."""
        return None if self.force is None else CubicSpline(self.t, self.force)

    def between(self, start: float, stop: float) -> Segment:
        """The samples with start <= t < stop."""
        chosen = (self.t >= start) & (self.t < stop)
        parts = {name: None if getattr(self, name) is None else getattr(self, name)[chosen] for name in ARRAYS}
        return replace(self, **parts)


@dataclass(frozen=True)
class Trajectories:
    """Motion of n generalised coordinates.

    Arguments:
        coordinates: their names.
        segments: unbroken stretches; several may belong to one trajectory.
        angles: coordinates with period 2 pi, in radians.
        notices: what was done to the data on reading, one sentence each.
        parameters: what is the same in all the motion, by name, e.g. a mass.
        units: of `t`, the coordinates, the forces (`force_<q>`) and parameters, by name; empty where not known.
        varied: names of what stays the same along a trajectory, but differs from one to another, e.g. a field strength.

    Raises:
        DataError: there is nothing to learn from, or a stretch has another number of parameters than `varied`.
    """

    coordinates: tuple[str, ...]
    segments: tuple[Segment, ...]
    angles: frozenset[str] = frozenset()
    notices: tuple[str, ...] = field(default=(), compare=False)
    parameters: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    varied: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.segments:
            msg = f"expected at least one unbroken stretch of {SHORTEST_SEGMENT} samples, got none"
            raise DataError(msg)
        for segment in self.segments:
            if len(segment.parameters) != len(self.varied):
                msg = (
                    f"trajectory {segment.trajectory}: expected a value of each of the parameters "
                    f"({', '.join(self.varied) or 'none'}), got {len(segment.parameters)}"
                )
                raise DataError(msg)

    def __len__(self) -> int:
        return sum(len(segment) for segment in self.segments)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the trajectories, in order."""
        return tuple(dict.fromkeys(segment.trajectory for segment in self.segments))

    @property
    def stretches(self) -> tuple[Segment, ...]:
        """The segments, as `lagsym.data.splitting` calls them."""
        return self.segments

    @property
    def shortest(self) -> int:
        """Fewest samples of a segment."""
        return SHORTEST_SEGMENT

    @property
    def has_velocities(self) -> bool:
        """Whether every segment holds velocities."""
        return all(segment.v is not None for segment in self.segments)

    @property
    def angle_mask(self) -> np.ndarray:
        """For each coordinate, whether it is an angle."""
        return np.array([name in self.angles for name in self.coordinates])

    @property
    def has_forces(self) -> bool:
        """Whether forces were measured."""
        return any(segment.force is not None for segment in self.segments)

    @cached_property
    def characteristic_time(self) -> float:
        """2 pi over the dominant angular frequency of the velocities, in the data's unit of time."""
        whole = [[s for s in self.segments if s.trajectory == name] for name in self.names]
        runs = [
            (np.concatenate([s.t for s in run]), np.concatenate([s.v for s in run if s.v is not None])) for run in whole
        ]
        return dominant_period(runs)

    @cached_property
    def noise(self) -> Float[np.ndarray, " coordinates"]:
        """Standard deviation of the noise of each coordinate, in its units: what local polynomials cannot follow."""
        return noise_level([(segment.t, segment.q) for segment in self.segments])

    def positions_only(self) -> Trajectories:
        """The same without velocities and accelerations: what a camera sees."""
        return self.with_segments(replace(segment, v=None, a=None) for segment in self.segments)

    def measured_from(self, zeros: Float[np.ndarray, " coordinates"]) -> Trajectories:
        """The same motion in coordinates that are zero where these were `zeros`."""
        return self.with_segments(replace(segment, q=segment.q - zeros) for segment in self.segments)

    def with_segments(self, segments: Iterable[Segment]) -> Trajectories:
        """The same coordinates with other segments."""
        return replace(self, segments=tuple(segments))

    def with_stretches(self, stretches: Iterable[Segment]) -> Trajectories:
        """The same coordinates with other segments, as `lagsym.data.splitting` calls them."""
        return self.with_segments(stretches)

    def jets(self) -> Jets:
        """All samples as jets, with the parameters that vary, row by row.

        Raises:
            DataError: a segment has no velocities.
        """
        if not self.has_velocities:
            msg = "these trajectories hold no velocities; call lagsym.data.derivatives.differentiate first"
            raise DataError(msg)
        stack = {name: [getattr(segment, name) for segment in self.segments] for name in ARRAYS}
        optional = [None if any(a is None for a in stack[k]) else np.concatenate(stack[k]) for k in ("a", "force")]
        t, q, v = (np.concatenate(stack[name]) for name in "tqv")
        return Jets.of_particle(t, q, v, *optional, parameters=self._parameters())

    def _parameters(self) -> np.ndarray | None:
        """What varies, row by row of all samples; None where nothing does."""
        if not self.varied:
            return None
        lengths = [len(segment) for segment in self.segments]
        return np.repeat([segment.parameters for segment in self.segments], lengths, axis=0)

    def to_frame(self, *, accelerations: bool = False) -> pd.DataFrame:
        """A tidy table: `trajectory`, `t`, the coordinates, `<q>_dot`, if asked for `<q>_ddot`, and what varies."""
        frames = []
        for segment in self.segments:
            columns: dict[str, object] = {"trajectory": segment.trajectory, "t": segment.t}
            columns |= dict(zip(self.coordinates, segment.q.T, strict=True))
            derived = (
                ("{}_dot", segment.v),
                ("{}_ddot", segment.a if accelerations else None),
                ("force_{}", segment.force),
            )
            for name, part in derived:
                if part is not None:
                    columns |= {name.format(q): column for q, column in zip(self.coordinates, part.T, strict=True)}
            columns |= dict(zip(self.varied, segment.parameters, strict=True))
            frames.append(pd.DataFrame(columns))
        return pd.concat(frames, ignore_index=True)
