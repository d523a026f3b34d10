"""Formulas in text: reading them without ever evaluating code, and writing them so that they read back exactly."""

from __future__ import annotations

import ast
import difflib
import keyword
import math
import re
import unicodedata
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.printing.str import StrPrinter

from lagsym.errors import FormulaError
from lagsym.mechanics.system import parameter_symbol

LENGTH_LIMIT = 20_000
"""Longest text, in characters."""
NESTING_LIMIT = 50
"""Deepest nesting of brackets."""
DIGITS_LIMIT = 40
"""Longest run of digits in a number."""
EXPONENT_LIMIT = 100
"""Largest numeric exponent; Lagrangians stay far below, and 9**9**9 must not fill the memory."""
FLOAT_DIGITS = 17
"""Digits of a SymPy number that holds a double."""

FUNCTIONS = {
    "sin": sp.sin,
    "cos": sp.cos,
    "tan": sp.tan,
    "exp": sp.exp,
    "log": sp.log,
    "sqrt": sp.sqrt,
    "asin": sp.asin,
    "acos": sp.acos,
    "atan": sp.atan,
    "atan2": sp.atan2,
    "sinh": sp.sinh,
    "cosh": sp.cosh,
    "tanh": sp.tanh,
    "abs": sp.Abs,
    "sign": sp.sign,
}
CONSTANTS = {"pi": sp.pi}
_KEYWORD = re.compile(rf"\b({'|'.join(keyword.kwlist)})\b")
_MANGLED = "__keyword"  # so that a parameter may be called lambda


def parse(text: str, names: Mapping[str, sp.Symbol], *, allow_parameters: bool = False) -> sp.Expr:
    """Read a formula.

    Decimal numbers become doubles; 1/2 and other quotients of integers stay exact.

    Arguments:
        text: numbers, names, + - * / **, brackets, pi and the functions sin cos tan exp log sqrt asin acos atan atan2
            sinh cosh tanh abs sign.
        names: the symbol behind each name, e.g. `JetSpace.names`.
        allow_parameters: let every other name be a real parameter instead of an error.

    Raises:
        FormulaError: the text is not such a formula, or has no finite real value; says where and what to do.

    >>> x = sp.Symbol("x", real=True)
    >>> parse("x**2/2 - cos(2*x)", {"x": x})
    x**2/2 - cos(2*x)
    >>> parse("x^2", {"x": x})
    Traceback (most recent call last):
        ...
    lagsym.errors.FormulaError: unexpected '^' at character 2 of 'x^2'; write a power as x**2
    """
    tree = _syntax_tree(_checked_text(text), text)
    known = {unicodedata.normalize("NFKC", name): symbol for name, symbol in names.items()}
    try:
        expression = _Reader(known, allow_parameters).read(tree)
    except RecursionError:
        msg = f"the formula {_shown(text)} is too long or nested too deeply; write it with fewer terms or levels"
        raise FormulaError(msg) from None
    return _checked_value(_with_doubles(expression), tree)


def to_text(expression: sp.Expr | float) -> str:
    """Write a formula so that `parse` gives it back exactly: doubles get their shortest exact digits.

    Raises:
        FormulaError: the expression holds a function that formulas in text cannot have.

    >>> x = sp.Symbol("x", real=True)
    >>> to_text(0.1 * x**2 - sp.cos(x) / 3)
    '0.1*x**2 - cos(x)/3'
    """
    expression = sp.sympify(expression)
    foreign = sorted({str(f.func) for f in expression.atoms(sp.Function)} - {str(f) for f in FUNCTIONS.values()})
    if foreign or expression.has(sp.oo, -sp.oo, sp.zoo, sp.nan, sp.I):
        what = ", ".join(foreign) or "a number that is not real and finite"
        msg = f"{_shown(str(expression))} cannot be written as a formula because it holds {what}"
        raise FormulaError(msg)
    return _TextPrinter().doprint(expression)


def _shown(text: str) -> str:
    return repr(text) if len(text) <= 60 else repr(text[:57] + "...")


