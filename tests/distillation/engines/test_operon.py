import builtins
import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

from lagsym.distillation.engines.base import Budget, Table
from lagsym.distillation.engines.operon import OperonEngine
from lagsym.distillation.engines.refit import polish
from lagsym.errors import InputError, UnavailableError

RECORDED = Path(__file__).parent / "recorded"
FEATURES = ("cos_q1", "sin_q1", "cos_q2", "sin_q2", "cos_d", "sin_d")
SMALL = Budget(generations=12)
POLYNOMIAL = OperonEngine({"polynomial": ()}, population=400)


def recorded(name):
    with np.load(RECORDED / f"{name}.npz") as arrays:
        return Table(FEATURES, arrays["X"], arrays["y"], name)


def terms(expression):
    return {str(term) for term in expression.as_coefficients_dict()}


def test_the_mixed_mass_of_the_double_pendulum_is_found_exactly():
    """Read out of a trained network whose error is about 1e-5, so that more precise formulas fit its error."""
    front = POLYNOMIAL.search(recorded("m12_features"), budget=SMALL)
    found = front.simplest(floor=1e-9).expression
    assert terms(found) == {"cos_d"}
    assert float(found.as_coeff_Mul()[0]) == pytest.approx(1.42166 * 0.468938, rel=1e-4)
    assert (front.engine, front.status) == ("operon", "ok")


def test_the_potential_of_the_double_pendulum_is_found_exactly():
    table = recorded("v_features")
    found = POLYNOMIAL.search(table, budget=SMALL).simplest(floor=1e-9).expression
    cos_q1, _, cos_q2, *_ = table.symbols
    assert terms(found) == {"1", "cos_q1", "cos_q2"}
    assert float(found.coeff(cos_q1) / found.coeff(cos_q2)) == pytest.approx(2.0, rel=1e-4)


@pytest.fixture
def relativistic():
    v2 = np.random.default_rng(0).uniform(0, 0.85, 300)
    noise = 1e-3 * np.random.default_rng(1).standard_normal(300)
    values = -np.sqrt(1 - v2)
    return Table(("v2",), v2[:, None], values + noise * values.std())


def test_a_root_needs_its_symbol_set(relativistic):
    (v2,) = relativistic.symbols
    root = OperonEngine({"root": ("Sqrt",)}, population=400).search(relativistic, budget=SMALL)
    found = root.simplest().expression
    ratio = found / sp.sqrt(1 - v2)
    assert found.has(sp.Pow)
    assert [float(ratio.subs(v2, value)) for value in (0.1, 0.5, 0.8)] == pytest.approx([-1] * 3, rel=2e-3)
    polynomial = POLYNOMIAL.search(relativistic, budget=SMALL)
    assert not any(formula.expression.has(sp.sqrt(1 - v2)) for formula in polynomial.formulas)


def test_apart_every_symbol_set_has_an_engine_of_its_own():
    whole = OperonEngine({"polynomial": (), "root": ("Sqrt",)}, population=400, largest=20)
    polynomial, root = whole.apart()
    assert polynomial == replace(POLYNOMIAL, largest=20)
    assert root == OperonEngine({"root": ("Sqrt",)}, population=400, largest=20, common=False, own=True)
    assert root.apart() == (root,)
    # Long formulas of one symbol set only mimic what another says shortly.
    assert {part.largest for part in OperonEngine(largest=60).apart()} == {25}


def test_without_common_terms_a_formula_has_its_own_symbols_only():
    x = np.linspace(0.5, 2.0, 100)
    table = Table(("x",), x[:, None], np.exp(-1.3 * x))
    engine = OperonEngine({"exponential": ("Exp",)}, population=400, common=False)
    assert not any(
        term.has(1 / table.symbols[0])
        for f in engine.search(table, budget=SMALL).formulas
        for term in f.expression.args
    )


def test_the_same_seed_gives_the_same_front(relativistic):
    engine = OperonEngine({"root": ("Sqrt",)}, population=200)
    first, again, other = (engine.search(relativistic, seed=seed, budget=Budget(6)) for seed in (1, 1, 2))
    assert first.formulas == again.formulas
    assert first.formulas != other.formulas


def test_columns_far_from_order_one_do_not_matter():
    table = recorded("m12_features")
    scales = np.array([1.0, 1e-6, 1e8, 1.0, 1e7, 1e-5])
    front = POLYNOMIAL.search(Table(FEATURES, table.X * scales, 1e9 * table.y), budget=SMALL)
    assert terms(front.simplest(floor=1e-9).expression) == {"cos_d"}


def test_the_search_ends_when_the_loss_is_good_enough(monkeypatch):
    searched = []
    engine = OperonEngine({"polynomial": (), "root": ("Sqrt",)}, population=400)
    evolve = importlib.import_module("lagsym.distillation.engines.operon")._evolve

    def counting(engine, scaled, symbols, *rest):
        searched.append(symbols)
        return evolve(engine, scaled, symbols, *rest)

    monkeypatch.setattr("lagsym.distillation.engines.operon._evolve", counting)
    engine.search(recorded("m12_features"), budget=Budget(12, enough=1e-8))
    assert searched == [()]


def test_a_search_cut_by_the_cap_says_so():
    front = OperonEngine({"polynomial": ()}, population=2000).search(
        recorded("v_features"), budget=Budget(100_000, seconds=0.5)
    )
    assert front.status == "partial"
    assert "0.5 s" in front.message
    assert front.formulas


def test_a_constant_target_is_not_searched():
    table = Table(("x",), np.arange(5.0)[:, None], np.full(5, 3.0))
    assert float(OperonEngine().search(table).formulas[0].expression) == 3.0


def test_without_operon_the_error_says_how_to_get_it(monkeypatch, relativistic):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UnavailableError, match="pip install pyoperon"):
        OperonEngine().search(relativistic)


@pytest.mark.parametrize("options", [{"symbol_sets": {"all": ("Tan",)}}, {"symbol_sets": {}}, {"population": 2}])
def test_options_are_checked(options):
    with pytest.raises(InputError, match="Operon"):
        OperonEngine(**options)


def test_nothing_is_imported_before_it_is_needed(monkeypatch):
    def refuse(name, *rest):
        raise AssertionError(name)

    monkeypatch.setattr(builtins, "__import__", refuse)
    assert OperonEngine().available() is None


def test_what_mimics_the_own_function_of_a_symbol_set_does_not_hide_it():
    """A noisy table of exp(-x/2)/x, which a line in x and 1/x fits better."""
    x = np.random.default_rng(0).uniform(1.0, 1.5, 80)
    table = Table(("x", "inverse"), np.stack([x, 1 / x], axis=1), 0.3 * x + 2 / x + 1e-4 * np.exp(-x / 2) / x)
    X, inverse = table.symbols
    structures = [inverse * sp.exp(-0.4 * X), 1.1 * X + inverse]
    assert not any(f.expression.has(sp.exp) for f in polish(structures, table) if f.complexity < 14)
    found = polish(structures, table, wanted=OperonEngine({"exponential": ("Exp",)}, own=True)._wanted)
    assert found
    assert all(formula.expression.has(sp.exp) for formula in found)
    rooted = OperonEngine({"root": ("Sqrt", "Div")}, own=True)
    assert [rooted._wanted(e) for e in (sp.sqrt(1 + X), 1 / (1 + X), X**2)] == [True, False, False]
    rational = OperonEngine({"rational": ("Div",)}, own=True)
    assert [rational._wanted(e) for e in (sp.sqrt(1 + X), 1 / (1 + X), X**2)] == [False, True, False]
