"""Linear oscillators."""

from __future__ import annotations

from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System, parameter_symbol


def _mass_spring() -> System:
    """One mass on a linear spring.

    L = m x_dot^2 / 2 - k x^2 / 2
    """
    space = JetSpace(("x",))
    (x,), (x_dot,) = space.positions, space.velocities
    m, k = map(parameter_symbol, ("m", "k"))
    return System(
        name="mass_spring",
        space=space,
        lagrangian=m * x_dot**2 / 2 - k * x**2 / 2,
        parameters={"m": 1.0, "k": 4.0},
        ranges={"x": (-2.0, 2.0), "x_dot": (-2.0, 2.0)},
        parameter_ranges={"m": (0.5, 2.0), "k": (2.0, 8.0)},
        span=10.0,
        step=0.02,
        title="Mass on a spring",
        source="L. D. Landau and E. M. Lifshitz, Mechanics, 3rd ed., section 21",
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
        span=15.0,
        step=0.02,
        title="Two masses and three springs",
        source="J. R. Taylor, Classical Mechanics, section 11.1",
    )


MASS_SPRING = _mass_spring()
COUPLED_OSCILLATORS = _coupled_oscillators()
