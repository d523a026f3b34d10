"""What the user is told to measure: each shortage has its sentence, and good data none."""

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp

from lagsym.data.constraints import find_constraints
from lagsym.data.derivatives import differentiate
from lagsym.data.trajectories import Segment, Trajectories
from lagsym.distillation.advice import (
    acceleration_noise,
    bound_advice,
    law_advice,
    motion_advice,
    noise_advice,
    time_scale,
)
from lagsym.distillation.identifiability import Rival
from lagsym.mechanics.jetspace import JetSpace
from lagsym.simulation import simulate
from lagsym.systems import get

HARMONIC = sp.sympify("x_dot**2/2 - x**2/2", locals=dict(JetSpace(("x",)).names))


def swings(t, *, amplitudes=(0.5, 1.0, 1.5, 2.0), noise=0.0, rate=1.0) -> Trajectories:
    generator = np.random.default_rng(0)
    motions = (a * np.cos(rate * t + k) for k, a in enumerate(amplitudes))
    return Trajectories(
        ("x",),
        tuple(
            Segment(t, (q + noise * generator.standard_normal(len(t)))[:, None], trajectory=str(k))
            for k, q in enumerate(motions)
        ),
    )


def said(data: Trajectories, lagrangian=HARMONIC, rivals=()) -> str:
    smooth = differentiate(data)
    advice = [*bound_advice(find_constraints(data), data), *motion_advice(data, smooth)]
    return " ".join(a.sentence for a in [*advice, *law_advice(lagrangian, data, smooth, rivals)])


@pytest.mark.parametrize("noise", [0.0, 0.01])
@pytest.mark.parametrize("name", ["pendulum", "kepler", "spherical_pendulum", "henon_heiles", "damped_pendulum"])
def test_good_data_give_no_advice(name, noise):
    system = get(name)
    assert said(simulate(system, trajectories=10, noise=noise), system.numeric_lagrangian) == ""


def test_good_swings_give_no_advice():
    assert said(swings(np.arange(0, 20, 0.05), noise=0.005)) == ""


SHORTAGES = {
    "only one trajectory": {"amplitudes": (1.0,)},
    "stays within 0.1 of its middle": {"amplitudes": (0.04, 0.06, 0.08, 0.1)},
    "the same energy": {"amplitudes": (1.0, 1.0, 1.0)},
    "mostly noise": {"noise": 5.0},
}


@pytest.mark.parametrize("sentence", SHORTAGES)
def test_each_shortage_has_its_sentence(sentence):
    assert sentence in said(swings(np.arange(0, 20, 0.05), **SHORTAGES[sentence]))


def test_records_that_are_short_coarse_or_few():
    assert "measure longer" in said(swings(np.arange(0, 1, 0.01)))
    assert "sample more finely" in said(swings(np.arange(0, 60, 1.0)))
    assert "only 80 samples" in said(swings(np.arange(0, 10, 0.5)))


def test_the_time_of_a_swing_does_not_depend_on_the_length_of_the_record():
    for stop in (0.5, 20.0):
        smooth = differentiate(swings(np.arange(0, stop, 0.01), rate=2.0))
        assert time_scale(smooth, np.zeros(1)) == pytest.approx(np.pi, rel=0.02)
    fall = Segment(np.arange(0, 1, 0.01), -4.9 * np.arange(0, 1, 0.01)[:, None] ** 2)
    assert time_scale(differentiate(Trajectories(("x",), (fall,))), np.zeros(1)) is None


def test_noise_of_accelerations_is_what_noise_alone_gives():
    data = swings(np.arange(0, 200, 0.05), amplitudes=(0.0,), noise=0.3)
    assert acceleration_noise(data)[0] == pytest.approx(differentiate(data).segments[0].a[400:-400].std(), rel=0.3)


def test_what_never_moves_makes_every_law_uncertain():
    t = np.arange(0, 20, 0.05)
    data = Trajectories(("r", "phi"), (Segment(t, np.column_stack([np.ones_like(t), t])),), frozenset({"phi"}))
    (advice,) = bound_advice(find_constraints(data), data)
    assert advice.decisive
    assert "r never moves" in advice.sentence
    assert "constant radius" in advice.sentence
    assert "--ignore r" in advice.sentence


