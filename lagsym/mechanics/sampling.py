"""Random points of a particle's jet space at which Lagrangians are compared."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from fractions import Fraction

import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.jetspace import JetSpace

Ranges = Mapping[str, tuple[float, float]]
POSITION, VELOCITY, TIME, PARAMETER = (0.2, 1.3), (-0.45, 0.45), (0.1, 1.1), (0.4, 1.6)
"""Default ranges: away from the poles, branch points and symmetries where different formulas agree by accident."""
DENOMINATOR = 997
"""Points are quotients with this prime denominator, so that any precision can represent them."""


def sampling_ranges(space: JetSpace, parameters: Iterable[sp.Symbol], ranges: Ranges | None) -> Ranges:
    """The range of every symbol by its name: the given one, or the default of its kind.

    Raises:
        InputError: a range is empty, or named after no symbol.
    """
    result = {symbol.name: TIME for symbol in space.base_symbols}
    result |= {symbol.name: POSITION for symbol in space.positions}
    result |= {symbol.name: VELOCITY for symbol in space.velocities}
    result |= {symbol.name: PARAMETER for symbol in parameters}
    for name, (low, high) in (ranges or {}).items():
        if not low < high:
            msg = f"expected a range low < high for {name}, got ({low}, {high})"
            raise InputError(msg)
        if name in result:
            result[name] = (low, high)
    return result


def random_point(symbols: Iterable[sp.Symbol], ranges: Ranges, generator: random.Random) -> list[Fraction]:
    """A random rational number for each symbol, strictly within its range."""
    return [_between(*ranges[symbol.name], generator) for symbol in symbols]


def _between(low: float, high: float, generator: random.Random) -> Fraction:
    start, width = Fraction(low), Fraction(high) - Fraction(low)
    return start + width * Fraction(generator.randint(1, DENOMINATOR - 1), DENOMINATOR)
