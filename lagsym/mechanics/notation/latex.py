r"""Textbook typesetting: kinetic terms first, numbers in front, dots for time derivatives, errors in brackets."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.printing.latex import LatexPrinter

from lagsym.mechanics.dynamics.forms import Forces
from lagsym.mechanics.dynamics.motion import equations_of_motion, solve_motion
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.notation.symbol_names import jet_names, name_latex
from lagsym.mechanics.notation.term_order import TermOrder
from lagsym.mechanics.notation.textbook import textbook_equation, textbook_form

Constants = Mapping[sp.Symbol, tuple[float, float | None]]
"""Value and standard error (or None) of each fitted constant."""
DIGITS = 6
"""Significant digits of a number without an error."""
MOST_DIGITS = 12
"""Significant digits beyond which a number is not printed, however small its error."""
_NAMES = {"asin": r"\arcsin", "acos": r"\arccos", "atan": r"\arctan", "sign": r"\operatorname{sgn}"}
_PLAIN = ("sin", "cos", "tan", "sinh", "cosh", "tanh", "log")


def to_latex(expression: sp.Expr, space: JetSpace, *, constants: Constants | None = None) -> str:
    r"""Typeset an expression as a textbook would.

    Arguments:
        expression: over the symbols of `space`, parameters and `constants`.
        space: its symbols get dots for time derivatives.
        constants: fitted constants, printed as numbers with their errors: 0.317(2) is 0.317 with standard error 0.002.

    >>> space = JetSpace(("theta1",))
    >>> (theta,), (omega,) = space.positions, space.velocities
    >>> c1 = sp.Symbol("c1", real=True)
    >>> print(to_latex(c1 * sp.cos(theta) + omega**2 / 2, space, constants={c1: (9.8123, 0.021)}))
    \frac{1}{2} \dot{\theta}_{1}^{2} + 9.81(2) \cos \theta_{1}
    """
    printer, measured = _printer(space, constants)
    substituted: Any = sp.sympify(expression).xreplace(measured)
    return printer.doprint(textbook_form(substituted, space))


def equations_latex(
    lagrangian: sp.Expr,
    space: JetSpace,
    *,
    dissipation: sp.Expr | int = 0,
    forces: Forces | None = None,
    constants: Constants | None = None,
    solved: bool = False,
) -> tuple[str, ...]:
    r"""Typeset the equations of motion -E + dD/dv - Q = 0, one for each coordinate or field.

    Each is divided by the parameters that all its terms hold.

    Arguments:
        lagrangian: the Lagrangian (density), of first or second order.
        space: the jet space that it is written in.
        dissipation: the Rayleigh function D(q, v).
        forces: generalised forces Q(t, q, v) by coordinate.
        constants: as for `to_latex`.
        solved: write each highest derivative by time as a function of the rest instead.

    Raises:
        InputError: with `solved`, the equations do not determine these derivatives.

    >>> space = JetSpace(("x",))
    >>> (x,), (x_dot,) = space.positions, space.velocities
    >>> k, m = sp.symbols("k m", real=True)
    >>> print(*equations_latex(m * x_dot**2 / 2 - k * x**2 / 2, space))
    m \ddot{x} + k x = 0
    """
    printer, measured = _printer(space, constants)
    if solved:
        motion: Any = solve_motion(lagrangian, space, dissipation=dissipation, forces=forces)
        return tuple(
            f"{printer.doprint(symbol)} = {printer.doprint(textbook_form(value.xreplace(measured), space))}"
            for symbol, value in motion.items()
        )
    equations: Any = equations_of_motion(lagrangian, space, dissipation=dissipation, forces=forces).flat()
    numbers = frozenset(printer.measured)
    sides = (textbook_equation(equation.xreplace(measured), space, numbers) for equation in equations)
    return tuple(f"{printer.doprint(side)} = 0" for side in sides)


def _printer(space: JetSpace, constants: Constants | None) -> tuple[_TextbookPrinter, dict[Any, Any]]:
    """The printer, and what stands for the fitted constants in it: symbols of positive numbers with signs."""
    printer, replaced = _TextbookPrinter(space), {}
    for symbol, (value, error) in (constants or {}).items():
        measured = sp.Symbol(f"{symbol.name} measured", real=True)
        printer.measured[measured] = _Measured(abs(value), error)
        # SymPy then finds the sign of each term.
        replaced[symbol] = -measured if value < 0 else measured
    return printer, replaced


def number_latex(value: float, error: float | None = None) -> str:
    r"""A number with the digits that its standard error supports, and the error in brackets.

    >>> number_latex(0.31702, 0.0021), number_latex(124.2, 3.1), number_latex(0.31702, 0.0014)
    ('0.317(2)', '124(3)', '0.3170(14)')
    >>> print(number_latex(1.5e-7))
    1.5 \times 10^{-7}
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    size = math.floor(math.log10(abs(value)))
    if not -4 <= size < DIGITS:
        digits = _decimal(value / 10.0**size, None if error is None else error / 10.0**size)
        return rf"10^{{{size}}}" if digits == "1" else rf"{digits} \times 10^{{{size}}}"
    return _decimal(value, error)


