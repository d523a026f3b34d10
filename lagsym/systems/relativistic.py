"""Particles near the speed of light."""

from __future__ import annotations

import sympy as sp

from lagsym.mechanics.dynamics.forms import energy
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System, parameter_symbol


def _relativistic_particle() -> System:
    """A fast particle on a line, held by a linear spring.

    L = -m c^2 sqrt(1 - x_dot^2 / c^2) - k x^2 / 2
    """
    space = JetSpace(("x",))
    (x,), (x_dot,) = space.positions, space.velocities
    m, c, k = map(parameter_symbol, ("m", "c", "k"))
    lagrangian = -m * c**2 * sp.sqrt(1 - x_dot**2 / c**2) - k * x**2 / 2
    return System(
        name="relativistic_particle",
        space=space,
        lagrangian=lagrangian,
        parameters={"m": 1.0, "c": 1.0, "k": 1.0},
        ranges={"x": (-1.5, 1.5), "x_dot": (-0.7, 0.7)},
        parameter_ranges={"m": (0.8, 1.25), "c": (0.9, 1.2), "k": (0.5, 2.0)},
        conserved={"energy": energy(lagrangian, space)},
        span=20.0,
        step=0.02,
        title="Relativistic oscillator",
        source="H. Goldstein, C. Poole and J. Safko, Classical Mechanics, 3rd ed., section 7.9",
    )


def _lnn_relativistic() -> System:
    """The formula that the notebook of Lagrangian neural networks calls special relativity.

    L = 1 / sqrt(1 - q_dot^2) + g q

    Its acceleration is g (1 - q_dot^2)^(5/2) / (1 + 2 q_dot^2).  The relativistic particle of unit mass in the same
    field has L = -sqrt(1 - q_dot^2) + g q and the acceleration g (1 - q_dot^2)^(3/2) instead.
    """
    space = JetSpace(("q",))
    (q,), (q_dot,) = space.positions, space.velocities
    lagrangian = 1 / sp.sqrt(1 - q_dot**2) + parameter_symbol("g") * q
    return System(
        name="lnn_relativistic",
        space=space,
        lagrangian=lagrangian,
        parameters={"g": 1.0},
        ranges={"q": (-2.0, 2.0), "q_dot": (-0.7, 0.7)},
        parameter_ranges={"g": (0.5, 2.0)},
        conserved={"energy": energy(lagrangian, space)},
        span=2.0,
        step=0.01,
        title="Formula of a notebook on Lagrangian neural networks, not the physical relativistic particle",
        source=(
            "M. Cranmer et al., Lagrangian Neural Networks, arXiv:2003.04630 (2020), "
            "notebook SpecialRelativity.ipynb of github.com/MilesCranmer/lagrangian_nns"
        ),
    )


def _relativistic_2d() -> System:
    """A fast charge in the plane about a fixed opposite one.

    L = -m c^2 sqrt(1 - (x_dot^2 + y_dot^2) / c^2) + kappa / sqrt(x^2 + y^2)

    Every draw from the ranges has an angular momentum above kappa / c, without which the charges would meet.
    """
    space = JetSpace(("x", "y"))
    (x, y), (x_dot, y_dot) = space.positions, space.velocities
    m, c, kappa = map(parameter_symbol, ("m", "c", "kappa"))
    root = sp.sqrt(1 - (x_dot**2 + y_dot**2) / c**2)
    lagrangian = -m * c**2 * root + kappa / sp.sqrt(x**2 + y**2)
    return System(
        name="relativistic_2d",
        space=space,
        lagrangian=lagrangian,
        parameters={"m": 1.0, "c": 2.0, "kappa": 1.0},
        ranges={"x": (1.0, 1.2), "y": (-0.2, 0.2), "x_dot": (-0.2, 0.2), "y_dot": (0.8, 0.95)},
        parameter_ranges={"m": (0.9, 1.1), "c": (1.8, 2.5), "kappa": (0.9, 1.1)},
        conserved={
            "energy": energy(lagrangian, space),
            "angular momentum": m * (x * y_dot - y * x_dot) / root,
        },
        span=20.0,
        step=0.02,
        title="Relativistic charge in a Coulomb field",
        source="L. D. Landau and E. M. Lifshitz, The Classical Theory of Fields, section 39",
    )


RELATIVISTIC_PARTICLE = _relativistic_particle()
LNN_RELATIVISTIC = _lnn_relativistic()
RELATIVISTIC_2D = _relativistic_2d()
