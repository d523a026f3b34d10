import mpmath
import numpy as np
import sympy as sp

from lagsym.mechanics.algebra.null_space import null_space

TOLERANCE = 1e-30


def numbers(rows):
    return np.array([[mpmath.mpf(x) for x in row] for row in rows], dtype=object)


def test_agrees_with_exact_arithmetic():
    with mpmath.workdps(60):
        generator = np.random.default_rng(0)
        matrix = generator.integers(-5, 6, (9, 4)) @ generator.integers(-5, 6, (4, 7))
        basis = null_space(numbers(matrix.tolist()), TOLERANCE)
        exact = sp.Matrix([list(v) for v in sp.Matrix(matrix).nullspace()]).rref()[0]
        assert basis.shape == exact.shape == (3, 7)
        for ours, theirs in zip(basis.flat, exact, strict=True):
            assert abs(ours - mpmath.mpf(theirs.p) / theirs.q) < 1e-30


def test_units_do_not_matter():
    with mpmath.workdps(60):
        tiny = mpmath.mpf(10) ** -10
        (vector,) = null_space(numbers([[1, tiny, 0], [0, tiny, tiny**2]]), TOLERANCE)
        np.testing.assert_allclose((vector * [1, tiny, tiny**2]).astype(float), [1, -1, 1])


def test_rounding_is_no_condition():
    with mpmath.workdps(60):
        noise = mpmath.mpf(10) ** -58
        assert len(null_space(numbers([[1, 2], [noise, -noise]]), TOLERANCE)) == 1
        assert len(null_space(numbers([[noise, 1], [-noise, 1]]), TOLERANCE)) == 1


def test_a_matrix_of_zeros_and_a_regular_one():
    with mpmath.workdps(60):
        np.testing.assert_array_equal(null_space(numbers([[0, 0]]), TOLERANCE).astype(float), np.eye(2))
        assert null_space(numbers([[1, 2], [3, 4]]), TOLERANCE).shape == (0, 2)
