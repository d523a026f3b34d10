"""Antiderivatives by undetermined coefficients, in a number of steps that the size of the integrand bounds.

The integrand is a sum of products of powers of kernels: the variable, the functions and the bases of roots and
denominators that hold it.  The derivatives of the kernels are known, so that each term tau and each kernel k suggest a
term tau k / k' of the antiderivative; what its derivative brings in suggests more.  Comparing coefficients is linear
algebra.

Source: M. Bronstein, Symbolic Integration I, section 10.1, on the method of Risch and Norman.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy as sp
from sympy.polys.matrices import DomainMatrix

from lagsym.mechanics.algebra.expansion import expanded, regular_part

ROUNDS = 6
ROUNDING = 1e-9
"""Relative remainder that decimal coefficients may leave."""
LARGEST_ANSATZ = 60
"""Terms that the antiderivative may be sought among."""
LARGEST_SUM = 60
"""Integrands of more terms are given up."""
MOST_KERNELS = 15
"""With more kernels, as where the derivatives of a function bring in ever new ones, nothing is tried."""

PARTNERS = {sp.sin: sp.cos, sp.cos: sp.sin, sp.sinh: sp.cosh, sp.cosh: sp.sinh}
"""What a function is the derivative of, up to the sign."""
PIECEWISE = (sp.Piecewise, sp.Max, sp.Min, sp.Heaviside)
"""Functions that vanish on whole intervals, by whose derivatives nothing may be divided."""


class _TooManyKernelsError(Exception):
    """Whether a set of kernels is finite is not known beforehand."""


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
        if isinstance(expression, sp.sign):  # the derivative of |x| = x sign(x)
            argument: Any = expression.args[0]
            return self._symbol(sp.Abs(argument)) * self.masked(1 / argument)
        if expression.func in PARTNERS:
            self._symbol(PARTNERS[expression.func](*expression.args))
        return self._symbol(expression)

    def slope(self, expression: Any) -> Any:
        """The derivative of an expression in the kernels' symbols."""
        parts = [sp.diff(expression, symbol) * slope for symbol, slope in self.slopes.items() if expression.has(symbol)]
        return sp.Add(sp.diff(expression, self.variable), *parts)

    def unmasked(self, expression: Any) -> Any:
        """The expression in the variable."""
        return expression.xreplace({symbol: kernel for kernel, symbol in self.symbols.items()})

    def _power(self, base: Any, exponent: Any) -> Any:
        if exponent.is_Integer and (exponent > 0 or not (base.is_Add or base.is_Symbol)):
            return self.masked(base) ** exponent
        if not exponent.is_Integer or not base.is_polynomial(self.variable):
            return self._root(base) ** exponent
        constant, factors = _factors(base)
        return constant**exponent * sp.Mul(*(self._root(part) ** (power * exponent) for part, power in factors))

    def _root(self, base: Any) -> Any:
        """A symbol for what stands in a denominator or a root, whose integral may hold a logarithm or an arctangent."""
        if not base.has(self.variable):
            return base
        if (base.is_Add or base == self.variable) and sp.log(base) not in self.symbols:
            self._symbol(sp.log(base))
            root = _square_root(base - 1)
            if root is not None:
                self._symbol(sp.atan(root))
        return base if base.is_Symbol else self._symbol(base)

    def _symbol(self, kernel: Any) -> sp.Symbol:
        if kernel not in self.symbols:
            if len(self.symbols) == MOST_KERNELS:
                raise _TooManyKernelsError
            self.symbols[kernel] = sp.Dummy(positive=True)
            self.slopes[self.symbols[kernel]] = sp.S.Zero  # in case its derivative holds itself
            self.slopes[self.symbols[kernel]] = self.masked(regular_part(sp.diff(kernel, self.variable)))
        return self.symbols[kernel]


@functools.lru_cache(maxsize=256)
def _factors(expression: Any) -> tuple[Any, list[Any]]:
    """The numerical factor and the irreducible ones with their powers."""
    factorised: Any = sp.factor_list(expression)
    return factorised


