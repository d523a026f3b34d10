"""Holonomic constraints by multipliers: accelerations and the forces that hold the constraints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.algebra.linear_solve import solve_linear
from lagsym.mechanics.calculus import total_derivative
from lagsym.mechanics.dynamics.forms import Forces, applied_forces, force_vector, mass_matrix
from lagsym.mechanics.jetspace import JetSpace


@dataclass(frozen=True)
class ConstrainedMotion:
    """The motion under constraints g_k(t, q) = 0, at positions and velocities that satisfy them.

    Arguments:
        accelerations: of shape (n, 1).
        multipliers: one for each constraint, of shape (m, 1).
        constraint_forces: J^T lambda with J = dg/dq, the generalised forces that hold the constraints, (n, 1).
        space: the jet space that they are written in.
    """

    accelerations: sp.Matrix
    multipliers: sp.Matrix
    constraint_forces: sp.Matrix
    space: JetSpace

    def _repr_latex_(self) -> str:
        from lagsym.mechanics.notation.notebook import constrained_latex  # which imports this module

        return constrained_latex(self)


def constrained_motion(
    lagrangian: sp.Expr,
    space: JetSpace,
    constraints: Sequence[sp.Expr],
    *,
    dissipation: sp.Expr | int = 0,
    forces: Forces | None = None,
) -> ConstrainedMotion:
    """Solve E + Q - dD/dv + J^T lambda = 0 together with d2g/dt2 = 0.

    With J = dg/dq and d2g/dt2 = J a + gamma it is the linear system

        M a - J^T lambda = f + Q - dD/dv,    J a = -gamma

    in which M may be singular along directions that the constraints forbid.

    Arguments:
        lagrangian: a particle's Lagrangian of first order.
        space: the jet space that it is written in.
        constraints: the expressions g(t, q) that vanish.
        dissipation: the Rayleigh function D(q, v).
        forces: the generalised forces Q.

    Raises:
        InputError: there is no constraint, or one that is not a function of time and coordinates; constraints depend
            on each other; or the Lagrangian is a field's or of second order.

    Source: H. Goldstein, C. Poole and J. Safko, Classical Mechanics, 3rd ed., section 2.4.

    >>> space = JetSpace(("x", "y"))
    >>> (x, y), (x_dot, y_dot) = space.positions, space.velocities
    >>> m, g = sp.symbols("m g", real=True)
    >>> incline = constrained_motion(m * (x_dot**2 + y_dot**2) / 2 - m * g * y, space, [y - x])
    >>> incline.accelerations.applyfunc(sp.simplify).T
    Matrix([[-g/2, -g/2]])
    """
    _check(constraints, space)
    mass = mass_matrix(lagrangian, space)
    right = force_vector(lagrangian, space) + applied_forces(space, dissipation, forces)
    jacobian = sp.Matrix(constraints).jacobian(space.positions)
    unforced = dict.fromkeys(space.accelerations, sp.S.Zero)
    second = [total_derivative(total_derivative(g, space), space).xreplace(unforced) for g in constraints]
    symbols = [sp.Symbol(f"lambda_{k + 1}", real=True) for k in range(len(constraints))]
    # With -lambda for lambda the matrix is symmetric.
    matrix = sp.Matrix(sp.BlockMatrix([[mass, jacobian.T], [jacobian, sp.zeros(len(symbols))]]))
    solution = solve_linear(matrix, right.col_join(-sp.Matrix(second)), (*space.accelerations, *symbols))
    n = len(space.fields)
    multipliers = -sp.Matrix(solution[n:])
    return ConstrainedMotion(sp.Matrix(solution[:n]), multipliers, jacobian.T * multipliers, space)


def _check(constraints: Sequence[sp.Expr], space: JetSpace) -> None:
    if not constraints:
        msg = "expected at least one constraint g(t, q) = 0; accelerations solves the free motion"
        raise InputError(msg)
    for constraint in constraints:
        if space.order(constraint) > 0 or not constraint.free_symbols & set(space.positions):
            msg = (
                f"expected constraints as expressions of time and of the coordinates {', '.join(space.fields)} that "
                f"vanish, got {constraint}"
            )
            raise InputError(msg)
