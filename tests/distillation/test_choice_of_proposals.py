"""Choosing among an engine's formulas: the motion decides, and numbers inside them become constants."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import sympy as sp

from lagsym.data.derivatives import differentiate
from lagsym.distillation.choice import choose_terms
from lagsym.distillation.engines import Formula, FormulaFront
from lagsym.distillation.functions import invention
from lagsym.distillation.options import ChoiceOptions
from lagsym.distillation.trial import Trials
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System
from lagsym.simulation import simulate

SPACE = JetSpace(("r",))
(R,), (V,) = SPACE.positions, SPACE.velocities
STARTS = np.array([[1.2], [1.7], [1.4]]), np.array([[0.1], [0.2], [-0.5]])


class Guesses:
    """An engine whose formulas are of the right kind, with wrong numbers, among others that are none."""

    def __init__(self, *formulas):
        self.formulas = formulas

    def apart(self):
        return (self,)

    def search_all(self, tables, **options):
        return tuple(
            FormulaFront(
                tuple(
                    Formula(formula(table.symbols[0]), 1.0 + k, 10.0 ** (-3 * k))
                    for k, formula in enumerate(self.formulas)
                ),
                "guesses",
            )
            for table in tables
        )


def chosen(monkeypatch, lagrangian, *formulas, structure="natural"):
    monkeypatch.setattr(invention, "engine", lambda name: Guesses(*formulas))
    data = simulate(System("test", SPACE, lagrangian), initial=STARTS, span=12.0, step=0.02).positions_only()
    smooth = differentiate(data)
    network: Any = SimpleNamespace(model=SimpleNamespace(structure=structure), held_out_error=1.0)
    return choose_terms(smooth, smooth, network, options=ChoiceOptions(engine="operon"))


def test_a_morse_potential_is_chosen_with_one_constant(monkeypatch):
    morse = 2 * (1 - sp.exp(-sp.Rational(9, 10) * (R - sp.Rational(3, 2)))) ** 2
    found = chosen(
        monkeypatch,
        V**2 / 2 - morse,
        lambda x: x,
        lambda x: 1 / x + x**2,
        lambda x: sp.exp(-0.8 * x) + 0.3 * sp.exp(-2.1 * x),
    )
    assert found is not None
    assert found.structure == "natural"
    assert len(found.candidate.terms) == 3
    first, second = sorted(abs(float(number)) for number in found.candidate.inner)
    assert (first, second) == pytest.approx((0.9, 1.8), rel=1e-4)
    assert second == pytest.approx(2 * first, rel=1e-14)
    others = [each for each in (*found.front.candidates, *found.front.rivals) if any(t.has(sp.exp) for t in each.terms)]
    assert others
    assert all(each.inner for each in others)


def test_formulas_that_do_not_fit_the_motion_leave_the_library(monkeypatch):
    found = chosen(monkeypatch, V**2 / 2 - R**2 - 1 / R, lambda x: sp.exp(-3.3 * x), lambda x: sp.sqrt(1 + 0.2 * x))
    assert found is not None
    assert set(found.candidate.terms) == {V**2 / 2, R**2, 1 / R}
    assert found.candidate.inner == ()


class SecondThought(Guesses):
    """An engine that finds the formula with other random numbers only."""

    def __init__(self, wrong, right):
        super().__init__(wrong)
        self.right, self.seeds = right, []

    def search_all(self, tables, *, seed=0, budget=None):
        self.seeds.append(seed)
        self.formulas = (self.right,) if seed else self.formulas
        return super().search_all(tables)


def test_the_search_goes_on_while_more_than_noise_is_left(monkeypatch):
    morse = 2 * (1 - sp.exp(-sp.Rational(9, 10) * (R - sp.Rational(3, 2)))) ** 2
    data = simulate(System("test", SPACE, V**2 / 2 - morse), initial=STARTS, span=12.0, step=0.02, noise=2e-3)
    data = data.positions_only()
    smooth = differentiate(data)
    network: Any = SimpleNamespace(model=SimpleNamespace(structure="natural"), held_out_error=1.0)

    def chosen_by(search):
        monkeypatch.setattr(invention, "engine", lambda name: search)
        options = ChoiceOptions(engine="operon")
        return choose_terms(smooth, smooth, network, options=options, trials=Trials(data, smooth))

    def right(x):
        return sp.exp(-0.8 * x) + 0.3 * sp.exp(-2.1 * x)

    second = SecondThought(lambda x: x + 1 / x, right)
    found = chosen_by(second)
    assert found is not None
    assert second.seeds == [0, 1]
    assert found.leaves_noise
    assert sorted(abs(float(n)) for n in found.candidate.inner) == pytest.approx([0.9, 1.8], rel=1e-2)
    assert set(found.stability) == set(found.candidate.terms)
    first = SecondThought(right, right)
    chosen_by(first)
    assert first.seeds == [0]
