import numpy as np
import pytest

from lagsym.distillation.engines import Budget, Engine, FormulaFront, Table, availability, engine
from lagsym.distillation.engines.registry import AutoEngine
from lagsym.distillation.engines.sparse import SparseEngine
from lagsym.errors import DataError, InputError, UnavailableError

TABLE = Table(("x",), np.arange(5.0)[:, None], np.arange(5.0) ** 2)


class Broken(Engine):
    name = "broken"

    def __init__(self, error):
        self.error = error

    def available(self):
        return str(self.error)

    def search(self, table, *, seed=0, budget=None):
        raise self.error


@pytest.mark.parametrize("name", ["auto", "sparse", "operon", "pysr"])
def test_engines_by_name(name):
    assert engine(name).name == name


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(InputError, match="one of auto, sparse, operon, pysr, not 'gplearn'"):
        engine("gplearn")


def test_auto_says_what_it_passed_over():
    auto = AutoEngine((Broken(UnavailableError("no Julia here")), SparseEngine()))
    front = auto.search(TABLE, budget=Budget(1))
    assert isinstance(front, FormulaFront)
    assert front.engine == "sparse"
    assert front.passed_over == "broken was passed over: no Julia here"
    assert front.message == ""
    assert front.formulas[-1].loss < 1e-20
    assert auto.available() is None


def test_auto_with_nothing_that_runs():
    auto = AutoEngine((Broken(UnavailableError("no Julia")), Broken(UnavailableError("no Operon"))))
    assert auto.available() == "no Julia; no Operon"
    with pytest.raises(UnavailableError, match=r"no Julia; .*no Operon"):
        auto.search(TABLE)


class Halting(Engine):
    """Finds nothing for a table whose rows are few."""

    name = "halting"

    def available(self):
        return None

    def search(self, table, *, seed=0, budget=None):
        if len(table.y) < 6:
            return FormulaFront((), "halting", status="partial", message="1 of 1 searches ended early")
        return SparseEngine().search(table, seed=seed, budget=budget)


def test_auto_asks_the_next_engine_for_a_table_that_the_first_found_nothing_for():
    more = Table(("x",), np.arange(9.0)[:, None], np.arange(9.0) ** 2)
    first, second = AutoEngine((Halting(), SparseEngine())).search_all((TABLE, more), budget=Budget(1))
    assert first.formulas[-1].loss < 1e-20
    assert first.passed_over == "1 of 1 searches ended early"
    assert second.passed_over == ""


def test_auto_does_not_hide_bad_input():
    with pytest.raises(DataError, match="odd"):
        AutoEngine((Broken(DataError("odd")), SparseEngine())).search(TABLE)


def test_auto_takes_operon_without_julia(monkeypatch):
    monkeypatch.setattr("lagsym.distillation.engines.pysr.julia_is_there", lambda: False)
    front = engine("auto").search(TABLE, budget=Budget(2))
    assert front.engine == "operon"
    assert front.passed_over.startswith("pysr was passed over: PySR has no Julia here")


def test_availability_names_every_engine():
    states = availability()
    assert set(states) == {"auto", "sparse", "operon", "pysr"}
    assert states["sparse"] is None
