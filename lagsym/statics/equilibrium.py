"""The equilibrium of hanging chains: shapes from tensions, with their derivatives, and from end points."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from jaxtyping import Float
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from lagsym.errors import InputError
from lagsym.statics.chains import Chain
from lagsym.statics.potentials import UNIFORM, CompiledPotential, compile_potential

Density = Callable[[np.ndarray], np.ndarray]
"""Density relative to the unit of weight, as a function of arc length (points,)."""
TOLERANCE = 1e-12
"""Of the integrator, relative to the chains' lengths."""
MOST_RATES = 3000
"""Evaluations of the rate from which on a chain is said to run into a singularity; some hundreds are usual,
and between one and two thousand for one twenty times as long as its span."""
STAGES = (1.0, 0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 1.0)
"""Shares of the difference from uniform gravity: the whole at once, and then in steps where that fails."""
STEPS, SMALLEST_DAMPING, CLOSED = 60, 2.0**-12, 1e-11
"""Newton steps for an end, the smallest part of one, and the gap that is no longer closed, over the length."""


class _SingularError(Exception):
    """A chain runs into a singularity: internal, never seen by callers."""


@dataclass(frozen=True)
class Shapes:
    """Chains integrated from their first points: shapes, and derivatives by first points, tensions and constants.

    It comes from `integrate_shapes`.
    """

    k: int
    _solution: Callable[[np.ndarray], np.ndarray]
    _count: int

    def points(self, chain: int, share: Float[np.ndarray, " points"]) -> Float[np.ndarray, "points 4"]:
        """(x, y, T cos theta, T sin theta) at shares of a chain's length."""
        return self._states(chain, share)[:, :, 0]

    def derivatives(self, chain: int, share: Float[np.ndarray, " points"]) -> Float[np.ndarray, "points 2 columns"]:
        """d(x, y) by the first point's (x, y, T cos theta, T sin theta) and by the k constants."""
        return self._states(chain, share)[:, :2, 1:]

    def _states(self, chain: int, share: np.ndarray) -> np.ndarray:
        states = self._solution(share).T.reshape(len(share), 4, 5 + self.k, self._count)
        return states[..., chain]


def integrate_shapes(
    potential: CompiledPotential,
    firsts: Float[np.ndarray, "chains 4"],
    lengths: Float[np.ndarray, " chains"],
    constants: Sequence[float] | np.ndarray = (),
    *,
    density: Density | None = None,
    tolerance: float = TOLERANCE,
) -> Shapes | None:
    """Integrate chains from their first points and tensions; None where one runs into a singularity.

    x' = F / |F|,   F' = rho grad phi,   F the tension as a vector

    Arguments:
        potential: per unit of weight.
        firsts: (x, y, T cos theta, T sin theta) of every chain at its beginning.
        lengths: of the chains.
        constants: of the potential.
        density: relative to the unit of weight, over arc length from the beginning; uniform without.
        tolerance: of the integrator, relative and absolute.
    """
    count, k = len(firsts), len(potential.constants)
    begin = np.zeros((4, 5 + k, count))
    begin[:, 0] = firsts.T
    begin[range(4), range(1, 5)] = 1.0

    taken = itertools.count()

    def rate(share: float, flat: np.ndarray) -> np.ndarray:
        if next(taken) > MOST_RATES:
            raise _SingularError
        state = flat.reshape(begin.shape)
        weight = np.ones(count) if density is None else density(share * lengths)
        return (lengths * _slope(potential, state, constants, weight)).ravel()

    if not np.isfinite(rate(0.0, begin.ravel())).all():
        return None
    try:
        with np.errstate(all="ignore"):
            found: Any = solve_ivp(
                rate, (0.0, 1.0), begin.ravel(), "DOP853", dense_output=True, rtol=tolerance, atol=tolerance
            )
    except _SingularError:
        return None
    if not found.success or not np.isfinite(found.y).all():
        return None
    return Shapes(k, found.sol, count)


