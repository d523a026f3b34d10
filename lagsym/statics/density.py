"""A chain's own density from its shape: relative to the horizontal tension, along the arc."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from lagsym.statics.chains import Chain
from lagsym.statics.formulas import DensityFormula, name_density
from lagsym.statics.smoothing import integrals, knots, roughness, smoothing_weight, splines
from lagsym.statics.tangent import ENDS, TangentModel

POINTS_EACH, FEWEST_SPLINES, MOST_SPLINES = 2, 8, 100
"""Measured points for each spline, and bounds on how many there are."""
ROUNDS, SETTLED = 10, 0.1
"""Rounds in which weight and shape are fitted in turn, and the change of the logarithm of the weight that ends them."""
FIRST_WEIGHT = 1e-6
ROUNDED = 1e-9
"""Share of the length below which a residual is rounding of the numbers."""
SURE = 3.0
"""A density is negative, which none is, where it lies so many standard errors below zero."""


@dataclass(frozen=True, eq=False)
class RelativeDensity:
    """The density of a chain relative to its horizontal tension, w(s) = rho(s) g / H, in 1 / length.

    A shape holds nothing else: a chain twice as heavy hangs the same.

    Arguments:
        s: arc lengths of the measured points.
        values: w there, as a smooth function.
        standard_errors: of the values, that of the smoothing included.
        noise: standard deviation of the measured positions about the fitted shape, in units of length.
        formula: w as a formula, or None where the shape leaves open which.
        why: why a formula is named, or none is.
        notices: what the user should know, one sentence each.
    """

    s: Float[np.ndarray, " points"]
    values: Float[np.ndarray, " points"]
    standard_errors: Float[np.ndarray, " points"]
    noise: float
    formula: DensityFormula | None
    why: str
    notices: tuple[str, ...]
    _knots: np.ndarray = field(repr=False)
    _coefficients: np.ndarray = field(repr=False)

    def at(self, s: Float[np.ndarray, " points"]) -> Float[np.ndarray, " points"]:
        """The density w at arc lengths labelled like the points: by the formula where there is one, or else smooth."""
        along = np.asarray(s, float) - self.s[0]
        return self.formula.values(along) if self.formula else self.smooth(s)

    def smooth(self, s: Float[np.ndarray, " points"]) -> Float[np.ndarray, " points"]:
        """The density w at arc lengths labelled like the points, as a smooth function."""
        return splines(np.asarray(s, float) - self.s[0], self._knots) @ self._coefficients


def relative_density(chain: Chain, *, formulas: bool = True) -> RelativeDensity:
    """Find the density of a chain that hangs in uniform gravity, relative to its horizontal tension, from its shape.

    tan theta(s) = tan theta(0) + integral of w,   w = rho g / H

    The points are fitted by least squares through the angle theta, so that the arc length stays exact; w is a sum of
    B-splines. How rough it may be, and the noise, follow from the marginal likelihood of the points.

    Arguments:
        chain: measured points.
        formulas: whether a formula is looked for as well.

    Raises:
        DataError: the ends lie above one another.

    Source: P. H. C. Eilers and B. D. Marx, Statistical Science 11 (1996) 89 (the penalty); S. N. Wood, Journal of the
    Royal Statistical Society B 73 (2011) 3 (its weight).

    >>> s = np.linspace(0, 2, 41)
    >>> catenary = Chain(s, np.arcsinh(s - 1), np.sqrt(1 + (s - 1) ** 2))
    >>> found = relative_density(catenary)
    >>> round(float(found.at(np.array([0.7]))[0]), 6), found.formula.terms
    (1.0, (1,))
    """
    model = TangentModel.of(chain)
    count = int(np.clip(len(chain.s) // POINTS_EACH, FEWEST_SPLINES, MOST_SPLINES))
    places = knots(chain.length, count)
    values, covariance, noise = _smooth(model, places, count, ROUNDED * chain.length)
    basis = splines(model.s, places)
    smooth = basis @ values[:count]
    variance = np.einsum("pi,ij,pj->p", basis, covariance[:count, :count], basis)
    errors = np.sqrt(np.maximum(variance, 0.0))
    formula, why = (
        name_density(chain, model, noise, ROUNDED * chain.length) if formulas else (None, "none was asked for")
    )
    return RelativeDensity(
        chain.s, smooth, errors, noise, formula, why, _notices(smooth, errors), places, values[:count]
    )


def _smooth(model: TangentModel, places: np.ndarray, count: int, floor: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Coefficients, their covariance and the noise, weight and shape fitted in turn."""
    slopes = model.slopes(lambda s: integrals(s, places))
    rough = roughness(count)
    padded = np.concatenate((rough, np.zeros((len(rough), ENDS))), axis=1)
    values, weight, noise = model.straight(count), FIRST_WEIGHT, np.inf
    jacobian = np.zeros((0, 0))
    for _ in range(ROUNDS):
        values, residual, jacobian = model.fit(slopes, values, np.sqrt(weight) * rough)
        before, noise_before = weight, noise
        weight, noise = smoothing_weight(jacobian, jacobian @ values - residual, padded, floor)
        # Where w is straight any large weight serves: then the noise stays although the weight wanders.
        if abs(np.log(weight / before)) < SETTLED or abs(noise / noise_before - 1) < SETTLED**3:
            break
    information = jacobian.T @ jacobian + weight * padded.T @ padded
    return values, noise**2 * np.linalg.pinv(information, hermitian=True), noise


def _notices(values: np.ndarray, errors: np.ndarray) -> tuple[str, ...]:
    below = np.mean(values < -SURE * errors)
    if below > 0:
        notice = (
            f"The density comes out negative along {below:.0%} of the chain: it bends downwards there, so something "
            "else than its weight in uniform gravity holds it."
        )
        return (notice,)
    return ()
