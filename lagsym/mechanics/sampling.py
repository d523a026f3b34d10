"""Random points of a jet space at which Lagrangians are compared."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import mpmath
import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.jetspace import JetSpace

Ranges = Mapping[str, tuple[float, float]]
POSITION, VELOCITY, HIGHER = (0.2, 1.3), (-0.45, 0.45), (-1.0, 1.0)
TIME, PARAMETER = (0.1, 1.1), (0.4, 1.6)
"""Default ranges: away from the poles, branch points and symmetries where different formulas agree by accident."""
DENOMINATOR = 997
"""Points are quotients with this prime denominator, so that any precision can represent them."""
ATTEMPTS = 200
"""Points tried before formulas are said to have no common domain."""

Point = dict[sp.Symbol, Fraction]
Formulas = Callable[..., Sequence[Any]]
"""Formulas compiled for mpmath, whose numbers' types cannot be named."""


def sampling_ranges(space: JetSpace, parameters: Iterable[sp.Symbol], ranges: Ranges | None) -> Ranges:
    """The range of every symbol by its name: the given one, or the default of its kind; foreign names are passed over.

    Raises:
        InputError: a range is not two finite numbers, the lower one first.
    """
    result = dict.fromkeys(space.names, HIGHER)
    result |= {symbol.name: TIME for symbol in space.base_symbols}
    result |= {symbol.name: POSITION for symbol in space.positions}
    for mu in range(len(space.base)):
        result |= {symbol.name: VELOCITY for symbol in space.derivatives(mu)}
    result |= {symbol.name: PARAMETER for symbol in parameters}
    for name, given in (ranges or {}).items():
        bounds = _interval(name, given)
        if name in result:
            result[name] = bounds
    return result


def _interval(name: str, given: Any) -> tuple[float, float]:
    try:
        low, high = map(float, given)
    except (TypeError, ValueError):
        low = high = math.nan
    if not (low < high and math.isfinite(low) and math.isfinite(high)):
        msg = f"expected a range low < high of finite numbers for {name}, got {given}"
        raise InputError(msg)
    return low, high


def random_point(symbols: Iterable[sp.Symbol], ranges: Ranges, generator: random.Random) -> list[Fraction]:
    """A random rational number for each symbol, strictly within its range."""
    return [_between(*ranges[symbol.name], generator) for symbol in symbols]


def jet_symbols(expressions: Iterable[sp.Expr], space: JetSpace) -> tuple[sp.Symbol, ...]:
    """The base coordinates and fields' derivatives that expressions hold, lowest order first."""
    found: set[Any] = set().union(*(expression.free_symbols for expression in expressions))
    keys = {symbol: key for symbol in found if (key := space.key(symbol))}
    jets = sorted(keys, key=lambda symbol: (len(keys[symbol][1]), keys[symbol]))
    return (*(symbol for symbol in space.base_symbols if symbol in found), *jets)


def parameter_symbols(expressions: Iterable[sp.Expr], space: JetSpace) -> tuple[sp.Symbol, ...]:
    """The symbols of expressions that belong to no jet, by name."""
    expressions = tuple(expressions)
    found: set[Any] = set().union(*(expression.free_symbols for expression in expressions))
    return tuple(sorted(found - set(jet_symbols(expressions, space)), key=str))


def defined_points(
    formulas: Formulas, symbols: Sequence[sp.Symbol], ranges: Ranges, generator: random.Random, count: int
) -> Iterator[tuple[Point, list[Any]]]:
    """Draw random points at which compiled formulas have real, finite values, and give both.

    Raises:
        InputError: there were fewer than `count` of them among many.
    """
    found = 0
    for _ in range(ATTEMPTS):
        point = dict(zip(symbols, random_point(symbols, ranges, generator), strict=True))
        values = real_values(formulas, [decimal(x) for x in point.values()])
        if values is not None:
            found += 1
            yield point, values
        if found == count:
            return
    msg = (
        f"only {found} of {ATTEMPTS} random points gave the Lagrangian and its equations real, finite values; "
        "give ranges of the coordinates in which all is defined"
    )
    raise InputError(msg)


def real_values(formulas: Formulas, point: Sequence[Any]) -> list[Any] | None:
    """The values of compiled formulas at a point, or None where one is complex or not finite."""
    try:
        values = [mpmath.mpmathify(value) for value in formulas(*point)]
    except (ZeroDivisionError, ValueError, OverflowError):
        return None
    if not all(mpmath.im(x) == 0 and mpmath.isfinite(x) for x in values):
        return None
    return [mpmath.re(x) for x in values]


def decimal(number: Fraction) -> Any:
    """A rational number in mpmath's precision."""
    return mpmath.mpf(number.numerator) / number.denominator


def _between(low: float, high: float, generator: random.Random) -> Fraction:
    start, width = Fraction(low), Fraction(high) - Fraction(low)
    return start + width * Fraction(generator.randint(1, DENOMINATOR - 1), DENOMINATOR)
