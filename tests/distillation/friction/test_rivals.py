"""The kind of friction is chosen by the fit of the motion, from simulated motion whose friction is known."""

import numpy as np
import pytest
import sympy as sp

from lagsym.data.derivatives import differentiate
from lagsym.data.trajectories import Segment
from lagsym.distillation.constants.settling import settle
from lagsym.distillation.friction.rayleigh import KINDS
from lagsym.distillation.selection.candidates import Candidate
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System
from lagsym.simulation import simulate

SPACE = JetSpace(("theta",))
(THETA,), (OMEGA,) = SPACE.positions, SPACE.velocities
TRUE = {"viscous": OMEGA**2 / 2, "Coulomb": sp.sqrt(OMEGA**2 + 1e-6) - 1e-3, "quadratic": sp.Abs(OMEGA) ** 3 / 3}
PLANE = JetSpace(("x", "y"))
(X, Y), (VX, VY) = PLANE.positions, PLANE.velocities


def settled(space, lagrangian, friction, start, *, angles=frozenset(), noise=5e-3, span=10.0):
    system = System("test", space, lagrangian, dissipation=friction, angles=angles)
    initial = tuple(np.array(part, float) for part in start)
    data = simulate(system, initial=initial, noise=noise, span=span, step=0.03)
    split = [term.as_coeff_Mul() for term in sp.Add.make_args(sp.expand(lagrangian))]
    split.sort(key=lambda pair: not pair[1].free_symbols & set(space.velocities))
    terms = [split[0][0] * split[0][1], *(term for _, term in split[1:])]
    first = np.array([1.0, *(1.03 * float(c) for c, _ in split[1:])])
    return settle(Candidate(tuple(terms), first, 2.0, 0.0, "data"), data, differentiate(data))


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_told_from_the_others(kind):
    start = ([[2.0], [1.2]], [[0.0], [0.5]])
    law = settled(SPACE, OMEGA**2 / 2 + 4.5 * sp.cos(THETA), 0.1 * TRUE[kind], start, angles=frozenset({"theta"}))
    assert law.test["kind"] == kind
    assert law.values == pytest.approx([4.5, 0.1], rel=0.02)
    at = {OMEGA: 1.3, law.friction[0][0]: 0.1}
    assert float(law.dissipation.subs(at)) == pytest.approx(float(0.1 * TRUE[kind].subs(OMEGA, 1.3)), rel=0.02)
    assert law.test["likelihood_ratio"] > law.test["rival_excess"] > 15


def oscillators(friction, *, noise=5e-3):
    lagrangian = (VX**2 + VY**2) / 2 - X**2 - Y**2 - (X - Y) ** 2
    start = ([[1.0, -0.5], [0.2, 1.0]], [[0.0, 0.3], [0.5, 0.0]])
    return settled(PLANE, sp.expand(lagrangian), friction, start, noise=noise)


def test_equal_friction_of_two_coordinates_is_one_constant():
    law = oscillators(0.05 * (VX**2 + VY**2) / 2)
    assert [term for _, term in law.friction] == [VX**2 / 2 + VY**2 / 2]
    assert law.values[-1] == pytest.approx(0.05, rel=0.05)


def test_friction_of_one_coordinate_is_not_given_to_both():
    law = oscillators(0.05 * VX**2 / 2)
    assert [term for _, term in law.friction] == [VX**2 / 2]


def test_friction_of_one_against_the_other():
    law = oscillators(0.05 * (VX - VY) ** 2 / 2)
    assert [term for _, term in law.friction] == [(VX - VY) ** 2 / 2]


@pytest.mark.slow
def test_two_kinds_together():
    law = oscillators(0.05 * VX**2 / 2 + 0.05 * (sp.sqrt(VY**2 + 1e-6) - 1e-3), noise=1e-3)
    assert law.test["kind"] in {"viscous and Coulomb", "Coulomb and viscous"}
    assert sorted(law.values[-2:]) == pytest.approx([0.05, 0.05], rel=0.1)


@pytest.mark.slow
def test_resistance_in_the_plane_is_rotation_invariant():
    law = settled(
        PLANE,
        (VX**2 + VY**2) / 2 - X**2 - Y**2,
        0.1 * (VX**2 + VY**2) ** sp.Rational(3, 2) / 3,
        ([[1.0, 0.2], [0.3, 1.0]], [[0.3, 1.0], [-1.0, 0.4]]),
    )
    assert [term for _, term in law.friction] == [(VX**2 + VY**2) ** sp.Rational(3, 2) / 3]


def test_measured_forces_set_the_scale_of_the_law_and_its_friction():
    push = 0.7
    system = System(
        "pushed",
        SPACE,
        OMEGA**2 + 9 * sp.cos(THETA),
        dissipation=0.3 * sp.Abs(OMEGA) ** 3 / 3,
        forces={"theta": sp.Float(push)},
        angles=frozenset({"theta"}),
    )
    data = simulate(system, initial=(np.array([[2.0]]), np.array([[0.0]])), noise=1e-3, span=15.0, step=0.03)
    (one,) = data.segments
    measured = data.with_segments([Segment(one.t, one.q, one.v, force=np.full_like(one.q, push))])
    first = Candidate((OMEGA**2 / 2, sp.cos(THETA)), np.array([2.1, 9.2]), 2.0, 0.0, "data", fixed=True)
    law = settle(first, measured, differentiate(measured))
    assert law.test["kind"] == "quadratic"
    assert law.values == pytest.approx([2.0, 9.0, 0.3], rel=0.02)
