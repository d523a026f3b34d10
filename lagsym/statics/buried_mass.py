"""A buried mass from the shapes of chains that hang near it: where it is, and how strong it is next to gravity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from scipy.stats import chi2

from lagsym.errors import DataError
from lagsym.mechanics.jetspace import JetSpace
from lagsym.statics.chains import Chain
from lagsym.statics.field_fit import ROUGH, FieldFit, FieldModel
from lagsym.statics.places import Scan, scan_places
from lagsym.statics.potentials import PLACE_X, PLACE_Y, POINT_MASS, STRENGTH, UNIFORM, Y

SIGNIFICANT = 1e-3
"""Chance of a gain by noise alone below which a mass is said to be there."""
STARTS = 4
"""Places of the scan from which the mass is fitted."""
ALIKE = 10.0
"""Another place fits alike where it raises the deviance by less than this."""
ROUGHLY = 0.1
"""Share of the chains' length that the shapes of uniform gravity may miss the points by, even with a mass."""
PROMISING = 10 * ALIKE
"""A rough fit is made closely where its deviance is not higher than the best one's by more than this."""
ROUNDED = 1e-9
"""Share of the chains' length below which a residual is rounding."""
SLOPES = JetSpace(("y",), ("x",))
"""Shapes of chains as fields over x alone, without time."""


@dataclass(frozen=True)
class BuriedMass:
    """What the shapes of chains say about a mass near them.

    Arguments:
        found: whether the shapes are better explained with the mass than by noise in uniform gravity.
        position: (x, y) of the mass, in the unit of the chains.
        strength: m = G M / g, an area; negative where something is missing.
        standard_errors: of x, y and m.
        covariance: of x, y and m.
        gain: n log of the ratio of the sums of squares without and with the mass.
        chance: upper bound on the probability that noise alone gains so much, over all places that were tried.
        tensions: lambda of each chain in T = phi + lambda, a length.
        noise: standard deviation of the measured positions about the fitted shapes.
        noise_without: the same in uniform gravity.
        potential: the fitted potential per unit of weight, of the symbols `x` and `y`; uniform where none was found.
        notices: what the user should know, one sentence each.
    """

    found: bool
    position: tuple[float, float]
    strength: float
    standard_errors: tuple[float, float, float]
    covariance: tuple[tuple[float, ...], ...]
    gain: float
    chance: float
    tensions: tuple[float, ...]
    noise: float
    noise_without: float
    potential: sp.Expr
    notices: tuple[str, ...] = ()

    def lagrangian(self, chain: int = 0) -> sp.Expr:
        """The weighted length of one chain as a Lagrangian over x, without time: L = (phi + lambda) sqrt(1 + y_x^2)."""
        (slope,) = SLOPES.velocities
        weight: Any = self.potential + sp.Float(self.tensions[chain], 17)
        return weight * sp.sqrt(1 + slope**2)


def find_buried_mass(chains: Sequence[Chain], *, starts: int = STARTS) -> BuriedMass:
    """Find position and strength of a point mass from shapes of chains of uniform density.

    L = (phi(x, y) + lambda_k) sqrt(1 + y_x^2),   phi = y - m / |r - r0|

    The shapes are integrated from tensions and first points, which are fitted with the mass by least squares. Where
    the mass may be is scanned on a grid around the chains, above and below, at which it is taken to be weak; the best
    places are where the fits begin. A mass is said to be there only where the gain over uniform gravity is larger than
    noise would give over all places.

    Arguments:
        chains: measured shapes in one vertical plane that holds the mass, y upwards, all in one unit of length.
        starts: from how many places of the scan the mass is fitted.

    Raises:
        DataError: there is no chain, or a chain hangs in no uniform field even roughly.

    Source: G. A. F. Seber and C. J. Wild, Nonlinear Regression, chapters 2 and 5; R. B. Davies, Biometrika 74 (1987) 33
    (a place that has no meaning without the mass).
    """
    if not chains:
        msg = "expected the shape of at least one chain, got none"
        raise DataError(msg)
    plain = FieldModel(UNIFORM, (), tuple(chains))
    without = plain.fit(plain.guess(), ())
    if without is None or _noise(plain, without) > ROUGHLY * plain.size:
        msg = "the chains hang in no uniform field even roughly; check that y points upwards and s runs along them"
        raise DataError(msg)
    scan = scan_places(plain, without)
    rounding = plain.rows * (ROUNDED * plain.size) ** 2
    bound = -plain.rows * float(np.log1p(-min(scan.most / (without.square + rounding), 1 - 1e-12)))
    if chi2.sf(bound, scan.rank) > SIGNIFICANT:
        # All weak masses together gain too little: no need to fit one.
        return _none(plain, without, bound, float(chi2.sf(bound, scan.rank)))
    model = FieldModel(POINT_MASS, (PLACE_X, PLACE_Y, STRENGTH), tuple(chains))
    fits = _fits(model, without, scan, starts)
    if not fits or fits[0].square > without.square:
        return _none(plain, without, 0.0, 1.0)
    best = fits[0]
    gain = model.rows * float(np.log((without.square + rounding) / (best.square + rounding)))
    chance = float(chi2.sf(gain, max(scan.rank, len(best.constants))))
    if chance > SIGNIFICANT:
        return _none(plain, without, gain, chance)
    return _mass(model, without, fits, gain, chance)


