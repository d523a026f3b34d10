"""Smoothing and differentiation by local polynomials, on any sampling.

A window is as short as the noise allows: half the largest window whose residual still looks like noise.  The weak form
and the refinement forgive noise but not bias.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.ndimage import uniform_filter1d
from scipy.signal import savgol_coeffs, savgol_filter

from lagsym.data.trajectories import Segment, Trajectories

DEGREE = 5
WINDOWS = (7, 9, 13, 17, 21, 25, 31, 41, 51, 61, 81, 101, 131, 161, 201, 251, 321)
EVEN = 1e-6
"""Steps that differ by less than this fraction count as even."""
NOISE_FACTOR = 1.15
"""How far the residual may exceed the noise before it stops looking like noise."""
CHANCE = 4.0
"""The same for short records, in standard errors of one residual relative to another: one over the samples' root."""


@dataclass(frozen=True)
class LocalFit:
    """A smoothed signal with its derivatives at the times asked for."""

    value: Float[np.ndarray, " times"]
    first: Float[np.ndarray, " times"]
    second: Float[np.ndarray, " times"]


def local_polynomial(
    t: Float[np.ndarray, " samples"], y: Float[np.ndarray, " samples"], window: int, at: Float[np.ndarray, " times"]
) -> LocalFit:
    """Fit a polynomial of degree five to the `window` samples nearest to each time (Savitzky–Golay on any sampling).

    Arguments:
        t: times of the samples, increasing.
        y: samples.
        window: samples in each fit; fewer where there are not as many.
        at: times of the result, within the range of t.
    """
    window = min(window, len(t))
    degree = min(DEGREE, window - 2)
    if is_even(t) and np.array_equal(at, t) and window % 2:
        step = (t[-1] - t[0]) / (len(t) - 1)
        return LocalFit(*(np.asarray(savgol_filter(y, window, degree, deriv=k, delta=step)) for k in range(3)))
    weights = _weights(t, window, degree, at)
    start = _starts(t, window, at)
    neighbours = y[start[:, None] + np.arange(window)]
    centre = neighbours.mean(axis=1, keepdims=True)
    value, first, second = np.einsum("ktw,tw->kt", weights, neighbours - centre)
    return LocalFit(value + centre[:, 0], first, second)


def is_even(t: Float[np.ndarray, " samples"]) -> bool:
    """Whether all steps are equal, but for rounding."""
    return len(t) > 1 and bool(np.ptp(np.diff(t)) < EVEN * (t[-1] - t[0]) / (len(t) - 1))