def _decimal(value: float, error: float | None) -> str:
    if not error or not math.isfinite(error):
        return f"{value:.{DIGITS}g}"
    exponent = math.floor(math.log10(error))
    leading = round(error / 10.0**exponent, 6)
    # One digit of the error, two where it begins with a 1 and rounding would change it by much.
    places = -exponent + (1 if leading < 2 else 0)
    if places + math.floor(math.log10(abs(value))) >= MOST_DIGITS:
        return f"{value:.{MOST_DIGITS}g}"
    if places <= 0:
        return f"{round(value, places):.0f}({round(error, places):.0f})"
    return f"{value:.{places}f}({round(error * 10**places)})"


@dataclass(frozen=True)
class _Measured:
    value: float
    error: float | None

    def times(self, factor: float) -> str:
        error = None if self.error is None else abs(factor) * self.error
        return number_latex(abs(factor) * self.value, error)


class _TextbookPrinter(LatexPrinter):
    """SymPy's LaTeX with the order of terms and factors of a mechanics textbook."""

    def __init__(self, space: JetSpace) -> None:
        super().__init__({"symbol_names": jet_names(space), "fold_frac_powers": True})
        self.measured: dict[Any, _Measured] = {}
        self.ordering = TermOrder(space)

    def _print_Add(self, expr: sp.Add, order: object = None) -> str:  # noqa: N802 (the names that SymPy calls)
        terms = self._arranged(expr)
        text = self._print(terms[0])
        for term in terms[1:]:
            text += f" - {self._bracketed(_opposite(term))}" if _negative(term) else f" + {self._print(term)}"
        return text

    def _arranged(self, expr: Any) -> list[Any]:
        terms = sorted(expr.args, key=self.ordering.term)
        inner = self._print_level > 1
        if inner:  # 1 + x^2 rather than x^2 + 1 within a formula
            terms.sort(key=lambda term: bool(term.free_symbols & self.ordering.moving) or _negative(term))
        # x2 - x1 rather than -x1 + x2, but -m c^2 sqrt(1 - v^2/c^2) + k/r
        first = next((k for k, term in enumerate(terms) if not _negative(term)), 0)
        if inner or self.ordering.rank(terms[first]) == self.ordering.rank(terms[0]):
            terms.insert(0, terms.pop(first))
        return terms

    def _print_Mul(self, expr: Any) -> str:  # noqa: N802
        coefficient, rest = expr.as_coeff_Mul()
        if coefficient < 0:
            return f"- {self._bracketed(_opposite(expr))}"
        numerator, denominator = sp.fraction(rest, exact=True)
        factors = sorted(sp.Mul.make_args(numerator), key=self._factor_key)
        measured = [factor for factor in factors if factor in self.measured]
        if len(measured) == 1:
            number = self.measured[measured[0]].times(float(coefficient))
            factors.remove(measured[0])
        else:
            number = "" if coefficient == 1 else self._print(coefficient)
        factors = [factor for factor in factors if factor != 1]
        if denominator != 1:
            return self._fraction(number, coefficient, factors, denominator)
        body = self._product(factors, alone=number in ("", "1"))
        return body if number == "1" and body else _joined([number, body])

    def _fraction(self, number: str, coefficient: Any, factors: list[Any], denominator: Any) -> str:
        """A quotient, with the numerator and denominator of a rational coefficient in their places."""
        if coefficient.is_Rational and number in ("", self._print(coefficient)):
            number = "" if coefficient.p == 1 else str(coefficient.p)
            denominator = denominator if coefficient.q == 1 else sp.Mul(coefficient.q, denominator, evaluate=False)
        behind = []
        if not denominator.free_symbols & self.ordering.moving:
            # A bracket of what moves stands behind a fraction of parameters.
            behind = [f for f in factors if f.free_symbols & self.ordering.moving and (f.is_Add or f.is_Function)]
            behind = behind if len(behind) < len(factors) and any(f.is_Add for f in behind) else []
        above = [factor for factor in factors if factor not in behind]
        top = _joined([number, self._product(above, alone=not number)]) or "1"
        return _joined([rf"\frac{{{top}}}{{{self._print(denominator)}}}", self._product(behind, alone=False)])

    def _print_Pow(self, expr: sp.Pow) -> str:  # noqa: N802
        base, exponent = expr.as_base_exp()
        if base in self.measured and exponent.is_Integer and exponent > 0:
            return rf"\left({self._print(base)}\right)^{{{exponent}}}"
        if base.is_Add and exponent.is_Rational and exponent < 0:
            return rf"\frac{{1}}{{{self._print(1 / expr)}}}"
        return super()._print_Pow(expr)

    def _print_ExpBase(self, expr: Any, exp: str | None = None) -> str:  # noqa: N802
        numerator, denominator = sp.fraction(expr.args[0])
        power = self._print(expr.args[0])
        if denominator.is_Symbol or (denominator.is_Integer and denominator != 1):  # e^{c t / m}
            power = f"{self._bracketed(numerator)} / {self._print(denominator)}"
        return f"e^{{{power}}}" if exp is None else f"e^{{{exp} {power}}}"

    def _print_atan2(self, expr: Any) -> str:
        return rf"\operatorname{{atan2}}\left({', '.join(map(self._print, expr.args))}\right)"

    def _print_Symbol(self, expr: sp.Symbol, style: str = "plain") -> str:  # noqa: N802
        if expr in self.measured:
            return self.measured[expr].times(1.0)
        return self._settings["symbol_names"].get(expr) or name_latex(expr.name)

    def _print_Float(self, expr: sp.Float) -> str:  # noqa: N802
        return number_latex(float(expr))

    def _print_Function(self, expr: Any, exp: str | None = None) -> str:  # noqa: N802
        name = expr.func.__name__
        if name in _PLAIN or name in _NAMES:
            argument = expr.args[0]
            plain = argument.is_Symbol and argument not in self.measured
            shown = f" {self._print(argument)}" if plain else rf"\left({self._print(argument)}\right)"
            power = "" if exp is None else f"^{{{exp}}}"
            return _NAMES.get(name, f"\\{name}") + power + shown
        return super()._print_Function(expr, exp)

    def _print_log(self, expr: Any, exp: str | None = None) -> str:
        return self._print_Function(expr, exp)

    def _product(self, factors: list[Any], *, alone: bool) -> str:
        whole = alone and len(factors) == 1
        return _joined([self._print(factor) if whole else self._bracketed(factor) for factor in factors])

    def _bracketed(self, expr: Any) -> str:
        text = self._print(expr)
        return rf"\left({text}\right)" if expr.is_Add else text

    def _factor_key(self, factor: Any) -> tuple:
        return (0, "") if factor.as_base_exp()[0] in self.measured else self.ordering.factor(factor)


def _negative(term: Any) -> bool:
    return bool(term.as_coeff_Mul()[0] < 0)


def _opposite(term: Any) -> Any:
    """The term with its sign changed, and no number multiplied into a bracket."""
    coefficient, rest = term.as_coeff_Mul()
    return rest if coefficient == -1 else sp.Mul(-coefficient, rest, evaluate=False)


def _joined(parts: list[str]) -> str:
    """Factors side by side, with a dot before a number, which would else read on from what precedes it."""
    text = ""
    for part in filter(None, parts):
        text += (r" \cdot " if text and part[0].isdigit() else " " if text else "") + part
    return text