def test_rivals_are_named_and_decide():
    x = JetSpace(("x",)).positions[0]
    data = swings(np.arange(0, 20, 0.05))
    few = [Rival(x**4, None, 1.0), Rival(x**3, x**2, 2.0)]
    (advice,) = law_advice(HARMONIC, data, differentiate(data), few)
    assert advice.decisive
    assert "x**4 beside it; x**3 in place of x**2" in advice.sentence
    assert "other" in advice.sentence.lower()
    assert "different starts and energies" in advice.sentence


def test_positions_that_are_all_noise_are_no_motion():
    motion = simulate(get("henon_heiles"), trajectories=3, noise=0.1).positions_only()
    generator = np.random.default_rng(0)
    shuffled = motion.with_segments([replace(s, q=generator.permutation(s.q, axis=0)) for s in motion.segments])
    assert noise_advice(motion) == []
    (advice,) = noise_advice(shuffled)
    assert advice.decisive
    assert "x, y" in advice.sentence


def test_steps_that_tell_nothing_of_the_next_ones_are_no_motion():
    generator, t = np.random.default_rng(1), 0.02 * np.arange(501)
    motion = simulate(get("relativistic_2d"), trajectories=1, noise=0.1).positions_only()
    walk = Trajectories(("x",), (Segment(t, np.cumsum(generator.standard_normal((501, 1)), axis=0)),))
    spins = np.unwrap(generator.uniform(-np.pi, np.pi, (501, 1)), axis=0)
    shuffled = Trajectories(("theta",), (Segment(t, spins),), angles=frozenset({"theta"}))
    assert noise_advice(motion) == []
    for wandering in (walk, shuffled):
        (advice,) = noise_advice(wandering)
        assert advice.decisive
        assert "random walk" in advice.sentence


@pytest.mark.parametrize(
    ("law", "powers"),
    [
        ("r_dot**2/2 + 3*r - 0.2*r**2 + 1/r", "1/r, r, r**2"),
        ("x_dot**2/2 + 0.1*x_dot**4 - 0.3*x_dot**6 - x**2", "x_dot**2, x_dot**4, x_dot**6"),
        ("x_dot**2/2 - x**2/2 - x**4/4", None),
        ("(x_dot**2 + y_dot**2)/2 - x**2 - y**2 - x**2*y + y**3/3", None),
        ("(x_dot**2 + y_dot**2)/2 + (x**2 + y**2)**(-1/2) + (x**2 + y**2)**(-1) + 0.1*(x**2 + y**2)**(1/2)", "sqrt"),
    ],
)
def test_sums_of_powers_may_stand_for_functions(law, powers):
    names = ("r",) if "r_dot" in law else ("x", "y") if "y" in law else ("x",)
    space = JetSpace(names)
    t = np.arange(0, 20, 0.05)
    columns = np.stack([1.5 + np.sin(t + k) for k in range(len(names))], axis=1)
    exact = Trajectories(names, (Segment(t, columns),))
    noisy = Trajectories(names, (Segment(t, columns + np.random.default_rng(0).normal(0, 1e-3, columns.shape)),))
    lagrangian = sp.sympify(law, locals=dict(space.names), rational=True)

    def said(data, *, sought):
        advice = law_advice(lagrangian, data, differentiate(data), [], sought=sought)
        return [each for each in advice if "sum of powers" in each.sentence]

    assert not said(exact, sought=False)
    assert bool(said(noisy, sought=False)) == (powers is not None)
    for each in said(noisy, sought=False):
        assert powers in each.sentence
        assert each.decisive
    assert not any(each.decisive for each in said(noisy, sought=True))


def test_many_terms_of_an_engine_are_no_law():
    space = JetSpace(("theta",))
    t = np.arange(0, 20, 0.05)
    data = Trajectories(("theta",), (Segment(t, np.sin(t)[:, None]),))
    law = "theta_dot**2/2 - 2*theta**2 + theta**4 - theta**2*exp(-theta**2)"
    lagrangian = sp.sympify(law, locals=dict(space.names), rational=True)
    (made_up,) = [
        a for a in law_advice(lagrangian, data, differentiate(data), [], invented=True) if "sum of" in a.sentence
    ]
    assert made_up.decisive
    assert "theta**2*exp(-theta**2)" in made_up.sentence
    morse = sp.sympify("theta_dot**2/2 - exp(-2*theta) + 2*exp(-theta)", locals=dict(space.names), rational=True)
    advice = law_advice(morse, data, differentiate(data), [], sought=True, invented=True)
    assert not any("sum of" in each.sentence for each in advice)
