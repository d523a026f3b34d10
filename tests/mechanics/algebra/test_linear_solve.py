import random

import pytest
import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.algebra.linear_solve import eliminate, pivot_order, solve_linear

A, B, C, D = sp.symbols("a b c d", real=True)
POINT = {A: sp.Rational(3, 7), B: sp.Rational(5, 9), C: sp.Rational(8, 5)}


def names(n):
    return sp.symbols(f"u:{n}", real=True)


def random_matrix(n, seed, symmetric):
    generator = random.Random(seed)
    matrix = sp.Matrix(
        n, n, lambda i, j: generator.choice([A, sp.cos(B), C**2, A * B, sp.Integer(generator.randint(1, 9))])
    )
    return matrix + matrix.T if symmetric else matrix


def residual(matrix, right, solution):
    return (matrix.subs(POINT) * solution - right.subs(POINT)).evalf(30).norm()


def equations(n, symmetric):
    return random_matrix(n, n, symmetric), sp.Matrix([A + k * sp.sin(C) for k in range(n)])


@pytest.mark.parametrize(("n", "symmetric"), [(1, True), (2, True), (3, True), (2, False), (4, False)])
def test_quotients_of_determinants_satisfy_their_equations(n, symmetric):
    matrix, right = equations(n, symmetric)
    assert residual(matrix, right, sp.Matrix(solve_linear(matrix, right, names(n))).xreplace(POINT)) < 1e-22


@pytest.mark.parametrize("n", [2, 3])
def test_elimination_written_out_agrees(n, monkeypatch):
    monkeypatch.setattr("lagsym.mechanics.algebra.linear_solve.CLOSED", 1)
    matrix, right = equations(n, symmetric=True)
    assert residual(matrix, right, sp.Matrix(solve_linear(matrix, right, names(n))).xreplace(POINT)) < 1e-22


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("n", [1, 2, 5, 7])
def test_elimination_satisfies_its_equations(n, symmetric):
    matrix, right = equations(n, symmetric)
    steps, short = eliminate(matrix, right, pivot_order(matrix, names(n)), sp.numbered_symbols("s", real=True))
    values = dict(POINT)
    for symbol, expression in steps:
        values[symbol] = expression.xreplace(values).evalf(40)
    assert residual(matrix, right, sp.Matrix(short).xreplace(values)) < 1e-22


@pytest.mark.parametrize("n", [2, 3, 4])
def test_vanishing_pivots_are_passed_over(n):
    matrix = sp.Matrix(n, n, lambda i, j: A + i if i + j == n - 1 else 0)
    matrix[n - 1, n - 1] = B
    solution = solve_linear(matrix, sp.ones(n, 1), names(n))
    assert (matrix * sp.Matrix(solution) - sp.ones(n, 1)).applyfunc(sp.cancel).is_zero_matrix


def test_a_pivot_that_vanishes_in_disguise_is_passed_over():
    hidden = sp.sin(A) ** 2 + sp.cos(A) ** 2 - 1
    matrix = sp.Matrix([[hidden, B], [C, D]])
    assert pivot_order(matrix, names(2)) == [1, 0]


def test_uncoupled_unknowns_are_solved_apart():
    matrix = sp.Matrix([[A, 0, 0], [0, B, C], [0, C, D]])
    first, *_ = solve_linear(matrix, sp.Matrix([1, A, B]), names(3))
    assert first == 1 / A


def test_elimination_grows_like_the_cube():
    n = 6
    matrix = sp.Matrix(n, n, lambda i, j: sp.Symbol(f"m{min(i, j)}{max(i, j)}", real=True))
    right = sp.Matrix(sp.symbols(f"f:{n}", real=True))
    steps, solution = eliminate(matrix, right, range(n), sp.numbered_symbols("s", real=True))
    # n^3/3 multiplications and additions for a symmetric matrix, and some of order n^2.
    assert sum(x.count_ops() for _, x in steps) + sum(x.count_ops() for x in solution) < n**3 / 3 + 3 * n**2


@pytest.mark.parametrize("n", [2, 4])
def test_singular_matrices_are_refused(n):
    column = sp.Matrix([A, sp.cos(B), 1, C][:n])
    with pytest.raises(InputError, match="singular everywhere"):
        solve_linear(column * column.T, sp.ones(n, 1), names(n))
