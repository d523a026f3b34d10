"""Linear algebra of refitting constants: least squares, directions that change nothing, and the metric of errors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

NULL_DIRECTION = 1e-8
"""Relative singular value below which a direction of the constants changes nothing."""
EXACT_CONSTANT = 1e-9
"""Relative standard error given to constants whose variance is zero."""

Vector = Float[np.ndarray, " k"]


def inverse_sizes(target: np.ndarray) -> np.ndarray:
    """One over the size of each column, of shape (n,), so that light coordinates count as much as heavy ones."""
    size = np.sqrt(np.mean(target**2, axis=0))
    largest = size.max(initial=0.0)
    return 1.0 / np.maximum(size, 1e-12 * largest if largest > 0 else 1.0)


def relative(remainder: np.ndarray, whole: np.ndarray) -> float:
    """Size of a remainder relative to the whole, at most 1; 1 where there is no whole or no number."""
    size, total = np.linalg.norm(remainder), np.linalg.norm(whole)
    return float(min(size / total, 1.0)) if total > 0 and np.isfinite(size) else 1.0


def unspanned(columns: np.ndarray, vector: np.ndarray) -> float:
    """Relative part of a vector that the columns do not span."""
    if not columns.size:
        return 1.0
    solution, *_ = np.linalg.lstsq(columns, vector, rcond=None)
    return float(np.linalg.norm(vector - columns @ solution) / max(np.linalg.norm(vector), 1e-300))


def gauss_newton(
    remainder: Callable[[Vector], np.ndarray], jacobian: Callable[[Vector], np.ndarray], start: Vector
) -> np.ndarray:
    """Least squares from `start`, by the shortest steps; exact after one where the remainder is linear."""
    z, value = start, remainder(start)
    for _ in range(50):
        slopes = jacobian(z)
        if not (np.isfinite(slopes).all() and np.isfinite(value).all()):
            break
        units = np.where(start != 0, np.abs(start), 1.0)
        step = -units * np.linalg.lstsq(slopes * units, value, rcond=1e-13)[0]
        for _ in range(30):
            trial = remainder(z + step)
            if np.linalg.norm(trial) < np.linalg.norm(value):  # false where a trial is not a number
                break
            step = step / 2
        else:
            break
        z, value = z + step, trial
    return z


def null_space(slopes: np.ndarray, typical: np.ndarray) -> np.ndarray:
    """Directions in which nothing changes, of shape (k, d)."""
    if not slopes.size or not np.isfinite(slopes).all():
        return np.zeros((slopes.shape[1], 0))
    units = np.where(typical != 0, np.abs(typical), 1.0)
    _, singular, directions = np.linalg.svd(slopes * units, full_matrices=True)
    padded = np.zeros(len(directions))
    padded[: len(singular)] = singular
    return (directions[padded <= NULL_DIRECTION * max(padded.max(), 1e-300)] * units).T


def whitening(covariance: np.ndarray | None, constants: np.ndarray) -> np.ndarray:
    """A matrix that turns deviations of the constants into standard errors (or into shares of the constants)."""
    units = np.where(constants != 0, np.abs(constants), 1.0)
    if covariance is None:
        return np.diag(1.0 / units)
    relative = covariance / np.outer(units, units) + EXACT_CONSTANT**2 * np.eye(len(units))
    values, vectors = np.linalg.eigh(relative)
    return (vectors / np.sqrt(np.maximum(values, EXACT_CONSTANT**2))).T / units
