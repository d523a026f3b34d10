import numpy as np
import pytest
import sympy as sp

from lagsym.distillation.engines.base import Table
from lagsym.distillation.engines.refit import products
from lagsym.distillation.engines.sparse import SparseEngine
from lagsym.errors import InputError


@pytest.fixture
def henon_heiles():
    x, y = np.random.default_rng(0).uniform(-1, 1, (2, 400))
    values = x**2 / 2 + y**2 / 2 + x**2 * y - y**3 / 3
    noise = 1e-3 * values.std() * np.random.default_rng(1).standard_normal(400)
    return Table(("x", "y"), np.stack([x, y], axis=1), values + noise, "V")


def test_henon_heiles_is_found(henon_heiles):
    front = SparseEngine().search(henon_heiles)
    x, y = henon_heiles.symbols
    found = front.simplest(factor=4).expression
    assert {term.as_coeff_Mul()[1] for term in found.args} == {x**2, y**2, x**2 * y, y**3}
    assert float(found.coeff(y, 3)) == pytest.approx(-1 / 3, rel=0.02)
    assert (front.engine, front.status, front.message) == ("sparse", "ok", "")


def test_a_law_that_is_no_such_sum_keeps_its_error(henon_heiles):
    x, y = henon_heiles.X.T
    front = SparseEngine(degree=2).search(Table(("x", "y"), henon_heiles.X, np.exp(2 * x + y)))
    assert front.formulas[-1].loss > 1e-3


def test_degrees_are_left_out_where_the_library_grows_too_large(henon_heiles):
    x, y = sp.symbols("x y", real=True)
    assert products((x, y), degree=3, most_terms=6) == ([1, x, y, x**2, x * y, y**2], 2)
    assert products((x, y), degree=3, most_terms=2) == ([1, x, y], 1)
    assert "2 columns" in SparseEngine(most_terms=6).search(henon_heiles).message


def test_a_constant_target():
    table = Table(("x",), np.arange(4.0)[:, None], np.full(4, 2.5))
    assert SparseEngine().search(table).formulas[0].expression == sp.Float(2.5, 17)


def test_options_are_checked():
    with pytest.raises(InputError, match="positive"):
        SparseEngine(degree=0)
