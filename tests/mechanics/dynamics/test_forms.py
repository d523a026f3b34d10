import itertools

import pytest
import sympy as sp

from lagsym import systems
from lagsym.errors import InputError
from lagsym.mechanics.calculus import euler_lagrange, total_derivative
from lagsym.mechanics.dynamics.forms import accelerations, canonical_momenta, energy, force_vector, mass_matrix, power
from lagsym.mechanics.jetspace import JetSpace

PARTICLES, CATALOGUE = systems.particles(), systems.catalogue()
LINE = JetSpace(("q",))
STRING = JetSpace(("u",), ("t", "x"))


@pytest.mark.parametrize("system", PARTICLES.values(), ids=list(PARTICLES))
def test_euler_lagrange_is_force_less_mass_times_acceleration(system):
    space = system.space
    off_shell = force_vector(system.lagrangian, space) - mass_matrix(system.lagrangian, space) * sp.Matrix(
        space.accelerations
    )
    for ours, theirs in zip(off_shell, euler_lagrange(system.lagrangian, space), strict=True):
        assert sp.expand(ours - theirs) == 0


def flux(lagrangian, space):
    """The flux of energy through space, from Noether's theorem for a shift in time."""
    total = 0
    for i, mu in itertools.product(range(len(space.fields)), range(1, len(space.base))):
        rate, momentum = space.symbol(i, (0,)), sp.diff(lagrangian, space.symbol(i, (mu,)))
        second = sp.diff(lagrangian, space.symbol(i, (mu, mu)))
        current = rate * (momentum - total_derivative(second, space, mu)) + space.symbol(i, (0, mu)) * second
        total += total_derivative(current, space, mu)
    return total


@pytest.mark.parametrize("system", CATALOGUE.values(), ids=list(CATALOGUE))
def test_energy_changes_by_power_flux_and_off_the_motion(system):
    # dh/dt = -v . E - dL/dt - divergence, identically.
    space, lagrangian = system.space, system.lagrangian
    rate = total_derivative(energy(lagrangian, space), space)
    work = sum(v * e for v, e in zip(space.velocities, euler_lagrange(lagrangian, space), strict=True))
    assert sp.expand(rate + work + flux(lagrangian, space) - power(lagrangian, space)) == 0


@pytest.mark.parametrize("system", PARTICLES.values(), ids=list(PARTICLES))
def test_power_is_the_rate_of_energy_along_the_motion(system):
    space, options = system.space, {"dissipation": system.numeric_dissipation, "forces": system.numeric_forces}
    lagrangian = system.numeric_lagrangian
    point = {x: sp.Rational(3 + 2 * k, 17) for k, x in enumerate((space.base_symbols[0], *space.positions))}
    point |= {v: sp.Rational(2 - k, 19) for k, v in enumerate(space.velocities)}
    solved = accelerations(lagrangian, space, **options)
    along = total_derivative(energy(lagrangian, space), space).xreplace(
        dict(zip(space.accelerations, [a.subs(point) for a in solved], strict=True))
    )
    assert abs((along - power(lagrangian, space, **options)).subs(point).evalf(30)) < 1e-13


def test_friction_takes_twice_the_rayleigh_function():
    (q,), (v,), t = LINE.positions, LINE.velocities, LINE.base_symbols[0]
    lagrangian = v**2 / 2 - t * q**2
    assert sp.expand(power(lagrangian, LINE, dissipation=3 * v**2, forces={"q": sp.sin(t)})) == (
        -6 * v**2 + v * sp.sin(t) + q**2
    )


def test_explicit_time_enters_the_force():
    (v,), t = LINE.velocities, LINE.base_symbols[0]
    lagrangian = sp.exp(t) * v**2 / 2
    assert force_vector(lagrangian, LINE)[0] == -sp.exp(t) * v
    assert accelerations(lagrangian, LINE)[0] == -v


def test_friction_slows_down():
    (q,), (v,) = LINE.positions, LINE.velocities
    gamma = sp.Symbol("gamma", real=True)
    (acceleration,) = accelerations(2 * v**2 - q**2, LINE, dissipation=gamma * v**2 / 2)
    assert sp.expand(acceleration - (-2 * q - gamma * v) / 4) == 0


