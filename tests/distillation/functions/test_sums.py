"""Sums: inner constants fitted to the motion, whole exponents and equal constants recognised, the simplest taken."""

import itertools

import numpy as np
import pytest
import sympy as sp

from lagsym.data.derivatives import differentiate
from lagsym.distillation.constants.settling import settle
from lagsym.distillation.fitting.inner import Named, numbers
from lagsym.distillation.fitting.projection import Grounds
from lagsym.distillation.functions.sums import fit_sum, most_constants, simplest_sum
from lagsym.distillation.selection.candidates import Candidate
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System
from lagsym.simulation import simulate

SPACE = JetSpace(("r",))
(R,), (V,) = SPACE.positions, SPACE.velocities
STARTS = np.array([[1.3], [1.6], [2.0]]), np.array([[0.0], [0.5], [-0.4]])


def motion(potential, noise=0.0):
    measured = simulate(System("test", SPACE, V**2 / 2 - potential), initial=STARTS, span=15.0, step=0.02, noise=noise)
    return measured, differentiate(measured.positions_only())


@pytest.fixture(scope="module")
def morse():
    return motion(2 * (1 - sp.exp(-sp.Rational(9, 10) * (R - sp.Rational(3, 2)))) ** 2)


def rate(k, sign=-1):
    return sp.exp(sign * sp.Float(k, 17) * R)


def test_a_rate_and_its_double_are_one_constant(morse):
    found = fit_sum([V**2 / 2, rate(0.8), rate(2.0)], SPACE, Grounds.of(morse[1]))
    assert found is not None
    first, second = sorted(abs(float(number)) for number in numbers(found.terms))
    assert second == pytest.approx(2 * first, rel=1e-14)
    assert first == pytest.approx(0.9, rel=1e-5)
    named = Named.of(found.terms, numbers(found.terms))
    assert len(named.symbols) == 1
    assert named.terms[1:] == (sp.exp(-named.symbols[0] * R), sp.exp(-2 * named.symbols[0] * R))
    assert sp.Add(*named.at(named.values)) == sp.Add(*found.terms)


def test_terms_that_others_do_as_well_without_are_left_out():
    data = motion(3 * rate(0.7) * -1 + rate(1.55) * 3)[1]
    found = fit_sum([V**2 / 2, R**3, rate(0.8), rate(1.9), 1 / R], SPACE, Grounds.of(data))
    assert found is not None
    assert len(found.terms) == 3
    kept = fit_sum([V**2 / 2, rate(0.8), rate(1.9)], SPACE, Grounds.of(data))
    assert kept is not None
    assert len(kept.terms) == 3


def test_rates_that_are_no_multiples_stay_two_constants():
    found = fit_sum([V**2 / 2, rate(0.8), rate(1.9)], SPACE, Grounds.of(motion(3 * rate(0.7) * -1 + rate(1.55) * 3)[1]))
    assert found is not None
    assert [float(number) for number in numbers(found.terms)] == pytest.approx([-1.55, -0.7], rel=1e-4)


def test_an_exponent_near_a_whole_number_is_one_if_the_motion_allows():
    data = motion(2 / R**6 - 3 / R**3)[1]
    found = fit_sum([V**2 / 2, R ** sp.Float(-6.2), R ** sp.Float(-2.8)], SPACE, Grounds.of(data))
    assert found is not None
    assert found.terms == (V**2 / 2, R**-6, R**-3)
    data = motion(2 / R ** sp.Rational(32, 5) - 3 / R**3)[1]
    found = fit_sum([V**2 / 2, R ** sp.Float(-6.2), R ** sp.Float(-2.8)], SPACE, Grounds.of(data))
    assert found is not None
    assert float(min(numbers(found.terms))) == pytest.approx(-6.4, rel=1e-3)


def test_the_simplest_of_the_good_alternatives_is_taken(morse):
    true = (V**2 / 2, rate(0.8), rate(1.9))
    alternatives = [(V**2 / 2, R, R**2), (*true, R, R**2), true, (V**2 / 2, sp.sqrt(sp.Rational(1, 2) - R))]
    found = simplest_sum(alternatives, SPACE, morse[1])
    assert found is not None
    assert len(found.terms) == 3
    assert found.loss < 1e-8
    poor = simplest_sum(alternatives[:1], SPACE, morse[1])
    assert poor is not None
    assert poor.loss > 1e-4
    assert simplest_sum([(V**2 / 2, sp.sqrt(sp.Rational(1, 2) - R))], SPACE, morse[1]) is None
    assert simplest_sum([], SPACE, morse[1]) is None


def test_more_inner_constants_than_can_be_searched_are_refused(morse):
    many = [V**2 / 2, *(rate(k) for k in (0.5, 0.7, 1.1, 1.3, 1.7))]
    assert fit_sum(many, SPACE, Grounds.of(morse[1])) is None


def test_many_parts_have_more_inner_constants_than_few():
    bonds = JetSpace(("x1", "x2", "x3"))
    stretched = [bonds.positions[0], *(b - a for a, b in itertools.pairwise(bonds.positions))]
    moving, rates = [v**2 / 2 for v in bonds.velocities], (0.8, -0.9, 1.1, -1.0, 1.4, -1.2)
    steep = [sp.exp(sp.Float(rate, 17) * stretched[k // 2]) for k, rate in enumerate(rates)]
    law = System("test", bonds, sp.Add(*moving, *(-term for term in steep)))
    start = np.random.default_rng(0).uniform(-0.6, 0.6, (2, 6, 3))
    smooth = differentiate(simulate(law, initial=(start[0], start[1]), span=10.0, step=0.02).positions_only())
    guessed = [sp.exp(1.05 * term.exp) for term in steep]
    assert fit_sum([*moving, *guessed], bonds, Grounds.of(smooth)) is None
    found = fit_sum([*moving, *guessed], bonds, Grounds.of(smooth), most=most_constants(3))
    assert found is not None
    assert found.loss < 1e-8


def test_a_law_names_inner_constants_of_the_potential_and_ties_them(morse):
    terms = (V**2 / 2, rate(0.91), sp.exp(-2 * sp.Float(0.91, 17) * R))
    depth = 2 * np.exp(0.9 * 1.5)
    candidate = Candidate(terms, np.array([1.0, 1.9 * depth, -depth * 1.9]), 3.0, 0.0, "data", inner=numbers(terms))
    law = settle(candidate, *morse)
    c1, c2, c3 = law.constants
    assert law.lagrangian == V**2 / 2 + c1 * sp.exp(-c3 * R) + c2 * sp.exp(-2 * c3 * R)
    assert law.values[2] == pytest.approx(0.9, rel=1e-6)
    assert law.refined is not None
    assert law.refined.standard_errors[2] < 1e-5
