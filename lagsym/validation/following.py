"""Following: how far a law that is carried through unseen motion stays from the positions that were measured.

Where noise hides accelerations, positions still tell: the right law leaves their noise and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lagsym.data.trajectories import Trajectories
from lagsym.distillation.fitting.refinement import Growth, refine
from lagsym.distillation.trial import LONG, noise_of
from lagsym.errors import InputError
from lagsym.law import Law

EXCESS = 1.1
"""Residual of a law relative to the noise of few unseen trajectories that leaves nothing to be explained."""
LARGEST_NOISE = 0.3
"""Of positions, relative to their spread, for which following them means something."""


@dataclass(frozen=True)
class Following:
    """A law with all its constants, and starting states of its own, beside measured positions.

    Arguments:
        excess: what it leaves of the positions over their noise, of the coordinate that fares worst.
        noise: the noise over the spread of the positions, likewise.
        times: length of the stretches that it was carried through, in characteristic times.
    """

    excess: float
    noise: float
    times: float

    @property
    def convinces(self) -> bool:
        """Whether nothing but noise is left, of motion that is more than noise, over stretches that are long enough."""
        return self.excess < EXCESS and self.noise < LARGEST_NOISE and self.times >= LONG


def follow(law: Law, held_out: Trajectories, smooth: Trajectories, *, window: float) -> Following | None:
    """Carry a law through held-out motion; None where it cannot be integrated.

    Arguments:
        law: with a Lagrangian.
        held_out: measured trajectories that nothing else saw.
        smooth: the same, differentiated.
        window: length of the stretches, in units of time.
    """
    lagrangian = law.numeric_lagrangian
    assert lagrangian is not None
    asked = {"dissipation": law.numeric_dissipation, "growth": Growth(first=window)}
    try:
        found = refine(lagrangian, (), np.empty(0), held_out, smooth, **asked)
    except InputError:
        return None
    noise, spread = noise_of(held_out), np.concatenate([s.q - s.q.mean(axis=0) for s in held_out.segments]).std(axis=0)
    share = float(np.max(noise / np.maximum(spread, np.finfo(float).tiny)))
    return Following(float(np.max(found.residual / noise)), share, found.window / smooth.characteristic_time)
