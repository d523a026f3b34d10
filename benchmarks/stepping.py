"""Rolling out graph models: the classical Runge-Kutta method with a fixed step, the same for all of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Acceleration = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Accelerations of positions and velocities (N, D)."""


def roll_out(
    acceleration: Acceleration, q: np.ndarray, v: np.ndarray, step: float, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Positions and velocities (steps + 1, N, D); not a number from where the motion leaves the range of numbers."""
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
