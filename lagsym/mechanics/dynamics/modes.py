"""Equilibria and normal modes of a particle, in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
import scipy.optimize
import sympy as sp
from jaxtyping import Complex, Float

from lagsym.errors import InputError
from lagsym.mechanics.dynamics.forms import Forces
from lagsym.mechanics.dynamics.linearisation import Linearisation
from lagsym.mechanics.dynamics.motion import equations_of_motion
from lagsym.mechanics.jetspace import JetSpace

TOLERANCE = 1e-10
"""Largest force left at an equilibrium, relative to the forces at the guess and to one."""
NEUTRAL = 1e-7
"""A growth below this share of the fastest rate is none: that of a double rate has lost half of its digits."""


@dataclass(frozen=True)
class NormalModes:
    """Solutions u = Re(shape exp(rate t)) of the linearised motion.

    Arguments:
        rates: growth + i frequency, those with a negative frequency left out; without damping and gyroscopic terms a
            stable motion has n of them, in the order of their frequencies.
        shapes: one column for each rate, scaled so that its largest entry is 1, of shape (n, rates).
    """

    rates: Complex[np.ndarray, " rates"]
    shapes: Complex[np.ndarray, "n rates"]

    @property
    def frequencies(self) -> Float[np.ndarray, " rates"]:
        """The angular frequencies, 0 of what does not oscillate."""
        return np.imag(self.rates)

    @property
    def growth(self) -> Float[np.ndarray, " rates"]:
        """The rates of growth, negative of what decays; what is within rounding of 0 is 0."""
        growth = np.real(self.rates)
        return np.where(np.abs(growth) > NEUTRAL * np.abs(self.rates).max(), growth, 0.0)

    @property
    def stability(self) -> str:
        """What the linearised motion says: `unstable`, `asymptotically stable`, or `neutral`, which it leaves open."""
        if (self.growth > 0).any():
            return "unstable"
        return "asymptotically stable" if (self.growth < 0).all() else "neutral"


def equilibrium(
    lagrangian: sp.Expr,
    space: JetSpace,
    guess: Mapping[str, float],
    *,
    parameters: Mapping[str, float] | None = None,
    dissipation: sp.Expr | int = 0,
    forces: Forces | None = None,
) -> dict[str, float]:
    """Find an equilibrium near a guess: where E + Q - dD/dv vanishes with all velocities and accelerations.

    Arguments:
        lagrangian: a Lagrangian of a particle.
        space: the jet space that it is written in.
        guess: the value of every coordinate by its name.
        parameters: the value of every parameter by its name.
        dissipation: the Rayleigh function D(q, v).
        forces: the generalised forces Q.

    Raises:
        InputError: a coordinate or parameter has no value, the forces depend on time, or the search fails.

    >>> space = JetSpace(("q",))
    >>> (q,), (v,) = space.positions, space.velocities
    >>> equilibrium(v**2 / 2 - (q - 1) ** 2, space, {"q": 0.5})
    {'q': 1.0}
    """
    if set(guess) != set(space.fields):
        msg = f"expected a guess for each of {', '.join(space.fields)}, got {', '.join(guess) or 'none'}"
        raise InputError(msg)
    left = equations_of_motion(lagrangian, space, dissipation=dissipation, forces=forces)
    jets = set(space.names.values()) - set(space.base_symbols) - set(space.positions)
    at_rest: Any = left.subs(dict.fromkeys(jets, 0))
    residual = _numeric(at_rest, parameters or {}, set(space.positions))
    function = sp.lambdify(space.positions, residual.flat())
    jacobian = sp.lambdify(space.positions, residual.jacobian(space.positions))
    found = _root(function, jacobian, np.array([guess[name] for name in space.fields], float))
    return {name: float(value) for name, value in zip(space.fields, found, strict=True)}


def normal_modes(system: Linearisation, parameters: Mapping[str, float] | None = None) -> NormalModes:
    """The normal modes of M a + C v + K u = 0.

    Without C and with a symmetric K they solve K u = omega^2 M u; else the generalised eigenproblem of twice the size
    in (u, v).

    Arguments:
        system: from `linearise`.
        parameters: the value of every parameter by its name.

    Raises:
        InputError: a parameter has no value, or the mass matrix is singular.

    Source: F. Tisseur and K. Meerbergen, The quadratic eigenvalue problem, SIAM Review 43 (2001), section 3.

    >>> from lagsym.mechanics.dynamics.linearisation import linearise
    >>> space = JetSpace(("q",))
    >>> (q,), (v,) = space.positions, space.velocities
    >>> modes = normal_modes(linearise(v**2 / 2 - 2 * q**2, space, {"q": 0}))
    >>> modes.frequencies, modes.stability
    (array([2.]), 'neutral')
    """
    parts = (system.mass, system.rates, system.stiffness)
    mass, rates, stiffness = (np.array(_numeric(part, parameters or {}, set()).tolist(), float) for part in parts)
    if np.linalg.cond(mass) > 1 / np.finfo(float).eps:
        msg = "expected a regular mass matrix at the equilibrium; some accelerations do not enter the equations"
        raise InputError(msg)
    scale = np.abs(stiffness).max() * np.finfo(float).eps * len(mass)
    conservative = not rates.any() and np.allclose(stiffness, stiffness.T, rtol=0.0, atol=scale)
    positive = np.allclose(mass, mass.T) and np.linalg.eigvalsh(mass).min() > 0
    return _symmetric(mass, stiffness) if conservative and positive else _general(mass, rates, stiffness)


def _symmetric(mass: np.ndarray, stiffness: np.ndarray) -> NormalModes:
    squares, shapes = scipy.linalg.eigh(stiffness, mass)
    squares = np.where(np.abs(squares) > len(mass) * np.finfo(float).eps * np.abs(squares).max(), squares, 0.0)
    oscillating, rest = squares > 0, squares <= 0
    growth = np.sqrt(-squares[rest])
    rates = np.concatenate([1j * np.sqrt(squares[oscillating]), growth, -growth])
    return NormalModes(rates, _scaled(np.hstack([shapes[:, oscillating], shapes[:, rest], shapes[:, rest]])))


def _general(mass: np.ndarray, rates: np.ndarray, stiffness: np.ndarray) -> NormalModes:
    n = len(mass)
    none, one = np.zeros((n, n)), np.eye(n)
    left, right = np.block([[none, one], [-stiffness, -rates]]), np.block([[one, none], [none, mass]])
    solution: Any = scipy.linalg.eig(left, right)
    values, vectors = (np.asarray(part, complex) for part in solution)
    frequencies = np.where(np.abs(np.imag(values)) > NEUTRAL * np.abs(values).max(), np.imag(values), 0.0)
    values = np.real(values) + 1j * frequencies
    kept = np.flatnonzero(frequencies >= 0)
    kept = kept[np.lexsort((np.real(values[kept]), frequencies[kept]))]
    return NormalModes(values[kept], _scaled(vectors[:n, kept]))


def _scaled(shapes: np.ndarray) -> np.ndarray:
    largest = np.abs(shapes).argmax(axis=0)
    return np.asarray(shapes / shapes[largest, np.arange(shapes.shape[1])], complex)


def _numeric(matrix: sp.Matrix, parameters: Mapping[str, float], variables: set[Any]) -> Any:
    """A matrix with the parameters' numbers put in."""
    free: Any = matrix.free_symbols - variables
    missing = sorted({x.name for x in free} - set(parameters))
    if missing:
        msg = f"expected a value for {', '.join(missing)}; give it in `parameters`, unless it is time or a velocity"
        raise InputError(msg)
    return matrix.subs({x: parameters[x.name] for x in free})


def _root(function: Any, jacobian: Any, start: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        first = np.asarray(function(*start), float)
        found = scipy.optimize.root(
            lambda q: np.asarray(function(*q), float), start, jac=lambda q: np.asarray(jacobian(*q), float), tol=1e-14
        )
        left = np.abs(np.asarray(function(*found.x), float)).max()
    if not left <= TOLERANCE * max(np.abs(first).max(), 1.0):
        msg = f"no equilibrium found from {start.tolist()}: forces up to {left:.3g} remain; give a closer guess"
        raise InputError(msg)
    return found.x
