import pytest
import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.algebra.inversion import invert

X, Y, C = sp.symbols("x y c", real=True)


@pytest.mark.parametrize(
    ("function", "bounds"),
    [
        (X / sp.sqrt(1 - X**2 / C**2), (-0.9, 0.9)),
        (sp.tan(X / 2) ** 3 + C, (-1.0, 1.0)),
        (sp.exp(2 * X) - sp.S.One / 3, (-2.0, 2.0)),
        (X + X**3, (-2.0, 2.0)),
        (X**3, (-2.0, 2.0)),
        ((X - 1) ** 2, (-3.0, 1.0)),
        ((X - 1) ** 2, (1.0, 3.0)),
        (sp.sinh(X) + C, (-2.0, 2.0)),
    ],
)
def test_the_inverse_comes_back_on_the_right_branch(function, bounds):
    inverse = invert(function, X, Y, {"x": bounds, "c": (1.0, 2.0)})
    for k in range(1, 8):
        x = sp.Rational(bounds[0]) + sp.Rational(bounds[1] - bounds[0]) * k / 8 + sp.Rational(1, 1000)
        point = {X: x, C: sp.Rational(3, 2)}
        assert abs(inverse.subs({Y: function.subs(point), **point}).evalf(30) - x) < 1e-15


def test_no_branch_holds_where_the_function_turns_round():
    with pytest.raises(InputError, match="none of the 2 solutions"):
        invert(X**2, X, Y, {"x": (-1.0, 1.0)})


def test_ranges_must_be_where_the_function_is_real():
    with pytest.raises(InputError, match="it is at 0 of"):
        invert(sp.sqrt(X**2 - 4), X, Y, {"x": (-1.0, 1.0)})


def test_effort_is_bounded():
    long = sum(sp.sqrt(k + X**2) for k in range(1, 5))
    with pytest.raises(InputError, match="2 radicals"):
        invert(long, X, Y, {"x": (0.0, 1.0)})
