import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from lagsym.distillation.engines.numeric import numeric
from lagsym.errors import FormulaError

x, y = sp.symbols("x y", real=True)
leaves = st.sampled_from([x, y, sp.Integer(2), sp.Float(0.7), sp.Rational(1, 3), sp.pi])


def grow(parts):
    pairs = st.tuples(parts, parts)
    one = st.sampled_from(
        [sp.sin, sp.cos, sp.Abs, lambda e: e**2, lambda e: 1 / (e**2 + 1), lambda e: sp.sqrt(e**2 + 1)]
    )
    return (
        pairs.map(lambda p: p[0] + p[1])
        | pairs.map(lambda p: p[0] * p[1])
        | st.tuples(one, parts).map(lambda p: p[0](p[1]))
    )


@settings(max_examples=60, deadline=None)
@given(st.recursive(leaves, grow, max_leaves=8))
def test_values_are_those_of_sympy(expression):
    values = np.array([0.3, -1.2, 2.5]), np.array([1.1, 0.4, -0.8])
    ours = np.broadcast_to(numeric(expression, [x, y])(values), 3)
    theirs = [float(expression.subs({x: a, y: b})) for a, b in zip(*values, strict=True)]
    assert np.allclose(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (sp.exp(x) + sp.log(y), np.exp(0.5) + np.log(2.0)),
        (sp.tan(x), np.tan(0.5)),
        (x**y, 0.25),
        (y**-1.5, 2**-1.5),
        (sp.Float(3.5), 3.5),
    ],
)
def test_functions_and_powers(expression, expected):
    assert numeric(expression, [x, y])([np.float64(0.5), np.float64(2.0)]) == pytest.approx(expected)


def test_what_is_not_real_is_nan():
    with np.errstate(all="ignore"):
        assert np.isnan(numeric(sp.sqrt(x), [x])([np.array([-1.0])])).all()
    assert np.isnan(numeric(sp.I * 2, [x])([0.0]))


@pytest.mark.parametrize("expression", [x + sp.Symbol("z"), sp.gamma(x)])
def test_what_is_not_known_is_refused(expression):
    with pytest.raises(FormulaError, match=r"over .*'x'"):
        numeric(expression, [x])
