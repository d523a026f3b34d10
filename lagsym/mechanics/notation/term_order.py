"""The order in which a mechanics textbook writes the terms of a sum and the factors of a product."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy as sp

from lagsym.mechanics.jetspace import JetSpace

Key = tuple[int, tuple[int, ...]]
"""Field and multi-index of a jet symbol, by which terms are ordered."""
_MASS = re.compile(r"[mM]_?\d*")
_LATIN_CAPITAL = re.compile(r"[A-Z]_?\d*")
_FUNCTION_RANKS = {"sin": 0, "cos": 1}


@dataclass(frozen=True)
class TermOrder:
    """Sorting keys of terms and factors over a jet space.

    >>> space = JetSpace(("x",))
    >>> x, x_dot, x_ddot = (space.symbol(0, (0,) * k) for k in range(3))
    >>> sorted([x**2, x_ddot, x, x_dot], key=TermOrder(space).term)
    [x_ddot, x_dot, x, x**2]
    """

    space: JetSpace

    @cached_property
    def _kinds(self) -> tuple[Mapping[sp.Symbol, Key], ...]:
        """The jet symbols: accelerations and above, velocities, derivatives by space alone, positions."""
        kinds: tuple[dict[sp.Symbol, Key], ...] = ({}, {}, {}, {})
        for symbol in self.space.names.values():
            key = self.space.key(symbol)
            if key is not None:  # a base coordinate has none
                by_time = key[1].count(0)
                kinds[2 - min(by_time, 2) if by_time else 2 + (not key[1])][symbol] = key
        return kinds

    @cached_property
    def moving(self) -> frozenset[sp.Symbol]:
        """Everything that changes along a motion: fields, their derivatives and the base coordinates."""
        return frozenset(self.space.names.values())

    def degrees(self, term: sp.Expr) -> tuple[float, ...]:
        """Degrees in accelerations, velocities and derivatives by space."""
        return tuple(degree(term, kind) for kind in self._kinds[:3])

    def term(self, term: Any) -> tuple:
        """Accelerations, then kinetic terms, then the potential; squares before products; coordinates in order."""
        indices = [tuple(sorted(kind[s] for s in term.free_symbols & set(kind))) for kind in self._kinds]
        accelerations, velocities, slopes = self.degrees(term)
        return (
            min((-key[1].count(0) for key in indices[0]), default=0),
            -accelerations,
            velocities if accelerations else -velocities,
            *((len(index), index) for index in indices[:2]),
            not slopes,
            slopes,
            indices[2],
            not indices[3],
            degree(term, self._kinds[3]),
            indices[3],
            str(term),
        )

    def rank(self, term: sp.Expr) -> tuple[bool, ...]:
        """What decides which of two terms comes first whatever their signs: whether it holds derivatives."""
        return tuple(not degree for degree in self.degrees(term))

    def factor(self, factor: Any) -> tuple:
        """Numbers, masses, other parameters, coordinates, velocities, sums, accelerations, functions."""
        base, exponent = factor.as_base_exp()
        if base == sp.E and exponent != 1:
            return (6, str(exponent))
        if base.is_number:
            return (0, str(base))
        key = self.space.key(base)
        if key is not None:
            return (5 if len(key[1]) > 1 else 3, len(key[1]), key[1], key[0])
        if not base.free_symbols & self.moving and (base.is_Symbol or base.is_Add):
            # As in m g l, (m1 + m2) l^2 and G m1 m2
            name = str(base)
            capital = bool(_LATIN_CAPITAL.fullmatch(name)) and not _MASS.fullmatch(name)
            return (1, not base.is_Add, not capital, not _MASS.fullmatch(name), name)
        if not base.free_symbols & self.moving and factor.is_Pow:
            return (2, str(base))
        if base.is_Add:  # (1 + x^2) x_ddot
            return (4, str(base))
        return (7, _FUNCTION_RANKS.get(base.func.__name__, 2), str(base))


def degree(expression: Any, kind: Mapping[sp.Symbol, Key]) -> float:
    """Degree in the symbols of a kind, where it is a polynomial; anything else counts as degree one."""
    if expression in kind:
        return 1
    if expression.is_Add:
        return max(degree(part, kind) for part in expression.args)
    if expression.is_Mul:
        return sum(degree(part, kind) for part in expression.args)
    if expression.is_Pow and expression.exp.is_number:
        inner = degree(expression.base, kind)
        return float(expression.exp) * inner if expression.exp > 0 or expression.base in kind else float(inner != 0)
    return 1 if expression.free_symbols & set(kind) else 0
