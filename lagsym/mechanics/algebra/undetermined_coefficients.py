"""Antiderivatives by undetermined coefficients, in a number of steps that the size of the integrand bounds.

The integrand is a sum of products of powers of kernels: the variable, the functions and the bases of roots and
denominators that hold it.  The derivatives of the kernels are known, so that each term tau and each kernel k suggest a
term tau k / k' of the antiderivative; what its derivative brings in suggests more.  Comparing coefficients is linear
algebra with rational numbers.

Source: M. Bronstein, Symbolic Integration I, section 10.1, on the method of Risch and Norman.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from sympy import expand as expanded

ROUNDS = 6
LARGEST_ANSATZ = 120
"""Terms that the antiderivative may be sought among."""
LARGEST_SUM = 60
"""Integrands of more terms, or with more kernels than a fourth of it, are given up."""

PARTNERS = {sp.sin: sp.cos, sp.cos: sp.sin, sp.sinh: sp.cosh, sp.cosh: sp.sinh, sp.sign: sp.Abs}
"""What a function is the derivative of, up to the sign, where that is an elementary function of the same argument."""


@dataclass
class _Kernels:
    """Symbols for what holds the variable, and their derivatives in these symbols."""

    variable: sp.Symbol
    symbols: dict[Any, sp.Symbol] = field(default_factory=dict)
    slopes: dict[sp.Symbol, Any] = field(default_factory=dict)

    def masked(self, expression: Any) -> Any:
        """The expression as sums and products of powers of symbols."""
        if not expression.has(self.variable) or expression.is_Symbol:
            return expression
        if expression.is_Add or expression.is_Mul:
            return expression.func(*map(self.masked, expression.args))
        if expression.is_Pow and not expression.exp.has(self.variable):
            return self._power(*expression.as_base_exp())
        partner = PARTNERS.get(expression.func)
        if partner is not None:
            self._symbol(partner(*expression.args))
        return self._symbol(expression)

    def slope(self, expression: Any) -> Any:
        """The derivative of an expression in the kernels' symbols."""
        parts = [sp.diff(expression, symbol) * slope for symbol, slope in self.slopes.items() if expression.has(symbol)]
        return sp.Add(sp.diff(expression, self.variable), *parts)

    def unmasked(self, expression: Any) -> Any:
        """The expression in the variable."""
        return expression.xreplace({symbol: kernel for kernel, symbol in self.symbols.items()})

    def _power(self, base: Any, exponent: Any) -> Any:
        if exponent.is_Integer and (exponent > 0 or not base.is_Add):
            return self.masked(base) ** exponent
        if not exponent.is_Integer or not base.is_polynomial(self.variable):
            return self._root(base) ** exponent
        constant, factors = sp.factor_list(base)
        return constant**exponent * sp.Mul(*(self._root(part) ** (power * exponent) for part, power in factors))

    def _root(self, base: Any) -> Any:
        """A symbol for what stands in a denominator or a root, whose integral may hold the logarithm."""
        if base.is_Symbol or not base.has(self.variable):
            return base
        if base.is_Add:
            self._symbol(sp.log(base))
        return self._symbol(base)

    def _symbol(self, kernel: Any) -> sp.Symbol:
        if kernel not in self.symbols:
            self.symbols[kernel] = sp.Dummy(positive=True)
            self.slopes[self.symbols[kernel]] = sp.S.Zero  # in case its derivative holds itself
            self.slopes[self.symbols[kernel]] = self.masked(sp.diff(kernel, self.variable))
        return self.symbols[kernel]


def undetermined_antiderivative(expression: sp.Expr, variable: sp.Symbol) -> Any:
    """An antiderivative in the functions that the integrand is made of; None where there is none among its terms.

    >>> x, k = sp.symbols("x k", real=True)
    >>> undetermined_antiderivative(sp.exp(x) * sp.sqrt(x**2 + k) + x * sp.exp(x) / sp.sqrt(x**2 + k), x)
    sqrt(k + x**2)*exp(x)
    """
    kernels = _Kernels(variable)
    integrand = expanded(kernels.masked(expression))
    if integrand is None or not _is_small(integrand, kernels):
        return None
    goal = _terms(integrand)
    columns: dict[Any, dict[Any, Any]] = {}
    new: Iterable[Any] = goal
    for _ in range(ROUNDS):
        fresh = [term for term in _suggested(new, kernels) if term not in columns]
        if not fresh or len(fresh) + len(columns) > LARGEST_ANSATZ:
            return None
        known = set(goal).union(*columns.values())
        for term in fresh:
            columns[term] = _terms(sp.expand(kernels.slope(term)))
        coefficients = _solved(columns, goal)
        if coefficients is not None:
            return kernels.unmasked(sp.Add(*(c * term for term, c in zip(columns, coefficients, strict=True))))
        new = dict.fromkeys(part for term in fresh for part in columns[term] if part not in known)
    return None


def _is_small(integrand: Any, kernels: _Kernels) -> bool:
    return len(sp.Add.make_args(integrand)) <= LARGEST_SUM and len(kernels.symbols) <= LARGEST_SUM // 4


def _terms(expression: Any) -> dict[Any, Any]:
    """The rational coefficients of a sum by what they multiply."""
    result: dict[Any, Any] = {}
    for term in sp.Add.make_args(expression):
        coefficient, rest = term.as_coeff_Mul(rational=True)
        result[rest] = result.get(rest, sp.S.Zero) + coefficient
    return {rest: coefficient for rest, coefficient in result.items() if coefficient != 0}


def _suggested(terms: Iterable[Any], kernels: _Kernels) -> list[Any]:
    """tau k / k' for each term tau and kernel k, and for each term of k'."""
    slopes = {kernels.variable: sp.S.One, **kernels.slopes}
    steps = [kernel / part for kernel, slope in slopes.items() for part in _terms(sp.expand(slope))]
    suggested = dict.fromkeys((term * step).as_coeff_Mul(rational=True)[1] for term in terms for step in steps)
    return [term for term in suggested if term.has(*slopes)]


def _solved(columns: dict[Any, dict[Any, Any]], goal: dict[Any, Any]) -> list[Any] | None:
    """Coefficients with which the columns add up to the goal, zero where they are free; None where there are none."""
    rows = list(dict.fromkeys([*goal, *(row for column in columns.values() for row in column)]))
    if not set(goal) <= {row for column in columns.values() for row in column}:
        return None
    entries = [[*(column.get(row, 0) for column in columns.values()), goal.get(row, 0)] for row in rows]
    reduced, pivots = sp.polys.matrices.DomainMatrix(
        [[sp.QQ.from_sympy(sp.sympify(x)) for x in row] for row in entries], (len(rows), len(columns) + 1), sp.QQ
    ).to_sparse().rref()
    if len(columns) in pivots:
        return None
    last = reduced.to_Matrix()[:, len(columns)]
    result = [sp.S.Zero] * len(columns)
    for row, pivot in enumerate(pivots):
        result[pivot] = last[row]
    return result
