"""Algebra whose work is bounded by the size of its formulas: expansion, a normal form of sines and cosines, integrals.

What would be too large is given up with None, so that the same formula always takes the same steps.
"""

from __future__ import annotations

from math import comb
from typing import Any

import sympy as sp
from sympy.integrals.manualintegrate import manualintegrate
from sympy.integrals.rationaltools import ratint

LARGEST_EXPANSION = 4000
"""Sums that could grow beyond this many terms are not multiplied out."""
LARGEST_INTEGRAND = 120
"""Integrands of more operations are not integrated."""
LARGEST_QUOTIENT = 200
"""Quotients of more operations are not cancelled."""
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
    if expansion_size(expression) > LARGEST_EXPANSION:
        return None
    result = sp.expand(expression)
    if not result.has(sp.Float):
        return result
    terms = [term.as_coeff_Mul() for term in sp.Add.make_args(result)]
    largest = max(abs(c) for c, _ in terms)
    return sp.Add(*(c * rest for c, rest in terms if abs(c) > NEGLIGIBLE * max(largest, 1)))


def cancelled(expression: Any) -> Any:
    """A quotient without common factors, where there is a denominator; as it was where that would be too large.

    >>> x = sp.Symbol("x", real=True)
    >>> cancelled(sp.log(x) / (x - 1) - 1 / (x**2 - x) - x * sp.log(x) / (x**2 - x) + 1 / (x - 1))
    1/x
    """
    denominator = sp.fraction(sp.together(expression))[1]
    small = expression.count_ops() <= LARGEST_QUOTIENT and expansion_size(denominator) <= LARGEST_QUOTIENT
    return expression if denominator.is_number or not small else sp.cancel(expression)


def fourier_form(expression: sp.Expr) -> Any:
    """The expression as a sum of sines and cosines of single angles, in which equal sums look equal.

    Addition theorems, products and half angles all come to the same form; None where it would be too large.

    >>> a, b = sp.symbols("a b", real=True)
    >>> fourier_form(sp.sin(a) * sp.sin(b) + sp.cos(a) * sp.cos(b) + 2 * sp.sin(a / 2) ** 2)
    -cos(a) + cos(a - b) + 1
    """
    opaque: dict[Any, Any] = {}
    rewritten = _in_exponentials(expression, opaque)
    if not all(symbol.is_real for symbol in rewritten.free_symbols) or expansion_size(rewritten) > LARGEST_EXPANSION:
        return None
    terms = sp.Add.make_args(sp.expand(rewritten))
    return sp.Add(*map(_real_part, terms)).xreplace({dummy: part for part, dummy in opaque.items()})


def antiderivative(expression: sp.Expr, variable: sp.Symbol) -> Any:
    """An antiderivative, term by term where that is possible; None where no closed form was found.

    >>> x, k = sp.symbols("x k", real=True)
    >>> antiderivative(3 * x**2 - sp.sin(k * x), x)
    x**3 + cos(k*x)/k
    """
    terms = expanded(expression)
    if terms is not None:
        parts = [_integrated(term, variable) for term in sp.Add.make_args(terms)]
        if None not in parts:
            return sp.Add(*parts)
    return _integrated(expression, variable)


def _integrated(expression: Any, variable: sp.Symbol) -> Any:
    constant, moving = expression.as_independent(variable, as_Add=False)
    if moving.count_ops() > LARGEST_INTEGRAND:
        return None
    # Cases apart for values where another symbol is zero would only hide the generic one.
    others = {
        symbol: sp.Symbol(symbol.name, **{**symbol.assumptions0, "nonzero": True, "zero": False})
        for symbol in moving.free_symbols - {variable}
        if symbol.is_real
    }
    generic = moving.xreplace(others)
    rational = _has_linear_denominator(generic, variable)
    result = _rational_integral(generic, variable) if rational else manualintegrate(generic, variable)
    if result.has(sp.Integral):
        return None
    result = result.replace(sp.Piecewise, lambda first, *_: first[0])
    return constant * result.xreplace({generic: symbol for symbol, generic in others.items()})


def _has_linear_denominator(expression: Any, variable: sp.Symbol) -> bool:
    """Whether an expression is a quotient of polynomials whose denominator has linear factors alone."""
    if not expression.is_rational_function(variable):
        return False
    factors = [factor for factor, _ in sp.factor_list(sp.fraction(sp.together(expression))[1], variable)[1]]
    return bool(factors) and all(sp.Poly(factor, variable).degree() == 1 for factor in factors)


def _rational_integral(expression: Any, variable: sp.Symbol) -> Any:
    """An antiderivative by partial fractions, for which the search of `manualintegrate` may take hours."""
    parts = sp.Add.make_args(sp.apart(expression, variable))
    return sp.Add(*(ratint(part, variable) for part in parts))


def _in_exponentials(expression: Any, opaque: dict[Any, Any]) -> Any:
    """Sines and cosines as exponentials; what holds them in other ways than sums and products stands as a symbol."""
    if not expression.has(sp.sin, sp.cos):
        return expression
    power = expression.is_Pow and expression.exp.is_Integer and expression.exp > 0
    if expression.is_Add or expression.is_Mul or power:
        return expression.func(*(_in_exponentials(part, opaque) for part in expression.args))
    if isinstance(expression, (sp.sin, sp.cos)) and not expression.args[0].has(sp.sin, sp.cos):
        return expression.func(sp.expand(expression.args[0])).rewrite(sp.exp)
    return opaque.setdefault(expression, sp.Dummy(real=True))


def _real_part(term: Any) -> Any:
    """Turn c exp(I phase) into c cos(phase), I c exp(I phase) into -c sin(phase)."""
    factors: Any = sp.Mul.make_args(term)
    waves: list[Any] = [factor for factor in factors if isinstance(factor, sp.exp) and factor.args[0].has(sp.I)]
    phase = sp.expand(sp.Add(*(wave.args[0] for wave in waves)) / sp.I)
    coefficient = sp.Mul(*(factor for factor in factors if factor not in waves))
    if coefficient.has(sp.I):
        return -coefficient / sp.I * sp.sin(phase)
    return coefficient * sp.cos(phase)
