"""Inner constants: numbers inside a term, such as k in sqrt(1 - k v²), fitted to the motion by variable projection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp
from jaxtyping import Float

from lagsym.data.samples import Sampled, Samples
from lagsym.data.trajectories import Trajectories
from lagsym.distillation.fitting.projection import Grounds, Projection
from lagsym.distillation.libraries.terms import Library
from lagsym.distillation.selection.candidates import Candidate, simplest
from lagsym.distillation.selection.evidence import DATA_FLOOR
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import parameter_symbol

MOST = 4
"""Inner constants that are searched together, at most."""
LARGEST_MULTIPLE = 4
"""Constants that are whole multiples of another up to this one, to rounding, are one constant."""
ROUNDING = 1e-13
CLOSE, MUCH = 3, 30.0
"""Alternatives that are kept, at most, and how many times the best one's loss smoothing may have left them."""
_FROM_SINGULARITY = 0.5
"""Where a search begins: the fastest sample's squared speed relative to that at which a term is singular."""


def numbers(terms: Sequence[sp.Expr]) -> tuple[sp.Float, ...]:
    """The decimal numbers inside terms, in order of size; exact numbers are part of the structure.

    >>> v = sp.Symbol("v", real=True)
    >>> numbers([sp.sqrt(1 - 0.25 * v**2), v**2 / 2])
    (-0.250000000000000,)
    """
    found = {number for term in terms for number in term.atoms(sp.Float)}
    return tuple(sorted(found, key=float))


@dataclass(frozen=True)
class Named:
    """Terms whose inner constants have names.

    Arguments:
        terms: with the symbols in place of the numbers.
        symbols: positive constants; a negative number is minus its symbol.
        values: their values.
    """

    terms: tuple[sp.Expr, ...]
    symbols: tuple[sp.Symbol, ...]
    values: Float[np.ndarray, " constants"]

    @classmethod
    def of(cls, terms: Sequence[sp.Expr], inner: Sequence[sp.Float], *, first: int = 1) -> Named:
        """Name the numbers `inner` inside terms c<first>, c<first + 1>, ...; one that is a multiple of another is not.

        >>> x = sp.Symbol("x", real=True)
        >>> terms = [sp.exp(-1.5 * x), sp.exp(-3.0 * x)]
        >>> Named.of(terms, numbers(terms)).terms
        (exp(-c1*x), exp(-2*c1*x))
        """
        present = [number for number in inner if any(term.has(number) for term in terms)]
        bases: list[sp.Float] = []
        multiples: dict[Any, tuple[int, int]] = {}
        sizes: set[Any] = {abs(number) for number in present}
        for size in sorted(sizes, key=float):
            multiples[size] = _multiple(size, bases) or (1, len(bases))
            if multiples[size] == (1, len(bases)):
                bases.append(size)
        symbols = tuple(parameter_symbol(f"c{first + i}") for i in range(len(bases)))
        signed = {number: (1 if number > 0 else -1, *multiples[abs(number)]) for number in present}
        places = {number: sign * times * symbols[base] for number, (sign, times, base) in signed.items()}
        named: list[Any] = [term.xreplace(places) for term in terms]
        return cls(tuple(named), symbols, np.array([float(base) for base in bases]))

    def at(self, values: Float[np.ndarray, " constants"]) -> tuple[sp.Expr, ...]:
        """The terms with numbers again."""
        found = {symbol: sp.Float(float(x), 17) for symbol, x in zip(self.symbols, values, strict=True)}
        numeric: list[Any] = [term.xreplace(found) for term in self.terms]
        return tuple(numeric)


@dataclass(frozen=True)
class FittedTerms:
    """Terms with fitted inner constants, and the mean square of what they leave of the weak form beside others."""

    terms: tuple[sp.Expr, ...]
    loss: float

    @property
    def complexity(self) -> int:
        """Operations in all terms."""
        return sum(int(term.count_ops()) for term in self.terms)


