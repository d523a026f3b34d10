"""The proofs that no Lagrangian exists, calculated afresh from the accelerations."""

import pytest
import sympy as sp

from lagsym import systems
from lagsym.mechanics.calculus import total_derivative
from lagsym.mechanics.dynamics.forms import accelerations, mass_matrix
from lagsym.mechanics.system import parameter_symbol

WITHOUT = {name: system for name, system in systems.particles().items() if system.no_lagrangian}
WITH = ["kepler", "kepler_cartesian", "foucault_pendulum", "charged_particle_magnetic", "spring_pendulum"]


def motion(system):
    return accelerations(system.lagrangian, system.space, dissipation=system.dissipation, forces=system.forces)


def conditions(acceleration, space):
    """The rows (P12, P22 - P11, -P21) of Phi, Phi' and Phi'', each of which a multiplier's entries must annul.

    g P symmetric: g11 P12 + g12 P22 = g12 P11 + g22 P21, by the entries (g11, g12, g22).
    """

    def rate(entry):
        along = total_derivative(entry, space)
        return along.xreplace(dict(zip(space.accelerations, acceleration, strict=True)))

    connection = -acceleration.jacobian(space.velocities) / 2
    endomorphism = -acceleration.jacobian(space.positions) - connection**2 - connection.applyfunc(rate)
    rows = []
    for _ in range(3):
        rows.append([endomorphism[0, 1], endomorphism[1, 1] - endomorphism[0, 0], -endomorphism[1, 0]])
        endomorphism = endomorphism.applyfunc(rate) + connection * endomorphism - endomorphism * connection
    return sp.Matrix(rows)


def test_these_have_no_lagrangian():
    assert list(WITHOUT) == ["quadratic_force", "swirling_oscillator", "damped_circulatory"]
    assert all(2 <= system.no_lagrangian.count(". ") + 1 <= 4 for system in WITHOUT.values())


@pytest.mark.parametrize("system", WITHOUT.values(), ids=list(WITHOUT))
def test_the_conditions_have_rank_three(system, evaluate):
    matrix = conditions(motion(system), system.space)
    for seed in range(5):
        values = sp.Matrix(3, 3, evaluate(matrix.flat(), system, seed))
        normed = sp.Matrix([list(values.row(i) / values.row(i).norm()) for i in range(3)])
        assert abs(normed.det()) > 1e-8


@pytest.mark.parametrize("name", WITH)
def test_where_a_lagrangian_exists_its_mass_matrix_annuls_the_conditions(name, evaluate):
    system = systems.get(name)
    mass = mass_matrix(system.lagrangian, system.space)
    products = conditions(motion(system), system.space) * sp.Matrix([mass[0, 0], mass[0, 1], mass[1, 1]])
    for seed in range(2):
        assert max(map(abs, evaluate(products.flat(), system, seed))) < 1e-25


def determinant(name):
    """The determinant of the conditions, with the coordinates, the velocities and the parameters by name."""
    system = systems.get(name)
    parameters = {name: parameter_symbol(name) for name in system.parameters}
    found = sp.expand(conditions(motion(system), system.space).det())
    return found, *system.space.positions, *system.space.velocities, parameters


def test_the_determinant_of_the_quadratic_force():
    found, x, y, u, v, symbols = determinant("quadratic_force")
    alpha, beta = symbols["alpha"], symbols["beta"]
    assert sp.expand(found**2 - (4 * alpha**2 * beta * (alpha * (x**2 + y**2) * v - beta * x * u)) ** 2) == 0


def test_the_leading_part_of_the_swirls_determinant():
    found, x, y, u, v, symbols = determinant("swirling_oscillator")
    k1, k2, epsilon = (symbols[name] for name in ("k1", "k2", "epsilon"))
    scale, moment = sp.Dummy("scale"), u * y - v * x
    cubic = 32 * epsilon**2 * moment * (2 * epsilon * moment**2 + (k1 - k2) * u * v)
    polynomial = sp.Poly(found.xreplace({u: scale * u, v: scale * v}), scale)
    assert polynomial.degree() == 3
    assert sp.expand(polynomial.LC() - cubic) == 0


def test_the_determinant_of_the_damped_circulatory_force():
    found, *_, symbols = determinant("damped_circulatory")
    assert sp.expand(found + symbols["c"] ** 2 * symbols["gamma"] ** 5 / 16) == 0


def test_a_circulatory_force_without_friction_has_a_lagrangian():
    system = systems.get("damped_circulatory").with_parameters({"gamma": 0.0})
    (x, y), (u, v) = system.space.positions, system.space.velocities
    k, c = (system.parameters[name] for name in ("k", "c"))
    indefinite = (u**2 - v**2) / 2 - k * (x**2 - y**2) / 2 + c * x * y
    ours = accelerations(indefinite, system.space)
    theirs = accelerations(system.numeric_lagrangian, system.space, forces=system.numeric_forces)
    assert (ours - theirs).applyfunc(sp.expand).is_zero_matrix
