"""Functions that an engine finds in the motion, beside what was chosen from a library."""

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp

from lagsym.data.derivatives import differentiate
from lagsym.distillation.engines import Budget
from lagsym.distillation.functions import invention
from lagsym.distillation.functions.invention import reconsider
from lagsym.distillation.options import Choice, Question
from lagsym.distillation.selection.candidates import Candidate, Front
from lagsym.errors import UnavailableError
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System
from lagsym.simulation import simulate

SPACE = JetSpace(("r",))
(R,), (V,) = SPACE.positions, SPACE.velocities
STARTS = np.array([[1.1], [1.6], [2.0], [1.3]]), np.array([[0.0], [0.5], [-0.4], [0.2]])


def asked(potential, noise, *terms):
    """The question that motion in a potential asks, and a sum of terms, beginning with V**2/2, chosen for it."""
    law = System("test", SPACE, V**2 / 2 - potential)
    data = simulate(law, initial=STARTS, span=20.0, step=0.02, noise=noise).positions_only()
    smooth = differentiate(data)
    jets = smooth.jets()
    forces = np.stack([sp.lambdify(R, sp.diff(term, R), "numpy")(jets.q[:, 0]) + 0 * jets.q[:, 0] for term in terms])
    acceleration = np.concatenate([segment.a[:, 0] for segment in smooth.segments])
    coefficients = np.linalg.lstsq(forces.T, acceleration, rcond=None)[0]
    candidate = Candidate((V**2 / 2, *terms), np.array([1.0, *coefficients]), len(terms) + 1.0, 1e-3, "data")
    choice = Choice(candidate, "natural", Front((candidate,), candidate), {}, 1e-3)
    return Question(smooth, smooth, None, budget=Budget(generations=12), measured=data), choice


def test_a_function_is_preferred_to_the_powers_that_mimic_it():
    depth, width = 2.0, sp.Rational(9, 10)
    morse = depth * (1 - sp.exp(-width * (R - sp.Rational(3, 2)))) ** 2
    question, mimicry = asked(morse, 1e-3, R, R**2, 1 / R, R**-2)
    found = reconsider(question, mimicry)
    assert found is not None
    assert found.sought
    assert found.leaves_noise
    assert any(term.has(sp.exp) for term in found.candidate.terms)
    assert found.trial is not None
    assert found.trial.constants < len(mimicry.candidate.terms)


def test_a_polynomial_that_is_the_law_stays():
    potential = (R - 1) ** 2 + (R - 1) ** 3 / 2 + (R - 1) ** 4
    question, right = asked(potential, 1e-3, R, R**2, R**3, R**4)
    found = reconsider(question, right)
    assert found is not None
    assert found.sought
    assert found.candidate is right.candidate


def test_without_an_engine_nothing_was_sought(monkeypatch):
    def nowhere(*_, **__):
        raise UnavailableError("no engine here")

    question, mimicry = asked(sp.exp(-R) + R**2 / 4, 1e-3, R, R**2, 1 / R)
    monkeypatch.setattr(invention, "propose", nowhere)
    assert reconsider(question, mimicry) is mimicry
    assert reconsider(question, None) is None


@pytest.mark.parametrize("given", [(R**3,), ()])
def test_what_is_given_or_turns_is_left_to_the_library(given):
    question, right = asked((R - 1) ** 2, 1e-3, R, R**2)
    turning = question.learn if given else replace(question.learn, angles=frozenset({"r"}))
    options = type(question.options)(terms=given)
    other = Question(turning, turning, None, options, budget=Budget(seconds=1.0), measured=question.measured)
    assert reconsider(other, right) is right


def test_formulas_that_may_be_mimicry_are_not_tried_before_others_were_sought(monkeypatch):
    """A first search that finds but sums of several terms is followed by another, whose law is taken."""
    width, tried = sp.Float(0.9, 17), []
    morse = 2 * (sp.exp(-2 * width * R) - 2 * sp.exp(-width * R))
    question, poor = asked(morse, 1e-3, R, R**2)
    found = iter([[(-R, -(R**2), -(R**3))], [(-sp.exp(-width * R), -sp.exp(-2 * width * R))]])
    monkeypatch.setattr(invention, "propose", lambda *_, **__: ([next(found)], ()))
    contest = invention.contest

    def watched(kinds, *rest):
        tried.append([len(sums) for sums in kinds])
        return contest(kinds, *rest)

    monkeypatch.setattr(invention, "contest", watched)
    chosen = reconsider(question, poor)
    assert chosen is not None
    assert chosen.invented
    assert any(term.has(sp.exp) for term in chosen.candidate.terms)
    assert tried == [[0], [2]]
