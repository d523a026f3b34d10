"""The symbols that a Lagrangian is written in.

A particle is a field over time alone.  A jet space has base coordinates (time first), fields (the generalised
coordinates of a particle), and one symbol for each field and each multi-index of derivatives.  Names follow the file
formats: `q`, `q_dot`, `q_ddot` for particles, `phi`, `phi_t`, `phi_tx` for fields.  In statics a field lies over one
direction of space alone, which then plays the part of time: `y`, `y_x`, `y_xx`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy as sp

from lagsym.errors import InputError

DERIVATIVE_ORDER = 4
"""Highest order of derivative that has a name: twice the highest order of a Lagrangian."""


@dataclass(frozen=True)
class JetSpace:
    """Named symbols of fields and their derivatives over a base.

    Arguments:
        fields: names of the fields; for a particle, of its generalised coordinates.
        base: names of the base coordinates, time first.

    Raises:
        InputError: two symbols would share one name.

    >>> space = JetSpace(("theta",))
    >>> space.symbol(0, (0, 0))
    theta_ddot
    >>> JetSpace(("phi",), ("t", "x")).symbol(0, (1, 0))
    phi_tx
    >>> JetSpace(("y",), ("x",)).velocities
    (y_x,)
    """

    fields: tuple[str, ...]
    base: tuple[str, ...] = ("t",)

    def __post_init__(self) -> None:
        names = [*self.base, *(self._name(field, index) for field, index in self._indices())]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            msg = f"each coordinate needs names of its own, but {', '.join(twice)} would mean two things; rename one"
            raise InputError(msg)

    def _indices(self) -> Iterator[tuple[int, tuple[int, ...]]]:
        for field in range(len(self.fields)):
            for order in range(DERIVATIVE_ORDER + 1):
                for index in itertools.combinations_with_replacement(range(len(self.base)), order):
                    yield field, index

    def _name(self, field: int, index: tuple[int, ...]) -> str:
        if not index:
            return self.fields[field]
        if self.over_time_alone:
            return f"{self.fields[field]}_{'d' * len(index)}ot"
        return f"{self.fields[field]}_{''.join(self.base[mu] for mu in index)}"

    @property
    def over_time_alone(self) -> bool:
        """Whether the fields are a particle's coordinates, whose derivatives are written with dots."""
        return self.base == ("t",)

    @cached_property
    def _symbols(self) -> dict[tuple[int, tuple[int, ...]], sp.Symbol]:
        return {(i, index): sp.Symbol(self._name(i, index), real=True) for i, index in self._indices()}

    @cached_property
    def _keys(self) -> dict[sp.Symbol, tuple[int, tuple[int, ...]]]:
        return {symbol: key for key, symbol in self._symbols.items()}

    @cached_property
    def base_symbols(self) -> tuple[sp.Symbol, ...]:
        """Symbols of the base coordinates, time first."""
        return tuple(sp.Symbol(name, real=True) for name in self.base)

    @cached_property
    def names(self) -> dict[str, sp.Symbol]:
        """Every symbol by its name, as a parser needs them."""
        return {symbol.name: symbol for symbol in (*self.base_symbols, *self._symbols.values())}

    def symbol(self, field: int, index: tuple[int, ...] = ()) -> sp.Symbol:
        """The symbol of a field's derivative along the base directions in `index`, in any order."""
        return self._symbols[field, tuple(sorted(index))]

    def key(self, symbol: sp.Symbol) -> tuple[int, tuple[int, ...]] | None:
        """The (field, index) of a symbol, or None for a base coordinate or a parameter."""
        return self._keys.get(symbol)

    def order(self, expression: sp.Expr) -> int:
        """The highest order of derivative that an expression holds."""
        symbols: Any = expression.free_symbols
        keys = (self.key(symbol) for symbol in symbols)
        return max((len(key[1]) for key in keys if key), default=0)

    @property
    def positions(self) -> tuple[sp.Symbol, ...]:
        """The undifferentiated fields u; the coordinates q of a particle."""
        return tuple(self.symbol(i) for i in range(len(self.fields)))

    def derivatives(self, *index: int) -> tuple[sp.Symbol, ...]:
        """The derivative of every field along the base directions in `index`."""
        return tuple(self.symbol(i, index) for i in range(len(self.fields)))

    @property
    def velocities(self) -> tuple[sp.Symbol, ...]:
        """The first time derivatives of every field."""
        return self.derivatives(0)

    @property
    def accelerations(self) -> tuple[sp.Symbol, ...]:
        """The second time derivatives of every field."""
        return self.derivatives(0, 0)
