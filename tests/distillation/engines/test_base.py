import numpy as np
import pytest
import sympy as sp

from lagsym.distillation.engines.base import (
    Budget,
    Formula,
    FormulaFront,
    Table,
    complexity,
    constant_front,
)
from lagsym.errors import DataError, InputError

x, y = sp.symbols("x y", real=True)


def test_a_table_keeps_its_own_copy():
    X, values = np.zeros((3, 1)), np.arange(3.0)
    table = Table(("x",), X, values)
    X[0] = 7.0
    assert table.X[0, 0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        table.y[0] = 1.0
    assert table.symbols == (x,)
    assert table.symbols[0].is_real


@pytest.mark.parametrize(
    ("columns", "X", "values", "message"),
    [
        (("x",), np.zeros((2, 1)), np.zeros(2), "2 rows, at least 3"),
        (("x",), np.zeros((3, 2)), np.zeros(3), r"not \(3, 2\)"),
        (("x",), np.zeros((3, 1)), np.zeros(4), r"and \(4,\)"),
        (("x",), np.zeros(3), np.zeros(3), r"shape \(N, 1\)"),
        (("x",), np.array([[0.0], [np.nan], [1.0]]), np.zeros(3), r"1 rows are not finite \(first: 1\)"),
        (("x",), np.zeros((4, 1)), np.array([0, 0, np.inf, np.nan]), "first: 2, 3"),
        (("x", "x"), np.zeros((3, 2)), np.zeros(3), "different names"),
        ((), np.zeros((3, 0)), np.zeros(3), "at least one"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(columns, X, values, message):
    with pytest.raises(InputError, match=message):
        Table(columns, X, values, name="V")


@pytest.mark.parametrize("blocks", [((0, 1),), ((0,), ()), ((0,), (0, 1)), ((0,), (2,)), ((0,), (-1,))])
def test_blocks_that_are_no_groups_of_columns_are_refused(blocks):
    with pytest.raises(InputError, match=r"table V: (at least two blocks|2 columns have no places)"):
        Table(("x", "y"), np.ones((3, 2)), np.arange(3.0), "V", blocks)


def test_measurements_are_a_data_error():
    with pytest.raises(DataError, match="table V"):
        Table(("x",), np.full((3, 1), np.nan), np.zeros(3), name="V")


def test_the_unit_of_loss_is_what_a_constant_leaves():
    rows = np.linspace(0, 1, 5)
    assert Table(("x",), rows[:, None], 3 + rows).scale == pytest.approx(np.var(rows))
    assert Table(("x",), rows[:, None], np.full(5, 3.0)).scale == pytest.approx(9.0)
    assert Table(("x",), rows[:, None], np.zeros(5)).scale == 1.0


def test_a_front_keeps_what_nothing_simpler_beats_in_order():
    formulas = (Formula(x, 5, 0.1), Formula(y, 1, 0.5), Formula(x + y, 5, 0.2), Formula(x * y, 7, 0.3))
    front = FormulaFront((*formulas, Formula(x**2, 9, float("nan"))), "test")
    assert [formula.expression for formula in front.formulas] == [y, x]


def test_the_simplest_adequate_formula():
    losses = {1: 0.5, 3: 1e-9, 5: 2e-10, 9: 1e-10}
    front = FormulaFront(tuple(Formula(x, c, loss) for c, loss in losses.items()), "test")
    assert front.simplest().complexity == 5
    assert front.simplest(factor=20).complexity == 3
    assert front.simplest(floor=1e-8).complexity == 3  # known noise makes the tail equal
    with pytest.raises(InputError, match="no formula"):
        FormulaFront((), "test").simplest()


def test_fitted_numbers_are_less_simple_than_exact_ones():
    assert complexity(sp.exp(-2 * x)) < complexity(sp.exp(-2.0001 * x))
    assert complexity(x) < complexity(x + y) < complexity(x + y + 1.0)


@pytest.mark.parametrize("value", [0.0, -2.5])
def test_a_constant_target_has_a_front_with_a_constant(value):
    front = constant_front(Table(("x",), np.zeros((4, 1)), np.full(4, value)), "test")
    assert [float(formula.expression) for formula in front.formulas] == [value]
    assert front.formulas[0].loss == 0


@pytest.mark.parametrize("options", [{"generations": 0}, {"seconds": 0.0}, {"seconds": float("nan")}, {"enough": -1.0}])
def test_a_budget_is_checked(options):
    with pytest.raises(InputError, match="budget"):
        Budget(**options)
