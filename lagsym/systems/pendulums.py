"""Pendulums: angles are measured from the downward vertical."""

from __future__ import annotations

import sympy as sp

from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System, parameter_symbol


def _pendulum() -> System:
    """A point mass on a rigid massless rod.

    L = m l^2 theta_dot^2 / 2 + m g l cos(theta)
    """
    space = JetSpace(("theta",))
    (theta,), (theta_dot,) = space.positions, space.velocities
    m, length, g = map(parameter_symbol, ("m", "l", "g"))
    return System(
        name="pendulum",
        space=space,
        lagrangian=m * length**2 * theta_dot**2 / 2 + m * g * length * sp.cos(theta),
        parameters={"m": 1.0, "l": 1.0, "g": 9.81},
        ranges={"theta": (-2.0, 2.0), "theta_dot": (-1.5, 1.5)},
        parameter_ranges={"m": (0.5, 2.0), "l": (0.5, 2.0), "g": (5.0, 15.0)},
        angles=frozenset({"theta"}),
        span=10.0,
        step=0.01,
        title="Pendulum",
        source="L. D. Landau and E. M. Lifshitz, Mechanics, 3rd ed., sections 5 and 11",
    )


def _double_pendulum() -> System:
    """Two point masses on rigid massless rods, the second hanging from the first.

    L = (m1 + m2) l1^2 theta1_dot^2 / 2 + m2 l2^2 theta2_dot^2 / 2
        + m2 l1 l2 theta1_dot theta2_dot cos(theta1 - theta2) + (m1 + m2) g l1 cos(theta1) + m2 g l2 cos(theta2)
    """
    space = JetSpace(("theta1", "theta2"))
    (theta1, theta2), (omega1, omega2) = space.positions, space.velocities
    m1, m2, l1, l2, g = map(parameter_symbol, ("m1", "m2", "l1", "l2", "g"))
    kinetic = (m1 + m2) * l1**2 * omega1**2 / 2 + m2 * l2**2 * omega2**2 / 2
    kinetic += m2 * l1 * l2 * omega1 * omega2 * sp.cos(theta1 - theta2)
    weight = (m1 + m2) * g * l1 * sp.cos(theta1) + m2 * g * l2 * sp.cos(theta2)
    return System(
        name="double_pendulum",
        space=space,
        lagrangian=kinetic + weight,
        parameters={"m1": 1.0, "m2": 1.0, "l1": 1.0, "l2": 1.0, "g": 9.8},
        ranges={"theta1": (-2.0, 2.0), "theta2": (-2.0, 2.0), "theta1_dot": (-1.0, 1.0), "theta2_dot": (-1.0, 1.0)},
        parameter_ranges={"m1": (0.5, 2.0), "m2": (0.5, 2.0), "l1": (0.5, 2.0), "l2": (0.5, 2.0), "g": (5.0, 15.0)},
        angles=frozenset({"theta1", "theta2"}),
        span=10.0,
        step=0.01,
        title="Double pendulum",
        source=(
            "L. D. Landau and E. M. Lifshitz, Mechanics, 3rd ed., section 5, problem 1; "
            "numbers as in M. Cranmer et al., Lagrangian Neural Networks, arXiv:2003.04630 (2020)"
        ),
    )


def _spring_pendulum() -> System:
    """A point mass hanging from a spring that swings in a plane.

    L = m (r_dot^2 + r^2 theta_dot^2) / 2 + m g r cos(theta) - k (r - l)^2 / 2
    """
    space = JetSpace(("r", "theta"))
    (r, theta), (r_dot, theta_dot) = space.positions, space.velocities
    m, k, length, g = map(parameter_symbol, ("m", "k", "l", "g"))
    kinetic = m * (r_dot**2 + r**2 * theta_dot**2) / 2
    return System(
        name="spring_pendulum",
        space=space,
        lagrangian=kinetic + m * g * r * sp.cos(theta) - k * (r - length) ** 2 / 2,
        parameters={"m": 1.0, "k": 40.0, "l": 1.0, "g": 9.81},
        ranges={"r": (1.0, 1.5), "theta": (-1.2, 1.2), "r_dot": (-0.5, 0.5), "theta_dot": (-1.0, 1.0)},
        parameter_ranges={"m": (0.8, 1.25), "k": (30.0, 50.0), "l": (0.8, 1.2), "g": (8.0, 12.0)},
        angles=frozenset({"theta"}),
        span=10.0,
        step=0.01,
        title="Spring pendulum",
        source="D. Morin, Introduction to Classical Mechanics, section 6.1",
    )


PENDULUM = _pendulum()
DOUBLE_PENDULUM = _double_pendulum()
SPRING_PENDULUM = _spring_pendulum()
