"""Friction: by construction it takes energy out, whatever the weights; learned, it is the data's."""

import dataclasses

import numpy as np
import pytest
import sympy as sp
import torch
from torch.func import grad, vmap

from lagsym import systems
from lagsym.neural import STRUCTURES, FitOptions, Scaling
from lagsym.neural.examples import AccelerationExamples, BalanceExamples
from lagsym.neural.models.dissipation import Dissipation
from lagsym.neural.models.open_system import OpenSystem, surround
from lagsym.neural.optimizers import Soap
from lagsym.neural.sweeps import residuals_and_jacobian
from lagsym.neural.training import Training
from lagsym.simulation import simulate

CENTERS, SPREADS = (0.1, 0.3, -0.2, 0.4, 0.5), (0.6, 1.7, 0.8, 2.0, 0.7)
RICH = Scaling((0,), CENTERS, SPREADS, (2.5, 0.4), 0.3, explicit_time=True, parameters=1)


def jets_of(system, trajectories, seed, samples):
    jets = simulate(system, trajectories=trajectories, seed=seed).jets()
    return jets.take(np.random.default_rng(seed).permutation(len(jets))[:samples])


def learned(system, angles, *, steps=50, width=8, samples=250):
    """A natural network with friction after some steps of Levenberg–Marquardt, and held-out jets."""
    train, choose = jets_of(system, 10, 0, samples), jets_of(system, 4, 1, 300)
    bare = STRUCTURES["natural"](Scaling.of(train, angles), width=width)
    model = surround(bare, train, dissipation=True)
    examples, held_out = (AccelerationExamples.of(jets, model) for jets in (train, choose))
    options = FitOptions(width=width, steps=steps, tolerance=0.0)
    Training(model, examples, held_out, options, "levenberg-marquardt", 0).run()
    return model, choose


def with_friction(name, dissipation):
    system = systems.get(name)
    return dataclasses.replace(system, dissipation=dissipation(*system.space.velocities), conserved={})


def relative(found, truth):
    return np.linalg.norm(found - truth) / np.linalg.norm(truth)


def draw(samples=9, seed=0, structure="natural", strength=1.0):
    """An untrained model with friction, and states."""
    generator = torch.Generator().manual_seed(seed)
    lagrangian = STRUCTURES[structure](RICH, width=7, seed=seed)
    model = OpenSystem(lagrangian, (Dissipation.of(RICH),), seed=seed)
    with torch.no_grad():
        for parameter in list(model.network)[len(lagrangian.network) :]:
            parameter.mul_(strength)
    q, v = torch.randn(2, samples, 2, generator=generator, dtype=torch.float64)
    t, p = torch.rand(2, samples, generator=generator, dtype=torch.float64)
    return model, (q, v, t, p.unsqueeze(1))


def rayleigh(model, q, v, p):
    """The Rayleigh function, written from its definition in the data's units: a second opinion."""
    x = torch.stack([torch.sin(q[0]), q[1], torch.cos(q[0]), p[0]])
    kept = [0, 1, 2, 4]  # the feature at 3 is time
    x = (x - torch.tensor(CENTERS, dtype=x.dtype)[kept]) / torch.tensor(SPREADS, dtype=x.dtype)[kept]
    weights = list(model.network)[len(model.lagrangian.network) :]
    for weight, bias in ((weights[0], weights[1]), (weights[2], weights[3])):
        x = torch.nn.functional.softplus(weight @ x + bias)
    out = weights[4] @ x + weights[5]
    w = v / torch.tensor(RICH.velocity, dtype=v.dtype)
    total = 0
    for j, plain in enumerate(((1, 0), (0, 1), (1, -1))):
        direction = out[2 * j : 2 * j + 2] + torch.tensor(plain)
        slip = direction @ w / torch.sqrt(direction @ direction + 1e-6)
        viscous, dry, quadratic, weakening = torch.nn.functional.softplus(out[6 + 4 * j : 10 + 4 * j] - 2)
        width = torch.nn.functional.softplus(out[18 + j] - 1) + 1e-3
        total = total + viscous * slip**2 / 2 + dry * (torch.sqrt(width**2 + slip**2) - width)
        total = total + quadratic * slip.abs() ** 3 / 3 + weakening * width * torch.log(1 + slip**2 / width**2)
    return total / RICH.time


