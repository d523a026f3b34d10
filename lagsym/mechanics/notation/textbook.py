"""Expressions rearranged, without changing their value, into the form that a mechanics textbook prints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import sympy as sp
from sympy.core.traversal import bottom_up

from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.notation.collected_terms import (
    Term,
    collect,
    common_factor,
    distribute,
    group,
    join,
    split,
    square,
)
from lagsym.mechanics.notation.term_order import TermOrder
from lagsym.mechanics.notation.trigonometric_sums import recombine

Symbols = Sequence[sp.Symbol]
MOST_NODES = 3000
"""An expression of more nodes than this is left as it is: no textbook prints it either."""


def textbook_form(expression: sp.Expr, space: JetSpace) -> sp.Expr:
    """The shortest of a few ways to write an expression, all equal to it.

    The terms as they are given, with their brackets multiplied out, with powers of brackets multiplied out, or over
    common denominators; each with like terms collected, sines and cosines put together, and common coefficients
    pulled out.  Of equally short ones the one nearest to the given one is chosen.

    >>> space = JetSpace(("x", "y"))
    >>> v, w = space.velocities
    >>> m = sp.Symbol("m", real=True)
    >>> textbook_form(m * v**2 / 2 + m * w**2 / 2, space)
    m*(x_dot**2 + y_dot**2)/2
    """
    order = TermOrder(space)
    return _shortest(expression, order, (), lambda terms: group(terms, order))


def textbook_equation(expression: sp.Expr, space: JetSpace, fixed: Iterable[sp.Symbol] = ()) -> sp.Expr:
    """What a textbook writes before "= 0": the expression divided by what it holds in every term and is never zero.

    That is a number, powers of parameters and denominators.  The leading term is positive, and the coefficient of
    each highest derivative is gathered in one bracket.

    Arguments:
        expression: what is zero.
        space: the jet space that it is written in.
        fixed: parameters that it is not divided by.

    >>> space = JetSpace(("theta",))
    >>> (theta,), (alpha,) = space.positions, space.accelerations
    >>> m, l, g = sp.symbols("m l g", real=True)
    >>> textbook_equation(-m * l**2 * alpha - m * g * l * sp.sin(theta), space)
    g*sin(theta) + l*theta_ddot
    """
    order = TermOrder(space)
    highest = _highest(expression, space)
    kept = frozenset(fixed)

    def written(terms: list[Term]) -> Any:
        return group(join(_divided(terms, order, kept), highest, order), order)

    return _shortest(expression, order, highest, written)


def _shortest(expression: Any, order: TermOrder, highest: Symbols, written: Callable[[list[Term]], Any]) -> Any:
    if sum(1 for _ in sp.preorder_traversal(expression)) > MOST_NODES:
        return expression
    given = _without_contents(_with_short_denominators(expression, order))
    spread = _without_contents(distribute(given, order))
    ways = [
        given,
        spread,
        _without_contents(distribute(spread, order, powers=True)),
        _over_denominators(spread, order, highest),
    ]
    collected = [_collected(way, order) for way in dict.fromkeys(ways)]
    collected.append(square(collected[min(1, len(collected) - 1)], order))
    return min(map(written, collected), key=length)


def _collected(expression: Any, order: TermOrder) -> list[Term]:
    return recombine(collect(recombine(split(expression, order))))


def length(expression: sp.Expr) -> int:
    """How many symbols, numbers, functions and brackets are printed."""
    total = 0
    for node in sp.preorder_traversal(expression):
        number = node.is_Number and node not in (1, -1)
        bracket = sum(part.is_Add for part in node.args) if node.is_Mul or node.is_Pow else 0
        total += bool(node.is_Symbol or number or node.is_Function) + bracket
    return total


def _without_contents(expression: Any) -> Any:
    """Pull whole numbers out of brackets: k (2 x - 2 y) / 2 is k (x - y)."""

    def pulled(node: Any) -> Any:
        return sp.Mul(*chain.from_iterable(map(_without_content, node.args))) if node.is_Mul else node

    return bottom_up(expression, pulled)


def _without_content(factor: Any) -> tuple[Any, ...]:
    base, exponent = factor.as_base_exp()
    if not (base.is_Add and exponent.is_Integer):
        return (factor,)
    content, primitive = base.primitive()
    whole = sp.Integer(content.p)
    if all(term.as_coeff_Mul()[0] < 0 for term in primitive.args):
        whole, primitive = -whole, -primitive
    return (factor,) if whole == 1 else (whole**exponent, (primitive / content.q) ** exponent)


def _with_short_denominators(expression: Any, order: TermOrder) -> Any:
    """Collect the terms of each denominator, so that factors that it shares with its numerator cancel."""

    def shortened(node: Any) -> Any:
        if not (node.is_Pow and node.exp == -1 and node.base.is_Add and node.base.free_symbols & order.moving):
            return node
        over = _over_denominators(distribute(node.base, order), order, ())
        terms = _collected(over, order)
        if not terms:
            return node
        factor = common_factor(terms)
        divided = [part for term in terms for part in split(term.expression / factor, order)]
        return 1 / (factor * group(recombine(divided), order))

    return bottom_up(expression, shortened)


@dataclass(frozen=True)
class _Denominators:
    base: Any
    exponent: Any


def _over_denominators(expression: Any, order: TermOrder, highest: Symbols) -> Any:
    """Put terms with powers of one bracket in their denominators over the highest of them."""
    for denominator in _denominators(expression, order):
        expression = _over(expression, denominator, order, highest)
    return expression


def _denominators(expression: Any, order: TermOrder) -> list[_Denominators]:
    lowest: dict[Any, Any] = {}
    for term in sp.Add.make_args(expression):
        powers: Any = term.as_powers_dict()
        for base, exponent in powers.items():
            if base.is_Add and exponent.is_Rational and exponent < 0 and base.free_symbols & order.moving:
                lowest[base] = min(exponent, lowest.get(base, exponent))
    return [_Denominators(*item) for item in lowest.items()]


def _over(expression: Any, denominator: _Denominators, order: TermOrder, highest: Symbols) -> Any:
    base, lowest = denominator.base, denominator.exponent
    over, rest = [], []
    for term in sp.Add.make_args(expression):
        exponent = term.as_powers_dict().get(base, sp.S.Zero)
        if exponent != 0 and (exponent - lowest).is_Integer:
            over.append(term / base**exponent * base ** (exponent - lowest))
        else:
            rest.append(term)
    numerator = distribute(sp.Add(*over), order, powers=True)
    terms = _collected(numerator, order)
    if not terms:
        return sp.Add(*rest)
    factor = _signed_factor(terms, order)
    divided = [term for t in terms for term in split(t.expression / factor, order)]
    inner = group(join(divided, highest, order), order)
    return sp.Add(*rest, sp.Mul(factor, inner, base**lowest))


def _divided(terms: list[Term], order: TermOrder, fixed: frozenset[Any]) -> list[Term]:
    """The terms without their common factors and denominators, the leading one positive."""
    if not terms:
        return terms
    terms = _cleared(terms, order)
    factor = _signed_factor(terms, order, fixed)
    number, parameters = factor.as_coeff_Mul()
    return [replace(t, number=t.number / number, parameters=t.parameters / parameters) for t in terms]


def _signed_factor(terms: list[Term], order: TermOrder, fixed: frozenset[Any] = frozenset()) -> Any:
    """The common factor, negative where the leading term is."""
    leading = min(terms, key=lambda term: order.term(term.expression))
    factor = common_factor(terms, fixed)
    return -factor if leading.number < 0 else factor


def _cleared(terms: list[Term], order: TermOrder) -> list[Term]:
    """The terms times a denominator that all of them share: it is nowhere infinite where the equation holds."""
    common = sp.S.One
    for denominator in _denominators(sp.Add(*(term.motion for term in terms[:1])), order):
        exponents = [term.motion.as_powers_dict().get(denominator.base, sp.S.Zero) for term in terms]
        if max(exponents) < 0:
            common *= denominator.base ** max(exponents)
    if common == 1:
        return terms
    cleared = sp.Add(*(term.number * term.parameters * (term.motion / common) for term in terms))
    return collect(split(distribute(cleared, order), order))


def _highest(expression: Any, space: JetSpace) -> list[sp.Symbol]:
    """The symbols of the highest derivatives, where an equation gathers its coefficients."""
    highest = space.order(expression)
    keys = sorted((key, symbol) for symbol in expression.free_symbols if (key := space.key(symbol)))
    return [symbol for key, symbol in keys if len(key[1]) == highest >= 2]
