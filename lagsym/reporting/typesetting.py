"""Formulas and numbers as LaTeX, MathML and one line of Unicode."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, cast
from xml.sax.saxutils import escape

import latex2mathml.converter
import sympy as sp
from sympy.printing.str import StrPrinter

from lagsym.law import Law
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.notation.latex import Constants, equations_latex, to_latex
from lagsym.mechanics.notation.line_breaking import break_lines
from lagsym.mechanics.system import parameter_symbol

DIGITS = 6
"""Significant digits of a number that has no error, in text."""
FEW_DIGITS = 3
"""Significant digits of scores and of what is not refined."""
FUNCTIONS = "arcsin|arccos|arctan|sinh|cosh|tanh|sin|cos|tan|log|exp"
COMBINING_DOTS = {1: "\u0307", 2: "\u0308", 3: "\u20db", 4: "\u20dc"}

Row = tuple[str, str]
"""The left side of a row, up to the relation, and the rest, both in LaTeX."""


def law_rows(symbol: str, expression: sp.Expr, space: JetSpace, *, constants: Constants | None = None) -> list[Row]:
    """The rows of `symbol = expression`, broken between terms; `constants` are printed as numbers with errors."""
    first, *rest = _lines(to_latex(expression, space, constants=constants))
    return [(symbol, f"= {first}"), *(("", line) for line in rest)]


def candidate_rows(expression: sp.Expr, space: JetSpace) -> list[Row]:
    """The rows of a candidate whose numbers, which are not refined yet, deserve few digits."""
    rounded = _rounded(expression, FEW_DIGITS)
    return [("", row) for row in _lines(to_latex(rounded, space))]


def motion_rows(law: Law) -> list[Row]:
    """The rows of the equations of motion M a - f + dD/dv = 0, one equation after another, with named constants."""
    if law.lagrangian is None:
        return []
    equations = equations_latex(law.lagrangian, law.space, dissipation=law.dissipation)
    return [("", row) for equation in equations for row in _lines(equation)]


def _lines(latex: str) -> list[str]:
    first, *rest = break_lines(latex)
    return [first, *(rf"\quad {{}} {line}" for line in rest)]


def constant_values(law: Law) -> Constants:
    """Value and error of each constant of a law."""
    return {parameter_symbol(c.name): (c.value, c.standard_error) for c in law.constants}


def ordered_terms(expression: sp.Expr, space: JetSpace) -> list[sp.Expr]:
    """The terms of a sum, those with velocities first."""
    terms: Any = sp.expand(expression).as_ordered_terms()
    return sorted(terms, key=lambda term: term.free_symbols.isdisjoint(space.velocities))


def mathml(latex: str) -> str:
    """LaTeX as a MathML element."""
    return latex2mathml.converter.convert(_spaced(latex)) if latex else "<math></math>"


def mathml_rows(rows: Iterable[Row]) -> str:
    """Rows as one displayed MathML table, aligned at the relation."""
    cells = ("".join(f"<mtd>{_inner(mathml(side))}</mtd>" for side in row) for row in rows)
    table = "".join(f"<mtr>{row}</mtr>" for row in cells)
    whole = f'<mtable displaystyle="true">{table}</mtable>'
    return f'<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">{whole}</math>'


def latex_rows(rows: Sequence[Row]) -> str:
    """Rows as the body of an `align*` environment."""
    return " \\\\\n".join(f"{left} &{right}" for left, right in rows)


def number_text(value: float, standard_error: float | None = None, *, digits: int = DIGITS) -> str:
    """A number in plain text: rounded to two digits of its error, or to `digits` digits.

    >>> number_text(0.31662, 0.00041)
    '0.31662 ± 0.00041'
    >>> number_text(-1.25e-7)
    '-1.25e-07'
    """
    return " ± ".join(_rounded_texts(value, standard_error, digits))


def unicode_text(expression: sp.Expr, space: JetSpace) -> str:
    """An expression in one line of Unicode, for a terminal."""
    terms = [_UnicodePrinter(space).doprint(_rounded(term, DIGITS)) for term in ordered_terms(expression, space)]
    joined = terms[0] + "".join(f" − {t[1:].lstrip()}" if t.startswith(("-", "−")) else f" + {t}" for t in terms[1:])
    return joined.replace("-", "−")


def _spaced(latex: str) -> str:
    """LaTeX with the spaces around functions that TeX would set by itself, and brackets that fit what is in them."""
    latex = re.sub(rf"(\\(?:{FUNCTIONS})\b)(\^\{{[^}}]*\}})? *(\\left)?", _space_function, latex)
    # Brackets that grow stand too far off where nothing in them is tall.
    latex = re.sub(r"\\left\(((?:(?!\\left|\\right|\\frac).)*)\\right\)", r"(\1)", latex)
    return re.sub(r"(\\frac\{\d+\}\{\d+\}) ", r"\1 \\, ", latex)


def _space_function(match: re.Match[str]) -> str:
    return rf"\, {match[1]}{match[2] or ''}" + (match[3] or r"\, ")


def _inner(element: str) -> str:
    return re.sub(r"^<math[^>]*>|</math>$", "", element)


def _rounded(expression: sp.Expr, digits: int) -> sp.Expr:
    numbers = {number: sp.Float(f"{float(number):.{digits}g}") for number in expression.atoms(sp.Float)}
    return cast("sp.Expr", expression.xreplace(numbers))


def _rounded_texts(value: float, standard_error: float | None, digits: int) -> list[str]:
    if not math.isfinite(value):
        return ["not known"]
    if standard_error is None or not math.isfinite(standard_error) or standard_error <= 0:
        return [f"{value:.{digits}g}"]
    last = math.floor(math.log10(standard_error)) - 1  # decimal place of the error's second digit
    leading = math.floor(math.log10(abs(value))) if value else last
    if -12 <= last <= 0 and -4 <= max(leading, last + 1) < 7:
        small = f"{standard_error:.1e}" if last < -6 else f"{standard_error:.{-last}f}"
        return [f"{value:.{-last}f}", small]
    return [f"{value:.{min(max(leading - last, 1), 15)}e}", f"{standard_error:.1e}"]


class _UnicodePrinter(StrPrinter):
    """SymPy's text with Greek letters, dots and raised exponents."""

    def __init__(self, space: JetSpace) -> None:
        super().__init__()
        self._space = space

    def _print_Symbol(self, expr: sp.Symbol) -> str:  # noqa: N802 (the names that SymPy calls)
        key = self._space.key(expr)
        name = expr.name if key is None else self._space.fields[key[0]]
        pretty = sp.pretty(sp.Symbol(name), use_unicode=True)
        if key is None or not key[1]:
            return pretty
        if len(self._space.base) > 1:
            return f"∂{''.join(self._space.base[mu] for mu in key[1])}{pretty}"
        return unicodedata.normalize("NFC", pretty[0] + COMBINING_DOTS[len(key[1])] + pretty[1:])

    def _print_Pow(self, expr: sp.Pow, rational: bool = False) -> str:  # noqa: N802
        base, exponent = expr.args
        if exponent.is_Integer and exponent > 0:
            shown = self._print(base)
            whole = base.is_Symbol or base.is_Function
            raised = str(exponent).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
            if base.is_Function:
                return f"{base.func}{raised}({', '.join(map(self._print, base.args))})"
            return f"{shown}{raised}" if whole else f"({shown}){raised}"
        return super()._print_Pow(expr, rational)

    def _print_Float(self, expr: sp.Float) -> str:  # noqa: N802
        return f"{float(expr):.{DIGITS}g}"

    def _print_Mul(self, expr: sp.Mul) -> str:  # noqa: N802
        return super()._print_Mul(expr).replace("*", " ")


def html_text(text: object) -> str:
    """Text for HTML, escaped."""
    return escape(str(text))
