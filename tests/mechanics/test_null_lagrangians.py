import pytest
import sympy as sp

from lagsym.mechanics.calculus import total_derivative
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.null_lagrangians import added_function

SPACE = JetSpace(("a", "b"))
A, B = SPACE.positions
T = SPACE.base_symbols[0]
K = sp.Symbol("k", real=True)
FUNCTIONS = [
    sp.S.Zero,
    A**2 * B,
    sp.sin(A) * B**2,
    sp.cos(A - B),
    sp.cos(A) * sp.cos(B) + sp.sin(A) * sp.sin(B),
    sp.sqrt(A**2 + B**2),
    sp.log(A) + T * B,
    K * A * B**3,
    0.3 * A * B + 0.1 * sp.sin(A - B),
    A**2 * sp.cos(T),
]


@pytest.mark.parametrize("function", FUNCTIONS, ids=str)
def test_what_was_added_is_found(function):
    found = added_function(sp.expand(total_derivative(function, SPACE)) + 7, SPACE)
    for q in SPACE.positions:
        slope = sp.diff(found - function, q).subs({A: 0.7, B: 0.4, T: 0.3, K: 1.1})
        assert abs(slope) < 1e-12


def test_what_is_no_total_derivative_gives_none():
    assert added_function(A * SPACE.velocities[1], SPACE) is None
