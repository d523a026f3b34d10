"""Unconstrained and Hamiltonian networks learn what they can, and no more."""

import numpy as np
import pytest
import torch
from torch.func import grad, vmap

from lagsym import systems
from lagsym.errors import DataError, InputError
from lagsym.neural import FitOptions, Scaling
from lagsym.neural.baselines import (
    AccelerationNetwork,
    HamiltonExamples,
    HamiltonianNetwork,
    PhaseSpace,
    roll_out,
)
from lagsym.neural.examples import AccelerationExamples
from lagsym.neural.optimizers import Soap
from lagsym.neural.sweeps import residuals_and_jacobian
from lagsym.neural.training import Training
from lagsym.simulation import simulate

ANGLES = {"mass_spring": (), "pendulum": (0,), "position_dependent_mass": ()}


def jets_of(name, trajectories, seed, samples=300):
    jets = simulate(systems.get(name), trajectories=trajectories, seed=seed).jets()
    return jets.take(np.random.default_rng(seed).permutation(len(jets))[:samples])


def train(model, examples, held_out, steps=40):
    training = Training(model, examples, held_out, FitOptions(steps=steps, tolerance=0.0), "levenberg-marquardt", 0)
    training.run()
    return training.best_error


def velocity_as_momentum(jets):
    return PhaseSpace(jets.q, jets.v, jets.v, jets.a)


def learned(name, momentum, width=12):
    data = [momentum(jets_of(name, *which)) for which in ((10, 0), (4, 1))]
    model = HamiltonianNetwork.of(data[0], ANGLES[name], width=width)
    return model, train(model, *(HamiltonExamples.of(part, model) for part in data))


@pytest.mark.parametrize("name", ["mass_spring", "pendulum"])
def test_an_unconstrained_network_learns_accelerations(name):
    jets, choose = jets_of(name, 10, 0), jets_of(name, 4, 1)
    model = AccelerationNetwork(Scaling.of(jets, ANGLES[name]), width=12)
    assert train(model, *(AccelerationExamples.of(part, model) for part in (jets, choose)), steps=40) < 1e-3
    found = model.acceleration(torch.tensor(choose.q), torch.tensor(choose.v)).detach()
    np.testing.assert_allclose(found, choose.a, atol=5e-3 * np.abs(choose.a).max())


@pytest.mark.parametrize("name", ["mass_spring", "pendulum"])
def test_a_hamiltonian_network_learns_and_its_motion_stays_on_the_orbit(name):
    model, error = learned(name, velocity_as_momentum)
    assert error < 2e-3
    (segment,) = simulate(systems.get(name), trajectories=1, seed=7).segments
    q, p = roll_out(model, segment.q[:1], segment.v[:1], segment.t)
    np.testing.assert_allclose(q[:, 0], segment.q, atol=1e-2)
    np.testing.assert_allclose(p[:, 0], segment.v, atol=3e-2)


def test_where_the_mass_depends_on_position_only_the_right_momentum_will_do():
    parameters = systems.get("position_dependent_mass").parameters

    def canonical(jets):
        mass = 1 / (1 + parameters["lambda"] * jets.q**2)
        growth = -2 * parameters["lambda"] * jets.q * jets.v * mass**2
        return PhaseSpace(jets.q, mass * jets.v, jets.v, mass * jets.a + growth * jets.v)

    _, right = learned("position_dependent_mass", canonical)
    _, wrong = learned("position_dependent_mass", velocity_as_momentum)
    assert right < 3e-3
    assert wrong > 3e-2


def falls(seed, samples=400):
    """H = p²/2 - g q, with g of each sample its own."""
    generator = np.random.default_rng(seed)
    q, p, g = generator.uniform(-1, 1, (3, samples, 1))
    return PhaseSpace(q, p, p, g, g)


