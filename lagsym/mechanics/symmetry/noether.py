"""Noether's theorem: the symmetries of a Lagrangian and what they keep constant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from jaxtyping import Float

from lagsym.errors import InputError
from lagsym.mechanics.dynamics.forms import Forces, applied_forces
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.sampling import Ranges, jet_symbols
from lagsym.mechanics.symmetry.added_current import added_current
from lagsym.mechanics.symmetry.conditions import symmetry_conditions
from lagsym.mechanics.symmetry.densities import boundary_current, expanded
from lagsym.mechanics.symmetry.generators import Generator, affine_generators, combined
from lagsym.mechanics.symmetry.names import symmetry_name
from lagsym.mechanics.symmetry.search import solve_conditions


@dataclass(frozen=True)
class Symmetry:
    """A variational point symmetry with generator tau^mu d/dx^mu + eta^i d/du^i, and what it keeps constant.

    Arguments:
        name: what it does, e.g. "time translation".
        tau: how each base coordinate changes, time first.
        eta: how each field changes.
        current: the conserved current J^mu, one component for each base coordinate, with D_mu J^mu = 0 on every motion;
            None where no closed form was found.
        space: the jet space that they are written in.
    """

    name: str
    tau: tuple[sp.Expr, ...]
    eta: tuple[sp.Expr, ...]
    current: tuple[sp.Expr, ...] | None
    space: JetSpace

    @property
    def conserved(self) -> sp.Expr | None:
        """The current's time component: a particle's conserved quantity, the density of a field's."""
        return None if self.current is None else self.current[0]

    def _repr_latex_(self) -> str:
        from lagsym.mechanics.notation.notebook import symmetry_latex  # which imports this module

        return symmetry_latex(self)


def symmetries(
    lagrangian: sp.Expr,
    space: JetSpace,
    *,
    dissipation: sp.Expr | int = 0,
    forces: Forces | None = None,
    points: Ranges | None = None,
) -> tuple[Symmetry, ...]:
    """Find the symmetries of a Lagrangian (density) among affine transformations, with their conserved currents.

    The generators are X = tau^mu d/dx^mu + eta^i d/du^i with tau affine in the base, and eta affine in the fields with
    coefficients affine in the base: translations, rotations, boosts, scalings and their combinations.  X is a symmetry
    where pr X(L) + L Div tau = D_mu K^mu identically; then, with Q_i = eta^i - tau^mu u_(i,mu),

    J^mu = dL/du_(i,mu) Q_i + L tau^mu - K^mu (and more at second order, see `boundary_current`)

    has D_mu J^mu = -Q_i E_i.  Where X changes time, J is given the other sign, so that energy is energy.  With friction
    or applied forces F_i the motion is E_i + F_i = 0, and only symmetries with Q_i F_i = 0 identically, whose currents
    stay conserved, are given.

    The conditions are solved at random points with many digits, for all parameters at once; then coefficients that are
    monomials in the parameters are looked for.  Coefficients of another form, as m1/(m1 + m2), are not found: so the
    rotation of the centre of mass alone is found with numbers for masses, and not with symbols.  Currents that are
    constant, or depend linearly on those before, are left out.

    Arguments:
        lagrangian: the Lagrangian (density), of order one or two, with symbolic parameters or numbers.
        space: the jet space that it is written in.
        dissipation: the Rayleigh function D(q, v).
        forces: the generalised forces Q by coordinate.
        points: where the Lagrangian is defined: intervals of coordinates, derivatives, time and parameters by name.

    Returns:
        Time translation first, then translations, rotations, boosts, scalings.

    Raises:
        InputError: the Lagrangian holds derivatives of third order or higher, or it has no real value in `points`.

    The source is P. J. Olver, Applications of Lie Groups to Differential Equations, 2nd ed., sections 4.4 and 5.4.

    >>> space = JetSpace(("r", "phi"))
    >>> (r, _), (r_dot, phi_dot) = space.positions, space.velocities
    >>> for symmetry in symmetries((r_dot**2 + r**2 * phi_dot**2) / 2 + 1 / r, space):
    ...     print(f"{symmetry.name}: {symmetry.conserved}")
    time translation: phi_dot**2*r**2/2 + r_dot**2/2 - 1/r
    cyclic coordinate phi: phi_dot*r**2
    """
    lagrangian = sp.sympify(lagrangian)
    applied = applied_forces(space, sp.sympify(dissipation), forces).flat()
    generators = affine_generators(space)
    conditions = symmetry_conditions(lagrangian, space, generators, applied, points)
    found = [combined(vector, generators) for vector in solve_conditions(conditions)]
    return tuple(_symmetry(generator, lagrangian, space, points) for generator in found)


