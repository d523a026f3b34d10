"""Oscillators on a line: linear, with friction, and in potentials that are not quadratic."""

from __future__ import annotations

import sympy as sp

from lagsym.mechanics.dynamics.forms import energy
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System, parameter_symbol


def _mass_spring() -> System:
    """One mass on a linear spring.

    L = m x_dot^2 / 2 - k x^2 / 2
    """
    space = JetSpace(("x",))
    (x,), (x_dot,) = space.positions, space.velocities
    m, k = map(parameter_symbol, ("m", "k"))
    lagrangian = m * x_dot**2 / 2 - k * x**2 / 2
    return System(
        name="mass_spring",
        space=space,
        lagrangian=lagrangian,
        parameters={"m": 1.0, "k": 4.0},
        ranges={"x": (-2.0, 2.0), "x_dot": (-2.0, 2.0)},
        parameter_ranges={"m": (0.5, 2.0), "k": (2.0, 8.0)},
        conserved={"energy": energy(lagrangian, space)},
        span=10.0,
        step=0.02,
        title="Mass on a spring",
        source="L. D. Landau and E. M. Lifshitz, Mechanics, 3rd ed., section 21",
    )


def _damped_spring() -> System:
    """One mass on a linear spring with friction that grows with the velocity.

    L = m x_dot^2 / 2 - k x^2 / 2,   D = c x_dot^2 / 2

    One degree of freedom always has a Lagrangian; this one's, e^(c t / m) L, keeps the conserved quantity listed.
    """
    space = JetSpace(("x",))
    (x,), (x_dot,), (t,) = space.positions, space.velocities, space.base_symbols
    m, k, c = map(parameter_symbol, ("m", "k", "c"))
    balance = sp.exp(c * t / m) * (m * x_dot**2 + c * x * x_dot + k * x**2) / 2
    return System(
        name="damped_spring",
        space=space,
        lagrangian=m * x_dot**2 / 2 - k * x**2 / 2,
        dissipation=c * x_dot**2 / 2,
        parameters={"m": 1.0, "k": 4.0, "c": 0.2},
        ranges={"x": (-2.0, 2.0), "x_dot": (-2.0, 2.0)},
        parameter_ranges={"m": (0.5, 2.0), "k": (2.0, 8.0), "c": (0.1, 0.4)},
        conserved={"Caldirola-Kanai energy": balance},
        span=10.0,
        step=0.02,
        title="Mass on a spring with friction",
        source="L. D. Landau and E. M. Lifshitz, Mechanics, 3rd ed., section 25",
    )


def _duffing() -> System:
    """One mass on a spring that stiffens; Duffing's oscillator without friction and drive.

    L = m x_dot^2 / 2 - alpha x^2 / 2 - beta x^4 / 4
    """
    space = JetSpace(("x",))
    (x,), (x_dot,) = space.positions, space.velocities
    m, alpha, beta = map(parameter_symbol, ("m", "alpha", "beta"))
    lagrangian = m * x_dot**2 / 2 - alpha * x**2 / 2 - beta * x**4 / 4
    return System(
        name="duffing",
        space=space,
        lagrangian=lagrangian,
        parameters={"m": 1.0, "alpha": 1.0, "beta": 1.0},
        ranges={"x": (-2.0, 2.0), "x_dot": (-1.5, 1.5)},
        parameter_ranges={"m": (0.5, 2.0), "alpha": (0.5, 2.0), "beta": (0.5, 2.0)},
        conserved={"energy": energy(lagrangian, space)},
        span=15.0,
        step=0.02,
        title="Duffing oscillator, undamped",
        source="L. D. Landau and E. M. Lifshitz, Mechanics, 3rd ed., section 28",
    )