def test_magnetic_momenta():
    space = JetSpace(("x", "y"))
    (x, _), (vx, vy) = space.positions, space.velocities
    assert canonical_momenta((vx**2 + vy**2) / 2 + x * vy, space) == (vx, vy + x)


def test_ostrogradsky_momenta_and_energy_of_the_pais_uhlenbeck_oscillator():
    # P. D. Mannheim and A. Davidson, Physical Review A 71 (2005) 042110, equations 2 to 5.
    (q,), (v,), (a,) = LINE.positions, LINE.velocities, LINE.accelerations
    jerk = LINE.symbol(0, (0, 0, 0))
    gamma, w1, w2 = sp.symbols("gamma omega1 omega2", real=True)
    lagrangian = gamma * (a**2 - (w1**2 + w2**2) * v**2 + w1**2 * w2**2 * q**2) / 2
    first, second = canonical_momenta(lagrangian, LINE)
    assert sp.expand(first - (-gamma * (w1**2 + w2**2) * v - gamma * jerk)) == 0
    assert second == gamma * a
    expected = gamma * (a**2 / 2 - (w1**2 + w2**2) * v**2 / 2 - w1**2 * w2**2 * q**2 / 2 - v * jerk)
    assert sp.expand(energy(lagrangian, LINE) - expected) == 0


def test_energy_of_second_order_changes_only_off_the_motion():
    space = JetSpace(("x", "y"))
    (x, y), (vx, vy), (ax, ay) = space.positions, space.velocities, space.accelerations
    t = space.base_symbols[0]
    lagrangian = (1 + y**2) * ax**2 / 2 + ax * ay * sp.cos(x) + ay**2 * vx + vx * vy * t - sp.exp(x * y)
    rate = total_derivative(energy(lagrangian, space), space)
    work = sum(v * e for v, e in zip(space.velocities, euler_lagrange(lagrangian, space), strict=True))
    assert sp.expand(rate + work - power(lagrangian, space)) == 0


def test_momentum_of_a_beam_with_rotary_inertia():
    # L = u_t^2 / 2 + u_tx^2 / 2 - u_xx^2 / 2: p = u_t - u_txx.
    u_t, u_tx, u_xx = (STRING.symbol(0, index) for index in ((0,), (0, 1), (1, 1)))
    (momentum,) = canonical_momenta((u_t**2 + u_tx**2 - u_xx**2) / 2, STRING)
    assert sp.expand(momentum - (u_t - STRING.symbol(0, (0, 1, 1)))) == 0


def test_what_has_no_mass_matrix_is_refused():
    (a,), u_tx, u_x = LINE.accelerations, STRING.symbol(0, (0, 1)), STRING.symbol(0, (1,))
    for compute in (mass_matrix, force_vector, accelerations):
        with pytest.raises(InputError, match="solve_motion"):
            compute(a**2, LINE)
    with pytest.raises(InputError, match="got u_tx"):
        mass_matrix(u_tx**2, STRING)
    with pytest.raises(InputError, match=r"over \(t, x\)"):
        force_vector(u_x**2, STRING)


def test_a_degenerate_lagrangian_has_no_accelerations():
    space = JetSpace(("x", "y"))
    vx, vy = space.velocities
    with pytest.raises(InputError, match="singular everywhere"):
        accelerations((vx + vy) ** 2, space)
    with pytest.raises(InputError, match="do not determine q_ddot"):
        accelerations(LINE.velocities[0] * LINE.positions[0], LINE)


def test_a_potential_without_a_formula():
    (q,), (v,) = LINE.positions, LINE.velocities
    mass, potential = sp.Function("m")(q), sp.Function("V")(q)
    (acceleration,) = accelerations(mass * v**2 / 2 - potential, LINE)
    expected = (-mass.diff(q) * v**2 / 2 - potential.diff(q)) / mass
    assert sp.simplify(acceleration - expected) == 0


def test_forces_by_unknown_names_are_refused():
    with pytest.raises(InputError, match="got r"):
        power(LINE.velocities[0] ** 2, LINE, forces={"r": sp.S.One})