def test_a_hamiltonian_may_depend_on_parameters():
    data = [falls(seed) for seed in (0, 1)]
    model = HamiltonianNetwork.of(data[0], width=8)
    assert train(model, *(HamiltonExamples.of(part, model) for part in data)) < 5e-3
    times, field = np.linspace(0, 0.5, 5), np.array([[0.8], [-0.5]])
    q, p = roll_out(model, np.zeros((2, 1)), np.zeros((2, 1)), times, field)
    np.testing.assert_allclose(p[:, :, 0], np.outer(times, field), atol=1e-2)
    np.testing.assert_allclose(q[:, :, 0], np.outer(times**2, field) / 2, atol=1e-2)
    with pytest.raises(InputError, match="parameters"):
        model.rates(torch.zeros(2, 1).double(), torch.zeros(2, 1).double())
    with pytest.raises(DataError, match=r"parameters of shape \(400, k\)"):
        PhaseSpace(data[0].q, data[0].p, data[0].q_dot, data[0].p_dot, np.zeros((3, 1)))


def two_coordinates(samples=6):
    generator = np.random.default_rng(3)
    return PhaseSpace(*(generator.normal(size=(4, samples, 2)) * [1.0, 5.0]))


def test_rates_are_the_slopes_of_one_function():
    data = two_coordinates()
    model = HamiltonianNetwork.of(data, [0], width=6)
    units = model.scaling
    center, spread, momenta = (
        torch.tensor(x, dtype=torch.float64) for x in (units.center, units.spread, units.velocity)
    )

    def hamiltonian(q, p):
        x = (torch.stack([torch.sin(q[0]), q[1], torch.cos(q[0])]) - center) / spread
        x = torch.cat([x, p / momenta])
        weights = list(model.network)
        for k in (0, 2):
            x = torch.nn.functional.softplus(weights[k] @ x + weights[k + 1])
        return model.energy * (weights[4] @ x)[0]

    q, p = torch.tensor(data.q), torch.tensor(data.p)
    by_q, by_p = vmap(grad(hamiltonian, (0, 1)))(q, p)
    q_dot, p_dot = model.rates(q, p)
    torch.testing.assert_close(q_dot, by_p, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(p_dot, -by_q, rtol=1e-10, atol=1e-10)
    copy = model.converted(torch.float32)
    torch.testing.assert_close(copy.rates(q, p)[0].double(), q_dot, rtol=1e-4, atol=1e-4)


def test_units_of_the_data_do_not_matter():
    data = two_coordinates()
    length, time, mass = 1e3, 1e-2, 1e5
    momentum = mass * length / time
    scaled = PhaseSpace(data.q * length, data.p * momentum, data.q_dot * length / time, data.p_dot * momentum / time)
    models = [HamiltonianNetwork.of(part, width=6) for part in (data, scaled)]
    examples = [HamiltonExamples.of(*pair) for pair in zip((data, scaled), models, strict=True)]
    errors = [float(one.error(model).detach()) for one, model in zip(examples, models, strict=True)]
    assert errors[0] == pytest.approx(errors[1], rel=1e-9)


@pytest.mark.parametrize("kind", ["hamiltonian", "acceleration"])
def test_optimisers_get_the_gradients_of_single_residuals(kind):
    data = two_coordinates()
    if kind == "hamiltonian":
        model = HamiltonianNetwork.of(data, [0], width=6)
        examples = HamiltonExamples.of(data, model)
    else:
        jets = jets_of("double_pendulum", 1, 0, 6)
        model = AccelerationNetwork(Scaling.of(jets, [0, 1]), width=6)
        examples = AccelerationExamples.of(jets, model)
    _, jacobian = residuals_and_jacobian(model, examples)
    residuals = examples.residuals(model, model.outputs(examples.inputs)).flatten()
    assert len(jacobian) == len(residuals)
    for row, residual in zip(jacobian, residuals, strict=True):
        wanted = torch.autograd.grad(residual, list(model.network), retain_graph=True, materialize_grads=True)
        torch.testing.assert_close(row, torch.cat([p.flatten() for p in wanted]), rtol=1e-9, atol=1e-11)
    optimizer = Soap(model, 60)
    errors = [optimizer.step(examples) for _ in range(60)]
    assert errors[-1] < 0.9 * errors[0]


def test_phase_space_is_checked():
    good = np.zeros((3, 2))
    with pytest.raises(DataError, match="one shape"):
        PhaseSpace(good, good, good, good[:2])
    with pytest.raises(DataError, match="p_dot"):
        PhaseSpace(good, good, good, good + np.nan)
    with pytest.raises(InputError, match="angles"):
        HamiltonianNetwork.of(two_coordinates(), [5])
