r"""Textbook typesetting: kinetic terms first, numbers in front, dots for time derivatives, errors in brackets."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.printing.conventions import split_super_sub
from sympy.printing.latex import LatexPrinter, translate

from lagsym.mechanics.forms import Forces, applied_forces, force_vector, mass_matrix
from lagsym.mechanics.jetspace import JetSpace

Constants = Mapping[sp.Symbol, tuple[float, float | None]]
"""Value and standard error (or None) of each fitted constant."""
Key = tuple[int, tuple[int, ...]]
"""Field and multi-index of a jet symbol, by which terms are ordered."""
DIGITS = 6
"""Significant digits of a number without an error."""
MOST_DIGITS = 12
"""Significant digits beyond which a number is not printed, however small its error."""
_NAMES = {"asin": r"\arcsin", "acos": r"\arccos", "atan": r"\arctan"}
_PLAIN = ("sin", "cos", "tan", "sinh", "cosh", "tanh")


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
    expression = sp.sympify(expression)
    printer = _TextbookPrinter(space)
    replaced: dict[Any, Any] = {}
    for symbol, (value, error) in (constants or {}).items():
        measured = sp.Symbol(f"{symbol.name} measured", real=True)
        printer.measured[measured] = _Measured(abs(value), error)
        # SymPy then finds the sign of each term.
        replaced[symbol] = -measured if value < 0 else measured
    return printer.doprint(expression.xreplace(replaced))


def equations_latex(
    lagrangian: sp.Expr,
    space: JetSpace,
    *,
    dissipation: sp.Expr | int = 0,
    forces: Forces | None = None,
    constants: Constants | None = None,
    solved: bool = False,
) -> tuple[str, ...]:
    r"""Typeset the equations of motion M a - f + dD/dv - Q = 0, one for each coordinate.

    Arguments:
        lagrangian: a particle's Lagrangian.
        space: the jet space that it is written in.
        dissipation: the Rayleigh function D(q, v).
        forces: generalised forces Q(t, q, v) by coordinate.
        constants: as for `to_latex`.
        solved: write each acceleration as a function of the rest instead.

    >>> space = JetSpace(("x",))
    >>> (x,), (x_dot,) = space.positions, space.velocities
    >>> k, m = sp.symbols("k m", real=True)
    >>> print(*equations_latex(m * x_dot**2 / 2 - k * x**2 / 2, space))
    m \ddot{x} + k x = 0
    """
    mass = mass_matrix(lagrangian, space)
    force = (force_vector(lagrangian, space) + applied_forces(space, dissipation, forces)).applyfunc(sp.expand)
    if solved:
        sides = [
            (to_latex(a, space), to_latex(value, space, constants=constants))
            for a, value in zip(space.accelerations, _solved(mass, force), strict=True)
        ]
        return tuple(f"{left} = {right}" for left, right in sides)
    motion = mass.applyfunc(sp.factor_terms) * sp.Matrix(space.accelerations) - force
    return tuple(f"{to_latex(equation, space, constants=constants)} = 0" for equation in motion)


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
        power = rf" \times 10^{{{size}}}"
        return _decimal(value / 10.0**size, None if error is None else error / 10.0**size) + power
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


def _solved(mass: sp.Matrix, force: sp.Matrix) -> list[Any]:
    """The accelerations as short quotients; exact simplification takes long and can fail."""
    rows: Any = mass.tolist()
    f: Any = force.flat()
    if mass.is_diagonal():
        return [sp.expand(f[i] / rows[i][i]) for i in range(len(f))]
    if len(f) > 2:
        return mass.LUsolve(force).flat()
    (m11, m12), (_, m22) = rows
    determinant = sp.expand(m11 * m22 - m12**2)
    return [sp.expand(m22 * f[0] - m12 * f[1]) / determinant, sp.expand(m11 * f[1] - m12 * f[0]) / determinant]


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
        super().__init__({"symbol_names": _symbol_names(space)})
        self.measured: dict[Any, _Measured] = {}
        keys = ((symbol, space.key(symbol)) for symbol in space.names.values())
        orders: list[dict[Any, Key]] = [{}, {}, {}]
        for symbol, key in keys:
            if key is not None:  # a base coordinate has none
                orders[min(len(key[1]), 2)][symbol] = key
        self.positions, self.velocities, self.accelerations = orders

    def _print_Add(self, expr: sp.Add, order: object = None) -> str:  # noqa: N802 (the names that SymPy calls)
        terms = sorted(expr.args, key=self._term_key)
        # x2 - x1 rather than -x1 + x2
        first = next((k for k, term in enumerate(terms) if not term.could_extract_minus_sign()), 0)
        terms.insert(0, terms.pop(first))
        text = self._print(terms[0])
        for term in terms[1:]:
            negative = term.could_extract_minus_sign()
            text += f" - {self._bracketed(-term)}" if negative else f" + {self._print(term)}"
        return text

    def _print_Mul(self, expr: Any) -> str:  # noqa: N802
        coefficient, rest = expr.as_coeff_Mul()
        if coefficient < 0:
            return f"- {self._bracketed(-expr)}"
        numerator, denominator = sp.fraction(rest)
        factors = sorted(sp.Mul.make_args(numerator), key=self._factor_key)
        measured = [factor for factor in factors if factor in self.measured]
        if len(measured) == 1:
            number = self.measured[measured[0]].times(float(coefficient))
            factors.remove(measured[0])
        else:
            number = "" if coefficient == 1 else self._print(coefficient)
        if denominator != 1:
            return self._fraction(number, coefficient, factors, denominator)
        body = self._product([factor for factor in factors if factor != 1])
        return body if number == "1" and body else _joined([number, body])

    def _fraction(self, number: str, coefficient: Any, factors: list[Any], denominator: Any) -> str:
        """A quotient, with the numerator and denominator of a rational coefficient in their places."""
        if coefficient.is_Rational and number in ("", self._print(coefficient)):
            number = "" if coefficient.p == 1 else str(coefficient.p)
            denominator = coefficient.q * denominator
        body = self._product([factor for factor in factors if factor != 1])
        return rf"\frac{{{_joined([number, body]) or 1}}}{{{self._print(denominator)}}}"

    def _print_Pow(self, expr: sp.Pow) -> str:  # noqa: N802
        base, exponent = expr.as_base_exp()
        if base in self.measured and exponent.is_Integer and exponent > 0:
            return rf"\left({self._print(base)}\right)^{{{exponent}}}"
        return super()._print_Pow(expr)

    def _print_atan2(self, expr: Any) -> str:
        return rf"\operatorname{{atan2}}\left({', '.join(map(self._print, expr.args))}\right)"

    def _print_Symbol(self, expr: sp.Symbol, style: str = "plain") -> str:  # noqa: N802
        if expr in self.measured:
            return self.measured[expr].times(1.0)
        return super()._print_Symbol(expr)

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

    def _product(self, factors: list[sp.Expr]) -> str:
        return _joined([self._bracketed(factor) if len(factors) > 1 else self._print(factor) for factor in factors])

    def _bracketed(self, expr: Any) -> str:
        text = self._print(expr)
        return rf"\left({text}\right)" if expr.is_Add else text

    def _term_key(self, term: Any) -> tuple:
        """Accelerations, then kinetic terms, then the potential; squares before products; coordinates in order."""
        moving = [self._indices(term, kind) for kind in (self.accelerations, self.velocities, self.positions)]
        degree = [_degree(term, kind) for kind in (self.accelerations, self.velocities)]
        return (
            -degree[0],
            -degree[1],
            *((len(index), index) for index in moving[:2]),
            *(not index for index in moving[2:]),
            moving[2],
            str(term),
        )

    def _factor_key(self, factor: sp.Expr) -> tuple:
        """Numbers, masses, other parameters, coordinates, velocities, accelerations, then sums and functions."""
        base, _ = factor.as_base_exp()
        for rank, kind in enumerate((self.positions, self.velocities, self.accelerations), start=3):
            if base in kind:
                return (rank, kind[base], str(base))
        if base in self.measured or base.is_number:
            return (0, base not in self.measured, str(base))
        if not any(self._is_jet(symbol) for symbol in base.free_symbols) and (base.is_Symbol or base.is_Add):
            # As in m g l and (m1 + m2) l^2
            return (1, not base.is_Add, not str(base).startswith("m"), str(base))
        return (6, not base.is_Add, str(base))

    def _is_jet(self, symbol: Any) -> bool:
        return symbol in self.positions or symbol in self.velocities or symbol in self.accelerations

    @staticmethod
    def _indices(term: Any, kind: Mapping[sp.Symbol, Key]) -> tuple[Key, ...]:
        return tuple(sorted(kind[symbol] for symbol in term.free_symbols & set(kind)))


def _degree(expression: Any, kind: Mapping[sp.Symbol, Key]) -> float:
    """Degree in the symbols of a kind, where it is a polynomial; anything else counts as degree one."""
    if expression in kind:
        return 1
    if expression.is_Add:
        return max(_degree(part, kind) for part in expression.args)
    if expression.is_Mul:
        return sum(_degree(part, kind) for part in expression.args)
    if expression.is_Pow and expression.exp.is_number:
        return float(expression.exp) * _degree(expression.base, kind)
    return 1 if expression.free_symbols & set(kind) else 0


def _joined(parts: list[str]) -> str:
    """Factors side by side, with a dot before a number, which would else read on from what precedes it."""
    text = ""
    for part in filter(None, parts):
        text += (r" \cdot " if text and part[0].isdigit() else " " if text else "") + part
    return text


def _subscript(text: str) -> str:
    shown = translate(text)
    return rf"\mathrm{{{text}}}" if shown == text and text.isalpha() and len(text) > 1 else shown


def _symbol_names(space: JetSpace) -> dict[sp.Symbol, str]:
    r"""LaTeX of the time derivatives: theta1_dot is \dot{\theta}_{1}."""
    if len(space.base) > 1:
        return {}
    names = {}
    for q, v, a in zip(space.positions, space.velocities, space.accelerations, strict=True):
        parts: Any = split_super_sub(q.name)
        name, supers, subs = parts
        scripts = (f"^{{{' '.join(map(translate, supers))}}}" if supers else "") + (
            f"_{{{' '.join(map(_subscript, subs))}}}" if subs else ""
        )
        names[q] = translate(name) + scripts
        names[v] = rf"\dot{{{translate(name)}}}{scripts}"
        names[a] = rf"\ddot{{{translate(name)}}}{scripts}"
    return names
