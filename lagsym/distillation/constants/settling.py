"""Settling: the constants of a chosen Lagrangian with their errors, and the friction beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import sympy as sp
from jaxtyping import Float

from lagsym.data.trajectories import Trajectories
from lagsym.distillation.fitting.inner import Named
from lagsym.distillation.fitting.refinement import Growth, Refined, refine
from lagsym.distillation.friction.drag import LearnedFriction, read_friction
from lagsym.distillation.friction.energy_balance import Friction, balance_energy, is_definite
from lagsym.distillation.friction.rayleigh import Rayleigh, rayleigh_terms
from lagsym.distillation.friction.rivals import Chosen, Comparison
from lagsym.distillation.selection.candidates import Candidate
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
        zeros: for each coordinate that was measured from elsewhere than the law's zero, the constant that says from
            where; the terms are functions of the difference. See `lagsym.distillation.zeros`.
        off: what the fit left of each coordinate without these zeros, in its units; None without any.
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
    zeros: Mapping[sp.Symbol, sp.Symbol] = field(default_factory=dict)
    off: Float[np.ndarray, " coordinates"] | None = None

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
        return self.at(self.lagrangian)

    @property
    def placed_lagrangian(self) -> sp.Expr:
        """The Lagrangian with numbers, as a function of coordinates that are measured from its zeros."""
        moved: dict[Any, Any] = {q: q + z for q, z in self.zeros.items()}
        return self.at(self.lagrangian.xreplace(moved))

    @property
    def own(self) -> tuple[sp.Symbol, ...]:
        """The constants of the Lagrangian."""
        return self.constants[: len(self.constants) - len(self.friction)]

    def at(self, expression: Any) -> Any:
        """An expression in the constants with their values."""
        return expression.xreplace(
            {c: sp.Float(float(x), 17) for c, x in zip(self.constants, self.values, strict=True)}
        )


def settle(
    candidate: Candidate,
    data: Trajectories,
    smooth: Trajectories,
    *,
    seed: int = 0,
    model: NetworkLagrangian | None = None,
    window: float | None = None,
    friction: Mapping[sp.Expr, float] | None = None,
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
        window: length of time over which these coefficients are known to hold, or None.
        friction: Rayleigh functions beside which the terms were chosen, with their first coefficients.
    """
    plain = _significant(candidate, (data, smooth), window, friction or {})
    return with_friction(plain, data, smooth, seed=seed, model=model, damped=bool(friction))


def with_friction(
    plain: Settled,
    data: Trajectories,
    smooth: Trajectories,
    *,
    seed: int = 0,
    model: NetworkLagrangian | None = None,
    damped: bool = False,
) -> Settled:
    """The law with the friction that both a witness of it and the fit of the motion are sure of.

    Arguments:
        plain: the law without friction.
        data: measured trajectories.
        smooth: the same, differentiated.
        seed: of the friction test's resampling.
        model: a network that learned the motion, or None.
        damped: whether its constants were fitted beside friction, and have to be fitted again without any.
    """
    numeric = plain.numeric_lagrangian
    if not is_definite(numeric, smooth):
        plain = _undamped(plain, (data, smooth)) if damped else plain
        return replace(plain, test={"found": "not tested: the kinetic energy is indefinite, so none can be lost"})
    found = balance_energy(numeric, smooth, seed=seed)
    learned = None if model is None else read_friction(model, numeric, smooth, seed=seed)
    test = _described(found, learned)
    plain = replace(plain, test=test)
    for drag in (found, learned):
        if drag is not None and drag.terms:
            suspects = _suspects(drag.terms, found, smooth)
            slowed = _damped(plain, suspects, drag.coefficients, (data, smooth))
            if slowed is not None:
                witnesses = {term: _witnesses(term, found, learned) for _, term in slowed.friction}
                return replace(slowed, witnesses=witnesses)
            test["found"] = "none: what was found was not confirmed by the fit of the motion"
    return _undamped(plain, (data, smooth)) if damped else plain


def _undamped(plain: Settled, data: tuple[Trajectories, Trajectories]) -> Settled:
    """The law with its constants fitted without any friction."""
    refined = _refined(plain.lagrangian, plain.constants, plain.values, data, sp.S.Zero)
    return replace(plain, values=plain.values if refined is None else refined.values, refined=refined)


