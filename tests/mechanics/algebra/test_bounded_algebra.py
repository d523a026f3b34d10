import pytest
import sympy as sp

from lagsym.mechanics.algebra.bounded_algebra import antiderivative, fourier_form
from lagsym.mechanics.algebra.expansion import expanded, expansion_size

A, B, T = sp.symbols("a b t", real=True)
K = sp.Symbol("k", real=True)


@pytest.mark.parametrize("expression", [(A + B) ** 3 * (1 + T), A * (B + T) + 2, (A + B + T) ** 4, sp.cos(A + B)])
def test_the_size_bounds_the_number_of_terms(expression):
    terms = len(sp.Add.make_args(sp.expand(expression)))
    assert terms <= expansion_size(expression) <= terms + 2


def test_what_would_be_huge_is_left_alone():
    huge = (1 + A + B + T) ** 100
    assert expanded(huge) is None
    assert fourier_form(huge * sp.cos(A)) is None


def test_rounding_is_dropped():
    assert expanded(0.3 * A * (1 + B) - 0.1 * A - 0.2 * A) == 0.3 * A * B


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (sp.sin(A) ** 2 + sp.cos(A) ** 2, 1),
        (sp.cos(A) * sp.cos(B) - sp.sin(A) * sp.sin(B), sp.cos(A + B)),
        (8 * sp.cos(A / 2) ** 4 - 8 * sp.cos(A / 2) ** 2 + 1, sp.cos(2 * A)),
        (sp.exp(-K * T) * sp.sin(T) * sp.cos(T), sp.exp(-K * T) * sp.sin(2 * T) / 2),
        (sp.sqrt(1 - sp.cos(A)) ** 3 * sp.sin(B), sp.sqrt(1 - sp.cos(A)) ** 3 * sp.sin(B)),
        (sp.tan(A) * sp.cos(B - A), sp.tan(A) * sp.cos(A - B)),
        (A**2 * T, A**2 * T),
    ],
)
def test_one_form_for_all_disguises(expression, expected):
    assert fourier_form(expression) == expected


@pytest.mark.parametrize(
    "function",
    [A**3 * B, sp.cos(K * A) * A, sp.exp(-A * B), sp.log(A + B), sp.sqrt(A**2 + B**2), 1 / (A - B), A**K],
    ids=str,
)
def test_integrals_are_inverse_to_derivatives(function):
    found = antiderivative(sp.diff(function, A), A)
    slope = sp.diff(found - function, A)
    assert abs(slope.subs({A: 0.7, B: 0.4, K: 1.3})) < 1e-12


@pytest.mark.parametrize("integrand", [sp.sin(sp.exp(A**2)), A**A])
def test_no_closed_form_is_none(integrand):
    assert antiderivative(integrand, A) is None
