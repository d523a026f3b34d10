"""SymPy expressions as power series about a point."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from typing import Any

import mpmath
import sympy as sp
from sympy.core.function import AppliedUndef

from lagsym.errors import InputError
from lagsym.mechanics.algebra.power_series import BITS, ONE, Series, Truncation

WORKING = BITS + 64
"""Binary digits with which elementary functions are evaluated."""
LARGEST = 4096
"""Values from two to this power on count as infinite: a tower of exponentials has more digits than any memory."""


class NotRegularError(ArithmeticError):
    """An expression has no real power series at the point."""


class Evaluation:
    """Evaluates expressions as series, each shared part once.

    Arguments:
        truncation: the variables and the order.
        variables: the symbols that vary, in the truncation's order, with their values.
        constants: the values of all other symbols.

    >>> x = sp.Symbol("x", real=True)
    >>> series = Evaluation(Truncation(1, 2), {x: Fraction(0)})(sp.exp(x))
    >>> [round(c / ONE, 3) for c in series.coefficients]
    [1.0, 1.0, 0.5]
    """

    def __init__(
        self,
        truncation: Truncation,
        variables: Mapping[sp.Symbol, Fraction],
        constants: Mapping[sp.Symbol, Fraction] | None = None,
    ) -> None:
        self._truncation = truncation
        self._point: dict[Any, Any] = {**variables, **(constants or {})}
        self._known: dict[sp.Basic, Series] = {}
        for index, (symbol, value) in enumerate(variables.items()):
            self._known[symbol] = Series.variable(truncation, index, value)
        for symbol, value in (constants or {}).items():
            self._known[symbol] = self._number(sp.Rational(value.numerator, value.denominator))

    def __call__(self, expression: sp.Expr) -> Series:
        """The series of an expression.

        Raises:
            NotRegularError: it has none at the point.
            InputError: it holds something that cannot be differentiated or evaluated.
        """
        if expression not in self._known:
            try:
                self._known[expression] = self._evaluate(expression)
            except (ZeroDivisionError, OverflowError) as error:
                raise NotRegularError(str(error)) from error
        return self._known[expression]

    def _evaluate(self, expression: Any) -> Series:
        if expression.is_number:
            return self._number(expression)
        if expression.is_Add:
            return sum((self(term) for term in expression.args[1:]), start=self(expression.args[0]))
        if expression.is_Mul:
            return self._product(expression)
        if expression.is_Pow:
            return self._power(*expression.as_base_exp())
        if isinstance(expression, sp.Piecewise):
            return self._branch(expression)
        if isinstance(expression, sp.Max | sp.Min):
            return self(expression.rewrite(sp.Piecewise))
        if isinstance(expression, sp.Function) and not isinstance(expression, AppliedUndef):
            return self._function(expression)
        msg = f"expected accelerations in the coordinates, velocities and elementary functions, got {expression}"
        raise InputError(msg)

    def _number(self, number: Any) -> Series:
        return Series.constant(self._truncation, _fixed(number))

    def _product(self, expression: Any) -> Series:
        number, rest = expression.as_coeff_Mul()
        factors = [self(factor) for factor in sp.Mul.make_args(rest)]
        result = factors[0]
        for factor in factors[1:]:
            result = result * factor
        return result if number == 1 else result * self._number(number)

    def _power(self, base: Any, exponent: Any) -> Series:
        if isinstance(exponent, sp.Rational):
            power = Fraction(int(exponent.p), int(exponent.q))
        elif isinstance(exponent, sp.Float):
            power = Fraction(*map(int, sp.Rational(exponent).as_numer_denom()))
        else:
            return self(sp.exp(exponent * sp.log(base)))
        root = None if power.denominator == 1 else _root(power)
        return self(base).power(power, root)

    def _branch(self, expression: sp.Piecewise) -> Series:
        values: Any = {s: sp.Rational(v.numerator, v.denominator) for s, v in self._point.items()}
        branches: Any = expression.args
        for value, condition in branches:
            if condition.subs(values) == sp.true:
                return self(value)
        raise NotRegularError(str(expression))

    def _function(self, expression: Any) -> Series:
        if len(expression.args) != 1:
            msg = f"{expression.func} of {len(expression.args)} arguments cannot be expanded; write it otherwise"
            raise InputError(msg)
        argument = self(expression.args[0])
        return argument.compose(_taylor(expression.func, argument.value, self._truncation.order))


def _fixed(number: Any) -> int:
    if isinstance(number, sp.Float | sp.Rational):
        exact: Any = sp.Rational(number)
        return (int(exact.p) << BITS) // int(exact.q)
    value = number.evalf(WORKING // 3)
    if not value.is_real or not value.is_finite:
        raise NotRegularError(str(number))
    exact = sp.Rational(value)  # of all digits, whatever mpmath's precision is
    return (int(exact.p) << BITS) // int(exact.q)


def _from_mpf(value: Any) -> int:
    if isinstance(value, mpmath.mpc):
        if abs(value.imag) > mpmath.mpf(2) ** (8 - BITS):
            msg = "not real"
            raise NotRegularError(msg)
        value = value.real
    if not mpmath.isfinite(value) or mpmath.mag(value) > LARGEST:
        msg = "not finite, or too large"
        raise NotRegularError(msg)
    return int(mpmath.floor(mpmath.ldexp(value, BITS)))


def _root(exponent: Fraction) -> Any:
    def root(number: int) -> int:
        if number < 0:
            msg = "root of a negative number"
            raise NotRegularError(msg)
        with mpmath.workprec(WORKING):
            return _from_mpf(mpmath.mpf(number) ** _mpf(exponent) * mpmath.mpf(ONE) ** _mpf(-exponent))

    return root


def _mpf(number: Fraction) -> Any:
    return mpmath.mpf(number.numerator) / number.denominator


def _taylor(function: Any, value: int, order: int) -> list[int]:
    """Taylor coefficients of a function of one argument, from SymPy's derivatives."""
    with mpmath.workprec(WORKING + max(value.bit_length() - BITS, 0)):
        point = mpmath.mpf(value) / ONE
        derivatives = (mpmath.mpmathify(_derivative(function, k)[1](point)) for k in range(order + 1))
        return [_from_mpf(derivative / mpmath.factorial(k)) for k, derivative in enumerate(derivatives)]


@cache
def _derivative(function: Any, order: int) -> tuple[Any, Any]:
    """A derivative of a function of one argument, as a formula and in mpmath."""
    symbol = sp.Symbol("x", real=True)
    formula = sp.diff(_derivative(function, order - 1)[0], symbol) if order else function(symbol)
    # Kinks are met at no random point.
    formula = formula.replace(sp.DiracDelta, lambda *_: sp.S.Zero)
    return formula, sp.lambdify(symbol, formula, "mpmath", cse=True)
