"""Formal integrability: textbook systems, and multipliers from the conditions as Douglas posed them."""

import random

import numpy as np
import pytest
import sympy as sp

from lagsym.mechanics.algebra.clear_ranks import Judge, UnclearRankError, echelon, kernel, rank
from lagsym.mechanics.algebra.power_series import ONE, Series, Truncation
from lagsym.mechanics.inverse_problem.conditions import pairs
from lagsym.mechanics.inverse_problem.point_analysis import algebraic_finding, differential_finding
from lagsym.mechanics.inverse_problem.prolongation import Equation, is_involutive, prolong
from lagsym.mechanics.inverse_problem.sampled_equations import sampled_equations
from lagsym.mechanics.jetspace import JetSpace

PLANE = JetSpace(("x", "y"))
(x, y), (u, v) = PLANE.positions, PLANE.velocities
(t,) = PLANE.base_symbols
JUDGE = Judge()


def whole(rows):
    return np.array(rows, dtype=object) * ONE


@pytest.mark.parametrize(
    ("symbol", "order", "involutive"),
    [
        # Seiler, Involution (2010), section 6.2; columns u_xx, u_xy, u_yy.
        ([[1, 0, 1]], 2, True),
        ([[1, 0, 0], [0, 1, 0]], 2, True),
        ([[1, 0, 0], [0, 0, 1]], 2, False),
        ([[1, 0, 0], [0, 1, 0], [0, 0, 1]], 2, True),
        ([[1, 0]], 1, True),
    ],
)
def test_involutive_symbols_of_one_function(symbol, order, involutive):
    assert is_involutive(whole(symbol), 1, 2, order, JUDGE) is involutive


def test_involutive_symbol_of_several_functions():
    # Columns u_x, v_x, u_y, v_y; Cauchy and Riemann's equations are involutive.
    assert is_involutive(whole([[1, 0, 0, -1], [0, 1, 1, 0]]), 2, 2, 1, JUDGE)
    # u_x = u_y = 0 and u_z = 0 in three variables leave nothing; u_x = 0 and v_y = 0 are two involutive equations.
    assert is_involutive(whole([[1, 0, 0, 0], [0, 0, 0, 1]]), 2, 2, 1, JUDGE)


def gradient(first, second):
    """rho_x = first rho and rho_y = second rho for one function of two variables."""
    one = Series.constant(Truncation(2, 4), ONE)
    return [Equation(({0: one},), (-first,)), Equation(({1: one},), (-second,))]


def test_what_mixed_derivatives_imply_is_found():
    x0 = Series.variable(Truncation(2, 4), 0, 0)
    y0 = Series.variable(Truncation(2, 4), 1, 0)
    closed = prolong(gradient(y0, x0), 2, 2, JUDGE)
    assert [closed.dimension(k) for k in range(3)] == [1, 1, 1]
    curved = prolong(gradient(y0, x0 * 2), 2, 2, JUDGE)
    assert curved.dimension(0) == 0
    assert len(curved.values(JUDGE)) == 0


def test_ranks_that_cannot_be_told_are_refused():
    assert rank(np.array([[ONE, 0], [0, ONE >> 200]], dtype=object), JUDGE) == 1
    with pytest.raises(UnclearRankError):
        rank(np.array([[ONE, 0], [0, ONE >> 100]], dtype=object), JUDGE)


def test_kernel_and_blocks():
    generator = random.Random(1)
    left = whole([[generator.randint(-9, 9) for _ in range(3)] for _ in range(5)])
    right = [[generator.randint(-9, 9) for _ in range(6)] for _ in range(3)]
    matrix = left @ np.array(right, dtype=object)
    basis = kernel(matrix, JUDGE)
    assert basis.shape == (3, 6)
    assert np.abs((matrix @ basis.T) // ONE).max() < 2**20
    assert [block.rank for block in echelon(matrix, [2, 4], JUDGE)] == [2, 1]


def posed_by_douglas(motion, order):
    """Dimensions of the jets of g(t, q, v) that Gamma(g) = g N + (g N)^T, closure and g Phi = (g Phi)^T leave.

    Nothing that follows from these is put in, neither derivatives of Phi nor horizontal closure; time is a variable.
    """
    equations = sampled_equations(motion, PLANE, None)
    point = equations.point(random.Random(1))
    geometry = equations.geometry(point, order + 3, with_time=True)
    N, Phi, entries = geometry.connection, geometry.endomorphism, pairs(2)
    place = {pair: c for c, (i, j) in enumerate(entries) for pair in ((i, j), (j, i))}
    zero = Series.constant(Truncation(5, order), 0)
    one = Series.constant(Truncation(5, order), ONE)

    def equation(first, zeroth):
        slopes, values = [{} for _ in entries], [zero] * len(entries)
        for pair, mu, series in first:
            slopes[place[pair]][mu] = slopes[place[pair]].get(mu, zero) + series.truncated(order)
        for pair, series in zeroth:
            values[place[pair]] = values[place[pair]] + series.truncated(order)
        return Equation(tuple(slopes), tuple(values))

    rates = [one, *geometry.velocities, *geometry.accelerations]
    result = []
    for i, j in entries:
        along = [((i, j), mu, rate) for mu, rate in zip((4, 0, 1, 2, 3), rates, strict=True)]
        result.append(equation(along, [((a, k), -N[k, b]) for a, b in ((i, j), (j, i)) for k in range(2)]))
    for i in range(2):
        result.append(equation([((i, 0), 3, one), ((i, 1), 2, -one)], []))
    symmetry = [((0, k), Phi[k, 1]) for k in range(2)] + [((1, k), -Phi[k, 0]) for k in range(2)]
    prolonged = prolong([*result, equation([], symmetry)], 5, order, JUDGE)
    return tuple(prolonged.dimension(k) for k in range(3))


@pytest.mark.parametrize(
    ("motion", "order"),
    [
        ([sp.S.Zero, sp.S.Zero], 3),
        ([u**2 + v**2, sp.S.Zero], 3),
        ([x * v, sp.S.Zero], 4),
        ([t * y - x, t * x**2 - y], 3),
        ([-sp.exp(t) * u, y * v], 3),
    ],
)
def test_nothing_is_lost_or_added_by_working_at_a_fixed_time(motion, order):
    equations = sampled_equations(motion, PLANE, None)
    point = equations.point(random.Random(1))
    first, _ = algebraic_finding(lambda order: equations.scaled_geometry(point, order), 2, JUDGE)
    found = differential_finding(lambda order: equations.scaled_geometry(point, order), first, JUDGE)
    assert found.answer == "exists"
    assert found.dimensions[:3] == posed_by_douglas(motion, order)
