"""Gyroscopic systems: forces that are linear in the velocities and do no work."""

from __future__ import annotations

import sympy as sp

from lagsym.mechanics.dynamics.forms import energy
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System, parameter_symbol


def _charged_particle_magnetic() -> System:
    """A charge in the plane across a uniform magnetic field.

    L = m (x_dot^2 + y_dot^2) / 2 + q B (x y_dot - y x_dot) / 2
    """
    space = JetSpace(("x", "y"))
    (x, y), (x_dot, y_dot) = space.positions, space.velocities
    m, q, field = map(parameter_symbol, ("m", "q", "B"))
    areal = x * y_dot - y * x_dot
    lagrangian = m * (x_dot**2 + y_dot**2) / 2 + q * field * areal / 2
    return System(
        name="charged_particle_magnetic",
        space=space,
        lagrangian=lagrangian,
        parameters={"m": 1.0, "q": 1.0, "B": 2.0},
        ranges={"x": (-1.0, 1.0), "y": (-1.0, 1.0), "x_dot": (-1.0, 1.0), "y_dot": (-1.0, 1.0)},
        parameter_ranges={"m": (0.8, 1.25), "q": (0.8, 1.25), "B": (1.5, 3.0)},
        conserved={
            "energy": energy(lagrangian, space),
            "pseudomomentum along x": m * x_dot - q * field * y,
            "pseudomomentum along y": m * y_dot + q * field * x,
            "angular momentum": m * areal + q * field * (x**2 + y**2) / 2,
        },
        span=10.0,
        step=0.02,
        title="Charge in a magnetic field",
        source="H. Goldstein, C. Poole and J. Safko, Classical Mechanics, 3rd ed., section 1.5",
    )


def _foucault_pendulum() -> System:
    """Small swings of a long pendulum on the turning Earth, x and y being horizontal.

    L = m (x_dot^2 + y_dot^2) / 2 + m Omega sin(latitude) (x y_dot - y x_dot) - m g (x^2 + y^2) / (2 l)

    Terms in Omega^2 are left out, as in the source.  The plane of the swings turns at the rate -Omega sin(latitude);
    the default Omega is far above the Earth's, so that one sees it turn.
    """
    space = JetSpace(("x", "y"))
    (x, y), (x_dot, y_dot) = space.positions, space.velocities
    m, g, length, omega, latitude = map(parameter_symbol, ("m", "g", "l", "Omega", "latitude"))
    rate, areal = omega * sp.sin(latitude), x * y_dot - y * x_dot
    lagrangian = m * (x_dot**2 + y_dot**2) / 2 + m * rate * areal - m * g * (x**2 + y**2) / (2 * length)
    return System(
        name="foucault_pendulum",
        space=space,
        lagrangian=lagrangian,
        parameters={"m": 1.0, "g": 9.81, "l": 2.0, "Omega": 0.3, "latitude": 0.85},
        ranges={"x": (-0.3, 0.3), "y": (-0.3, 0.3), "x_dot": (-0.3, 0.3), "y_dot": (-0.3, 0.3)},
        parameter_ranges={
            "m": (0.8, 1.25),
            "g": (8.0, 12.0),
            "l": (1.5, 3.0),
            "Omega": (0.2, 0.5),
            "latitude": (0.5, 1.2),
        },
        conserved={
            "energy": energy(lagrangian, space),
            "angular momentum": m * areal + m * rate * (x**2 + y**2),
        },
        span=20.0,
        step=0.02,
        title="Foucault's pendulum",
        source="L. D. Landau and E. M. Lifshitz, Mechanics, 3rd ed., section 39, problem 3",
    )


def _symmetric_top() -> System:
    """A heavy symmetric top with one point fixed, in Euler's angles; `l` is the distance of its centre of mass.

    L = I1 (theta_dot^2 + sin(theta)^2 phi_dot^2) / 2 + I3 (psi_dot + phi_dot cos(theta))^2 / 2 - m g l cos(theta)

    `I1` is the moment of inertia about an axis across the top through the fixed point, `I3` that about its own axis.
    The ranges have it spin fast and start off the vertical, where the angles have their pole.
    """
    space = JetSpace(("theta", "phi", "psi"))
    (theta, _, _), (theta_dot, phi_dot, psi_dot) = space.positions, space.velocities
    i1, i3, m, g, length = map(parameter_symbol, ("I1", "I3", "m", "g", "l"))
    spin = psi_dot + phi_dot * sp.cos(theta)
    kinetic = i1 * (theta_dot**2 + sp.sin(theta) ** 2 * phi_dot**2) / 2 + i3 * spin**2 / 2
    lagrangian = kinetic - m * g * length * sp.cos(theta)
    return System(
        name="symmetric_top",
        space=space,
        lagrangian=lagrangian,
        parameters={"I1": 1.0, "I3": 0.6, "m": 1.0, "g": 9.81, "l": 0.5},
        ranges={
            "theta": (0.5, 1.2),
            "phi": (-3.0, 3.0),
            "psi": (-3.0, 3.0),
            "theta_dot": (-0.3, 0.3),
            "phi_dot": (-0.3, 0.3),
            "psi_dot": (8.0, 12.0),
        },
        parameter_ranges={
            "I1": (0.9, 1.2),
            "I3": (0.5, 0.8),
            "m": (0.8, 1.25),
            "g": (8.0, 12.0),
            "l": (0.4, 0.6),
        },
        angles=frozenset(space.fields),
        conserved={
            "energy": energy(lagrangian, space),
            "angular momentum about the vertical": i1 * sp.sin(theta) ** 2 * phi_dot + i3 * spin * sp.cos(theta),
            "angular momentum about the axis": i3 * spin,
        },
        span=10.0,
        step=0.01,
        title="Heavy symmetric top",
        source="H. Goldstein, C. Poole and J. Safko, Classical Mechanics, 3rd ed., section 5.7",
    )


CHARGED_PARTICLE_MAGNETIC = _charged_particle_magnetic()
FOUCAULT_PENDULUM = _foucault_pendulum()
SYMMETRIC_TOP = _symmetric_top()
