"""Matching a network alone: what its operator says, what its accelerations say, and what neither can."""

import numpy as np
import pytest
import sympy as sp

from lagsym.data.samples import Samples
from lagsym.distillation.libraries.terms import Library, Term, build_library
from lagsym.distillation.matching import MotionEvidence, OperatorEvidence, match_network
from lagsym.distillation.options import ChoiceOptions
from lagsym.distillation.selection.candidates import select
from lagsym.distillation.selection.evidence import strong_evidence
from lagsym.errors import InputError
from lagsym.mechanics.dynamics.numeric import compile_mechanics
from lagsym.mechanics.jetspace import JetSpace
from lagsym.neural.models.records import Reading

SPACE = JetSpace(("x", "y"))
(X, Y), (V, W) = SPACE.positions, SPACE.velocities
LAGRANGIAN = V**2 / 2 + sp.Rational(3, 4) * W**2 - X**2 - sp.Rational(1, 2) * X * Y**2 + X * W / 5
SPARSE = ChoiceOptions(engine="sparse")


class Exact:
    """Stands for a network: says what a formula says, three times over, and with M and f apart."""

    def __init__(self, lagrangian):
        self.mechanics = compile_mechanics(lagrangian, SPACE)

    def read(self, jets):
        mass, force = self.mechanics.mass_and_force(0.0, jets.q, jets.v)
        nothing = np.zeros_like(force)
        acceleration = self.mechanics.acceleration(0.0, jets.q, jets.v)
        return Reading(3 * mass, 3 * force, acceleration, nothing[:, 0], mass, 0 * mass, nothing, nothing)


def samples(seed: int) -> Samples:
    q, v = np.random.default_rng(seed).uniform(-1, 1, (2, 600, 2))
    a = compile_mechanics(LAGRANGIAN, SPACE).acceleration(0.0, q, v)
    return Samples(SPACE.fields, q, v, a)


EVIDENCE = [OperatorEvidence(Exact(LAGRANGIAN), samples(0), samples(1)), MotionEvidence(samples(0), samples(1))]


@pytest.mark.parametrize("evidence", EVIDENCE, ids=["operator", "motion"])
def test_the_terms_and_the_structure_are_found(evidence):
    match = match_network(evidence, None, options=SPARSE)
    assert match is not None
    assert match.structure == "gyroscopic"
    assert match.loss < 1e-12
    difference = sp.expand(match.candidate.lagrangian - LAGRANGIAN)
    gauge = sp.expand(difference - difference.coeff(V).coeff(Y) * (V * Y + X * W))
    assert all(abs(float(c)) < 1e-6 for c in gauge.as_coefficients_dict().values())


@pytest.mark.parametrize("evidence", EVIDENCE, ids=["operator", "motion"])
def test_a_structure_that_is_too_narrow_shows_in_the_loss(evidence):
    match = match_network(evidence, None, options=ChoiceOptions(engine="sparse", structure="natural"))
    assert match is None or match.loss > 1e-4


@pytest.mark.parametrize(("tolerance", "kept"), [(1e-3, False), (0.0, True)])
def test_what_is_below_the_tolerance_is_the_network_s_error(tolerance, kept):
    small = sp.Float(2e-5) * X**3
    evidence = OperatorEvidence(Exact(LAGRANGIAN + small), samples(0), samples(1))
    choice = ChoiceOptions(engine="sparse", structure="gyroscopic")
    match = match_network(evidence, None, options=choice, tolerance=tolerance)
    assert match is not None
    assert (X**3 in match.candidate.terms) == kept


def test_a_known_part_that_moves_nothing_is_refused():
    with pytest.raises(InputError, match="no equations of motion"):
        match_network(EVIDENCE[0], None, options=ChoiceOptions(engine="sparse", known=X * V))


def test_the_strong_form_vanishes_for_the_true_law_only():
    data = samples(2)
    right = strong_evidence(Library(SPACE, (Term(LAGRANGIAN, 0.0),)), data)
    wrong = strong_evidence(Library(SPACE, (Term(LAGRANGIAN + X**3 / 10, 0.0),)), data)
    assert right.loss(np.ones(1)) < 1e-20
    assert wrong.loss(np.ones(1)) > 1e-4
    chosen = select(strong_evidence(build_library(data, "gyroscopic"), data)).chosen
    assert chosen is not None
    assert len(chosen.terms) == 5
