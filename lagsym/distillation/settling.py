"""Settling: the constants of a chosen Lagrangian with their errors, and the friction beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import sympy as sp
from jaxtyping import Float

from lagsym.data.trajectories import Trajectories
from lagsym.distillation.drag import LearnedFriction, read_friction
from lagsym.distillation.friction import Friction, balance_energy
from lagsym.distillation.inner import Named
from lagsym.distillation.refinement import Refined, refine
from lagsym.distillation.selection import Candidate
from lagsym.errors import InputError
from lagsym.mechanics.notation.parsing import to_text
from lagsym.mechanics.system import parameter_symbol
from lagsym.neural import NetworkLagrangian

SIGNIFICANT = 3.0
"""Standard errors by which a coefficient has to differ from zero for its term to stay in the law."""
CONFIRMED = 3.0
"""Standard errors by which the fit of the motion has to confirm friction that was found."""


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
        dropped: terms of the candidate whose coefficients could not be told from zero.
        origins: the candidate's terms that `terms` are, in their order, with numbers for inner constants.
        witnesses: for each term of `friction`, without its constant, what found it: "network", "energy".
    """

    terms: tuple[tuple[sp.Expr, sp.Expr], ...]
    friction: tuple[tuple[sp.Symbol, sp.Expr], ...]
    constants: tuple[sp.Symbol, ...]
    values: Float[np.ndarray, " constants"]
    refined: Refined | None
    test: dict[str, float | str]
    dropped: tuple[sp.Expr, ...] = ()
    origins: tuple[sp.Expr, ...] = ()
    witnesses: Mapping[sp.Expr, tuple[str, ...]] = field(default_factory=dict)

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


def settle(
    candidate: Candidate,
    data: Trajectories,
    smooth: Trajectories,
    *,
    seed: int = 0,
    model: NetworkLagrangian | None = None,
) -> Settled:
    """Fit the constants, drop terms that are not significant, test for friction, and fit again with what was found.

    Friction is kept where both the energy balance or, where that sees none, a network's own friction, and the fit of
    the motion are sure of it.

    Arguments:
        candidate: the terms with their first coefficients.
        data: measured trajectories.
        smooth: the same, differentiated.
        seed: of the friction test's resampling.
        model: a network that learned the motion, or None.
    """
    kept, (terms, constants, values, refined) = _significant(candidate, (data, smooth))
    dropped = tuple(term for term in candidate.terms if term not in kept)
    numeric = _with_numbers(_sum(terms), constants, values)
    found = balance_energy(numeric, smooth, seed=seed)
    learned = None if model is None else read_friction(model, numeric, smooth, seed=seed)
    test = _described(found, learned)
    plain = Settled(terms, (), constants, values, refined, test, dropped, kept)
    for drag in (found, learned):
        if drag is not None and drag.terms:
            damped = _damped(plain, drag, (data, smooth))
            if damped is not None:
                witnesses = {term: _witnesses(term, found, learned) for term in drag.terms}
                return replace(damped, witnesses=witnesses)
    return plain


def _damped(
    plain: Settled, drag: Friction | LearnedFriction, data: tuple[Trajectories, Trajectories]
) -> Settled | None:
    """The law with friction, fitted to the motion; None where the fit is not sure of all of it."""
    rates = _symbols("d", len(drag.terms))
    friction = tuple(zip(rates, drag.terms, strict=True))
    constants, start = (*plain.constants, *rates), np.concatenate([plain.values, drag.coefficients])
    again = _refined(plain.lagrangian, constants, start, data, _sum(friction))
    sure = 0.0 if again is None else float(np.min((again.values / again.standard_errors)[-len(rates) :]))
    plain.test["refined_significance"] = sure
    if again is None or not sure > CONFIRMED:
        plain.test["found"] = "none: what was found was not confirmed by the fit of the motion"
        return None
    plain.test["found"] = ", ".join(to_text(term) for term in drag.terms)
    return replace(plain, friction=friction, constants=constants, values=again.values, refined=again)


def _witnesses(term: sp.Expr, found: Friction, learned: LearnedFriction | None) -> tuple[str, ...]:
    by_network = learned is not None and term in learned.terms
    return ("network",) * by_network + ("energy",) * (term in found.terms)


_Fitted = tuple[tuple[tuple[sp.Expr, sp.Expr], ...], tuple[sp.Symbol, ...], np.ndarray, Refined | None]


def _significant(candidate: Candidate, data: tuple[Trajectories, Trajectories]) -> tuple[tuple[sp.Expr, ...], _Fitted]:
    """The terms that the fit of the motion is sure of, with their constants; the weakest is dropped, one by one."""
    # Without measured forces the first coefficient is a convention, not a constant.
    first = 0 if candidate.fixed else 1
    kept, coefficients = list(candidate.terms), np.asarray(candidate.coefficients[first:], float)
    settled = None
    while True:
        named = Named.of(kept, candidate.inner, first=len(coefficients) + 1)
        constants = (*_symbols("c", len(coefficients)), *named.symbols)
        terms = tuple(zip([sp.S.One] * first + list(constants[: len(coefficients)]), named.terms, strict=True))
        values = np.concatenate([coefficients, named.values])
        refined = _refined(_sum(terms), constants, values, data, sp.S.Zero)
        if settled is not None and refined is None:
            return settled
        values = values if refined is None else refined.values
        settled = tuple(kept), (terms, constants, values, refined)
        if refined is None or len(kept) == 1 or not len(coefficients):
            return settled
        coefficients, errors = values[: len(coefficients)], refined.standard_errors[: len(coefficients)]
        weakest = int(np.argmin(np.abs(coefficients) / errors))
        if abs(coefficients[weakest]) > SIGNIFICANT * errors[weakest]:
            return settled
        del kept[first + weakest]
        coefficients = np.delete(coefficients, weakest)


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


def _described(friction: Friction, learned: LearnedFriction | None) -> dict[str, float | str]:
    found = ", ".join(to_text(term) for term in friction.terms)
    test: dict[str, float | str] = {
        "method": "energy balance over whole records, block bootstrap",
        "tested": ", ".join(to_text(term) for term in friction.tested),
        "found": found or "none",
        "significance": float(min(friction.significance)) if found else friction.strongest,
        "energy_loss": friction.loss,
    }
    if learned is not None:
        terms = zip(learned.coefficients, learned.terms, strict=True)
        test["network"] = ", ".join(f"{float(c):.3g}*({to_text(term)})" for c, term in terms) or "none"
        test["network_unexplained"] = learned.unexplained
    return test
