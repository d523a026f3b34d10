import pytest
import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.algebra.probing import probe, vanishes

X, Y = sp.symbols("x y", real=True)


@pytest.mark.parametrize(
    "expression",
    [
        sp.sin(X) ** 2 + sp.cos(X) ** 2 - 1,
        sp.sqrt(-X) ** 2 + X,
        sp.log(X * Y) - sp.log(X) - sp.log(Y),
        0.1 * sp.sin(X) ** 2 + 0.1 * sp.cos(X) ** 2 - 0.1,
        sp.S.Zero,
    ],
)
def test_zero_in_disguise(expression):
    assert vanishes(expression)


@pytest.mark.parametrize("expression", [X - Y, 1e-9 * X, sp.sqrt(X**2 + 1e-3) - X, sp.S.One])
def test_small_is_not_zero(expression):
    assert not vanishes(expression)


def test_functions_without_a_formula_have_some_value():
    potential = sp.Function("V")(X)
    assert not vanishes(potential.diff(X) - potential)
    assert vanishes((potential * X).diff(X) - potential - X * potential.diff(X))


def test_what_is_nowhere_finite_is_refused():
    with pytest.raises(InputError, match="finite at most points"):
        probe([X, Y / (sp.Float(1.0) - sp.Float(1.0))])
