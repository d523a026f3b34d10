"""Formulas as they are everywhere but at a jump, with numbers that every language can hold."""

from __future__ import annotations

from typing import Any

import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.notation.parsing import FLOAT_DIGITS, FUNCTIONS

LARGEST_INTEGER = 2**31 - 1
"""Integers beyond are written as doubles, for the languages whose integers end here."""
_GUARD_DIGITS = 30


def plain_formula(expression: Any) -> Any:
    """A formula with the derivatives of jumps left out, and numbers such as sqrt(2)*pi as doubles.

    d sign(x)/dx = 0 everywhere but at the jump.

    Raises:
        InputError: it holds a function that formulas in text cannot have, or a number that is not real and finite.

    >>> x = sp.Symbol("x", real=True)
    >>> plain_formula(sp.diff(x * sp.sign(x) + sp.sqrt(2) * x, x))
    sign(x) + 1.4142135623730951
    """
    formula = expression.replace(sp.DiracDelta, lambda *_: sp.S.Zero)
    known = tuple(kind for kind in FUNCTIONS.values() if isinstance(kind, type))
    foreign = sorted(
        {str(part.func) for part in formula.atoms(sp.Function, sp.Derivative, sp.Subs) if not isinstance(part, known)}
    )
    if foreign or formula.has(sp.oo, -sp.oo, sp.zoo, sp.nan, sp.I):
        what = ", ".join(foreign) or "numbers that are not real and finite"
        msg = f"the equations of motion hold {what}; expected the functions {', '.join(FUNCTIONS)} and real numbers"
        raise InputError(msg)
    return formula.replace(_is_awkward, _double)


def _is_awkward(part: Any) -> bool:
    """Whether a number cannot be written with a few digits as it is."""
    if not part.is_number or part.is_Float:
        return False
    return not part.is_Rational or max(abs(part.p), part.q) > LARGEST_INTEGER


def _double(number: Any) -> sp.Float:
    return sp.Float(float(number.evalf(_GUARD_DIGITS)), FLOAT_DIGITS)
