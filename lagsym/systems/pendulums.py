"""Pendulums with one bob: angles are measured from the downward vertical."""

from __future__ import annotations

import sympy as sp

from lagsym.mechanics.dynamics.forms import energy
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System, parameter_symbol


def _pendulum() -> System:
    """A point mass on a rigid massless rod.

    L = m l^2 theta_dot^2 / 2 + m g l cos(theta)
    """
    space = JetSpace(("theta",))
    (theta,), (theta_dot,) = space.positions, space.velocities
    m, length, g = map(parameter_symbol, ("m", "l", "g"))
    lagrangian = m * length**2 * theta_dot**2 / 2 + m * g * length * sp.cos(theta)
    return System(
        name="pendulum",
        space=space,
        lagrangian=lagrangian,
        parameters={"m": 1.0, "l": 1.0, "g": 9.81},
        ranges={"theta": (-2.0, 2.0), "theta_dot": (-1.5, 1.5)},
        parameter_ranges={"m": (0.5, 2.0), "l": (0.5, 2.0), "g": (5.0, 15.0)},
        angles=frozenset({"theta"}),
        conserved={"energy": energy(lagrangian, space)},
        span=10.0,
        step=0.01,
        title="Pendulum",
        source="L. D. Landau and E. M. Lifshitz, Mechanics, 3rd ed., sections 5 and 11",
    )


def _damped_pendulum() -> System:
    """A point mass on a rigid massless rod, with friction in the pivot.

    L = m l^2 theta_dot^2 / 2 + m g l cos(theta),   D = c theta_dot^2 / 2
    """
    space = JetSpace(("theta",))
    (theta,), (theta_dot,) = space.positions, space.velocities
    m, length, g, c = map(parameter_symbol, ("m", "l", "g", "c"))
    return System(
        name="damped_pendulum",
        space=space,
        lagrangian=m * length**2 * theta_dot**2 / 2 + m * g * length * sp.cos(theta),
        dissipation=c * theta_dot**2 / 2,
        parameters={"m": 1.0, "l": 1.0, "g": 9.81, "c": 0.2},
        ranges={"theta": (-2.0, 2.0), "theta_dot": (-1.5, 1.5)},
        parameter_ranges={"m": (0.5, 2.0), "l": (0.5, 2.0), "g": (5.0, 15.0), "c": (0.1, 0.4)},
        angles=frozenset({"theta"}),
        span=10.0,
        step=0.01,
        title="Pendulum with friction",
        source="L. D. Landau and E. M. Lifshitz, Mechanics, 3rd ed., sections 5 and 25",
    )


def _driven_pendulum() -> System:
    """A pendulum whose pivot is moved to and fro along the horizontal, x = a cos(omega t).

    L = m l^2 theta_dot^2 / 2 + m l a omega^2 cos(omega t) sin(theta) + m g l cos(theta)

    Time derivatives of functions of theta and t are left out of L, as in the source.
    """
    space = JetSpace(("theta",))
    (theta,), (theta_dot,), (t,) = space.positions, space.velocities, space.base_symbols
    m, length, g, a, omega = map(parameter_symbol, ("m", "l", "g", "a", "omega"))
    drive = m * length * a * omega**2 * sp.cos(omega * t) * sp.sin(theta)
    return System(
        name="driven_pendulum",
        space=space,
        lagrangian=m * length**2 * theta_dot**2 / 2 + drive + m * g * length * sp.cos(theta),
        parameters={"m": 1.0, "l": 1.0, "g": 9.81, "a": 0.2, "omega": 2.0},
        ranges={"theta": (-1.0, 1.0), "theta_dot": (-1.0, 1.0)},
        parameter_ranges={"m": (0.5, 2.0), "l": (0.8, 1.25), "g": (8.0, 12.0), "a": (0.1, 0.3), "omega": (1.5, 2.5)},
        angles=frozenset({"theta"}),
        span=10.0,
        step=0.01,
        title="Pendulum with a shaken pivot",
        source="L. D. Landau and E. M. Lifshitz, Mechanics, 3rd ed., section 5, problem 3(b)",
    )


def _spring_pendulum() -> System:
    """A point mass hanging from a spring that swings in a plane.

    L = m (r_dot^2 + r^2 theta_dot^2) / 2 + m g r cos(theta) - k (r - l)^2 / 2
    """
    space = JetSpace(("r", "theta"))
    (r, theta), (r_dot, theta_dot) = space.positions, space.velocities
    m, k, length, g = map(parameter_symbol, ("m", "k", "l", "g"))
    kinetic = m * (r_dot**2 + r**2 * theta_dot**2) / 2
    lagrangian = kinetic + m * g * r * sp.cos(theta) - k * (r - length) ** 2 / 2
    return System(
        name="spring_pendulum",
        space=space,
        lagrangian=lagrangian,
        parameters={"m": 1.0, "k": 40.0, "l": 1.0, "g": 9.81},
        ranges={"r": (1.0, 1.5), "theta": (-1.2, 1.2), "r_dot": (-0.5, 0.5), "theta_dot": (-1.0, 1.0)},
        parameter_ranges={"m": (0.8, 1.25), "k": (30.0, 50.0), "l": (0.8, 1.2), "g": (8.0, 12.0)},
        angles=frozenset({"theta"}),
        conserved={"energy": energy(lagrangian, space)},
        span=10.0,
        step=0.01,
        title="Spring pendulum",
        source="D. Morin, Introduction to Classical Mechanics, section 6.1",
    )


def _spherical_pendulum() -> System:
    """A point mass on a rigid massless rod that swings in all directions.

    L = m l^2 (theta_dot^2 + sin(theta)^2 phi_dot^2) / 2 + m g l cos(theta)

    The ranges keep the angular momentum about the vertical away from zero, and so the bob from the poles of the angles.
    """
    space = JetSpace(("theta", "phi"))
    (theta, _), (theta_dot, phi_dot) = space.positions, space.velocities
    m, length, g = map(parameter_symbol, ("m", "l", "g"))
    kinetic = m * length**2 * (theta_dot**2 + sp.sin(theta) ** 2 * phi_dot**2) / 2
    lagrangian = kinetic + m * g * length * sp.cos(theta)
    return System(
        name="spherical_pendulum",
        space=space,
        lagrangian=lagrangian,
        parameters={"m": 1.0, "l": 1.0, "g": 9.81},
        ranges={"theta": (0.6, 1.2), "phi": (-3.0, 3.0), "theta_dot": (-0.5, 0.5), "phi_dot": (2.5, 4.0)},
        parameter_ranges={"m": (0.5, 2.0), "l": (0.8, 1.25), "g": (8.0, 12.0)},
        angles=frozenset({"theta", "phi"}),
        conserved={
            "energy": energy(lagrangian, space),
            "angular momentum about the vertical": m * length**2 * sp.sin(theta) ** 2 * phi_dot,
        },
        span=10.0,
        step=0.01,
        title="Spherical pendulum",
        source="L. D. Landau and E. M. Lifshitz, Mechanics, 3rd ed., section 14, problem 1",
    )


PENDULUM = _pendulum()
DAMPED_PENDULUM = _damped_pendulum()
DRIVEN_PENDULUM = _driven_pendulum()
SPRING_PENDULUM = _spring_pendulum()
SPHERICAL_PENDULUM = _spherical_pendulum()
