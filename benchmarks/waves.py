"""Exact waves on a ring of a hundred sites, of the lattice and of the field, and what is said of models of them.

The sites are dx = 0.1 apart, and each is pulled by its neighbours,

    phi_i'' = coupling (phi_(i+1) - 2 phi_i + phi_(i-1)),

with one of two couplings: 1 / dx^2, `right`, which long waves cannot tell from phi_tt = phi_xx, or 1 / (2 dx),
`theirs`, see `wave_graph.py`: there they move with the speed sqrt(dx / 2) = 0.22 in place of 1.  Times are counted in
the time that a long wave takes once round the ring, in which both are the same motion.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from rows import Row

POINTS, MODES, DX = 100, 10, 0.1
COUPLING = {"theirs": 1 / (2 * DX), "right": 1 / DX**2}
SITES = DX * np.arange(POINTS)


def speed(case: str) -> float:
    """Of long waves."""
    return DX * COUPLING[case] ** 0.5


def crossing(case: str) -> float:
    """The time in which a long wave goes once round the ring."""
    return POINTS * DX / speed(case)


def waves(
    case: str, count: int, times: np.ndarray, seed: int, *, continuum: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Exact waves and their rates (count, times, sites) of the lattice, or of the field, from random modes.

    Of ten modes each goes right and left; times are in the case's own units.
    """
    generator, mode = np.random.default_rng(seed), np.arange(1, MODES + 1)
    wavenumber = 2 * np.pi * mode / POINTS  # per site
    frequency = COUPLING[case] ** 0.5 * (wavenumber if continuum else 2 * np.sin(wavenumber / 2))
    place = np.exp(1j * np.outer(wavenumber, np.arange(POINTS)))
    right, left = (generator.standard_normal((2, count, MODES, 2)) @ np.array([1, 1j])) / np.sqrt(MODES)
    turn = np.exp(1j * np.outer(times, frequency))
    forth, back = right[:, None] * turn.conj(), left[:, None] * turn
    return ((forth + back) @ place).real, ((1j * frequency * (back - forth)) @ place).real


def judged(path: np.ndarray, exact: np.ndarray, true: np.ndarray, own: np.ndarray | None) -> Row:
    """What a table says of a motion, by its fields and energies, times first; None where numbers end.

    Arguments:
        path: the model's fields (times, ...).
        exact: what they should be.
        true: the true energies of the model's fields (times, waves).
        own: the energies that the model keeps, likewise, or None.
    """
    error = np.sqrt(((path - exact) ** 2).mean(tuple(range(1, path.ndim)))).max() / exact.std()
    drifts = {"true_drift": drift(true), "own_drift": None if own is None else drift(own)}
    return {"error": float(error) if np.isfinite(error) else None, **drifts}


def drift(energies: np.ndarray) -> float | None:
    """The largest change of the energy of a wave (times, waves), over what waves have at the start."""
    worst = np.abs(energies - energies[0]).max() / np.abs(energies[0]).mean()
    return float(worst) if np.isfinite(worst) else None


def written(density: sp.Expr) -> str:
    """With six digits of every number."""
    return str(sp.N(density, 6))
