"""The hand-written derivatives against torch.func."""

from itertools import pairwise

import pytest
import torch
from torch.func import jacrev, vmap

from lagsym.errors import InputError
from lagsym.neural.operators import Contraction, batch_gradient, hessian_rows, tangents, write_jacobian_rows


def perceptron(parameters, x):
    layers = len(parameters) // 2 + len(parameters) % 2
    for k in range(layers):
        bias = parameters[2 * k + 1] if 2 * k + 1 < len(parameters) else 0.0
        x = parameters[2 * k] @ x + bias
        if k < layers - 1:
            x = torch.nn.functional.softplus(x)
    return x


def draw(sizes, biased, seed=0):
    generator = torch.Generator().manual_seed(seed)
    parameters = []
    for into, out in pairwise(sizes):
        parameters += [torch.randn(out, into, generator=generator, dtype=torch.float64)]
        parameters += [torch.randn(out, generator=generator, dtype=torch.float64)]
    return [p.requires_grad_() for p in (parameters if biased else parameters[:-1])]


def rows_by_autograd(parameters, x, directions):
    def rows(sample):
        gradient = jacrev(lambda y: perceptron(parameters, y)[0])
        return torch.cat([gradient(sample).unsqueeze(0), directions @ jacrev(gradient)(sample)])

    return vmap(rows)(x).permute(1, 0, 2)


def tangents_by_autograd(parameters, x, directions):
    def one(sample, along):
        return torch.cat(
            [perceptron(parameters, sample).unsqueeze(0), along @ jacrev(lambda y: perceptron(parameters, y))(sample).T]
        )

    return vmap(one)(x, directions.permute(1, 0, 2)).permute(1, 0, 2)


