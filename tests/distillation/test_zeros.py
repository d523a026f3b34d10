from dataclasses import replace

import numpy as np
import pytest
import sympy as sp

from lagsym.data.derivatives import differentiate
from lagsym.distillation import zeros
from lagsym.distillation.constants.settling import Settled, settle
from lagsym.distillation.fitting.refinement import Refined
from lagsym.distillation.selection.candidates import Candidate
from lagsym.distillation.zeros import find_zeros, measured_from_zeros
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System
from lagsym.simulation import simulate

SWING, PLANE = JetSpace(("theta",)), JetSpace(("x", "y"))
(THETA,), (OMEGA,) = SWING.positions, SWING.velocities
(X, Y), (U, V) = PLANE.positions, PLANE.velocities
NOISE = 1e-3


def found(
    space: JetSpace, lagrangian: sp.Expr, terms: list[sp.Expr], off: list[float], **how
) -> tuple[Settled, Settled]:
    """A law of given terms before and after its zeros were sought, in coordinates measured from `off`."""
    rate = how.pop("rate", 0.0)
    drag = rate * sp.Add(*(v**2 for v in space.velocities)) / 2
    system = System("off", space, lagrangian, dissipation=drag)
    begin = np.array(how.pop("begin", np.ones(len(terms))))
    data = simulate(system, noise=NOISE, **how).measured_from(np.array(off))
    smooth = differentiate(data)
    first = settle(Candidate(tuple(terms), begin, 2.0, 0.0, "data"), data, smooth)
    return first, find_zeros(first, data, smooth)


def swing(off: float, rate: float = 0.0) -> tuple[Settled, Settled]:
    start = (np.array([[2.0], [1.2]]), np.array([[0.0], [0.5]]))
    law, terms = OMEGA**2 / 2 + sp.Rational(6, 5) * sp.cos(THETA), [OMEGA**2 / 2, sp.cos(THETA)]
    return found(SWING, law, terms, [off], rate=rate, initial=start, span=20.0, step=0.05)


def test_an_angle_that_is_off_gets_its_zero():
    before, law = swing(0.01)
    c, z = law.constants
    assert law.lagrangian == OMEGA**2 / 2 + c * sp.cos(THETA - z)
    assert law.values == pytest.approx([1.2, -0.01], rel=0.02)
    assert law.refined is not None
    assert before.refined is not None
    assert np.all(np.abs(law.values - [1.2, -0.01]) < 4 * law.refined.standard_errors)
    assert law.refined.residual < 0.7 * before.refined.residual
    assert law.off == pytest.approx(before.refined.residual)


def test_friction_is_sought_again_beside_the_zeros():
    _, law = swing(0.02, rate=0.03)
    assert [str(c) for c in law.constants] == ["c1", "theta_0", "d1"]
    assert law.dissipation == law.constants[-1] * OMEGA**2 / 2
    assert law.values == pytest.approx([1.2, -0.02, 0.03], rel=0.03)


def test_coordinates_that_are_not_off_stay():
    before, law = swing(0.0)
    assert law is before


def test_what_no_zero_makes_up_for_is_not_blamed_on_one():
    """cos 2 theta is missing, and even."""
    lagrangian = OMEGA**2 / 2 + sp.Rational(6, 5) * sp.cos(THETA) + sp.cos(2 * THETA) / 20
    start = (np.array([[2.0], [1.2]]), np.array([[0.0], [0.5]]))
    before, law = found(SWING, lagrangian, [OMEGA**2 / 2, sp.cos(THETA)], [0.0], initial=start, span=20.0, step=0.05)
    assert before.refined is not None
    assert before.refined.residual > 5 * NOISE
    assert law is before


def test_zeros_far_away_are_not_believed():
    """The terms of a law would not have been chosen in such coordinates."""
    before, law = swing(0.5)
    assert before.lagrangian.has(sp.cos(THETA))
    assert before.refined is not None
    assert before.refined.residual > 10 * NOISE
    assert law is before


