"""Derivatives of products by their factors against SymPy's of the whole."""

import numpy as np
import pytest
import sympy as sp

from lagsym.distillation.libraries.products import Products

x, y, v = sp.symbols("x y v", real=True)
EXPRESSIONS = (
    x**3 * y * v**2 / 2,
    sp.sin(x) * sp.cos(x) * v,
    sp.cos(x - y) * v * x,
    v**2 / sp.sqrt(x**2 + y**2),
    -sp.sqrt(4 - v**2),
    x * v - sp.cos(y) * v**2,
    sp.Integer(3),
)


@pytest.mark.parametrize("place", range(len(EXPRESSIONS)))
def test_first_and_second_derivatives_are_those_of_the_whole(place):
    symbols = (x, y, v)
    points = np.random.default_rng(0).uniform(0.5, 1.5, (3, 7))
    products = Products(EXPRESSIONS, symbols)
    first, second = list(products.first(points))[place], list(products.second(points))[place]
    assert {which for which in second if len(which) == 1} == set(first)
    for i in range(3):
        for which in [(i,), *((i, j) for j in range(i, 3))]:
            expected = sp.lambdify(symbols, sp.diff(EXPRESSIONS[place], *(symbols[k] for k in which)))(*points)
            found = (first if len(which) == 1 else second).get(which, 0.0)
            np.testing.assert_allclose(np.broadcast_to(found, 7), np.broadcast_to(expected, 7), atol=1e-12)


def test_a_value_that_is_not_asked_for_is_not_evaluated():
    derivatives = list(Products((x * y,), (x, y)).first(np.array([[2.0], [5.0]])))
    assert set(derivatives[0]) == {(0,), (1,)}