def _slope(
    potential: CompiledPotential, state: np.ndarray, constants: Sequence[float] | np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """d/ds of the state and of its derivatives, of shape (4, 5 + k, chains)."""
    place, force = state[:2, 0], state[2:, 0]
    size = np.hypot(*force)
    along = force / size
    across = (np.eye(2)[:, :, None] - along[:, None] * along) / size
    gradient, hessian, mixed = potential.derivatives(place[0], place[1], constants)
    result = np.empty_like(state)
    result[:2, 0], result[2:, 0] = along, weight * gradient
    result[:2, 1:] = np.einsum("ijc,jkc->ikc", across, state[2:, 1:])
    result[2:, 1:] = np.einsum("ijc,jkc->ikc", hessian, state[:2, 1:])
    result[2:, 5:] += mixed
    result[2:, 1:] *= weight
    return result


def hang(
    start: Sequence[float],
    stop: Sequence[float],
    length: float,
    *,
    density: Density | None = None,
    potential: sp.Expr = UNIFORM,
    s: Float[np.ndarray, " points"] | None = None,
    name: str = "1",
) -> Chain:
    """Hang a chain between two points: the shape that it takes.

    Newton's method finds the tension at the first point with which the chain ends at the last.

    Arguments:
        start: (x, y) of the first point.
        stop: (x, y) of the last.
        length: of the chain, more than the distance between them.
        density: relative to a unit of weight, a function of arc length; uniform without.
        potential: energy per unit of weight, of the symbols `x` and `y`; uniform gravity without.
        s: arc lengths of the points that are wanted, from 0 to `length`; 201 evenly spaced ones without.
        name: of the chain.

    Raises:
        InputError: the chain is too short, its ends lie above one another, or no equilibrium was found.

    >>> chain = hang((-1.0, 0.0), (1.0, 0.0), 2 * np.sinh(1.0))  # a catenary of parameter one
    >>> bool(abs(chain.y[100] - (1 - np.cosh(1.0))) < 1e-9)
    True
    """
    ends = np.array([start, stop], float)
    labels = np.linspace(0, length, 201) if s is None else np.asarray(s, float)
    _require_hangable(ends, length, labels)
    size = np.array([length])
    force = _catenary_tension(ends, length) * _mean(density, length)
    reached: np.ndarray | None = None
    for stage in STAGES:
        mixed = compile_potential((1 - stage) * UNIFORM + stage * potential)
        found = _tension(mixed, ends, force, size, density)
        if found is not None and stage == 1.0:
            reached = found
            break
        force = force if found is None else found
    shapes = None
    if reached is not None:
        mixed = compile_potential(potential)
        shapes = integrate_shapes(mixed, np.append(ends[0], reached)[None], size, density=density)
    if shapes is None:
        msg = f"no equilibrium of chain {name} was found; take another length, or a weaker potential than {potential}"
        raise InputError(msg)
    x, y = shapes.points(0, labels / length)[:, :2].T
    return Chain(labels, x, y, name)


def _require_hangable(ends: np.ndarray, length: float, labels: np.ndarray) -> None:
    distance = float(np.linalg.norm(ends[1] - ends[0])) if ends.shape == (2, 2) else np.nan
    if not (np.isfinite(ends).all() and np.isfinite(distance) and distance < length < np.inf):
        msg = f"expected two points (x, y) closer together than the chain is long; got {ends.tolist()} and {length}"
        raise InputError(msg)
    if abs(ends[1, 0] - ends[0, 0]) < 1e-6 * length:
        msg = f"the ends of the chain lie above one another at x = {ends[0, 0]:g}, so it folds; move one of them"
        raise InputError(msg)
    if labels.ndim != 1 or not (labels.min() >= 0 and labels.max() <= length):
        msg = f"expected arc lengths between 0 and {length:g}, got {labels.min():g} to {labels.max():g}"
        raise InputError(msg)


def _mean(density: Density | None, length: float) -> float:
    return 1.0 if density is None else float(np.mean(density(np.linspace(0, length, 101))))


def _catenary_tension(ends: np.ndarray, length: float) -> Float[np.ndarray, "2"]:
    """The tension at the first point of a uniform chain in uniform gravity.

    sqrt(length^2 - height^2) = 2 a sinh(width / (2 a)),   T cos theta = a,   T sin theta = (height coth - length) / 2
    """
    width, height = ends[1] - ends[0]
    slack = np.sqrt(length**2 - height**2) / abs(width)
    # sinh(z) / z = slack; the bracket holds the root, as sinh(z) / z lies between 1 + z^2 / 6 and e^z.
    z: Any = brentq(lambda z: np.sinh(z) / z - slack, np.log(slack) / 2, np.sqrt(6 * (slack - 1)) + 1e-9)
    a = width / (2 * z)
    return np.array([a, (height / np.tanh(z) - length) / 2])


def _tension(
    potential: CompiledPotential, ends: np.ndarray, guess: np.ndarray, size: np.ndarray, density: Density | None
) -> np.ndarray | None:
    """The first point's tension with which the chain ends where it has to; None where Newton's method finds none."""
    last = np.ones(1)

    def gap(force: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        shapes = integrate_shapes(potential, np.append(ends[0], force)[None], size, density=density)
        if shapes is None:
            return None
        return shapes.points(0, last)[0, :2] - ends[1], shapes.derivatives(0, last)[0, :, 2:4]

    force, now = guess, gap(guess)
    for _ in range(STEPS):
        if now is None or np.linalg.norm(now[0]) < CLOSED * size[0]:
            break
        step = np.linalg.lstsq(now[1], -now[0], rcond=None)[0]
        damping = 1.0
        while damping > SMALLEST_DAMPING:
            tried = gap(force + damping * step)
            if tried is not None and np.linalg.norm(tried[0]) < (1 - damping / 4) * np.linalg.norm(now[0]):
                break
            damping /= 2
        else:
            return None
        force, now = force + damping * step, tried
    return force if now is not None and np.linalg.norm(now[0]) < CLOSED * size[0] else None