def fit_inner(terms: Sequence[sp.Expr], beside: Library, data: Trajectories | Samples) -> FittedTerms | None:
    """The terms with the inner constants that fit the motion best, beside others with any coefficients.

    Arguments:
        terms: with their numbers as starting values; the first is part of every combination.
        beside: further terms.
        data: differentiated trajectories, or samples with accelerations free of noise.

    Returns:
        The terms with fitted numbers; None where there are too many, or one is not finite on the data, or so small
        that the term is another one.
    """
    return _fit_beside(terms, beside, Grounds.of(data))


def _fit_beside(terms: Sequence[sp.Expr], beside: Library, grounds: Grounds) -> FittedTerms | None:
    named = Named.of(terms, numbers(terms))
    if not 0 < len(named.symbols) <= MOST or not (named.values > 0).all():
        return None
    problem = Projection((*named.terms, *beside.expressions), named.symbols, beside.space, grounds)
    values = problem.fitted(named.values)
    if values is None or not problem.matters(values):
        return None
    return FittedTerms(named.at(values), problem.loss(values))


def simplest_fit(
    proposals: Sequence[Sequence[sp.Expr]], beside: Library, data: Trajectories | Samples
) -> tuple[sp.Expr, ...]:
    """Of alternatives, each with its inner constants fitted, the simplest that does as well as the best.

    Alternatives are not to be added up: two that are nearly alike would cancel, with huge coefficients.

    Returns:
        Its terms; none where nothing could be fitted.
    """
    return next(iter(close_fits(proposals, beside, data)), ())


def close_fits(
    proposals: Sequence[Sequence[sp.Expr]], beside: Library, data: Trajectories | Samples
) -> tuple[tuple[sp.Expr, ...], ...]:
    """Of alternatives, each with its inner constants fitted, those that smoothing could have put behind another.

    Returns:
        The simplest that does as well as the best, and then others that do not do much worse, the best of them first.
    """
    grounds = Grounds.of(data)
    tried = [_fit_beside(terms, beside, grounds) for terms in proposals]
    fitted = sorted((found for found in tried if found is not None), key=lambda found: found.loss)
    if not fitted:
        return ()
    best = fitted[0].loss
    first = min((found for found in fitted if simplest(found.loss, best)), key=lambda found: found.complexity)
    others = [found for found in fitted if found is not first and found.loss <= MUCH * best + DATA_FLOOR]
    return tuple(found.terms for found in (first, *others[: CLOSE - 1]))


def simple_kinetic(space: JetSpace, data: Sampled) -> tuple[sp.Expr, ...]:
    """Functions of the squared speed with one inner constant each, to be fitted; none where all coordinates are angles.

    Every elementary function that grows with the speed, up to a singularity beyond the data or without one: noisy or
    slow motion leaves a network's T too uncertain for a search to tell them apart, but they are few enough to try.
    """
    lengths = np.flatnonzero(~data.angle_mask)
    if not len(lengths):
        return ()
    speed = sp.Add(*(space.velocities[i] ** 2 for i in lengths))
    fastest = float(np.max(np.sum(data.jets().v[:, lengths] ** 2, axis=1)))
    rate = sp.Float(_FROM_SINGULARITY / fastest, 17)
    left = 1 - rate * speed
    return (-sp.sqrt(left), 1 / sp.sqrt(left), 1 / left, -sp.log(left), sp.exp(rate * speed))


def with_inner(candidate: Candidate, proposed: Sequence[sp.Expr]) -> Candidate:
    """The candidate, knowing which numbers inside its terms are inner constants: those of proposed terms."""
    return replace(candidate, inner=numbers([term for term in candidate.terms if term in set(proposed)]))


def _multiple(size: sp.Float, bases: Sequence[sp.Float]) -> tuple[int, int] | None:
    """The whole multiple that a number is of one of these, to rounding, and of which; None where it is of none."""
    for place, base in enumerate(bases):
        times = round(float(size / base))
        if 1 <= times <= LARGEST_MULTIPLE and abs(float(size / base) / times - 1) < ROUNDING:
            return times, place
    return None