def fit_again(settled: Settled, data: Trajectories, smooth: Trajectories) -> Refined | None:
    """The fit of a law's constants, beginning with those that it has; None where it cannot be integrated."""
    window = None if settled.refined is None else settled.refined.window
    return _refined(settled.lagrangian, settled.constants, settled.values, (data, smooth), settled.dissipation, window)


def _suspects(terms: Sequence[sp.Expr], found: Friction, smooth: Trajectories) -> tuple[Rayleigh, ...]:
    """The terms that the search begins with, and then others that the balance of energy finds plausible."""
    known = {term.expression: term for term in rayleigh_terms(smooth)}
    first = [known[term] for term in terms]
    return (*first, *(term for term in found.plausible if term not in first))


def _witnesses(term: sp.Expr, found: Friction, learned: LearnedFriction | None) -> tuple[str, ...]:
    """Who saw friction: the network this very term, the balance of energy that there is any."""
    by_network = learned is not None and term in learned.terms
    return ("network",) * by_network + ("energy",) * bool(found.terms) or ("data",)


def _damped(
    plain: Settled,
    suspects: tuple[Rayleigh, ...],
    coefficients: np.ndarray,
    data: tuple[Trajectories, Trajectories],
) -> Settled | None:
    """The law with the friction that the fit of the motion prefers, or None where it is not sure of any.

    The first suspects have coefficients; the search begins with them. Its numbers go to the law's test.
    """
    lagrangian, constants, test = plain.lagrangian, plain.constants, plain.test
    begun = tuple(term.expression for term in suspects[: len(coefficients)])
    start = np.concatenate([plain.values, coefficients])
    window = None if plain.refined is None else plain.refined.window
    first = _refined_with(lagrangian, constants, start, data, begun, window=window)
    test["refined_significance"] = 0.0
    if first is None or not np.max(_sure(first, len(begun))) > CONFIRMED:
        return None
    comparison = Comparison(lagrangian, constants, suspects, data, first.window, first.residual)
    chosen = comparison.choose(tuple(range(len(begun))), first.values)
    if chosen is None:
        return None
    rayleigh = tuple(term.expression for term in chosen.terms)
    again = (
        first
        if rayleigh == begun
        else _refined_with(lagrangian, constants, chosen.values, data, rayleigh, window=first.window)
    )
    while again is not None and len(rayleigh) > 1 and not np.min(_sure(again, len(rayleigh))) > CONFIRMED:
        # Of clean data the likelihood ratio takes rounding for friction.
        weakest = int(np.argmin(_sure(again, len(rayleigh))))
        rayleigh = (*rayleigh[:weakest], *rayleigh[weakest + 1 :])
        start = np.delete(again.values, len(constants) + weakest)
        again = _refined_with(lagrangian, constants, start, data, rayleigh, window=first.window)
    if again is None:
        return None
    sure = float(np.min(_sure(again, len(rayleigh))))
    test |= _compared(chosen, sure) | {"found": ", ".join(to_text(term) for term in rayleigh)}
    if not sure > CONFIRMED:
        return None
    rates = _symbols("d", len(rayleigh))
    friction = tuple(zip(rates, rayleigh, strict=True))
    return replace(plain, friction=friction, constants=(*constants, *rates), values=again.values, refined=again)


def _sure(refined: Refined, count: int) -> np.ndarray:
    """The last constants in standard errors."""
    return (refined.values / refined.standard_errors)[-count:]


def _refined_with(
    lagrangian: sp.Expr,
    constants: Sequence[sp.Symbol],
    initial: np.ndarray,
    data: tuple[Trajectories, Trajectories],
    rayleigh: Sequence[sp.Expr],
    window: float | None = None,
) -> Refined | None:
    """The fit of the law's constants and of one coefficient for each Rayleigh function."""
    rates = _symbols("d", len(rayleigh))
    dissipation = _sum(tuple(zip(rates, rayleigh, strict=True)))
    return _refined(lagrangian, (*constants, *rates), initial, data, dissipation, window)


