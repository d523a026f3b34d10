"""Formulas as NumPy functions, in a few microseconds a node: engines try hundreds, so that compiling would dominate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import add, mul
from typing import Any

import numpy as np
import sympy as sp

from lagsym.errors import FormulaError

Values = Sequence[Any]

FUNCTIONS: Mapping[type, Callable[[Any], Any]] = {
    sp.sin: np.sin,
    sp.cos: np.cos,
    sp.tan: np.tan,
    sp.exp: np.exp,
    sp.log: np.log,
    sp.Abs: np.abs,
}


def numeric(expression: Any, symbols: Sequence[sp.Symbol]) -> Callable[[Values], Any]:
    """A function of the symbols' values, in their order; NaN and infinities where the formula is not real.

    Raises:
        FormulaError: a symbol that is not listed, or a function that is not known.

    >>> x = sp.Symbol("x", real=True)
    >>> float(numeric(sp.sqrt(x) + 1, [x])([np.float64(4.0)]))
    3.0
    """
    places = {symbol: place for place, symbol in enumerate(symbols)}

    def built(node: Any) -> Callable[[Values], Any]:
        if node in places:
            place = places[node]
            return lambda values: values[place]
        if node.is_number:
            number = np.float64(sp.N(node)) if node.is_real else np.float64("nan")
            return lambda values: number
        parts = [built(part) for part in node.args]
        if node.is_Add or node.is_Mul:
            operation = add if node.is_Add else mul
            return lambda values: reduce(operation, (part(values) for part in parts))
        if node.is_Pow:
            return _power(parts[0], parts[1], node.exp)
        if node.func not in FUNCTIONS:
            raise FormulaError(f"a formula over {[s.name for s in symbols]} was expected; it contains {node}")
        function = FUNCTIONS[node.func]
        return lambda values: function(parts[0](values))

    return built(expression)


def _power(base: Callable[[Values], Any], exponent: Callable[[Values], Any], exact: Any) -> Callable[[Values], Any]:
    """Integer powers by multiplication and roots by the square root, which are faster than the general power."""
    if exact.is_Integer:
        whole = int(exact)
        return lambda values: base(values) ** whole
    if exact == sp.S.Half:
        return lambda values: np.sqrt(base(values))
    return lambda values: np.power(base(values), exponent(values))
