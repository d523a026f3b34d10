"""Sums as numbers times parameters times what moves: collecting like terms and pulling out common factors."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import sympy as sp

from lagsym.mechanics.notation.term_order import TermOrder

MOST_TERMS = 500
"""A product of sums that gives more terms than this stays as it is."""
MOST_IN_SQUARE = 6
"""More terms than this are not looked at for a square: those of (a + b + c)^2."""
MOST_POWER = 4
"""Powers of sums beyond this are never multiplied out."""


@dataclass(frozen=True)
class Term:
    """A term of a sum: number * parameters * motion."""

    number: Any
    parameters: Any
    motion: Any

    @property
    def expression(self) -> Any:
        """The product, in which a number that stands before a sum stays there."""
        rest = self.parameters * self.motion
        if rest.is_Add and self.number not in (1, -1):
            return sp.Mul(self.number, rest, evaluate=False)
        return self.number * rest


def split(expression: sp.Expr, order: TermOrder) -> list[Term]:
    """The terms of a sum in their three parts."""
    terms = []
    for term in sp.Add.make_args(expression):
        number, rest = term.as_coeff_Mul()
        factors = sp.Mul.make_args(rest)
        moving = [factor for factor in factors if factor.free_symbols & order.moving]
        still = [factor for factor in factors if not factor.free_symbols & order.moving]
        terms.append(Term(number, sp.Mul(*still), sp.Mul(*moving)))
    return terms


def collect(terms: Iterable[Term]) -> list[Term]:
    """Add up the coefficients of each motion: m1 l a + m2 l a becomes (m1 + m2) l a."""
    by_motion: dict[Any, list[Term]] = defaultdict(list)
    for term in terms:
        by_motion[term.motion].append(term)
    collected = itertools.chain.from_iterable(map(_added, by_motion.values()))
    return [term for term in collected if term.number != 0]


def _added(terms: list[Term]) -> list[Term]:
    if len(terms) == 1:
        return terms
    total: Any = sp.Add(*(term.number * term.parameters for term in terms))
    motion = terms[0].motion
    if total.has(sp.Float):  # factors of decimal numbers would round them
        parts: Any = [part.as_coeff_Mul() for part in _terms(total)]
        return [Term(number, parameters, motion) for number, parameters in parts]
    coefficient = cast("sp.Expr", sp.factor(total))
    number, parameters = coefficient.as_coeff_Mul()
    return [Term(number * _sign(parameters), parameters * _sign(parameters), motion)]


def _terms(expression: Any) -> Any:
    return sp.Add.make_args(expression)


def _sign(parameters: Any) -> int:
    """-1 where a bracket holds negative terms only, as in (-k1 - k2) x."""
    brackets: list[Any] = [factor for factor in sp.Mul.make_args(parameters) if factor.is_Add]
    negative = [all(part.as_coeff_Mul()[0] < 0 for part in bracket.args) for bracket in brackets]
    return -1 if sum(negative) % 2 else 1


def distribute(expression: sp.Expr, order: TermOrder, *, powers: bool = False) -> sp.Expr:
    """Multiply sums of what moves into one another, outside of functions and denominators.

    Arguments:
        expression: a sum of products.
        order: tells what moves.
        powers: also multiply out powers of sums.
    """
    return sp.Add(*(_distributed(term, order, powers) for term in sp.Add.make_args(expression)))


def _distributed(term: Any, order: TermOrder, powers: bool) -> Any:
    sums: list[tuple[Any, ...]] = []
    rest = []
    for factor in sp.Mul.make_args(term):
        base, exponent = factor.as_base_exp()
        whole = exponent.is_Integer and 1 <= exponent <= (MOST_POWER if powers else 1)
        if base.is_Add and whole and base.free_symbols & order.moving:
            sums += [base.args] * int(exponent)
        else:
            rest.append(factor)
    if not sums or math.prod(map(len, sums)) > MOST_TERMS:
        return term
    parts = (sp.Mul(*rest, *choice) for choice in itertools.product(*sums))
    return sp.Add(*(_distributed(part, order, powers) for part in parts))


def group(terms: Sequence[Term], order: TermOrder) -> sp.Expr:
    """The sum, with coefficients that terms of one kind share pulled out: m (v1^2 + v2^2) / 2."""
    groups: dict[Any, list[Term]] = defaultdict(list)
    for index, term in enumerate(terms):
        size = abs(term.number)
        shared = size * term.parameters != 1
        groups[(size, term.parameters, order.degrees(term.motion)) if shared else index].append(term)
    return sp.Add(*(_pulled_out(members, order).expression for members in groups.values()))


def _pulled_out(terms: list[Term], order: TermOrder) -> Term:
    if len(terms) == 1:
        return terms[0]
    # m (x y_dot - y x_dot) rather than -m (y x_dot - x y_dot)
    first = min(terms, key=lambda term: (bool(term.number < 0), order.term(term.motion)))
    signs = [term.number / first.number for term in terms]
    inner = sp.Add(*(sign * term.motion for sign, term in zip(signs, terms, strict=True)))
    return replace(first, motion=inner)


def square(terms: Sequence[Term], order: TermOrder) -> list[Term]:
    """Put terms of one kind and one coefficient together where they are a square: a^2 + 2 a b + b^2 = (a + b)^2."""
    kinds: dict[Any, list[Term]] = defaultdict(list)
    for term in terms:
        kinds[term.parameters, order.degrees(term.motion)].append(term)
    return list(itertools.chain.from_iterable(map(_squared, kinds.values())))


def _squared(terms: list[Term]) -> list[Term]:
    if not 3 <= len(terms) <= MOST_IN_SQUARE or not all(term.number.is_Rational for term in terms):
        return terms
    factored: Any = sp.factor(sp.Add(*(term.number * term.motion for term in terms)))
    number, rest = factored.as_coeff_Mul()
    base, exponent = rest.as_base_exp()
    return [Term(number, terms[0].parameters, rest)] if base.is_Add and exponent == 2 else terms


def common_factor(terms: Sequence[Term], fixed: frozenset[Any] = frozenset()) -> Any:
    """The number and the powers of single parameters that every term holds; none of them is ever zero.

    Arguments:
        terms: the terms of a sum.
        fixed: symbols that are not pulled out.
    """
    numbers = [term.number for term in terms]
    factor: Any = sp.S.One
    if all(number.is_Rational for number in numbers):
        factor = sp.Rational(math.gcd(*(int(n.p) for n in numbers)), math.gcd(*(int(n.q) for n in numbers)))
    powers = [{base: e for base, e in term.parameters.as_powers_dict().items() if e.is_Integer} for term in terms]
    for base in powers[0]:
        exponents = [power.get(base, 0) for power in powers]
        if base.is_Symbol and base not in fixed and (min(exponents) > 0 or max(exponents) < 0):
            factor *= base ** min(exponents, key=abs)
    return factor


def join(terms: Sequence[Term], symbols: Iterable[Any], order: TermOrder) -> list[Term]:
    """Gather each symbol's coefficient in one bracket: (I1 sin^2 + I3 cos^2) phi_ddot."""
    rest, joined = list(terms), []
    for symbol in symbols:
        members = [term for term in rest if term.motion.as_powers_dict().get(symbol) == 1]
        if len(members) > 1:
            rest = [term for term in rest if term not in members]
            joined += _joined(members, symbol, order)
    return [*joined, *rest]


def _joined(members: list[Term], symbol: Any, order: TermOrder) -> list[Term]:
    factor = common_factor(members)
    parts = [part for m in members for part in split(m.expression / symbol / factor, order)]
    inner = group(collect(parts), order)
    number, parameters = factor.as_coeff_Mul()
    return [Term(number, parameters, symbol * inner)]
