"""Proposals: an engine's formulas as terms of a Lagrangian."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pytest
import sympy as sp
from sympy.parsing.sympy_parser import parse_expr

from lagsym.data.samples import Samples
from lagsym.distillation.engines import Engine, Formula, FormulaFront
from lagsym.distillation.engines.registry import AutoEngine
from lagsym.distillation.engines.sparse import SparseEngine
from lagsym.distillation.reading.parts import tabulate_parts
from lagsym.distillation.reading.proposals import combined, propose, propose_kinetic, propose_parts, propose_terms
from lagsym.errors import UnavailableError
from lagsym.mechanics.jetspace import JetSpace

NAMES = ("x", "y")
SPACE = JetSpace(NAMES)
(X, Y), (V, W) = SPACE.positions, SPACE.velocities
RADIUS = sp.sqrt(X**2 + Y**2)
Q, U = np.random.default_rng(0).uniform(0.5, 1.5, (2, 200, 2))
DATA = Samples(NAMES, Q, U, 0 * Q)
LAGRANGIAN = (V**2 + W**2) / 2 + sp.exp(-RADIUS) / RADIUS + W * X**3 / 3


@dataclass(frozen=True)
class Answers(Engine):
    """An engine that gives the same formulas of its columns for a part whenever it is asked."""

    formulas: dict[str, tuple[str, ...]]
    message: str = ""
    asked: list[str] = field(default_factory=list)
    name: ClassVar[str] = "answers"

    def available(self):
        return None

    def search(self, table, *, seed=0, budget=None):
        self.asked.append(table.name)
        names = {symbol.name: symbol for symbol in table.symbols}
        texts = self.formulas.get(table.name, ("1",))
        formulas = [
            Formula(parse_expr(text, local_dict=names), 1.0 + k, 10.0 ** (-3 * k)) for k, text in enumerate(texts)
        ]
        return FormulaFront(tuple(formulas), "answers", message=self.message)


@dataclass(frozen=True)
class Absent(Engine):
    """An engine that is not there."""

    name: ClassVar[str] = "absent"

    def available(self):
        return "not here"

    def search(self, table, *, seed=0, budget=None):
        raise UnavailableError("not here")


@pytest.fixture
def network(exact_network):
    return exact_network(LAGRANGIAN, NAMES)


def test_formulas_of_all_parts_become_terms(network):
    search = Answers({"V": ("1.5*exp(-1.2*f0)*f1 + 3",), "M11": ("1",), "M22": ("1",), "B12": ("f0**2",)}, "said")
    terms, messages = propose_terms(search, network, DATA)
    (rate,) = terms[0].atoms(sp.Float)
    assert float(rate) == pytest.approx(-1.2)
    # A constant is nothing in a potential and a term in a mass.
    assert terms == (-sp.exp(rate * RADIUS) / RADIUS, V**2 / 2, W * X**3, W**2 / 2)
    assert messages == ("said",)
    assert set(search.asked) == {"V", "M11", "M22", "B12"}


def test_exact_numbers_inside_a_formula_are_freed(network):
    ((alternatives, *_), _) = propose_parts(Answers({"V": ("exp(-f0/2)*f1",)}), network, DATA)
    ((term,), *_) = alternatives
    assert {float(number) for number in term.atoms(sp.Float)} == {-0.5}


def test_the_limit_of_two_exponentials_is_also_offered_as_two(network):
    ((alternatives, *_), _) = propose_parts(Answers({"V": ("f0*exp(-1.5*f0)",)}), network, DATA)
    (single,) = next(terms for terms in alternatives if len(terms) == 1)
    (rate,) = single.atoms(sp.Float)
    assert single == -RADIUS * sp.exp(rate * RADIUS)
    pair = next(terms for terms in alternatives if len(terms) == 2)
    rates = sorted(float(number) for term in pair for number in term.atoms(sp.Float))
    assert rates == pytest.approx([-2.0, -1.0])
    ((alternatives, *_), _) = propose_parts(Answers({"V": ("f0*exp(-1.5*f0) + 2.0*f0",)}), network, DATA)
    assert pair in alternatives


def test_formulas_that_lower_the_loss_most_come_first(network):
    table = next(part for part in tabulate_parts(network, DATA) if part.table.name == "V")
    (alternatives,), _ = propose(Answers({"V": ("1", "f0", "f0**2", "f0**3 + f0")}), [table])
    assert [len(terms) for terms in alternatives[:2]] == [1, 1]
    assert (-RADIUS,) in alternatives
    long = " + ".join(f"f0**{k}" for k in range(1, 9))
    (short,), _ = propose(Answers({"V": ("f0", long)}), [table])
    assert max(map(len, short)) == 1


def test_formulas_without_second_derivatives_are_left_out(exact_network):
    network = exact_network(-sp.sqrt(1 - V**2 / 10 - W**2 / 20) - X**2, NAMES)
    search = Answers({"T": ("f2", "exp(-0.3*sqrt(f0**2))", "sqrt(f2 + 1.5)")})
    (*_, kinetic), _ = propose_parts(search, network, DATA, moving=True)
    assert kinetic
    assert not any(term.has(sp.Abs) for terms in kinetic for term in terms)


def test_two_tables_of_a_part_give_alternatives_of_one_part(network):
    tables = [part for part in tabulate_parts(network, DATA) if part.table.name == "V"]
    assert len(tables) == 3
    (alternatives,), _ = propose(Answers({"V": ("f0",)}), tables)
    assert set(alternatives) == {(-RADIUS,), (-sp.log(RADIUS),)}


def test_alternatives_are_put_together_one_part_at_a_time():
    parts = [[(X,), (Y,)], [(V**2,), (W**2,), (V * W,)]]
    assert combined(parts) == ((X, V**2), (Y, V**2), (X, W**2), (X, V * W))
    assert combined([]) == ((),)


def test_kinetic_energies_keep_only_terms_with_inner_constants(exact_network):
    network = exact_network(-sp.sqrt(1 - (V**2 + W**2) / 10) - X**2, NAMES)
    search = Answers({"T": ("f0", "sqrt(1 - 0.1*f0) + f0")})
    proposals, _ = propose_kinetic(search, network, DATA)
    (((term,),), _) = proposals, search
    (rate,) = term.atoms(sp.Float)
    assert float(rate) == pytest.approx(-0.1)
    assert term == sp.sqrt(1 + rate * (V**2 + W**2))


def test_an_engine_that_was_passed_over_is_named_once_however_many_tables_there_are(exact_network):
    springs = exact_network((V**2 + W**2) / 2 - X**2 - 2 * Y**2, NAMES)
    terms, messages = propose_terms(AutoEngine((Absent(), SparseEngine())), springs, DATA)
    assert {str(term) for term in terms} >= {"-x**2"}
    assert [message for message in messages if "passed over" in message] == ["absent was passed over: not here"]
    assert len(messages) > 1  # of the constant entries of the mass matrix


def test_a_fraction_is_divided_and_a_function_within_itself_is_left_out(network):
    search = Answers({"V": ("f0/(f0 + 2.0/f0) + 1.0*exp(0.3*f0)", "exp(1.0*exp(-0.3*f0))")})
    ((alternatives, *_), _) = propose_parts(search, network, DATA)
    found = {term for terms in alternatives for term in terms}
    fractions = [abs(term) for term in found if term.as_numer_denom()[1].is_Add]
    # Of a/(r² + a) with a = 2 the values at r = 1 and r = sqrt(2) are 2/3 and 1/2; other tables have logarithms of r.
    ratios = [float(fraction.subs({X: 0, Y: 1}) / fraction.subs({X: 1, Y: 1})) for fraction in fractions]
    assert min(abs(ratio - 4 / 3) for ratio in ratios) < 1e-6
    assert not any(node.args[0].has(sp.exp) for term in found for node in term.atoms(sp.exp))