def _symmetry(generator: Generator, lagrangian: sp.Expr, space: JetSpace, points: Ranges | None) -> Symmetry:
    name = symmetry_name(generator, lagrangian, space)
    current = noether_current(generator, lagrangian, space, points)
    return Symmetry(name, generator.tau, generator.eta, current, space)


def noether_current(
    generator: Generator, lagrangian: sp.Expr, space: JetSpace, points: Ranges | None = None
) -> tuple[sp.Expr, ...] | None:
    """The conserved current of a symmetry, as `symmetries` defines it, or None where K has no closed form.

    >>> space = JetSpace(("q",))
    >>> (t,), (q,), (v,) = space.base_symbols, space.positions, space.velocities
    >>> noether_current(Generator((sp.S.Zero,), (t,)), v**2 / 2, space)
    (-q + q_dot*t,)
    """
    added = added_current(generator.variation(lagrangian, space), space, points)
    if added is None:
        return None
    sign = -1 if generator.tau[0] != 0 else 1
    boundary = boundary_current(generator.characteristic(space), lagrangian, space)
    parts = zip(boundary, generator.tau, added, strict=True)
    # K is determined up to constants, and so is all but the Lagrangian, whose constants are part of the energy.
    return tuple(
        _without_constant(expanded(sign * (a - k)), space) + expanded(sign * lagrangian * tau) for a, tau, k in parts
    )


def _without_constant(expression: sp.Expr, space: JetSpace) -> sp.Expr:
    return sp.Add(*(term for term in sp.Add.make_args(expression) if jet_symbols([term], space)))


def drift(
    conserved: Symmetry | sp.Expr,
    space: JetSpace,
    t: Float[np.ndarray, " samples"],
    q: Float[np.ndarray, "samples n"],
    v: Float[np.ndarray, "samples n"],
    parameters: Mapping[str, float] | None = None,
) -> float:
    """How far a quantity is from constant along a trajectory, relative to the size of its terms.

    (max I - min I) / max sum of |terms of I|

    The size of the terms makes it meaningful where the quantity itself is near zero.

    Arguments:
        conserved: a particle's symmetry, or an expression in t, q, v and parameters.
        space: the jet space that it is written in.
        t: times.
        q: coordinates.
        v: velocities.
        parameters: the parameters' values by name.

    Returns:
        0 for a constant, of order one for a quantity that is not conserved.

    Raises:
        InputError: the shapes do not fit, or a symbol has no value.

    >>> space = JetSpace(("q",))
    >>> (q,), (v,) = space.positions, space.velocities
    >>> t = np.linspace(0, 6, 50)
    >>> drift(v**2 / 2 + q**2 / 2, space, t, np.sin(t)[:, None], np.cos(t)[:, None]) < 1e-15
    True
    """
    quantity = conserved.conserved if isinstance(conserved, Symmetry) else conserved
    if quantity is None:
        msg = "expected a symmetry whose conserved quantity has a closed form; this one has none"
        raise InputError(msg)
    if t.ndim != 1 or not q.shape == v.shape == (len(t), len(space.fields)) or not len(t):
        msg = f"expected t (N,), q and v (N, {len(space.fields)}); got {t.shape}, {q.shape} and {v.shape}"
        raise InputError(msg)
    values = {name: float(value) for name, value in (parameters or {}).items()}
    columns = [(*space.base_symbols, *space.positions, *space.velocities), (t, *q.T, *v.T)]
    terms = _term_values(quantity, dict(zip((s.name for s in columns[0]), columns[1], strict=True)) | values)
    total = sum(np.broadcast_to(term, t.shape) for term in terms)
    size = sum(np.abs(np.broadcast_to(term, t.shape)) for term in terms)
    return float(np.ptp(total) / np.max(size)) if np.max(size) > 0 else 0.0


def _term_values(quantity: sp.Expr, values: Mapping[str, Any]) -> list[Any]:
    symbols: Any = sorted(quantity.free_symbols, key=str)
    unknown = [symbol.name for symbol in symbols if symbol.name not in values]
    if unknown:
        msg = (
            f"no value for {', '.join(unknown)}; give `parameters`, and quantities of time, coordinates and velocities"
        )
        raise InputError(msg)
    evaluate = sp.lambdify(symbols, list(sp.Add.make_args(quantity)), "numpy", cse=True)
    return evaluate(*(values[symbol.name] for symbol in symbols))
