from fractions import Fraction

import pytest
import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.algebra.power_series import ONE, Truncation, count, monomials
from lagsym.mechanics.algebra.series_evaluation import Evaluation, NotRegularError

x, y = sp.symbols("x y", real=True)
POINT = {x: Fraction(1, 3), y: Fraction(5, 7)}


@pytest.mark.parametrize(
    "expression",
    [
        sp.sin(x * y) ** 2 / sp.sqrt(1 + x),
        sp.log(x + 2 * y) * x ** sp.Rational(-3, 2),
        sp.Abs(x - 3) * sp.atan(y) + x**y,
        sp.tan(x) ** 7 / (x + y) ** 5 + sp.pi,
        sp.Piecewise((x**2, x < y), (y, True)) * sp.exp(-x),
        sp.Max(x, y) / 10 + (x + y) ** sp.Rational(1, 3),
    ],
)
def test_coefficients_are_derivatives(expression):
    series = Evaluation(Truncation(2, 3), POINT)(expression)
    for coefficient, (i, j) in zip(series.coefficients, monomials(Truncation(2, 3)), strict=True):
        derivative = sp.diff(expression, *[x] * i, *[y] * j) if i + j else expression
        at_point = derivative.subs({x: sp.Rational(1, 3), y: sp.Rational(5, 7)}).evalf(60)
        expected = at_point / sp.factorial(i) / sp.factorial(j)
        assert abs(sp.Rational(int(coefficient), ONE) - expected) < 1e-50


def test_derivatives_and_slices():
    evaluate = Evaluation(Truncation(2, 5), POINT)
    series, slope = evaluate(sp.sin(x) * y**2), evaluate(sp.cos(x) * y**2)
    assert abs(series.derivative(0).coefficients - slope.truncated(4).coefficients).max() < 2**16
    alone = Evaluation(Truncation(1, 5), {x: POINT[x]}, {y: POINT[y]})(sp.sin(x) * y**2)
    assert abs(series.without(1).coefficients - alone.coefficients).max() < 2**16
    assert len(series.coefficients) == count(2, 5)


@pytest.mark.parametrize("expression", [1 / (x - y), sp.sqrt(x - y), sp.log(x - y), sp.log(x - 1), sp.sqrt(x - 1)])
def test_points_without_a_real_series_are_refused(expression):
    with pytest.raises(NotRegularError):
        Evaluation(Truncation(2, 2), {x: Fraction(1, 3), y: Fraction(1, 3)})(expression)


def test_functions_of_two_arguments_are_refused():
    with pytest.raises(InputError, match="cannot be expanded"):
        Evaluation(Truncation(2, 2), POINT)(sp.atan2(x, y))