def _checked_text(text: str) -> str:
    """The text as one line, free of anything that a formula cannot hold."""
    if not isinstance(text, str) or not text.strip():
        msg = f"expected a formula, got {'an empty text' if isinstance(text, str) else type(text).__name__}"
        raise FormulaError(msg)
    if len(text) > LENGTH_LIMIT:
        msg = f"expected a formula of at most {LENGTH_LIMIT:,} characters, got {len(text):,}"
        raise FormulaError(msg)
    depth = 0
    for position, character in enumerate(text, start=1):
        if not (character.isalnum() or character.isspace() or character in "_.+-*/(),"):
            hints = {"^": "; write a power as x**2", "=": "; give one side only, as L in L = 0 is not an equation"}
            msg = f"unexpected {character!r} at character {position} of {_shown(text)}{hints.get(character, '')}"
            raise FormulaError(msg)
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0 or depth > NESTING_LIMIT:
            problem = "a ')' without its '('" if depth < 0 else f"brackets nested more than {NESTING_LIMIT} deep"
            msg = f"{problem} at character {position} of {_shown(text)}"
            raise FormulaError(msg)
    if depth:
        msg = f"{depth} '(' in {_shown(text)} {'is' if depth == 1 else 'are'} never closed; add {')' * depth}"
        raise FormulaError(msg)
    if re.search(rf"\d{{{DIGITS_LIMIT + 1}}}", text):
        msg = f"a number in {_shown(text)} has more than {DIGITS_LIMIT} digits; write it with an exponent, as in 1e30"
        raise FormulaError(msg)
    return " ".join(text.split())


def _syntax_tree(line: str, text: str) -> ast.expr:
    try:
        with warnings.catch_warnings(action="ignore"):  # Python warns of "1if"; the error below says enough
            return ast.parse(_KEYWORD.sub(rf"\1{_MANGLED}", line), mode="eval").body
    except SyntaxError:
        msg = f"cannot read the formula {_shown(text)}; write every multiplication with * and every bracket in pairs"
        raise FormulaError(msg) from None
    except (RecursionError, MemoryError, ValueError):
        msg = f"the formula {_shown(text)} is too long or nested too deeply; write it with fewer terms or levels"
        raise FormulaError(msg) from None


def _with_doubles(expression: sp.Expr) -> Any:
    """The expression with every decimal number rounded to a double, as text holds it."""
    doubles = {number: sp.Float(float(number), FLOAT_DIGITS) for number in expression.atoms(sp.Float)}
    return expression.xreplace(doubles)


def _source(node: ast.expr) -> str:
    try:
        return _shown(ast.unparse(node).replace(_MANGLED, ""))
    except RecursionError:
        return "the formula"


def _checked_value(expression: sp.Expr, node: ast.expr) -> sp.Expr:
    """Refuse what has no finite real value; nothing that is checked can make a later evaluation explode."""
    if expression.has(sp.zoo, sp.nan, sp.oo, -sp.oo, sp.I):
        msg = f"{_source(node)} has no finite real value"
        raise FormulaError(msg)
    if not expression.free_symbols:
        try:
            finite = math.isfinite(float(expression))
        except (OverflowError, TypeError):
            finite = False
        if not finite:
            msg = f"the number {_source(node)} is too large or not real"
            raise FormulaError(msg)
    return expression


