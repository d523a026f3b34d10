"""Lattice: fields measured or simulated on a uniform grid over time and space, as unbroken records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from lagsym.errors import DataError

EVEN = 1e-6
"""Steps of a grid differ by less than this fraction of themselves."""


@dataclass(frozen=True, eq=False)
class FieldRecord:
    """An unbroken stretch of time of n fields on a grid over one or two directions of space.

    Arguments:
        t: evenly spaced increasing times.
        axes: evenly spaced increasing positions of the sites along each direction of space. Along a periodic direction
            the last site lies one step before the first one's image.
        u: fields; angles are unwrapped along time and space.
        u_t: their measured rates du/dt, or None.
        name: of the run that the stretch belongs to, which starts from one initial condition.

    Raises:
        DataError: the shapes do not fit, a number is not finite, or a grid is not evenly spaced.
    """

    t: Float[np.ndarray, " times"]
    axes: tuple[Float[np.ndarray, " sites"], ...]
    u: Float[np.ndarray, "times *sites fields"]
    u_t: Float[np.ndarray, "times *sites fields"] | None = None
    name: str = "0"

    def __post_init__(self) -> None:
        for axis, points in zip(("t", *(f"axis {k + 1}" for k in range(len(self.axes)))), self.grid, strict=True):
            self._require_even(axis, points)
        wanted = (*map(len, self.grid), self.u.shape[-1])
        for name, part in (("u", self.u), ("u_t", self.u_t)):
            if part is None:
                continue
            if part.shape != wanted:
                msg = f"run {self.name}: expected {name} of shape {wanted}, (times, sites, fields); got {part.shape}"
                raise DataError(msg)
            if not np.isfinite(part).all():
                place = tuple(map(int, np.argwhere(~np.isfinite(part))[0]))
                msg = f"run {self.name}: {name} is not a finite number at index {place}; mend it or leave the run out"
                raise DataError(msg)

    def _require_even(self, axis: str, points: np.ndarray) -> None:
        steps = np.diff(points)
        if points.ndim != 1 or len(points) < 2 or not np.isfinite(points).all() or steps.min() <= 0:
            msg = f"run {self.name}: expected at least two increasing numbers along {axis}, got shape {points.shape}"
            raise DataError(msg)
        if np.ptp(steps) > EVEN * steps.mean() + 8 * np.spacing(np.abs(points).max()):
            msg = (
                f"run {self.name}: expected evenly spaced points along {axis}, but the steps go from {steps.min():g} "
                f"to {steps.max():g}; interpolate onto a uniform grid first"
            )
            raise DataError(msg)

    @property
    def grid(self) -> tuple[np.ndarray, ...]:
        """Points along time and along each direction of space."""
        return (self.t, *self.axes)

    @property
    def steps(self) -> tuple[float, ...]:
        """Spacing along time and along each direction of space."""
        return tuple(float(points[-1] - points[0]) / (len(points) - 1) for points in self.grid)

    def __len__(self) -> int:
        return int(np.prod(self.u.shape[:-1]))

    def between(self, start: float, stop: float) -> FieldRecord:
        """The snapshots with start <= t < stop."""
        chosen = (self.t >= start) & (self.t < stop)
        rates = None if self.u_t is None else self.u_t[chosen]
        return replace(self, t=self.t[chosen], u=self.u[chosen], u_t=rates)


@dataclass(frozen=True, eq=False)
class Lattice:
    """Runs of n fields over time and one or two directions of space.

    Arguments:
        fields: their names.
        base: names of the base coordinates, time first.
        records: unbroken stretches; several may belong to one run.
        periodic: for each direction of space, whether it closes on itself; otherwise the fields at its ends are given.
        angles: fields with period 2 pi, in radians.
        notices: what was done to the data on reading, one sentence each.
        units: of the base coordinates and fields, by name; empty where not known.

    Raises:
        DataError: there are no records, or they do not fit the names.

    >>> x = np.linspace(0, 1, 8, endpoint=False)
    >>> still = FieldRecord(np.arange(3.0), (x,), np.zeros((3, 8, 1)))
    >>> len(Lattice(("phi",), ("t", "x"), (still,), (True,)))
    24
    """

    fields: tuple[str, ...]
    base: tuple[str, ...]
    records: tuple[FieldRecord, ...]
    periodic: tuple[bool, ...]
    angles: frozenset[str] = frozenset()
    notices: tuple[str, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.records:
            msg = "expected at least one run of the fields, got none"
            raise DataError(msg)
        if len(self.periodic) != len(self.base) - 1:
            msg = f"expected to know for each of {', '.join(self.base[1:])} whether it is periodic, got {self.periodic}"
            raise DataError(msg)
        for record in self.records:
            if len(record.grid) != len(self.base) or record.u.shape[-1] != len(self.fields):
                msg = (
                    f"run {record.name}: expected {len(self.fields)} fields over {', '.join(self.base)}; got "
                    f"{record.u.shape[-1]} over {len(record.grid)} coordinates"
                )
                raise DataError(msg)

    def __len__(self) -> int:
        return sum(len(record) for record in self.records)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the runs, in order."""
        return tuple(dict.fromkeys(record.name for record in self.records))

    @property
    def has_rates(self) -> bool:
        """Whether every record holds the fields' rates."""
        return all(record.u_t is not None for record in self.records)

    @property
    def angle_mask(self) -> np.ndarray:
        """For each field, whether it is an angle."""
        return np.array([name in self.angles for name in self.fields])

    def positions_only(self) -> Lattice:
        """The same without rates: what snapshots show."""
        return self.with_records(replace(record, u_t=None) for record in self.records)

    def with_records(self, records: Iterable[FieldRecord]) -> Lattice:
        """The same fields with other records."""
        return replace(self, records=tuple(records))
