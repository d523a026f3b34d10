"""Algebra whose work is bounded by the size of its formulas: expansion, a normal form of sines and cosines, integrals.

What would be too large is given up with None, so that the same formula always takes the same steps.
"""

from __future__ import annotations

import functools
from typing import Any

import sympy as sp
from sympy.integrals.manualintegrate import manualintegrate
from sympy.integrals.rationaltools import ratint

from lagsym.mechanics.algebra.expansion import LARGEST_EXPANSION, expansion_size, multiplied_out
from lagsym.mechanics.algebra.undetermined_coefficients import undetermined_antiderivative

LARGEST_INTEGRAND = 120
"""Rational functions of more operations are not integrated."""
LARGEST_SEARCH, MOST_SEARCHES = 8, 4
"""The operations of a term whose integral is searched for, and how many terms may be."""
LARGEST_QUADRATIC_SEARCH = 10
"""The operations of a quotient with a quadratic denominator whose integral is searched for."""
LARGEST_QUOTIENT = 200
"""Quotients of more operations are not cancelled."""


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


@functools.lru_cache(maxsize=256)
def antiderivative(expression: sp.Expr, variable: sp.Symbol) -> Any:
    """An antiderivative: by undetermined coefficients as a whole, else term by term; None where none was found.

    >>> x, k = sp.symbols("x k", real=True)
    >>> antiderivative(3 * x**2 - sp.sin(k * x), x)
    x**3 + cos(k*x)/k
    """
    whole = undetermined_antiderivative(expression, variable)
    if whole is not None:
        return whole
    terms = multiplied_out(expression)
    if terms is None:
        return None
    rational, others = _rational_terms(terms, variable)
    rest = undetermined_antiderivative(sp.Add(*others), variable)
    parts = [_rational_integral(rational, variable), *([rest] if rest is not None else _each(others, variable))]
    return None if None in parts else sp.Add(*parts)


def _rational_terms(terms: Any, variable: sp.Symbol) -> tuple[Any, list[Any]]:
    """The sum of the terms that are rational functions of the variable, and the others."""
    parts = sp.Add.make_args(terms)
    rational = [part.is_rational_function(variable) for part in parts]
    others = [part for part, flag in zip(parts, rational, strict=True) if not flag]
    return sp.Add(*(part for part, flag in zip(parts, rational, strict=True) if flag)), others


def _each(terms: list[Any], variable: sp.Symbol) -> list[Any]:
    """The integrals of terms, up to the first that has none."""
    found: list[Any] = []
    for term in terms[: MOST_SEARCHES + 1]:
        found.append(_term_integral(term, variable) if len(terms) <= MOST_SEARCHES else None)
        if found[-1] is None:
            break
    return found


def _term_integral(term: Any, variable: sp.Symbol) -> Any:
    found = undetermined_antiderivative(term, variable)
    return _searched(term, variable) if found is None and _is_short(term, variable) else found


def _is_short(term: Any, variable: sp.Symbol) -> bool:
    """Whether a term holds one function or root, of a polynomial of low degree, and little else."""
    parts = {part for part in term.atoms(sp.Function, sp.Pow) if not part.is_rational_function(variable)}
    kernels = {part for part in parts if not (part.is_Pow and part.exp.is_Integer)}
    moving = term.as_independent(variable, as_Add=False)[1]
    inner = [part for kernel in kernels for part in kernel.args if part.has(variable)]
    low = all(
        isinstance(part, sp.Expr) and part.is_polynomial(variable) and sp.Poly(part, variable).degree() <= 2
        for part in inner
    )
    return low and len(kernels) == 1 and moving.count_ops() <= LARGEST_SEARCH


def _rational_integral(expression: Any, variable: sp.Symbol) -> Any:
    """An antiderivative by partial fractions, for which a search of the whole may take hours."""
    if expression.count_ops() > LARGEST_INTEGRAND:
        return None
    factors = sp.factor_list(sp.fraction(sp.together(expression))[1], variable)[1]
    highest = max((sp.Poly(factor, variable).degree() for factor, _ in factors), default=0)
    if highest > 2:
        return None
    method = ratint if highest <= 1 else _quadratic_integral
    parts = [method(part, variable) for part in sp.Add.make_args(sp.apart(expression, variable))]
    return None if None in parts else sp.Add(*parts)


def _quadratic_integral(expression: Any, variable: sp.Symbol) -> Any:
    """An antiderivative of (p x + q) / (a x^2 + b x + c), where 4 a c > b^2; by a search for other short quotients."""
    if expression.count_ops() <= LARGEST_QUADRATIC_SEARCH:
        return _searched(expression, variable)
    above, below = (sp.Poly(part, variable) for part in sp.fraction(sp.together(expression)))
    if below.degree() == 0:
        return above.integrate().as_expr() / below.as_expr()
    if below.degree() == 1:
        return ratint(expression, variable)
    if below.degree() > 2 or above.degree() > 1:
        return None
    (a, b, c), (q, p) = below.all_coeffs(), [above.nth(0), above.nth(1)]
    root = sp.sqrt(sp.factor(4 * a * c - b**2))
    arctangent = (2 * q - p * b / a) / root * sp.atan((2 * a * variable + b) / root)
    return p / (2 * a) * sp.log(below.as_expr()) + arctangent


def _searched(expression: Any, variable: sp.Symbol) -> Any:
    """An antiderivative by the search of `manualintegrate`, which may take hours but for the simplest integrands."""
    constant, moving = expression.as_independent(variable, as_Add=False)
    # Cases apart for values where another symbol is zero would only hide the generic one.
    others = {
        symbol: sp.Symbol(symbol.name, **{**symbol.assumptions0, "nonzero": True, "zero": False})
        for symbol in moving.free_symbols - {variable}
        if symbol.is_real
    }
    result = manualintegrate(moving.xreplace(others), variable)
    if result.has(sp.Integral):
        return None
    result = result.replace(sp.Piecewise, lambda first, *_: first[0])
    return constant * result.xreplace({generic: symbol for symbol, generic in others.items()})


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
