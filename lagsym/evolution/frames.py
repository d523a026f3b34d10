"""Frames that move with the linear part of a density, in which only the rest of it is left to integrate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import sympy as sp

from lagsym.errors import InputError
from lagsym.evolution.density import Applied, GridDensity, density_on
from lagsym.evolution.flow import (
    ROUNDING,
    Oscillators,
    Quadratic,
    Rotations,
    oscillating_modes,
    quadratic_part,
    rotating_modes,
    value_at_rest,
)

LARGEST = 600
"""Most values on a grid for which modes are sought; larger ones are of two directions, whose waves are not as short."""


@dataclass(frozen=True)
class Turns:
    """A motion in which drifts and kicks take turns.

    Arguments:
        drift: the state after a time without a kick.
        kick: how fast the state changes at a time, were there no drift.
    """

    drift: Callable[[np.ndarray, float], np.ndarray]
    kick: Callable[[float, np.ndarray], np.ndarray]


class Frame(Protocol):
    """How states that are integrated stand for fields on a grid."""

    @property
    def at_rest(self) -> bool:
        """Whether nothing moves in the frame."""
        ...

    def start(self, t: float, u: np.ndarray, u_t: np.ndarray) -> np.ndarray:
        """The state of fields and rates (n, runs, *nodes) at a time."""
        ...

    def rate(self, t: float, state: np.ndarray) -> np.ndarray:
        """How fast the state changes."""
        ...

    def fields(self, t: float, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Fields and rates of a state."""
        ...

    @property
    def turns(self) -> Turns | None:
        """Drifts and kicks that make up the motion, or None where it does not come apart."""
        ...


def frame_of(problem: GridDensity, u: np.ndarray) -> Frame:
    """The frame of a density, about the mean of the initial fields u (n, runs, *nodes).

    Raises:
        InputError: the accelerations do not follow from the density.
    """
    state = u.reshape(len(u), -1).mean(axis=1)
    if problem.mass.is_zero_matrix:
        return _rotating(problem, state)
    if sp.simplify(sp.sympify(problem.mass.det())) == 0:
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
        density: what accelerates in the frame.
        flow: the oscillators.
        modes: Q, over the fields and nodes.
        weighted: Q^T M, with M taken as positive.
        lift: smooth fields with the given values at the ends.
        push: modal acceleration by the given nodes.
        pull: modal acceleration over amplitude that is not the flow's.
    """

    density: GridDensity
    flow: Oscillators
    modes: np.ndarray
    weighted: np.ndarray
    lift: np.ndarray
    push: np.ndarray
    pull: np.ndarray

    @property
    def at_rest(self) -> bool:
        """Whether all is quadratic and stable, without given values that push."""
        applied = self.density.applied
        linear = not (self.density.spatial or applied.forces or applied.dissipation)
        return linear and not self.pull.any() and not self.push.any()

    def start(self, t: float, u: np.ndarray, u_t: np.ndarray) -> np.ndarray:
        """Amplitudes and rates (2, runs, modes)."""
        return self.flow.forward(np.stack([self._to_modes(u - self.lift), self._to_modes(u_t)]), -t)

    def rate(self, t: float, state: np.ndarray) -> np.ndarray:
        """What the flow leaves out, carried back to the start."""
        z, w = self.flow.forward(state, t)
        accelerations = self.density.accelerations(t, self.lift + self._from_modes(z), self._from_modes(w))
        change = self._to_modes(accelerations) + self.push + self.pull * z
        return self.flow.forward(np.stack([np.zeros_like(change), change]), -t)

    def fields(self, t: float, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Fields and rates (n, runs, *nodes)."""
        z, w = self.flow.forward(state, t)
        return self.lift + self._from_modes(z), self._from_modes(w)

    @property
    def turns(self) -> Turns | None:
        """The frame drifts by itself; what pushes in it depends on the fields, which no kick changes."""
        return Turns(lambda state, time: state, self.rate) if self.density.separable else None

    def _to_modes(self, u: np.ndarray) -> np.ndarray:
        return _flat(u) @ self.weighted.T

    def _from_modes(self, z: np.ndarray) -> np.ndarray:
        return _unflat(z @ self.modes.T, self.lift.shape)


