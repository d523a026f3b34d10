"""Mimicry: sums of terms that stand for a function which they are not, where it was measured and nowhere else.

Of a library these are several powers of one variable; of what an engine makes up, several terms of any kind.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import sympy as sp

from lagsym.data.trajectories import Trajectories
from lagsym.distillation.fitting.refinement import LEAST_NOISE
from lagsym.mechanics.jetspace import JetSpace

SEVERAL = 3
"""Terms in one variable that may mimic a function."""


def stand_ins(lagrangian: sp.Expr, data: Trajectories) -> tuple[tuple[sp.Expr, ...], ...]:
    """The sums of powers in a law that may stand for functions; none where the motion is known exactly.

    Arguments:
        lagrangian: a sum of terms, with numbers or names for constants.
        data: the trajectories that it leaves nothing but noise of.
    """
    spread = np.concatenate([segment.q for segment in data.segments]).std(axis=0)
    exact = bool(np.all(data.noise < LEAST_NOISE * spread))
    return () if exact else several_powers(lagrangian, JetSpace(data.coordinates))


def several_powers(lagrangian: sp.Expr, space: JetSpace) -> tuple[tuple[sp.Expr, ...], ...]:
    """Powers of one variable, lowest first, for each variable of which there are several beside the same factor.

    Arguments:
        lagrangian: a sum of terms, with numbers or names for constants.
        space: coordinates and velocities.

    >>> space = JetSpace(("r",))
    >>> (r,), (r_dot,) = space.positions, space.velocities
    >>> several_powers(r_dot**2 / 2 + 3 * r - r**2 + 1 / r, space)
    ((1/r, r, r**2),)
    >>> several_powers(r_dot**2 / 2 - r**2 - r**4, space)
    ()
    """
    found: dict[tuple[sp.Expr, sp.Expr], list[sp.Expr]] = {}
    for varied, beside in _factors(lagrangian, space):
        base, power = varied.as_base_exp()
        if base.free_symbols and power.is_number:
            found.setdefault((base, beside), []).append(varied)
    many = [powers for powers in found.values() if len(powers) >= SEVERAL]
    return tuple(tuple(sorted(powers, key=lambda term: float(term.as_base_exp()[1]))) for powers in many)


def several_terms(lagrangian: sp.Expr, space: JetSpace) -> tuple[tuple[sp.Expr, ...], ...]:
    """Terms in the same coordinates, whatever they look like, where there are several beside the same factor.

    Arguments:
        lagrangian: a sum of terms, with numbers or names for constants.
        space: coordinates and velocities.

    >>> space = JetSpace(("r",))
    >>> (r,), (r_dot,) = space.positions, space.velocities
    >>> several_terms(r_dot**2 / 2 - 2 * r**2 + r**4 - r**2 * sp.exp(-r), space)
    ((r**2, r**4, r**2*exp(-r)),)
    """
    found: dict[tuple[frozenset[sp.Basic], sp.Expr], list[sp.Expr]] = {}
    for varied, beside in _factors(lagrangian, space):
        found.setdefault((frozenset(varied.free_symbols), beside), []).append(varied * beside)
    many = [terms for (symbols, _), terms in found.items() if symbols and len(terms) >= SEVERAL]
    return tuple(tuple(sorted(terms, key=lambda term: (term.count_ops(), str(term)))) for terms in many)


def _factors(lagrangian: sp.Expr, space: JetSpace) -> Iterator[tuple[sp.Expr, sp.Expr]]:
    """Of every term the function that may be mimicked, of positions or of velocities alone, and what stands beside."""
    jets = {*space.positions, *space.velocities}
    for term in sp.Add.make_args(sp.expand(lagrangian)):
        moved = term.as_independent(*jets, as_Add=False)[1]
        where, moving = moved.as_independent(*space.velocities, as_Add=False)
        yield (moving, sp.S.One) if where == 1 else (where, moving)
