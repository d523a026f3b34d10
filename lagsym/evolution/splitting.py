"""Splitting: a symplectic method for densities whose forces depend on the fields alone.

The frame drifts by itself, exactly; between drifts what is left of the density kicks the rates. Both are motions of a
Lagrangian system, so that the energy does not drift however long the motion is. The kicks and drifts are composed to
order eight, with steps that are halved until half of them would change nothing and the energy stays.

Source: Hairer, Lubich and Wanner, Geometric Numerical Integration, 2nd ed. (2006), V.3.2: the composition in fifteen
stages of Suzuki and Umeno (1993) and McLachlan (1995).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from lagsym.evolution.frames import Turns

_HALF = (
    0.74167036435061295344822780,
    -0.40910082580003159399730010,
    0.19075471029623837995387626,
    -0.57386247111608226665638773,
    0.29906418130365592384446354,
    0.33462491824529818378495798,
    0.31529309239676659663205666,
)
STAGES = (*_HALF, 1 - 2 * math.fsum(_HALF), *_HALF[::-1])
"""Shares of a step: of each, a drift of half of it, the kick, and the other half of the drift."""
PILOT = 16
"""Times between two snapshots over which the length of a step is chosen."""
GAIN = 2.0**7
"""By how much half the step lowers the error, at least."""
KEPT = 100.0
"""How much of its size the energy may change, in tolerances."""
ROUNDING = 1e-9
"""Relative difference of times that counts as none."""


def take_turns(
    turns: Turns,
    start: np.ndarray,
    times: Float[np.ndarray, " times"],
    *,
    tolerance: float,
    energy: Callable[[float, np.ndarray], tuple[np.ndarray, np.ndarray]],
    most: int,
) -> Float[np.ndarray, "times *state"] | None:
    """States at the times, or None where so many kicks do not suffice.

    Arguments:
        turns: the drifts and kicks.
        start: the state at the first time.
        times: increasing.
        tolerance: of a state, relative to the size of the first.
        energy: of each run in a state at a time: the sum over space, and the sum of its absolute values.
        most: kicks at most.
    """
    step = _step(turns, start, times, tolerance, most)
    while step is not None and _kicks(times, step) <= most:
        states = _composed(turns, start, times, step)
        if states is None:
            return None
        energies = [energy(float(t), state) for t, state in zip(times, states, strict=True)]
        before, size = energies[0]
        least = np.maximum(size, np.finfo(float).tiny)
        change = max(float(np.max(np.abs(after - before) / least)) for after, _ in energies)
        if change <= KEPT * tolerance:
            return states
        step = step / 2 if change < GAIN * KEPT * tolerance else None
    return None


def _step(turns: Turns, start: np.ndarray, times: np.ndarray, tolerance: float, most: int) -> float | None:
    """A step of which the half gives the same over the first times; None where it would have to be too short."""
    scale, longest = float(np.abs(start).max()) or 1.0, float(np.diff(times).max())
    pilot = np.array([times[0], min(times[-1], times[0] + PILOT * longest)])
    step = min(2 * longest, float(np.ptp(times)))
    coarse, before = _composed(turns, start, pilot, step), np.inf
    while _kicks(times, step) <= most:
        fine = _composed(turns, start, pilot, step / 2)
        change = np.inf if coarse is None or fine is None else float(np.abs(fine - coarse).max())
        if change < GAIN * tolerance * scale:
            return step / 2
        if step < longest / 2 and not change < before / 2:
            return None
        coarse, step, before = fine, step / 2, change
    return None


def _kicks(times: np.ndarray, step: float) -> int:
    return len(STAGES) * int(_steps(np.diff(times), step).sum())


def _steps(length: np.ndarray, step: float) -> np.ndarray:
    """Equal steps, of no more than that length, between two times."""
    return np.ceil(length / step * (1 - ROUNDING))


def _composed(turns: Turns, start: np.ndarray, times: np.ndarray, step: float) -> np.ndarray | None:
    """States at the times; None where they run away."""
    states = [start]
    for begin, length in zip(times[:-1], np.diff(times), strict=True):
        steps = int(_steps(length, step))
        t, state = float(begin), states[-1]
        with np.errstate(all="ignore"):
            for share in STAGES * steps:
                part = share * length / steps
                state = turns.drift(state, part / 2)
                state = turns.drift(state + part * turns.kick(t + part / 2, state), part / 2)
                t += part
        if not np.isfinite(state).all():
            return None
        states.append(state)
    return np.array(states)
