"""What a formula in text may hold, so that no text can hang or fill the memory, and what is said of anything else."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable
from typing import Any

import sympy as sp
from sympy.core.traversal import bottom_up

from lagsym.errors import FormulaError

LENGTH_LIMIT = 20_000
"""Longest text, in characters."""
NESTING_LIMIT = 30
"""Deepest nesting of brackets."""
CONSTANT_NESTING_LIMIT = 4
"""Deepest nesting of functions of a constant: SymPy's time for their sign grows exponentially with it."""
DIGITS_LIMIT = 309
"""Longest run of digits in a number: as many as the largest double has before its point."""
EXPONENT_LIMIT = 100
"""Largest numeric exponent, and largest root; Lagrangians stay far below, and 9**9**9 must not fill the memory."""
REBUILDINGS = 8
"""How often a formula is built anew at most; two are nearly always enough."""
FLOAT_DIGITS = 17
"""Digits of a SymPy number that holds a double."""
MANGLED = "\u00b7"
"""What keywords get appended, so that a parameter may be called lambda; part of Python's names, refused in texts."""
_LARGEST = 10**DIGITS_LIMIT


def shown(text: str) -> str:
    """The text in quotation marks, cut short for a message."""
    return repr(text) if len(text) <= 60 else repr(text[:57] + "...")


def checked_text(text: str) -> str:
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
            msg = f"unexpected {character!r} at character {position} of {shown(text)}{hints.get(character, '')}"
            raise FormulaError(msg)
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0 or depth > NESTING_LIMIT:
            problem = "a ')' without its '('" if depth < 0 else f"brackets nested more than {NESTING_LIMIT} deep"
            msg = f"{problem} at character {position} of {shown(text)}"
            raise FormulaError(msg)
    if depth:
        msg = f"{depth} '(' in {shown(text)} {'is' if depth == 1 else 'are'} never closed; add {')' * depth}"
        raise FormulaError(msg)
    if re.search(rf"[\d_]{{{DIGITS_LIMIT + 1}}}", text):
        msg = f"a number in {shown(text)} has more than {DIGITS_LIMIT} digits; write it with an exponent, as in 1e30"
        raise FormulaError(msg)
    return " ".join(text.split())


def settled(expression: sp.Expr) -> Any:
    """The expression built anew until nothing changes, so that what is written reads back as it was.

    Every decimal number is rounded to a double, as text holds it; products such as 2*sqrt(2)*2**(3/4), which SymPy
    leaves behind, are merged.
    """
    for _ in range(REBUILDINGS):
        before, expression = expression, bottom_up(expression, _rebuilt, atoms=True)
        if expression == before:
            break
    return expression


def _rebuilt(node: Any) -> Any:
    if node.is_Float:
        return sp.Float(float(node), FLOAT_DIGITS)
    return node.func(*node.args) if node.args else node


def source(node: ast.expr) -> str:
    """The part of the formula that a message is about."""
    try:
        return shown(ast.unparse(node).replace(MANGLED, ""))
    except RecursionError:
        return "the formula"


def checked_value(expression: sp.Expr, node: ast.expr) -> sp.Expr:
    """Refuse what has no finite real value; nothing that is checked can make a later evaluation explode."""
    if expression.has(sp.zoo, sp.nan, sp.oo, -sp.oo, sp.I):
        msg = f"{source(node)} has no finite real value"
        raise FormulaError(msg)
    if not short(expression.atoms(sp.Rational)):
        msg = f"the numbers in {source(node)} are too large together; write them as decimal numbers"
        raise FormulaError(msg)
    if not expression.free_symbols:
        try:
            finite = math.isfinite(float(expression))
        except (OverflowError, TypeError):
            finite = False
        if not finite:
            msg = f"the number {source(node)} is too large or not real"
            raise FormulaError(msg)
    return expression


def checked_powers(expression: sp.Expr, node: ast.expr) -> sp.Expr:
    """Refuse large exponents, also those that SymPy makes of (x**99)**99 and x**99*x**99."""
    for factor in sp.Mul.make_args(expression):
        base, exponent = factor.as_base_exp()
        if base != sp.E and not small_exponent(exponent):
            msg = f"the exponents in {source(node)} multiply or add to more than {EXPONENT_LIMIT}"
            raise FormulaError(msg)
    return checked_value(expression, node)


def small_exponent(exponent: Any) -> bool:
    """Whether an exponent is a symbol's, or a number within the limit."""
    if exponent.is_Rational and exponent.q > EXPONENT_LIMIT:  # evaluating such a root fills the memory
        return False
    return not exponent.is_number or abs(float(exponent)) <= EXPONENT_LIMIT


def short(numbers: Iterable[Any]) -> bool:
    """Whether text can hold these exact numbers."""
    return all(abs(number.p) < _LARGEST and number.q < _LARGEST for number in numbers)


def function_depth(expression: sp.Basic) -> int:
    """How deeply functions are nested."""
    inner = max(map(function_depth, expression.args), default=0)
    return inner + isinstance(expression, sp.Function)
