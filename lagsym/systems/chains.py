"""Chains of equal masses, of any number of them, with forces between neighbours."""

from __future__ import annotations

import itertools

import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.dynamics.forms import energy
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System, parameter_symbol

SMALLEST, LARGEST = 2, 32
"""Numbers of masses: one mass has no neighbour, and beyond a few dozen a formula is no longer the way to hold them."""


def fput_chain(masses: int) -> System:
    """Masses between two walls on springs that are not quite linear, after Fermi, Pasta, Ulam and Tsingou.

    L = sum_i m x_i_dot^2 / 2 - sum_i (k s_i^2 / 2 + alpha s_i^3 / 3 + beta s_i^4 / 4),   s_i = x_(i+1) - x_i

    The coordinates x1, ..., xN are displacements; the walls do not move, x_0 = x_(N+1) = 0.

    Arguments:
        masses: the number N of masses that move.

    Raises:
        InputError: there are too few masses, or too many.
    """
    space = _chain("fput_chain", masses)
    m, k, alpha, beta = map(parameter_symbol, ("m", "k", "alpha", "beta"))
    stretches = [right - left for left, right in itertools.pairwise((sp.S.Zero, *space.positions, sp.S.Zero))]
    potential = [k * s**2 / 2 + alpha * s**3 / 3 + beta * s**4 / 4 for s in stretches]
    lagrangian = sp.Add(*(m * v**2 / 2 for v in space.velocities)) - sp.Add(*potential)
    return System(
        name=f"fput_chain({masses})",
        space=space,
        lagrangian=lagrangian,
        parameters={"m": 1.0, "k": 1.0, "alpha": 0.25, "beta": 1.0},
        ranges=_symmetric_ranges(space, 0.5),
        parameter_ranges={"m": (0.8, 1.25), "k": (0.8, 1.25), "alpha": (0.1, 0.5), "beta": (0.5, 1.5)},
        conserved={"energy": energy(lagrangian, space)},
        span=20.0,
        step=0.02,
        title=f"Fermi-Pasta-Ulam-Tsingou chain of {masses} masses",
        source="E. Fermi, J. Pasta and S. Ulam, Studies of Nonlinear Problems, Los Alamos report LA-1940 (1955)",
    )


def toda_chain(masses: int) -> System:
    """Toda's lattice closed to a ring: neighbours repel each other exponentially.

    L = sum_i m x_i_dot^2 / 2 - (a / b) sum_i e^(-b (x_(i+1) - x_i)),   x_(N+1) = x_1

    The coordinates x1, ..., xN are displacements. The linear terms of Toda's potential add up to zero round the ring.

    Arguments:
        masses: the number N of masses.

    Raises:
        InputError: there are too few masses, or too many.
    """
    space = _chain("toda_chain", masses)
    m, a, b = map(parameter_symbol, ("m", "a", "b"))
    ring = (*space.positions, space.positions[0])
    links = [sp.exp(-b * (right - left)) for left, right in itertools.pairwise(ring)]
    momenta = [m * v for v in space.velocities]
    lagrangian = sp.Add(*(m * v**2 / 2 for v in space.velocities)) - a / b * sp.Add(*links)
    pairs = [(p + q) * link for p, q, link in zip(momenta, (*momenta[1:], momenta[0]), links, strict=True)]
    return System(
        name=f"toda_chain({masses})",
        space=space,
        lagrangian=lagrangian,
        parameters={"m": 1.0, "a": 1.0, "b": 1.0},
        ranges=_symmetric_ranges(space, 0.5),
        parameter_ranges={"m": (0.8, 1.25), "a": (0.8, 1.25), "b": (0.8, 1.25)},
        conserved={
            "energy": energy(lagrangian, space),
            "momentum": sp.Add(*momenta),
            "third integral": sp.Add(*(p**3 / 3 for p in momenta)) + a * m / b * sp.Add(*pairs),
        },
        span=20.0,
        step=0.02,
        title=f"Toda chain of {masses} masses in a ring",
        source=(
            "M. Toda, Journal of the Physical Society of Japan 22 (1967) 431; the third integral: "
            "H. Flaschka, Physical Review B 9 (1974) 1924"
        ),
    )


def _chain(name: str, masses: int) -> JetSpace:
    if not SMALLEST <= masses <= LARGEST:
        msg = f"expected {name} with {SMALLEST} to {LARGEST} masses, got {masses}"
        raise InputError(msg)
    return JetSpace(tuple(f"x{k + 1}" for k in range(masses)))


def _symmetric_ranges(space: JetSpace, width: float) -> dict[str, tuple[float, float]]:
    return {symbol.name: (-width, width) for symbol in (*space.positions, *space.velocities)}
