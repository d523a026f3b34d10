import pytest
import sympy as sp

from lagsym.mechanics.calculus import euler_lagrange, total_derivative
from lagsym.mechanics.equivalence.null_lagrangians import added_divergence, added_function
from lagsym.mechanics.jetspace import JetSpace

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
    1 / (A - B),
    K * A * B**3,
    0.3 * A * B + 0.1 * sp.sin(A - B),
    A**2 * sp.cos(T),
    A * SPACE.velocities[0] ** 2 + sp.sin(A) * SPACE.velocities[1],
]


@pytest.mark.parametrize("function", FUNCTIONS, ids=str)
def test_what_was_added_is_found(function):
    found = added_function(sp.expand(total_derivative(function, SPACE)) + 7, SPACE)
    for symbol in (*SPACE.positions, *SPACE.velocities):
        values = {A: 0.7, B: 0.4, T: 0.3, K: 1.1, SPACE.velocities[0]: 0.2, SPACE.velocities[1]: -0.6}
        assert abs(sp.diff(found - function, symbol).subs(values)) < 1e-12


def test_what_is_no_total_derivative_gives_none():
    assert added_function(A * SPACE.velocities[1], SPACE) is None


def test_functions_of_time_are_integrated_and_constants_dropped():
    assert added_function(sp.cos(3 * T) + K + 2, SPACE) == sp.sin(3 * T) / 3
    assert added_function(sp.Integer(5), SPACE) == 0


SHEET = JetSpace(("u", "w"), ("t", "x"))
U, W = SHEET.positions
(U_T, W_T), (U_X, W_X) = SHEET.derivatives(0), SHEET.derivatives(1)
U_TT, U_TX, U_XX = (SHEET.symbol(0, index) for index in ((0, 0), (0, 1), (1, 1)))
W_XX, TIME, X = SHEET.symbol(1, (1, 1)), *SHEET.base_symbols
NULL = {
    "determinant": U_T * W_X - U_X * W_T,
    "weighted determinant": sp.sin(U) * W**2 * (U_T * W_X - U_X * W_T),
    "minors of the curvatures": U_XX * U_TT - U_TX**2,
    "slopes": sp.cos(U) * U_X**2 + sp.sin(U) * U_XX,
    "two fields, second order": U * W_XX - W * U_XX,
    "slopes alone": sp.exp(U_X) * U_XX + U_TX * U_X * U_T + U_T**2 * U_XX / 2,
    "base": TIME * X**2 + sp.cos(X) * U_T - 3,
    "singular curvatures": (U_X * W_XX + U_XX * W_X) / U - U_X**2 * W_X / U**2,
    "singular at zero": U_T / U + X * W_X / W + sp.log(W),
}


@pytest.mark.parametrize("difference", NULL.values(), ids=NULL.keys())
def test_divergences_of_fields_are_proved(difference):
    assert not any(sp.expand(equation) for equation in euler_lagrange(difference, SHEET))
    found = added_divergence(difference, SHEET)
    assert found.symbolic
    rest = difference - sum(total_derivative(part, SHEET, mu) for mu, part in enumerate(found.components))
    assert sp.expand(rest).is_number


def test_three_base_coordinates():
    space = JetSpace(("u", "v", "w"), ("t", "x", "y"))
    jacobian = sp.Matrix(3, 3, lambda i, mu: space.symbol(i, (mu,))).det()
    found = added_divergence(space.positions[0] ** 2 * jacobian, space)
    rest = sum(total_derivative(part, space, mu) for mu, part in enumerate(found.components))
    assert sp.expand(rest - space.positions[0] ** 2 * jacobian) == 0


@pytest.mark.parametrize("difference", [U_T * W_X, U_XX**2, U_T * U_X, U * W], ids=str)
def test_what_is_no_divergence_gives_none(difference):
    assert added_divergence(difference, SHEET) is None


def test_a_function_in_disguise_is_found_and_proved():
    double = 2 * sp.sin(A / 2) ** 2 + sp.cos(A) + sp.sin(A) * sp.cos(B) - sp.cos(A) * sp.sin(B)
    found = added_divergence(sp.expand(total_derivative(double, SPACE)), SPACE)
    assert found.symbolic
    assert found.components[0] == sp.sin(A - B)


def test_huge_powers_are_not_multiplied_out():
    factor = sum(sp.sqrt(n) * A**n for n in range(2, 20)) ** 40
    difference = sp.Add(factor, -factor * (sp.sin(B) ** 2 + sp.cos(B) ** 2), SPACE.velocities[0])
    found = added_divergence(difference, SPACE)
    assert found is None or not found.symbolic
