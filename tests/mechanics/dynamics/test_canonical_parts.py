import pytest
import sympy as sp

from lagsym import systems
from lagsym.errors import InputError
from lagsym.mechanics.calculus import euler_lagrange, total_derivative
from lagsym.mechanics.dynamics.canonical_parts import canonical_parts, coriolis_matrix
from lagsym.mechanics.dynamics.forms import mass_matrix
from lagsym.mechanics.jetspace import JetSpace

PARTICLES = systems.particles()
PLANE, SOLID = JetSpace(("x", "y")), JetSpace(("x", "y", "z"))
NATURAL = {name: PARTICLES[name] for name in ("double_pendulum", "triple_pendulum", "spherical_pendulum", "cart_pole")}


def at_random(expression):
    symbols = sorted(expression.free_symbols, key=str)
    return expression.xreplace({x: sp.Rational(7 + 3 * k, 31) for k, x in enumerate(symbols)}).evalf(30)


@pytest.mark.parametrize("system", PARTICLES.values(), ids=list(PARTICLES))
def test_parts_add_up(system):
    parts = canonical_parts(system.lagrangian, system.space)
    linear = sum(a * v for a, v in zip(parts.vector_potential, system.space.velocities, strict=True))
    assert abs(at_random(parts.kinetic + linear - parts.potential - system.lagrangian)) < 1e-25
    assert not sp.Matrix([parts.potential, *parts.vector_potential]).free_symbols & set(system.space.velocities)
    at_rest = dict.fromkeys(system.space.velocities, 0)
    assert (
        sp.Matrix([parts.kinetic, *(sp.diff(parts.kinetic, v) for v in at_rest)])
        .subs(at_rest)
        .applyfunc(sp.expand)
        .is_zero_matrix
    )


def test_unique_parts_ignore_a_gauge():
    (x, y, z), (vx, vy, vz), t = SOLID.positions, SOLID.velocities, SOLID.base_symbols[0]
    lagrangian = vx**4 + (vx**2 + vy**2 * sp.cos(x)) / 2 + vz**2 + y**2 * vx - x * vz - x * y * z + t * z
    gauge = total_derivative(sp.sin(t * x) * y + x * z**2, SOLID)
    one, two = canonical_parts(lagrangian, SOLID), canonical_parts(lagrangian + gauge, SOLID)
    assert sp.expand(one.kinetic - two.kinetic) == 0
    assert (one.gyroscopic - two.gyroscopic).expand().is_zero_matrix
    assert (one.force_at_rest - two.force_at_rest).expand().is_zero_matrix
    assert sp.expand(one.potential - two.potential) != 0
    assert one.vector_potential != two.vector_potential


def test_a_charge_in_magnetic_and_electric_fields():
    # Motion: m a = q (E + v x B), E = -grad phi - dA/dt, B = curl A.
    m, q, b = sp.symbols("m q B", real=True)
    (x, _), (vx, vy), t = PLANE.positions, PLANE.velocities, PLANE.base_symbols[0]
    lagrangian = m * (vx**2 + vy**2) / 2 + q * b * t * x * vy - q * x**2
    parts = canonical_parts(lagrangian, PLANE)
    assert parts.gyroscopic == sp.Matrix([[0, q * b * t], [-q * b * t, 0]])
    assert parts.force_at_rest == sp.Matrix([-2 * q * x, -q * b * x])
    assert parts.mass_at_rest == m * sp.eye(2)


def test_the_mass_at_rest_of_a_relativistic_particle():
    system = PARTICLES["relativistic_particle"]
    (mass,) = canonical_parts(system.numeric_lagrangian, system.space).mass_at_rest
    assert mass == pytest.approx(float(system.parameters.get("m", 1.0)))


def test_what_is_not_smooth_at_rest_is_refused():
    (vx, vy) = PLANE.velocities
    for lagrangian in (sp.log(vx) + vy**2, sp.sqrt(vx**2 + vy**2), 1 / vx):
        with pytest.raises(InputError, match="finite"):
            canonical_parts(lagrangian, PLANE)


@pytest.mark.parametrize("system", NATURAL.values(), ids=list(NATURAL))
def test_mass_rate_less_twice_coriolis_is_antisymmetric(system):
    space = system.space
    rate = mass_matrix(system.lagrangian, space).applyfunc(lambda entry: total_derivative(entry, space))
    skew = rate - 2 * coriolis_matrix(system.lagrangian, space)
    assert (skew + skew.T).applyfunc(sp.expand).is_zero_matrix
    assert not skew.applyfunc(sp.expand).is_zero_matrix


@pytest.mark.parametrize("name", ["double_pendulum", "foucault_pendulum", "charged_particle_magnetic"])
def test_the_equations_of_motion_come_back_from_the_parts(name):
    system = PARTICLES[name]
    space, lagrangian = system.space, system.lagrangian
    parts, v = canonical_parts(lagrangian, space), sp.Matrix(space.velocities)
    motion = mass_matrix(lagrangian, space) * sp.Matrix(space.accelerations)
    motion += (coriolis_matrix(lagrangian, space) - parts.gyroscopic) * v - parts.force_at_rest
    assert (motion + sp.Matrix(euler_lagrange(lagrangian, space))).applyfunc(sp.expand).is_zero_matrix


def test_no_coriolis_matrix_of_a_mass_that_depends_on_velocity_or_time():
    vx, vy = PLANE.velocities
    for lagrangian, held in ((vx**4 + vy**2, "x_dot"), (PLANE.base_symbols[0] * (vx**2 + vy**2), "t")):
        with pytest.raises(InputError, match=f"it holds {held}"):
            coriolis_matrix(lagrangian, PLANE)


def test_fields_are_refused():
    string = JetSpace(("u",), ("t", "x"))
    with pytest.raises(InputError, match="particle"):
        canonical_parts(string.symbol(0, (0,)) ** 2, string)
