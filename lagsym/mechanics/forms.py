"""What a particle's Lagrangian amounts to: mass matrix, force vector, momenta, energy, accelerations."""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.jetspace import JetSpace

Forces = Mapping[str, sp.Expr]
"""Generalised forces Q(t, q, v) by the name of their coordinate."""


def mass_matrix(lagrangian: sp.Expr, space: JetSpace) -> sp.Matrix:
    """The mass matrix M = d2L/dv dv, of shape (n, n)."""
    return sp.hessian(lagrangian, space.velocities)


def force_vector(lagrangian: sp.Expr, space: JetSpace) -> sp.Matrix:
    """The force vector f = dL/dq - (d2L/dv dq) v - d2L/dv dt, of shape (n, 1), so that E = f - M a.

    >>> space = JetSpace(("r", "phi"))
    >>> (r, _), (r_dot, phi_dot) = space.positions, space.velocities
    >>> force_vector((r_dot**2 + r**2 * phi_dot**2) / 2, space).T
    Matrix([[phi_dot**2*r, -2*phi_dot*r*r_dot]])
    """
    time = space.base_symbols[0]
    velocities = sp.Matrix(space.velocities)
    momenta = sp.Matrix(canonical_momenta(lagrangian, space))
    gradient = sp.Matrix([sp.diff(lagrangian, q) for q in space.positions])
    return gradient - momenta.jacobian(space.positions) * velocities - momenta.diff(time)


def canonical_momenta(lagrangian: sp.Expr, space: JetSpace) -> tuple[sp.Expr, ...]:
    """The canonical momenta p = dL/dv, one for each coordinate."""
    return tuple(sp.diff(lagrangian, v) for v in space.velocities)


def energy(lagrangian: sp.Expr, space: JetSpace) -> sp.Expr:
    """The energy h = v . dL/dv - L, conserved where L does not depend on time.

    >>> space = JetSpace(("q",))
    >>> (q,), (v,) = space.positions, space.velocities
    >>> energy(v**2 / 2 - q**2 / 2, space)
    q**2/2 + q_dot**2/2
    """
    momenta = canonical_momenta(lagrangian, space)
    return sp.Add(*(v * p for v, p in zip(space.velocities, momenta, strict=True))) - lagrangian


def applied_forces(space: JetSpace, dissipation: sp.Expr | int = 0, forces: Forces | None = None) -> sp.Matrix:
    """The forces Q - dD/dv that no Lagrangian gives, of shape (n, 1).

    Arguments:
        space: the jet space of the motion.
        dissipation: the Rayleigh function D(q, v).
        forces: the generalised forces Q; coordinates without one have none.

    Raises:
        InputError: a force is named after no coordinate.
    """
    unknown = sorted(set(forces or {}) - set(space.fields))
    if unknown:
        msg = f"expected forces by the coordinates {', '.join(space.fields)}; got {', '.join(unknown)}"
        raise InputError(msg)
    named = forces or {}
    rows = zip(space.fields, space.velocities, strict=True)
    return sp.Matrix([named.get(name, sp.S.Zero) - sp.diff(dissipation, v) for name, v in rows])


def accelerations(
    lagrangian: sp.Expr, space: JetSpace, *, dissipation: sp.Expr | int = 0, forces: Forces | None = None
) -> sp.Matrix:
    """Solve E + Q - dD/dv = 0 for the accelerations, of shape (n, 1).

    Arguments:
        lagrangian: the Lagrangian.
        space: the jet space that it is written in.
        dissipation: the Rayleigh function D(q, v).
        forces: the generalised forces Q.
    """
    right = force_vector(lagrangian, space) + applied_forces(space, dissipation, forces)
    return mass_matrix(lagrangian, space).LUsolve(right)
