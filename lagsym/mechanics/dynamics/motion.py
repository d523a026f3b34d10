"""Equations of motion of any order, solved for the highest derivatives by time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.algebra.linear_solve import Steps, eliminate, pivot_order, solve_linear
from lagsym.mechanics.calculus import euler_lagrange
from lagsym.mechanics.dynamics.forms import Forces, applied_forces, force_vector, mass_matrix, time_order
from lagsym.mechanics.jetspace import JetSpace


def equations_of_motion(
    lagrangian: sp.Expr, space: JetSpace, *, dissipation: sp.Expr | int = 0, forces: Forces | None = None
) -> sp.Matrix:
    """The expressions E + Q - dD/dv that vanish along the motion, of shape (n, 1).

    Arguments:
        lagrangian: the Lagrangian (density), of first or second order.
        space: the jet space that it is written in.
        dissipation: the Rayleigh function D(q, v).
        forces: the generalised forces Q.

    Raises:
        InputError: the Lagrangian is of third order or higher, or a force is named after no coordinate.
    """
    return sp.Matrix(euler_lagrange(lagrangian, space)) + applied_forces(space, dissipation, forces)


def principal_part(lagrangian: sp.Expr, space: JetSpace) -> dict[tuple[int, ...], sp.Matrix]:
    """The coefficients of the highest derivatives in E: dE_i/du_(j,I), of shape (n, n), by multi-index I.

    Indices whose coefficient is zero are left out.

    >>> space = JetSpace(("u",), ("t", "x"))
    >>> u_t, u_x = space.symbol(0, (0,)), space.symbol(0, (1,))
    >>> principal_part(u_t**2 / 2 - u_x**2, space)
    {(0, 0): Matrix([[-1]]), (1, 1): Matrix([[2]])}
    """
    equations = sp.Matrix(euler_lagrange(lagrangian, space))
    return jet_coefficients(equations, space, order=max(map(space.order, equations.flat())))


def jet_coefficients(
    equations: sp.Matrix, space: JetSpace, order: int | None = None
) -> dict[tuple[int, ...], sp.Matrix]:
    """The derivatives of equations by the fields' derivatives of one order, or of every order, by multi-index."""
    symbols: Any = equations.free_symbols
    indices = sorted({key[1] for key in map(space.key, symbols) if key}, key=lambda index: (len(index), index))
    chosen = [index for index in indices if order is None or len(index) == order]
    coefficients = {index: equations.jacobian(space.derivatives(*index)) for index in chosen}
    return {index: matrix for index, matrix in coefficients.items() if not matrix.is_zero_matrix}


def solve_motion(
    lagrangian: sp.Expr, space: JetSpace, *, dissipation: sp.Expr | int = 0, forces: Forces | None = None
) -> Mapping[sp.Symbol, sp.Expr]:
    """Solve E + Q - dD/dv = 0 for the highest derivatives by time.

    With w these derivatives, M = -dE/dw and f = E at w = 0, it is M w = f: accelerations as a rule, fourth
    derivatives where the Lagrangian holds accelerations, velocities where it is linear in them; of fields u_tt.

    Arguments:
        lagrangian: the Lagrangian (density), of first or second order.
        space: the jet space that it is written in.
        dissipation: the Rayleigh function D(q, v).
        forces: the generalised forces Q.

    Returns:
        The solution by symbol.

    Raises:
        InputError: the equations do not determine these derivatives, or not by algebra alone.

    >>> space = JetSpace(("q",))
    >>> (q,), (a,) = space.positions, space.accelerations
    >>> solve_motion(a**2 / 2 - q**2 / 2, space)
    {q_ddddot: q}
    """
    equations = equations_of_motion(lagrangian, space, dissipation=dissipation, forces=forces)
    unknowns = _highest(equations, space)
    matrix = -equations.jacobian(unknowns)
    if matrix.free_symbols & set(unknowns):
        msg = f"the equations are not linear in {', '.join(map(str, unknowns))}; expected forces that leave them linear"
        raise InputError(msg)
    at_zero: Any = dict.fromkeys(unknowns, sp.S.Zero)
    return dict(zip(unknowns, solve_linear(matrix, equations.xreplace(at_zero), unknowns), strict=True))


def _highest(equations: sp.Matrix, space: JetSpace) -> tuple[sp.Symbol, ...]:
    """The symbols of the highest derivatives by time, which must be differentiated by nothing else."""
    order = max(time_order(equation, space) for equation in equations.flat())
    unknowns = space.derivatives(*[0] * order)
    symbols: Any = equations.free_symbols
    highest = {symbol for symbol in symbols if (key := space.key(symbol)) and key[1].count(0) == order}
    mixed = sorted(str(symbol) for symbol in highest - set(unknowns))
    if order == 0 or mixed:
        held = f"their highest derivatives by time are {', '.join(mixed)}" if order else "they hold none"
        msg = f"the equations are degenerate in time: expected them to hold derivatives by time alone, but {held}"
        raise InputError(msg)
    return unknowns


def solved_accelerations(
    lagrangian: sp.Expr, space: JetSpace, *, dissipation: sp.Expr | int = 0, forces: Forces | None = None
) -> tuple[Steps, list[sp.Expr]]:
    """The accelerations of a particle as short assignments with common subexpressions, for any number of coordinates.

    Arguments:
        lagrangian: the Lagrangian.
        space: the jet space that it is written in.
        dissipation: the Rayleigh function D(q, v).
        forces: the generalised forces Q.

    Returns:
        Assignments in order, and the accelerations in their symbols, as `sympy.cse` returns them.

    Raises:
        InputError: as `accelerations`.

    >>> space = JetSpace(("q",))
    >>> (q,), (v,) = space.positions, space.velocities
    >>> solved_accelerations(v**2 - q**2, space)
    ([(x0, -2*q), (x1, x0/2)], [x1])
    """
    mass = mass_matrix(lagrangian, space)
    right = force_vector(lagrangian, space) + applied_forces(space, dissipation, forces)
    order = pivot_order(mass, space.accelerations)
    taken = {str(symbol) for symbol in mass.free_symbols | right.free_symbols}
    names = (symbol for symbol in sp.numbered_symbols("x", real=True) if symbol.name not in taken)
    shared, reduced = sp.cse([mass, right], symbols=names)
    matrix, column = list[Any](reduced)
    steps, solution = eliminate(matrix, column, order, names)
    return [*shared, *steps], solution