@dataclass(frozen=True, eq=False)
class PlainFrame:
    """Of fields as they are, for grids that are too large for modes, and masses that have none.

    Arguments:
        density: the whole of it.
        lift: smooth fields with the given values at the ends.
    """

    density: GridDensity
    lift: np.ndarray

    @property
    def at_rest(self) -> bool:
        """Never known here."""
        return False

    def start(self, t: float, u: np.ndarray, u_t: np.ndarray) -> np.ndarray:
        """Fields and rates (2, n, runs, *nodes)."""
        del t
        return np.stack([u - self.lift, u_t])

    def rate(self, t: float, state: np.ndarray) -> np.ndarray:
        """Rates and accelerations."""
        u, u_t = state
        return np.stack([u_t, self.density.accelerations(t, self.lift + u, u_t) * self.density.grid.free])

    def fields(self, t: float, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Fields and rates (n, runs, *nodes)."""
        return self.lift + state[0], state[1]

    @property
    def turns(self) -> Turns | None:
        """Fields drift at their rates, and kicks change the rates."""
        return Turns(self._drift, self._kick) if self.density.separable else None

    def _drift(self, state: np.ndarray, time: float) -> np.ndarray:
        return np.stack([state[0] + time * state[1], state[1]])

    def _kick(self, t: float, state: np.ndarray) -> np.ndarray:
        change = self.rate(t, state)
        change[0] = 0.0
        return change


def _oscillating(problem: GridDensity, state: np.ndarray, u: np.ndarray) -> Frame:
    grid, n = problem.grid, len(state)
    lift = grid.between_ends(u)
    if n * grid.weights.size > LARGEST:
        return PlainFrame(problem, lift)
    mass = _mass_at(problem, state)
    quadratic = quadratic_part(problem, state, rates=False)
    weights = np.kron(mass, (grid.basis.T * grid.weights.ravel()))
    basis = np.kron(np.eye(n), grid.basis)
    found = oscillating_modes(quadratic.stiffness, weights @ basis)
    if found is None:
        return PlainFrame(problem, lift)
    squares, modes = found
    flow = Oscillators(np.sqrt(np.maximum(squares, 0.0)))
    # A density may be negative as a whole; its modes are those of the opposite.
    modes, weighted = basis @ modes, np.sign(mass[0, 0]) * modes.T @ weights
    if problem.constant_mass is None:
        return SecondOrderFrame(problem, flow, modes, weighted, lift, np.zeros(1), flow.omega**2)
    unstable = np.where(squares < -ROUNDING * np.abs(squares).max(), squares, 0.0)
    given = density_on(quadratic.density, problem.space, grid, Applied()).force(0.0, lift, np.zeros_like(lift))
    push = _flat(np.tensordot(np.linalg.inv(mass), given, axes=1)) @ weighted.T
    return SecondOrderFrame(_rest(problem, quadratic), flow, modes, weighted, lift, push, -unstable)


def _flat(u: np.ndarray) -> np.ndarray:
    """Fields (n, runs, *nodes) as one row for each run."""
    return np.swapaxes(u, 0, 1).reshape(u.shape[1], -1)


def _unflat(rows: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Rows as fields of a shape (n, runs, *nodes)."""
    return rows.reshape(shape[1], shape[0], *shape[2:]).swapaxes(0, 1)


def _mass_at(problem: GridDensity, state: np.ndarray) -> np.ndarray:
    """M (n, n) at the uniform state at rest; the unit matrix where it is no number there."""
    values = [value_at_rest(problem, entry, state) for entry in problem.mass.flat()]
    if any(value is None for value in values):
        return np.eye(len(state))
    return np.array(values, float).reshape(len(state), len(state))


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

    def start(self, t: float, u: np.ndarray, u_t: np.ndarray) -> np.ndarray:
        """Amplitudes (1, runs, modes); the rates follow from the fields."""
        return self.flow.forward((_flat(u) @ self.modes.conj())[None], -t)

    def rate(self, t: float, state: np.ndarray) -> np.ndarray:
        """What the rest of the density adds, carried back to the start."""
        z = self.flow.forward(state, t)
        change = self._driven(t, self._from_modes(z)) @ self.modes.conj() + self.growth * z
        return self.flow.forward(change, -t)

    def fields(self, t: float, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Fields and rates (n, runs, *nodes)."""
        z = self.flow.forward(state, t)
        u = self._from_modes(z)
        return u, self._from_modes((1j * self.flow.omega + self.growth) * z) + _unflat(self._driven(t, u), u.shape)

    @property
    def turns(self) -> None:
        """None: fields are their own momenta."""
        return

    def _driven(self, t: float, u: np.ndarray) -> np.ndarray:
        return _flat(self.rest.force(t, u, np.zeros_like(u))) @ self.inverse.T

    def _from_modes(self, z: np.ndarray) -> np.ndarray:
        shape = (len(self.rest.space.fields), z.shape[1], *self.rest.grid.shape)
        return _unflat(np.real(z[0] @ self.modes.T), shape)


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
    basis = np.kron(np.eye(len(state)), problem.grid.basis)
    inverse = np.linalg.pinv(quadratic.gyration, rcond=1e-10)
    values, modes = rotating_modes(-inverse @ quadratic.stiffness)
    inverse, modes = basis @ inverse @ basis.T, basis @ modes
    weights = np.tile(problem.grid.weights.ravel(), len(state))
    return FirstOrderFrame(rest, Rotations(np.imag(values)), modes, np.real(values), inverse * weights)
