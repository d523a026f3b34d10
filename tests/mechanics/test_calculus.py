import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from lagsym.errors import InputError
from lagsym.mechanics.calculus import euler_lagrange, total_derivative
from lagsym.mechanics.jetspace import JetSpace

PLANE = JetSpace(("x", "y"))
FIELD = JetSpace(("phi",), ("t", "x"))


def test_total_derivative_obeys_the_product_rule():
    (x, y), (vx, _) = PLANE.positions, PLANE.velocities
    f, g = sp.sin(x) * vx, x * y**2
    product = total_derivative(f * g, PLANE)
    assert sp.expand(product - total_derivative(f, PLANE) * g - f * total_derivative(g, PLANE)) == 0


def test_total_derivative_follows_explicit_time():
    t, (x, _) = PLANE.base_symbols[0], PLANE.positions
    assert total_derivative(t * x, PLANE) == x + t * PLANE.velocities[0]


def test_euler_lagrange_agrees_with_sympy():
    t = sp.Symbol("t", real=True)
    functions = [sp.Function(name)(t) for name in ("x", "y")]
    (x, y), (vx, vy) = PLANE.positions, PLANE.velocities
    lagrangian = (vx**2 + x**2 * vy**2) / 2 + vx * vy * sp.cos(x - y) + sp.exp(-t) * y
    substitution = {}
    for f, q, v, a in zip(functions, PLANE.positions, PLANE.velocities, PLANE.accelerations, strict=True):
        substitution |= {q: f, v: f.diff(t), a: f.diff(t, 2)}
    theirs = sp.calculus.euler.euler_equations(lagrangian.subs(substitution), functions, [t])
    for ours, equation in zip(euler_lagrange(lagrangian, PLANE), theirs, strict=True):
        assert sp.simplify(ours.subs(substitution).doit() - equation.lhs) == 0


def test_klein_gordon():
    phi, phi_t, phi_x = FIELD.symbol(0), FIELD.symbol(0, (0,)), FIELD.symbol(0, (1,))
    (equation,) = euler_lagrange((phi_t**2 - phi_x**2 - phi**2) / 2, FIELD)
    assert sp.expand(equation - (FIELD.symbol(0, (1, 1)) - FIELD.symbol(0, (0, 0)) - phi)) == 0


def test_beam_of_second_order():
    (equation,) = euler_lagrange((FIELD.symbol(0, (0,)) ** 2 - FIELD.symbol(0, (1, 1)) ** 2) / 2, FIELD)
    assert sp.expand(equation + FIELD.symbol(0, (0, 0)) + FIELD.symbol(0, (1, 1, 1, 1))) == 0


def test_mixed_second_derivative_counts_once():
    # For L = phi_tx^2 / 2 the variation gives phi_ttxx.
    (equation,) = euler_lagrange(FIELD.symbol(0, (0, 1)) ** 2 / 2, FIELD)
    assert sp.expand(equation - FIELD.symbol(0, (0, 0, 1, 1))) == 0


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(-3, 3), min_size=5, max_size=5))
def test_total_derivatives_have_no_equations(coefficients):
    (x, y), t = PLANE.positions, PLANE.base_symbols[0]
    terms = (x * y, x**3, sp.sin(x) * y**2, t * x, sp.exp(y))
    function = sum(c * term for c, term in zip(coefficients, terms, strict=True))
    for equation in euler_lagrange(total_derivative(sp.sympify(function), PLANE), PLANE):
        assert sp.expand(equation) == 0


def test_divergences_have_no_equations():
    phi, phi_x = FIELD.symbol(0), FIELD.symbol(0, (1,))
    divergence = total_derivative(phi**2 * phi_x, FIELD, 1) + total_derivative(sp.sin(phi), FIELD, 0)
    (equation,) = euler_lagrange(divergence, FIELD)
    assert sp.expand(equation) == 0


def test_third_order_is_refused():
    with pytest.raises(InputError, match="got order 3"):
        euler_lagrange(FIELD.symbol(0, (1, 1, 1)) ** 2, FIELD)
