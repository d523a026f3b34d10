import numpy as np
import pytest

from lagsym.distillation.engines.base import Table
from lagsym.distillation.engines.numeric import numeric
from lagsym.distillation.engines.scaled import ScaledTable


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    X = rng.uniform(0.5, 2.0, (50, 3)) * [1.0, 1e-6, 1e5]
    return Table(("a", "b", "c"), X, 3e8 + 1e7 * rng.standard_normal(50))


def test_columns_far_from_order_one_and_the_target_are_scaled(table):
    scaled = ScaledTable.of(table, rows=100, seed=0)
    assert scaled.scales[0] == 1.0
    assert np.sqrt(np.mean(scaled.X**2, axis=0))[1:] == pytest.approx([1, 1])
    assert (scaled.y.mean(), scaled.y.std()) == (pytest.approx(0), pytest.approx(1))


def test_expressions_come_back_in_the_tables_columns(table):
    scaled = ScaledTable.of(table, rows=100, seed=0)
    x0, x1, x2 = scaled.symbols
    expression = x0 / (1 + x1**2) - x2
    here, there = numeric(expression, scaled.symbols), numeric(scaled.restored(expression), table.symbols)
    assert np.allclose(here(scaled.X.T), there(table.X.T))


def test_rows_are_drawn_by_the_seed(table):
    first, again, other = (ScaledTable.of(table, rows=20, seed=seed) for seed in (1, 1, 2))
    assert len(first.y) == 20
    assert np.array_equal(first.X, again.X)
    assert not np.array_equal(first.X, other.X)
