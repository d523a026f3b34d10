"""Frames that move with the linear part of a density, in which only the rest of it is left to integrate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import sympy as sp

from lagsym.errors import InputError
from lagsym.evolution.density import GridDensity, density_on
from lagsym.evolution.flow import (
    LARGEST,
    Oscillators,
    Quadratic,
    Rotations,
    oscillating_modes,
    quadratic_part,
    rotating_modes,
)

ROUNDING = 1e-13
"""Squares of frequencies below zero by less than this share of the largest are zero."""


class Frame(Protocol):
    """How states that are integrated stand for fields on a grid."""

    @property
    def at_rest(self) -> bool:
        """Whether nothing moves in the frame."""
        ...

    def start(self, u: np.ndarray, u_t: np.ndarray) -> np.ndarray:
        """The state of fields and rates (n, runs, *nodes)."""
        ...

    def rate(self, t: float, state: np.ndarray) -> np.ndarray:
        """How fast the state changes."""
        ...

    def fields(self, t: float, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Fields and rates of a state."""
        ...


def frame_of(problem: GridDensity, u: np.ndarray) -> Frame:
    """The frame of a density, about the mean of the initial fields u (n, runs, *nodes).

    Raises:
        InputError: the accelerations do not follow from the density.
    """
    state = u.reshape(len(u), -1).mean(axis=1)
    if problem.mass.is_zero_matrix:
        return _rotating(problem, state)
    if sp.simplify(problem.mass.det()) == 0:
        msg = (
            "expected a density that is quadratic or linear in the rates of all fields; this one leaves some "
            "accelerations open (det d2L/du_t du_t = 0)"
        )
        raise InputError(msg)
    return _oscillating(problem, state, u)


def _rest(problem: GridDensity, quadratic: Quadratic) -> GridDensity:
    rest = sp.expand(problem.lagrangian - quadratic.density)
    return density_on(rest, problem.space, problem.grid, problem.applied)


