"""A density put on a grid: the equations of motion of the sum over its nodes.

    sum_j w_j L(u_j, (u_t)_j, (D u)_j, ...) ->  M u_tt = F
    F = sum_I D_I^* dL/du_I - (d/dt dL/du_t without u_tt) + Q - dD/du_t,   D^* = W^-1 D^T W

with I over the derivatives along space. The grid's Lagrangian does not hold time, so its energy is conserved exactly,
however coarse the grid is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from lagsym.errors import InputError
from lagsym.evolution.grid import Grid
from lagsym.mechanics.calculus import total_derivative
from lagsym.mechanics.dynamics.numeric import solve_samples
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.symmetry.densities import energy_density

TIME = 0
Key = tuple[int, tuple[int, ...]]


@dataclass(frozen=True)
class Applied:
    """What acts on fields beside their Lagrangian: E + Q - dD/du_t = 0.

    Arguments:
        dissipation: the Rayleigh function D(u, u_t), per unit of length or area.
        forces: generalised forces Q(t, x, u, u_t) by field.
    """

    dissipation: sp.Expr = sp.S.Zero
    forces: Mapping[str, sp.Expr] = field(default_factory=dict)


class JetFunctions:
    """Formulas over jets as functions of fields on a grid.

    Arguments:
        formulas: any number of expressions in the symbols of `space`, with u_tt nowhere.
        space: their jet space.
        grid: where the derivatives along space are taken.

    Raises:
        InputError: a symbol has no value; the message names it.
    """

    def __init__(self, formulas: Sequence[sp.Expr], space: JetSpace, grid: Grid) -> None:
        held = set[Any]().union(*(formula.free_symbols for formula in formulas))
        self._grid = grid
        symbols: Any = sorted(held, key=str)
        self._keys = [key for key in map(space.key, symbols) if key]
        arguments = (*space.base_symbols, *(space.symbol(*key) for key in self._keys))
        unknown = sorted(str(symbol) for symbol in held - set(arguments))
        if unknown:
            msg = f"no value for {', '.join(unknown)}: expected a density of base coordinates, fields and derivatives"
            raise InputError(msg)
        self._function = sp.lambdify(arguments, list(formulas), modules="numpy", cse=True, docstring_limit=0)

    def __call__(self, t: float | np.ndarray, u: np.ndarray, u_t: np.ndarray) -> list[np.ndarray]:
        """The values for fields and rates of shape (n, ..., *nodes)."""
        jets = [self._jet(key, u, u_t) for key in self._keys]
        with np.errstate(all="ignore"):
            values = self._function(t, *self._grid.places, *jets)
        return [np.broadcast_to(value, u.shape[1:]) for value in values]

    def _jet(self, key: Key, u: np.ndarray, u_t: np.ndarray) -> np.ndarray:
        """The derivative, from the rates where time is among the directions."""
        i, index = key
        source = u_t if TIME in index else u
        return self._grid.differentiate(source[i], [mu - 1 for mu in index if mu != TIME])


@dataclass(frozen=True, eq=False)
class GridDensity:
    """A density with the numbers of its constants on a grid, from `density_on`."""

    lagrangian: sp.Expr
    space: JetSpace
    grid: Grid
    applied: Applied

    @cached_property
    def spatial(self) -> tuple[Key, ...]:
        """Fields and derivatives along space that the density holds."""
        return tuple(key for key in _keys(self.lagrangian, self.space) if TIME not in key[1])

    @cached_property
    def mass(self) -> sp.Matrix:
        """M = d2L / du_t du_t."""
        rates = self.space.velocities
        return sp.Matrix([[sp.expand(sp.diff(self.lagrangian, one, other)) for other in rates] for one in rates])

    @cached_property
    def constant_mass(self) -> np.ndarray | None:
        """M (n, n) where it is the same everywhere and always."""
        return None if self.mass.free_symbols else np.array(self.mass.tolist(), float)

    @cached_property
    def separable(self) -> bool:
        """Whether M is constant, and F depends on neither rates nor time: L = T(u_t) - V(u), without friction."""
        momenta = [sp.diff(self.lagrangian, self.space.symbol(*key)) for key in self.spatial]
        acting = [*map(self._pointwise, range(len(self.space.fields))), *momenta]
        held = set[Any]().union(*(sp.expand(formula).free_symbols for formula in acting))
        rates = {*self.space.velocities, self.space.base_symbols[0]}
        return self.constant_mass is not None and not held & rates

    @cached_property
    def energies(self) -> JetFunctions:
        """The energy density at the nodes."""
        return JetFunctions([energy_density(self.lagrangian, self.space)], self.space, self.grid)

    def force(self, t: float, u: np.ndarray, u_t: np.ndarray) -> np.ndarray:
        """F (n, runs, *nodes)."""
        values = self._force_functions(t, u, u_t)
        result = np.stack(values[: len(u)]).astype(float)
        for (i, index), momentum in zip(self.spatial, values[len(u) :], strict=True):
            result[i] += self.grid.differentiate(momentum, [mu - 1 for mu in index], adjoint=True)
        return result

    def accelerations(self, t: float, u: np.ndarray, u_t: np.ndarray) -> np.ndarray:
        """M^-1 F, of shape (n, runs, *nodes)."""
        force = self.force(t, u, u_t)
        if self.constant_mass is not None:
            return np.tensordot(np.linalg.inv(self.constant_mass), force, axes=1)
        n = len(u)
        mass = np.moveaxis(np.stack(self._mass_functions(t, u, u_t)).reshape(n, n, -1), -1, 0)
        return solve_samples(mass, force.reshape(n, -1).T).T.reshape(u.shape)

    @cached_property
    def _force_functions(self) -> JetFunctions:
        momenta = [sp.diff(self.lagrangian, self.space.symbol(*key)) for key in self.spatial]
        pointwise = [self._pointwise(i) for i in range(len(self.space.fields))]
        return JetFunctions([*pointwise, *momenta], self.space, self.grid)

    @cached_property
    def _mass_functions(self) -> JetFunctions:
        return JetFunctions(self.mass.flat(), self.space, self.grid)

    def _pointwise(self, i: int) -> sp.Expr:
        """What acts on field i at each node by itself: - (d/dt dL/du_t without u_tt) + Q - dD/du_t."""
        rate = self.space.velocities[i]
        still: Any = dict.fromkeys(self.space.accelerations, sp.S.Zero)
        change = total_derivative(sp.diff(self.lagrangian, rate), self.space, TIME).xreplace(still)
        pushed = sp.sympify(self.applied.forces.get(self.space.fields[i], 0))
        return pushed - sp.diff(self.applied.dissipation, rate) - change


def density_on(lagrangian: sp.Expr, space: JetSpace, grid: Grid, applied: Applied) -> GridDensity:
    """Check that a density can be put on a grid.

    Raises:
        InputError: it is no field's, holds a second derivative over time or with it, or derivatives beyond the second.
    """
    if len(space.base) < 2:
        msg = f"expected a field over time and space, got the base ({', '.join(space.base)})"
        raise InputError(msg)
    refused = [
        space.symbol(*key).name
        for key in _keys(lagrangian, space)
        if len(key[1]) > 2 or (TIME in key[1] and len(key[1]) > 1)
    ]
    if refused:
        msg = (
            "expected a density of u, u_t and derivatives along space up to the second, to follow it in time; got "
            f"{', '.join(refused)}"
        )
        raise InputError(msg)
    return GridDensity(lagrangian, space, grid, applied)


def _keys(formula: sp.Expr, space: JetSpace) -> list[Key]:
    symbols: Iterable[Any] = sorted(formula.free_symbols, key=str)
    return [key for key in map(space.key, symbols) if key]
