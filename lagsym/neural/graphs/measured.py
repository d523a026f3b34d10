"""Measured motion: what noisy positions say of accelerations, without a second derivative."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from lagsym.data.derivatives import differentiate
from lagsym.data.jets import Jets
from lagsym.data.local_polynomials import WINDOWS, local_polynomial
from lagsym.data.trajectories import Segment, Trajectories
from lagsym.data.weak import FEWEST_SAMPLES, place_test_functions
from lagsym.errors import DataError
from lagsym.neural.graphs.averages import Averages
from lagsym.neural.graphs.layout import States, layout, states

QUIET = 0.05
"""Windows are widened until noise makes up less than this fraction of their averages, or records end."""
SUDDEN = 8.0
"""A sudden turn is where a coordinate is off a local polynomial by this many times its median misfit."""
SHORTEST = 2 * FEWEST_SAMPLES + 1
"""Samples under the narrowest window, its ends included."""

Data = Trajectories | Jets | States | Averages
"""Motion: trajectories, jets, or q, v and a of shape (S, N, D), or averages."""


def observed(data: Data, columns: Int[np.ndarray, "nodes components"] | None = None) -> Averages:
    """What a motion says of accelerations: these themselves where they are given, else averages over windows.

    Arguments:
        data: motion; trajectories without accelerations are taken as measured, with noise on their positions.
        columns: as of `lagsym.neural.graphs.states`.

    Raises:
        DataError: velocities or accelerations of jets are missing or not finite, or as `average_accelerations`.
        InputError: as `lagsym.neural.graphs.states`.
    """
    if isinstance(data, Averages):
        return data
    if isinstance(data, tuple):
        return Averages.of_states(data)
    if isinstance(data, Trajectories) and any(segment.a is None for segment in data.segments):
        return average_accelerations(data, columns)
    return Averages.of_states(states(data, columns))


def average_accelerations(data: Trajectories, columns: Int[np.ndarray, "nodes components"] | None = None) -> Averages:
    """Averages of the accelerations of measured trajectories over windows, without a second derivative.

        a_w = ∫ φ a dt = −∫ φ' v dt,   φ = (1 − u²)⁶

    Windows are as narrow as noise allows: what is left of it falls as their width to the power of five halves, where
    accelerations of smoothed positions may be nothing but noise.  None holds a sudden turn, see `without_sudden_turns`.

    Arguments:
        data: measured trajectories, on any sampling.
        columns: as of `lagsym.neural.graphs.states`.

    Raises:
        DataError: no record, or too little between sudden turns, is as long as the narrowest window.
        InputError: as `lagsym.neural.graphs.states`.

    Source: Messenger and Bortz (2021), Weak SINDy, Multiscale Modeling & Simulation 19(3), for the weak form.
    """
    columns = layout(data.coordinates) if columns is None else columns
    smooth = differentiate(without_sudden_turns(data))
    widest = (int(np.median([len(segment) for segment in smooth.segments])) - 1) // 2
    noise = float(np.sqrt(np.mean(data.noise**2)))
    halves = range(FEWEST_SAMPLES, widest + 1, FEWEST_SAMPLES)
    tried = (_Windows.of(smooth, half) for half in halves)
    windows = next((one for one in tried if one.noise_share(noise) <= QUIET), _Windows.of(smooth, halves[-1]))
    jets = smooth.jets()
    acceleration = windows.acceleration[:, columns]
    whole = Averages(jets.q[:, columns], jets.v[:, columns], windows.index, windows.value, acceleration)
    return whole.take(np.arange(len(whole)))


def without_sudden_turns(data: Trajectories) -> Trajectories:
    """The stretches of measured trajectories whose samples lie close enough to follow the motion.

    A close encounter that is over within a few samples leaves positions that no local polynomial follows.  Samples are
    left out that are off it by many times what is usual, where that matters: where the misfit is no small part of an
    average acceleration over the narrowest window.

    Arguments:
        data: measured trajectories.

    Raises:
        DataError: no stretch is as long as the narrowest window.
    """
    records = [segment for segment in data.segments if len(segment) >= SHORTEST]
    pieces: list[Segment] = []
    if records:
        windows = _Windows.of(differentiate(data.with_segments(records)), FEWEST_SAMPLES)
        misfits = [_misfit(segment) for segment in records]
        usual = np.median(np.concatenate(misfits), axis=0)
        limit = np.maximum(SUDDEN * usual, QUIET * windows.size / windows.gain)
        pieces = [piece for own in zip(records, misfits, strict=True) for piece in _between(*own, limit)]
    if not pieces:
        msg = (
            f"expected records of at least {SHORTEST} samples without a sudden turn; there is none: measure for "
            "longer or, where bodies come close, more often"
        )
        raise DataError(msg)
    return data.with_segments(pieces)


def _misfit(segment: Segment) -> Float[np.ndarray, "samples coordinates"]:
    """The distance of samples from the shortest local polynomial."""
    smooth = [local_polynomial(segment.t, own, WINDOWS[0], segment.t).value for own in segment.q.T]
    return np.abs(segment.q - np.stack(smooth, 1))


def _between(segment: Segment, misfit: np.ndarray, limit: np.ndarray) -> Iterator[Segment]:
    """The stretches of a segment between samples with a coordinate whose misfit is above its limit."""
    lost = np.flatnonzero((misfit > limit).any(1))
    if not len(lost):
        yield segment
        return
    starts, stops = np.append(-1, lost) + 1, np.append(lost, len(segment))
    for start, stop in zip(starts, stops, strict=True):
        if stop - start >= SHORTEST:
            end = float(segment.t[stop]) if stop < len(segment) else np.inf
            yield segment.between(float(segment.t[start]), end)


@dataclass(frozen=True)
class _Windows:
    """Windows on smoothed trajectories.

    Arguments:
        index: samples that a network is asked for.
        value: their weights.
        acceleration: averages, by coordinate.
        gain: the size of an average of white noise of size one.
    """

    index: Int[np.ndarray, "windows group"]
    value: Float[np.ndarray, "windows group"]
    acceleration: Float[np.ndarray, "windows coordinates"]
    gain: float

    @classmethod
    def of(cls, smooth: Trajectories, half: int) -> _Windows:
        """Windows of `half` samples to either side of their middle; records that are shorter have none."""
        parts: list[_Windows] = []
        start = 0
        for segment in smooth.segments:
            if len(segment) > 2 * half:
                parts.append(cls._of_record(smooth.with_segments([segment]), half, start))
            start += len(segment)
        names = ("index", "value", "acceleration")
        index, value, acceleration = (np.concatenate([getattr(part, name) for part in parts]) for name in names)
        return cls(index, value, acceleration, max(part.gain for part in parts))

    @classmethod
    def _of_record(cls, record: Trajectories, half: int, start: int) -> _Windows:
        (segment,) = record.segments
        assert segment.v is not None  # smoothed motion has velocities
        step = (segment.t[-1] - segment.t[0]) / (len(segment) - 1)
        functions = place_test_functions(record, width=half * step)
        (value,), (slope,) = functions.values, functions.slopes
        # As many samples under a function as a quadrature needs are enough to ask a network for.
        near = half // FEWEST_SAMPLES * np.arange(1 - FEWEST_SAMPLES, FEWEST_SAMPLES)
        index = value.argmax(1)[:, None] + near
        weights = np.take_along_axis(value, index, 1)
        gain = float(np.linalg.norm(np.gradient(slope[0]))) / step
        return cls(start + index, weights / weights.sum(1, keepdims=True), -slope @ segment.v, gain)

    @property
    def size(self) -> float:
        """The usual size of an average."""
        return float(np.sqrt(np.median(np.mean(self.acceleration**2, axis=1))))

    def noise_share(self, noise: float) -> float:
        """What noise of that size adds to averages, relative to them."""
        return self.gain * noise / self.size if self.size else 0.0
