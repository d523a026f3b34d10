"""The fast, linear part of fields in motion, solved exactly, so that no step has to follow the shortest waves.

The quadratic part of a density about a uniform state, with c the second derivatives of L there, moves as

    M u_tt = - K u,   K = - sum_(I,J) D_I^T W c_IJ D_J,

or, where L is linear in u_t, as G u_t = - K u with G antisymmetric. Modes of these are followed in closed form; what
is left of the density is integrated in their frame (an integrating factor: J. D. Lawson, SIAM Journal on Numerical
Analysis 4 (1967) 372).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
import sympy as sp
from scipy.sparse.csgraph import connected_components

from lagsym.evolution.density import TIME, GridDensity, Key

ROUNDING = 1e-12
"""Relative size of an entry of a matrix that is zero but for rounding."""
NORMAL = 1e-8
"""Relative size of what is not diagonal, from which on a matrix has no orthogonal modes."""


@dataclass(frozen=True, eq=False)
class Quadratic:
    """The quadratic part of a density, over the grid's basis for each field in turn.

    Arguments:
        density: as a formula.
        stiffness: K.
        gyration: G, of products of a rate with what is no rate.
    """

    density: sp.Expr
    stiffness: np.ndarray
    gyration: np.ndarray


def quadratic_part(problem: GridDensity, state: np.ndarray, *, rates: bool) -> Quadratic:
    """The quadratic part in the fields and their derivatives along space, at a uniform state.

    Arguments:
        problem: the density.
        state: value of each field.
        rates: whether the products of a rate with anything but a rate belong to it.
    """
    keys = [*problem.spatial, *((i, (TIME,)) for i in range(len(state)) if rates)]
    size = len(state) * problem.grid.basis.shape[1]
    density, stiffness, gyration = sp.S.Zero, np.zeros((size, size)), np.zeros((size, size))
    for one, other in itertools.combinations_with_replacement(keys, 2):
        c = 0.0 if TIME in one[1] else _second_derivative(problem, one, other, state)
        if c == 0:
            continue
        share = sp.Rational(1, 2) if one == other else sp.S.One
        density += share * sp.Float(c, 17) * problem.space.symbol(*one) * problem.space.symbol(*other)
        block = c * _form(problem, one, other, len(state))
        if TIME in other[1]:
            gyration += block.T - block
        else:
            stiffness -= block if one == other else block + block.T
    return Quadratic(density, stiffness, gyration)


def _second_derivative(problem: GridDensity, one: Key, other: Key, state: np.ndarray) -> float:
    second = sp.diff(problem.lagrangian, problem.space.symbol(*one), problem.space.symbol(*other))
    value = value_at_rest(problem, second, state)
    return 0.0 if value is None else value


def value_at_rest(problem: GridDensity, formula: sp.Expr, state: np.ndarray) -> float | None:
    """A formula at the uniform state at rest, at the origin of time and space; None where it is no number there."""
    here: Any = dict.fromkeys(formula.free_symbols, sp.S.Zero)
    here |= {symbol: sp.Float(value, 17) for symbol, value in zip(problem.space.positions, state, strict=True)}
    value: Any = formula.xreplace(here)
    return float(value) if value.is_real and value.is_finite else None


def _form(problem: GridDensity, one: Key, other: Key, n: int) -> np.ndarray:
    """D_I^T W D_J between two fields; a rate counts as its field."""
    grid = problem.grid
    left, right = (grid.basis_derivative([mu - 1 for mu in key[1] if mu != TIME]) for key in (one, other))
    place = np.zeros((n, n))
    place[one[0], other[0]] = 1.0
    return np.kron(place, left.T * grid.weights.ravel() @ right)


@dataclass(frozen=True, eq=False)
class Oscillators:
    """Modes with u_tt = - omega^2 u: states (2, runs, modes) of amplitudes and their rates."""

    omega: np.ndarray

    def forward(self, state: np.ndarray, t: float) -> np.ndarray:
        """Where the modes are after the time t."""
        phase = self.omega * t
        cosine, sine = np.cos(phase), np.sinc(phase / np.pi) * t
        u, v = state
        return np.stack([cosine * u + sine * v, cosine * v - self.omega * np.sin(phase) * u])


@dataclass(frozen=True, eq=False)
class Rotations:
    """Modes with u_t = i omega u: states (1, runs, modes), complex."""

    omega: np.ndarray

    def forward(self, state: np.ndarray, t: float) -> np.ndarray:
        """Where the modes are after the time t."""
        return np.exp(1j * self.omega * t) * state


def oscillating_modes(stiffness: np.ndarray, mass: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Squares of the frequencies, and modes with Q^T M Q = 1; None where M is not positive, up to a common sign.

    Waves that do not belong together are solved apart, as slow ones would drown in the rounding of the fast ones.
    """
    sign = np.sign(mass[0, 0])
    size = np.sqrt(np.abs(np.diag(stiffness)))
    linked = (np.abs(stiffness) > ROUNDING * np.outer(size, size)) | (np.abs(mass) > ROUNDING * np.abs(mass).max())
    count, labels = connected_components(linked, directed=False)
    squares, modes = np.zeros(len(mass)), np.zeros(mass.shape)
    for label in range(count):
        own = np.flatnonzero(labels == label)
        block = np.ix_(own, own)
        try:
            squares[own], modes[block] = scipy.linalg.eigh(sign * stiffness[block], sign * mass[block])
        except np.linalg.LinAlgError:
            return None
    return squares, modes


def rotating_modes(rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Complex rates and orthogonal modes of u_t = B u; no rates where B has no such modes."""
    decomposed: Any = scipy.linalg.schur(rates, output="complex")
    triangle, modes = decomposed
    values = np.diag(triangle)
    if np.abs(triangle - np.diag(values)).max() > NORMAL * max(float(np.abs(values).max()), 1e-300):
        return np.zeros(len(rates), complex), np.eye(len(rates), dtype=complex)
    return values, modes
