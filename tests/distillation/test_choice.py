"""Choosing between choices that the held-out data cannot tell apart: the motion decides."""

from dataclasses import replace

import numpy as np
import sympy as sp

from lagsym.data.derivatives import differentiate
from lagsym.data.trajectories import Segment, Trajectories
from lagsym.distillation.choice import _alike, _finalists, _tried, better
from lagsym.distillation.options import Choice
from lagsym.distillation.selection.candidates import Candidate, Front
from lagsym.distillation.trial import Trials

x, v = sp.Symbol("x", real=True), sp.Symbol("x_dot", real=True)


def choice(term, loss, structure="natural"):
    candidate = Candidate((v**2 / 2, term), np.array([1.0, -0.45]), 2.0, loss, "data")
    return Choice(candidate, structure, Front((candidate,), candidate), {}, loss)


def test_choices_of_one_structure_that_fit_alike_are_tried_on_the_motion():
    t, generator = np.arange(0, 15, 0.1), np.random.default_rng(0)
    segments = [Segment(t, (a * np.sin(t) + 0.01 * generator.standard_normal(len(t)))[:, None]) for a in (0.6, 1.0)]
    data = Trajectories(("x",), tuple(segments))
    wrong, right = choice(sp.cosh(x), 1e-6), choice(x**2, 2e-6)
    trials = Trials(data, differentiate(data))
    found = _tried([wrong, right], trials.of)
    assert found.candidate.terms == right.candidate.terms
    assert found.leaves_noise
    assert abs(found.candidate.coefficients[1] + 0.5) < 5e-3
    alone = _tried([wrong], trials.of)
    assert alone.trial is trials.of(wrong.candidate)
    other = replace(right.candidate, coefficients=np.array([1.0, -0.3]))
    assert trials.of(other) is not trials.of(right.candidate)
    assert not alone.leaves_noise
    assert better(alone, found) is better(found, alone) is found
    assert better(wrong, right) is right
    assert better(None, right) is better(right, None) is right
    assert better(None, None) is None


def test_only_different_terms_of_the_same_structure_are_alike():
    first, same, worse = choice(x**2, 1e-6), choice(x**2, 2e-6), choice(x**4, 1e-4)
    near, other = choice(x**4, 2e-6), choice(x**4, 2e-6, "separable")
    assert _alike(first, [first, same, worse, near, other], 1e-6) == [first, near]
    assert _alike(near, [first, near], 1e-6) == [near, first]


def test_finalists_are_different_the_best_first_and_none_that_is_hopeless():
    learn = differentiate(
        Trajectories(("x",), (Segment(np.arange(0, 15, 0.1), np.sin(np.arange(0, 15, 0.1))[:, None]),))
    )
    near, best, same, hopeless = choice(x**4, 2e-6), choice(x**2, 1e-6), choice(x**2, 3e-6), choice(sp.cosh(x), 1e-3)
    found = _finalists([near, same, best, hopeless], learn, 0)
    assert [owner for owner, _ in found] == [best, near]
    assert all(candidate is owner.candidate for owner, candidate in found)