def _square_root(expression: Any) -> Any:
    """What an expression is the square of, up to the sign; None where it is none."""
    if not isinstance(expression, (sp.Add, sp.Mul, sp.Pow)) or expression.has(sp.Float):
        return None
    constant, factors = _factors(expression)
    if constant <= 0 or any(power % 2 for _, power in factors):
        return None
    return sp.sqrt(constant) * sp.Mul(*(factor ** (power // 2) for factor, power in factors))


def undetermined_antiderivative(expression: sp.Expr, variable: sp.Symbol) -> Any:
    """An antiderivative in the functions that the integrand is made of; None where there is none among its terms.

    >>> x, k = sp.symbols("x k", real=True)
    >>> undetermined_antiderivative(sp.exp(x) * sp.sqrt(x**2 + k) + x * sp.exp(x) / sp.sqrt(x**2 + k), x)
    sqrt(k + x**2)*exp(x)
    """
    if len(sp.Add.make_args(expression)) > LARGEST_SUM or expression.has(*PIECEWISE):
        return None
    kernels = _Kernels(variable)
    try:
        integrand = expanded(kernels.masked(expression))
    except _TooManyKernelsError:
        return None
    if integrand is None or len(sp.Add.make_args(integrand)) > LARGEST_SUM:
        return None
    found = _fitted(_terms(integrand), kernels)
    return None if found is None else kernels.unmasked(found)


def _fitted(goal: dict[Any, Any], kernels: _Kernels) -> Any:
    """The sum of suggested terms whose derivative is the goal."""
    columns: dict[Any, dict[Any, Any]] = {}
    new: Iterable[Any] = goal
    for _ in range(ROUNDS):
        fresh = _suggested(new, columns, kernels)
        if not fresh or len(fresh) + len(columns) > LARGEST_ANSATZ:
            return None
        known = set(goal).union(*columns.values())
        for term in fresh:
            columns[term] = _terms(sp.expand(kernels.slope(term)))
        coefficients = _solved(columns, goal)
        if coefficients is not None:
            return sp.Add(*(c * term for term, c in zip(columns, coefficients, strict=True)))
        new = dict.fromkeys(part for term in fresh for part in columns[term] if part not in known)
    return None


def _terms(expression: Any) -> dict[Any, Any]:
    """The numerical coefficients of a sum by what they multiply."""
    result: dict[Any, Any] = {}
    for term in sp.Add.make_args(expression):
        coefficient, rest = term.as_coeff_Mul()
        result[rest] = result.get(rest, sp.S.Zero) + coefficient
    return {rest: coefficient for rest, coefficient in result.items() if coefficient != 0}


def _suggested(terms: Iterable[Any], known: Collection[Any], kernels: _Kernels) -> list[Any]:
    """New terms tau k / k' for each term tau and kernel k, and for each term of k'; one too many at most."""
    slopes = {kernels.variable: sp.S.One, **kernels.slopes}
    steps = [kernel / part for kernel, slope in slopes.items() for part in _terms(sp.expand(slope))]
    products = ((term * step).as_coeff_Mul()[1] for term, step in itertools.product(terms, steps))
    fresh: dict[Any, None] = {}
    for term in products:
        if term not in known and term.has(*slopes):
            fresh[term] = None
        if len(known) + len(fresh) > LARGEST_ANSATZ:
            break
    return list(fresh)


def _solved(columns: dict[Any, dict[Any, Any]], goal: dict[Any, Any]) -> list[Any] | None:
    """Coefficients with which the columns add up to the goal, zero where they are free; None where there are none."""
    rows = list(dict.fromkeys(row for column in columns.values() for row in column))
    if not set(goal) <= set(rows):
        return None
    matrix = [[column.get(row, sp.S.Zero) for column in columns.values()] for row in rows]
    right = [goal.get(row, sp.S.Zero) for row in rows]
    exact = all(x.is_Rational for row in (*matrix, right) for x in row)
    return _solved_exactly(matrix, right) if exact else _solved_in_doubles(matrix, right)


def _solved_exactly(matrix: list[list[Any]], right: list[Any]) -> list[Any] | None:
    width = len(matrix[0])
    entries = [[sp.QQ.from_sympy(x) for x in (*row, y)] for row, y in zip(matrix, right, strict=True)]
    reduced, pivots = DomainMatrix(entries, (len(right), width + 1), sp.QQ).to_sparse().rref()
    if width in pivots:
        return None
    last = reduced.to_Matrix()[:, width]
    by_column = dict(zip(pivots, last, strict=False))
    return [by_column.get(i, sp.S.Zero) for i in range(width)]


def _solved_in_doubles(matrix: list[list[Any]], right: list[Any]) -> list[Any] | None:
    a, b = np.array(matrix, float), np.array(right, float)
    solution, *_ = np.linalg.lstsq(a, b, rcond=None)
    if np.linalg.norm(a @ solution - b) > ROUNDING * np.linalg.norm(b):
        return None
    negligible = ROUNDING * np.abs(solution).max()
    return [sp.Float(x) if abs(x) > negligible else sp.S.Zero for x in solution]
