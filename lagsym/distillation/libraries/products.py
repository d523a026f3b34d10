"""Products: many expressions that are products of few shared factors, with their derivatives, as arrays.

A library of 1,500 terms has only some tens of factors.  These alone are differentiated and compiled; the terms'
derivatives follow by the product rule,

    d(f g ...)/ds = (df/ds) g ... + f (dg/ds) ... + ...,

so that nothing symbolic grows with the number of terms.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
import sympy as sp
from jaxtyping import Float

Derivatives = dict[tuple[int, ...], np.ndarray | float]
"""Derivatives of one expression by the sorted places of the symbols that it is differentiated by; zeros are absent."""


@dataclass(frozen=True)
class Products:
    """Expressions over the same symbols, differentiated factor by factor.

    Arguments:
        expressions: products, or anything else that is then its own single factor.
        symbols: what they are functions of.

    >>> x, y = sp.symbols("x y")
    >>> derivatives = Products((x**2 * y, x**3), (x, y)).first(np.array([[3.0], [2.0]]))
    >>> [sorted((place, float(value[0])) for place, value in found.items()) for found in derivatives]
    [[((0,), 12.0), ((1,), 9.0)], [((0,), 27.0)]]
    """

    expressions: tuple[sp.Expr, ...]
    symbols: tuple[sp.Symbol, ...]

    def first(self, points: Float[np.ndarray, "symbols samples"]) -> Iterator[Derivatives]:
        """All first derivatives of each expression, as arrays over the samples."""
        factors = self._evaluated(points, 1)
        for number, places in self._split[1]:
            yield _first(number, [factors[place] for place in places])

    def second(self, points: Float[np.ndarray, "symbols samples"]) -> Iterator[Derivatives]:
        """All first and second derivatives of each expression, as arrays over the samples."""
        factors = self._evaluated(points, 2)
        for number, places in self._split[1]:
            own = [factors[place] for place in places]
            yield _first(number, own) | _second(number, own)

    @cached_property
    def _split(self) -> tuple[tuple[sp.Expr, ...], list[tuple[float, tuple[int, ...]]]]:
        """The distinct factors, and each expression as its number and the places of its factors."""
        distinct: dict[sp.Expr, int] = {}
        split = []
        for expression in self.expressions:
            number, rest = sp.sympify(expression).as_coeff_Mul()
            factors = [factor for factor in sp.Mul.make_args(rest) if factor != 1]
            split.append((float(number), tuple(distinct.setdefault(factor, len(distinct)) for factor in factors)))
        return tuple(distinct), split

    @cached_property
    def _compiled(self) -> tuple[list[tuple[int, tuple[int, ...]]], Callable[..., list]]:
        """For every factor its value and derivatives that are not zero: whose and which, and one function for all."""
        keys, entries = [], []
        for place, factor in enumerate(self._split[0]):
            own = [i for i, symbol in enumerate(self.symbols) if factor.has(symbol)]
            for order in (0, 1, 2):
                for which in itertools.combinations_with_replacement(own, order):
                    entry = sp.diff(factor, *(self.symbols[i] for i in which)) if which else factor
                    if entry != 0:
                        keys.append((place, which))
                        entries.append(entry)
        return keys, _function(self.symbols, entries)

    def _evaluated(self, points: np.ndarray, order: int) -> list[Derivatives]:
        found: list[Derivatives] = [{} for _ in self._split[0]]
        keys, function = self._compiled
        for (place, which), value in zip(keys, function(*points), strict=True):
            if len(which) <= order:
                found[place][which] = value
        return found


def _function(symbols: Sequence[sp.Symbol], entries: list[sp.Expr]) -> Callable[..., list]:
    """One NumPy function for all entries, with sines, cosines and exponentials evaluated once."""
    kinds = (sp.sin, sp.cos, sp.exp)
    atoms = sorted(set().union(*(entry.atoms(*kinds) for entry in entries)), key=str)
    names = {atom: sp.Dummy(f"f{i}") for i, atom in enumerate(atoms)}
    inner = sp.lambdify(symbols, list(names), "numpy")
    outer = sp.lambdify([*symbols, *names.values()], [entry.xreplace(names) for entry in entries], "numpy")
    return lambda *values: outer(*values, *inner(*values))


def _first(number: float, factors: list[Derivatives]) -> Derivatives:
    found: Derivatives = {}
    for i, factor in enumerate(factors):
        rest = prod((other[()] for j, other in enumerate(factors) if j != i), start=number)
        for which, value in factor.items():
            if len(which) == 1:
                found[which] = found.get(which, 0.0) + rest * value
    return found


def _second(number: float, factors: list[Derivatives]) -> Derivatives:
    found: Derivatives = {}

    def add(which: tuple[int, ...], value: np.ndarray | float) -> None:
        found[which] = found.get(which, 0.0) + value

    for i, factor in enumerate(factors):
        rest = prod((other[()] for j, other in enumerate(factors) if j != i), start=number)
        for which, value in factor.items():
            if len(which) == 2:
                add(which, rest * value)
    for (i, one), (j, two) in itertools.combinations(enumerate(factors), 2):
        rest = prod((other[()] for k, other in enumerate(factors) if k not in {i, j}), start=number)
        for (s, a), (t, b) in itertools.product(_slopes(one), _slopes(two)):
            # Of d2/ds2 both orders of differentiating two different factors are the same derivative.
            add((min(s, t), max(s, t)), (2 if s == t else 1) * rest * a * b)
    return found


def _slopes(factor: Derivatives) -> list[tuple[int, np.ndarray | float]]:
    return [(which[0], value) for which, value in factor.items() if len(which) == 1]
