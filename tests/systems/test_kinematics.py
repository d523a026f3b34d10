"""The formulas in generalised coordinates against T - V of the same bodies in space."""

import pytest
import sympy as sp

from lagsym import systems
from lagsym.mechanics.calculus import euler_lagrange, total_derivative
from lagsym.mechanics.system import parameter_symbol


def symbols(text):
    return [parameter_symbol(name) for name in text.split()]


def bob(angle, length):
    """The place of a bob below its pivot, the second axis pointing up."""
    return sp.Matrix([length * sp.sin(angle), -length * sp.cos(angle), 0])


def hanging(count):
    """Bobs that hang from each other."""

    def places(space):
        masses, lengths = symbols("m1 m2 m3")[:count], symbols("l1 l2 l3")[:count]
        place, result = sp.zeros(3, 1), []
        for m, angle, length in zip(masses, space.positions, lengths, strict=True):
            place = place + bob(angle, length)
            result.append((m, place))
        return result

    return places


def one(space):
    m, length = symbols("m l")
    return [(m, bob(space.positions[0], length))]


def driven(space):
    m, length, a, omega = symbols("m l a omega")
    pivot = sp.Matrix([a * sp.cos(omega * space.base_symbols[0]), 0, 0])
    return [(m, pivot + bob(space.positions[0], length))]


def cart(space):
    m1, m2, length = symbols("m1 m2 l")
    x, theta = space.positions
    pivot = sp.Matrix([x, 0, 0])
    return [(m1, pivot), (m2, pivot + bob(theta, length))]


def sprung(space):
    r, theta = space.positions
    return [(parameter_symbol("m"), bob(theta, r))]


def spherical(space):
    theta, phi = space.positions
    m, length = symbols("m l")
    turned = sp.Matrix([sp.sin(theta) * sp.cos(phi), -sp.cos(theta), sp.sin(theta) * sp.sin(phi)])
    return [(m, length * turned)]


PLACES = {
    "pendulum": one,
    "damped_pendulum": one,
    "driven_pendulum": driven,
    "double_pendulum": hanging(2),
    "triple_pendulum": hanging(3),
    "cart_pole": cart,
    "spring_pendulum": sprung,
    "spherical_pendulum": spherical,
}


@pytest.mark.parametrize("name", list(PLACES))
def test_pendulums_move_as_their_bobs_in_space(name, evaluate):
    system = systems.get(name)
    bodies = PLACES[name](system.space)
    lagrangian = sum(kinetic(m, place, system.space) - m * parameter_symbol("g") * place[1] for m, place in bodies)
    if name == "spring_pendulum":
        k, length = symbols("k l")
        lagrangian -= k * (system.space.positions[0] - length) ** 2 / 2
    agree(lagrangian, system, evaluate)


def kinetic(mass, place, space):
    velocity = place.applyfunc(lambda entry: total_derivative(entry, space))
    return mass * velocity.dot(velocity) / 2


def agree(lagrangian, system, evaluate):
    ours = euler_lagrange(system.lagrangian, system.space)
    theirs = euler_lagrange(lagrangian, system.space)
    for seed in range(3):
        values = evaluate([*ours, *theirs], system, seed)
        for one_value, other in zip(values[: len(ours)], values[len(ours) :], strict=True):
            assert abs(one_value - other) < 1e-30 * max(map(abs, values))


def test_kepler_in_polar_coordinates_is_kepler_in_cartesian_ones(evaluate):
    polar, cartesian = systems.get("kepler"), systems.get("kepler_cartesian")
    r, phi = polar.space.positions
    place = sp.Matrix([r * sp.cos(phi), r * sp.sin(phi)])
    moved = dict(zip(cartesian.space.positions, place, strict=True))
    velocity = [total_derivative(entry, polar.space) for entry in place]
    moved |= dict(zip(cartesian.space.velocities, velocity, strict=True))
    agree(cartesian.lagrangian.xreplace(moved), polar, evaluate)
    assert list(polar.conserved) == list(cartesian.conserved)
    ours, theirs = (list(system.conserved.values()) for system in (polar, cartesian))
    values = evaluate([*ours, *(quantity.xreplace(moved) for quantity in theirs)], polar, 0)
    for one_value, other in zip(values[:4], values[4:], strict=True):
        assert abs(one_value - other) < 1e-30


def test_the_top_turns_as_a_rigid_body(evaluate):
    system = systems.get("symmetric_top")
    space = system.space
    i1, i3, m, g, length = symbols("I1 I3 m g l")
    theta, phi, psi = space.positions
    to_space = sp.rot_axis3(-phi) * sp.rot_axis1(-theta) * sp.rot_axis3(-psi)
    # The rates about the axes of the body: R^T R_dot is their antisymmetric matrix.
    rates = to_space.T * to_space.applyfunc(lambda entry: total_derivative(entry, space))
    across, other, about = rates[2, 1], rates[0, 2], rates[1, 0]
    height = (to_space * sp.Matrix([0, 0, length]))[2]
    lagrangian = (i1 * (across**2 + other**2) + i3 * about**2) / 2 - m * g * height
    for seed in range(3):
        ours, theirs = evaluate([system.lagrangian, lagrangian], system, seed)
        assert abs(ours - theirs) < 1e-30


def test_two_bodies_move_about_each_other_as_a_planet_does(evaluate):
    # Of the separation: r_ddot = -G (m1 + m2) r / |r|^3.
    system = systems.get("two_body")
    m1, m2, G = symbols("m1 m2 G")
    x1, y1, x2, y2 = system.space.positions
    e1, _, e2, _ = euler_lagrange(system.lagrangian, system.space)
    at_rest = dict.fromkeys(system.space.accelerations, sp.S.Zero)
    separate = e2.xreplace(at_rest) / m2 - e1.xreplace(at_rest) / m1
    expected = -G * (m1 + m2) * (x2 - x1) / sp.sqrt((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 3
    one_value, other = evaluate([separate, expected], system, 0)
    assert abs(one_value - other) < 1e-30
