"""Values at generic points, which tell what is zero identically from what only looks complicated."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from numbers import Rational
from typing import Any

import mpmath
import sympy as sp
from sympy.core.function import AppliedUndef

from lagsym.errors import InputError
from lagsym.mechanics.sampling import POSITION, random_point

DIGITS = 30
ATTEMPTS = 8
NEGLIGIBLE = 1e-12
"""A value this much smaller than its neighbours is zero; formulas hold doubles at worst."""


def probe(expressions: Sequence[sp.Expr], seed: int = 0) -> list[Any]:
    """Evaluate expressions together at one generic point, in 30 digits.

    Every symbol gets a random number, and so does every function without a formula.  Roots and logarithms of negative
    numbers are complex: an analytic formula that vanishes at a random complex value vanishes identically.

    Raises:
        InputError: the expressions have no finite value at any of the points tried.

    >>> x = sp.Symbol("x", real=True)
    >>> [bool(abs(value) < NEGLIGIBLE) for value in probe([sp.sin(x) ** 2 + sp.cos(x) ** 2 - 1, x])]
    [True, False]
    """
    plain = _without_unknown_functions(expressions)
    symbols = sorted(set().union(*(expression.free_symbols for expression in plain)), key=str)
    evaluate = evaluator(plain, symbols)
    generator, bounds = random.Random(seed), dict.fromkeys((symbol.name for symbol in symbols), POSITION)
    for _ in range(ATTEMPTS):
        values = evaluate(random_point(symbols, bounds, generator))
        if all(mpmath.isfinite(value) for value in values):
            return values
    msg = "expected formulas that are finite at most points; got " + ", ".join(str(part)[:60] for part in expressions)
    raise InputError(msg)


def vanishes(expression: sp.Expr, scale: Iterable[sp.Expr] = ()) -> bool:
    """Whether an expression is zero identically, next to itself term by term and to the expressions in `scale`."""
    if not expression.free_symbols:
        return bool(abs(sp.N(expression)) < NEGLIGIBLE)
    value, *others = probe([expression, *sp.Add.make_args(expression), *scale])
    return bool(abs(value) <= NEGLIGIBLE * max(abs(other) for other in others))


def evaluator(expressions: Sequence[sp.Expr], symbols: Sequence[sp.Symbol]) -> Callable[[Sequence[Any]], list[Any]]:
    """A function of the symbols' values, fractions or mpmath's numbers, that gives the expressions' in 30 digits.

    Where one of them has no value, not a number stands for all.

    >>> x = sp.Symbol("x", real=True)
    >>> evaluator([x**2, sp.sqrt(x)], [x])([4])
    [mpf('16.0'), mpf('2.0')]
    """
    finite = not any(part.has(sp.zoo, sp.nan, sp.oo) for part in expressions)
    function = sp.lambdify(symbols, list(expressions) if finite else [sp.S.NaN], "mpmath", cse=True)

    def evaluate(point: Sequence[Any]) -> list[Any]:
        with mpmath.workdps(DIGITS):
            values = [mpmath.mpf(x.numerator) / x.denominator if isinstance(x, Rational) else x for x in point]
            try:
                return [mpmath.mpmathify(value) for value in function(*values)]
            except (ZeroDivisionError, ValueError, OverflowError):
                return [mpmath.nan]

    return evaluate


def _without_unknown_functions(expressions: Sequence[sp.Expr]) -> list[Any]:
    parts: Any = [sp.sympify(expression) for expression in expressions]
    # A delta function is zero at every generic point.
    parts = [part.replace(sp.DiracDelta, lambda *_: sp.S.Zero) for part in parts]
    for kind in (sp.Subs, sp.Derivative, AppliedUndef):
        atoms = sorted(set().union(*(part.atoms(kind) for part in parts)), key=str)
        parts = [part.xreplace({atom: sp.Dummy() for atom in atoms}) for part in parts] if atoms else parts
    return parts