def test_friction_is_the_slope_of_the_rayleigh_function_and_nothing_of_the_lagrangian():
    model, (q, v, t, p) = draw()
    torch.testing.assert_close(model.rayleigh(q, v, p), vmap(lambda *s: rayleigh(model, *s))(q, v, p))
    friction = -vmap(grad(lambda v, q, p: rayleigh(model, q, v, p)))(v, q, p)
    mass, force = model.mass_and_force(q, v, t, p)
    bare_mass, bare_force = model.lagrangian.mass_and_force(q, v, t, p)
    torch.testing.assert_close(mass, bare_mass)
    torch.testing.assert_close(force, bare_force)
    moved = torch.linalg.solve(mass, force + friction)
    torch.testing.assert_close(model.acceleration(q, v, t, p), moved, rtol=1e-9, atol=1e-9)
    assert (model.acceleration(q, v, t, p) - model.lagrangian.acceleration(q, v, t, p)).abs().max() > 1e-2


@pytest.mark.parametrize("strength", [1.0, 30.0])
def test_friction_takes_energy_out_whatever_the_weights(strength):
    for seed in range(8):
        model, (q, v, t, p) = draw(200, seed, strength=strength)
        inputs = model.inputs(q, v, t, p)
        friction, applied = model.forces(model.outputs(inputs), inputs)
        assert applied is None
        power = (friction * inputs.velocity).sum(1)
        assert power.max() <= 0
        assert power.min() < 0
        value = model.rayleigh(q, v, p)
        assert value.min() >= 0
        torch.testing.assert_close(model.rayleigh(q, -v, p), value)
        assert not model.rayleigh(q, 0 * v, p).any()
        still = inputs.at_rest()
        assert not model.forces(model.outputs(still), still)[0].any()


def test_reading_and_parts_keep_friction_and_lagrangian_apart(pendulum):
    _, choose = pendulum
    bare = STRUCTURES["gyroscopic"](Scaling.of(choose, (0,)), width=5)
    assert surround(bare, choose) is bare
    model = surround(bare, choose, dissipation=True)
    mine, theirs = model.read(choose), bare.read(choose)
    for name in ("mass", "force", "potential", "mass_at_rest", "gyroscopic", "applied_force"):
        np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name))
    assert not theirs.dissipative_force.any()
    moved = np.einsum("bij,bj->bi", mine.mass, mine.acceleration)
    np.testing.assert_allclose(moved, mine.force + mine.dissipative_force, rtol=1e-10)
    assert np.abs(mine.dissipative_force).max() > 1e-3


@pytest.mark.parametrize("loss", [AccelerationExamples, BalanceExamples])
@pytest.mark.parametrize("structure", ["natural", "separable", "free"])
def test_jacobian_rows_are_gradients_of_single_residuals(structure, loss, double_pendulum):
    jets = double_pendulum[0].take(np.arange(5))
    model = surround(STRUCTURES[structure](Scaling.of(jets, (0, 1)), width=6), jets, dissipation=True)
    examples = loss.of(jets, model)
    residuals, jacobian = residuals_and_jacobian(model, examples)
    again = examples.residuals(model, model.outputs(examples.inputs)).flatten()
    torch.testing.assert_close(residuals, again.detach(), rtol=1e-12, atol=1e-12)
    for k, residual in enumerate(again):
        row = torch.autograd.grad(residual, list(model.network), retain_graph=True)
        torch.testing.assert_close(jacobian[k], torch.cat([part.flatten() for part in row]), rtol=1e-9, atol=1e-11)


def test_a_copy_in_single_precision_and_first_order_steps(pendulum):
    train, _ = pendulum
    model = surround(STRUCTURES["natural"](Scaling.of(train, (0,)), width=8), train, dissipation=True)
    single = model.converted(torch.float32)
    np.testing.assert_allclose(single.read(train).acceleration, model.read(train).acceleration, rtol=1e-3, atol=1e-3)
    optimizer, examples = Soap(single, 100), AccelerationExamples.of(train.take(np.arange(100)), single)
    before = [parameter.detach().clone() for parameter in single.network]
    errors = [optimizer.step(examples) for _ in range(100)]
    assert errors[-1] < 0.7 * errors[0]
    assert not any(torch.equal(*pair) for pair in zip(before, single.network, strict=True))


