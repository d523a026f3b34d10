"""Formulas of a chain's density: small sums of a library, of which one is named where no other fits as well."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from jaxtyping import Float
from scipy.optimize import minimize_scalar

from lagsym.statics.chains import Chain
from lagsym.statics.tangent import ENDS, TangentModel

S = sp.Symbol("s", real=True)
"""Arc length from the first point on."""
MOST_TERMS = 3
MARGIN = 6.0
"""By so much the information criterion of a named formula is better than that of any other that does not contain it."""
LACK_OF_FIT = 1.15
"""A formula may leave so many times the noise that the splines leave."""
PLACES = 39
"""Places along the chain from which a jump is looked for."""
COARSE = 1e-3


@dataclass(frozen=True)
class DensityFormula:
    """A formula of the density relative to the horizontal tension, w(s) = rho g / H, in 1 / length.

    Arguments:
        expression: of the symbol `s`, the arc length from the first point on.
        terms: those whose sum with the coefficients it is.
        coefficients: in the order of the terms.
        standard_errors: of the coefficients.
        margin: by how much its information criterion is better than its best rival's.
    """

    expression: sp.Expr
    terms: tuple[sp.Expr, ...]
    coefficients: tuple[float, ...]
    standard_errors: tuple[float, ...]
    margin: float

    def values(self, s: Float[np.ndarray, " points"]) -> Float[np.ndarray, " points"]:
        """The density w at arc lengths from the first point on."""
        function = sp.lambdify(S, self.expression, "numpy")
        return np.broadcast_to(np.asarray(function(s), float), np.shape(s)).copy()


@dataclass(frozen=True)
class Trial:
    """One fitted sum of terms: what they are called, its criterion, and what it needs to be shown."""

    terms: tuple[sp.Expr, ...]
    names: frozenset[str]
    criterion: float
    noise: float
    values: np.ndarray
    jacobian: np.ndarray


def library(length: float) -> dict[str, sp.Expr]:
    """Terms that a density along a chain of some length l may be made of, by what they are called."""
    share: Any = S / (sp.Integer(round(length)) if length == round(length) else sp.Float(length, 17))
    waves = {
        f"{wave}({k}*pi*s/l)".replace("(1*", "("): getattr(sp, wave)(k * sp.pi * share)
        for k in (1, 2)
        for wave in ("sin", "cos")
    }
    powers = {"1": sp.S.One, "s": S, "s**2": S**2, "s**3": S**3}
    return {**powers, **waves, "exp(s/l)": sp.exp(share)}


def name_density(chain: Chain, model: TangentModel, noise: float, floor: float) -> tuple[DensityFormula | None, str]:
    """The formula of a chain's density, or None, and in a sentence why.

    Sums of up to three terms of a library are fitted through the shape, and sums with one jump. By the information
    criterion n log(noise^2) + k log n the best is named, but only where every sum that does not contain it is worse by
    a margin, and where it leaves no more than the splines leave.

    Arguments:
        chain: what was measured.
        model: its points.
        noise: that the splines leave.
        floor: noise below which numbers are rounded.

    Source: G. Schwarz, Annals of Statistics 6 (1978) 461.
    """
    trials = sorted((*_smooth(model, floor), *_jumping(chain, model, floor)), key=lambda trial: trial.criterion)
    best = trials[0]
    text = " + ".join(sorted(map(str, best.names)))
    if best.noise > LACK_OF_FIT * noise:
        return None, f"no sum of up to {MOST_TERMS} terms of the library fits; the nearest is made of {text}"
    rival = next(trial for trial in trials[1:] if not trial.names > best.names)
    margin = rival.criterion - best.criterion
    if margin < MARGIN:
        other = " + ".join(sorted(map(str, rival.names)))
        return None, f"formulas made of {text} and of {other} fit alike, so none is named"
    return _formula(best, margin), f"no other sum of the library comes near one made of {text}"


def _smooth(model: TangentModel, floor: float) -> Iterator[Trial]:
    terms = library(float(model.s[-1]))
    columns = {name: _column(model, _integral(term)) for name, term in terms.items()}
    for count in range(1, MOST_TERMS + 1):
        for chosen in itertools.combinations(terms, count):
            yield _trial(model, {name: terms[name] for name in chosen}, [columns[name] for name in chosen], floor)


def _jumping(chain: Chain, model: TangentModel, floor: float) -> Iterator[Trial]:
    """A jump beside a constant, and beside a straight line, at the place that fits best."""
    length = float(model.s[-1])
    for count in (1, 2):
        begun = dict(itertools.islice(library(length).items(), count))

        def at(place: float, begun: Mapping[str, sp.Expr] = begun) -> Trial:
            broken = TangentModel.of(chain, [place])
            shape: Any = sp.Heaviside
            jump = shape(S - sp.Float(place, 17), 1)
            columns = [_column(broken, _integral(term)) for term in begun.values()]
            columns.append(_column(broken, lambda s: np.maximum(s - place, 0.0)))
            return _trial(broken, {**begun, "a jump": jump}, columns, floor, places=1)

        places = length * np.linspace(0.0, 1.0, PLACES + 2)[1:-1]
        best = int(np.argmin([at(place).criterion for place in places]))
        around = (float(places[max(best - 1, 0)]), float(places[min(best + 1, PLACES - 1)]))
        found: Any = minimize_scalar(
            lambda place: at(float(place)).noise, bounds=around, method="bounded", options={"xatol": 1e-9 * length}
        )
        yield at(float(found.x))


def _integral(term: Any) -> Callable[[np.ndarray], np.ndarray]:
    primitive = sp.integrate(term, S)
    return sp.lambdify(S, primitive - primitive.subs(S, 0), "numpy")


def _column(model: TangentModel, integral: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    return np.asarray(integral(model.nodes.ravel()), float)


def _trial(
    model: TangentModel, terms: Mapping[str, sp.Expr], columns: Sequence[np.ndarray], floor: float, places: int = 0
) -> Trial:
    """Fit the terms; `places` counts constants that were fitted beside the coefficients."""
    slopes = np.stack([*columns, np.ones_like(columns[0])], axis=1)
    values, residual, jacobian = model.fit(slopes, model.straight(len(columns)))
    n, k = len(residual), len(terms) + places
    variance = float(residual @ residual) / n + floor**2
    noise = float(np.sqrt(variance * n / (n - k - ENDS)))
    criterion = n * float(np.log(variance)) + k * float(np.log(n))
    return Trial(tuple(terms.values()), frozenset(terms), criterion, noise, values, jacobian)


def _formula(best: Trial, margin: float) -> DensityFormula:
    covariance = best.noise**2 * np.linalg.pinv(best.jacobian.T @ best.jacobian)
    coefficients = best.values[: len(best.terms)]
    errors = np.sqrt(np.diag(covariance))[: len(best.terms)]
    expression: Any = sum(sp.Float(c, 17) * term for c, term in zip(coefficients, best.terms, strict=True))
    return DensityFormula(expression, best.terms, tuple(map(float, coefficients)), tuple(map(float, errors)), margin)
