"""Dimensional analysis: the dimensions of a formula's constants follow from those of its coordinates.

Terms that are added have one dimension, what goes into a sine, an exponential or a logarithm has none, and a power
multiplies. Each such demand is linear in the exponents of the unknown dimensions,

    sum_k a_k [c_k] = b,

and all of them together are solved by elimination.

Source: Bridgman, Dimensional Analysis, Yale University Press, 1922, chapters 2 and 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from jaxtyping import Float

from lagsym.mechanics.jetspace import JetSpace

TOLERANCE = 1e-9
"""Exponents closer than this are equal: conversion factors enter as logarithms, which are rounded."""
Dimension = Float[np.ndarray, " parts"]


@dataclass(frozen=True)
class Conflict:
    """A demand that a formula does not meet.

    Arguments:
        term: the term of the sum in which it stands.
        part: what has the wrong dimension.
        beside: what it would have to agree with, or None where it would have to be a pure number.
        dimension: the dimension of `part`, or None where it is open.
        wanted: the dimension that it would have to have, or None where that is open.
    """

    term: sp.Expr
    part: sp.Expr
    beside: sp.Expr | None
    dimension: Dimension | None
    wanted: Dimension | None


@dataclass(frozen=True)
class Analysis:
    """What dimensional analysis says about a Lagrangian and the friction beside it.

    Arguments:
        total: the dimension of the Lagrangian, or None where it is open.
        symbols: for each symbol whose dimension was not given, the dimension, or None where it is open.
        conflicts: demands that are not met; the dimensions above are those that the others give.
    """

    total: Dimension | None
    symbols: Mapping[sp.Symbol, Dimension | None]
    conflicts: tuple[Conflict, ...]


def analyse(
    lagrangian: sp.Expr,
    space: JetSpace,
    given: Mapping[str, Dimension],
    *,
    dissipation: sp.Expr = sp.S.Zero,
    total: Dimension | None = None,
) -> Analysis:
    """Find the dimensions of a Lagrangian and of its constants.

    All terms of L have one dimension [L], and all terms of D have [L] / [t]. Whole numbers and fractions are pure
    numbers; so is a decimal number wherever the other demands allow it, those of kinetic terms first. The unit of what
    is inside a logarithm that is a term by itself is free, as it changes L only by a constant.

    Arguments:
        lagrangian: a sum of terms; symbols that are neither of `space` nor in `given` are constants.
        space: the jet space.
        given: the dimension, a vector (D,) of exponents, of every coordinate and base coordinate, by name, and of
            whatever else is known.
        dissipation: the Rayleigh function.
        total: the dimension of L (D,) where it is known, as from measured forces.

    >>> x, v, c = *JetSpace(("x",)).positions, *JetSpace(("x",)).velocities, sp.Symbol("c")
    >>> metre, second = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    >>> found = analyse(v**2 / 2 - c * x**2, JetSpace(("x",)), {"x": metre, "t": second})
    >>> found.symbols[c].tolist(), found.total.tolist()
    ([0.0, -2.0], [2.0, -2.0])
    """
    known = _known(lagrangian + dissipation, space, given)
    energies, losses = (_terms(formula, space) for formula in (lagrangian, dissipation))
    whole: Any = sp.Dummy("L")
    unknown = [whole, *_unknown([*energies, *losses], known)]
    demands = _Demands(known, unknown, len(given[space.base[0]]))
    if total is not None:
        demands.require(lagrangian, demands.of(whole), None, demands.constant(total))
    per_time = demands.of(whole) - demands.constant(given[space.base[0]])
    for terms, row in ((energies, demands.of(whole)), (losses, per_time)):
        for term in terms:
            demands.read(term, row, energies[0])
    for number in unknown:
        if isinstance(number, tuple):
            demands.suggest(demands.column(number))
    symbols = {part: demands.solved(demands.of(part)) for part in unknown[1:] if isinstance(part, sp.Symbol)}
    return Analysis(demands.solved(demands.of(whole)), symbols, tuple(demands.conflicts))


def _known(formula: sp.Expr, space: JetSpace, given: Mapping[str, Dimension]) -> dict[sp.Symbol, Dimension]:
    """The dimensions of a formula's symbols, as far as they follow from those given: [q] / [t] of a velocity."""
    free: Any = formula.free_symbols
    known = {}
    for symbol in free:
        key = space.key(symbol)
        if key is not None:
            steps = [given[space.base[mu]] for mu in key[1]]
            known[symbol] = given[space.fields[key[0]]] - np.sum([np.zeros_like(given[space.base[0]]), *steps], axis=0)
        elif symbol.name in given:
            known[symbol] = given[symbol.name]
    return known


def _terms(formula: sp.Expr, space: JetSpace) -> list[sp.Expr]:
    """The terms of a sum, those with velocities first."""
    terms = [] if formula == 0 else sorted(sp.Add.make_args(formula), key=sp.default_sort_key)
    return sorted(terms, key=lambda term: term.free_symbols.isdisjoint(space.velocities))


