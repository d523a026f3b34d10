"""Samples: states in no order of time, such as those that a network is asked at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from jaxtyping import Float

from lagsym.data.jets import Jets
from lagsym.errors import DataError, InputError


class Sampled(Protocol):
    """What libraries of terms and tables of parts need of data, in time or not."""

    @property
    def coordinates(self) -> tuple[str, ...]:
        """Names of the coordinates."""
        ...

    @property
    def angle_mask(self) -> np.ndarray:
        """For each coordinate, whether it is an angle."""
        ...

    def jets(self) -> Jets:
        """All samples as jets."""
        ...


@dataclass(frozen=True, eq=False)
class Samples:
    """States (q, v) of n generalised coordinates, with or without accelerations.

    Arguments:
        coordinates: their names.
        q: positions; angles in radians.
        v: velocities.
        a: accelerations, or None.
        angles: coordinates with period 2 pi.

    Raises:
        DataError: the shapes do not fit each other, or a number is not finite.
        InputError: an angle is not among the coordinates.

    >>> Samples(("x",), np.zeros((3, 1)), np.ones((3, 1))).jets().v.ravel()
    array([1., 1., 1.])
    """

    coordinates: tuple[str, ...]
    q: Float[np.ndarray, "samples n"]
    v: Float[np.ndarray, "samples n"]
    a: Float[np.ndarray, "samples n"] | None = None
    angles: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        wanted = (len(self.q), len(self.coordinates))
        for name in ("q", "v", "a"):
            part = getattr(self, name)
            if part is None:
                continue
            if np.shape(part) != wanted:
                msg = f"expected {name} of shape {wanted}, a column for each coordinate; got {np.shape(part)}"
                raise DataError(msg)
            if not np.isfinite(part).all():
                row = int(np.flatnonzero(~np.isfinite(part).all(axis=1))[0])
                msg = f"{name} is not a finite number at sample {row}; remove that sample"
                raise DataError(msg)
        stray = sorted(self.angles - set(self.coordinates))
        if stray:
            msg = f"expected angles among the coordinates {', '.join(self.coordinates)}; got {', '.join(stray)}"
            raise InputError(msg)

    def __len__(self) -> int:
        return len(self.q)

    @property
    def angle_mask(self) -> np.ndarray:
        """For each coordinate, whether it is an angle."""
        return np.array([name in self.angles for name in self.coordinates])

    def jets(self) -> Jets:
        """All samples as jets at time zero."""
        return Jets.of_particle(np.zeros(len(self)), self.q, self.v, self.a)

    def take(self, index: np.ndarray) -> Samples:
        """The samples at `index`."""
        return replace(self, q=self.q[index], v=self.v[index], a=None if self.a is None else self.a[index])

    def with_accelerations(self, a: Float[np.ndarray, "samples n"]) -> Samples:
        """The same states with these accelerations."""
        return replace(self, a=a)
