"""The energy of fields on a grid."""

from __future__ import annotations

import numpy as np
import sympy as sp
from jaxtyping import Float

from lagsym.evolution.density import JetFunctions
from lagsym.evolution.grid import Grid
from lagsym.evolution.places import Places
from lagsym.evolution.turns import by_turns
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.symmetry.densities import energy_density


def field_energy(
    lagrangian: sp.Expr,
    space: JetSpace,
    u: Float[np.ndarray, "... *sites fields"],
    u_t: Float[np.ndarray, "... *sites fields"],
    places: Places,
) -> Float[np.ndarray, "..."]:
    """The energy in space at each time: the integral of Noether's density u_t dL/du_t - L.

    Arguments:
        lagrangian: the density, with numbers for its constants, of first order in time and without explicit time.
        space: the jet space that it is written in.
        u: fields; leading axes are runs and times.
        u_t: their rates.
        places: the sites and ends.

    Raises:
        InputError: a symbol has no value, or there are too few sites.

    >>> space = JetSpace(("u",), ("t", "x"))
    >>> (u_t,), (u_x,) = space.derivatives(0), space.derivatives(1)
    >>> x = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    >>> wave = np.sin(x)[:, None]
    >>> float(field_energy((u_t**2 - u_x**2) / 2, space, wave, 0 * wave, Places((x,), (True,))) / np.pi).__round__(9)
    0.5
    """
    grid = Grid.of(places.axes, places.periodic, min(space.order(lagrangian), 2))
    density, leading = energy_density(lagrangian, space), u.shape[: -1 - len(places.axes)]
    u, u_t = (np.asarray(part, float).reshape(-1, *part.shape[len(leading) :]) for part in (u, u_t))
    energy = np.empty(len(u))
    for own, turns in by_turns(u, space.fields, places):
        parts = (u[own] - turns.ramp, u_t[own])
        fields, rates = (grid.from_sites(np.moveaxis(part, -1, 0)) for part in parts)
        (values,) = JetFunctions([turns.taken_from(density, space)], space, grid)(0.0, fields, rates)
        energy[own] = grid.integrate(values)
    return energy.reshape(leading)[()]
