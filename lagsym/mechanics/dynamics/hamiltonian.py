"""Hamiltonian mechanics of particles: from a Lagrangian and back, Hamilton's equations, Poisson brackets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.dynamics.forms import Forces, applied_forces, require_first_order_particle
from lagsym.mechanics.dynamics.legendre import Transform, legendre_transform
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.sampling import VELOCITY, Ranges, sampling_ranges


@dataclass(frozen=True)
class Hamiltonian:
    """A Hamiltonian H(q, p, t) with the symbols that it is written in.

    Arguments:
        space: the jet space of the coordinates.
        momenta: the symbols p_<q>, real.
        function: H.
        velocities: each velocity as a function of (q, p, t).
    """

    space: JetSpace
    momenta: tuple[sp.Symbol, ...]
    function: sp.Expr
    velocities: Mapping[sp.Symbol, sp.Expr]

    def _repr_latex_(self) -> str:
        from lagsym.mechanics.notation.notebook import hamiltonian_latex  # which imports this module

        return hamiltonian_latex(self)


def momentum_symbols(space: JetSpace) -> tuple[sp.Symbol, ...]:
    """The symbols p_<q> of the momenta, real.

    Raises:
        InputError: a coordinate already has such a name.

    >>> momentum_symbols(JetSpace(("theta",)))
    (p_theta,)
    """
    names = [f"p_{field}" for field in space.fields]
    taken = sorted(set(names) & set(space.names))
    if taken:
        msg = f"the momenta need the names {', '.join(taken)}, which coordinates have; rename the coordinates"
        raise InputError(msg)
    return tuple(sp.Symbol(name, real=True) for name in names)


def hamiltonian(lagrangian: sp.Expr, space: JetSpace, *, ranges: Ranges | None = None) -> Hamiltonian:
    """The Hamiltonian H(q, p, t) = p . v - L, where p = dL/dv is solved for v.

    Arguments:
        lagrangian: a particle's Lagrangian of first order.
        space: the jet space that it is written in.
        ranges: where it is defined, by the symbols' names, if it is not quadratic in v.

    Raises:
        InputError: the Lagrangian is a field's or of second order, holds a momentum's name, is degenerate, or
            p = dL/dv has no solution in closed form.

    >>> space = JetSpace(("q",))
    >>> (q,), (v,) = space.positions, space.velocities
    >>> found = hamiltonian(v**2 / 2 - q**2 / 2, space)
    >>> found.function, found.velocities
    (p_q**2/2 + q**2/2, {q_dot: p_q})
    """
    require_first_order_particle(lagrangian, space)
    momenta = momentum_symbols(space)
    _check_absent(lagrangian, momenta, "a Lagrangian without the momenta")
    found = _transform(lagrangian, space, space.velocities, momenta, ranges)
    return Hamiltonian(space, momenta, found.function, found.variables)


def lagrangian_from_hamiltonian(function: sp.Expr, space: JetSpace, *, ranges: Ranges | None = None) -> sp.Expr:
    """The Lagrangian L(q, v, t) = p . v - H, where v = dH/dp is solved for p.

    Arguments:
        function: H, in the symbols of `momentum_symbols`.
        space: the jet space of the coordinates.
        ranges: where it is defined, by the symbols' names, if it is not quadratic in p.

    Raises:
        InputError: H holds velocities, is degenerate, or v = dH/dp has no solution in closed form.

    >>> space = JetSpace(("q",))
    >>> (p,) = momentum_symbols(space)
    >>> lagrangian_from_hamiltonian(p**2 / 4, space)
    q_dot**2
    """
    if len(space.base) > 1 or space.order(function) > 0:
        msg = f"expected a particle's Hamiltonian of {', '.join(space.fields)}, the momenta and time, got {function}"
        raise InputError(msg)
    return _transform(function, space, momentum_symbols(space), space.velocities, ranges).function


def hamilton_equations(
    system: Hamiltonian, *, dissipation: sp.Expr | int = 0, forces: Forces | None = None
) -> dict[sp.Symbol, sp.Expr]:
    """The rates dq/dt = dH/dp and dp/dt = -dH/dq + Q - dD/dv, by the symbols q and p.

    Arguments:
        system: from `hamiltonian`.
        dissipation: the Rayleigh function D(q, v); velocities become momenta here and in the forces.
        forces: the generalised forces Q.

    >>> space = JetSpace(("q",))
    >>> (q,), (v,) = space.positions, space.velocities
    >>> hamilton_equations(hamiltonian(v**2 / 2 - q**2 / 2, space), dissipation=v**2)
    {q: p_q, p_q: -2*p_q - q}
    """
    applied = applied_forces(system.space, dissipation, forces).subs(dict(system.velocities))
    q, p, function = system.space.positions, system.momenta, system.function
    rates = {x: sp.diff(function, y) for x, y in zip(q, p, strict=True)}
    return rates | {y: force - sp.diff(function, x) for x, y, force in zip(q, p, applied, strict=True)}


def poisson_bracket(first: sp.Expr, second: sp.Expr, space: JetSpace) -> sp.Expr:
    """The canonical Poisson bracket {f, g} = sum_i df/dq_i dg/dp_i - df/dp_i dg/dq_i.

    >>> space = JetSpace(("q",))
    >>> (q,), (p,) = space.positions, momentum_symbols(space)
    >>> poisson_bracket(q, p, space), poisson_bracket(p, q**2, space)
    (1, -2*q)
    """
    pairs = zip(space.positions, momentum_symbols(space), strict=True)
    return sp.Add(*(sp.diff(first, q) * sp.diff(second, p) - sp.diff(first, p) * sp.diff(second, q) for q, p in pairs))


def _transform(function: sp.Expr, space: JetSpace, variables: Any, duals: Any, ranges: Ranges | None) -> Transform:
    momenta = momentum_symbols(space)
    parameters: Any = function.free_symbols - set(space.names.values()) - set(momenta)
    bounds = {**sampling_ranges(space, parameters, ranges), **{p.name: VELOCITY for p in momenta}}
    given = {name: interval for name, interval in (ranges or {}).items() if name in bounds}
    return legendre_transform(function, variables, duals, {**bounds, **given})


def _check_absent(function: sp.Expr, symbols: tuple[sp.Symbol, ...], expected: str) -> None:
    free: Any = function.free_symbols
    held = sorted({symbol.name for symbol in free} & {symbol.name for symbol in symbols})
    if held:
        msg = f"expected {expected}, got one that holds {', '.join(held)}; rename these parameters"
        raise InputError(msg)
