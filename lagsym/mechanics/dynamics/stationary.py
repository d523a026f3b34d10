"""Paths of stationary action: Newton's method on the discrete action, from several starts and on ever finer meshes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse.linalg import splu

from lagsym.errors import InputError
from lagsym.mechanics.dynamics.action import Action, Mesh

MOST_ELEMENTS = 64
"""Elements of the finest mesh."""
STEPS = 40
"""Most Newton steps from one start."""
SMALLEST_DAMPING = 2.0**-12
ROUNDING = 1e-13
"""A Newton step below this share of the path's size is rounding."""
SMALL_ENOUGH = 1e-10
"""A step below this share that no damping shortens is limited by the accuracy of the linear solver."""
STAGES = (0.1, 0.2, 0.35, 0.5, 0.7, 0.85)
"""Shares of the duration through which a path is continued where a straight line is too far from it."""
MODES = 3
"""Sine waves that a random start is made of."""


@dataclass(frozen=True)
class Stationary:
    """A path at which the discrete action's slope vanishes.

    Arguments:
        path: its values at the nodes, of shape (nodes, n).
        mesh: where the nodes lie.
        error: change by the last halving of the elements, relative to the path's size.
        start: what Newton's method began with.
        steps: Newton steps on all meshes.
    """

    path: np.ndarray
    mesh: Mesh
    error: float
    start: str
    steps: int


@dataclass(frozen=True)
class Search:
    """Where and how closely stationary paths are looked for.

    Arguments:
        action: what is to be stationary.
        mesh: the first and coarsest mesh.
        tolerance: of the path, relative to its size.
        starts: how many random paths are tried at last.
        seed: of these.
    """

    action: Action
    mesh: Mesh
    tolerance: float
    starts: int
    seed: int

    def between(self, ends: np.ndarray, guess: np.ndarray | None = None) -> Stationary | None:
        """The first path that is found between two positions, of shape (2, n); None without one."""
        for name, start in self._starts(ends, guess):
            found = self._refined(name, start)
            if found is not None:
                return found
        return None

    def _starts(self, ends: np.ndarray, guess: np.ndarray | None) -> Iterator[tuple[str, np.ndarray]]:
        """Paths to begin with, and what to call them."""
        if guess is not None:
            yield "guess", straight_line(ends, self.mesh, guess)
        line = straight_line(ends, self.mesh)
        yield "straight line", line
        continued = self._continued(line)
        if continued is not None:
            yield "continuation in the duration", continued
        generator = np.random.default_rng(self.seed)
        share = ((self.mesh.nodes - self.mesh.begin) / self.mesh.duration)[:, None]
        waves = np.sin(np.pi * share * np.arange(1, MODES + 1))
        size = max(float(np.abs(ends[1] - ends[0]).max()), 1.0)
        for k in range(self.starts):
            yield f"random path {k + 1}", line + size * waves @ generator.standard_normal((MODES, line.shape[1])) / 2

    def _continued(self, line: np.ndarray) -> np.ndarray | None:
        """The path of nearly the whole duration, reached through shorter ones; None where one of them is not found."""
        path = line
        for share in STAGES:
            found = newton(self.action, path, replace(self.mesh, duration=share * self.mesh.duration))
            if found is None:
                return None
            path = found[0]
        return path

    def _refined(self, name: str, guess: np.ndarray) -> Stationary | None:
        """The path on a mesh so fine that halving its elements changes nothing."""
        mesh, taken = self.mesh, 0
        found = newton(self.action, guess, mesh)
        while found is not None and mesh.elements < MOST_ELEMENTS:
            path, steps = found
            taken += steps
            finer = replace(mesh, elements=2 * mesh.elements)
            coarse = mesh.evaluate(path, finer.nodes)
            coarse[[0, -1]] = path[[0, -1]]
            mesh, found = finer, newton(self.action, coarse, finer)
            if found is not None:
                error = float(np.abs(found[0] - coarse).max()) / _size(coarse)
                if error < self.tolerance:
                    return Stationary(found[0], mesh, error, name, taken + found[1])
        return None


def straight_line(ends: np.ndarray, mesh: Mesh, guess: np.ndarray | None = None) -> np.ndarray:
    """The straight path, or the guessed one, at the nodes of a mesh, with its ends where they have to be."""
    share = ((mesh.nodes - mesh.begin) / mesh.duration)[:, None]
    line = (1 - share) * ends[0] + share * ends[1]
    if guess is None:
        return line
    guess = np.asarray(guess, float)
    if guess.ndim != 2 or guess.shape[0] < 2 or guess.shape[1] != len(ends[0]) or not np.isfinite(guess).all():
        msg = f"expected a guess of finite numbers, of shape (points, {len(ends[0])}); got shape {guess.shape}"
        raise InputError(msg)
    places = np.linspace(0, 1, len(guess))
    path = np.stack([np.interp(share[:, 0], places, column) for column in guess.T], axis=1)
    path[[0, -1]] = ends
    return path


def newton(action: Action, guess: np.ndarray, mesh: Mesh) -> tuple[np.ndarray, int] | None:
    """The path near a guess with the same ends at which the action's slope vanishes, and the steps taken."""
    path, steps = guess, 0
    while steps < STEPS:
        solve = _solver(action, path, mesh)
        step = None if solve is None else solve(action.slope(path, mesh))
        if solve is None or step is None:
            return None
        length = float(np.abs(step).max())
        if length <= ROUNDING * _size(path + step):
            return path + step, steps + 1
        damping = 1.0
        while damping > SMALLEST_DAMPING:
            tried = path + damping * step
            following = solve(action.slope(tried, mesh))
            if following is not None and np.linalg.norm(following) < (1 - damping / 4) * np.linalg.norm(step):
                break
            damping /= 2
        else:
            # Below the accuracy of the solver no step gets shorter.
            return (path + step, steps) if length < SMALL_ENOUGH * _size(path) else None
        path, steps = tried, steps + 1
    return None


def _solver(action: Action, path: np.ndarray, mesh: Mesh) -> Callable[[np.ndarray], np.ndarray | None] | None:
    """Newton's step -H^-1 g of the inner nodes for a slope g; None where there is none."""
    n = path.shape[1]
    curvature = action.curvature(path, mesh)[n:-n, n:-n]
    if not np.isfinite(curvature.data).all():
        return None
    try:
        factors = splu(curvature.tocsc())
    except RuntimeError:
        return None

    def solve(slope: np.ndarray) -> np.ndarray | None:
        step = np.zeros_like(slope)
        step[1:-1] = -factors.solve(slope[1:-1].ravel()).reshape(-1, n)
        return step if np.isfinite(step).all() else None

    return solve


def _size(path: np.ndarray) -> float:
    return float(np.abs(path).max(initial=np.finfo(float).tiny))
