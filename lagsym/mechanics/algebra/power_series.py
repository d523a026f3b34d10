"""Truncated power series in several variables, with numbers of 256 binary places.

Ranks that decide whether something exists must not hang on rounding.  Every coefficient is an integer that counts
multiples of 2^-256, so that seventy-seven digits after the point survive; Python's integers take any size before it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

BITS = 256
"""Binary places of every number."""
ONE = 1 << BITS


def fixed(number: Fraction | float) -> int:
    """A number as a multiple of 2^-256.

    >>> fixed(0.5) == ONE // 2
    True
    """
    exact = Fraction(number)
    return (exact.numerator << BITS) // exact.denominator


def as_float(number: int) -> float:
    """The double next to a multiple of 2^-256; infinite where it is beyond them."""
    try:
        return number / ONE
    except OverflowError:
        return math.inf if number > 0 else -math.inf


@dataclass(frozen=True)
class Truncation:
    """Which coefficients a series has: all monomials in so many variables up to a total order, lowest order first."""

    variables: int
    order: int


@cache
def monomials(truncation: Truncation) -> tuple[tuple[int, ...], ...]:
    """The exponents of every monomial, by rising order.

    >>> monomials(Truncation(2, 1))
    ((0, 0), (1, 0), (0, 1))
    """
    result = []
    for order in range(truncation.order + 1):
        for factors in itertools.combinations_with_replacement(range(truncation.variables), order):
            result.append(tuple(factors.count(i) for i in range(truncation.variables)))
    return tuple(result)


@cache
def positions(truncation: Truncation) -> dict[tuple[int, ...], int]:
    """The place of every monomial among the coefficients."""
    return {exponents: i for i, exponents in enumerate(monomials(truncation))}


def count(variables: int, order: int) -> int:
    """The number of monomials in so many variables up to an order."""
    return math.comb(variables + order, variables)


@cache
def _product_table(truncation: Truncation) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Left and right factor of every term of a product, sorted by where it goes, and where each target starts."""
    place = positions(truncation)
    exponents = np.array(monomials(truncation)).reshape(-1, truncation.variables)
    orders = exponents.sum(axis=1)
    base = np.array([(truncation.order + 1) ** i for i in range(truncation.variables)], dtype=object)
    codes = {int(code): place[key] for key, code in zip(place, exponents @ base, strict=True)}
    left, right = np.nonzero(np.add.outer(orders, orders) <= truncation.order)
    flat = exponents @ base
    target = np.array([codes[int(code)] for code in flat[left] + flat[right]])
    sorting = np.argsort(target, kind="stable")
    starts = np.searchsorted(target[sorting], np.arange(len(place)))
    return left[sorting], right[sorting], starts


@cache
def _derivative_table(truncation: Truncation, variable: int) -> tuple[np.ndarray, np.ndarray]:
    """Source and factor of every coefficient of a derivative."""
    place = positions(truncation)
    lower = monomials(Truncation(truncation.variables, truncation.order - 1))
    raised = [tuple(e + (i == variable) for i, e in enumerate(exponents)) for exponents in lower]
    factors = np.array([exponents[variable] for exponents in raised], dtype=object)
    return np.array([place[exponents] for exponents in raised]), factors


