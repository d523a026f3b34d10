import numpy as np
import pytest

from lagsym.data.derivatives import differentiate
from lagsym.data.trajectories import Segment, Trajectories
from lagsym.distillation.equations import ask_for_lagrangian, find_equations, weak_misfit
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.notation.parsing import parse
from lagsym.mechanics.system import System
from lagsym.simulation import simulate
from lagsym.systems import get


def seen(name: str, noise: float = 0.0, seed: int = 0) -> Trajectories:
    return differentiate(simulate(get(name), trajectories=12, noise=noise, seed=seed).positions_only())


@pytest.mark.parametrize(("noise", "tolerance"), [(0.0, 1e-5), (0.001, 2e-3)])
def test_forces_without_a_lagrangian_are_found_and_told_apart(noise, tolerance):
    system, data = get("quadratic_force"), seen("quadratic_force", noise)
    found = find_equations(data)
    assert found is not None
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 40, 2))
    x, y = points[0].T
    values = system.parameters
    truth = np.stack([values["alpha"] * (x**2 + y**2), values["beta"] * x], axis=1)
    np.testing.assert_allclose(found.functions()[0](*points), truth, atol=tolerance)
    assert ask_for_lagrangian(found, data).answer == "impossible"


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_a_conservative_system_is_not_called_impossible(noise):
    data = seen("henon_heiles", noise)
    found = find_equations(data)
    assert found is not None
    assert ask_for_lagrangian(found, data).answer != "impossible"


def test_one_coordinate_always_has_a_lagrangian():
    data = seen("damped_pendulum")
    found = find_equations(data)
    assert found is not None
    space = found.space
    (theta,), (omega,) = space.positions, space.velocities
    difference = found.accelerations[0] - parse("-sin(theta) - theta_dot", space.names)
    assert difference.free_symbols <= {theta, omega}
    assert ask_for_lagrangian(found, data).answer == "exists"


@pytest.mark.parametrize("noise", [0.0, 0.001])
def test_friction_beside_a_lagrangian_is_not_called_impossible(noise):
    """Coupled oscillators with friction of one of them alone, which no Lagrangian gives by itself."""
    space = JetSpace(("x", "y"))
    (x, y), (v, w) = space.positions, space.velocities
    ranges = dict.fromkeys(("x", "y", "x_dot", "y_dot"), (-1.0, 1.0))
    free = (v**2 + w**2 - 2 * x**2 + x * y - y**2) / 2
    system = System("damped", space, free, dissipation=v**2 / 10, ranges=ranges, span=10.0, step=0.02)
    data = differentiate(simulate(system, trajectories=8, noise=noise, seed=0).positions_only())
    found = find_equations(data)
    assert found is not None
    assert found.even.accelerations != found.accelerations
    existence = ask_for_lagrangian(found, data)
    assert existence.answer == "undecided"
    assert "with friction is not excluded" in existence.sentence


def test_friction_does_not_excuse_a_circulatory_force():
    data = seen("damped_circulatory")
    found = find_equations(data)
    assert found is not None
    assert ask_for_lagrangian(found, data).answer == "impossible"


def test_a_random_walk_has_no_equations():
    generator, t = np.random.default_rng(0), 0.02 * np.arange(401)
    walks = (np.cumsum(generator.standard_normal((len(t), 2)), axis=0) for _ in range(6))
    data = Trajectories(("x", "y"), tuple(Segment(t, q, trajectory=str(k)) for k, q in enumerate(walks)))
    assert find_equations(differentiate(data)) is None


def test_the_misfit_is_the_share_that_is_left():
    data = seen("henon_heiles")
    exact = data.jets().a
    np.testing.assert_allclose(weak_misfit(exact, data), 0, atol=1e-6)
    np.testing.assert_allclose(weak_misfit(0.9 * exact, data), 0.01, rtol=1e-2)
    np.testing.assert_allclose(weak_misfit(np.zeros_like(exact), data), 1.0, rtol=1e-12)
