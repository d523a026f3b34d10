"""What the tests of the catalogue share: random points, and numbers at them to many digits."""

import random
from fractions import Fraction

import mpmath
import pytest
import sympy as sp

DIGITS = 40


@pytest.fixture(autouse=True)
def many_digits():
    with mpmath.workdps(DIGITS):
        yield


@pytest.fixture
def evaluate():
    """Numbers of expressions at a random rational point within a system's ranges, to forty digits.

    Symbols that have no range there are drawn from one about zero, or from the range given by name.
    """

    def numbers(expressions, system, seed, **further):
        expressions = [sp.sympify(expression) for expression in expressions]
        symbols = sorted(set().union(*(e.free_symbols for e in expressions)), key=str)
        ranges = {**dict.fromkeys((s.name for s in symbols), (-0.9, 1.1)), **system.ranges, **system.parameter_ranges}
        ranges |= further
        point = [_between(*ranges[s.name], random.Random(f"{s.name} {seed}")) for s in symbols]
        values = sp.lambdify(symbols, expressions, "mpmath", cse=True)(*point)
        return [mpmath.mpf(value) for value in values]

    return numbers


def _between(low, high, generator):
    fraction = Fraction(low) + (Fraction(high) - Fraction(low)) * Fraction(generator.randint(1, 996), 997)
    return mpmath.mpf(fraction.numerator) / fraction.denominator