class Series:
    """A truncated power series about a point; sums and products keep the lower of the two orders.

    Arguments:
        truncation: the variables and the order.
        coefficients: multiples of 2^-256, in the order of `monomials`.

    >>> x = Series.variable(Truncation(1, 3), 0, Fraction(2))
    >>> [as_float(c) for c in (x * x).coefficients]
    [4.0, 4.0, 1.0, 0.0]
    """

    __slots__ = ("coefficients", "truncation")

    def __init__(self, truncation: Truncation, coefficients: np.ndarray) -> None:
        self.truncation = truncation
        self.coefficients = coefficients

    @classmethod
    def constant(cls, truncation: Truncation, number: int) -> Series:
        """A constant, given as a multiple of 2^-256."""
        coefficients = np.zeros(count(truncation.variables, truncation.order), dtype=object)
        coefficients[0] = number
        return cls(truncation, coefficients)

    @classmethod
    def variable(cls, truncation: Truncation, index: int, point: Fraction) -> Series:
        """The variable itself, about its value at the point."""
        series = cls.constant(truncation, fixed(point))
        if truncation.order:
            series.coefficients[1 + index] = ONE
        return series

    @property
    def value(self) -> int:
        """The value at the point."""
        return self.coefficients[0]

    def truncated(self, order: int) -> Series:
        """The same series up to a lower order."""
        truncation = Truncation(self.truncation.variables, order)
        return Series(truncation, self.coefficients[: count(truncation.variables, order)])

    def without(self, last: int) -> Series:
        """The series in the other variables, where the last ones keep their value at the point."""
        truncation = Truncation(self.truncation.variables - last, self.truncation.order)
        place = positions(self.truncation)
        kept = [place[(*exponents, *(0,) * last)] for exponents in monomials(truncation)]
        return Series(truncation, self.coefficients[kept])

    def derivative(self, variable: int) -> Series:
        """The partial derivative, known to one order less."""
        source, factors = _derivative_table(self.truncation, variable)
        truncation = Truncation(self.truncation.variables, self.truncation.order - 1)
        return Series(truncation, self.coefficients[source] * factors)

    def _common(self, other: Series) -> tuple[Truncation, np.ndarray, np.ndarray]:
        if self.truncation is other.truncation:
            return self.truncation, self.coefficients, other.coefficients
        shorter = min(self.truncation, other.truncation, key=lambda truncation: truncation.order)
        terms = count(shorter.variables, shorter.order)
        return shorter, self.coefficients[:terms], other.coefficients[:terms]

    def __add__(self, other: Series | int) -> Series:
        if isinstance(other, int):
            return self + Series.constant(self.truncation, other * ONE)
        truncation, left, right = self._common(other)
        return Series(truncation, left + right)

    __radd__ = __add__

    def __neg__(self) -> Series:
        return Series(self.truncation, -self.coefficients)

    def __sub__(self, other: Series | int) -> Series:
        return self + (-other)

    def __rsub__(self, other: int) -> Series:
        return -self + other

    def __mul__(self, other: Series | int) -> Series:
        if isinstance(other, int):
            return Series(self.truncation, self.coefficients * other)
        truncation, left, right = self._common(other)
        for one, many in ((left, right), (right, left)):
            if not one[1:].any():
                return Series(truncation, (many * one[0]) >> BITS)
        i, j, starts = _product_table(truncation)
        return Series(truncation, np.add.reduceat(left[i] * right[j], starts) >> BITS)

    __rmul__ = __mul__

    def __truediv__(self, other: Series | int) -> Series:
        if isinstance(other, int):
            return Series(self.truncation, self.coefficients // other)
        return self * other.power(Fraction(-1))

    def compose(self, taylor: Sequence[int]) -> Series:
        """The function with these Taylor coefficients at the value, applied to the series."""
        step = Series(self.truncation, self.coefficients.copy())
        step.coefficients[0] = 0
        result = Series.constant(self.truncation, taylor[self.truncation.order])
        for coefficient in reversed(taylor[: self.truncation.order]):
            result = result * step
            result.coefficients[0] += coefficient
        return result

    def power(self, exponent: Fraction, root: Callable[[int], int] | None = None) -> Series:
        """The series raised to a rational power.

        Arguments:
            exponent: the power.
            root: value to the power as a multiple of 2^-256, where the exponent is no integer.

        Raises:
            ZeroDivisionError: the value at the point is zero.
        """
        if exponent.denominator == 1 and 0 <= exponent <= 4:
            return math.prod([self] * int(exponent), start=Series.constant(self.truncation, ONE))
        taylor = [integer_power(self.value, int(exponent)) if root is None else root(self.value)]
        for k in range(self.truncation.order):
            factor = (exponent - k) / (k + 1)
            taylor.append(taylor[-1] * ONE * factor.numerator // (self.value * factor.denominator))
        return self.compose(taylor)


def integer_power(number: int, exponent: int) -> int:
    """A number to an integer power."""
    exact: Any = Fraction(number, ONE) ** exponent
    return fixed(exact)
