"""Pairing: which formulas of a Lagrangian's parts go together.

A table says how well a formula fits one function; how much its error matters is for the motion to say.  So every
formula for one part is fitted to the motion beside free functions, polynomials, for the other parts; those that do best
at their size are then put together with those of the other parts.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import sympy as sp

from lagsym.distillation.fitting.inner import FittedTerms
from lagsym.distillation.fitting.projection import Grounds
from lagsym.distillation.functions.contest import layered
from lagsym.distillation.functions.shapes import FittedShapes
from lagsym.distillation.functions.sums import fit_roughly, most_constants
from lagsym.distillation.reading.parts import PartTable
from lagsym.distillation.reading.proposals import Terms
from lagsym.mechanics.jetspace import JetSpace

HIGHEST = 10
"""Degree of a polynomial that stands for a part, at most."""
MOST_SUMS = 48
"""Whole Lagrangians that are fitted, at most."""


def paired(
    parts: Sequence[Sequence[Terms]], shapes: FittedShapes, space: JetSpace, grounds: Grounds
) -> tuple[FittedTerms, ...]:
    """Whole Lagrangians out of formulas for their parts, with inner constants fitted to the motion.

    Arguments:
        parts: alternatives for each function of the shapes.
        shapes: the functions.
        space: coordinates and velocities.
        grounds: what the inner constants are fitted to.

    Returns:
        The sums; none where a function has no alternative.
    """
    free = [free_terms(table, shapes.degree) for table in _first_tables(shapes)]
    if len(parts) < len(free):
        return ()
    if len(parts) == 1:
        return _fitted(parts[0], shapes.kinetic, space, grounds)
    kept: list[list[Terms]] = []
    for place, alternatives in enumerate(parts):
        beside = (*shapes.kinetic, *(term for k, terms in enumerate(free) if k != place for term in terms))
        fitted = _fitted(alternatives, beside, space, grounds)
        own = [FittedTerms(found.terms[: len(found.terms) - len(beside)], found.loss) for found in fitted]
        kept.append([found.terms for found in layered(own, int(MOST_SUMS ** (1 / len(parts))))])
    whole = [tuple(itertools.chain(*terms)) for terms in itertools.product(*kept)]
    return _fitted(whole, shapes.kinetic, space, grounds, parts=len(parts))


def _fitted(
    alternatives: Sequence[Terms], beside: Terms, space: JetSpace, grounds: Grounds, *, parts: int = 1
) -> tuple[FittedTerms, ...]:
    """Those of the alternatives, of so many parts, that could be fitted beside other terms, which come last."""
    most = most_constants(parts)
    tried = (fit_roughly((*terms, *beside), space, grounds, most=most) for terms in alternatives)
    return tuple(found for found in tried if found is not None)


def free_terms(part: PartTable, degree: int) -> tuple[sp.Expr, ...]:
    """A polynomial in the variable of a part, as terms of the Lagrangian with exact numbers."""
    variable, values = part.table.symbols[0], part.table.X[:, 0]
    middle, half = ((values.max() + sign * values.min()) / 2 for sign in (1, -1))
    scaled = (variable - _short(middle)) / (_short(half) or 1)
    # A constant moves nothing unless a velocity stands beside it.
    first = 0 if part.table.name.startswith("M") else 1
    powers = (scaled**power for power in range(first, min(degree, HIGHEST) + 1))
    return tuple(term for term in map(part.in_lagrangian, powers) if term is not None)


def _short(number: float) -> Any:
    return sp.Rational(f"{number:.2g}")


def _first_tables(shapes: FittedShapes) -> tuple[PartTable, ...]:
    """One table of every function: that of the variable itself."""
    by_name: dict[str, PartTable] = {}
    for part in shapes.parts:
        if part.table.name not in by_name or len(part.features) == 1:
            by_name.setdefault(part.table.name, part)
    return tuple(by_name.values())
