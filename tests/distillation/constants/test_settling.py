import numpy as np
import pytest
import sympy as sp

from lagsym.data.derivatives import differentiate
from lagsym.distillation.constants.settling import settle
from lagsym.distillation.selection.candidates import Candidate
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System
from lagsym.simulation import simulate

SPACE = JetSpace(("theta",))
(THETA,), (OMEGA,) = SPACE.positions, SPACE.velocities
TERMS = (OMEGA**2 / 2, sp.cos(THETA))


def settled(rate: float, noise: float = 1e-3, extra: tuple[sp.Expr, ...] = ()):
    system = System("swing", SPACE, OMEGA**2 / 2 + 4.5 * sp.cos(THETA), dissipation=rate * OMEGA**2 / 2)
    start = (np.array([[2.0], [1.2]]), np.array([[0.0], [0.5]]))
    data = simulate(system, initial=start, noise=noise, span=20.0, step=0.02)
    first = np.array([1.0, 4.3, *[0.1] * len(extra)])
    return settle(Candidate((*TERMS, *extra), first, 2.0, 0.0, "data"), data, differentiate(data))


def test_constants_and_friction_come_with_names_and_errors():
    law = settled(0.08)
    assert [c.name for c in law.constants] == ["c1", "d1"]
    assert law.lagrangian == OMEGA**2 / 2 + law.constants[0] * sp.cos(THETA)
    assert law.dissipation == law.constants[1] * OMEGA**2 / 2
    assert law.values == pytest.approx([4.5, 0.08], rel=0.01)
    assert law.refined is not None
    assert law.test["refined_significance"] > 3


def test_without_friction_there_is_no_term_for_it():
    law = settled(0.0)
    assert law.dissipation == 0
    assert law.test["found"] == "none"
    assert law.values == pytest.approx([4.5], rel=1e-3)


def test_terms_that_the_motion_cannot_tell_from_zero_are_dropped():
    extra = (THETA**2, sp.cos(2 * THETA))
    law = settled(0.0, extra=extra)
    assert set(law.dropped) == set(extra)
    assert [term for _, term in law.terms] == list(TERMS)
    assert law.values == pytest.approx([4.5], rel=1e-3)


def test_forces_leave_no_coefficient_to_convention():
    system = System("swing", SPACE, OMEGA**2 + 9 * sp.cos(THETA))
    data = simulate(system, initial=(np.array([[2.0]]), np.array([[0.0]])), span=10.0, step=0.02)
    segment = data.segments[0]
    pushed = data.with_segments([type(segment)(segment.t, segment.q, segment.v, force=np.zeros_like(segment.q))])
    candidate = Candidate(TERMS, np.array([2.0, 9.0]), 2.0, 0.0, "data", fixed=True)
    law = settle(candidate, pushed, differentiate(pushed))
    assert [str(c) for c, _ in law.terms] == ["c1", "c2"]
