"""Expansion whose work is bounded by the size of its formulas, and what it leaves of kinks and rounding."""

from __future__ import annotations

from math import comb
from typing import Any

import sympy as sp

LARGEST_EXPANSION = 4000
"""Sums that could grow beyond this many terms are not multiplied out."""
NEGLIGIBLE = 1e-9
"""Coefficients below this, and below this share of the largest, are rounding, where numbers are doubles."""


def expansion_size(expression: Any) -> int:
    """How many terms an expression can have at most when it is multiplied out.

    >>> x, y = sp.symbols("x y", real=True)
    >>> expansion_size((x + y) ** 3 * (1 + x))
    8
    """
    if expression.is_Add:
        return sum(map(expansion_size, expression.args))
    if expression.is_Mul:
        return sp.prod(map(expansion_size, expression.args))
    if expression.is_Pow and expression.exp.is_Integer and expression.exp > 0:
        base, power = expression.as_base_exp()
        return comb(expansion_size(base) + int(power) - 1, int(power))
    return 1


def regular_part(expression: Any) -> Any:
    """The expression without the delta functions that derivatives have at kinks, as of |q|, and nowhere else.

    >>> x = sp.Symbol("x", real=True)
    >>> regular_part(sp.diff(x * abs(x - 1), x, 2))
    2*sign(x - 1)
    """
    return expression.replace(sp.DiracDelta, lambda *_: sp.S.Zero) if expression.has(sp.DiracDelta) else expression


def expanded(expression: sp.Expr) -> Any:
    """The expression multiplied out, without the rounding errors of doubles; None where it would be too large."""
    return _without_rounding(sp.expand(expression)) if expansion_size(expression) <= LARGEST_EXPANSION else None


def multiplied_out(expression: sp.Expr) -> Any:
    """The same, but for denominators, roots and the arguments of functions, which stay as they are.

    >>> x = sp.Symbol("x", real=True)
    >>> multiplied_out((x + 1) * (x + 1 / (x + 1) ** 2))
    x**2 + x + x/(x + 1)**2 + (x + 1)**(-2)
    """
    if expansion_size(expression) > LARGEST_EXPANSION:
        return None
    opaque: dict[Any, Any] = {}
    result = sp.expand(_outer(expression, opaque))
    return _without_rounding(result.xreplace({dummy: part for part, dummy in opaque.items()}))


def _outer(expression: Any, opaque: dict[Any, Any]) -> Any:
    power = expression.is_Pow and expression.exp.is_Integer and expression.exp > 0
    if expression.is_Add or expression.is_Mul or power:
        return expression.func(*(_outer(part, opaque) for part in expression.args))
    if expression.is_Atom:
        return expression
    if expression.is_Pow and expression.exp.is_number:  # its powers belong together
        return opaque.setdefault(expression.base, sp.Dummy(positive=True)) ** expression.exp
    return opaque.setdefault(expression, sp.Dummy(real=True))


def _without_rounding(expression: Any) -> Any:
    if not expression.has(sp.Float):
        return expression
    terms = [term.as_coeff_Mul() for term in sp.Add.make_args(expression)]
    largest = max(abs(c) for c, _ in terms)
    return sp.Add(*(c * rest for c, rest in terms if abs(c) > NEGLIGIBLE * max(largest, 1)))