def _morse() -> System:
    """The distance of the nuclei of a diatomic molecule; `D` is the energy that splits it.

    L = m r_dot^2 / 2 - D (1 - e^(-a (r - r_e)))^2

    Every draw from the ranges, whatever the parameters drawn, has less energy than D: the motion is periodic.
    """
    space = JetSpace(("r",))
    (r,), (r_dot,) = space.positions, space.velocities
    m, depth, a, r_e = map(parameter_symbol, ("m", "D", "a", "r_e"))
    lagrangian = m * r_dot**2 / 2 - depth * (1 - sp.exp(-a * (r - r_e))) ** 2
    return System(
        name="morse",
        space=space,
        lagrangian=lagrangian,
        parameters={"m": 1.0, "D": 2.0, "a": 1.0, "r_e": 1.5},
        ranges={"r": (1.3, 2.0), "r_dot": (-0.8, 0.8)},
        parameter_ranges={"m": (0.8, 1.25), "D": (1.5, 3.0), "a": (0.8, 1.2), "r_e": (1.4, 1.6)},
        conserved={"energy": energy(lagrangian, space)},
        span=15.0,
        step=0.02,
        title="Diatomic molecule in Morse's potential",
        source="P. M. Morse, Physical Review 34 (1929) 57",
    )


def _position_dependent_mass() -> System:
    """An oscillator of which mass and stiffness fade alike with the distance.

    L = (x_dot^2 - alpha x^2) / (2 (1 + lambda x^2))

    The motion is x = A cos(w t + delta) with w^2 = alpha / (1 + lambda A^2); every draw from the ranges has
    x_dot^2 < alpha / lambda, without which it would be unbounded.
    """
    space = JetSpace(("x",))
    (x,), (x_dot,) = space.positions, space.velocities
    alpha, fading = map(parameter_symbol, ("alpha", "lambda"))
    lagrangian = (x_dot**2 - alpha * x**2) / (2 * (1 + fading * x**2))
    return System(
        name="position_dependent_mass",
        space=space,
        lagrangian=lagrangian,
        parameters={"alpha": 2.0, "lambda": 0.5},
        ranges={"x": (-1.5, 1.5), "x_dot": (-1.0, 1.0)},
        parameter_ranges={"alpha": (1.5, 3.0), "lambda": (0.3, 0.8)},
        conserved={"energy": energy(lagrangian, space)},
        span=20.0,
        step=0.02,
        title="Oscillator with a position-dependent mass",
        source="P. M. Mathews and M. Lakshmanan, Quarterly of Applied Mathematics 32 (1974) 215",
    )


def _coupled_oscillators() -> System:
    """Two masses, each on a spring to its wall, coupled by a third spring.

    L = m1 x1_dot^2 / 2 + m2 x2_dot^2 / 2 - k1 x1^2 / 2 - k2 x2^2 / 2 - kappa (x2 - x1)^2 / 2
    """
    space = JetSpace(("x1", "x2"))
    (x1, x2), (x1_dot, x2_dot) = space.positions, space.velocities
    m1, m2, k1, k2, kappa = map(parameter_symbol, ("m1", "m2", "k1", "k2", "kappa"))
    kinetic = m1 * x1_dot**2 / 2 + m2 * x2_dot**2 / 2
    potential = k1 * x1**2 / 2 + k2 * x2**2 / 2 + kappa * (x2 - x1) ** 2 / 2
    return System(
        name="coupled_oscillators",
        space=space,
        lagrangian=kinetic - potential,
        parameters={"m1": 1.0, "m2": 1.5, "k1": 3.0, "k2": 2.0, "kappa": 1.0},
        ranges={"x1": (-1.5, 1.5), "x2": (-1.5, 1.5), "x1_dot": (-1.5, 1.5), "x2_dot": (-1.5, 1.5)},
        parameter_ranges={"m1": (0.5, 2.0), "m2": (0.5, 2.0), "k1": (1.0, 4.0), "k2": (1.0, 4.0), "kappa": (0.5, 2.0)},
        conserved={"energy": energy(kinetic - potential, space)},
        span=15.0,
        step=0.02,
        title="Two masses and three springs",
        source="J. R. Taylor, Classical Mechanics, section 11.1",
    )


MASS_SPRING = _mass_spring()
COUPLED_OSCILLATORS = _coupled_oscillators()
DAMPED_SPRING = _damped_spring()
DUFFING = _duffing()
MORSE = _morse()
POSITION_DEPENDENT_MASS = _position_dependent_mass()
