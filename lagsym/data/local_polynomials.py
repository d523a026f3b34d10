"""Local polynomials, on any sampling: a signal smoothed, its derivatives, and the noise that they leave.

A window is as short as the noise allows: half the largest window whose residual still looks like noise.  The weak form
and the refinement forgive noise but not bias.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.ndimage import uniform_filter1d
from scipy.signal import savgol_coeffs, savgol_filter
from scipy.stats import norm

DEGREE = 5
WINDOWS = (7, 9, 13, 17, 21, 25, 31, 41, 51, 61, 81, 101, 131, 161, 201, 251, 321)
EVEN = 1e-6
"""Steps that differ by less than this fraction count as even."""
NOISE_FACTOR = 1.15
"""How far the residual may exceed the noise before it stops looking like noise."""
CHANCE = 4.0
"""The same for short records, in standard errors of one residual relative to another: one over the samples' root."""
NOISE_WINDOWS = WINDOWS[:5]
"""Windows that the noise is measured in."""
MORE = 1.5
"""Standard errors by which a longer window may leave more than a shorter one, by chance."""
FAR = 2.5
"""Residuals beyond so many standard deviations are hardly noise: those of motion that is faster than the samples."""
LEAST_FREE = 0.1
"""Share of a sample's noise that has to be left for it to tell anything of the noise."""
MEDIAN = float(norm.ppf(0.75) ** 2)
"""Median of the squares of normal numbers of unit variance."""
NEAR = float(1 - 2 * FAR * norm.pdf(FAR) + 2 * (FAR**2 - 1) * norm.sf(FAR))
"""Mean of the same, where none counts as further out than `FAR`."""


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
    left, free = _left(t, y, window)
    return left / np.sqrt(np.maximum(free, 0.05))


def _left(t: np.ndarray, y: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray]:
    """What a polynomial leaves at the samples that have a whole window around them, and its share of their noise.

    The share is of the variance: next to nothing where a sample that stands alone decides the polynomial.
    """
    degree, half = min(DEGREE, window - 2), window // 2
    if is_even(t) and window % 2 and len(t) > 2 * window:
        weights = savgol_coeffs(window, degree)
        left = y[half:-half] - np.convolve(y, weights, "valid")
        return left, np.full(left.shape, 1 - weights[half])
    inner = slice(half, len(t) - half) if len(t) > 2 * window else slice(None)
    rows = np.arange(len(t))[inner]
    own = _weights(t, window, degree, t[inner])[0, np.arange(len(rows)), rows - _starts(t, window, t[inner])]
    return (y - local_polynomial(t, y, window, t).value)[inner], 1 - own


def noise_level(
    curves: Sequence[tuple[Float[np.ndarray, " samples"], Float[np.ndarray, "samples coordinates"]]],
) -> Float[np.ndarray, " coordinates"]:
    """Standard deviation of what local polynomials cannot follow, for each coordinate, in its units.

    Short windows follow any motion but leave few independent values; longer ones count as long as they leave no more.

    Arguments:
        curves: times and positions of every unbroken stretch.
    """
    usual = int(np.median([len(t) for t, _ in curves]))
    levels = np.array([_level(curves, window) for window in NOISE_WINDOWS if window <= max(usual // 2, WINDOWS[0])])
    chance = 1 / np.sqrt(2 * sum(len(t) for t, _ in curves) * _freedom(np.array(NOISE_WINDOWS[: len(levels)])))
    found = levels[0].copy()
    alike = np.ones(found.shape, bool)
    for k in range(1, len(levels)):
        alike &= levels[k] < np.minimum(levels[k - 1] * (1 + MORE * chance[k - 1]), levels[0] * (1 + MORE * chance[0]))
        found[alike] = levels[k, alike]
    return found


def _level(curves: Sequence[tuple[np.ndarray, np.ndarray]], window: int) -> np.ndarray:
    """Root mean square of the residuals of a window; what is far out counts as no further than noise goes."""
    parts = [[_left(t, y, min(window, len(t))) for y in q.T] for t, q in curves]
    free = np.concatenate([part[0][1] for part in parts])
    left = np.concatenate([np.stack([left for left, _ in part], axis=1) for part in parts])
    left = left[free > LEAST_FREE] ** 2 / free[free > LEAST_FREE, None]
    squares = np.median(left, axis=0) / MEDIAN
    squares = np.where(squares > 0, squares, np.mean(left, axis=0))
    for _ in range(3):
        squares = np.mean(np.minimum(left, FAR**2 * squares), axis=0) / NEAR
    return np.sqrt(squares)


def _freedom(window: np.ndarray) -> np.ndarray:
    """The share of independent values that a polynomial leaves of a window."""
    return 1 - np.minimum(DEGREE + 1, window - 1) / window
