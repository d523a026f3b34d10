import numpy as np
import pytest
import sympy as sp

from lagsym import systems
from lagsym.errors import InputError
from lagsym.mechanics.calculus import euler_lagrange
from lagsym.mechanics.dynamics.numeric import compile_mechanics
from lagsym.mechanics.jetspace import JetSpace

CATALOGUE = systems.particles()
C1, C2 = sp.symbols("c1 c2", real=True)


def draw(space, samples, seed=0):
    generator = np.random.default_rng(seed)
    n = len(space.fields)
    return generator.uniform(0.5, 1.5, (3, samples, n)) if n else None


@pytest.mark.parametrize("system", CATALOGUE.values(), ids=list(CATALOGUE))
def test_agrees_with_the_calculus_of_variations(system):
    space = system.space
    low, high = np.array([system.ranges[s.name] for s in (*space.positions, *space.velocities)]).T
    q, v = np.split(np.random.default_rng(0).uniform(low, high, (5, len(low))), 2, axis=1)
    a = draw(space, 5)[2]
    mechanics = compile_mechanics(system.numeric_lagrangian, space)
    mass, force = mechanics.mass_and_force(0.3, q, v)
    symbols = (*space.base_symbols, *space.positions, *space.velocities, *space.accelerations)
    for k in range(5):
        values = dict(zip(symbols, [0.3, *q[k], *v[k], *a[k]], strict=True))
        expected = [float(e.subs(values)) for e in euler_lagrange(system.numeric_lagrangian, space)]
        np.testing.assert_allclose(force[k] - mass[k] @ a[k], expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(
        np.einsum("sij,sj->si", mass, mechanics.acceleration(0.3, q, v)), force, rtol=1e-11, atol=1e-11
    )


def chain(n):
    space = JetSpace(tuple(f"q{i}" for i in range(n)))
    kinetic = sum(v**2 for v in space.velocities) + space.velocities[0] * space.velocities[-1] * sp.cos(
        space.positions[0]
    )
    return space, kinetic - sum(q**4 for q in space.positions)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_closed_and_general_solve_satisfy_the_equations(n):
    space, lagrangian = chain(n)
    q, v, _ = draw(space, 7)
    mechanics = compile_mechanics(lagrangian, space)
    mass, force = mechanics.mass_and_force(np.zeros(7), q, v)
    np.testing.assert_allclose(
        np.einsum("sij,sj->si", mass, mechanics.acceleration(np.zeros(7), q, v)), force, rtol=1e-11
    )


def test_constants_may_differ_from_sample_to_sample():
    space = JetSpace(("x", "y"))
    (x, _), (vx, vy) = space.positions, space.velocities
    mechanics = compile_mechanics(vx**2 / 2 + C1 * vy**2 - C2 * x**2, space, constants=(C1, C2))
    q, v, _ = draw(space, 3)
    varied = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    mass, force = mechanics.mass_and_force(0.0, q, v, varied)
    for k in range(3):
        one_mass, one_force = mechanics.mass_and_force(0.0, q, v, varied[:, k])
        np.testing.assert_array_equal(mass[k], one_mass[k])
        np.testing.assert_array_equal(force[k], one_force[k])
    assert mass[:, 0, 0].tolist() == [1.0, 1.0, 1.0]
    assert mass[:, 1, 1].tolist() == [2.0, 4.0, 6.0]


def test_friction_is_taken_off_the_force():
    space = JetSpace(("x",))
    (x,), (v,) = space.positions, space.velocities
    mechanics = compile_mechanics(v**2 / 2 - x**2 / 2, space, dissipation=C1 * v**2 / 2, constants=(C1,))
    acceleration = mechanics.acceleration(0.0, np.array([[1.0]]), np.array([[2.0]]), [0.3])
    assert acceleration[0, 0] == pytest.approx(-1.6)


def test_energy_and_time():
    space = JetSpace(("x",))
    (x,), (v,), t = space.positions, space.velocities, space.base_symbols[0]
    mechanics = compile_mechanics(v**2 / 2 - t * x, space)
    times, ones = np.array([1.0, 2.0]), np.ones((2, 1))
    np.testing.assert_allclose(mechanics.energy(times, ones, ones), 0.5 + times)
    np.testing.assert_allclose(mechanics.acceleration(times, ones, ones)[:, 0], -times)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_singular_mass_matrix_gives_no_number(n):
    space = JetSpace(tuple("xyz"[:n]))
    lagrangian = sum(space.velocities) ** 2 * (0 if n == 1 else 1) - space.positions[0] ** 2
    q, v, _ = draw(space, 2)
    assert not np.isfinite(compile_mechanics(lagrangian, space).acceleration(0.0, q, v)).all()


def test_powers_and_roots_are_evaluated_in_full():
    space = JetSpace(("x",))
    (x,), (v,) = space.positions, space.velocities
    lagrangian = sp.sqrt(2) * v**2 / 2 + x**-3 + x**5 - sp.sqrt(x)
    q, v, _ = draw(space, 4)
    expected = (-3 * q**-4 + 5 * q**4 - 0.5 / np.sqrt(q)) / np.sqrt(2)
    np.testing.assert_allclose(compile_mechanics(lagrangian, space).acceleration(0.0, q, v), expected, rtol=1e-13)


def test_symbols_without_a_value_are_refused():
    space = JetSpace(("x",))
    with pytest.raises(InputError, match="no value for c1"):
        compile_mechanics(C1 * space.velocities[0] ** 2, space)
    field = JetSpace(("phi",), ("t", "x"))
    with pytest.raises(InputError, match="expected a particle"):
        compile_mechanics(field.symbol(0, (0,)) ** 2, field)
