"""The current K whose divergence a symmetry adds to the Lagrangian."""

from __future__ import annotations

from typing import Any

import sympy as sp

from lagsym.mechanics.calculus import total_derivative
from lagsym.mechanics.equivalence.null_lagrangians import added_divergence
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.sampling import Ranges, jet_symbols
from lagsym.mechanics.symmetry.conditions import make_sampler
from lagsym.mechanics.symmetry.densities import expanded

Current = tuple[sp.Expr, ...]


def added_current(divergence: sp.Expr, space: JetSpace, ranges: Ranges | None = None) -> Current | None:
    """The K in `divergence` = D_mu K^mu, where the expression is known to be a divergence of order one or two.

    It is the F of `added_divergence`, which leaves out a constant c, plus c t; and it is checked at random points.

    Arguments:
        divergence: the expression.
        space: the jet space that it is written in.
        ranges: where to check, by the symbols' names.

    Returns:
        K, one component for each base coordinate, zero where nothing was added; None where no closed form was found.

    >>> space = JetSpace(("q",))
    >>> (t,), (q,), (v,) = space.base_symbols, space.positions, space.velocities
    >>> added_current(2 * t * q * v + q**2 + 3, space)
    (q**2*t + 3*t,)
    """
    sampler = make_sampler((divergence,), space, ranges)
    if sampler.vanishes(divergence):
        return (sp.S.Zero,) * len(space.base)
    found = added_divergence(expanded(divergence), space, ranges)
    if found is None:
        return None
    parts: Any = found.components
    rest = expanded(divergence - sp.Add(*(total_derivative(part, space, mu) for mu, part in enumerate(parts))))
    moving = sp.Add(*(term for term in sp.Add.make_args(rest) if jet_symbols([term], space)))
    return (parts[0] + (rest - moving) * space.base_symbols[0], *parts[1:]) if sampler.vanishes(moving) else None
