"""Pendulums that hang from a moving part: angles are measured from the downward vertical."""

from __future__ import annotations

import sympy as sp

from lagsym.mechanics.dynamics.forms import energy
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System, parameter_symbol


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
    lagrangian = kinetic + weight
    return System(
        name="double_pendulum",
        space=space,
        lagrangian=lagrangian,
        parameters={"m1": 1.0, "m2": 1.0, "l1": 1.0, "l2": 1.0, "g": 9.8},
        ranges={"theta1": (-2.0, 2.0), "theta2": (-2.0, 2.0), "theta1_dot": (-1.0, 1.0), "theta2_dot": (-1.0, 1.0)},
        parameter_ranges={"m1": (0.5, 2.0), "m2": (0.5, 2.0), "l1": (0.5, 2.0), "l2": (0.5, 2.0), "g": (5.0, 15.0)},
        angles=frozenset({"theta1", "theta2"}),
        conserved={"energy": energy(lagrangian, space)},
        span=10.0,
        step=0.01,
        title="Double pendulum",
        source=(
            "L. D. Landau and E. M. Lifshitz, Mechanics, 3rd ed., section 5, problem 1; "
            "numbers as in M. Cranmer et al., Lagrangian Neural Networks, arXiv:2003.04630 (2020)"
        ),
    )


def _triple_pendulum() -> System:
    """Three point masses on rigid massless rods, each hanging from the one before.

    L = (m1 + m2 + m3) l1^2 theta1_dot^2 / 2 + (m2 + m3) l2^2 theta2_dot^2 / 2 + m3 l3^2 theta3_dot^2 / 2
        + (m2 + m3) l1 l2 theta1_dot theta2_dot cos(theta1 - theta2)
        + m3 l1 l3 theta1_dot theta3_dot cos(theta1 - theta3) + m3 l2 l3 theta2_dot theta3_dot cos(theta2 - theta3)
        + (m1 + m2 + m3) g l1 cos(theta1) + (m2 + m3) g l2 cos(theta2) + m3 g l3 cos(theta3)
    """
    space = JetSpace(("theta1", "theta2", "theta3"))
    angles, rates = space.positions, space.velocities
    m1, m2, m3 = map(parameter_symbol, ("m1", "m2", "m3"))
    lengths = [parameter_symbol(name) for name in ("l1", "l2", "l3")]
    below = (m1 + m2 + m3, m2 + m3, m3)
    pairs = [(0, 1), (0, 2), (1, 2)]
    squares = [below[i] * lengths[i] ** 2 * rates[i] ** 2 / 2 for i in range(3)]
    products = [lengths[i] * lengths[j] * rates[i] * rates[j] * sp.cos(angles[i] - angles[j]) for i, j in pairs]
    weights = [below[i] * parameter_symbol("g") * lengths[i] * sp.cos(angles[i]) for i in range(3)]
    coupling = [below[j] * product for (_, j), product in zip(pairs, products, strict=True)]
    lagrangian = sp.Add(*squares, *coupling, *weights)
    return System(
        name="triple_pendulum",
        space=space,
        lagrangian=lagrangian,
        parameters={"m1": 1.0, "m2": 1.0, "m3": 1.0, "l1": 1.0, "l2": 1.0, "l3": 1.0, "g": 9.81},
        ranges={
            **{symbol.name: (-1.5, 1.5) for symbol in angles},
            **{symbol.name: (-1.0, 1.0) for symbol in rates},
        },
        parameter_ranges={
            **dict.fromkeys(("m1", "m2", "m3", "l1", "l2", "l3"), (0.8, 1.25)),
            "g": (8.0, 12.0),
        },
        angles=frozenset(space.fields),
        conserved={"energy": energy(lagrangian, space)},
        span=5.0,
        step=0.005,
        title="Triple pendulum",
        source="by the method of L. D. Landau and E. M. Lifshitz, Mechanics, 3rd ed., section 5, problem 1",
    )


def _cart_pole() -> System:
    """A pendulum whose pivot, a cart of mass `m1`, rolls freely along the horizontal.

    L = (m1 + m2) x_dot^2 / 2 + m2 (l^2 theta_dot^2 + 2 l x_dot theta_dot cos(theta)) / 2 + m2 g l cos(theta)
    """
    space = JetSpace(("x", "theta"))
    (_, theta), (x_dot, theta_dot) = space.positions, space.velocities
    m1, m2, length, g = map(parameter_symbol, ("m1", "m2", "l", "g"))
    bob = m2 * (length**2 * theta_dot**2 + 2 * length * x_dot * theta_dot * sp.cos(theta)) / 2
    lagrangian = (m1 + m2) * x_dot**2 / 2 + bob + m2 * g * length * sp.cos(theta)
    return System(
        name="cart_pole",
        space=space,
        lagrangian=lagrangian,
        parameters={"m1": 2.0, "m2": 1.0, "l": 1.0, "g": 9.81},
        ranges={"x": (-1.0, 1.0), "theta": (-2.0, 2.0), "x_dot": (-1.0, 1.0), "theta_dot": (-1.5, 1.5)},
        parameter_ranges={"m1": (1.0, 3.0), "m2": (0.5, 2.0), "l": (0.5, 2.0), "g": (5.0, 15.0)},
        angles=frozenset({"theta"}),
        conserved={
            "energy": energy(lagrangian, space),
            "momentum along x": (m1 + m2) * x_dot + m2 * length * theta_dot * sp.cos(theta),
        },
        span=10.0,
        step=0.01,
        title="Pendulum on a cart",
        source="L. D. Landau and E. M. Lifshitz, Mechanics, 3rd ed., section 5, problem 2",
    )


DOUBLE_PENDULUM = _double_pendulum()
TRIPLE_PENDULUM = _triple_pendulum()
CART_POLE = _cart_pole()
