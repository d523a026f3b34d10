import pytest
import sympy as sp

from lagsym.mechanics.calculus import euler_lagrange
from lagsym.mechanics.equivalence.leading_derivatives import leading_derivatives
from lagsym.mechanics.jetspace import JetSpace

PLANE = JetSpace(("x", "y"))
(X, Y), (VX, VY), (AX, AY) = PLANE.positions, PLANE.velocities, PLANE.accelerations
SHEET = JetSpace(("u", "w"), ("t", "x"))
U_T, U_X, W_T, W_XX = (SHEET.symbol(*key) for key in ((0, (0,)), (0, (1,)), (1, (0,)), (1, (1, 1))))


@pytest.mark.parametrize(
    ("space", "lagrangian", "expected"),
    [
        (PLANE, VX**2 + VY**2 - X * Y, {"x_ddot", "y_ddot"}),
        (PLANE, VX * VY - X * Y, {"x_ddot", "y_ddot"}),
        (PLANE, Y * VX - X**2 - Y**2, {"x_dot", "y_dot"}),
        (PLANE, (VX + Y) ** 2, {"x_ddot", "x_dot"}),
        (PLANE, (VX - VY) ** 2 - (X - Y) ** 2, {"x_ddot"}),
        (PLANE, AX**2 + VY**2, {"x_ddddot", "y_ddot"}),
        (PLANE, X**2 + sp.cos(Y), {"x", "y"}),
        (PLANE, X * VY + Y * VX, set()),
        (SHEET, U_T**2 - U_X**2 + W_T**2 - W_XX**2, {"u_tt", "w_xxxx"}),
        (SHEET, U_T * U_X / 2 - W_T * W_XX, {"u_tx"}),  # the second term is a divergence
    ],
    ids=lambda value: " ".join(sorted(value)) or "none" if isinstance(value, set) else str(value),
)
def test_there_is_one_for_each_independent_equation(space, lagrangian, expected):
    equations = sp.Matrix(euler_lagrange(lagrangian, space))
    symbols = sorted(space.names.values(), key=str)
    point = {symbol: 0.3 + 0.1 * k for k, symbol in enumerate(symbols)}
    found = {symbol.name for symbol in leading_derivatives(equations, space, point)}
    assert found == expected
