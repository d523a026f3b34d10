"""Energy and momentum of any Lagrangian (density): the stress–energy tensor and the currents of Noether's theorem.

A particle is a field over time alone, so that its stress–energy tensor has one component, the energy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.calculus import total_derivative
from lagsym.mechanics.jetspace import JetSpace

Tensor = tuple[tuple[sp.Expr, ...], ...]


def boundary_current(characteristic: Sequence[sp.Expr], lagrangian: sp.Expr, space: JetSpace) -> tuple[sp.Expr, ...]:
    """The current A that is left at the boundary where a Lagrangian of order one or two is varied along Q.

    sum_(i,I) D_I Q_i dL/du_(i,I) = Q_i E_i + D_mu A^mu
    A^mu = Q_i (P_i^mu - D_nu P_i^(mu nu)) + D_nu Q_i P_i^(mu nu)

    with the momenta P_i^mu = dL/du_(i,mu), and P_i^(mu nu) = P_i^(nu mu) = dL/du_(i,mu nu), or half of it where mu and
    nu differ.

    Arguments:
        characteristic: Q, one expression for each field.
        lagrangian: the Lagrangian (density).
        space: the jet space that it is written in.

    Returns:
        One component for each base coordinate.

    Raises:
        InputError: the Lagrangian holds derivatives of third order or higher.

    The formula is that of P. J. Olver, Applications of Lie Groups to Differential Equations, 2nd ed., section 5.4.

    >>> space = JetSpace(("q",))
    >>> (q,), (v,) = space.positions, space.velocities
    >>> boundary_current([q], v**2 / 2, space)
    (q*q_dot,)
    """
    if space.order(lagrangian) > 2:
        msg = f"expected a Lagrangian of first or second order in derivatives, got order {space.order(lagrangian)}"
        raise InputError(msg)
    directions = range(len(space.base))
    current: list[Any] = [sp.S.Zero for _ in directions]
    for mu in directions:
        for i, change in enumerate(characteristic):
            current[mu] += change * sp.diff(lagrangian, space.symbol(i, (mu,)))
            for nu in directions:
                second = _second_momentum(lagrangian, space, i, (mu, nu))
                if second != 0:
                    current[mu] += total_derivative(change, space, nu) * second
                    current[mu] -= change * total_derivative(second, space, nu)
    return tuple(current)


def _second_momentum(lagrangian: sp.Expr, space: JetSpace, field: int, index: tuple[int, int]) -> Any:
    # u_tx is one symbol for the two derivatives tx and xt, which share its momentum.
    share = 1 if index[0] == index[1] else sp.Rational(1, 2)
    return share * sp.diff(lagrangian, space.symbol(field, index))


def stress_energy(lagrangian: sp.Expr, space: JetSpace) -> Tensor:
    """The canonical stress–energy tensor T^mu_nu of a Lagrangian (density) of order one or two.

    T^mu_nu = u_(i,nu) (P_i^mu - D_lambda P_i^(mu lambda)) + u_(i,nu lambda) P_i^(mu lambda) - delta^mu_nu L

    with the momenta of `boundary_current`; at first order, T^mu_nu = dL/du_(i,mu) u_(i,nu) - delta^mu_nu L.  It has

    D_mu T^mu_nu + dL/dx^nu + u_(i,nu) E_i = 0

    identically, with dL/dx^nu at fixed u and derivatives of u: energy (nu = t) and momentum (nu = x, ...) are conserved
    where L does not depend on time and place.

    Arguments:
        lagrangian: the Lagrangian (density).
        space: the jet space that it is written in.

    Returns:
        T[mu][nu]: the current's component mu for the translation along nu.

    Raises:
        InputError: the Lagrangian holds derivatives of third order or higher.

    The source is L. D. Landau and E. M. Lifshitz, The Classical Theory of Fields, 4th ed., section 32.

    >>> space = JetSpace(("phi",), ("t", "x"))
    >>> phi_t, phi_x = space.symbol(0, (0,)), space.symbol(0, (1,))
    >>> stress_energy((phi_t**2 - phi_x**2) / 2, space)
    ((phi_t**2/2 + phi_x**2/2, phi_t*phi_x), (-phi_t*phi_x, -phi_t**2/2 - phi_x**2/2))
    """
    directions = range(len(space.base))
    columns = [boundary_current(space.derivatives(nu), lagrangian, space) for nu in directions]
    return tuple(
        tuple(expanded(columns[nu][mu] - (lagrangian if mu == nu else 0)) for nu in directions) for mu in directions
    )


def energy_density(lagrangian: sp.Expr, space: JetSpace) -> sp.Expr:
    """The energy density T^t_t: for a particle, its energy v . dL/dv - L.

    >>> space = JetSpace(("q",))
    >>> (q,), (v,) = space.positions, space.velocities
    >>> energy_density(v**2 / 2 - q**2 / 2, space)
    q**2/2 + q_dot**2/2
    """
    return stress_energy(lagrangian, space)[0][0]


def energy_flux(lagrangian: sp.Expr, space: JetSpace) -> tuple[sp.Expr, ...]:
    """The flux of energy S^k = T^k_t along each spatial direction; a particle has none.

    d(energy density)/dt + div S = -dL/dt on every motion.

    >>> space = JetSpace(("phi",), ("t", "x"))
    >>> energy_flux((space.symbol(0, (0,)) ** 2 - space.symbol(0, (1,)) ** 2) / 2, space)
    (-phi_t*phi_x,)
    """
    return tuple(row[0] for row in stress_energy(lagrangian, space)[1:])


def momentum_densities(lagrangian: sp.Expr, space: JetSpace) -> tuple[sp.Expr, ...]:
    """The density of momentum g_k = -T^t_k along each spatial direction; a particle has none.

    The sign is that of physics: a wave that runs towards greater x carries positive momentum along x.

    >>> space = JetSpace(("phi",), ("t", "x"))
    >>> momentum_densities((space.symbol(0, (0,)) ** 2 - space.symbol(0, (1,)) ** 2) / 2, space)
    (-phi_t*phi_x,)
    """
    return tuple(-entry for entry in stress_energy(lagrangian, space)[0][1:])


def momentum_fluxes(lagrangian: sp.Expr, space: JetSpace) -> Tensor:
    """The flux of momentum -T^j_k, along direction j of momentum k: what is also called the stress.

    dg_k/dt + d(flux_jk)/dx_j = dL/dx_k on every motion.

    >>> space = JetSpace(("phi",), ("t", "x"))
    >>> momentum_fluxes((space.symbol(0, (0,)) ** 2 - space.symbol(0, (1,)) ** 2) / 2, space)
    ((phi_t**2/2 + phi_x**2/2,),)
    """
    return tuple(tuple(-entry for entry in row[1:]) for row in stress_energy(lagrangian, space)[1:])


def expanded(expression: Any) -> Any:
    """A polynomial in whatever is not one: products are multiplied out, roots, quotients and functions stay closed.

    >>> x, y = sp.symbols("x y", real=True)
    >>> expanded(x * (x + 1 / sp.sqrt((x - y) ** 2 + 1)))
    x**2 + x/sqrt((x - y)**2 + 1)
    """
    powers = {power for power in expression.atoms(sp.Pow) if not (power.exp.is_Integer and power.exp > 0)}
    closed = sorted(powers | expression.atoms(sp.Function), key=str)
    names: Any = {part: sp.Dummy(real=True) for part in closed}
    return sp.expand(expression.xreplace(names)).xreplace({name: part for part, name in names.items()})
