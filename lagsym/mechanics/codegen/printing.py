"""Formulas as text of a programming language; what differs between languages is data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy as sp
from sympy.printing.codeprinter import CodePrinter
from sympy.printing.precedence import PRECEDENCE

from lagsym.mechanics.notation.parsing import FUNCTIONS

Cases = list[tuple[Callable[..., bool], Any]]
"""(Condition on the arguments, name or formatter) in order, as SymPy's printers of code take them."""


@dataclass(frozen=True)
class Dialect:
    """How a language writes formulas.

    Arguments:
        prefix: stands before the name of every function, such as `numpy.`.
        functions: the functions that are not called as in our formulas.
        power: the operator of powers; None where there is only the function `pow`.
        fraction: how a quotient of two integers is written.
    """

    prefix: str = ""
    functions: Mapping[str, str | Cases] = field(default_factory=dict)
    power: str | None = "**"
    fraction: str = "{}/{}"

    @property
    def calls(self) -> dict[str, str | Cases]:
        """What every function of our formulas is called in this language."""
        return {name: self.functions.get(name, f"{self.prefix}{name}") for name in FUNCTIONS}


class FormulaPrinter(CodePrinter):
    """SymPy's printer of code, for scalars in a dialect; doubles get their shortest exact digits.

    >>> x = sp.Symbol("x", real=True)
    >>> FormulaPrinter(Dialect(power="^")).doprint(0.1 * x**2 - sp.cos(x) / 3 + 1 / sp.sqrt(x))
    '0.1*x^2 - 1/3*cos(x) + 1/sqrt(x)'
    """

    language = "formula"

    def __init__(self, dialect: Dialect) -> None:
        super().__init__()
        self.dialect = dialect
        self.known_functions = {str(FUNCTIONS[name]): call for name, call in dialect.calls.items()}

    def _format_code(self, lines: list[str]) -> list[str]:
        return lines

    def _print_Float(self, expr: sp.Float) -> str:  # noqa: N802 (the names that SymPy calls)
        return repr(float(expr))

    def _print_Rational(self, expr: sp.Rational) -> str:  # noqa: N802
        return self.dialect.fraction.format(expr.p, expr.q)

    def _print_Pow(self, expr: sp.Pow, rational: bool = False) -> str:  # noqa: N802
        base, exponent = expr.args
        if exponent == sp.S.Half:
            return f"{self.dialect.calls['sqrt']}({self._print(base)})"
        if exponent in (-1, -sp.S.Half):
            return f"1/{self._operand(sp.Pow(base, -exponent, evaluate=False) if exponent != -1 else base)}"
        if self.dialect.power is None:
            return f"pow({self._print(base)}, {self._print(exponent)})"
        return f"{self._operand(base)}{self.dialect.power}{self._operand(exponent)}"

    def _operand(self, expr: Any) -> str:
        """A base or an exponent: in brackets unless it is a name, a positive number or a call."""
        if expr.is_Pow and expr.exp == sp.S.Half:
            return self._print(expr)
        return self.parenthesize(expr, PRECEDENCE["Pow"], strict=False)