def rows_case(depth):
    parameters = draw([5, *[7] * depth, 1], biased=False)
    x = torch.randn(6, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return hessian_rows, rows_by_autograd, parameters, x, torch.eye(5, dtype=torch.float64)[3:]


def tangents_case(depth):
    parameters = draw([5, *[7] * depth, 4], biased=True)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(6, 5, generator=generator, dtype=torch.float64)
    return tangents, tangents_by_autograd, parameters, x, torch.randn(3, 6, 5, generator=generator, dtype=torch.float64)


@pytest.fixture(
    params=[(case, depth) for case in (rows_case, tangents_case) for depth in (1, 2, 3)],
    ids=lambda p: f"{p[0].__name__}-{p[1]}",
)
def case(request):
    make, depth = request.param
    return make(depth)


def test_forward_equals_automatic_differentiation(case):
    operator, reference, parameters, x, directions = case
    torch.testing.assert_close(
        operator(parameters, x, directions), reference(parameters, x, directions), rtol=1e-10, atol=1e-10
    )


def test_backward_equals_automatic_differentiation(case):
    operator, reference, parameters, x, directions = case
    weights = torch.randn(
        operator(parameters, x, directions).shape, generator=torch.Generator().manual_seed(2), dtype=x.dtype
    )
    mine = torch.autograd.grad((operator(parameters, x, directions) * weights).sum(), parameters)
    theirs = torch.autograd.grad((reference(parameters, x, directions) * weights).sum(), parameters)
    for a, b in zip(mine, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


def test_jacobian_rows_are_the_gradients_of_single_samples(case):
    operator, _, parameters, x, directions = case
    detached = [p.detach() for p in parameters]
    output, tape = operator.forward(detached, x, directions)
    cotangent = torch.randn(output.shape, generator=torch.Generator().manual_seed(3), dtype=x.dtype)
    rows = x.new_empty(len(x), sum(p.numel() for p in parameters))
    write_jacobian_rows(operator.reverse(detached, tape, cotangent), rows)
    for i in range(len(x)):
        single = directions if directions.dim() == 2 else directions[:, i : i + 1]
        mine = operator(parameters, x[i : i + 1], single)
        gradient = torch.autograd.grad((mine * cotangent[:, i : i + 1]).sum(), parameters)
        torch.testing.assert_close(rows[i], torch.cat([g.flatten() for g in gradient]), rtol=1e-10, atol=1e-12)


def test_gradient_is_the_sum_of_jacobian_rows(case):
    operator, _, parameters, x, directions = case
    detached = [p.detach() for p in parameters]
    output, tape = operator.forward(detached, x, directions)
    cotangent = torch.ones_like(output)
    rows = x.new_empty(len(x), sum(p.numel() for p in parameters))
    write_jacobian_rows(operator.reverse(detached, tape, cotangent.clone()), rows)
    output, tape = operator.forward(detached, x, directions)
    summed = batch_gradient(operator.reverse(detached, tape, cotangent.clone()))
    torch.testing.assert_close(rows.sum(0), torch.cat([g.flatten() for g in summed]), rtol=1e-10, atol=1e-12)


def test_gradients_with_respect_to_inputs_are_refused():
    operator, _, parameters, x, directions = rows_case(2)
    with pytest.raises(InputError, match="detach"):
        operator(parameters, x.requires_grad_(), directions)


def test_members_in_one_call_are_those_of_single_calls(case):
    operator, _, parameters, x, directions = case
    generator = torch.Generator().manual_seed(4)
    factors = torch.rand(3, generator=generator, dtype=x.dtype) + 0.5
    batched = [torch.stack([factor * p.detach() for factor in factors]).requires_grad_() for p in parameters]
    inputs = torch.randn(3, *x.shape, generator=generator, dtype=x.dtype)
    along = directions if directions.dim() == 2 else torch.stack([k * directions for k in (1, 2, 3)])
    output = operator(batched, inputs, along)
    weights = torch.randn(output.shape, generator=generator, dtype=x.dtype)
    gradients = torch.autograd.grad((output * weights).sum(), batched)
    for k in range(3):
        own = [p[k].detach().requires_grad_() for p in batched]
        alone = operator(own, inputs[k], along if along.dim() == 2 else along[k])
        torch.testing.assert_close(output[k], alone, rtol=1e-12, atol=1e-12)
        for mine, theirs in zip(gradients, torch.autograd.grad((alone * weights[k]).sum(), own), strict=True):
            torch.testing.assert_close(mine[k], theirs, rtol=1e-11, atol=1e-11)


def test_the_same_step_twice_gives_the_same_bits(case):
    operator, _, parameters, x, directions = case
    first, second = (operator(parameters, x, directions) for _ in range(2))
    assert torch.equal(first, second)
    one, other = (torch.autograd.grad(output.square().sum(), parameters) for output in (first, second))
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_contraction_goes_back_as_the_cotangent_that_it_stands_for(depth):
    operator, reference, parameters, x, directions = rows_case(depth)
    generator = torch.Generator().manual_seed(5)
    first, along = torch.randn(2, 6, 5, generator=generator, dtype=x.dtype)
    cotangent = Contraction(first, torch.randn(2, 6, generator=generator, dtype=x.dtype), along)
    detached = [p.detach() for p in parameters]
    _, tape = operator.forward(detached, x, directions)
    layers = operator.reverse(detached, tape, cotangent)
    wanted = torch.autograd.grad((reference(parameters, x, directions) * cotangent.dense()).sum(), parameters)
    for mine, theirs in zip(batch_gradient(layers), wanted, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-10)
    rows = x.new_empty(len(x), sum(p.numel() for p in parameters))
    write_jacobian_rows(layers, rows)
    torch.testing.assert_close(rows.sum(0), torch.cat([g.flatten() for g in wanted]), rtol=1e-10, atol=1e-10)
    again = x.new_empty(rows.shape)  # a tape serves any number of reverse sweeps
    write_jacobian_rows(operator.reverse(detached, tape, cotangent), again)
    assert torch.equal(rows, again)
