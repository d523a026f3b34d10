"""Motion by any law, integrated alike for true equations and networks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy.integrate import solve_ivp

from lagsym.neural import NetworkLagrangian
from lagsym.neural.baselines import AccelerationNetwork

TOLERANCE = 1e-10
RUNAWAY = 100.0
"""A motion whose speed has reached this many times the largest at the start, or this if they rest, is held there."""
Acceleration = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From positions and velocities (starts, n)."""


def learned(model: NetworkLagrangian | AccelerationNetwork, parameters: np.ndarray | None = None) -> Acceleration:
    """A network's accelerations, in double precision, for parameters (starts, k)."""
    model, given = model.converted(torch.float64), None if parameters is None else torch.from_numpy(parameters)

    def acceleration(q: np.ndarray, v: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return model.acceleration(torch.from_numpy(q), torch.from_numpy(v), parameters=given).numpy()

    return acceleration


def follow(
    acceleration: Acceleration, q: np.ndarray, v: np.ndarray, times: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Positions and velocities (times, starts, n) from those at times[0]; None where the integration failed.

    Dormand and Prince's method of order 8 with a relative tolerance of 1e-10, all starts together. A motion that runs
    away is held where it is, lest it keep all others waiting.
    """
    shape, limit = (2, *q.shape), RUNAWAY * max(1.0, float(np.abs(v).max()))

    def rate(_: float, state: np.ndarray) -> np.ndarray:
        positions, velocities = state.reshape(shape)
        held = (np.abs(velocities) > limit).any(axis=1, keepdims=True)
        slopes = velocities, acceleration(positions, velocities)
        return np.concatenate([np.where(held, 0.0, slope).ravel() for slope in slopes])

    start = np.concatenate([q.ravel(), v.ravel()])
    with np.errstate(all="ignore"):
        solution = solve_ivp(rate, (times[0], times[-1]), start, "DOP853", times, rtol=TOLERANCE, atol=TOLERANCE)
    if not solution.success or not np.isfinite(solution.y).all():
        return None
    motion = np.moveaxis(solution.y.reshape(*shape, len(times)), -1, 1)
    return motion[0], motion[1]
