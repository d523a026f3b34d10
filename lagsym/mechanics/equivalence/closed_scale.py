"""The factor between two equations as a number or an expression in the parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import mpmath
import sympy as sp

from lagsym.mechanics.equivalence.leading_derivatives import leading_derivatives
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.sampling import Point

LARGEST_DENOMINATOR = 10**12
"""A rational number with a larger denominator is no guess that a person would believe."""
LARGEST_QUOTIENT = 200
"""Quotients of more operations are not cancelled, which could take for ever."""


def closed_scale(
    candidate: sp.Matrix, reference: sp.Matrix, space: JetSpace, known: list[tuple[Point, Any]]
) -> sp.Expr:
    """The c in E[candidate] = c E[reference], in closed form wherever there is one.

    Arguments:
        candidate: the expressions E[candidate], of shape (n, 1).
        reference: the expressions E[reference].
        space: the jet space that they are written in.
        known: points with other parameters, and the scale there.

    Returns:
        A rational number, else an expression in the parameters, else a number of many digits.
    """
    scales = [scale for _, scale in known]
    number = sp.Float(scales[0], mpmath.mp.dps)
    if all(_near(scale, scales[0]) for scale in scales):
        rational = sp.nsimplify(number, rational=True, tolerance=1e-40)
        if rational.q < LARGEST_DENOMINATOR:
            return rational
    for quotient in _quotients(candidate, reference, space, known[0][0]):
        if all(_fits(quotient, point, scale) for point, scale in known):
            return quotient
    return number


def _quotients(candidate: sp.Matrix, reference: sp.Matrix, space: JetSpace, point: Point) -> Iterator[Any]:
    """Quotients of coefficients, then of whole equations, with numbers for everything but the parameters."""
    jets: Any = {symbol: sp.Rational(*x.as_integer_ratio()) for symbol, x in point.items() if _moving(symbol, space)}
    pairs = list(zip(candidate.flat(), reference.flat(), strict=True))
    for leading in leading_derivatives(reference, space, point):
        for ours, theirs in pairs:
            yield _quotient(sp.diff(ours, leading), sp.diff(theirs, leading), jets)
    for ours, theirs in pairs:
        yield _quotient(ours, theirs, jets)


def _moving(symbol: sp.Symbol, space: JetSpace) -> bool:
    return symbol in space.base_symbols or space.key(symbol) is not None


def _quotient(ours: Any, theirs: Any, jets: Any) -> Any:
    quotient = ours.subs(jets) / theirs.subs(jets)
    return sp.cancel(quotient) if quotient.count_ops() <= LARGEST_QUOTIENT else quotient


def _fits(quotient: Any, point: Point, scale: Any) -> bool:
    if quotient.has(sp.nan, sp.zoo, sp.oo):
        return False
    numbers: Any = {symbol: sp.Rational(*x.as_integer_ratio()) for symbol, x in point.items()}
    value = quotient.evalf(mpmath.mp.dps, subs=numbers)
    return bool(value.is_Float or value.is_Rational) and _near(mpmath.mpmathify(value), scale)


def _near(a: Any, b: Any) -> bool:
    return bool(abs(a - b) <= mpmath.mpf(10) ** -30 * abs(b))
