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


def draw(samples=9, coordinates=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(3, samples, coordinates, generator=generator, dtype=torch.float64)


def lagrangian(model, q, v):
    """The Lagrangian itself, written from the definition, in the data's units: every model's second opinion."""
    units = model.scaling
    angles = list(units.angles)
    raw = [torch.sin(q[i]) if i in angles else q[i] for i in range(len(q))] + [torch.cos(q[i]) for i in angles]
    x = (torch.stack(raw) - torch.tensor(units.center, dtype=torch.float64)) / torch.tensor(
        units.spread, dtype=torch.float64
    )
    w = v / torch.tensor(units.velocity, dtype=torch.float64)
    network = list(model.network)
    if model.structure == "free":
        x = torch.cat([x, w])
    for k in range(model.depth):
        x = torch.nn.functional.softplus(network[2 * k] @ x + network[2 * k + 1])
    if model.structure == "free":
        return (network[-1] @ x)[0] + 0.5 * (w * w).sum()
    out = network[-2] @ x + network[-1]
    diagonal = torch.nn.functional.softplus(out[[0, 2]] + math.log(math.e - 1)) + 1e-4
    factor = torch.stack([torch.stack([diagonal[0], torch.zeros(())]), torch.stack([out[1], diagonal[1]])])
    return 0.5 * (factor.T @ w).square().sum() - out[-1]


@pytest.fixture(params=list(STRUCTURES))
def model(request):
    return STRUCTURES[request.param](UNITS, width=11, depth=2, seed=3)


def test_mass_and_force_are_those_of_the_lagrangian(model):
    q, v, _ = draw()

    def reference(q, v):
        by_v = grad(lambda q, v: lagrangian(model, q, v), 1)
        mixed = jacrev(by_v, 0)(q, v)
        return jacrev(by_v, 1)(q, v), grad(lambda q: lagrangian(model, q, v))(q) - mixed @ v

    mass, force = model.mass_and_force(q, v)
    mass_reference, force_reference = vmap(reference)(q, v)
    torch.testing.assert_close(mass, mass_reference, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(force, force_reference, rtol=1e-10, atol=1e-10)


def test_canonical_parts_are_those_of_the_lagrangian(model):
    q, v, _ = draw()
    rest = torch.zeros(2, dtype=torch.float64)
    by_v = grad(lambda q, v: lagrangian(model, q, v), 1)
    curl = vmap(lambda q: jacrev(by_v, 0)(q, rest))(q)  # curl[:, j, i] = dA_j / dq_i
    potential = -vmap(lambda q: lagrangian(model, q, rest))(q)
    parts = model.parts(q)
    torch.testing.assert_close(parts.potential, potential, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(parts.mass, model.mass_and_force(q, 0 * v)[0])
    torch.testing.assert_close(parts.gyroscopic, curl.mT - curl, rtol=1e-10, atol=1e-10)


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
