import numpy as np
import pytest
import sympy as sp

from lagsym.data.derivatives import differentiate
from lagsym.distillation.friction.energy_balance import balance_energy
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System
from lagsym.simulation import simulate
from lagsym.systems import get

SPACE = JetSpace(("theta",))
(THETA,), (OMEGA,) = SPACE.positions, SPACE.velocities
FRICTIONLESS = ("mass_spring", "pendulum", "double_pendulum", "kepler", "spring_pendulum", "coupled_oscillators")


@pytest.mark.parametrize("noise", [0.0, 1e-2])
@pytest.mark.parametrize("name", FRICTIONLESS)
def test_nothing_is_found_where_there_is_none(name, noise):
    system = get(name)
    data = differentiate(simulate(system, noise=noise, trajectories=6))
    assert balance_energy(system.numeric_lagrangian, data).terms == ()


@pytest.mark.parametrize("rate", [0.02, 0.2])
def test_friction_is_found_with_its_size(rate):
    lagrangian = OMEGA**2 / 2 + 4.5 * sp.cos(THETA)
    system = System("damped", SPACE, lagrangian, dissipation=rate * OMEGA**2 / 2)
    start = (np.array([[2.0], [1.0]]), np.array([[0.0], [1.0]]))
    found = balance_energy(lagrangian, differentiate(simulate(system, initial=start, noise=1e-3, span=20.0)))
    assert found.terms == (OMEGA**2 / 2,)
    assert found.coefficients[0] == pytest.approx(rate, rel=0.05)
    assert found.significance[0] > 4


def test_a_gain_of_energy_is_no_friction():
    lagrangian = OMEGA**2 / 2 + 4.5 * sp.cos(THETA)
    system = System("driven", SPACE, lagrangian, dissipation=-0.05 * OMEGA**2 / 2)
    start = (np.array([[0.5]]), np.array([[0.0]]))
    found = balance_energy(lagrangian, differentiate(simulate(system, initial=start, span=10.0)))
    assert found.terms == ()


def test_samples_beyond_the_speed_limit_are_left_out():
    system = get("lnn_relativistic")
    learn = differentiate(simulate(system, seed=0, noise=5e-3).positions_only())
    assert np.abs(learn.jets().v).max() > 1
    found = balance_energy(system.numeric_lagrangian, learn)
    assert found.terms == ()
    assert np.isfinite(found.strongest)