def _fits(model: FieldModel, without: FieldFit, scan: Scan, starts: int) -> list[FieldFit]:
    """Fits from the best places, the best first: all of them roughly, and closely those that may matter."""
    begun = (model.fit(without.firsts, (*place, strength), ROUGH) for place, strength in scan.best(starts))
    rough = sorted((fit for fit in begun if fit is not None), key=lambda fit: fit.square)
    matters = [fit for fit in rough if model.rows * np.log(fit.square / rough[0].square) < PROMISING]
    close = (model.fit(fit.firsts, fit.constants) for fit in matters)
    return sorted((fit for fit in close if fit is not None), key=lambda fit: fit.square)


def _none(model: FieldModel, fit: FieldFit, gain: float, chance: float) -> BuriedMass:
    """The record of uniform gravity."""
    nan = float("nan")
    unknown = (nan, nan, nan)
    notice = (
        "No buried mass is significant: the shapes are those of uniform gravity, and noise alone gains as much at some "
        f"place with a chance of up to {chance:.2g}."
    )
    noise = _noise(model, fit)
    tensions = _tensions(fit, UNIFORM)
    return BuriedMass(
        False, (nan, nan), 0.0, unknown, (unknown,) * 3, gain, chance, tensions, noise, noise, UNIFORM, (notice,)
    )


def _mass(model: FieldModel, without: FieldFit, fits: Sequence[FieldFit], gain: float, chance: float) -> BuriedMass:
    best = fits[0]
    noise = _noise(model, best)
    covariance = noise**2 * best.inverse_information[-3:, -3:]
    numbers = {symbol: sp.Float(c, 17) for symbol, c in zip(model.constants, best.constants, strict=True)}
    potential: Any = POINT_MASS.xreplace(numbers)
    x, y, strength = map(float, best.constants)
    errors = tuple(map(float, np.sqrt(np.diag(covariance))))
    rows = tuple(tuple(map(float, row)) for row in covariance)
    return BuriedMass(
        found=True,
        position=(x, y),
        strength=strength,
        standard_errors=(errors[0], errors[1], errors[2]),
        covariance=rows,
        gain=gain,
        chance=chance,
        tensions=_tensions(best, potential),
        noise=noise,
        noise_without=_noise(model, without),
        potential=potential,
        notices=_notices(model, fits, errors),
    )


def _noise(model: FieldModel, fit: FieldFit) -> float:
    return float(np.sqrt(fit.square / (model.rows - fit.firsts.size - len(fit.constants))))


def _tensions(fit: FieldFit, potential: sp.Expr) -> tuple[float, ...]:
    """The price lambda = |F| - phi of length, at every chain's first point."""
    phi = sp.lambdify((sp.Symbol("x", real=True), Y), potential, "numpy")
    x, y, *force = fit.firsts.T
    return tuple(map(float, np.hypot(*force) - phi(x, y)))


def _notices(model: FieldModel, fits: Sequence[FieldFit], errors: tuple[float, ...]) -> tuple[str, ...]:
    best, notices = fits[0], []
    spread = np.hypot(errors[0], errors[1])
    for other in fits[1:]:
        apart = float(np.hypot(*np.subtract(other.constants[:2], best.constants[:2])))
        if model.rows * np.log(other.square / best.square) < ALIKE and apart > max(4 * spread, 1e-3 * model.size):
            notices.append(
                f"A mass of strength {other.constants[2]:.3g} at ({other.constants[0]:.3g}, {other.constants[1]:.3g}) "
                "fits nearly as well; hang chains elsewhere to tell them apart."
            )
            break
    if errors[2] > abs(best.constants[2]) / 2:
        notices.append("The strength is uncertain by more than half of itself; hang chains nearer to the mass.")
    return tuple(notices)
