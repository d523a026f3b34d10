"""Accelerations, energies and Jacobians against dense automatic differentiation of L written out by itself."""

import numpy as np
import pytest
import torch
from torch.func import grad, jacrev

from lagsym.errors import InputError
from lagsym.neural.graphs import Averages, Graph, GraphForm, GraphLagrangian, all_pairs, chain
from lagsym.neural.graphs.fitting import GraphExamples
from lagsym.neural.sweeps import residuals_and_jacobian

GRAPHS = {
    "pair-mass": (all_pairs(4, masses=(1.0, 2.0, 0.5, 1.5)), GraphForm(("pair",), components=2)),
    "stretch-natural": (chain(5), GraphForm(("stretch",), "natural")),
    "lattice-free": (chain(5, ring=True, masses=(1.0, 2.0, 1.0, 1.0, 3.0)), GraphForm(("lattice",), "free")),
    "angles": (chain(4, ring=True), GraphForm(("lattice",), "free", angles=True)),
    "plane-free": (chain(3), GraphForm(("lattice",), "free", components=2)),
    "two-kinds": (
        Graph(4, ((0, 1), (1, 2), (2, 3), (0, 2), (1, 3)), kinds=(0, 0, 0, 1, 1)),
        GraphForm(("stretch", "lattice"), "natural"),
    ),
}


def motion(graph, form, samples=3, seed=0):
    generator = np.random.default_rng(seed)
    shape = (samples, graph.nodes, form.components)
    return tuple(generator.normal(size=shape) + shift for shift in (0.3, -0.2, 0.1))


def prepared(name, seed=0):
    graph, form = GRAPHS[name]
    q, v, a = motion(graph, form)
    model = GraphLagrangian(form, form.eyes().scaling(graph, q, v, a), width=6, seed=seed)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():  # linear nets begin at zero
        for parameter in model.network:
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
    return graph, model, (q, v, a)


def perceptron(parameters, x):
    for weight, bias in zip(parameters[0:-1:2], parameters[1::2], strict=True):
        x = torch.nn.functional.softplus(weight @ x + bias)
    return (parameters[-1] @ x)[0]


def block(parameters, unit, values, skips):
    *own, linear = parameters
    x = (torch.cat(values) - torch.from_numpy(unit.centre)) / torch.from_numpy(unit.spread)
    extra = linear[0] @ (torch.cat(skips) / torch.from_numpy(unit.skip_spread))
    return own, x, extra


def functions(z, form, angles):
    if angles:
        return [z.sin(), z.cos()], [z.sin(), z.cos()]
    if form == "pair":
        return [z, 1 / z, z.log()], [z, z**2, 1 / z, z.log()]
    return [z], [z, z**2]


def variables(form, a, b):
    if form == "pair":
        return (a - b).square().sum().sqrt().reshape(1)
    return b - a if form == "stretch" else torch.cat([a, b, b - a])


def lagrangian(model, graph):
    """L(q, v) of flat q and v in the data's units, as its definition says."""
    form, scaling = model.form, model.scaling
    parameters = [parameter.detach() for parameter in model.network]
    size = 2 * model.depth + 2

    def value(q, v):
        q, v = q.reshape(graph.nodes, -1), v.reshape(graph.nodes, -1) / scaling.velocity
        total, start = 0.0, 0
        for i in range(graph.nodes):
            total = total + 0.5 * graph.masses[i] * v[i].square().sum()
            if form.node != "mass":
                own, x, extra = block(parameters[:size], scaling.site, *functions(q[i], "site", form.angles))
                x = torch.cat([x, v[i] / scaling.speed]) if form.node == "free" else x
                total, start = total + perceptron(own, x) + extra, size
        for (a, b), kind in zip(graph.edges, graph.kinds, strict=True):
            first = start + kind * size
            seen = functions(variables(form.edges[kind], q[a], q[b]), form.edges[kind], form.angles)
            own, x, extra = block(parameters[first : first + size], scaling.edges[kind], *seen)
            total = total + perceptron(own, x) + extra
        return total * scaling.velocity**2

    return value


