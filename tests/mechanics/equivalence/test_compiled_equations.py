import numpy as np
import pytest
import sympy as sp

from lagsym.mechanics.equivalence.compiled_equations import compile_equations

Q, P, A, K = sp.symbols("q p a k", real=True)
POINTS = np.random.default_rng(0).uniform(0.5, 1.5, (7, 3))


def test_values_and_slopes():
    compiled = compile_equations(sp.Matrix([K * Q - A, sp.sqrt(2) * P]), (Q, P, A), constants=[K])
    q, p, a = POINTS.T
    values = compiled.expressions(POINTS, np.array([3.0]))
    np.testing.assert_allclose(values, np.column_stack((3 * q - a, np.sqrt(2) * p)))
    np.testing.assert_allclose(compiled.slopes(POINTS, np.array([3.0]))[:, :, 0], np.column_stack((q, 0 * q)))


def test_the_motion_solves_non_linear_equations_too():
    compiled = compile_equations(sp.Matrix([A**3 - Q, P - Q * A]), (Q, P, A), leading=[A, P])
    motion = compiled.motion(POINTS)
    q = POINTS[:, 0]
    np.testing.assert_allclose(motion, np.column_stack((q, q ** (4 / 3), np.cbrt(q))))
    np.testing.assert_allclose(POINTS[:, 1], np.random.default_rng(0).uniform(0.5, 1.5, (7, 3))[:, 1])


@pytest.mark.parametrize("equation", [Q - P, (Q - P) * A, sp.log(-Q) + A], ids=str)
def test_no_number_where_there_is_no_motion(equation):
    compiled = compile_equations(sp.Matrix([equation]), (Q, P, A), leading=[A])
    points = POINTS.copy()
    points[:, 1] = points[:, 0]
    assert np.isnan(compiled.motion(points)).all()


def test_more_equations_than_leading_derivatives():
    consistent = compile_equations(sp.Matrix([A - Q, 2 * A - 2 * Q]), (Q, P, A), leading=[A])
    np.testing.assert_allclose(consistent.unsolved(POINTS), 0, atol=1e-14)
    more = compile_equations(sp.Matrix([A - Q, 2 * A - 2 * P]), (Q, P, A), leading=[A])
    assert np.abs(more.unsolved(POINTS)).max() > 0.1
