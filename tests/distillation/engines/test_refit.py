import numpy as np
import pytest
import sympy as sp

from lagsym.distillation.engines.base import Table
from lagsym.distillation.engines.refit import common_terms, evaluate, expanded, polish, refit

r, v = sp.symbols("r v", real=True)


@pytest.fixture
def rows():
    return np.random.default_rng(0).uniform([0.7, -0.9], [4.0, 0.9], (200, 2))


def table(rows, expression, noise=0.0):
    values = sp.lambdify((r, v), expression, "numpy")(*rows.T) * np.ones(len(rows))
    return Table(
        ("r", "v"), rows, values + noise * np.std(values) * np.random.default_rng(1).standard_normal(len(rows))
    )


def numbers(expression):
    return sorted(float(number) for number in expression.atoms(sp.Float))


@pytest.mark.parametrize(
    ("truth", "start"),
    [
        (2 * sp.exp(-1.4 * r) - 3.1, 1.0 * sp.exp(-1.0 * r) + 1.0),
        (-1.7 / sp.sqrt(r**2 + 0.3), 1.0 / sp.sqrt(0.5 * r**2 + 1.0)),
        (-1.4 * sp.sqrt(1 - 0.81 * v**2) - 0.4 * r**2, 3.0 * sp.sqrt(2.0 - v**2) + r**2),
        (4.5 * r * v + 2.5 * v**3, r * v + 1.0 * v**3),
    ],
)
def test_all_numbers_are_fitted_in_double_precision(rows, truth, start):
    data = table(rows, truth)
    formula = refit(start, data)
    assert formula is not None
    assert formula.loss < 1e-20
    assert np.allclose(evaluate(formula.expression, data), data.y, rtol=1e-9)


def test_a_wrong_structure_keeps_its_error(rows):
    formula = refit(1.0 * sp.exp(-1.0 * r), table(rows, 1 / r**3))
    assert formula is not None
    assert formula.loss > 1e-4


def test_the_loss_is_that_of_the_formula(rows):
    data = table(rows, sp.exp(-1.4 * r) + 0.1 * v, noise=0.05)
    formula = refit(1.0 * sp.exp(-1.0 * r) + 0.5, data)
    error = evaluate(formula.expression, data) - data.y
    assert formula.loss == pytest.approx(np.mean(error**2) / np.var(data.y))


def test_what_is_not_finite_is_no_formula(rows):
    data = table(rows, r)
    assert refit(sp.sqrt(-r - 1.0), data) is None
    assert refit(sp.zoo * r, data) is None
    assert refit(sp.exp(sp.exp(30.0 * r)) + r, data) is None


def test_redundant_numbers_are_taken_out():
    assert expanded(sp.exp(2.0 + r)).as_coeff_Mul()[1] == sp.exp(r)
    assert expanded(1 / (2.0 * r + 4.0)) == sp.Float(0.25) / (0.5 * r + 1)
    assert expanded(sp.exp(r - v)) == sp.exp(r - v)
    assert expanded((r + 1.0) * v) == r * v + 1.0 * v


def test_polishing_drops_what_is_superfluous_and_rounds_what_is_round(rows):
    data = table(rows, 2.3 * sp.exp(-2 * r) + 0.5 * v**2, noise=1e-3)
    start = 1.0 * sp.exp(-1.9 * r) + v**2 + 0.01 * v + 0.02 * r * v + 0.3
    best = next(formula for formula in polish([start], data) if formula.loss < 3e-6)
    assert {term.as_coeff_Mul()[1] for term in best.expression.args} == {sp.exp(-2 * r), v**2}
    assert numbers(best.expression) == pytest.approx([0.5, 2.3], rel=3e-3)


def test_terms_of_several_structures_are_put_together(rows):
    data = table(rows, 0.5 * v**2 + 1.7 / r - 0.2 * r**2)
    front = polish([v**2 + 1.0 * r * v, 1 / r + 1.0 * v, r**2 + 0.5], data)
    assert front[-1].loss < 1e-25 or min(f.loss for f in front) < 1e-25
    exact = next(formula for formula in front if formula.loss < 1e-20)
    assert len(exact.expression.args) == 3


def test_further_terms_complete_what_a_search_found(rows):
    data = table(rows, sp.exp(-2 * r) + 0.5 * v**2 + 1.7 / r)
    found = [sp.exp(-2 * r) + 1.0 * v]
    assert polish(found, data)[-1].loss > 1e-6
    assert polish(found, data, extra=common_terms(data))[-1].loss < 1e-20


def test_a_phase_of_a_quarter_turn_becomes_the_other_function(rows):
    data = table(rows, 1.42 * sp.cos(r - v))
    best = next(formula for formula in polish([sp.sin(r - v + 1.5707925)], data) if formula.loss < 1e-9)
    assert best.expression.has(sp.cos)
    assert numbers(best.expression) == pytest.approx([1.42])


def test_huge_terms_that_cancel_are_no_formula(rows):
    """A difference quotient in disguise: 1/sqrt(r) as the limit of two roots."""
    data = table(rows, 1 / sp.sqrt(r))
    assert refit(sp.sqrt(r) + sp.sqrt(r - 1.0 / 20000), data) is None
