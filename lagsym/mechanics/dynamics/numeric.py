"""Mechanics as fast NumPy functions: mass matrix, force, accelerations and energy over many samples at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import sympy as sp
from jaxtyping import Float
from sympy.printing.numpy import NumPyPrinter

from lagsym.errors import InputError
from lagsym.mechanics.dynamics.forms import Forces, applied_forces, energy, force_vector, mass_matrix
from lagsym.mechanics.jetspace import JetSpace

Columns = Callable[..., Sequence[np.ndarray | float]]
CLOSED_SOLVE = 2
"""Up to this many coordinates the accelerations are a closed formula; beyond, each sample is a linear solve."""
PRODUCT_POWERS = 6
"""Integer powers up to this size are printed as products, which NumPy evaluates many times faster."""


@dataclass(frozen=True)
class CompiledMechanics:
    """NumPy functions of t (N,) or a number, q (N, n), v (N, n) and constants c, from `compile_mechanics`.

    Each is compiled when it is first called, so that nobody waits for what is not needed.
    The constants come as an array of shape (k,), or (k, N) with another value for each sample.  Nothing is raised where
    a formula has no value: the entry is infinite or not a number.
    """

    coordinates: tuple[str, ...]
    constants: tuple[str, ...]
    _arguments: tuple[sp.Symbol, ...] = field(repr=False)
    _mass: list[sp.Expr] = field(repr=False)
    _force: list[sp.Expr] = field(repr=False)
    _energy: sp.Expr = field(repr=False)

    def mass_and_force(
        self, t: Float[np.ndarray, " samples"] | float, q: np.ndarray, v: np.ndarray, c: np.ndarray | Sequence = ()
    ) -> tuple[Float[np.ndarray, "samples n n"], Float[np.ndarray, "samples n"]]:
        """The mass matrix M and the force f with all applied forces, so that E + Q - dD/dv = f - M a."""
        samples, n = q.shape
        columns = self._evaluate(self._compiled_motion, t, q, v, c)
        mass, force = np.empty((samples, n, n)), np.empty((samples, n))
        entries = iter(columns)
        for i in range(n):
            for j in range(i, n):
                mass[:, i, j] = mass[:, j, i] = next(entries)
        for i in range(n):
            force[:, i] = next(entries)
        return mass, force

    def acceleration(
        self, t: Float[np.ndarray, " samples"] | float, q: np.ndarray, v: np.ndarray, c: np.ndarray | Sequence = ()
    ) -> Float[np.ndarray, "samples n"]:
        """The accelerations M^-1 f."""
        if self._compiled_acceleration is None:
            return solve_samples(*self.mass_and_force(t, q, v, c))
        result = np.empty(q.shape)
        for i, column in enumerate(self._evaluate(self._compiled_acceleration, t, q, v, c)):
            result[:, i] = column
        return result

    def energy(
        self, t: Float[np.ndarray, " samples"] | float, q: np.ndarray, v: np.ndarray, c: np.ndarray | Sequence = ()
    ) -> Float[np.ndarray, " samples"]:
        """The energy v . dL/dv - L."""
        result = np.empty(len(q))
        (result[:],) = self._evaluate(self._compiled_energy, t, q, v, c)
        return result

    @cached_property
    def _compiled_motion(self) -> Columns:
        """The upper triangle of M, row by row, and f."""
        return _lambdify(self._arguments, [*self._mass, *self._force])

    @cached_property
    def _compiled_acceleration(self) -> Columns | None:
        closed = _closed_solve(self._mass, self._force)
        return _lambdify(self._arguments, closed) if closed else None

    @cached_property
    def _compiled_energy(self) -> Columns:
        return _lambdify(self._arguments, [self._energy])

    def _evaluate(
        self, function: Columns, t: object, q: np.ndarray, v: np.ndarray, c: np.ndarray | Sequence
    ) -> Sequence:
        with np.errstate(all="ignore"):
            return function(t, *q.T, *v.T, *c)


def compile_mechanics(
    lagrangian: sp.Expr,
    space: JetSpace,
    *,
    dissipation: sp.Expr | int = 0,
    forces: Forces | None = None,
    constants: tuple[sp.Symbol, ...] = (),
) -> CompiledMechanics:
    """Turn a particle's Lagrangian into NumPy functions with common subexpressions shared.

    Arguments:
        lagrangian: the Lagrangian; every symbol is time, a coordinate, a velocity or one of `constants`.
        space: the jet space that it is written in.
        dissipation: the Rayleigh function D(q, v); its gradient in v is taken off the force.
        forces: generalised forces Q(t, q, v) by coordinate, which are added to it.
        constants: symbols whose values come with each call, in this order.

    Raises:
        InputError: a symbol has no value, or the Lagrangian is a field's or of second order.

    >>> space = JetSpace(("q",))
    >>> (q,), (v,) = space.positions, space.velocities
    >>> mechanics = compile_mechanics(v**2 / 2 - q**2 / 2, space)
    >>> mechanics.acceleration(0.0, np.array([[2.0]]), np.array([[0.0]]))
    array([[-2.]])
    """
    arguments = (*space.base_symbols, *space.positions, *space.velocities, *constants)
    applied = applied_forces(space, dissipation, forces)
    check_symbols(sp.sympify(lagrangian).free_symbols | applied.free_symbols, arguments, space)
    n = len(space.fields)
    rows = mass_matrix(lagrangian, space).tolist()
    return CompiledMechanics(
        coordinates=space.fields,
        constants=tuple(symbol.name for symbol in constants),
        _arguments=arguments,
        _mass=[rows[i][j] for i in range(n) for j in range(i, n)],
        _force=(force_vector(lagrangian, space) + applied).flat(),
        _energy=energy(lagrangian, space),
    )


def check_symbols(symbols: Set[sp.Basic], arguments: Sequence[sp.Symbol], space: JetSpace) -> None:
    """Refuse a field, and symbols that get no value.

    Arguments:
        symbols: what the formulas hold.
        arguments: the symbols whose values are given.
        space: must be a particle's.

    Raises:
        InputError: the base is more than time, or a symbol is not among the arguments; the message names it.
    """
    if len(space.base) != 1:
        msg = f"expected a particle, whose base is time alone; got the base ({', '.join(space.base)})"
        raise InputError(msg)
    unknown = sorted(str(symbol) for symbol in symbols - set(arguments))
    if unknown:
        msg = f"no value for {', '.join(unknown)}: expected functions of {', '.join(map(str, arguments))}"
        raise InputError(msg)


def _closed_solve(mass: list[sp.Expr], force: list[sp.Expr]) -> list[sp.Expr] | None:
    """M^-1 f for one or two coordinates, `mass` being M's upper triangle; None beyond, and where M is singular."""
    if len(force) > CLOSED_SOLVE:
        return None
    if len(force) == 1:
        return None if mass[0] == 0 else [force[0] / mass[0]]
    m11, m12, m22 = mass
    determinant = m11 * m22 - m12**2
    if determinant == 0:
        return None
    return [(m22 * force[0] - m12 * force[1]) / determinant, (m11 * force[1] - m12 * force[0]) / determinant]


