"""Inner constants: what the motion says about numbers inside a term."""

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp

from lagsym.data.derivatives import differentiate
from lagsym.distillation.constants.settling import settle
from lagsym.distillation.fitting.inner import (
    Named,
    close_fits,
    fit_inner,
    numbers,
    simple_kinetic,
    simplest_fit,
    with_inner,
)
from lagsym.distillation.fitting.projection import Grounds, Projection
from lagsym.distillation.libraries.terms import Library, Term
from lagsym.distillation.selection.candidates import Candidate
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System
from lagsym.simulation import simulate

SPACE = JetSpace(("x",))
(X,), (V,) = SPACE.positions, SPACE.velocities
RATE = 0.8
POSITIONS = Library(SPACE, (Term(X, 1.0), Term(X**2, 2.0), Term(X**4, 4.0)))


def root(k):
    return -sp.sqrt(1 - sp.Float(k) * V**2)


@pytest.fixture(scope="module")
def motion():
    system = System("fast", SPACE, root(RATE) - sp.Rational(3, 10) * X**2)
    data = simulate(system, initial=(np.array([[1.2], [0.8], [0.2]]), np.array([[0.0], [0.5], [0.7]])), span=15.0)
    return data, differentiate(data)


@pytest.mark.parametrize("start", [0.4, 0.7, 1.0])
def test_the_motion_gives_the_number_under_the_root(start, motion):
    found = fit_inner([root(start)], POSITIONS, motion[1])
    assert found is not None
    assert len(found.terms) == 1
    assert float(-numbers(found.terms)[0]) == pytest.approx(RATE, rel=1e-6)


def test_terms_that_cannot_be_fitted_are_refused(motion):
    assert fit_inner([root(50.0)], POSITIONS, motion[1]) is None
    assert fit_inner([V**2 / 2], POSITIONS, motion[1]) is None
    many = sp.Add(*(sp.exp(-sp.Float(k) * V**2) for k in (1.1, 1.2, 1.3, 1.4, 1.5)))
    assert fit_inner([many], POSITIONS, motion[1]) is None


def test_numbers_get_names_and_numbers_again():
    quarter = sp.Float(0.25, 17)
    term, other = sp.sqrt(1 - quarter * V**2), sp.exp(quarter * X)
    named = Named.of([term, other], numbers([term, other]), first=3)
    c = named.symbols[0]
    assert [str(symbol) for symbol in named.symbols] == ["c3"]
    assert named.terms == (sp.sqrt(1 - c * V**2), sp.exp(c * X))
    assert named.at(np.array([0.25])) == (term, other)
    assert Named.of([V**2], numbers([term])).symbols == ()


def test_only_numbers_of_proposed_terms_are_constants():
    candidate = Candidate((root(0.8), sp.Float(2.5) * X**2), np.array([1.0, -0.3]), 2.0, 0.0, "data")
    assert [float(c) for c in with_inner(candidate, [root(0.8)]).inner] == [-0.8]
    assert with_inner(candidate, []).inner == ()


def test_settling_fits_inner_and_outer_constants_together(motion):
    candidate = Candidate((root(0.82), X**2), np.array([1.0, -0.28]), 2.0, 0.0, "data", inner=numbers([root(0.82)]))
    law = settle(candidate, *motion)
    assert [symbol.name for symbol in law.constants] == ["c1", "c2"]
    assert law.values == pytest.approx([-0.3, RATE], rel=1e-6)
    assert law.lagrangian == law.constants[0] * X**2 - sp.sqrt(1 - law.constants[1] * V**2)
    assert law.origins == candidate.terms
    assert law.refined is not None
    assert np.all(law.refined.standard_errors < 1e-6)


def test_simple_kinetic_energies_grow_with_the_speed_and_are_real_on_the_data(motion):
    speeds = np.linspace(0, max(np.abs(segment.v).max() for segment in motion[1].segments), 50)
    terms = simple_kinetic(SPACE, motion[1])
    assert len(terms) == 5
    for term in terms:
        values = sp.lambdify(V, term)(speeds)
        assert np.all(np.diff(values) > 0)
    assert simple_kinetic(SPACE, replace(motion[1], angles=frozenset({"x"}))) == ()


def test_of_the_simple_kinetic_energies_the_motion_takes_the_true_one(motion):
    alternatives = [(term,) for term in simple_kinetic(SPACE, motion[1])]
    (found,) = simplest_fit([*alternatives, (root(0.7) + sp.Float(0.01) * V,)], POSITIONS, motion[1]) or (None,)
    assert float(sp.N((found - root(RATE)).subs(V, 0.9))) == pytest.approx(0, abs=1e-6)
    others = [fit_inner(terms, POSITIONS, motion[1]) for terms in alternatives[1:]]
    true = fit_inner(alternatives[0], POSITIONS, motion[1])
    assert true is not None
    assert all(other is not None and true.loss < 1e-4 * other.loss for other in others)
    assert simplest_fit([(V**2 / 2,)], POSITIONS, motion[1]) == ()


def test_alternatives_that_do_little_worse_stay_beside_the_simplest(motion):
    """A root and a root with a little of v^4 are alike on the data; other kinetic energies are not."""
    alternatives = [(term,) for term in simple_kinetic(SPACE, motion[1])]
    near = (root(0.7) + V**4 / 10**7,)
    first, *others = close_fits([near, *alternatives], POSITIONS, motion[1])
    assert len(first) == 1
    assert first[0].count_ops() == alternatives[0][0].count_ops()
    assert [terms[0].has(V**4) for terms in others] == [True]


def test_a_constant_so_small_that_the_term_is_another_one_is_none(motion):
    """Harmonic motion fits exp(c v^2) for any small c."""
    term = sp.exp(sp.Float(1e-9) * V**2)
    named = Named.of([term], numbers([term]))
    problem = Projection((*named.terms, *POSITIONS.expressions), named.symbols, SPACE, Grounds.of(motion[1]))
    assert not problem.matters(np.array([1e-9]))
    assert problem.matters(np.array([1e-2]))
