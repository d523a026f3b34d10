import pytest
import sympy as sp

from lagsym import systems
from lagsym.mechanics.calculus import euler_lagrange, total_derivative
from lagsym.mechanics.forms import accelerations, canonical_momenta, energy, force_vector, mass_matrix
from lagsym.mechanics.jetspace import JetSpace

CATALOGUE = systems.catalogue()


@pytest.mark.parametrize("system", CATALOGUE.values(), ids=list(CATALOGUE))
def test_euler_lagrange_is_force_less_mass_times_acceleration(system):
    space = system.space
    off_shell = force_vector(system.lagrangian, space) - mass_matrix(system.lagrangian, space) * sp.Matrix(
        space.accelerations
    )
    for ours, theirs in zip(off_shell, euler_lagrange(system.lagrangian, space), strict=True):
        assert sp.expand(ours - theirs) == 0


@pytest.mark.parametrize("system", CATALOGUE.values(), ids=list(CATALOGUE))
def test_energy_changes_only_off_the_motion(system):
    # dh/dt = -v . E identically.
    rate = total_derivative(energy(system.lagrangian, system.space), system.space)
    work = sum(
        v * e for v, e in zip(system.space.velocities, euler_lagrange(system.lagrangian, system.space), strict=True)
    )
    assert sp.expand(rate + work) == 0


def test_explicit_time_enters_the_force():
    space = JetSpace(("q",))
    (v,), t = space.velocities, space.base_symbols[0]
    lagrangian = sp.exp(t) * v**2 / 2
    assert force_vector(lagrangian, space)[0] == -sp.exp(t) * v
    assert accelerations(lagrangian, space)[0] == -v


def test_friction_slows_down():
    space = JetSpace(("q",))
    (q,), (v,) = space.positions, space.velocities
    gamma = sp.Symbol("gamma", real=True)
    (acceleration,) = accelerations(2 * v**2 - q**2, space, dissipation=gamma * v**2 / 2)
    assert sp.expand(acceleration - (-2 * q - gamma * v) / 4) == 0


def test_magnetic_momenta():
    space = JetSpace(("x", "y"))
    (x, _), (vx, vy) = space.positions, space.velocities
    assert canonical_momenta((vx**2 + vy**2) / 2 + x * vy, space) == (vx, vy + x)
