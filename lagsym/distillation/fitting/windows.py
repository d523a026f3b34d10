"""Windows: stretches of measured trajectories that a law is carried through, each from a starting state of its own."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from lagsym.data.trajectories import Trajectories

LARGEST_SAMPLES = 6000
"""Samples that a fit uses: beyond this the windows are thinned out."""


@dataclass(frozen=True)
class Windows:
    """Stretches of data of at most L samples, padded with steps of length zero and weights of zero.

    Measured forces come with their slopes.
    """

    start: np.ndarray
    steps: np.ndarray
    q: np.ndarray
    weight: np.ndarray
    state: np.ndarray
    force: tuple[np.ndarray, np.ndarray] | None

    def take(self, chosen: np.ndarray) -> Windows:
        """Some of the windows."""
        force = None if self.force is None else (self.force[0][:, chosen], self.force[1][:, chosen])
        parts = (self.start[chosen], self.steps[:, chosen], self.q[:, chosen], self.weight[:, chosen])
        return Windows(*parts, self.state[chosen], force)

    def first(self, share: float) -> Windows:
        """The same windows, each cut off after a share of the longest."""
        count = max(2, round(share * len(self.steps)))
        force = None if self.force is None else (self.force[0][: count + 1], self.force[1][: count + 1])
        steps, q, weight = self.steps[:count], self.q[: count + 1], self.weight[: count + 1]
        return Windows(self.start, steps, q, weight, self.state, force)


def cut(data: Trajectories, smooth: Trajectories, length: float, *, most: int = LARGEST_SAMPLES) -> Windows:
    """Cut measured trajectories into windows of a length, where there is that much, without a gap in any.

    Arguments:
        data: measured trajectories.
        smooth: the same, differentiated: the windows' first states are read off them.
        length: in units of time.
        most: samples, beyond which windows are left out.
    """
    pieces = []
    for raw, even in zip(data.segments, smooth.segments, strict=True):
        count = max(1, round((raw.t[-1] - raw.t[0]) / length))
        edges = np.linspace(0, len(raw) - 1, min(count, (len(raw) - 1) // 4) + 1).astype(int)
        pieces += [(raw, even, a, b) for a, b in itertools.pairwise(edges)]
    total = sum(b - a for _, _, a, b in pieces)
    stride = max(1, -(-total // most))
    pieces = pieces[::stride]
    longest = max(b - a for _, _, a, b in pieces)
    n = len(data.coordinates)
    steps, weight = np.zeros((longest, len(pieces))), np.zeros((longest + 1, len(pieces)))
    q, state = np.zeros((longest + 1, len(pieces), n)), np.zeros((len(pieces), 2 * n))
    start = np.zeros(len(pieces))
    force, slope = np.zeros_like(q), np.zeros_like(q)
    for w, (raw, even, a, b) in enumerate(pieces):
        steps[: b - a, w] = np.diff(raw.t[a : b + 1])
        weight[: b - a + 1, w] = 1
        q[: b - a + 1, w] = raw.q[a : b + 1]
        if raw.force_spline is not None:
            force[: b - a + 1, w] = raw.force_spline(raw.t[a : b + 1])
            slope[: b - a + 1, w] = raw.force_spline(raw.t[a : b + 1], 1)
        assert even.v is not None
        velocity = [np.interp(raw.t[a], even.t, v) for v in even.v.T]
        position = [np.interp(raw.t[a], even.t, x) for x in even.q.T]
        state[w], start[w] = [*position, *velocity], raw.t[a]
    return Windows(start, steps, q, weight, state, (force, slope) if data.has_forces else None)
