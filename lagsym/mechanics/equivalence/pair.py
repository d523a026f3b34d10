"""The two sides of a comparison: Lagrangians, the forces that none gives, and where they are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from lagsym.errors import InputError
from lagsym.mechanics.algebra.expansion import regular_part
from lagsym.mechanics.calculus import euler_lagrange
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.sampling import Ranges

Applied = sp.Matrix | None
INFINITE = (sp.nan, sp.zoo, sp.oo, -sp.oo)


@dataclass(frozen=True)
class Pair:
    """The two sides of a comparison: Lagrangians and columns of applied forces."""

    lagrangians: tuple[Any, Any]
    applied: tuple[Any, Any]
    space: JetSpace
    points: Ranges | None

    @classmethod
    def of(cls, lagrangians: tuple[Any, Any], applied: tuple[Applied, Applied], space: JetSpace, points: Any) -> Pair:
        """The pair of what a user gave.

        Raises:
            InputError: a Lagrangian is no finite expression in the symbols of the space and others of other names, or
                applied forces have another shape than (n, 1).
        """
        ours, theirs = (_expression(lagrangian, space) for lagrangian in lagrangians)
        our_forces, their_forces = (_column(forces, space) for forces in applied)
        return cls((ours, theirs), (our_forces, their_forces), space, points)

    @property
    def exact(self) -> bool:
        """Whether neither side holds decimal numbers."""
        return not any(part.has(sp.Float) for part in (*self.lagrangians, *self.applied))

    @property
    def has_forces(self) -> bool:
        """Whether there are forces that no Lagrangian gives."""
        return any(not forces.is_zero_matrix for forces in self.applied)

    def equations(self) -> tuple[sp.Matrix, sp.Matrix]:
        """The expressions E + Q - dD/dv of both sides."""
        ours, theirs = (
            self.variation(lagrangian) + forces
            for lagrangian, forces in zip(self.lagrangians, self.applied, strict=True)
        )
        return ours, theirs

    def variation(self, lagrangian: Any) -> sp.Matrix:
        """The expressions E, which need no value where a formula has a kink.

        Raises:
            InputError: a derivative has no formula, as that of an unknown function.
        """
        equations = sp.Matrix([regular_part(equation) for equation in euler_lagrange(lagrangian, self.space)])
        without = sorted(map(str, equations.atoms(sp.Derivative, sp.Subs, AppliedUndef)))
        if without:
            msg = f"expected functions with derivatives in closed form, got {', '.join(without)}; write them out"
            raise InputError(msg)
        return equations

    def difference(self, scale: Any) -> Any:
        """The candidate less c times the reference."""
        return self.lagrangians[0] - scale * self.lagrangians[1]

    def with_named_numbers(self) -> tuple[Pair, dict[sp.Symbol, float]]:
        """The pair with a symbol for each decimal number of the candidate, and their values."""
        values: dict[sp.Symbol, float] = {}
        lagrangian = _named_numbers(self.lagrangians[0], values)
        forces = self.applied[0].applyfunc(lambda force: _named_numbers(force, values))
        named = replace(self, lagrangians=(lagrangian, self.lagrangians[1]), applied=(forces, self.applied[1]))
        return named, values

    def with_values(self, values: Mapping[sp.Symbol, sp.Expr]) -> Pair:
        """The pair with numbers for symbols of the candidate."""
        lagrangian, forces = self.lagrangians[0].xreplace(values), self.applied[0].xreplace(values)
        return replace(self, lagrangians=(lagrangian, self.lagrangians[1]), applied=(forces, self.applied[1]))


def _expression(lagrangian: Any, space: JetSpace) -> Any:
    expression = lagrangian if isinstance(lagrangian, (str, sp.MatrixBase)) else sp.sympify(lagrangian)
    if not isinstance(expression, sp.Expr) or expression.has(*INFINITE):
        msg = f"expected a finite SymPy expression as a Lagrangian, got {lagrangian!r}"
        raise InputError(msg)
    strange = [symbol for symbol in expression.free_symbols if space.names.get(str(symbol), symbol) != symbol]
    if strange:
        names = ", ".join(sorted(map(str, strange)))
        msg = f"{names} has the name of a symbol of the jet space but is another; take it from `space.names`"
        raise InputError(msg)
    return expression


def _column(forces: Applied, space: JetSpace) -> Any:
    n = len(space.fields)
    if forces is None:
        return sp.zeros(n, 1)
    if forces.shape != (n, 1):
        msg = f"expected applied forces of shape ({n}, 1), one for each coordinate; got {forces.shape}"
        raise InputError(msg)
    return forces


def _named_numbers(expression: Any, values: dict[sp.Symbol, float]) -> Any:
    """The expression with a symbol of its own for each decimal number, so that each can be refitted."""
    if expression.is_Float:
        symbol = sp.Symbol(f"number {len(values) + 1} ({float(expression):.6g})", real=True)
        values[symbol] = float(expression)
        return symbol
    if not expression.has(sp.Float):
        return expression
    return expression.func(*(_named_numbers(part, values) for part in expression.args))
