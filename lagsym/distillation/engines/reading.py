"""Formulas in the text that engines write, read without eval."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy as sp

from lagsym.errors import FormulaError

LONGEST = 10_000
LARGEST_POWER = 12
# Julia writes 1.0f-5 for a number in single precision.
SINGLE_PRECISION = re.compile(r"(?<=[0-9.])f(?=[+-]?[0-9])")
ARGUMENT = re.compile(r"#([0-9]+)")

# For each function: of a number, and of an expression.
FUNCTIONS: Mapping[str, tuple[Callable[[float], float], Callable[[Any], Any]]] = {
    "sin": (math.sin, sp.sin),
    "cos": (math.cos, sp.cos),
    "exp": (math.exp, sp.exp),
    "log": (math.log, sp.log),
    "sqrt": (math.sqrt, sp.sqrt),
    "abs": (abs, sp.Abs),
    "square": (lambda x: x**2, lambda x: x**2),
    "cube": (lambda x: x**3, lambda x: x**3),
    "inv": (lambda x: 1 / x, lambda x: 1 / x),
    "neg": (operator.neg, operator.neg),
}
OPERATIONS: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def read_formula(text: str, symbols: Mapping[str, sp.Symbol]) -> sp.Expr:
    """Read a formula over known symbols.

    Numbers are calculated as ordinary floats, so that no text can ask for gigantic exact ones.

    Arguments:
        text: the formula, with ^ or ** for powers.
        symbols: the symbols that it may contain, by name.

    Raises:
        FormulaError: anything but numbers, these symbols, + - * / powers and known functions.

    >>> x0 = sp.Symbol("x0", real=True)
    >>> read_formula("square(x0) * -2.5 + x0 ^ 3", {"x0": x0})
    x0**3 - 2.5*x0**2
    """
    if len(text) > LONGEST:
        raise FormulaError(f"a formula of at most {LONGEST} characters was expected, not {len(text)}")
    try:
        tree = ast.parse(SINGLE_PRECISION.sub("e", text).replace("^", "**").strip(), mode="eval")
        value = _value(tree.body, symbols)
        expression = value if isinstance(value, sp.Basic) else sp.Float(value, 17)
    except (SyntaxError, ValueError, ArithmeticError, KeyError, TypeError, RecursionError, MemoryError) as error:
        raise FormulaError(f"a formula was expected, not {text[:80]!r} ({type(error).__name__})") from error
    if expression.has(sp.nan, sp.zoo, sp.oo, -sp.oo) or not isinstance(expression, sp.Expr):
        raise FormulaError(f"a finite formula was expected, not {text[:80]!r}")
    return expression


def read_sum(text: str, arguments: Mapping[str, Sequence[sp.Symbol]]) -> sp.Expr:
    """Read the sum of the functions that a search with a template found, over known symbols.

    Arguments:
        text: as PySR writes it, "name = formula; ..." with #1, #2, ... for the arguments of each function.
        arguments: for the name of every function its arguments.

    Raises:
        FormulaError: functions of other names, or a formula that `read_formula` refuses.

    >>> x0, x1 = sp.symbols("x0 x1", real=True)
    >>> read_sum("a = #1 * 2.0; b = exp(#1)", {"a": [x0], "b": [x1]})
    2.0*x0 + exp(x1)
    """
    functions: dict[str, str] = {}
    for part in text.split(";"):
        name, _, formula = part.partition("=")
        functions[name.strip()] = formula.strip()
    if set(functions) != set(arguments):
        raise FormulaError(f"functions {', '.join(arguments)} were expected, not {text[:80]!r}")
    return sp.Add(
        *(
            read_formula(
                ARGUMENT.sub(r"argument\1", functions[name]),
                {f"argument{place}": symbol for place, symbol in enumerate(symbols, 1)},
            )
            for name, symbols in arguments.items()
        )
    )


def _value(node: ast.expr, symbols: Mapping[str, sp.Symbol]) -> Any:
    """A float, or an expression where a symbol is in it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    if isinstance(node, ast.Name) and node.id in symbols:
        return symbols[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = _value(node.operand, symbols)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp):
        left, right = _value(node.left, symbols), _value(node.right, symbols)
        return _power(left, right) if isinstance(node.op, ast.Pow) else OPERATIONS[type(node.op)](left, right)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1 and not node.keywords:
        of_number, of_expression = FUNCTIONS[node.func.id]
        argument = _value(node.args[0], symbols)
        return of_number(argument) if isinstance(argument, float) else of_expression(argument)
    raise ValueError(f"{ast.unparse(node)[:80]} is neither a number nor a known name or operation")


def _power(base: Any, exponent: Any) -> Any:
    if isinstance(exponent, float):
        if isinstance(base, float):
            return float(base**exponent)  # a complex result is a TypeError
        if abs(exponent) > LARGEST_POWER:
            raise ValueError(f"powers up to {LARGEST_POWER} are read, not {exponent}")
        return base ** (int(exponent) if exponent.is_integer() else exponent)
    return base**exponent
