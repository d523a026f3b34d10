"""Free friction: Rayleigh functions that no list of kinds holds, found by an engine in what the energy loses.

Along the motion the energy of the friction-free law falls by the work of D. With D a polynomial in every speed,

    h(t) = h(0) - sum_ik c_ik integral of v_i d|v_i|^k/dv_i dt,

a linear regression tabulates D as a function of each speed, without any acceleration. An engine looks for formulas of
these tables. Those that explain the loss of energy best at their length are fitted to the motion, with every number in
them, and the one that leaves nothing but noise of it takes the place of the known kinds of friction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp
from jaxtyping import Float
from scipy.optimize import minimize_scalar

from lagsym.data.trajectories import Trajectories
from lagsym.distillation.constants.settling import CONFIRMED, Settled
from lagsym.distillation.engines import Budget, Engine
from lagsym.distillation.fitting.inner import FittedTerms, Named, numbers
from lagsym.distillation.fitting.refinement import Refined, noise_of, refine
from lagsym.distillation.fitting.windows import LARGEST_SAMPLES
from lagsym.distillation.friction.energy_balance import EnergyBalance
from lagsym.distillation.functions.contest import LARGEST, layered
from lagsym.distillation.reading.parts import ROWS, PartTable, tabulated
from lagsym.distillation.reading.proposals import Terms, combined, propose
from lagsym.distillation.trial import EXCESS
from lagsym.errors import InputError, UnavailableError
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.notation.parsing import to_text
from lagsym.mechanics.system import parameter_symbol

POWERS = range(1, 7)
MOST_TERMS = 2
"""Terms of a formula for one speed beyond which it only mimics D."""
ALTERNATIVES = 4
"""Rayleigh functions that the fit of the motion may choose from."""
NEGLIGIBLE = 1e-2
"""Share of the energy's changes below which a coordinate has no friction of its own."""
EXPONENTS, RESOLUTION = (1.1, 6.0), 1e-3
"""Powers of the speed that are tried, and how closely the best is sought."""
MORE = 3.0
"""By which factor free functions have to lower what is left of the energy's changes for formulas to be sought."""
COMPARED = ("likelihood_ratio", "rival", "rival_excess")
"""Results of the comparison of known kinds of friction."""
SPEED = sp.Symbol("s", positive=True)


def find_free_friction(
    settled: Settled, data: Trajectories, smooth: Trajectories, search: Engine, *, seed: int = 0
) -> tuple[Settled, tuple[str, ...]]:
    """The law with friction of another kind, where what was settled has friction and leaves more than noise.

    Arguments:
        settled: the law with friction of known kinds.
        data: measured trajectories.
        smooth: the same, differentiated.
        search: the engine.
        seed: of every draw.

    Returns:
        The law with the friction that alone leaves nothing but noise of the motion, unchanged where there is none, or
        the engine cannot run here; and what the engine had to say, where its friction was taken.
    """
    noise = noise_of(data)
    if not settled.friction or settled.refined is None or np.all(settled.refined.residual < EXCESS * noise):
        return settled, ()
    if not _explains_more(settled, smooth, seed):
        return settled, ()
    try:
        proposed, messages = propose_friction(search, settled.numeric_lagrangian, smooth, seed=seed)
    except UnavailableError:
        return settled, ()
    tried = (_fitted(settled, friction, data, smooth) for friction in proposed)
    fits = [fit for fit in tried if fit is not None and fit.leaves_noise(noise)]
    if not fits:
        return settled, ()
    best = min(fits, key=lambda fit: fit.criterion(noise, min(len(data), LARGEST_SAMPLES)))
    # What is known of other kinds was said of those that are replaced.
    test = {name: value for name, value in settled.test.items() if name not in COMPARED} | {
        "found": ", ".join(to_text(term) for _, term in best.friction),
        "kind": "of another kind, found by symbolic regression",
        "refined_significance": best.sure,
    }
    found = replace(settled, constants=best.constants, values=best.refined.values, refined=best.refined, test=test)
    witnesses = {term: ("energy",) for _, term in best.friction}
    return replace(found, friction=best.friction, witnesses=witnesses), messages


def _explains_more(settled: Settled, smooth: Trajectories, seed: int) -> bool:
    """Whether free functions of the speeds explain much more of what the energy loses than the friction does."""
    lagrangian, kinds = settled.numeric_lagrangian, tuple(term for _, term in settled.friction)
    _, left = EnergyBalance.of(lagrangian, kinds, smooth, seed).explained()
    _, balance = _free(lagrangian, smooth, seed)
    residual = balance.energy + balance.work @ balance.free()
    return left > MORE * float(np.mean(residual**2) / np.mean(balance.energy**2))


@dataclass(frozen=True)
class _Fit:
    """A law with the constants of its friction, rates first, as the fit of the motion has them."""

    friction: tuple[tuple[sp.Symbol, sp.Expr], ...]
    constants: tuple[sp.Symbol, ...]
    refined: Refined

    @property
    def sure(self) -> float:
        """The least sure rate, in standard errors."""
        places = [self.constants.index(rate) for rate, _ in self.friction]
        return float(np.min((self.refined.values / self.refined.standard_errors)[places]))

    def leaves_noise(self, noise: np.ndarray) -> bool:
        """Whether it leaves nothing but noise, with friction beyond doubt."""
        return bool(np.all(self.refined.residual < LARGEST * noise)) and self.sure > CONFIRMED

    def criterion(self, noise: np.ndarray, samples: int) -> float:
        """N sum log r^2 + k log N, see `lagsym.distillation.trial`."""
        left = 2 * np.sum(np.log(self.refined.residual / noise))
        return float(samples * left + len(self.constants) * np.log(samples))