@dataclass(frozen=True, eq=False)
class SecondOrderFrame:
    """Of a density with accelerations: amplitudes of oscillators and their rates.

    Arguments:
        rest: the density without its quadratic part.
        flow: the oscillators.
        modes: Q, over the fields at the free nodes; None for these themselves.
        weighted: Q^T M.
        unstable: squares of frequencies below zero, which are not part of the flow.
        lift: fields at the given nodes, nought at the free ones.
        pull: K of the free nodes by all, over the weights; None where the density has a constant M.
        push: modal acceleration by the given nodes.
    """

    rest: GridDensity
    flow: Oscillators
    modes: np.ndarray | None
    weighted: np.ndarray | None
    unstable: np.ndarray
    lift: np.ndarray
    pull: np.ndarray | None
    push: np.ndarray | float

    @property
    def at_rest(self) -> bool:
        """Whether all is quadratic and stable, without given values that push."""
        applied = self.rest.applied
        linear = not (self.rest.spatial or applied.forces or applied.dissipation) and self.pull is None
        return linear and not self.unstable.any() and not np.any(self.push)

    def start(self, u: np.ndarray, u_t: np.ndarray) -> np.ndarray:
        """Amplitudes and rates (2, runs, modes)."""
        return np.stack([self._to_modes(u - self.lift), self._to_modes(u_t)])

    def rate(self, t: float, state: np.ndarray) -> np.ndarray:
        """What the rest of the density adds, carried back to the start."""
        z, w = self.flow.forward(state, t)
        u, u_t = self.lift + self._from_modes(z), self._from_modes(w)
        if self.pull is None:
            change = self._to_modes(self.rest.accelerations(t, u, u_t)) + self.push - self.unstable * z
        else:
            pulled = -(_flat(u) @ self.pull.T).reshape(u.shape[1], len(u), *u.shape[2:]).swapaxes(0, 1)
            change = self._to_modes(self.rest.accelerations(t, u, u_t, pulled)) + self.flow.omega**2 * z
        return self.flow.forward(np.stack([np.zeros_like(change), change]), -t)

    def fields(self, t: float, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Fields and rates (n, runs, *nodes)."""
        z, w = self.flow.forward(state, t)
        return self.lift + self._from_modes(z), self._from_modes(w)

    def _to_modes(self, u: np.ndarray) -> np.ndarray:
        free = np.swapaxes(u[..., self.rest.grid.free], 0, 1).reshape(u.shape[1], -1)
        return free if self.weighted is None else free @ self.weighted.T

    def _from_modes(self, z: np.ndarray) -> np.ndarray:
        free = z if self.modes is None else z @ self.modes.T
        u = np.zeros_like(self.lift)
        u[..., self.rest.grid.free] = np.swapaxes(free.reshape(len(z), len(u), -1), 0, 1)
        return u


def _oscillating(problem: GridDensity, state: np.ndarray, u: np.ndarray) -> SecondOrderFrame:
    free = np.tile(problem.grid.free.ravel(), len(state))
    lift = np.where(problem.grid.free, 0.0, u)
    found = None
    if len(free) <= LARGEST:
        quadratic = quadratic_part(problem, state, rates=False)
        mass = np.kron(_mass_at(problem, state), np.diag(problem.grid.weights.ravel()))
        found = oscillating_modes(quadratic.stiffness[np.ix_(free, free)], mass[np.ix_(free, free)])
    if found is None:
        still = np.zeros(int(free.sum()))
        return SecondOrderFrame(problem, Oscillators(still), None, None, still, lift, None, 0.0)
    squares, modes = found
    flow = Oscillators(np.sqrt(np.maximum(squares, 0.0)))
    weighted = modes.T @ mass[np.ix_(free, free)]
    unstable = np.where(squares < -ROUNDING * np.abs(squares).max(), squares, 0.0)
    rest = _rest(problem, quadratic)
    if problem.constant_mass is None:
        weights = np.tile(problem.grid.weights.ravel(), len(state))
        pull = quadratic.stiffness / weights[:, None]
        return SecondOrderFrame(rest, flow, modes, weighted, unstable, lift, pull, 0.0)
    push = -np.sign(mass[0, 0]) * (_flat(lift) @ quadratic.stiffness[free].T) @ modes
    return SecondOrderFrame(rest, flow, modes, weighted, unstable, lift, None, push)


def _flat(u: np.ndarray) -> np.ndarray:
    """Fields as one row for each run."""
    return np.swapaxes(u, 0, 1).reshape(u.shape[1], -1)


def _mass_at(problem: GridDensity, state: np.ndarray) -> np.ndarray:
    """M (n, n) at the uniform state at rest; the unit matrix where it is no number there."""
    symbols: Any = problem.mass.free_symbols
    here: Any = dict.fromkeys(symbols, sp.S.Zero)
    here |= {symbol: sp.Float(value) for symbol, value in zip(problem.space.positions, state, strict=True)}
    values = problem.mass.xreplace(here)
    if all(value.is_Float or value.is_Rational for value in values):
        return np.array(values.tolist(), float)
    return np.eye(len(state))


@dataclass(frozen=True, eq=False)
class FirstOrderFrame:
    """Of a density that is linear in the rates: complex amplitudes of rotations.

    Arguments:
        rest: the density without its quadratic part, G included.
        flow: the rotations.
        modes: Q.
        growth: real parts of the modes' rates, which are not part of the flow.
        inverse: W of the nodes through the pseudo-inverse of G.
    """

    rest: GridDensity
    flow: Rotations
    modes: np.ndarray
    growth: np.ndarray
    inverse: np.ndarray

    @property
    def at_rest(self) -> bool:
        """Whether all is quadratic and stable."""
        return not (self.rest.spatial or self.rest.applied.forces) and not self.growth.any()

    def start(self, u: np.ndarray, u_t: np.ndarray) -> np.ndarray:
        """Amplitudes (1, runs, modes); the rates follow from the fields."""
        return (_flat(u) @ self.modes.conj())[None]

    def rate(self, t: float, state: np.ndarray) -> np.ndarray:
        """What the rest of the density adds, carried back to the start."""
        z = self.flow.forward(state, t)
        change = self._driven(t, self._from_modes(z)) @ self.modes.conj() + self.growth * z
        return self.flow.forward(change, -t)

    def fields(self, t: float, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Fields and rates (n, runs, *nodes)."""
        z = self.flow.forward(state, t)
        u = self._from_modes(z)
        driven = self._driven(t, u).reshape(u.shape[1], len(u), *u.shape[2:]).swapaxes(0, 1)
        return u, self._from_modes((1j * self.flow.omega + self.growth) * z) + driven

    def _driven(self, t: float, u: np.ndarray) -> np.ndarray:
        return _flat(self.rest.force(t, u, np.zeros_like(u))) @ self.inverse.T

    def _from_modes(self, z: np.ndarray) -> np.ndarray:
        u = np.real(z[0] @ self.modes.T)
        n = len(self.rest.space.fields)
        return u.reshape(len(u), n, *self.rest.grid.shape).swapaxes(0, 1)


def _rotating(problem: GridDensity, state: np.ndarray) -> FirstOrderFrame:
    if not all(line.periodic for line in problem.grid.directions):
        msg = "expected periodic directions for a density that is linear in u_t: given ends do not decide its motion"
        raise InputError(msg)
    size = len(state) * problem.grid.weights.size
    if size > LARGEST:
        msg = f"expected at most {LARGEST} values on the grid for a density that is linear in u_t, got {size}"
        raise InputError(msg)
    quadratic = quadratic_part(problem, state, rates=True)
    rest = _rest(problem, quadratic)
    held: Any = rest.lagrangian.free_symbols | rest.applied.dissipation.free_symbols
    if held & set(problem.space.velocities):
        msg = "expected a density that is quadratic in u_t, or linear with constant coefficients; this one is neither"
        raise InputError(msg)
    # Products of resolved waves come back as waves that are not there, unless the shortest third is left out: the
    # rule of S. A. Orszag, Journal of the Atmospheric Sciences 28 (1971) 1074. The rest is Lagrangian as well.
    waves = np.kron(np.eye(len(state)), problem.grid.long_waves(2 / 3))
    inverse = np.linalg.pinv(waves.T @ quadratic.gyration @ waves, rcond=1e-10)
    values, modes = rotating_modes(-inverse @ waves.T @ quadratic.stiffness @ waves)
    inverse, modes = waves @ inverse @ waves.T, waves @ modes
    weights = np.tile(problem.grid.weights.ravel(), len(state))
    return FirstOrderFrame(rest, Rotations(values.imag), modes, values.real, inverse * weights)
