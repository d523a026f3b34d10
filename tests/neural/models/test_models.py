"""What every Lagrangian network promises: the equation, its units, its periods and its canonical parts."""

import math

import numpy as np
import pytest
import torch
from torch.func import grad, jacrev, vmap

from lagsym.data.jets import Jets
from lagsym.errors import InputError
from lagsym.neural import STRUCTURES, Scaling
from lagsym.neural.linear import solve

UNITS = Scaling((1,), (0.3, 0.1, -0.2), (1.7, 0.8, 0.6), (2.5, 0.4), 0.3)
CENTERS, SPREADS = (0.1, 0.3, -0.2, 0.2, 0.4, 1.0, 0.5), (0.6, 1.7, 0.8, 0.9, 1.1, 2.0, 0.7)
RICH = Scaling((0,), CENTERS, SPREADS, (2.5, 0.4), 0.3, harmonics=2, explicit_time=True, parameters=1)
"""An angle with its double, explicit time and one parameter."""


def draw(samples=9, coordinates=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(3, samples, coordinates, generator=generator, dtype=torch.float64)


def context(model, samples=9):
    """Times and parameters, which only some Lagrangians look at."""
    generator = torch.Generator().manual_seed(5)
    parameters = torch.rand(samples, model.scaling.parameters, generator=generator, dtype=torch.float64)
    return torch.rand(samples, generator=generator, dtype=torch.float64), parameters


def perceptron(tensors, x):
    *hidden, last = [tensors[k : k + 2] for k in range(0, len(tensors), 2)]
    for weight, bias in hidden:
        x = torch.nn.functional.softplus(weight @ x + bias)
    return last[0] @ x + (last[1] if len(last) > 1 else 0)


def lagrangian(model, q, v, t, p):
    """The Lagrangian itself, written from the definition, in the data's units: every model's second opinion."""
    units = model.scaling
    angles = list(units.angles)
    raw = [torch.sin(q[i]) if i in angles else q[i] for i in range(len(q))] + [torch.cos(q[i]) for i in angles]
    for k in range(2, units.harmonics + 1):
        raw += [torch.sin(k * q[i]) for i in angles] + [torch.cos(k * q[i]) for i in angles]
    raw += [t] if units.explicit_time else []
    raw += list(p)
    rows = (units.center, units.spread, units.velocity)
    center, spread, velocity = (torch.tensor(row, dtype=torch.float64) for row in rows)
    x, w, network = (torch.stack(raw) - center) / spread, v / velocity, list(model.network)
    if model.structure == "free":
        return perceptron(network, torch.cat([x, w]))[0] + 0.5 * (w * w).sum()
    if model.structure == "separable":
        half = 2 * model.depth + 1
        known = x[len(x) - units.parameters :]
        kinetic = perceptron(network[:half], torch.cat([w, known]))[0] + 0.5 * (w * w).sum()
        return kinetic - perceptron(network[half:], x)[0]
    out = perceptron(network, x)
    diagonal = torch.nn.functional.softplus(out[[0, 2]] + math.log(math.e - 1)) + 1e-4
    factor = torch.stack([torch.stack([diagonal[0], torch.zeros(())]), torch.stack([out[1], diagonal[1]])])
    linear = (out[3:5] * w).sum() if model.structure == "gyroscopic" else 0
    return 0.5 * (factor.T @ w).square().sum() + linear - out[-1]


@pytest.fixture(params=list(STRUCTURES))
def model(request):
    return STRUCTURES[request.param](UNITS, width=11, depth=2, seed=3)


@pytest.fixture(params=[UNITS, RICH], ids=["autonomous", "time and parameters"])
def any_model(request, model):
    return type(model)(request.param, width=11, depth=2, seed=3)


def test_mass_and_force_are_those_of_the_lagrangian(any_model):
    model = any_model
    q, v, _ = draw()
    t, p = context(model)

    def reference(q, v, t, p):
        by_v = grad(lambda q, v, t: lagrangian(model, q, v, t, p), 1)
        mixed, explicit = jacrev(by_v, 0)(q, v, t), jacrev(by_v, 2)(q, v, t)
        by_q = grad(lambda q: lagrangian(model, q, v, t, p))(q)
        return jacrev(by_v, 1)(q, v, t), by_q - mixed @ v - explicit

    mass, force = model.mass_and_force(q, v, t, p)
    mass_reference, force_reference = vmap(reference)(q, v, t, p)
    torch.testing.assert_close(mass, mass_reference, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(force, force_reference, rtol=1e-10, atol=1e-10)


def test_gradients_are_those_of_the_lagrangian(any_model):
    model = any_model
    q, v, _ = draw()
    t, p = context(model)
    inputs = model.inputs(q, v, t, p)
    by_position, momentum = model.gradients(model.outputs(inputs), inputs)
    units = torch.tensor(model.scaling.velocity, dtype=torch.float64)
    wanted = vmap(grad(lambda q, v, t, p: lagrangian(model, q, v, t, p), (0, 1)))(q, v, t, p)
    torch.testing.assert_close(by_position / (units * model.scaling.time), wanted[0], rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(momentum / units, wanted[1], rtol=1e-10, atol=1e-10)


def test_canonical_parts_are_those_of_the_lagrangian(any_model):
    model = any_model
    q, _, _ = draw()
    t, p = context(model)
    rest = torch.zeros(2, dtype=torch.float64)
    by_v = grad(lambda q, v, t, p: lagrangian(model, q, v, t, p), 1)
    curl = vmap(lambda q, t, p: jacrev(by_v, 0)(q, rest, t, p))(q, t, p)  # curl[:, j, i] = dA_j / dq_i
    potential = -vmap(lambda q, t, p: lagrangian(model, q, rest, t, p))(q, t, p)
    parts = model.parts(q, t, p)
    torch.testing.assert_close(parts.potential, potential, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(parts.mass, model.mass_and_force(q, torch.zeros_like(q), t, p)[0])
    torch.testing.assert_close(parts.gyroscopic, curl.mT - curl, rtol=1e-10, atol=1e-10)


def test_times_and_parameters_that_are_needed_and_missing_are_asked_for(model):
    q, v, _ = draw()
    rich = type(model)(RICH, width=4)
    with pytest.raises(InputError, match="times"):
        rich.mass_and_force(q, v)
    with pytest.raises(InputError, match="parameters"):
        rich.mass_and_force(q, v, torch.zeros(9), torch.zeros(9, 2))


def test_euler_lagrange_vanishes_at_the_models_own_acceleration_only(model):
    q, v, a = draw()
    own = model.acceleration(q, v)
    assert model.euler_lagrange(q, v, own).abs().max() < 1e-10
    mass, force = model.mass_and_force(q, v)
    torch.testing.assert_close(model.euler_lagrange(q, v, a), force - torch.einsum("bij,bj->bi", mass, a))


def test_an_angle_has_period_two_pi_and_a_length_has_none(model):
    q, v, _ = draw()
    turned, moved = q + 4 * math.pi * torch.eye(2, dtype=q.dtype)[1], q + 2 * math.pi * torch.eye(2, dtype=q.dtype)[0]
    here = torch.cat([x.flatten() for x in model.mass_and_force(q, v)])
    torch.testing.assert_close(torch.cat([x.flatten() for x in model.mass_and_force(turned, v)]), here)
    assert not torch.allclose(torch.cat([x.flatten() for x in model.mass_and_force(moved, v)]), here, rtol=1e-3)


def test_reading_agrees_with_the_tensors_and_leaves_the_jets_alone(model):
    q, v, a = (x.numpy() for x in draw())
    jets = Jets.of_particle(np.zeros(len(q)), q.copy(), v.copy(), a)
    reading = model.read(jets)
    mass, force = model.mass_and_force(torch.tensor(q), torch.tensor(v))
    np.testing.assert_allclose(reading.mass, mass.detach())
    np.testing.assert_allclose(reading.force, force.detach())
    np.testing.assert_allclose(np.einsum("bij,bj->bi", reading.mass, reading.acceleration), reading.force, rtol=1e-9)
    np.testing.assert_allclose(reading.mass_at_rest, model.parts(torch.tensor(q)).mass.detach())
    np.testing.assert_array_equal(jets.q, q)


@pytest.mark.parametrize("coordinates", [1, 2, 3, 5])
def test_every_number_of_coordinates(model, coordinates):
    built = type(model)(Scaling.unit(coordinates, angles=[0]), width=5, seed=1)
    q, v, _ = draw(4, coordinates)
    mass, force = built.mass_and_force(q, v)
    torch.testing.assert_close(mass, mass.mT)
    torch.testing.assert_close(solve(mass, force), torch.linalg.solve(mass, force))
    torch.testing.assert_close(built.acceleration(q, v), torch.linalg.solve(mass, force))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_solve_has_the_gradient_of_the_solution(n):
    generator = torch.Generator().manual_seed(n)
    matrix = torch.randn(5, n, n, generator=generator, dtype=torch.float64) + 3 * torch.eye(n)
    right = torch.randn(5, n, generator=generator, dtype=torch.float64)
    assert torch.autograd.gradcheck(solve, (matrix.requires_grad_(), right.requires_grad_()))


def test_a_singular_mass_gives_no_error():
    for n in (1, 2, 3):
        assert not solve(torch.zeros(1, n, n), torch.ones(1, n)).isfinite().any()


def test_natural_mass_is_positive_definite_and_free_of_velocity():
    model = STRUCTURES["natural"](UNITS, seed=5)
    q, v, _ = draw(50)
    mass, _ = model.mass_and_force(10 * q, v)
    assert torch.linalg.eigvalsh(mass).min() > 0
    torch.testing.assert_close(mass, model.mass_and_force(10 * q, 0 * v)[0])


def test_single_precision_knows_the_phase_of_an_angle_that_wound_up(model):
    single, double = model.converted(torch.float32), model
    q, v, _ = draw()
    wound = q + torch.tensor([0.0, 2 * math.pi * 10_000], dtype=torch.float64)
    torch.testing.assert_close(single.acceleration(wound, v).double(), double.acceleration(q, v), rtol=1e-4, atol=1e-4)


def test_wrong_arguments_are_named(model):
    q, v, a = draw()
    with pytest.raises(InputError, match=r"\(B, 2\)"):
        model.mass_and_force(q[:, :1], v[:, :1])
    with pytest.raises(InputError, match="shape"):
        model.euler_lagrange(q, v, a[:3])
    with pytest.raises(InputError, match="width"):
        type(model)(UNITS, width=0)
    with pytest.raises(InputError, match="float32"):
        type(model)(UNITS, dtype=torch.float16)
