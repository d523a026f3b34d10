"""Rolling out graph models, all of one benchmark by the same method: with a fixed step, or to a fixed tolerance."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from scipy.integrate import solve_ivp

TOLERANCE = 1e-11
MOST_EVALUATIONS = 40_000
Acceleration = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Accelerations of positions and velocities (N, D)."""


def roll_out(
    acceleration: Acceleration, q: np.ndarray, v: np.ndarray, step: float, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Positions and velocities (steps + 1, N, D), by the classical Runge-Kutta method.

    They are not numbers from where the motion leaves the range of numbers.
    """
    states = np.full((steps + 1, 2, *q.shape), np.nan)
    states[0] = state = np.stack([q, v])

    def rate(state: np.ndarray) -> np.ndarray:
        return np.stack([state[1], acceleration(*state)])

    with np.errstate(all="ignore"):
        for k in range(steps):
            first = rate(state)
            second = rate(state + step / 2 * first)
            third = rate(state + step / 2 * second)
            fourth = rate(state + step * third)
            state = state + step / 6 * (first + 2 * second + 2 * third + fourth)
            if not np.isfinite(state).all() or np.abs(state).max() > 1e6:
                break
            states[k + 1] = state
    return states[:, 0], states[:, 1]


def follow(
    acceleration: Acceleration, q: np.ndarray, v: np.ndarray, times: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Positions and velocities (times, N, D), by DOP853, for bodies that may come close.

    They are not numbers from where the motion cannot be followed.
    """
    states = np.full((len(times), 2, *q.shape), np.nan)
    left = MOST_EVALUATIONS

    def rate(t: float, flat: np.ndarray) -> np.ndarray:
        nonlocal left
        left -= 1
        state = flat.reshape(2, *q.shape)
        change = np.concatenate([state[1].ravel(), acceleration(*state).ravel()])
        if left < 0 or not np.isfinite(change).all():
            raise _LostError(t)
        return change

    start = np.concatenate([q.ravel(), v.ravel()])
    states[0] = start.reshape(states.shape[1:])
    for k, (begin, end) in enumerate(itertools.pairwise(times), start=1):
        try:
            found = solve_ivp(rate, (begin, end), states[k - 1].ravel(), "DOP853", rtol=TOLERANCE, atol=TOLERANCE)
        except _LostError:
            break
        if not found.success:
            break
        states[k] = found.y[:, -1].reshape(states.shape[1:])
    return states[:, 0], states[:, 1]


class _LostError(Exception):
    """The motion cannot be followed any further."""
