import pytest
import sympy as sp

from lagsym.mechanics.algebra.undetermined_coefficients import undetermined_antiderivative

X, Y, K = sp.symbols("x y k", real=True)
VALUES = {X: 0.7, Y: 0.4, K: 1.3}
FUNCTIONS = [
    X * sp.exp(X * Y) * sp.sqrt(X**2 + K),
    sp.sqrt((X**2 + 1) ** 2 + 1) * (X**2 + Y**2 + Y) ** sp.Rational(3, 2),
    2 * X * sp.log(X + 2) * sp.sin(1 / sp.sqrt((X**2 + 1) ** 2 + 1)),
    sp.tanh(((Y / 2 + X) ** 2 + 2) ** sp.Rational(3, 2)),
    sp.sin(X) / (X - Y) ** 2 + sp.log(X) ** 2,
    sp.atan(X**2 + Y**2) + sp.atan(sp.cosh(X)),
    sp.sqrt(2) * X**K * sp.cosh(X),
    0.3 * X * sp.Abs(X + 1) + 0.7 * sp.sin(X) * Y,
    X * sp.erf(X * Y),
]


@pytest.mark.parametrize("function", FUNCTIONS, ids=str)
def test_what_holds_the_functions_of_its_derivative_is_found(function):
    found = undetermined_antiderivative(sp.diff(function, X), X)
    assert abs(sp.diff(found - function, X).subs(VALUES).evalf()) < 1e-9


@pytest.mark.parametrize(
    ("integrand", "expected"),
    [
        (X**2 * sp.exp(X), (X**2 - 2 * X + 2) * sp.exp(X)),
        (sp.log(X), X * sp.log(X) - X),
        (X * sp.sign(X), X * sp.Abs(X) / 2),
        (sp.exp(X) / (1 + sp.exp(X)), sp.log(1 + sp.exp(X))),
    ],
)
def test_terms_that_the_integrand_does_not_hold_are_found(integrand, expected):
    assert sp.expand(undetermined_antiderivative(integrand, X) - expected) == 0


@pytest.mark.parametrize(
    "integrand",
    [sp.exp(-(X**2)), X**X, sp.besselj(0, X), sp.floor(X), sp.Max(X, Y), sp.Add(*(sp.sqrt(X + n) for n in range(70)))],
)
def test_what_is_beyond_the_method_is_none(integrand):
    assert undetermined_antiderivative(integrand, X) is None
