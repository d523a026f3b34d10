"""Refinement: the constants of a found law fitted to the measured positions by multiple shooting, with errors.

Each window of data gets its own starting state; the law carries it through the window; constants and starting states
together minimise the misfit of the positions.  The starting states are eliminated (Schur complement), so the cost
grows only linearly with the number of windows.

Source: Bock, "Recent advances in parameteridentification techniques for O.D.E.", 1983 (multiple shooting).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp
from jaxtyping import Float

from lagsym.data.trajectories import Trajectories
from lagsym.distillation.fitting.shooting import NOT_INTEGRABLE, Refined, Shooting
from lagsym.distillation.fitting.windows import LARGEST_SAMPLES, cut
from lagsym.errors import InputError
from lagsym.mechanics.dynamics.numeric import compile_mechanics
from lagsym.mechanics.jetspace import JetSpace

FIRST_WINDOW, LONGEST_WINDOW = 0.4, 1.6
"""Lengths of the windows in characteristic times: where the fit begins, and where it stops growing."""
GROWTH_LIMIT = 2.0
"""Longer windows are refused when they raise the residual by more than this factor: the law, or chaos, is too much."""
GROWTH, LAST_GROWTH = 2.0, 2**0.5
"""Factors by which windows grow, and by which they do in the end where the usual one was too much."""
HOPELESS = 20.0
"""A misfit so many times that over shorter windows, with the constants found there, does not come down to it."""
PRECISE = 1e-6
"""Relative standard errors below this are not improved upon by longer windows."""

LEAST_NOISE = 1e-6
"""Of positions, relative to their spread: what is less is rounding and the method of integration."""


@dataclass(frozen=True)
class Growth:
    """How windows grow while the law holds.

    Arguments:
        first: length of time to begin with, where the initial constants are known to be good; a short one without it.
        longest: length at which they stop growing, in characteristic times.
        samples: that are used, beyond which windows are left out.
        most: residual over the noise, on average over the coordinates, from which on they grow no more.
    """

    first: float | None = None
    longest: float = LONGEST_WINDOW
    samples: int = LARGEST_SAMPLES
    most: float = np.inf


USUAL = Growth()


def refine(
    lagrangian: sp.Expr,
    constants: Sequence[sp.Symbol],
    initial: Float[np.ndarray, " constants"],
    data: Trajectories,
    smooth: Trajectories,
    *,
    dissipation: sp.Expr | int = 0,
    growth: Growth = USUAL,
) -> Refined:
    """Fit constants to the positions in `data` by multiple shooting with windows that grow while the law holds.

    Arguments:
        lagrangian: the law, with the constants as symbols; one coefficient must be a number, which sets the scale.
        constants: the symbols, those of the dissipation included.
        initial: where to begin, within some 20 per cent.
        data: measured trajectories, not smoothed.
        smooth: the same, differentiated: the windows' first states and the characteristic time are read off them.
        dissipation: the Rayleigh function.
        growth: of the windows.

    Raises:
        InputError: the law cannot be integrated with the initial constants.
    """
    space = JetSpace(data.coordinates)
    mechanics = compile_mechanics(lagrangian, space, dissipation=dissipation, constants=tuple(constants))
    time = smooth.characteristic_time
    scale = np.maximum(data.noise, 1e-10 * np.concatenate([s.q for s in data.segments]).std(axis=0))
    scale, noise = np.where(scale > 0, scale, 1.0), noise_of(data)
    best: Refined | None = None
    values = np.asarray(initial, float)
    length = FIRST_WINDOW * time if growth.first is None else min(growth.first, growth.longest * time)
    factor = GROWTH
    while length <= growth.longest * time * (1 + 1e-9):
        windows = cut(data, smooth, length, most=growth.samples)
        result = _fitted(Shooting(mechanics, windows, scale, len(values)), values, length, best, noise)
        if result is None:
            if best is None or factor == LAST_GROWTH:
                break
            length, factor = best.window * LAST_GROWTH, LAST_GROWTH
            continue
        # Residuals per coordinate, found in one round, are the weights of the next.
        best, values = result, result.values
        scale = np.maximum(result.residual, 1e-3 * scale)
        length *= factor
        settled = np.all(result.standard_errors < PRECISE * np.abs(values))
        left = np.exp(np.mean(np.log(np.maximum(result.residual / noise, 1))))
        if factor == LAST_GROWTH or settled or left > growth.most:
            break
    if best is None or not np.isfinite(best.values).all():
        raise InputError(NOT_INTEGRABLE)
    return best


def noise_of(data: Trajectories) -> Float[np.ndarray, " coordinates"]:
    """What a law may leave of each coordinate: the noise, or rounding where there is none."""
    positions = np.concatenate([segment.q for segment in data.segments])
    noise = np.maximum(data.noise, LEAST_NOISE * positions.std(axis=0))
    return np.maximum(noise, np.finfo(float).tiny)


def _fitted(
    shooting: Shooting, values: np.ndarray, length: float, before: Refined | None, noise: np.ndarray
) -> Refined | None:
    """The fit to windows of a length; None where the law, which may have held over shorter ones, does not hold."""
    try:
        result = shooting.fit(values, length, limit=np.inf if before is None else HOPELESS, noise=noise)
    except InputError:
        return None
    if before is not None and np.any(result.residual > GROWTH_LIMIT * before.residual + 1e-9 * shooting.scale):
        return None
    return result
