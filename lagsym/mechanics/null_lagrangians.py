"""Null Lagrangians: total time derivatives, which add nothing to the equations of motion."""

from __future__ import annotations

import random
from typing import Any

import sympy as sp
from sympy.integrals.manualintegrate import manualintegrate

from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.sampling import Ranges, random_point, sampling_ranges

NEGLIGIBLE = 1e-9
"""Coefficients below this, and below this share of the largest, are rounding, where numbers are doubles."""


def added_function(difference: sp.Expr, space: JetSpace, ranges: Ranges | None = None) -> sp.Expr | None:
    """The F in `difference` = dF/dt + G(t), where the difference is known to be a null Lagrangian.

    F comes from integrating dF/dq = d(difference)/dv and is checked at random points; G is a function of time alone.

    Arguments:
        difference: the candidate less c times the reference.
        space: the jet space that it is written in.
        ranges: where to check, by the symbols' names.

    Returns:
        F without a constant, 0 where nothing was added, None where no closed form was found.

    >>> space = JetSpace(("q",))
    >>> (q,), (v,) = space.positions, space.velocities
    >>> added_function(3 * q**2 * v + 5, space)
    q**3
    """
    if difference.has(sp.Float):
        difference = _tidied(difference)
    at_rest: Any = dict.fromkeys(space.velocities, sp.S.Zero)
    # dF/dq does not depend on v, so that v = 0 says it all in fewer terms.
    gradient = [_tidied(sp.diff(difference, v).subs(at_rest)) for v in space.velocities]
    function: Any = sp.S.Zero
    for q, slope in zip(space.positions, gradient, strict=True):
        remaining = _tidied(slope - sp.diff(function, q))
        if remaining != 0:
            # A Piecewise sets apart special values of the other coordinates; the check below covers its first branch.
            function += manualintegrate(remaining, q).replace(sp.Piecewise, lambda first, *_: first[0])
    function = _without_constant(_tidied(function), space)
    if function.has(sp.Integral) or not _agrees(function, difference, space, ranges):
        return None
    return function


def _tidied(expression: Any) -> Any:
    """Expanded, zero where it is zero in disguise, and free of the rounding errors of doubles."""
    expression = sp.expand(expression)
    if expression.has(sp.Float):
        terms = [term.as_coeff_Mul() for term in sp.Add.make_args(expression)]
        largest = max(abs(c) for c, _ in terms)
        expression = sp.Add(*(c * rest for c, rest in terms if abs(c) > NEGLIGIBLE * max(largest, 1)))
    elif expression.has(sp.Function) and _vanishes(expression):
        return sp.S.Zero
    return expression


def _vanishes(expression: Any) -> bool:
    """Whether an exact expression is zero at an arbitrary point, which settles it."""
    symbols = sorted(expression.free_symbols, key=str)
    point = {symbol: sp.Rational(313 + 101 * k, 997) for k, symbol in enumerate(symbols)}
    return bool(abs(expression.evalf(30, subs=point)) < 1e-20)


def _without_constant(function: sp.Expr, space: JetSpace) -> sp.Expr:
    moving = {*space.positions, *space.base_symbols}
    return sp.Add(*(term for term in sp.Add.make_args(function) if term.free_symbols & moving))


def _agrees(function: sp.Expr, difference: sp.Expr, space: JetSpace, ranges: Ranges | None) -> bool:
    """Whether dF/dq = d(difference)/dv at random points."""
    moving = (*space.base_symbols, *space.positions, *space.velocities)
    parameters: Any = sorted((function.free_symbols | difference.free_symbols) - set(moving), key=str)
    symbols = (*moving, *parameters)
    bounds = sampling_ranges(space, parameters, ranges)
    pairs = [
        [sp.diff(function, q), sp.diff(difference, v)] for q, v in zip(space.positions, space.velocities, strict=True)
    ]
    tolerance = 1e-6 if difference.has(sp.Float) else 1e-12
    evaluate = sp.lambdify(symbols, pairs, "mpmath", cse=True)
    generator = random.Random(0)
    for _ in range(5):
        values = evaluate(*(float(x) for x in random_point(symbols, bounds, generator)))
        scale = max(abs(x) for pair in values for x in pair)
        if any(abs(a - b) > tolerance * scale for a, b in values):
            return False
    return True
