"""Derivatives of residuals by hand against those by automatic differentiation of the definition."""

import pytest
import torch
from torch.func import grad, jacrev, vmap

from lagsym.neural import STRUCTURES, Scaling
from lagsym.neural.examples import AccelerationExamples, BalanceExamples
from lagsym.neural.models import FreeLagrangian
from lagsym.neural.sweeps import mean_square_and_gradient, residuals_and_jacobian
from lagsym.neural.symmetry import Symmetry


def states(n, batch=6, seed=0):
    return torch.rand(3, batch, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2 - 1


def examples_of(kind, model, q, v, a, **more):
    return kind(model.inputs(q, v, **more), a, torch.linspace(1.0, 2.0, a.shape[1], dtype=a.dtype))


def by_definition(model, q, v):
    """Accelerations from L itself; of a free network in units of one, without angles: L = ½|v|² + N(q, v)."""
    parameters = list(model.network)

    def lagrangian(q, v):
        x = torch.cat([q, v])
        for weight, bias in zip(parameters[:-1:2], parameters[1::2], strict=True):
            x = torch.nn.functional.softplus(weight @ x + bias)
        return (parameters[-1] @ x).squeeze() + 0.5 * v @ v

    def acceleration(q, v):
        mixed = jacrev(grad(lagrangian, 1), 0)(q, v)
        return torch.linalg.solve(jacrev(grad(lagrangian, 1), 1)(q, v), grad(lagrangian)(q, v) - mixed @ v)

    return vmap(acceleration)(q, v)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_gradient_of_a_free_network_is_that_of_the_definition(n, depth):
    model = FreeLagrangian(Scaling.unit(n), width=7, depth=depth)
    q, v, a = states(n)
    examples = examples_of(AccelerationExamples, model, q, v, a)
    residuals = (by_definition(model, q, v) - a) * examples.weight
    squared, gradient = mean_square_and_gradient(model, examples)
    torch.testing.assert_close(squared, residuals.square().mean().detach(), rtol=1e-9, atol=0)
    wanted = torch.autograd.grad(residuals.square().mean(), list(model.network))
    for mine, theirs in zip(gradient, wanted, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-8, atol=1e-10)


def scalings():
    even = Symmetry(even=True)
    return {
        "angle": Scaling.unit(2, angles=[1], harmonics=2),
        "time": Scaling.unit(2, explicit_time=True),
        "angle and time": Scaling.unit(2, angles=[0], explicit_time=True),
        "parameters": Scaling.unit(2, parameters=2),
        "even": Scaling.unit(2, angles=[1], symmetry=even),
        "translations": Scaling.unit(2, symmetry=Symmetry(translation=((0, 1),))),
        "rotations": Scaling.unit(2, symmetry=Symmetry(rotation=((0, 1),))),
        "exchanges": Scaling.unit(2, symmetry=Symmetry(like=((0, 1),))),
    }


@pytest.mark.parametrize("kind", [AccelerationExamples, BalanceExamples])
@pytest.mark.parametrize("structure", list(STRUCTURES))
@pytest.mark.parametrize("scaling", [pytest.param(s, id=name) for name, s in scalings().items()])
def test_both_derivatives_are_those_of_the_residuals_by_automatic_differentiation(kind, structure, scaling):
    if structure == "gyroscopic" and scaling.symmetry.even:
        pytest.skip("terms linear in the velocities are not even")
    model = STRUCTURES[structure](scaling, width=5)
    q, v, a = states(2)
    examples = examples_of(kind, model, q, v, a, t=q[:, 0], parameters=torch.ones(6, scaling.parameters, dtype=q.dtype))
    residuals = examples.residuals(model, model.outputs(examples.inputs)).flatten()
    rows = [
        torch.cat([g.flatten() for g in torch.autograd.grad(one, list(model.network), retain_graph=True)])
        for one in residuals
    ]
    mine, jacobian = residuals_and_jacobian(model, examples)
    torch.testing.assert_close(mine, residuals.detach(), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(jacobian, torch.stack(rows), rtol=1e-8, atol=1e-10)
    squared, gradient = mean_square_and_gradient(model, examples)
    torch.testing.assert_close(squared, residuals.detach().square().mean())
    flat = torch.cat([g.flatten() for g in gradient])
    torch.testing.assert_close(flat, 2 * mine @ jacobian / len(mine), rtol=1e-9, atol=1e-11)
