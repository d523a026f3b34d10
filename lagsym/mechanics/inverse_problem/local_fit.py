"""Taylor coefficients of a numerical function from polynomials fitted nearby, with their errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from jaxtyping import Float

from lagsym.errors import InputError
from lagsym.mechanics.algebra.clear_ranks import long_numbers
from lagsym.mechanics.algebra.power_series import Series, Truncation, count, monomials
from lagsym.mechanics.inverse_problem.second_order_geometry import SecondOrderGeometry
from lagsym.mechanics.inverse_problem.units import Units

TERMS, HIGHEST = 500, 8
"""Most terms of a polynomial that is fitted, and its highest degree."""
SAMPLES = 2
"""Samples for each term."""

Accelerations = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""a(q, v) of arrays of shape (N, n)."""


@dataclass(frozen=True, eq=False)
class LocalFit:
    """Polynomials for accelerations about one point.

    Arguments:
        point: the values of (q, v), of shape (2 n,).
        coefficients: Taylor coefficients, of shape (terms, n).
    """

    point: Float[np.ndarray, " variables"]
    coefficients: Float[np.ndarray, "terms n"]

    def geometry(self, order: int) -> SecondOrderGeometry:
        """The geometry at the point, from the coefficients up to an order."""
        variables, n = len(self.point), self.coefficients.shape[1]
        truncation = Truncation(variables, order)
        kept = long_numbers(self.coefficients[: count(variables, order)])
        velocities = []
        for k in range(n):
            series = Series.constant(truncation, long_numbers(self.point[n + k : n + k + 1])[0])
            series.coefficients[1 + n + k] = Series.variable(truncation, n + k, Fraction(0)).coefficients[1 + n + k]
            velocities.append(series)
        return SecondOrderGeometry(np.array([Series(truncation, column) for column in kept.T]), np.array(velocities))


def in_units(function: Accelerations, units: Units) -> Accelerations:
    """A function that the caller gave, in units of our own; what it returns is checked.

    Raises:
        InputError: when called, where the function does not return finite real numbers, one for each coordinate.
    """
    lengths, time = np.array(units.lengths, dtype=float), float(units.time)

    def scaled(q: np.ndarray, v: np.ndarray) -> np.ndarray:
        return _checked(function(lengths * q, lengths / time * v), q.shape) * (time**2 / lengths)

    return scaled


def _checked(returned: Any, shape: tuple[int, ...]) -> np.ndarray:
    values = np.asarray(returned)
    numeric = values.dtype.kind in "fiu"
    if not numeric or values.shape != shape or not np.isfinite(values).all():
        msg = f"expected finite accelerations of shape {shape} for as many positions and velocities, "
        got = "others" if numeric else f"the type {values.dtype}"
        msg += f"got {got if values.shape == shape else f'shape {values.shape}'}; check the ranges"
        raise InputError(msg)
    return values.astype(float)


def degree_for(variables: int) -> int:
    """The highest degree of a polynomial in so many variables that can be fitted in good time."""
    return max(d for d in range(HIGHEST + 1) if d <= 1 or count(variables, d) <= TERMS)


def fit_nearby(
    function: Accelerations, point: np.ndarray, widths: np.ndarray, degree: int, generator: np.random.Generator
) -> LocalFit:
    """Fit polynomials to a function in a box about a point.

    Arguments:
        function: the accelerations.
        point: the values of (q, v), of shape (2 n,).
        widths: half the box's sides, of shape (2 n,).
        degree: of the polynomials.
        generator: draws the samples, densest at the box's sides, where polynomials err most.
    """
    n = len(point) // 2
    powers = np.array(monomials(Truncation(len(point), degree)))
    z = np.cos(np.pi * generator.random((SAMPLES * len(powers), len(point))))
    x = point + widths * z
    values = function(x[:, :n], x[:, n:])
    tables = np.power(z[:, :, None], np.arange(degree + 1))
    design = np.prod([tables[:, i, powers[:, i]] for i in range(len(point))], axis=0)
    # The points are general, so that the columns are independent; this is several times faster than a least norm.
    orthogonal, triangle = np.linalg.qr(design)
    solution = np.linalg.solve(triangle, orthogonal.T @ values)
    return LocalFit(point, solution / np.prod(widths**powers, axis=1)[:, None])
