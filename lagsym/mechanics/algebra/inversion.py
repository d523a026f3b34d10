"""Inverting a function of one variable in closed form, with bounded effort."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.algebra.probing import evaluator
from lagsym.mechanics.sampling import Ranges, random_point

POINTS, LEAST_POINTS, ATTEMPTS = 12, 4, 48
"""Random points at which a branch must hold, the fewest that will do, and how many are tried."""
TOLERANCE = 1e-9
LARGEST = 60
"""Operations of the longest algebraic equation given to SymPy's `solve`, whose effort cannot be bounded otherwise."""
MOST_ROOTS = 2
"""Different radicals of such an equation: each that is removed doubles its degree."""


def invert(function: sp.Expr, variable: sp.Symbol, value: sp.Symbol, bounds: Ranges) -> sp.Expr:
    """The solution x(y) of y = f(x), on the branch that holds at random points.

    It is found where f is a chain of functions with an inverse and of algebraic equations that SymPy solves.

    Arguments:
        function: f, which may hold other symbols.
        variable: x.
        value: y.
        bounds: for each symbol's name, where the solution must hold.

    Raises:
        InputError: there is no such chain, or none of the solutions holds.

    >>> x, y = sp.symbols("x y", real=True)
    >>> invert(sp.exp(x) ** 2 + 1, x, y, {"x": (-1, 1)})
    log(y - 1)/2
    """
    branches = _solutions(function, variable, value)
    samples = _sample(function, variable, bounds)
    for branch in _variants(branches, value, bounds):
        if samples.confirm(branch, value):
            return branch
    msg = f"none of the {len(branches)} solutions found of {value} = {function} holds at random points in their ranges"
    raise InputError(msg)


def assuming_positive(change: Callable[[Any], Any], expression: sp.Expr, bounds: Ranges) -> Any:
    """Change an expression as if each symbol whose range is positive were a positive symbol.

    >>> c = sp.Symbol("c", real=True)
    >>> assuming_positive(lambda x: x, sp.sqrt(c**2), {"c": (1, 2)})
    c
    """
    symbols: Any = expression.free_symbols
    positive = {x: sp.Dummy(x.name, positive=True) for x in symbols if bounds.get(x.name, (0, 0))[0] > 0}
    return change(expression.xreplace(positive)).xreplace({y: x for x, y in positive.items()})


def _variants(branches: list[Any], value: sp.Symbol, bounds: Ranges) -> list[Any]:
    """Solutions, and what they become where roots and signs are taken otherwise; the shortest first."""
    # Where y and the parameters are positive, absolute values drop out: shorter, and often right for all y.
    short = [assuming_positive(lambda x: x, branch, {**bounds, value.name: (0.5, 1.0)}) for branch in branches]
    roots = [branch.replace(_is_odd_root, _real_root) for branch in (*short, *branches)]
    odd = [sp.sign(value) * branch.subs(value, sp.Abs(value)) for branch in (*short, *branches)]
    return [*short, *branches, *roots, *odd]


def _is_odd_root(part: Any) -> bool:
    return part.is_Pow and part.exp.is_Rational and not part.exp.is_Integer and part.exp.q % 2 == 1


def _real_root(part: Any) -> Any:
    """The real root of odd degree, also of a negative number, where SymPy's own is complex."""
    base, exponent = part.as_base_exp()
    return sp.sign(base) ** exponent.p * sp.Abs(base) ** exponent


def _solutions(function: Any, variable: sp.Symbol, value: Any) -> list[Any]:
    inner = [part for part in function.atoms(sp.Function) if part.has(variable)]
    outermost = [part for part in inner if not any(part in other.atoms(sp.Function) - {other} for other in inner)]
    if not outermost:
        return _algebraic(function, variable, value)
    stand_in = sp.Dummy("y", real=True)
    kernel = outermost[0]
    remaining = function.xreplace({kernel: stand_in})
    if remaining.has(variable) or len(kernel.args) != 1 or not hasattr(kernel, "inverse"):
        msg = f"no closed form of the inverse of {function} in {variable}: it is no chain of functions with an inverse"
        raise InputError(msg)
    values = [kernel.inverse()(y) for y in _algebraic(remaining, stand_in, value)]
    return [x for y in values for x in _solutions(kernel.args[0], variable, y)]


def _algebraic(function: Any, variable: sp.Symbol, value: Any) -> list[Any]:
    powers = [power for power in function.atoms(sp.Pow) if power.has(variable)]
    roots = {power.base for power in powers if not power.exp.is_Integer}
    plain = all(power.exp.is_Rational for power in powers)
    if not plain or len(roots) > MOST_ROOTS or function.count_ops() > LARGEST:
        msg = (
            f"no closed form of the inverse of {function} in {variable}: expected numbers as exponents, at most "
            f"{LARGEST} operations and {MOST_ROOTS} radicals"
        )
        raise InputError(msg)
    stand_in = sp.Dummy("w", real=True)
    try:
        found = sp.solve(function - stand_in, variable, check=False, simplify=False)
    except NotImplementedError as error:
        msg = f"no closed form of the inverse of {function} in {variable}: SymPy finds none"
        raise InputError(msg) from error
    return [x.xreplace({stand_in: value}) for x in found]


@dataclass(frozen=True)
class _Samples:
    """Random values of all other symbols with x and y = f(x), wherever y is real."""

    symbols: list[Any]
    others: list[list[Any]]
    variables: list[Any]
    values: list[Any]

    def confirm(self, branch: Any, value: sp.Symbol) -> bool:
        """Whether a branch x(y) gives back every x."""
        evaluate = evaluator([branch], [*self.symbols, value])
        triples = zip(self.others, self.variables, self.values, strict=True)
        return all(abs(evaluate([*others, y])[0] - x) < TOLERANCE for others, x, y in triples)


def _sample(function: sp.Expr, variable: sp.Symbol, bounds: Ranges) -> _Samples:
    free: Any = function.free_symbols - {variable}
    symbols = sorted(free, key=str)
    evaluate, generator = evaluator([function], [*symbols, variable]), random.Random(1)
    found: list[tuple[Any, Any, Any]] = []
    for _ in range(ATTEMPTS):
        *others, x = random_point([*symbols, variable], bounds, generator)
        (y,) = evaluate([*others, x])
        if len(found) < POINTS and mpmath.isfinite(y) and mpmath.im(y) == 0:
            found.append((others, mpmath.mpf(x.numerator) / x.denominator, y.real))
    if len(found) < LEAST_POINTS:
        msg = f"expected ranges where {function} is real; it is at {len(found)} of {ATTEMPTS} random points"
        raise InputError(msg)
    return _Samples(symbols, *(list(part) for part in zip(*found, strict=True)))