def _starts(t: np.ndarray, window: int, at: np.ndarray) -> np.ndarray:
    middle = np.searchsorted(t, at - 1e-9 * (t[-1] - t[0]))
    return np.clip(middle - window // 2, 0, len(t) - window)


def _weights(t: np.ndarray, window: int, degree: int, at: np.ndarray) -> np.ndarray:
    """Weights of value, first and second derivative, of shape (3, times, window)."""
    start = _starts(t, window, at)
    offset = t[start[:, None] + np.arange(window)] - at[:, None]
    width = np.abs(offset).max(axis=1, keepdims=True)
    powers = (offset / width)[..., None] ** np.arange(degree + 1)
    inverse = np.linalg.pinv(powers)
    scale = np.stack([np.ones_like(width), 1 / width, 2 / width**2])
    return inverse[:, :3].transpose(1, 0, 2) * scale


def choose_window(t: Float[np.ndarray, " samples"], y: Float[np.ndarray, " samples"]) -> int:
    """Half the largest window whose residual, overall and locally, still looks like noise."""
    usable = [window for window in WINDOWS if window <= len(t) // 2]
    if not usable:
        return min(WINDOWS[0], len(t))
    noise = _residual(t, y, usable[0])
    level = float(np.sqrt(np.mean(noise**2)))
    most = level * max(NOISE_FACTOR, 1 + CHANCE / np.sqrt(len(t)))
    best = usable[0]
    for window in usable[1:]:
        residual = _residual(t, y, window)
        local = np.sqrt(
            np.maximum(uniform_filter1d(residual**2, min(51, len(t))), 0.0)
        )  # a running sum may end below zero
        if np.sqrt(np.mean(residual**2)) > most or local.max() > 2 * max(level, _local_level(noise)):
            break
        best = window
    return max(WINDOWS[0], best // 2 | 1)


def _local_level(noise: np.ndarray) -> float:
    return float(np.sqrt(uniform_filter1d(noise**2, min(51, len(noise))).max())) / 1.5


def _residual(t: np.ndarray, y: np.ndarray, window: int) -> np.ndarray:
    """Residual at the samples that have a whole window around them, scaled so that white noise keeps its size."""
    degree, half = min(DEGREE, window - 2), window // 2
    if is_even(t) and window % 2 and len(t) > 2 * window:
        weights = savgol_coeffs(window, degree)
        return (y[half:-half] - np.convolve(y, weights, "valid")) / np.sqrt(max(1 - weights[half], 0.05))
    inner = slice(half, len(t) - half) if len(t) > 2 * window else slice(None)
    rows = np.arange(len(t))[inner]
    own = _weights(t, window, degree, t[inner])[0, np.arange(len(rows)), rows - _starts(t, window, t[inner])]
    return (y - local_polynomial(t, y, window, t).value)[inner] / np.sqrt(np.maximum(1 - own, 0.05))


def noise_level(trajectories: Trajectories) -> Float[np.ndarray, " coordinates"]:
    """Standard deviation of what a local polynomial cannot follow, for each coordinate, in its units."""
    squares = []
    for segment in trajectories.segments:
        window = min(WINDOWS[0], len(segment))
        squares.append(np.array([_residual(segment.t, y, window) for y in segment.q.T]).T ** 2)
    return np.sqrt(np.median(np.concatenate(squares), axis=0) / 0.455)


def differentiate(trajectories: Trajectories) -> Trajectories:
    """Smoothed positions, velocities and accelerations on an even grid in every segment.

    Where velocities were measured, the accelerations are their derivatives; where they were not, both come from the
    positions.  Measured accelerations are kept only in so far as they agree: they are not used at all, because those
    in circulation are mostly smoothed derivatives with a bias of their own.

    Arguments:
        trajectories: measured motion; left as it is.

    Returns:
        The same coordinates with segments that hold t, q, v and a, evenly sampled within each segment.
    """
    return trajectories.with_segments([_differentiate(segment) for segment in trajectories.segments])


def _differentiate(segment: Segment) -> Segment:
    t = segment.t
    at = t if is_even(t) else np.linspace(t[0], t[-1], len(t))
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for i in range(segment.q.shape[1]):
        position = local_polynomial(t, segment.q[:, i], choose_window(t, segment.q[:, i]), at)
        if segment.v is None:
            parts.append((position.value, position.first, position.second))
        else:
            velocity = local_polynomial(t, segment.v[:, i], choose_window(t, segment.v[:, i]), at)
            parts.append((position.value, velocity.value, velocity.first))
    q, v, a = (np.stack(part, axis=1) for part in zip(*parts, strict=True))
    force = None if segment.force_spline is None else segment.force_spline(at)
    return replace(segment, t=at, q=q, v=v, a=a, force=force)


def velocity_bias(trajectories: Trajectories) -> Float[np.ndarray, " coordinates"]:
    """By what factor measured velocities exceed the slopes of the positions, for each coordinate; one where they agree.

    Velocities that were derived by smoothing are too small.  Noise cannot feign this: a regression of either on the
    other is only ever flattened by it, so that a slope above one in either direction is real.
    """
    measured, derived = [], []
    for segment in trajectories.segments:
        if segment.v is not None:
            measured.append(segment.v)
            columns = (
                local_polynomial(segment.t, q, choose_window(segment.t, q), segment.t).first for q in segment.q.T
            )
            derived.append(np.stack(list(columns), axis=1))
    if not measured:
        return np.ones(len(trajectories.coordinates))
    v, slope = np.concatenate(measured), np.concatenate(derived)
    product = np.sum(v * slope, axis=0)
    too_small = product / np.maximum(np.sum(v**2, axis=0), 1e-300)
    too_large = product / np.maximum(np.sum(slope**2, axis=0), 1e-300)
    return np.where(too_small > 1, 1 / np.maximum(too_small, 1), np.where(too_large > 1, too_large, 1.0))
