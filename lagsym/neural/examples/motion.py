"""Motion: trajectories as losses see them that need consecutive samples."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lagsym.data.derivatives import differentiate
from lagsym.data.jets import Jets
from lagsym.data.trajectories import Trajectories
from lagsym.data.weak import TestFunctions, place_test_functions

_WIDTH = 0.08
"""Half width of a test function in characteristic times: a network bends more than the terms of a library, and what
happens within a window is lost to it."""


@dataclass(frozen=True)
class Motion:
    """Trajectories with all that the losses take from them.

    Arguments:
        measured: as they were recorded.
        smooth: the same, smoothed and differentiated, evenly sampled within every segment.

    >>> t = np.arange(0, 10, 0.02)
    >>> from lagsym.data.trajectories import Segment
    >>> motion = Motion.of(Trajectories(("x",), (Segment(t, np.sin(t)[:, None]),)))
    >>> bool(np.abs(motion.jets.a + motion.jets.q).max() < 1e-3)
    True
    """

    measured: Trajectories
    smooth: Trajectories

    @classmethod
    def of(cls, data: Trajectories) -> Motion:
        """Measured trajectories, on any sampling; they are smoothed here and left as they are."""
        return cls(data, differentiate(data))

    @property
    def has_accelerations(self) -> bool:
        """Whether velocities and accelerations were measured throughout."""
        return self.measured.has_velocities and all(segment.a is not None for segment in self.measured.segments)

    @cached_property
    def jets(self) -> Jets:
        """Samples with the accelerations that were measured or, where there are none, those of the smoothed motion."""
        return self.measured.jets() if self.has_accelerations else self.smooth.jets()

    @cached_property
    def characteristic_time(self) -> float:
        """A period of the dominant oscillation."""
        return self.smooth.characteristic_time

    @cached_property
    def functions(self) -> TestFunctions:
        """Test functions on the smoothed motion."""
        return place_test_functions(self.smooth, width=_WIDTH * self.characteristic_time)

    @cached_property
    def averages(self) -> Jets:
        """The middle of every test function, with the acceleration averaged over it.

        The average is −∫ v φ' dt = ∫ a φ dt, so that noise can't make accelerations look larger than they are.
        """
        centres, averages, start = [], [], 0
        for segment, value, slope in zip(
            self.smooth.segments, self.functions.values, self.functions.slopes, strict=True
        ):
            assert segment.v is not None  # `differentiate` leaves none without
            centres.append(start + value.argmax(axis=1))
            averages.append(-slope @ segment.v)
            start += len(segment)
        middle = self.smooth.jets().take(np.concatenate(centres))
        acceleration = np.concatenate(averages)
        return Jets.of_particle(middle.t, middle.q, middle.v, acceleration, middle.force, middle.parameters)
