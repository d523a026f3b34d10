"""Levenberg-Marquardt remembers what earlier batches said, where each is only a part of the data."""

import numpy as np
import pytest
import torch
from torch.nn.utils import parameters_to_vector

from lagsym.neural import STRUCTURES, Scaling
from lagsym.neural.examples import AccelerationExamples
from lagsym.neural.optimizers import LevenbergMarquardt
from lagsym.neural.training import error

FIRST, RISE, LAST = 0.5, 0.01, 0.9
"""What the module's docstring says of the memory."""


def prepared(jets, angles=(0, 1), structure="natural", width=4):
    model = STRUCTURES[structure](Scaling.of(jets, angles), width=width)
    return model, AccelerationExamples.of(jets, model)


def jacobian(model, examples):
    """By automatic differentiation, one residual after another."""
    residuals = examples.residuals(model, model.outputs(examples.inputs)).flatten()
    rows = [torch.autograd.grad(residual, list(model.network), retain_graph=True) for residual in residuals]
    return residuals.detach(), torch.stack([torch.cat([part.flatten() for part in row]) for row in rows])


def test_a_step_weighs_the_normal_matrices_of_earlier_batches(double_pendulum):
    model, examples = prepared(double_pendulum[0].take(np.arange(80)), width=2)
    optimizer = LevenbergMarquardt(model, len(examples))
    normal, memory = torch.zeros(()), FIRST
    for k in range(3):
        batch = examples.take(torch.arange(25 * k, 25 * (k + 1)))
        before = parameters_to_vector(model.network).detach().clone()
        residuals, rows = jacobian(model, batch)
        normal = (memory * normal if k else 0) + rows.mT @ rows / len(rows)
        memory = memory + RISE * (LAST - memory) if k else FIRST + RISE * (LAST - FIRST)
        damping = optimizer.state()["damping"]
        optimizer.step(batch)
        if optimizer.state()["damping"] > damping:  # the step was refused at first
            damping = optimizer.state()["damping"]
        matrix = normal + damping * torch.eye(len(before), dtype=normal.dtype)
        expected = before - torch.linalg.solve(matrix, rows.mT @ residuals / len(rows))
        torch.testing.assert_close(parameters_to_vector(model.network).detach(), expected, rtol=1e-6, atol=1e-8)


def test_a_batch_of_all_examples_needs_no_memory(double_pendulum):
    parameters = []
    for total in (0, 300, 301):
        model, examples = prepared(double_pendulum[0].take(np.arange(300)))
        optimizer = LevenbergMarquardt(model, total)
        for _ in range(4):
            optimizer.step(examples)
        parameters.append(parameters_to_vector(model.network).detach())
    assert torch.equal(parameters[0], parameters[1])
    assert not torch.equal(parameters[0], parameters[2])


@pytest.mark.parametrize("structure", ["natural", "free"])
def test_memory_brings_a_network_closer_in_as_many_steps(structure, pendulum):
    errors = []
    for remembered in (False, True):
        model, examples = prepared(pendulum[0], (0,), structure, width=8)
        optimizer = LevenbergMarquardt(model, len(examples) if remembered else 0)
        generator = torch.Generator().manual_seed(0)
        size = 3 * model.parameter_count // 2
        for _ in range(60):
            optimizer.step(examples.take(torch.randperm(len(examples), generator=generator)[:size]))
        errors.append(error(model, examples))
    assert errors[1] < 0.3 * errors[0]
