"""The calculus of variations, once for any base: total derivatives and the Euler–Lagrange operator."""

from __future__ import annotations

import itertools
from typing import Any

import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.jetspace import JetSpace


def total_derivative(expression: sp.Expr, space: JetSpace, direction: int = 0) -> sp.Expr:
    """Differentiate along a base direction, following every field.

    D_mu f = df/dx_mu + sum over jet symbols u_I of df/du_I * u_(I + mu)

    >>> space = JetSpace(("q",))
    >>> q, = space.positions
    >>> total_derivative(q**2, space)
    2*q*q_dot
    """
    result = sp.diff(expression, space.base_symbols[direction])
    symbols: Any = sorted(expression.free_symbols, key=str)
    for symbol in symbols:
        key = space.key(symbol)
        if key is not None:
            field, index = key
            result += sp.diff(expression, symbol) * space.symbol(field, (*index, direction))
    return result


def euler_lagrange(lagrangian: sp.Expr, space: JetSpace) -> tuple[sp.Expr, ...]:
    """The Euler–Lagrange expressions of a Lagrangian (density) of order one or two, one for each field.

    E_i = dL/du_i - sum_mu D_mu dL/du_(i,mu) + sum_(mu<=nu) D_mu D_nu dL/du_(i,mu nu)

    The motion satisfies E_i = 0.  Time and the other base coordinates may appear explicitly.

    Raises:
        InputError: the Lagrangian holds derivatives of third order or higher.

    >>> space = JetSpace(("q",))
    >>> (q,), (v,) = space.positions, space.velocities
    >>> euler_lagrange(v**2 / 2 - q**2 / 2, space)
    (-q - q_ddot,)
    """
    if space.order(lagrangian) > 2:
        msg = f"expected a Lagrangian of first or second order in derivatives, got order {space.order(lagrangian)}"
        raise InputError(msg)
    directions = range(len(space.base))
    equations = []
    for i in range(len(space.fields)):
        equation = sp.diff(lagrangian, space.symbol(i))
        for mu in directions:
            equation -= total_derivative(sp.diff(lagrangian, space.symbol(i, (mu,))), space, mu)
        for mu, nu in itertools.combinations_with_replacement(directions, 2):
            second = sp.diff(lagrangian, space.symbol(i, (mu, nu)))
            if second != 0:
                equation += total_derivative(total_derivative(second, space, mu), space, nu)
        equations.append(equation)
    return tuple(equations)