@pytest.mark.parametrize("name", GRAPHS)
def test_accelerations_are_those_of_the_dense_euler_lagrange_equations(name):
    graph, model, (q, v, _) = prepared(name)
    function = lagrangian(model, graph)
    found = model.acceleration(graph, q, v)
    for own_q, own_v, acceleration in zip(q, v, found, strict=True):
        flat, speed = torch.from_numpy(own_q).flatten(), torch.from_numpy(own_v).flatten()
        mass = jacrev(grad(function, 1), 1)(flat, speed)
        mixed = jacrev(grad(function, 1), 0)(flat, speed)
        force = grad(function, 0)(flat, speed) - mixed @ speed
        np.testing.assert_allclose(acceleration.ravel(), torch.linalg.solve(mass, force).numpy(), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", GRAPHS)
def test_energy_is_that_of_the_lagrangian(name):
    graph, model, (q, v, _) = prepared(name)
    function = lagrangian(model, graph)
    expected = []
    for own_q, own_v in zip(q, v, strict=True):
        flat, speed = torch.from_numpy(own_q).flatten(), torch.from_numpy(own_v).flatten()
        expected.append(float(grad(function, 1)(flat, speed) @ speed - function(flat, speed)))
    found = model.energy(graph, q, v)
    np.testing.assert_allclose(np.diff(found), np.diff(expected), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", GRAPHS)
def test_residuals_average_the_accelerations_of_windows(name):
    graph, model, data = prepared(name)
    averages = windows(data)
    examples = GraphExamples.of(model, graph, averages)
    found = model.acceleration(graph, *data[:2])
    (first, second), (third, fourth) = averages.index
    a = [0.25 * found[first] + 0.75 * found[second], 0.5 * found[third] + 0.5 * found[fourth]]
    error = (np.array(a) - averages.acceleration) / model.scaling.acceleration
    with torch.no_grad():
        residuals = examples.residuals(model, model.outputs(examples.inputs)) / examples.weight
    np.testing.assert_allclose(residuals.numpy(), error.reshape(residuals.shape), rtol=1e-9, atol=1e-12)
    last = examples.take(torch.tensor([len(examples) - 1]))
    with torch.no_grad():
        alone = last.residuals(model, model.outputs(last.inputs)) / last.weight
    np.testing.assert_allclose(alone.numpy(), residuals[-1:].numpy(), rtol=1e-9, atol=1e-12)


def windows(data):
    q, v, a = data
    value = np.array([[0.25, 0.75], [0.5, 0.5]])
    return Averages(q, v, np.array([[2, 0], [1, 2]]), value, a[:2])


@pytest.mark.parametrize("group", [1, 2])
@pytest.mark.parametrize("name", GRAPHS)
def test_jacobian_is_that_of_finite_differences(name, group):
    graph, model, data = prepared(name)
    examples = GraphExamples.of(model, graph, Averages.of_states(data) if group == 1 else windows(data))
    _, jacobian = residuals_and_jacobian(model, examples)
    direction = torch.randn(model.parameter_count, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    start = torch.nn.utils.parameters_to_vector(model.network).detach()

    def residuals(step):
        torch.nn.utils.vector_to_parameters(start + step * direction, model.network)
        with torch.no_grad():
            return examples.residuals(model, model.outputs(examples.inputs)).flatten()

    step = 1e-5
    expected = (residuals(step) - residuals(-step)) / (2 * step)
    np.testing.assert_allclose((jacobian @ direction).numpy(), expected.numpy(), rtol=2e-6, atol=2e-7)


def test_pairs_do_not_mind_where_they_are_nor_how_they_are_turned():
    graph, model, (q, v, _) = prepared("pair-mass")
    turn = np.array([[np.cos(0.7), -np.sin(0.7)], [np.sin(0.7), np.cos(0.7)]])
    here = model.acceleration(graph, q, v)
    there = model.acceleration(graph, q @ turn.T + 5.0, v)
    np.testing.assert_allclose(there, here @ turn.T, rtol=1e-9, atol=1e-11)
    momentum = (graph.mass_array[:, None] * here).sum(1)
    np.testing.assert_allclose(momentum, 0.0, atol=1e-11)


def test_any_number_of_bodies_can_be_asked_for():
    _, model, _ = prepared("pair-mass")
    near, far = np.random.default_rng(4).normal(size=(2, 1, 3, 2))
    apart = np.concatenate([near, far + 1e7], axis=1)
    alone = model.acceleration(all_pairs(3), near, 0 * near)
    # Without the pull between the two groups, which only grows as a power of the distance, each moves by itself.
    split = Graph(6, (*all_pairs(3).edges, *((a + 3, b + 3) for a, b in all_pairs(3).edges)))
    both = model.acceleration(split, apart, 0 * apart)
    np.testing.assert_allclose(both[:, :3], alone, rtol=1e-9, atol=1e-11)


def test_refuses_positions_of_another_graph():
    graph, model, (q, v, _) = prepared("pair-mass")
    with pytest.raises(InputError, match="positions"):
        model.acceleration(all_pairs(5), q, v)
    with pytest.raises(InputError, match="shape"):
        model.acceleration(graph, q[..., :1], v[..., :1])
    with pytest.raises(InputError, match="expected edges among"):
        GraphForm(("spring",))
    with pytest.raises(InputError, match="no angles"):
        GraphForm(("pair",), angles=True)
