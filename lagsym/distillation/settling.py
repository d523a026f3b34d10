"""Settling: the constants of a chosen Lagrangian with their errors, and the friction beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from jaxtyping import Float

from lagsym.data.trajectories import Trajectories
from lagsym.distillation.friction import Friction, balance_energy
from lagsym.distillation.refinement import Refined, refine
from lagsym.distillation.selection import Candidate
from lagsym.errors import InputError
from lagsym.mechanics.parsing import to_text
from lagsym.mechanics.system import parameter_symbol

CONFIRMED = 3.0
"""Standard errors by which the fit of the motion has to confirm friction that the energy balance found."""


@dataclass(frozen=True)
class Settled:
    """A law with named constants.

    Arguments:
        terms: the Lagrangian's terms with their coefficients, 1 or a constant, in the order of the candidate.
        friction: the Rayleigh function's terms with their constants; empty without friction.
        constants: all constants, those of the friction last.
        values: their values.
        refined: the fit behind them, or None where the law could not be integrated.
        test: what was found about friction, in words and numbers.
    """

    terms: tuple[tuple[sp.Expr, sp.Expr], ...]
    friction: tuple[tuple[sp.Symbol, sp.Expr], ...]
    constants: tuple[sp.Symbol, ...]
    values: Float[np.ndarray, " constants"]
    refined: Refined | None
    test: Mapping[str, float | str]

    @property
    def lagrangian(self) -> sp.Expr:
        """The Lagrangian with named constants."""
        return _sum(self.terms)

    @property
    def dissipation(self) -> sp.Expr:
        """The Rayleigh function with named constants."""
        return _sum(self.friction)

    @property
    def numeric_lagrangian(self) -> sp.Expr:
        """The Lagrangian with numbers."""
        return _with_numbers(self.lagrangian, self.constants, self.values)


def settle(candidate: Candidate, data: Trajectories, smooth: Trajectories, *, seed: int = 0) -> Settled:
    """Fit the constants, test for friction, and fit again with the friction that was found.

    Friction is kept where both the energy balance and the fit of the motion are sure of it.

    Arguments:
        candidate: the terms with their first coefficients.
        data: measured trajectories.
        smooth: the same, differentiated.
        seed: of the friction test's resampling.
    """
    # Without measured forces the first coefficient is a convention, not a constant.
    first = 0 if candidate.fixed else 1
    initial = np.asarray(candidate.coefficients[first:], float)
    constants = _symbols("c", len(initial))
    terms = tuple(zip([sp.S.One] * first + list(constants), candidate.terms, strict=True))
    refined = _refined(_sum(terms), constants, initial, (data, smooth), sp.S.Zero)
    values = initial if refined is None else refined.values
    found = balance_energy(_with_numbers(_sum(terms), constants, values), smooth, seed=seed)
    test = _described(found)
    rates = _symbols("d", len(found.terms))
    friction = tuple(zip(rates, found.terms, strict=True))
    if rates:
        start = np.concatenate([values, found.coefficients])
        again = _refined(_sum(terms), (*constants, *rates), start, (data, smooth), _sum(friction))
        sure = 0.0 if again is None else float(np.min((again.values / again.standard_errors)[-len(rates) :]))
        test["refined_significance"] = sure
        if again is not None and sure > CONFIRMED:
            return Settled(terms, friction, (*constants, *rates), again.values, again, test)
        test["found"] = "none: what the energy balance showed was not confirmed by the fit of the motion"
    return Settled(terms, (), constants, values, refined, test)


def _symbols(letter: str, count: int) -> tuple[sp.Symbol, ...]:
    return tuple(parameter_symbol(f"{letter}{i + 1}") for i in range(count))


def _sum(terms: Sequence[tuple[sp.Expr, sp.Expr]]) -> sp.Expr:
    return sp.Add(*(coefficient * term for coefficient, term in terms))


def _with_numbers(expression: sp.Expr, constants: Sequence[sp.Symbol], values: np.ndarray) -> Any:
    return expression.xreplace({c: sp.Float(float(x), 17) for c, x in zip(constants, values, strict=True)})


def _refined(
    lagrangian: sp.Expr,
    constants: Sequence[sp.Symbol],
    initial: np.ndarray,
    data: tuple[Trajectories, Trajectories],
    dissipation: sp.Expr,
) -> Refined | None:
    """The fit, or None where there is nothing to fit or the law cannot be integrated."""
    if not constants:
        return None
    try:
        return refine(lagrangian, constants, initial, *data, dissipation=dissipation)
    except InputError:
        return None


def _described(friction: Friction) -> dict[str, float | str]:
    found = ", ".join(to_text(term) for term in friction.terms)
    return {
        "method": "energy balance over whole records, block bootstrap",
        "tested": ", ".join(to_text(term) for term in friction.tested),
        "found": found or "none",
        "significance": float(min(friction.significance)) if found else friction.strongest,
        "energy_loss": friction.loss,
    }