def solve_samples(
    mass: Float[np.ndarray, "samples n n"], force: Float[np.ndarray, "samples n"]
) -> Float[np.ndarray, "samples n"]:
    """Solve M a = f for every sample; not a number where M is singular."""
    try:
        return np.linalg.solve(mass, force[:, :, None])[:, :, 0]
    except np.linalg.LinAlgError:
        result = np.full(force.shape, np.nan)
        with np.errstate(all="ignore"):
            regular = np.linalg.det(mass) != 0.0
        result[regular] = np.linalg.solve(mass[regular], force[regular][:, :, None])[:, :, 0]
        return result


def _lambdify(arguments: tuple[sp.Symbol, ...], expressions: list[sp.Expr]) -> Columns:
    # NumPy's own square root and so on: a formula such as sqrt(2) that stays symbolic would come back as an object.
    printer = _ProductPrinter({"fully_qualified_modules": False, "inline": True})
    # The docstring that nobody reads would take a tenth of the time.
    return sp.lambdify(arguments, expressions, modules="numpy", printer=printer, cse=True, docstring_limit=0)


class _ProductPrinter(NumPyPrinter):
    """Prints small integer powers of a symbol as products."""

    def _print_Pow(self, expr: sp.Pow, rational: bool = False) -> str:  # noqa: N802 (the name that SymPy calls)
        base, exponent = expr.args
        if base.is_Symbol and exponent.is_Integer and 2 < abs(int(exponent)) <= PRODUCT_POWERS:
            product = "*".join([self._print(base)] * abs(int(exponent)))
            return f"({product})" if exponent > 0 else f"(1.0/({product}))"
        return super()._print_Pow(expr, rational=rational)
