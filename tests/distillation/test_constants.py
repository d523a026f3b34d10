import math

import numpy as np
import pytest
import sympy as sp

from lagsym.distillation.constants import name_constant


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


def test_false_names_are_rare():
    generator = np.random.default_rng(0)
    values = np.exp(generator.uniform(math.log(0.1), math.log(30), 1000))
    for relative in (1e-2, 1e-4):
        named = sum(name_constant(x, relative * x) is not None for x in values)
        assert named <= 25
