"""Small motion about an equilibrium or a constant field, and its dispersion relation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.algebra.probing import vanishes
from lagsym.mechanics.dynamics.forms import Forces
from lagsym.mechanics.dynamics.motion import equations_of_motion, jet_coefficients
from lagsym.mechanics.jetspace import JetSpace

Equilibrium = Mapping[str, Any]
"""The constant value of every field by its name: a number or an expression in the parameters."""
MOST_BRANCHES = 4
"""Degree of the polynomials in omega, or in omega^2, that have a formula for their roots."""


@dataclass(frozen=True)
class Linearisation:
    """Small motion M a + C v + K u = 0 of a particle about an equilibrium, with exact matrices of shape (n, n).

    Arguments:
        equilibrium: the value of each coordinate.
        mass: M.
        rates: C; its symmetric part damps, its antisymmetric part is gyroscopic.
        stiffness: K, symmetric unless forces depend on positions.
    """

    equilibrium: Mapping[sp.Symbol, sp.Expr]
    mass: sp.Matrix
    rates: sp.Matrix
    stiffness: sp.Matrix

    @property
    def damping(self) -> sp.Matrix:
        """The symmetric part of C."""
        return (self.rates + self.rates.T) / 2

    @property
    def gyroscopic(self) -> sp.Matrix:
        """The antisymmetric part of C, which does no work."""
        return (self.rates - self.rates.T) / 2

    def _repr_latex_(self) -> str:
        from lagsym.mechanics.notation.notebook import linearisation_latex  # which imports this module

        return linearisation_latex(self)


@dataclass(frozen=True)
class Dispersion:
    """The relation P(omega, k) = 0 of waves u = exp(i (k x - omega t)) about a constant field.

    Arguments:
        omega: the symbol of the angular frequency.
        wave_numbers: the symbols k_<x>, one for each direction of space.
        relation: P, a polynomial in them: the determinant of the linearised equations' symbol.
        branches: every omega(k) with its multiplicity, where a formula was found; empty elsewhere.
    """

    omega: sp.Symbol
    wave_numbers: tuple[sp.Symbol, ...]
    relation: sp.Expr
    branches: tuple[sp.Expr, ...]

    def _repr_latex_(self) -> str:
        from lagsym.mechanics.notation.notebook import dispersion_latex  # which imports this module

        return dispersion_latex(self)


def linearised_equations(
    lagrangian: sp.Expr,
    space: JetSpace,
    equilibrium: Equilibrium,
    *,
    dissipation: sp.Expr | int = 0,
    forces: Forces | None = None,
) -> dict[tuple[int, ...], sp.Matrix]:
    """The matrices A_I in the linearised equations sum_I A_I u_I = 0, by multi-index I, about constant fields.

    A_I = d(E + Q - dD/dv)_i / du_(j,I) where every derivative of the fields vanishes.

    Arguments:
        lagrangian: the Lagrangian (density), of first or second order.
        space: the jet space that it is written in.
        equilibrium: the constant value of every field by its name.
        dissipation: the Rayleigh function D(q, v).
        forces: the generalised forces Q.

    Raises:
        InputError: a field has no value, or the given values are no solution, or the equations change with time or
            place there.

    >>> space = JetSpace(("u",), ("t", "x"))
    >>> u, u_t, u_x = space.symbol(0), space.symbol(0, (0,)), space.symbol(0, (1,))
    >>> linearised_equations(u_t**2 / 2 - u_x**2 / 2 + sp.cos(u), space, {"u": 0})
    {(): Matrix([[-1]]), (0, 0): Matrix([[-1]]), (1, 1): Matrix([[1]])}
    """
    equations = equations_of_motion(lagrangian, space, dissipation=dissipation, forces=forces)
    constants = _constants(equilibrium, space)
    left: Any = equations.subs(constants)
    if left.has(sp.nan, sp.zoo, sp.oo) or not all(vanishes(part, equations.flat()) for part in left.flat()):
        given = ", ".join(f"{name} = {value}" for name, value in equilibrium.items())
        msg = f"expected a constant solution; {given} leaves the equations {', '.join(map(str, left))} = 0"
        raise InputError(msg)
    coefficients = {index: part.subs(constants) for index, part in jet_coefficients(equations, space).items()}
    varying = sorted({str(x) for part in coefficients.values() for x in part.free_symbols & set(space.base_symbols)})
    if varying:
        msg = f"expected linearised equations with constant coefficients; they depend on {', '.join(varying)}"
        raise InputError(msg)
    return {index: part for index, part in coefficients.items() if not part.is_zero_matrix}


def linearise(
    lagrangian: sp.Expr,
    space: JetSpace,
    equilibrium: Equilibrium,
    *,
    dissipation: sp.Expr | int = 0,
    forces: Forces | None = None,
) -> Linearisation:
    """The small motion of a particle about an equilibrium.

    Arguments:
        lagrangian: a Lagrangian of a particle.
        space: the jet space that it is written in.
        equilibrium: the value of every coordinate by its name.
        dissipation: the Rayleigh function D(q, v).
        forces: the generalised forces Q.

    Raises:
        InputError: as `linearised_equations`, or the equations are a field's or of fourth order.

    >>> space = JetSpace(("q",))
    >>> (q,), (v,) = space.positions, space.velocities
    >>> upright = linearise(v**2 / 2 + sp.cos(q), space, {"q": sp.pi})
    >>> upright.mass, upright.stiffness
    (Matrix([[1]]), Matrix([[-1]]))
    """
    if len(space.base) > 1:
        msg = f"expected a particle, got fields over ({', '.join(space.base)}); use dispersion_relation"
        raise InputError(msg)
    matrices = linearised_equations(lagrangian, space, equilibrium, dissipation=dissipation, forces=forces)
    if max(map(len, matrices), default=0) > 2:
        msg = "expected equations of second order; dispersion_relation gives the frequencies of any order"
        raise InputError(msg)
    none = sp.zeros(len(space.fields))
    values = {q: sp.sympify(equilibrium[q.name]) for q in space.positions}
    left: Any = {(): none, (0,): none, (0, 0): none, **matrices}
    return Linearisation(values, mass=-left[0, 0], rates=-left[0,], stiffness=-left[()])


def dispersion_relation(
    lagrangian: sp.Expr,
    space: JetSpace,
    equilibrium: Equilibrium,
    *,
    dissipation: sp.Expr | int = 0,
    forces: Forces | None = None,
) -> Dispersion:
    """The dispersion relation of small waves about a constant field; of a particle, its frequencies.

    The linearised equations' symbol is sum_I A_I times -i omega for each derivative by time and i k for each by space;
    waves exist where its determinant vanishes.

    Source: G. B. Whitham, Linear and Nonlinear Waves, section 11.1.

    Arguments:
        lagrangian: the Lagrangian (density), of first or second order.
        space: the jet space that it is written in.
        equilibrium: the constant value of every field by its name.
        dissipation: the Rayleigh function D(q, v).
        forces: the generalised forces Q.

    Raises:
        InputError: as `linearised_equations`, or a parameter has the name of the frequency or of a wave number.

    >>> space = JetSpace(("phi",), ("t", "x"))
    >>> phi, phi_t, phi_x = space.symbol(0), space.symbol(0, (0,)), space.symbol(0, (1,))
    >>> waves = dispersion_relation(phi_t**2 / 2 - phi_x**2 / 2 - phi**2 / 2, space, {"phi": 0})
    >>> waves.relation, waves.branches
    (-k_x**2 + omega**2 - 1, (-sqrt(k_x**2 + 1), sqrt(k_x**2 + 1)))
    """
    matrices = linearised_equations(lagrangian, space, equilibrium, dissipation=dissipation, forces=forces)
    omega, *wave_numbers = (sp.Symbol(name, real=True) for name in ("omega", *(f"k_{x}" for x in space.base[1:])))
    _check_names(lagrangian, (omega, *wave_numbers))
    factors = [-sp.I * omega, *(sp.I * k for k in wave_numbers)]
    symbol = sp.zeros(len(space.fields))
    for index, matrix in matrices.items():
        symbol += matrix * sp.Mul(*(factors[mu] for mu in index))
    relation = sp.expand(symbol.det(method="berkowitz"))
    return Dispersion(omega, tuple(wave_numbers), relation, _branches(relation, omega))


def _constants(equilibrium: Equilibrium, space: JetSpace) -> dict[Any, Any]:
    """What every jet symbol is at a constant field."""
    if set(equilibrium) != set(space.fields):
        msg = f"expected a value for each of {', '.join(space.fields)}, got {', '.join(equilibrium) or 'none'}"
        raise InputError(msg)
    jets = set(space.names.values()) - set(space.base_symbols) - set(space.positions)
    return {**dict.fromkeys(jets, 0), **{q: sp.sympify(equilibrium[q.name]) for q in space.positions}}


def _check_names(lagrangian: sp.Expr, symbols: tuple[sp.Symbol, ...]) -> None:
    free: Any = lagrangian.free_symbols
    taken = sorted({x.name for x in free} & {x.name for x in symbols})
    if taken:
        msg = f"the waves need the names {', '.join(taken)}, which parameters have; rename the parameters"
        raise InputError(msg)


def _branches(relation: sp.Expr, omega: sp.Symbol) -> tuple[sp.Expr, ...]:
    polynomial = sp.Poly(relation, omega)
    powers = [power for (power,), _ in polynomial.terms()]
    step = 2 if all(power % 2 == 0 for power in powers) else 1
    if not 0 < max(powers) <= MOST_BRANCHES * step:
        return ()
    square = sp.Poly([polynomial.nth(k) for k in range(max(powers), -1, -step)], omega)
    roots = [root for root, count in sp.roots(square).items() for _ in range(count)]
    if len(roots) < square.degree():
        return ()
    return tuple(roots) if step == 1 else tuple(sign * sp.sqrt(root) for root in roots for sign in (-1, 1))