def _unknown(terms: Sequence[sp.Expr], known: Mapping[sp.Symbol, Dimension]) -> list[Any]:
    """Constants and decimal numbers in the order of the terms; one number may mean several things, one in each term."""
    parts: dict[Any, None] = {}
    for term in terms:
        free: Any = term.free_symbols
        parts |= dict.fromkeys(sorted(free - known.keys(), key=str))
        parts |= dict.fromkeys((term, number) for number in sorted(term.atoms(sp.Float), key=float))
    return list(parts)


class _Demands:
    """Linear equations for unknown dimensions, in triangular form.

    A row has one entry for each unknown and one for each part of a known dimension; as a demand it is zero.
    """

    def __init__(self, known: Mapping[sp.Symbol, Dimension], unknown: Sequence[Any], parts: int) -> None:
        self.conflicts: list[Conflict] = []
        self._known = known
        self._columns = {part: i for i, part in enumerate(unknown)}
        self._parts = parts
        self._solved: dict[int, np.ndarray] = {}
        self._term: sp.Expr = sp.S.Zero

    def constant(self, dimension: Dimension) -> np.ndarray:
        """The row of a known dimension."""
        return np.concatenate([np.zeros(len(self._columns)), dimension])

    def column(self, unknown: Any) -> np.ndarray:
        """The row of an unknown dimension."""
        return np.eye(len(self._columns) + self._parts)[self._columns[unknown]]

    def read(self, term: sp.Expr, row: np.ndarray, beside: sp.Expr) -> None:
        """Take in a term whose dimension is `row`, which is that of `beside` as well."""
        self._term = term
        factors = sp.Mul.make_args(term)
        logarithms = [factor for factor in factors if isinstance(factor, sp.log)]
        others: Any = [factor for factor in factors if factor not in logarithms]
        if len(logarithms) == 1 and not any(factor.free_symbols & self._known.keys() for factor in others):
            self.of(logarithms[0].args[0])
            self.require(term, self.of(sp.Mul(*others)), beside, row)
        else:
            self.require(term, self.of(term), beside, row)

    def of(self, part: Any) -> np.ndarray:
        """The row of an expression's dimension; what its parts demand of each other is taken in."""
        key: Any = (self._term, part) if isinstance(part, sp.Float) else part
        if key in self._columns:
            return self.column(key)
        if key in self._known:
            return self.constant(self._known[key])
        if part.is_Add:
            return self._sum(part.args)
        if part.is_Mul:
            return np.sum([self.of(factor) for factor in part.args], axis=0)
        if part.is_Pow:
            return self._power(*part.args)
        return self._function(part) if part.args else self._pure

    def require(self, part: Any, row: np.ndarray, beside: Any, other: np.ndarray) -> None:
        """Demand that two dimensions are one; without `beside`, that a part has the dimension `other`."""
        rest = self._reduced(row - other)
        if np.abs(rest[: len(self._columns)]).max() > TOLERANCE:
            self._eliminate(rest)
        elif np.abs(rest).max() > TOLERANCE:
            self.conflicts.append(Conflict(self._term, part, beside, self.solved(row), self.solved(other)))

    def suggest(self, row: np.ndarray) -> None:
        """Let something be a pure number if nothing contradicts it."""
        rest = self._reduced(row)
        if np.abs(rest[: len(self._columns)]).max() > TOLERANCE:
            self._eliminate(rest)

    def solved(self, row: np.ndarray) -> Dimension | None:
        """The dimension of a row, or None while it is open."""
        rest = self._reduced(row)
        open_ = np.abs(rest[: len(self._columns)]).max() > TOLERANCE
        return None if open_ else rest[len(self._columns) :]

    @property
    def _pure(self) -> np.ndarray:
        return np.zeros(len(self._columns) + self._parts)

    def _sum(self, parts: Sequence[Any]) -> np.ndarray:
        first, *rest = sorted(parts, key=sp.default_sort_key)
        row = self.of(first)
        for part in rest:
            self.require(part, self.of(part), first, row)
        return row

    def _power(self, base: Any, exponent: Any) -> np.ndarray:
        if exponent.is_number:
            return float(exponent) * self.of(base)
        for part in (base, exponent):
            self.require(part, self.of(part), None, self._pure)
        return self._pure

    def _function(self, part: Any) -> np.ndarray:
        if isinstance(part, sp.Abs):
            return self.of(part.args[0])
        if isinstance(part, sp.sign):
            self.of(part.args[0])
        elif isinstance(part, sp.atan2):
            self._sum(part.args)
        else:
            for argument in part.args:
                self.require(argument, self.of(argument), None, self._pure)
        return self._pure

    def _reduced(self, row: np.ndarray) -> np.ndarray:
        """A row after what is solved has been put in: older solutions may hold unknowns that newer ones solve."""
        for column, solution in self._solved.items():
            row = row - row[column] * solution
        return row

    def _eliminate(self, row: np.ndarray) -> None:
        column = int(np.argmax(np.abs(row[: len(self._columns)])))
        self._solved[column] = row / row[column]
