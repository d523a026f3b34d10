"""The canonical parts of a particle's Lagrangian: kinetic, gyroscopic and potential, as far as they are unique."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.dynamics.forms import mass_matrix, require_first_order_particle
from lagsym.mechanics.jetspace import JetSpace


@dataclass(frozen=True)
class CanonicalParts:
    """L = T(q, v) + A(q) . v - V(q), where T has no part linear in v and T(q, 0) = 0.

    Adding dF(q)/dt and a constant to L changes A and the constant in V alone: T, B and dV/dq are unique up to the one
    common scale.  Where time enters, dF(q, t)/dt changes V too: then T, B and the force at rest are.

    Arguments:
        kinetic: T.
        vector_potential: A_i = dL/dv_i at v = 0.
        potential: V = -L(q, 0).
        gyroscopic: the two-form B_ij = dA_j/dq_i - dA_i/dq_j, of shape (n, n).
        mass_at_rest: M(q, 0), of shape (n, n).
        force_at_rest: -dV/dq - dA/dt, of shape (n, 1).
        space: the jet space that they are written in.
    """

    kinetic: sp.Expr
    vector_potential: tuple[sp.Expr, ...]
    potential: sp.Expr
    gyroscopic: sp.Matrix
    mass_at_rest: sp.Matrix
    force_at_rest: sp.Matrix
    space: JetSpace

    def _repr_latex_(self) -> str:
        from lagsym.mechanics.notation.notebook import parts_latex  # which imports this module

        return parts_latex(self)


def canonical_parts(lagrangian: sp.Expr, space: JetSpace) -> CanonicalParts:
    """Split a Lagrangian into T(q, v) = L(q, v) - L(q, 0) - dL/dv(q, 0) . v, A(q) . v and -V(q).

    Raises:
        InputError: the Lagrangian is a field's or of second order, or has no finite value and momenta at rest.

    >>> space = JetSpace(("x", "y"))
    >>> (x, y), (x_dot, y_dot) = space.positions, space.velocities
    >>> parts = canonical_parts((x_dot**2 + y_dot**2) / 2 + x * y_dot - y**2, space)
    >>> parts.kinetic, parts.vector_potential, parts.potential
    (x_dot**2/2 + y_dot**2/2, (0, x), y**2)
    >>> parts.gyroscopic
    Matrix([
    [ 0, 1],
    [-1, 0]])
    """
    require_first_order_particle(lagrangian, space)
    at_rest, momenta, kinetic = split_at_zero(lagrangian, space.velocities)
    slopes = sp.Matrix(momenta).jacobian(space.positions)
    potential = -at_rest
    rate = sp.Matrix(momenta).diff(space.base_symbols[0])
    return CanonicalParts(
        kinetic=kinetic,
        vector_potential=tuple(momenta),
        potential=potential,
        gyroscopic=slopes.T - slopes,
        mass_at_rest=at_zero(mass_matrix(kinetic, space), space.velocities),
        force_at_rest=-sp.Matrix([potential]).jacobian(space.positions).T - rate,
        space=space,
    )


def coriolis_matrix(lagrangian: sp.Expr, space: JetSpace) -> sp.Matrix:
    """The Coriolis matrix C of a natural Lagrangian, of shape (n, n), for which dM/dt - 2 C is antisymmetric.

    C_ij = sum_k (dM_ij/dq_k + dM_ik/dq_j - dM_jk/dq_i) v_k / 2, and the motion is M a + (C - B) v + dV/dq = Q - dD/dv
    with the gyroscopic B of `canonical_parts`.

    Source: R. M. Murray, Z. Li and S. S. Sastry, A Mathematical Introduction to Robotic Manipulation, section 4.3.2.

    Raises:
        InputError: the mass matrix depends on velocities or on time.

    >>> space = JetSpace(("r", "phi"))
    >>> (r, _), (r_dot, phi_dot) = space.positions, space.velocities
    >>> coriolis_matrix((r_dot**2 + r**2 * phi_dot**2) / 2, space)
    Matrix([
    [        0, -phi_dot*r],
    [phi_dot*r,    r*r_dot]])
    """
    require_first_order_particle(lagrangian, space)
    mass, q, v = mass_matrix(lagrangian, space), space.positions, space.velocities
    held = sorted(str(symbol) for symbol in mass.free_symbols & {*v, *space.base_symbols})
    if held:
        msg = f"expected a mass matrix that depends on the coordinates alone; it holds {', '.join(held)}"
        raise InputError(msg)
    slopes: Any = [mass.diff(x) for x in q]
    n = range(len(q))

    def entry(i: int, j: int) -> Any:
        return sp.Add(*((slopes[k][i, j] + slopes[j][i, k] - slopes[i][j, k]) * v[k] / 2 for k in n))

    return sp.Matrix(len(q), len(q), entry)


def split_at_zero(function: sp.Expr, variables: Sequence[sp.Symbol]) -> tuple[sp.Expr, list[sp.Expr], sp.Expr]:
    """A function's value and gradient where its variables are zero, and what remains of it.

    Raises:
        InputError: the function or its gradient has no finite value there.

    >>> x = sp.Symbol("x", real=True)
    >>> split_at_zero(sp.cos(x) + 2 * x, (x,))
    (1, [2], cos(x) - 1)
    """
    gradient = [sp.diff(function, x) for x in variables]
    value, *slopes = at_zero(sp.Matrix([function, *gradient]), variables).flat()
    linear = sp.Add(*(slope * x for slope, x in zip(slopes, variables, strict=True)))
    rest: Any = sp.expand_mul(function - value - linear, deep=False)
    return value, slopes, rest


def at_zero(matrix: sp.Matrix, variables: Sequence[sp.Symbol]) -> sp.Matrix:
    """A matrix of functions at zero of some variables.

    Raises:
        InputError: an entry has no finite value there.
    """
    zero: Any = dict.fromkeys(variables, sp.S.Zero)
    value = matrix.subs(zero)
    if value.has(sp.nan, sp.zoo, sp.oo, sp.AccumBounds):
        msg = (
            f"expected a function that is smooth where {', '.join(map(str, variables))} vanish; it is not finite there"
        )
        raise InputError(msg)
    return value