def test_a_damped_pendulum_is_told_apart_from_its_friction():
    model, choose = learned(systems.get("damped_pendulum"), (0,))
    reading = model.read(choose)
    scale = 1 / reading.mass.mean()
    assert reading.mass.std() * scale < 1e-3
    potential = scale * reading.potential + 9.81 * np.cos(choose.q[:, 0])
    assert potential.std() < 5e-3 * 9.81
    assert relative(scale * reading.dissipative_force, -0.2 * choose.v) < 1e-2
    found = scale * model.rayleigh(*(torch.tensor(x) for x in (choose.q, choose.v))).detach().numpy()
    assert relative(found, 0.1 * choose.v[:, 0] ** 2) < 1e-2


def test_where_nothing_rubs_no_friction_is_found():
    model, choose = learned(systems.get("pendulum"), (0,))
    reading = model.read(choose)
    assert np.linalg.norm(reading.dissipative_force) < 1e-3 * np.linalg.norm(reading.force)


def test_friction_between_two_coordinates():
    system = with_friction("coupled_oscillators", lambda v1, v2: (0.3 * (v1 - v2) ** 2 + 0.1 * v2**2) / 2)
    model, choose = learned(system, (), width=6)
    reading, (v1, v2) = model.read(choose), choose.v.T
    parameters = dict(system.parameters)
    truth = np.diag([parameters["m1"], parameters["m2"]])
    # Uncoupled parts of a linear system have more Lagrangians than the scale; M⁻¹ dD/dv is the data's in any case.
    found = np.linalg.solve(reading.mass, reading.dissipative_force[..., None])[..., 0]
    wanted = -np.stack([0.3 * (v1 - v2), 0.3 * (v2 - v1) + 0.1 * v2], 1) / truth.diagonal()
    assert relative(found, wanted) < 2e-2


def dry(v):
    return sp.Rational(2, 5) * sp.sqrt(v**2 + sp.Rational(1, 400))


def quadratic(v):
    return sp.sqrt(v**2) ** 3 / 30


def weakening(v):
    return sp.log(1 + 10 * v**2) / 10


@pytest.mark.parametrize("law", [dry, pytest.param(quadratic, marks=pytest.mark.slow), weakening])
def test_drag_that_is_not_linear(law):
    system = with_friction("mass_spring", law)
    model, choose = learned(system, ())
    reading, (v,) = model.read(choose), system.space.velocities
    truth = -sp.lambdify(v, sp.diff(system.dissipation, v))(choose.v + 1e-12)
    assert relative(reading.dissipative_force / reading.mass.mean(), truth) < 3e-2
    assert reading.mass.std() < 1e-2 * reading.mass.mean()


@pytest.mark.slow
def test_a_damped_double_pendulum_is_told_apart_from_its_friction():
    system = with_friction("double_pendulum", lambda w1, w2: (0.3 * w1**2 + 0.2 * (w2 - w1) ** 2) / 2)
    model, choose = learned(system, (0, 1), steps=100, width=16, samples=600)
    reading, (w1, w2) = model.read(choose), choose.v.T
    truth = np.empty_like(reading.mass)
    truth[:, 0, 0], truth[:, 1, 1] = 2, 1
    truth[:, 0, 1] = truth[:, 1, 0] = np.cos(choose.q[:, 0] - choose.q[:, 1])
    scale = (reading.mass * truth).sum() / (reading.mass**2).sum()
    assert relative(scale * reading.mass, truth) < 1e-2
    potential = -9.8 * (2 * np.cos(choose.q[:, 0]) + np.cos(choose.q[:, 1]))
    assert (scale * reading.potential - potential).std() < 1e-2 * potential.std()
    friction = -np.stack([0.3 * w1 + 0.2 * (w1 - w2), 0.2 * (w2 - w1)], 1)
    assert relative(scale * reading.dissipative_force, friction) < 5e-2
