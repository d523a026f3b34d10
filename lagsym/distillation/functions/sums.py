"""Sums: formulas for the parts of a Lagrangian, put together, fitted to the motion, and made as simple as it allows.

A network knows its parts up to its own error only, so formulas that an engine found are alternatives: the inner
constants of each are fitted to the motion itself, exponents are made whole and equal constants one where that does not
show, and the simplest of those that explain the motion best is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import sympy as sp

from lagsym.data.samples import Samples
from lagsym.data.trajectories import Trajectories
from lagsym.distillation.engines.base import complexity
from lagsym.distillation.fitting.inner import MOST, FittedTerms, Named, numbers
from lagsym.distillation.fitting.projection import STEPS, Grounds, Projection
from lagsym.distillation.selection.candidates import DATA_FLOOR, simplest
from lagsym.mechanics.jetspace import JetSpace

WHOLE = 0.4
"""An exponent this close to a whole number is tried as that."""
TIED = 0.25
"""Relative distance within which two constants are tried as one, or one as the double or triple of the other."""
MULTIPLES = (1, 2, 3)
AS_GOOD = 1.25
"""A loss within this factor of the best is as good: all sums are fitted to the same noise, so that more does show."""
ROUGH = 8
"""Steps of a fit that only ranks sums."""
SUSPECTS, SUSPICIOUS = 2, 1.5
"""Terms that are left out on trial, at most, and the factor of the loss with the other constants as they are."""
CONSTANTS = 2
"""Inner constants that are searched together for each part of a sum, where there are many parts; `MOST` for few."""
UNSEEN = 1.02
"""A loss that grows by no more than this factor does not show; chance alone moves it by about a per cent."""


def simplest_sum(
    alternatives: Sequence[Sequence[sp.Expr]], space: JetSpace, data: Trajectories | Samples
) -> FittedTerms | None:
    """Of sums of terms the simplest that explains the motion as well as the best, with its inner constants fitted.

    Arguments:
        alternatives: each all terms of a Lagrangian, with any coefficients.
        space: coordinates and velocities.
        data: differentiated trajectories, or samples with accelerations free of noise.

    Returns:
        Its terms; None where no sum could be fitted.
    """
    grounds = Grounds.of(data)
    tried = [fit_sum(terms, space, grounds) for terms in alternatives]
    fitted = [found for found in tried if found is not None]
    best = min((found.loss for found in fitted), default=0.0)
    good = [found for found in fitted if found.loss <= AS_GOOD * best + DATA_FLOOR]
    return min(good, key=lambda found: (sum(map(complexity, found.terms)), found.loss), default=None)


def most_constants(parts: int) -> int:
    """How many inner constants of so many parts of a Lagrangian are searched together, at most."""
    return max(MOST, CONSTANTS * parts)


def fit_roughly(terms: Sequence[sp.Expr], space: JetSpace, grounds: Grounds, *, most: int = MOST) -> FittedTerms | None:
    """A sum of terms with the inner constants that fit the motion best; None as for `fit_sum`.

    Arguments:
        terms: with numbers as starting values.
        space: coordinates and velocities.
        grounds: what they are fitted to.
        most: inner constants.
    """
    named = Named.of(terms, numbers(terms))
    found = None if len(named.symbols) > most else _fitted(named, space, grounds, steps=ROUGH)
    return None if found is None else FittedTerms(found[0].at(found[0].values), found[1])


def fit_sum(terms: Sequence[sp.Expr], space: JetSpace, grounds: Grounds, *, most: int = MOST) -> FittedTerms | None:
    """A sum of terms with the inner constants that fit the motion best, exponents whole and constants tied if they may.

    Arguments:
        terms: with numbers as starting values.
        space: coordinates and velocities.
        grounds: what they are fitted to.
        most: inner constants.

    Returns:
        The terms; None where there are too many inner constants, or one term is not real on the data.
    """
    named = Named.of(terms, numbers(terms))
    if len(named.symbols) > most:
        return None
    found = _fitted(named, space, grounds)
    if found is None:
        return None
    named, loss = _needed(*found, space, grounds)
    while True:
        for simpler, factor in _simpler(named):
            again = _fitted(simpler, space, grounds)
            if again is not None and (again[1] <= factor * loss + DATA_FLOOR if factor else simplest(again[1], loss)):
                named = again[0]
                break
        else:
            return FittedTerms(named.at(named.values), loss)


def _needed(named: Named, loss: float, space: JetSpace, grounds: Grounds) -> tuple[Named, float]:
    """The terms without those that the others do as well without."""
    while len(named.terms) > 2:
        without = Projection(named.terms, named.symbols, space, grounds).losses_without(named.values)
        # The other terms' constants make up for some of it.
        suspects = [int(k) for k in np.argsort(without)[:SUSPECTS] if without[k] < SUSPICIOUS * loss + DATA_FLOOR]
        tried = (_fitted(_less(named, k), space, grounds) for k in suspects)
        better = next((fit for fit in tried if fit is not None and fit[1] <= UNSEEN * loss + DATA_FLOOR), None)
        if better is None:
            break
        named, loss = better
    return named, loss


def _fitted(named: Named, space: JetSpace, grounds: Grounds, *, steps: int = STEPS) -> tuple[Named, float] | None:
    problem = Projection(named.terms, named.symbols, space, grounds)
    values = problem.fitted(named.values, steps=steps)
    return None if values is None else (replace(named, values=values), problem.loss(values))


def _simpler(named: Named) -> Iterator[tuple[Named, float | None]]:
    """The terms with one constant fewer, the likeliest first, and by which factor the loss may grow; None: as usual."""
    exponents = {power.exp for term in named.terms for power in term.atoms(sp.Pow) if power.base.free_symbols}
    for symbol, value in zip(named.symbols, named.values, strict=True):
        whole = round(float(value))
        if whole and abs(value - whole) < WHOLE and {symbol, -symbol} & exponents:
            yield _without(named, symbol, sp.Integer(whole)), None
    pairs = [
        (abs(b / a / times - 1), symbol, times * other)
        for symbol, b in zip(named.symbols, named.values, strict=True)
        for other, a in zip(named.symbols, named.values, strict=True)
        for times in MULTIPLES
        if symbol != other and not (times == 1 and b < a)
    ]
    for distance, symbol, value in sorted(pairs, key=lambda pair: (pair[0], str(pair[1]))):
        if distance < TIED:
            yield _without(named, symbol, value), UNSEEN


def _less(named: Named, place: int) -> Named:
    """The terms without one of them."""
    terms = tuple(term for k, term in enumerate(named.terms) if k != place)
    kept = [k for k, symbol in enumerate(named.symbols) if any(term.has(symbol) for term in terms)]
    return Named(terms, tuple(named.symbols[k] for k in kept), named.values[kept])


def _without(named: Named, symbol: sp.Symbol, value: sp.Expr) -> Named:
    kept = [k for k, other in enumerate(named.symbols) if other != symbol]
    terms: list[Any] = [term.xreplace({symbol: value}) for term in named.terms]
    return Named(tuple(terms), tuple(named.symbols[k] for k in kept), np.array([named.values[k] for k in kept]))
