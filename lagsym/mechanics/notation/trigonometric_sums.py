"""Products of sines and cosines put together again: cos a cos b + sin a sin b = cos(a - b)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import sympy as sp

from lagsym.mechanics.notation.collected_terms import Term


def recombine(terms: Sequence[Term]) -> list[Term]:
    """Use the addition theorems wherever two terms have the same coefficient exactly, up to sign.

    cos a cos b ± sin a sin b = cos(a ∓ b), sin a cos b ± cos a sin b = sin(a ± b), sin^2 a + cos^2 a = 1

    Arguments:
        terms: a sum in which no two terms have the same parameters and the same motion.

    >>> a, b, m = sp.symbols("a b m", real=True)
    >>> one = sp.S.One
    >>> recombine([Term(one, m, sp.cos(a) * sp.cos(b)), Term(one, m, sp.sin(a) * sp.sin(b))])
    [Term(number=1, parameters=m, motion=cos(a - b))]
    """
    found = list(terms)
    while (pair := _first_pair(found)) is not None:
        first, second, together = pair
        sign, motion = together.as_coeff_Mul()
        found[found.index(first)] = replace(first, number=sign * first.number, motion=motion)
        found.remove(second)
    return found


def _first_pair(terms: Sequence[Term]) -> tuple[Term, Term, Any] | None:
    known = {(term.parameters, term.motion): term for term in terms}
    for term in terms:
        for motion, sign, together in _partners(term.motion):
            partner = known.get((term.parameters, motion))
            if partner is not None and partner.number == sign * term.number:
                return term, partner, together
    return None


def _partners(motion: Any) -> list[tuple[Any, int, Any]]:
    """For each pair of sines and cosines: the other product, its sign, and what both are together."""
    powers = [factor.as_base_exp() for factor in sp.Mul.make_args(motion)]
    bases = {base: exponent for base, exponent in powers if isinstance(base, sp.sin | sp.cos) and exponent.is_Integer}
    pairs = [*combinations([base for base in bases if bases[base] >= 1], 2)]
    pairs += [(base, base) for base in bases if bases[base] >= 2]
    partners = []
    for first, second in pairs:
        rest = motion / (first * second)
        partners += [(rest * other, sign, rest * together) for other, sign, together in _theorems(first, second)]
    return partners


def _theorems(first: Any, second: Any) -> list[tuple[Any, int, Any]]:
    a, b = first.args[0], second.args[0]
    if a == b and first.func == second.func:
        other = (sp.sin if first.func is sp.cos else sp.cos)(a) ** 2
        return [(other, 1, sp.S.One), (sp.S.One, -1, -other)]
    if a == b:
        return []
    match (first.func, second.func):
        case (sp.cos, sp.cos):
            return [(sp.sin(a) * sp.sin(b), sign, sp.cos(a - sign * b)) for sign in (1, -1)]
        case (sp.sin, sp.cos):
            return [(sp.cos(a) * sp.sin(b), sign, sp.sin(a + sign * b)) for sign in (1, -1)]
        case (sp.cos, sp.sin):
            return [(sp.sin(a) * sp.cos(b), sign, sp.sin(b + sign * a)) for sign in (1, -1)]
    return []