@dataclass(frozen=True)
class _Reader:
    """Builds a SymPy expression from the few kinds of nodes that a formula may have."""

    names: Mapping[str, sp.Symbol]
    allow_parameters: bool

    def read(self, node: ast.expr) -> sp.Expr:
        match node:
            case ast.Constant():
                return self._number(node)
            case ast.Name():
                return self._name(node.id.removesuffix(_MANGLED))
            case ast.UnaryOp(op=ast.USub()):
                return -self.read(node.operand)
            case ast.UnaryOp(op=ast.UAdd()):
                return self.read(node.operand)
            case ast.BinOp(op=ast.Add() | ast.Sub()):
                return sp.Add(*self._chain(node, (ast.Add, ast.Sub)))
            case ast.BinOp(op=ast.Mult() | ast.Div()):
                return _checked_value(sp.Mul(*self._chain(node, (ast.Mult, ast.Div))), node)
            case ast.BinOp(op=ast.Pow()):
                return self._power(node)
            case ast.Call():
                return self._call(node)
        msg = f"{_source(node)} is not part of a formula; expected numbers, names, + - * / ** and functions"
        raise FormulaError(msg)

    def _chain(self, node: ast.expr, operators: tuple[type[ast.operator], ...]) -> list[sp.Expr]:
        """The operands of a - b + c or a / b * c, without recursing along a long sum."""
        operands = []
        while isinstance(node, ast.BinOp) and isinstance(node.op, operators):
            operand = self.read(node.right)
            if isinstance(node.op, ast.Sub):
                operand = -operand
            elif isinstance(node.op, ast.Div):
                operand = _checked_value(1 / operand, node)
            operands.append(operand)
            node = node.left
        return [self.read(node), *reversed(operands)]

    def _number(self, node: ast.Constant) -> sp.Expr:
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            msg = f"{_source(node)} is not a real number"
            raise FormulaError(msg)
        if isinstance(node.value, int):
            return sp.Integer(node.value)
        if not math.isfinite(node.value):
            msg = "a number in the formula is too large for a double (about 1.8e308)"
            raise FormulaError(msg)
        return sp.Float(node.value, FLOAT_DIGITS)

    def _name(self, name: str) -> sp.Expr:
        if name in self.names:
            return self.names[name]
        if name in CONSTANTS:
            return CONSTANTS[name]
        if name in FUNCTIONS:
            msg = f"{name} is a function; write {name}(...)"
            raise FormulaError(msg)
        if self.allow_parameters and not name.startswith("_"):
            return parameter_symbol(name)
        msg = f"unknown name {_shown(name)}; {_suggestion(name, [*self.names, *CONSTANTS])}"
        raise FormulaError(msg)

    def _power(self, node: ast.BinOp) -> sp.Expr:
        base, exponent = self.read(node.left), self.read(node.right)
        if exponent.is_number and abs(float(exponent)) > EXPONENT_LIMIT:
            msg = f"the exponent in {_source(node)} is too large; at most {EXPONENT_LIMIT} is allowed"
            raise FormulaError(msg)
        power = _checked_value(base**exponent, node)
        joined = power.as_base_exp()[1]  # SymPy turns (x**99)**99 into x**9801
        if joined.is_number and abs(float(joined)) > EXPONENT_LIMIT:
            msg = f"the exponents in {_source(node)} multiply to more than {EXPONENT_LIMIT}"
            raise FormulaError(msg)
        return power

    def _call(self, node: ast.Call) -> sp.Expr:
        if not isinstance(node.func, ast.Name):
            msg = f"{_source(node)} is not a function call; write every multiplication with *"
            raise FormulaError(msg)
        name = node.func.id.removesuffix(_MANGLED)
        if name in self.names:
            msg = f"{name} is not a function; write {name}*(...)"
            raise FormulaError(msg)
        function = FUNCTIONS.get("abs" if name == "Abs" else name)
        if function is None:
            msg = f"unknown function {_shown(name)}; {_suggestion(name, list(FUNCTIONS))}"
            raise FormulaError(msg)
        expected = 2 if name == "atan2" else 1
        if len(node.args) != expected or node.keywords or any(isinstance(part, ast.Starred) for part in node.args):
            msg = f"{name} takes {expected} argument{'s' if expected > 1 else ''}; got {_source(node)}"
            raise FormulaError(msg)
        return _checked_value(function(*map(self.read, node.args)), node)


def _suggestion(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"expected one of {', '.join(known[:30])}" if known else "expected numbers only"


class _TextPrinter(StrPrinter):
    """SymPy's text with exact doubles and the names that `parse` knows."""

    def _print_Float(self, expr: sp.Float) -> str:  # noqa: N802 (the names that SymPy calls)
        return repr(float(expr))

    def _print_Abs(self, expr: sp.Abs) -> str:  # noqa: N802
        return f"abs({self._print(expr.args[0])})"

    def _print_Exp1(self, expr: sp.Expr) -> str:  # noqa: N802  # pyright: ignore[reportIncompatibleMethodOverride]
        return "exp(1)"
