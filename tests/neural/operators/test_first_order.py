"""Values and gradients of perceptrons, and their reverse sweeps, against automatic differentiation."""

from itertools import pairwise

import pytest
import torch
from torch.func import grad, vmap

from lagsym.neural.operators import gradient, values, write_jacobian_rows


def draw(sizes, biased):
    generator = torch.Generator().manual_seed(len(sizes))
    parameters = []
    for into, out in pairwise(sizes):
        parameters += [torch.randn(out, into, generator=generator, dtype=torch.float64)]
        parameters += [torch.randn(out, generator=generator, dtype=torch.float64)]
    return [p.requires_grad_() for p in (parameters if biased else parameters[:-1])]


def perceptron(parameters, x):
    *hidden, last = [parameters[k : k + 2] for k in range(0, len(parameters), 2)]
    for weight, bias in hidden:
        x = torch.nn.functional.softplus(weight @ x + bias)
    return last[0] @ x + (last[1] if len(last) > 1 else 0)


def values_case(sizes, biased, references):
    parameters = draw([3, *sizes, 2], biased)
    x, reference = torch.randn(7, 3, dtype=torch.float64), torch.randn(references, 3, dtype=torch.float64)
    wanted = vmap(lambda x: perceptron(parameters, x))(x)
    return values, parameters, (x, reference), wanted - (perceptron(parameters, reference[0]) if references else 0)


def gradient_case(sizes):
    parameters = draw([3, *sizes, 1], biased=False)
    x = torch.randn(7, 3, dtype=torch.float64)
    return gradient, parameters, (x, x[:0]), vmap(grad(lambda x: perceptron(parameters, x)[0]))(x)


CASES = {
    "biased": lambda: values_case([5, 4], True, 0),
    "deep, from a reference": lambda: values_case([5, 4, 6], False, 1),
    "linear": lambda: values_case([], False, 0),
    "gradient": lambda: gradient_case([5]),
    "deep gradient": lambda: gradient_case([5, 4, 6]),
}


@pytest.mark.parametrize("name", list(CASES))
def test_output_its_gradient_and_its_rows_are_those_of_automatic_differentiation(name):
    torch.manual_seed(0)
    operator, parameters, arguments, wanted = CASES[name]()
    output = operator(parameters, *arguments)
    torch.testing.assert_close(output, wanted, rtol=1e-10, atol=1e-10)
    cotangent = torch.randn_like(wanted)
    theirs = torch.autograd.grad((wanted * cotangent).sum(), parameters, retain_graph=True, materialize_grads=True)
    for a, b in zip(torch.autograd.grad((output * cotangent).sum(), parameters), theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-7)
    detached = [p.detach() for p in parameters]
    rows = wanted.new_empty(len(wanted), sum(p.numel() for p in parameters))
    write_jacobian_rows(operator.reverse(detached, operator.forward(detached, *arguments)[1], cotangent), rows)
    for row, one in zip(rows, (wanted * cotangent).sum(1), strict=True):
        single = torch.autograd.grad(one, parameters, retain_graph=True, materialize_grads=True)
        torch.testing.assert_close(row, torch.cat([g.flatten() for g in single]).detach(), rtol=1e-7, atol=1e-7)
