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

from lagsym.evolution.density import TIME, GridDensity, Key

LARGEST = 600
"""Most values on a grid for which modes are sought; larger ones are of two directions, whose waves are not as short."""
NORMAL = 1e-8
"""Relative size of what is not diagonal, from which on a matrix has no orthogonal modes."""


@dataclass(frozen=True, eq=False)
class Quadratic:
    """The quadratic part of a density.

    Arguments:
        density: as a formula.
        stiffness: K over the fields and nodes, field by field.
        gyration: G, of what holds a rate and no other rate.
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
    pairs = itertools.combinations_with_replacement(keys, 2)
    wanted = [(one, other) for one, other in pairs if not (TIME in one[1] and TIME in other[1])]
    size = len(state) * problem.grid.weights.size
    quadratic, stiffness, gyration = sp.S.Zero, np.zeros((size, size)), np.zeros((size, size))
    for one, other in wanted:
        c = _second_derivative(problem, one, other, state)
        if c == 0:
            continue
        share = sp.Rational(1, 2) if one == other else sp.S.One
        quadratic += share * c * problem.space.symbol(*one) * problem.space.symbol(*other)
        block = float(c) * _form(problem, one, other, len(state))
        if TIME in other[1]:
            gyration += block.T - block
        else:
            stiffness -= block if one == other else block + block.T
    return Quadratic(sp.sympify(quadratic), stiffness, gyration)


def _second_derivative(problem: GridDensity, one: Key, other: Key, state: np.ndarray) -> sp.Expr:
    """d2L / du_I du_J at the uniform state at rest, zero where it is no number there."""
    space = problem.space
    second = sp.diff(problem.lagrangian, space.symbol(*one), space.symbol(*other))
    here: Any = {symbol: sp.S.Zero for symbol in second.free_symbols if space.key(symbol)}
    here |= {symbol: sp.Float(value) for symbol, value in zip(space.positions, state, strict=True)}
    here |= dict.fromkeys(space.base_symbols, sp.S.Zero)
    value = second.xreplace(here)
    return value if value.is_Float or value.is_Rational else sp.S.Zero


def _form(problem: GridDensity, one: Key, other: Key, n: int) -> np.ndarray:
    """D_I^T W D_J between two fields; a rate counts as its field."""
    left, right = (problem.grid.matrix([mu - 1 for mu in key[1] if mu != TIME]) for key in (one, other))
    place = np.zeros((n, n))
    place[one[0], other[0]] = 1.0
    return np.kron(place, left.T * problem.grid.weights.ravel() @ right)


@dataclass(frozen=True, eq=False)
class Oscillators:
    """Modes with u_tt = - omega^2 u: states (2, runs, modes) of amplitudes and their rates."""

    omega: np.ndarray

    def forward(self, state: np.ndarray, t: np.ndarray | float) -> np.ndarray:
        """Where the modes are after the time t, which broadcasts against (runs, modes)."""
        phase = self.omega * t
        cosine, sine = np.cos(phase), np.sinc(phase / np.pi) * t
        u, v = state
        return np.stack([cosine * u + sine * v, cosine * v - self.omega * np.sin(phase) * u])


@dataclass(frozen=True, eq=False)
class Rotations:
    """Modes with u_t = i omega u: states (1, runs, modes), complex."""

    omega: np.ndarray

    def forward(self, state: np.ndarray, t: np.ndarray | float) -> np.ndarray:
        """Where the modes are after the time t, which broadcasts against (runs, modes)."""
        return np.exp(1j * self.omega * t) * state


def oscillating_modes(stiffness: np.ndarray, mass: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Squares of the frequencies and modes with Q^T M Q = 1; None where M is not positive, up to a common sign."""
    sign = np.sign(mass[0, 0])
    try:
        squares, modes = scipy.linalg.eigh(sign * stiffness, sign * mass)
    except np.linalg.LinAlgError:
        return None
    return squares, modes


def rotating_modes(rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Complex rates and orthogonal modes of u_t = B u; no rates where B has none."""
    triangle, modes = scipy.linalg.schur(rates, output="complex")
    values = np.diag(triangle)
    if np.abs(triangle - np.diag(values)).max() > NORMAL * max(np.abs(values).max(), 1e-300):
        return np.zeros(len(rates), complex), np.eye(len(rates), dtype=complex)
    return values, modes