def test_a_zero_that_another_constant_stands_for_is_not_sought():
    """With x and x² the minimum may be anywhere, and a height begins where one likes; what is missing is x^4."""
    lagrangian = (U**2 + V**2) / 2 - (X - sp.Rational(1, 5)) ** 2 - X**4 / 50 - 3 * Y
    start = (np.array([[1.0, 0.0], [0.5, 1.0]]), np.array([[0.0, 2.0], [0.3, 0.0]]))
    terms, begin = [U**2 / 2, V**2 / 2, X, X**2, Y], [1, 1, 0.2, -1, -3]
    data = simulate(System("off", PLANE, lagrangian), noise=NOISE, initial=start, span=6.0, step=0.05)
    smooth = differentiate(data)
    law = settle(Candidate(tuple(terms), np.array(begin), 2.0, 0.0, "data"), data, smooth)
    assert law.refined is not None
    assert law.refined.residual[0] > 2 * NOISE
    assert zeros._seen(law, smooth) == []
    assert find_zeros(law, data, smooth) is law


def test_zeros_that_friction_takes_back_are_given_up(monkeypatch):
    """What comes out in the end is compared with the law as it was, not what is fitted in between."""
    monkeypatch.setattr(zeros, "with_friction", lambda plain, *_, **__: replace(plain, refined=None))
    before, law = swing(0.02, rate=0.03)
    assert law is before


def test_a_centre_that_is_off_and_the_term_that_stood_in_for_it():
    """In coordinates from beside the centre a term with x does a little; from the centre it does nothing."""
    lagrangian = (U**2 + V**2) / 2 + 1 / sp.sqrt(X**2 + Y**2)
    terms = [U**2 / 2, V**2 / 2, 1 / sp.sqrt(X**2 + Y**2), X]
    angles = np.linspace(0, 2 * np.pi, 6, endpoint=False)
    place, turn = np.stack([np.cos(angles), np.sin(angles)], 1), np.stack([-np.sin(angles), np.cos(angles)], 1)
    start = (place, np.linspace(0.7, 1.2, 6)[:, None] * turn)
    begin = [1, 1, 1, 0]
    _, law = found(PLANE, lagrangian, terms, [0.02, -0.01], initial=start, span=8.0, step=0.05, begin=begin)
    assert X in law.dropped
    assert [str(c) for c in law.constants] == ["c1", "c2", "x_0", "y_0"]
    assert law.values == pytest.approx([1, 1, -0.02, 0.01], rel=0.05)
    assert law.placed_lagrangian.has(1 / sp.sqrt(X**2 + Y**2))


def test_the_motion_in_the_laws_coordinates():
    data = simulate(
        System("free", SWING, OMEGA**2 / 2), initial=(np.array([[1.0]]), np.array([[0.5]])), span=2.0, step=0.1
    )
    c, z = sp.symbols("c1 theta_0", real=True)
    terms = ((sp.S.One, OMEGA**2 / 2), (c, sp.cos(THETA - z)))
    law = Settled(terms, (), (c, z), np.array([2.0, 0.25]), None, {}, zeros={THETA: z})
    assert measured_from_zeros(law, data).segments[0].q == pytest.approx(data.segments[0].q - 0.25)
    assert law.placed_lagrangian.subs({OMEGA: 0.0, THETA: 0.0}) == pytest.approx(2.0)
    plain = Settled(terms[:1], (), (), np.zeros(0), None, {})
    assert measured_from_zeros(plain, data) is data


def test_a_zero_has_no_coordinates_name():
    space = JetSpace(("x", "x_0"))
    (x, beside), (u, v) = space.positions, space.velocities
    lagrangian = (u**2 + v**2) / 2 - x**2 - 2 * beside**2
    start = (np.array([[1.0, 0.5], [0.5, 1.0]]), np.zeros((2, 2)))
    terms, begin = [u**2 / 2, v**2 / 2, x**2, beside**2], [1, 1, -1, -2]
    _, law = found(space, lagrangian, terms, [0.02, 0.0], initial=start, span=6.0, step=0.05, begin=begin)
    assert [str(z) for z in law.zeros.values()] == ["x_0_0"]


@pytest.mark.parametrize(("left", "believed"), [(1.0, True), (10.0, False)])
def test_what_is_smooth_counts_as_few_values(left, believed):
    """A fifth less is much where nothing but noise is left, and little of what is not noise."""
    c, z = sp.symbols("c1 theta_0", real=True)

    def law(residual: float, *constants: sp.Symbol) -> Settled:
        refined = Refined(np.ones(len(constants)), np.eye(len(constants)), np.array([residual]), 2.0, 5, True)
        return Settled((), (), constants, refined.values, refined, {})

    assert zeros._better(law(left, c, z), law(1.2 * left, c), np.array([1.0]), 1000) is believed