def _significant(
    candidate: Candidate,
    data: tuple[Trajectories, Trajectories],
    window: float | None,
    friction: Mapping[sp.Expr, float],
) -> Settled:
    """The terms that the fit of the motion is sure of, with their constants; the weakest is dropped, one by one."""
    drag = np.array(list(friction.values()))
    # Without measured forces the first coefficient is a convention, not a constant.
    first = 0 if candidate.fixed else 1
    kept, coefficients = list(candidate.terms), np.asarray(candidate.coefficients[first:], float)
    settled = None
    while True:
        named = Named.of(kept, candidate.inner, first=len(coefficients) + 1)
        constants = (*_symbols("c", len(coefficients)), *named.symbols)
        terms = tuple(zip([sp.S.One] * first + list(constants[: len(coefficients)]), named.terms, strict=True))
        values = np.concatenate([coefficients, named.values])
        start = np.concatenate([values, drag])
        refined = _refined_with(_sum(terms), constants, start, data, tuple(friction), window)
        if settled is not None and refined is None:
            return settled
        if refined is not None:
            values, drag = np.split(refined.values, [len(constants)])
        dropped = tuple(term for term in candidate.terms if term not in kept)
        settled = Settled(terms, (), constants, values, refined, {}, dropped, tuple(kept))
        if refined is None or len(kept) == 1 or not len(coefficients):
            return settled
        coefficients, errors = values[: len(coefficients)], refined.standard_errors[: len(coefficients)]
        weakest = int(np.argmin(np.abs(coefficients) / errors))
        if abs(coefficients[weakest]) > SIGNIFICANT * errors[weakest]:
            return settled
        if first and len(kept) == 2 and _left_by(kept[1], data, window) < _left_by(kept[0], data, window):
            weakest = -1
        del kept[first + weakest]
        coefficients = np.delete(coefficients, max(weakest, 0))


def _left_by(term: sp.Expr, data: tuple[Trajectories, Trajectories], window: float | None) -> float:
    """What a term leaves of the motion that is the whole law, as the product over coordinates."""
    refined = _refined(term, (), np.zeros(0), data, sp.S.Zero, window)
    return np.inf if refined is None else float(np.prod(refined.residual))


def _symbols(letter: str, count: int) -> tuple[sp.Symbol, ...]:
    return tuple(parameter_symbol(f"{letter}{i + 1}") for i in range(count))


def _sum(terms: Sequence[tuple[sp.Expr, sp.Expr]]) -> sp.Expr:
    return sp.Add(*(coefficient * term for coefficient, term in terms))


def _refined(
    lagrangian: sp.Expr,
    constants: Sequence[sp.Symbol],
    initial: np.ndarray,
    data: tuple[Trajectories, Trajectories],
    dissipation: sp.Expr,
    window: float | None = None,
) -> Refined | None:
    """The fit, or None where the law cannot be integrated; without constants of the starting states alone."""
    # Without constants there is nothing to be found over short windows first.
    growth = Growth(first=window if constants else np.inf)
    try:
        return refine(lagrangian, constants, initial, *data, dissipation=dissipation, growth=growth)
    except InputError:
        return None


def _described(friction: Friction, learned: LearnedFriction | None) -> dict[str, float | str]:
    found = ", ".join(to_text(term) for term in friction.terms)
    test: dict[str, float | str] = {
        "method": "energy balance over whole records, block bootstrap; kinds by likelihood ratio in multiple shooting",
        "tested": ", ".join(to_text(term) for term in friction.tested),
        "found": found or "none",
        "significance": float(min(friction.significance)) if found else friction.strongest,
        "energy_loss": friction.loss,
    }
    if learned is not None:
        shown = zip(learned.coefficients, learned.terms, strict=True)
        test["network"] = ", ".join(f"{float(c):.3g}*({to_text(term)})" for c, term in shown) or "none"
        test["network_unexplained"] = learned.unexplained
    return test


def _compared(chosen: Chosen, sure: float) -> dict[str, float | str]:
    """What the fit of the motion had to say about the kinds of friction."""
    numbers: dict[str, float | str] = {
        "found": ", ".join(to_text(term.expression) for term in chosen.terms),
        "kind": _kinds(chosen.terms) + (f", or {_kinds(chosen.rival)}" if chosen.rival and not chosen.certain else ""),
        "refined_significance": sure,
    }
    if np.isfinite(chosen.improvement):
        numbers["likelihood_ratio"] = chosen.improvement
    if chosen.rival is not None:
        numbers["rival"] = ", ".join(to_text(term.expression) for term in chosen.rival)
        numbers["rival_excess"] = chosen.rival_excess
    return numbers


def _kinds(terms: Sequence[Rayleigh]) -> str:
    return " and ".join(dict.fromkeys(term.kind for term in terms))