def _fitted(settled: Settled, friction: FreeFriction, data: Trajectories, smooth: Trajectories) -> _Fit | None:
    """The law with such friction, all numbers inside it fitted as well; None where it cannot be integrated."""
    named = Named.of(friction.terms, numbers(friction.terms))
    own = settled.own
    count = len(friction.terms)
    symbols = tuple(parameter_symbol(f"d{k + 1}") for k in range(count + len(named.symbols)))
    inside: dict[Any, Any] = dict(zip(named.symbols, symbols[count:], strict=True))
    kinds = tuple(zip(symbols[:count], (term.xreplace(inside) for term in named.terms), strict=True))
    start = np.concatenate([settled.values[: len(own)], friction.coefficients, named.values])
    dissipation = sp.Add(*(rate * term for rate, term in kinds))
    try:
        refined = refine(settled.lagrangian, (*own, *symbols), start, data, smooth, dissipation=dissipation)
    except InputError:
        return None
    return _Fit(kinds, (*own, *symbols), refined)


@dataclass(frozen=True)
class FreeFriction:
    """A Rayleigh function as the balance of energy has it.

    Arguments:
        terms: functions of the velocities, with numbers inside that are to be fitted.
        coefficients: of the terms, all positive.
    """

    terms: Terms
    coefficients: Float[np.ndarray, " terms"]


def propose_friction(
    search: Engine, lagrangian: sp.Expr, data: Trajectories, *, seed: int = 0, budget: Budget | None = None
) -> tuple[tuple[FreeFriction, ...], tuple[str, ...]]:
    """Rayleigh functions that explain what the energy loses, the shortest first, and what the engine had to say.

    Arguments:
        search: the engine.
        lagrangian: the friction-free law, with numbers.
        data: differentiated trajectories.
        seed: of every draw.
        budget: of each search.

    Raises:
        UnavailableError: the engine cannot run here.
    """
    parts: list[Sequence[Terms]] = []
    said: list[str] = []
    for velocity, tables in _tables(lagrangian, data, seed):
        found, messages = propose(search, tables, seed=seed, budget=budget)
        said += messages
        formulas = [_power(velocity, lagrangian, data, seed), *(terms for part in found for terms in part)]
        parts.append([_at_rest_zero(terms, velocity) for terms in formulas if _is_friction(terms)])
    frictions: dict[Terms, FreeFriction] = {}
    sums: list[FittedTerms] = []
    for terms in combined(parts) if parts else ():
        coefficients, left = EnergyBalance.of(lagrangian, terms, data, seed).explained()
        if np.all(coefficients > 0):
            frictions[terms] = FreeFriction(terms, coefficients)
            sums.append(FittedTerms(terms, left))
    likeliest = tuple(frictions[found.terms] for found in layered(sums, ALTERNATIVES))
    return likeliest, tuple(dict.fromkeys(said))


def _is_friction(terms: Terms) -> bool:
    """Whether there are few terms, all of them finite at rest."""
    return len(terms) <= MOST_TERMS and all(term.subs(SPEED, 0).is_finite for term in terms)


def _at_rest_zero(terms: Terms, velocity: sp.Symbol) -> Terms:
    """The terms as functions of a velocity, less what they are at rest."""
    moved: list[Any] = [(term - term.subs(SPEED, 0)).xreplace({SPEED: sp.Abs(velocity)}) for term in terms]
    return tuple(moved)


def _tables(
    lagrangian: sp.Expr, data: Trajectories, seed: int
) -> Iterator[tuple[sp.Symbol, tuple[PartTable, PartTable]]]:
    """For every velocity with friction D as a function of the speed, and of its square."""
    jets = data.jets()
    velocities, balance = _free(lagrangian, data, seed)
    by_speed = balance.free().reshape(len(velocities), -1)
    works = np.split(balance.work, len(velocities), axis=1)
    rows = np.random.default_rng(seed).choice(len(jets), min(ROWS, len(jets)), replace=False)
    for velocity, c, work in zip(velocities, by_speed, works, strict=True):
        if np.std(work @ c) > NEGLIGIBLE * np.std(balance.energy):
            points = np.abs(jets.v[rows, velocities.index(velocity)])[:, None]
            lost = points ** np.array(POWERS) @ c
            columns = (tabulated(f"D of {velocity}", lost, [SPEED**k], [SPEED], points) for k in (1, 2))
            one, squared = (PartTable(*column, sp.S.One) for column in columns)
            yield velocity, (one, squared)


def _free(lagrangian: sp.Expr, data: Trajectories, seed: int) -> tuple[tuple[sp.Symbol, ...], EnergyBalance]:
    """The velocities, and the balance of energy with powers of each."""
    velocities = JetSpace(data.coordinates).velocities
    powers = tuple(sp.Abs(velocity) ** k for velocity in velocities for k in POWERS)
    return velocities, EnergyBalance.of(lagrangian, powers, data, seed)


def _power(velocity: sp.Symbol, lagrangian: sp.Expr, data: Trajectories, seed: int) -> Terms:
    """The power of the speed that explains most: the one law of friction that engines have no symbol for."""

    def left(exponent: float) -> float:
        term = sp.Abs(velocity) ** sp.Float(exponent, 17)
        return EnergyBalance.of(lagrangian, (term,), data, seed).explained()[1]

    best: Any = minimize_scalar(left, bounds=EXPONENTS, method="bounded", options={"xatol": RESOLUTION})
    return (SPEED ** sp.Float(float(best.x), 17),)
