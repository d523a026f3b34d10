"""What a Lagrangian amounts to: momenta, energy and power; for a particle also mass matrix, force, accelerations."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.algebra.linear_solve import solve_linear
from lagsym.mechanics.calculus import total_derivative
from lagsym.mechanics.jetspace import JetSpace

Forces = Mapping[str, sp.Expr]
"""Generalised forces Q(t, q, v) by the name of their coordinate."""


def time_order(expression: sp.Expr, space: JetSpace) -> int:
    """The highest number of times that any field is differentiated by time in an expression.

    >>> space = JetSpace(("u",), ("t", "x"))
    >>> time_order(space.symbol(0, (0,)) ** 2 - space.symbol(0, (1, 1)) ** 2, space)
    1
    """
    return max((key[1].count(0) for key in _keys(expression, space)), default=0)


def mass_matrix(lagrangian: sp.Expr, space: JetSpace) -> sp.Matrix:
    """The mass matrix M = d2L/dv dv, of shape (n, n).

    Raises:
        InputError: the Lagrangian holds accelerations, or slopes of velocities.
    """
    higher = sorted(str(space.symbol(*key)) for key in _keys(lagrangian, space) if 0 in key[1] and len(key[1]) > 1)
    if higher:
        msg = (
            f"expected velocities as the only derivatives by time in the Lagrangian, got {', '.join(higher)}; "
            "solve_motion solves equations of any order"
        )
        raise InputError(msg)
    return _symmetric_jacobian(canonical_momenta(lagrangian, space), space.velocities)


def force_vector(lagrangian: sp.Expr, space: JetSpace) -> sp.Matrix:
    """The force vector f = dL/dq - (d2L/dv dq) v - d2L/dv dt of a particle, of shape (n, 1), so that E = f - M a.

    Raises:
        InputError: the Lagrangian is a field's, or holds accelerations.

    >>> space = JetSpace(("r", "phi"))
    >>> (r, _), (r_dot, phi_dot) = space.positions, space.velocities
    >>> force_vector((r_dot**2 + r**2 * phi_dot**2) / 2, space).T
    Matrix([[phi_dot**2*r, -2*phi_dot*r*r_dot]])
    """
    require_first_order_particle(lagrangian, space)
    time = space.base_symbols[0]
    velocities = sp.Matrix(space.velocities)
    momenta = sp.Matrix(canonical_momenta(lagrangian, space))
    gradient = sp.Matrix([sp.diff(lagrangian, q) for q in space.positions])
    return gradient - momenta.jacobian(space.positions) * velocities - momenta.diff(time)


def canonical_momenta(lagrangian: sp.Expr, space: JetSpace) -> tuple[sp.Expr, ...]:
    """The canonical momenta: of every coordinate, then of every velocity where the Lagrangian holds accelerations.

    p_k = dL/dq^(k) - D_t p_(k+1), k = 1, 2: of a Lagrangian of first order only p_1 = dL/dv.  In a field's, the
    derivative by q^(k) is a variation over space, dL/du_t - D_x dL/du_tx.

    Source: E. T. Whittaker, Analytical Dynamics, 4th ed., section 110 (Ostrogradsky's transformation).

    >>> space = JetSpace(("q",))
    >>> (v,), (a,) = space.velocities, space.accelerations
    >>> canonical_momenta(v**2 / 2 + a**2 / 2, space)
    (-q_dddot + q_dot, q_ddot)
    """
    fields = range(len(space.fields))
    following: list[Any] = [sp.S.Zero for _ in fields]
    momenta: tuple[Any, ...] = ()
    for k in range(max(time_order(lagrangian, space), 1), 0, -1):
        following = [
            _variation(lagrangian, space, (i, (0,) * k)) - total_derivative(following[i], space) for i in fields
        ]
        momenta = (*following, *momenta)
    return momenta


def energy(lagrangian: sp.Expr, space: JetSpace) -> sp.Expr:
    """The energy h = sum_k q^(k) . p_k - L, conserved where L does not depend on time; of a field, its density.

    >>> space = JetSpace(("q",))
    >>> (q,), (v,) = space.positions, space.velocities
    >>> energy(v**2 / 2 - q**2 / 2, space)
    q**2/2 + q_dot**2/2
    """
    momenta = canonical_momenta(lagrangian, space)
    orders = range(1, len(momenta) // len(space.fields) + 1)
    rates = [rate for k in orders for rate in space.derivatives(*[0] * k)]
    return sp.Add(*(rate * p for rate, p in zip(rates, momenta, strict=True))) - lagrangian


def power(
    lagrangian: sp.Expr, space: JetSpace, *, dissipation: sp.Expr | int = 0, forces: Forces | None = None
) -> sp.Expr:
    """The rate dh/dt = v . (Q - dD/dv) - dL/dt at which the energy changes along the motion.

    For a field it is the source of the energy's density, whose flux moves it about besides.

    Arguments:
        lagrangian: the Lagrangian (density).
        space: the jet space that it is written in.
        dissipation: the Rayleigh function D(q, v).
        forces: the generalised forces Q.

    >>> space = JetSpace(("q",))
    >>> (q,), (v,) = space.positions, space.velocities
    >>> power(v**2 / 2 - q**2 / 2, space, dissipation=v**2)
    -2*q_dot**2
    """
    applied = applied_forces(space, dissipation, forces)
    work = sp.Add(*(v * force for v, force in zip(space.velocities, applied.flat(), strict=True)))
    return work - sp.diff(lagrangian, space.base_symbols[0])


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
    return sp.Matrix([named.get(name, sp.S.Zero) - _drag(dissipation, v) for name, v in rows])


def _drag(dissipation: sp.Expr | int, v: sp.Symbol) -> Any:
    """The slope dD/dv, with s |s| for s^2 sgn s, as the drag of D = |s|^3/3 is written; it has a slope of its own."""
    slope: Any = sp.diff(dissipation, v)
    signs = {sign: sp.Abs(sign.args[0]) / sign.args[0] for sign in slope.atoms(sp.sign)}
    written: Any = slope.xreplace(signs)
    return slope if any(sp.denom(term).has(v) for term in sp.Add.make_args(written)) else written


def accelerations(
    lagrangian: sp.Expr, space: JetSpace, *, dissipation: sp.Expr | int = 0, forces: Forces | None = None
) -> sp.Matrix:
    """Solve E + Q - dD/dv = 0 for the accelerations, of shape (n, 1).

    Arguments:
        lagrangian: the Lagrangian.
        space: the jet space that it is written in.
        dissipation: the Rayleigh function D(q, v).
        forces: the generalised forces Q.

    Raises:
        InputError: the Lagrangian is a field's or holds accelerations, or its mass matrix is singular everywhere.
    """
    mass = mass_matrix(lagrangian, space)
    right = force_vector(lagrangian, space) + applied_forces(space, dissipation, forces)
    return sp.Matrix(solve_linear(mass, right, space.accelerations))


def require_first_order_particle(lagrangian: sp.Expr, space: JetSpace) -> None:
    """Check that a Lagrangian holds coordinates, velocities and time alone.

    Raises:
        InputError: it is a field's, or holds accelerations.
    """
    if len(space.base) > 1 or space.order(lagrangian) > 1:
        msg = (
            f"expected a particle's Lagrangian of first order, got one of order {space.order(lagrangian)} over "
            f"({', '.join(space.base)}); solve_motion solves equations of any order"
        )
        raise InputError(msg)


def _keys(expression: sp.Expr, space: JetSpace) -> list[tuple[int, tuple[int, ...]]]:
    symbols: Any = sp.sympify(expression).free_symbols
    return [key for key in map(space.key, symbols) if key]


def _variation(lagrangian: sp.Expr, space: JetSpace, key: tuple[int, tuple[int, ...]]) -> Any:
    """dL/du_I - D_x dL/du_(I x) + ...: how L changes with u_I alone, but for a divergence in space."""
    field, index = key
    result = sp.diff(lagrangian, space.symbol(field, index))
    if space.order(lagrangian) > len(index):
        for mu in range(1, len(space.base)):
            result -= total_derivative(_variation(lagrangian, space, (field, (*index, mu))), space, mu)
    return result


def _symmetric_jacobian(gradient: Sequence[sp.Expr], symbols: Sequence[sp.Symbol]) -> sp.Matrix:
    """The matrix of second derivatives out of the first, each mixed one taken once."""
    n = len(symbols)
    matrix = sp.zeros(n, n)
    for i, j in itertools.combinations_with_replacement(range(n), 2):
        matrix[i, j] = matrix[j, i] = sp.diff(gradient[i], symbols[j])
    return matrix
