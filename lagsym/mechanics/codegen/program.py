"""Equations of motion as short assignments, before any language comes in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy as sp

from lagsym.mechanics.algebra.linear_solve import solve_linear
from lagsym.mechanics.codegen.names import free_name

CLOSED_SOLVE = 2
"""Up to this many coupled coordinates the accelerations are a closed formula; beyond, each call solves M a = f."""

Statement = tuple[sp.Symbol, sp.Expr]


@dataclass(frozen=True)
class Routine:
    """Assignments in order, and what they are made for.

    Arguments:
        statements: a symbol and the formula that it gets.
        results: the symbol of each result by its name, or zero where it is none.
    """

    statements: tuple[Statement, ...]
    results: Mapping[str, Any]

    @cached_property
    def inputs(self) -> set[sp.Basic]:
        """The symbols that must be known beforehand."""
        free: Any = {symbol for _, formula in self.statements for symbol in formula.free_symbols}
        return free - {symbol for symbol, _ in self.statements}

    def used(self, symbols: Iterable[sp.Symbol]) -> list[tuple[int, sp.Symbol]]:
        """Those of the symbols that must be known, each with its place."""
        return [(i, symbol) for i, symbol in enumerate(symbols) if symbol in self.inputs]

    def column(self, name: str, size: int) -> list[Any]:
        """The results `name_1` to `name_size`."""
        return [self.results[f"{name}_{i}"] for i in range(1, size + 1)]

    def rows(self, name: str, size: int) -> list[list[Any]]:
        """The results `name_i_j` of a symmetric matrix, of which those with i <= j are computed."""
        places = range(1, size + 1)
        return [[self.results[f"{name}_{min(i, j)}_{max(i, j)}"] for j in places] for i in places]


@dataclass(frozen=True)
class Program:
    """A particle's equations of motion M a = f, energy and power, in symbols whose names are safe.

    Arguments:
        name: of the whole, safe as well.
        header: lines that say what this is.
        time: the symbol of time.
        positions: the coordinates q.
        velocities: their rates v.
        parameters: every parameter with its default value.
        mass: the mass matrix M, of shape (n, n).
        force: the force f with all applied forces, of shape (n, 1).
        energy: v . dL/dv - L.
        power: the rate at which the energy changes along the motion.
        taken: names that no intermediate result may have.
    """

    name: str
    header: tuple[str, ...]
    time: sp.Symbol
    positions: tuple[sp.Symbol, ...]
    velocities: tuple[sp.Symbol, ...]
    parameters: Mapping[sp.Symbol, float]
    mass: sp.Matrix
    force: sp.Matrix
    energy: sp.Expr
    power: sp.Expr
    taken: frozenset[str]

    @property
    def size(self) -> int:
        """The number n of coordinates."""
        return len(self.positions)

    def equations(self, routine: Routine) -> list[tuple[list[tuple[sp.Symbol, sp.Symbol]], Any]]:
        """The rows of M dv/dt = f: each entry that is not zero with the velocity that it goes with, and the force."""
        rows, forces = routine.rows("mass", self.size), routine.column("force", self.size)
        pairs = [[pair for pair in zip(row, self.velocities, strict=True) if pair[0] != 0] for row in rows]
        return list(zip(pairs, forces, strict=True))

    @cached_property
    def routines(self) -> dict[str, Routine | None]:
        """What a program is asked for; `acceleration` is None where more than two coordinates are coupled."""
        motion, energy, power = self._motion_formulas(), {"energy": self.energy}, {"power": self.power}
        return {
            "mass_and_force": self._routine(motion),
            "acceleration": self._closed_solution(),
            "energy": self._routine(energy),
            "power": self._routine(power),
            "everything": self._routine(motion | energy),
        }

    def _motion_formulas(self) -> dict[str, Any]:
        n = self.size
        mass = {f"mass_{i + 1}_{j + 1}": self.mass[i, j] for i in range(n) for j in range(i, n)}
        return mass | {f"force_{i + 1}": self.force[i] for i in range(n)}

    def _closed_solution(self) -> Routine | None:
        if max(map(len, self.mass.connected_components())) > CLOSED_SOLVE:
            return None
        entries = self._routine(self._motion_formulas())
        mass, force = sp.Matrix(entries.rows("mass", self.size)), sp.Matrix(entries.column("force", self.size))
        solution = enumerate(solve_linear(mass, force, self.positions), start=1)
        return self._routine({f"acceleration_{i}": formula for i, formula in solution}, entries.statements)

    def _routine(self, formulas: Mapping[str, Any], before: tuple[Statement, ...] = ()) -> Routine:
        """Assignments for all formulas, common subexpressions shared, after those that went before."""
        taken = self.taken | {symbol.name for symbol, _ in before}
        symbols = {name: sp.Symbol(free_name(name, taken), real=True) for name in formulas}
        taken |= {symbol.name for symbol in symbols.values()}
        terms = (term for term in sp.numbered_symbols("term_", start=1, real=True) if term.name not in taken)
        shared, reduced = sp.cse(list(formulas.values()), symbols=terms)
        assigned = {symbols[name]: formula for name, formula in zip(formulas, reduced, strict=True) if formula != 0}
        results = {name: symbol if symbol in assigned else sp.S.Zero for name, symbol in symbols.items()}
        statements: Any = (*before, *shared, *assigned.items())
        return Routine(statements, results)
