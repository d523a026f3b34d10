"""Smoothing by marginal likelihood: how strongly the roughness of a spline has to be held down."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.interpolate import BSpline
from scipy.optimize import minimize_scalar

DEGREE = 3
ROUGHNESS = 2
"""Order of the differences between coefficients that are held down."""
LOWEST, HIGHEST = -40.0, 20.0
"""Natural logarithms of the weights that are tried, in units of the Jacobian's own scale."""
GRID = 31


def knots(length: float, count: int) -> Float[np.ndarray, " knots"]:
    """Knots on [0, length] of `count` cubic B-splines."""
    inner = np.linspace(0, length, count - DEGREE + 1)
    return np.concatenate(([0.0] * DEGREE, inner, [length] * DEGREE))


def splines(s: Float[np.ndarray, " points"], places: np.ndarray) -> Float[np.ndarray, "points count"]:
    """Values of all B-splines on the given knots."""
    count = len(places) - DEGREE - 1
    return BSpline(places, np.eye(count), DEGREE)(s)


def integrals(s: Float[np.ndarray, " points"], places: np.ndarray) -> Float[np.ndarray, "points count"]:
    """Integrals from zero of all B-splines on the given knots."""
    count = len(places) - DEGREE - 1
    whole = BSpline(places, np.eye(count), DEGREE).antiderivative()
    return whole(s) - whole(np.zeros(1))


def roughness(count: int) -> Float[np.ndarray, "rows count"]:
    """Differences of second order between neighbouring coefficients."""
    return np.diff(np.eye(count), ROUGHNESS, axis=0)


def smoothing_weight(
    jacobian: Float[np.ndarray, "rows columns"], target: Float[np.ndarray, " rows"], rough: np.ndarray, floor: float
) -> tuple[float, float]:
    """The weight of the roughness under which the data are most likely, and the noise that goes with it.

    target = jacobian beta + noise,   rough beta ~ Gaussian of variance noise^2 / weight

    The restricted likelihood: what the roughness does not see, and the noise, are integrated out or profiled.

    Arguments:
        jacobian: of the linear (or linearised) model.
        target: what it has to give.
        rough: matrix whose product with beta is held down.
        floor: noise below which numbers are rounded, absolute.

    Source: S. N. Wood, Journal of the Royal Statistical Society B 73 (2011) 3, section 2.
    """
    n, free = len(target), jacobian.shape[1] - len(rough)
    scale = float(np.linalg.norm(jacobian) / np.linalg.norm(rough)) ** 2

    def noise(weight: float) -> tuple[float, float]:
        stacked = np.concatenate((jacobian, np.sqrt(weight) * rough))
        q, r = np.linalg.qr(stacked)
        right = np.concatenate((target, np.zeros(len(rough))))
        rest = right - q @ (q.T @ right)
        variance = float(rest @ rest) / (n - free) + floor**2
        return variance, 2 * float(np.log(np.abs(np.diag(r)) + np.finfo(float).tiny).sum())

    def unlikely(logarithm: float) -> float:
        variance, volume = noise(scale * np.exp(logarithm))
        return (n - free) * np.log(variance) + volume - len(rough) * logarithm

    tried = np.linspace(LOWEST, HIGHEST, GRID)
    best = int(np.argmin([unlikely(x) for x in tried]))
    around = (tried[max(best - 1, 0)], tried[min(best + 1, GRID - 1)])
    found = float(minimize_scalar(unlikely, bounds=around, method="bounded").x)  # pyright: ignore[reportAttributeAccessIssue]
    weight = scale * float(np.exp(found))
    return weight, float(np.sqrt(noise(weight)[0]))
