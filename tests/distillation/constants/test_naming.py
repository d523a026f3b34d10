import math

import numpy as np
import pytest
import sympy as sp

from lagsym.distillation.constants.naming import name_constant


@pytest.mark.parametrize("text", ["1", "1/2", "-3/4", "sqrt(2)", "pi", "pi/4", "2*pi/3", "2.5", "0.7"])
def test_precise_constants_are_named(text):
    value = float(sp.sympify(text))
    name = name_constant(value * (1 + 3e-7), 1e-6 * abs(value))
    assert name is not None
    assert float(sp.sympify(name)) == pytest.approx(value, rel=1e-12)


def test_imprecise_constants_are_not():
    assert name_constant(9.81, 0.3) is None
    assert name_constant(0.5, None) is None
    assert name_constant(math.nan, 1e-3) is None


@pytest.mark.parametrize("count", [1, 4, 8])
@pytest.mark.parametrize("relative", [1e-2, 3e-3, 1e-3, 1e-4])
def test_fewer_than_one_law_in_a_hundred_has_a_false_name(relative, count):
    generator = np.random.default_rng(0)
    laws = np.exp(generator.uniform(math.log(0.1), math.log(30), (4000 // count, count)))
    named = sum(any(name_constant(x, relative * x, among=count) is not None for x in law) for law in laws)
    assert named < 0.01 * len(laws)
