"""Motion about a centre of force."""

from __future__ import annotations

from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System, parameter_symbol


def _kepler() -> System:
    """A planet about a fixed sun, in polar coordinates; `mu` is Newton's constant times the sun's mass.

    L = m (r_dot^2 + r^2 phi_dot^2) / 2 + m mu / r

    Every draw from the ranges, whatever the parameters drawn, is an ellipse of eccentricity below 0.6: with
    s = r^3 phi_dot^2 / mu and u = r^2 phi_dot r_dot / mu, the eccentricity is sqrt((s - 1)^2 + u^2).
    """
    space = JetSpace(("r", "phi"))
    (r, _), (r_dot, phi_dot) = space.positions, space.velocities
    m, mu = map(parameter_symbol, ("m", "mu"))
    return System(
        name="kepler",
        space=space,
        lagrangian=m * (r_dot**2 + r**2 * phi_dot**2) / 2 + m * mu / r,
        parameters={"m": 1.0, "mu": 1.0},
        ranges={"r": (1.0, 1.2), "phi": (-3.0, 3.0), "r_dot": (-0.2, 0.2), "phi_dot": (0.8, 0.9)},
        parameter_ranges={"m": (0.5, 2.0), "mu": (0.95, 1.1)},
        angles=frozenset({"phi"}),
        span=20.0,
        step=0.02,
        title="Kepler problem",
        source="H. Goldstein, C. Poole and J. Safko, Classical Mechanics, 3rd ed., sections 3.2 and 3.7",
    )


KEPLER = _kepler()
