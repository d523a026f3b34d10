"""Orbits: bodies that attract each other or move about a centre of force."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import sympy as sp

from lagsym.mechanics.dynamics.forms import energy
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System, parameter_symbol


def _kepler() -> System:
    """A planet about a fixed sun, in polar coordinates; `mu` is Newton's constant times the sun's mass.

    L = m (r_dot^2 + r^2 phi_dot^2) / 2 + m mu / r

    Every draw from the ranges, whatever the parameters drawn, is an ellipse of eccentricity below 0.6: with
    s = r^3 phi_dot^2 / mu and u = r^2 phi_dot r_dot / mu, the eccentricity is sqrt((s - 1)^2 + u^2).
    """
    space = JetSpace(("r", "phi"))
    (r, phi), (r_dot, phi_dot) = space.positions, space.velocities
    m, mu = map(parameter_symbol, ("m", "mu"))
    lagrangian = m * (r_dot**2 + r**2 * phi_dot**2) / 2 + m * mu / r
    along, across = r**3 * phi_dot**2 - mu, r**2 * r_dot * phi_dot
    return System(
        name="kepler",
        space=space,
        lagrangian=lagrangian,
        parameters={"m": 1.0, "mu": 1.0},
        ranges={"r": (1.0, 1.2), "phi": (-3.0, 3.0), "r_dot": (-0.2, 0.2), "phi_dot": (0.8, 0.9)},
        parameter_ranges={"m": (0.5, 2.0), "mu": (0.95, 1.1)},
        angles=frozenset({"phi"}),
        conserved={
            "energy": energy(lagrangian, space),
            "angular momentum": m * r**2 * phi_dot,
            "Laplace-Runge-Lenz vector along x": along * sp.cos(phi) + across * sp.sin(phi),
            "Laplace-Runge-Lenz vector along y": along * sp.sin(phi) - across * sp.cos(phi),
        },
        span=20.0,
        step=0.02,
        title="Kepler problem",
        source="H. Goldstein, C. Poole and J. Safko, Classical Mechanics, 3rd ed., sections 3.2 and 3.7",
    )


def _kepler_cartesian() -> System:
    """A planet about a fixed sun, in Cartesian coordinates; `mu` is Newton's constant times the sun's mass.

    L = m (x_dot^2 + y_dot^2) / 2 + m mu / sqrt(x^2 + y^2)

    Every draw from the ranges, whatever the parameters drawn, is an ellipse of eccentricity below 0.6.
    """
    space = JetSpace(("x", "y"))
    (x, y), (x_dot, y_dot) = space.positions, space.velocities
    m, mu = map(parameter_symbol, ("m", "mu"))
    r, areal = sp.sqrt(x**2 + y**2), x * y_dot - y * x_dot
    lagrangian = m * (x_dot**2 + y_dot**2) / 2 + m * mu / r
    return System(
        name="kepler_cartesian",
        space=space,
        lagrangian=lagrangian,
        parameters={"m": 1.0, "mu": 1.0},
        ranges={"x": (1.0, 1.2), "y": (-0.2, 0.2), "x_dot": (-0.2, 0.2), "y_dot": (0.85, 1.0)},
        parameter_ranges={"m": (0.5, 2.0), "mu": (0.95, 1.1)},
        conserved={
            "energy": energy(lagrangian, space),
            "angular momentum": m * areal,
            "Laplace-Runge-Lenz vector along x": areal * y_dot - mu * x / r,
            "Laplace-Runge-Lenz vector along y": -areal * x_dot - mu * y / r,
        },
        span=20.0,
        step=0.02,
        title="Kepler problem in Cartesian coordinates",
        source="H. Goldstein, C. Poole and J. Safko, Classical Mechanics, 3rd ed., sections 3.7 and 3.9",
    )


def _two_body() -> System:
    """Two bodies in a plane that attract each other by Newton's law.

    L = m1 (x1_dot^2 + y1_dot^2) / 2 + m2 (x2_dot^2 + y2_dot^2) / 2 + G m1 m2 / sqrt((x1 - x2)^2 + (y1 - y2)^2)

    Every draw from the ranges, whatever the parameters drawn, is bound and stays clear of a collision.
    """
    space, lagrangian, conserved = _newtonian(2)
    return System(
        name="two_body",
        space=space,
        lagrangian=lagrangian,
        parameters={"m1": 1.0, "m2": 1.0, "G": 1.0},
        ranges={
            "x1": (-0.6, -0.45),
            "y1": (-0.1, 0.1),
            "x2": (0.45, 0.6),
            "y2": (-0.1, 0.1),
            "x1_dot": (-0.1, 0.1),
            "y1_dot": (-0.7, -0.6),
            "x2_dot": (-0.1, 0.1),
            "y2_dot": (0.6, 0.7),
        },
        parameter_ranges={"m1": (0.8, 1.25), "m2": (0.8, 1.25), "G": (0.9, 1.1)},
        conserved=conserved,
        span=20.0,
        step=0.02,
        title="Two bodies that attract each other",
        source="H. Goldstein, C. Poole and J. Safko, Classical Mechanics, 3rd ed., section 3.1",
    )


def _three_body_planar() -> System:
    """Three bodies in a plane that attract each other by Newton's law.

    L = sum over bodies of m (x_dot^2 + y_dot^2) / 2 + sum over pairs of G m m' / distance

    The ranges make the first two a close pair about which the third moves at a distance: no pair meets.
    """
    space, lagrangian, conserved = _newtonian(3)
    return System(
        name="three_body_planar",
        space=space,
        lagrangian=lagrangian,
        parameters={"m1": 1.0, "m2": 1.0, "m3": 1.0, "G": 1.0},
        ranges={
            "x1": (-0.52, -0.48),
            "x2": (0.48, 0.52),
            "x3": (4.4, 4.6),
            "y1": (-0.05, 0.05),
            "y2": (-0.05, 0.05),
            "y3": (-0.2, 0.2),
            "x1_dot": (-0.05, 0.05),
            "x2_dot": (-0.05, 0.05),
            "x3_dot": (-0.1, 0.1),
            "y1_dot": (-0.72, -0.68),
            "y2_dot": (0.68, 0.72),
            "y3_dot": (0.76, 0.86),
        },
        parameter_ranges={"m1": (0.9, 1.1), "m2": (0.9, 1.1), "m3": (0.9, 1.1), "G": (0.95, 1.05)},
        conserved=conserved,
        span=20.0,
        step=0.02,
        title="Three bodies that attract each other",
        source="H. Goldstein, C. Poole and J. Safko, Classical Mechanics, 3rd ed., section 3.12",
    )


def _newtonian(bodies: int) -> tuple[JetSpace, sp.Expr, dict[str, sp.Expr]]:
    """The coordinates, the Lagrangian and the conserved quantities of so many bodies in a plane."""
    space = JetSpace(tuple(f"{axis}{k + 1}" for k in range(bodies) for axis in "xy"))
    masses = [parameter_symbol(f"m{k + 1}") for k in range(bodies)]
    places, velocities = (list(zip(part[::2], part[1::2], strict=True)) for part in (space.positions, space.velocities))
    kinetic = [m * (u**2 + v**2) / 2 for m, (u, v) in zip(masses, velocities, strict=True)]
    pairs = [
        parameter_symbol("G") * masses[i] * masses[j] / _distance(places[i], places[j])
        for i, j in itertools.combinations(range(bodies), 2)
    ]
    lagrangian = sp.Add(*kinetic, *pairs)
    motion = list(zip(masses, places, velocities, strict=True))
    return (
        space,
        lagrangian,
        {
            "energy": energy(lagrangian, space),
            "momentum along x": sp.Add(*(m * u for m, _, (u, _) in motion)),
            "momentum along y": sp.Add(*(m * v for m, _, (_, v) in motion)),
            "angular momentum": sp.Add(*(m * (x * v - y * u) for m, (x, y), (u, v) in motion)),
        },
    )


def _distance(one: Sequence[sp.Symbol], other: Sequence[sp.Symbol]) -> sp.Expr:
    return sp.sqrt((one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2)


def _henon_heiles() -> System:
    """A star in the meridian plane of a galaxy, in units in which its mass and frequencies are 1.

    L = (x_dot^2 + y_dot^2) / 2 - (x^2 + y^2) / 2 - lambda (x^2 y - y^3 / 3)

    Every draw from the ranges has less than the energy 1 / (6 lambda^2) at which the star could escape.
    """
    space = JetSpace(("x", "y"))
    (x, y), (x_dot, y_dot) = space.positions, space.velocities
    potential = (x**2 + y**2) / 2 + parameter_symbol("lambda") * (x**2 * y - y**3 / 3)
    lagrangian = (x_dot**2 + y_dot**2) / 2 - potential
    return System(
        name="henon_heiles",
        space=space,
        lagrangian=lagrangian,
        parameters={"lambda": 1.0},
        ranges={"x": (-0.25, 0.25), "y": (-0.25, 0.25), "x_dot": (-0.25, 0.25), "y_dot": (-0.25, 0.25)},
        parameter_ranges={"lambda": (0.7, 1.0)},
        conserved={"energy": energy(lagrangian, space)},
        span=40.0,
        step=0.05,
        title="Hénon-Heiles potential",
        source="M. Hénon and C. Heiles, The Astronomical Journal 69 (1964) 73",
    )


KEPLER = _kepler()
KEPLER_CARTESIAN = _kepler_cartesian()
TWO_BODY = _two_body()
THREE_BODY_PLANAR = _three_body_planar()
HENON_HEILES = _henon_heiles()
