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
from lagsym.mechanics.notation.formula_limits import (
    CONSTANT_NESTING_LIMIT,
    EXPONENT_LIMIT,
    FLOAT_DIGITS,
    MANGLED,
    checked_powers,
    checked_text,
    checked_value,
    function_depth,
    settled,
    short,
    shown,
    small_exponent,
    source,
)
from lagsym.mechanics.system import parameter_symbol

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
_BATCH = 50
"""Factors that are multiplied before their product is checked."""


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
    tree = _syntax_tree(checked_text(text), text)
    known = {unicodedata.normalize("NFKC", name): symbol for name, symbol in names.items()}
    try:
        expression = settled(_Reader(known, allow_parameters).read(tree))
    except RecursionError:
        msg = f"the formula {shown(text)} is too long or nested too deeply; write it with fewer terms or levels"
        raise FormulaError(msg) from None
    return checked_powers(expression, tree)


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
    large = not short(expression.atoms(sp.Rational))
    if foreign or large or expression.has(sp.oo, -sp.oo, sp.zoo, sp.nan, sp.I):
        what = ", ".join(foreign) or f"a number that is {'too large' if large else 'not real and finite'}"
        subject = "the expression" if large else shown(str(expression))
        msg = f"{subject} cannot be written as a formula because it holds {what}"
        raise FormulaError(msg)
    return _TextPrinter().doprint(expression)


def _syntax_tree(line: str, text: str) -> ast.expr:
    try:
        with warnings.catch_warnings(action="ignore"):  # Python warns of "1if"; the error below says enough
            return ast.parse(_KEYWORD.sub(rf"\1{MANGLED}", line), mode="eval").body
    except SyntaxError:
        msg = f"cannot read the formula {shown(text)}; write every multiplication with * and every bracket in pairs"
        raise FormulaError(msg) from None
    except (RecursionError, MemoryError, ValueError):
        msg = f"the formula {shown(text)} is too long or nested too deeply; write it with fewer terms or levels"
        raise FormulaError(msg) from None


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
                return self._name(node.id.removesuffix(MANGLED))
            case ast.UnaryOp(op=ast.USub()):
                return -self.read(node.operand)
            case ast.UnaryOp(op=ast.UAdd()):
                return self.read(node.operand)
            case ast.BinOp(op=ast.Add() | ast.Sub()):
                return checked_value(sp.Add(*self._chain(node, (ast.Add, ast.Sub))), node)
            case ast.BinOp(op=ast.Mult() | ast.Div()):
                return checked_powers(self._product(node), node)
            case ast.BinOp(op=ast.Pow()):
                return self._power(node)
            case ast.Call():
                return self._call(node)
        msg = f"{source(node)} is not part of a formula; expected numbers, names, + - * / ** and functions"
        raise FormulaError(msg)

    def _chain(self, node: ast.expr, operators: tuple[type[ast.operator], ...]) -> list[sp.Expr]:
        """The operands of a - b + c or a / b * c, without recursing along a long sum."""
        operands = []
        while isinstance(node, ast.BinOp) and isinstance(node.op, operators):
            if isinstance(node.op, ast.Div):
                operands += self._reciprocals(node.right)
            else:
                operand = self.read(node.right)
                operands.append(-operand if isinstance(node.op, ast.Sub) else operand)
            node = node.left
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and ast.Mult in operators:
            # The sign of -(x + y)/x is the whole quotient's: -(x + y) alone would multiply it into the sum.
            return [sp.S.NegativeOne, *self._chain(node.operand, operators), *reversed(operands)]
        return [self.read(node), *reversed(operands)]

    def _reciprocals(self, node: ast.expr) -> list[sp.Expr]:
        """1/a, 1/b of a * b: the product itself would multiply a number into a sum, and not read back as it was."""
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
            return [checked_value(1 / factor, node) for factor in reversed(self._chain(node, (ast.Mult, ast.Div)))]
        return [checked_value(1 / self.read(node), node)]

    def _product(self, node: ast.BinOp) -> sp.Expr:
        product: Any = sp.S.One
        factors = self._chain(node, (ast.Mult, ast.Div))
        for start in range(0, len(factors), _BATCH):  # thousands of large fractions at once take minutes
            product = checked_value(sp.Mul(product, *factors[start : start + _BATCH]), node)
        return product

    def _number(self, node: ast.Constant) -> sp.Expr:
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            msg = f"{source(node)} is not a real number"
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
        msg = f"unknown name {shown(name)}; {_suggestion(name, [*self.names, *CONSTANTS])}"
        raise FormulaError(msg)

    def _power(self, node: ast.BinOp) -> sp.Expr:
        base, exponent = self.read(node.left), self.read(node.right)
        if not small_exponent(exponent):
            msg = f"the exponent in {source(node)} is too large; at most {EXPONENT_LIMIT} is allowed, as are its roots"
            raise FormulaError(msg)
        return checked_powers(base**exponent, node)

    def _call(self, node: ast.Call) -> sp.Expr:
        if not isinstance(node.func, ast.Name):
            msg = f"{source(node)} is not a function call; write every multiplication with *"
            raise FormulaError(msg)
        name = node.func.id.removesuffix(MANGLED)
        if name in self.names:
            msg = f"{name} is not a function; write {name}*(...)"
            raise FormulaError(msg)
        function = FUNCTIONS.get("abs" if name == "Abs" else name)
        if function is None:
            msg = f"unknown function {shown(name)}; {_suggestion(name, list(FUNCTIONS))}"
            raise FormulaError(msg)
        expected = 2 if name == "atan2" else 1
        if len(node.args) != expected or node.keywords or any(isinstance(part, ast.Starred) for part in node.args):
            msg = f"{name} takes {expected} argument{'s' if expected > 1 else ''}; got {source(node)}"
            raise FormulaError(msg)
        value = checked_value(function(*map(self.read, node.args)), node)
        if not value.free_symbols and function_depth(value) > CONSTANT_NESTING_LIMIT:
            msg = (
                f"functions of a constant are nested too deeply in {source(node)}; write its value as a decimal number"
            )
            raise FormulaError(msg)
        return value


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
