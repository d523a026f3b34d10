import dataclasses

import numpy as np
import pytest
import sympy as sp

from lagsym.data.derivatives import differentiate
from lagsym.data.trajectories import Trajectories
from lagsym.discovery.judging import judge, judge_equations, judge_nothing
from lagsym.law import Law
from lagsym.mechanics.jetspace import JetSpace
from lagsym.simulation import simulate
from lagsym.systems import get
from lagsym.validation import validate
from lagsym.validation.following import Following

PLANE = JetSpace(("x", "y"))
(X, Y), (U, W) = PLANE.positions, PLANE.velocities


def seen(name: str, seed: int, **parameters: float) -> Trajectories:
    system = get(name).with_parameters(parameters)
    return simulate(system, trajectories=8, seed=seed).positions_only()


def judged(lagrangian: sp.Expr, name: str, **parameters: float):
    learn, held_out = (seen(name, seed, **parameters) for seed in (0, 1))
    law = Law(("x", "y"), lagrangian)
    return judge(validate(law, held_out), differentiate(learn), held_out)


def test_the_true_law_is_recovered():
    values = get("henon_heiles").parameters
    true = get("henon_heiles").numeric_lagrangian
    assert values
    found = judged(true, "henon_heiles")
    assert (found.status, found.notices) == ("recovered", ())
    assert found.scores["weak_misfit"] < 1e-4


@pytest.mark.parametrize(("excess", "status"), [(1.02, "recovered"), (2.4, "uncertain")])
def test_a_law_whose_fit_leaves_more_than_the_noise_is_in_doubt(excess, status):
    true = get("henon_heiles").numeric_lagrangian
    learn, held_out = (seen("henon_heiles", seed) for seed in (0, 1))
    validation = validate(Law(("x", "y"), true), held_out)
    hazy = dataclasses.replace(validation, scores={**validation.scores, "held_out_r2": 0.95})
    found = judge(hazy, differentiate(learn), held_out, excess=excess)
    assert found.status == status
    assert any("times the noise" in notice for notice in found.notices) == (status == "uncertain")


def test_a_law_that_lacks_a_small_term_is_not_recovered():
    # It explains 99 % of the accelerations, but closed equations of motion explain all of them.
    true = get("henon_heiles").numeric_lagrangian
    found = judged(true + sp.Rational(1, 20) * X**3, "henon_heiles")
    assert found.scores["held_out_r2"] > 0.95
    assert found.status == "uncertain"
    assert "equations without a Lagrangian" in found.notices[0]
    assert found.tests["inverse problem"]["answer"] != "impossible"


def test_motion_without_a_lagrangian_is_said_to_have_none():
    oscillators = (U**2 + W**2) / 2 - (2 * X**2 + Y**2) / 2
    found = judged(oscillators, "swirling_oscillator", k1=2.0, k2=1.0, epsilon=0.1)
    assert found.scores["held_out_r2"] > 0.95
    assert found.status == "not_lagrangian"
    test = found.tests["inverse problem"]
    assert test["answer"] == "impossible"
    assert "x_ddot" in str(test["equations"])


def test_noise_leaves_everything_open():
    generator = np.random.default_rng(0)
    motion = simulate(get("henon_heiles"), trajectories=3, span=4.0).positions_only()
    parts = []
    for _ in range(2):
        noise = [dataclasses.replace(s, q=generator.standard_normal(s.q.shape)) for s in motion.segments]
        parts.append(motion.with_segments(noise))
    found = judge_nothing(differentiate(parts[0]), parts[1])
    assert found.status == "uncertain"
    assert "too few, too noisy" in found.notices[0]


@pytest.mark.parametrize("name", ["damped_circulatory", "quadratic_force"])
def test_no_admissible_lagrangian_and_a_proof(name):
    learn, held_out = (seen(name, seed, **get(name).parameters) for seed in (0, 1))
    assert judge_nothing(differentiate(learn), held_out).status == "not_lagrangian"


@pytest.mark.parametrize(
    ("name", "noise", "status"),
    [("swirling_oscillator", 0.0, "not_lagrangian"), ("swirling_oscillator", 0.05, None), ("henon_heiles", 0.0, None)],
)
def test_only_exact_equations_end_the_search_before_it_begins(name, noise, status):
    parts = [simulate(get(name), trajectories=8, noise=noise, seed=seed).positions_only() for seed in (0, 1, 2)]
    found = judge_equations(differentiate(parts[0]), differentiate(parts[1]), parts[2])
    assert (found and found.status) == status
    if found is not None:
        assert found.scores["unconstrained_r2"] > 0.99


@pytest.mark.parametrize(
    ("following", "status"),
    [
        (Following(1.02, 0.05, 1.6), "recovered"),
        (Following(1.02, 0.6, 1.6), "uncertain"),
        (Following(1.02, 0.05, 0.4), "uncertain"),
        (Following(1.3, 0.05, 1.6), "uncertain"),
        (None, "uncertain"),
    ],
)
def test_where_noise_hides_accelerations_followed_positions_decide(following, status):
    true = get("henon_heiles").numeric_lagrangian
    learn, held_out = (seen("henon_heiles", seed) for seed in (0, 1))
    validation = validate(Law(("x", "y"), true), held_out)
    hazy = dataclasses.replace(validation, scores={**validation.scores, "held_out_r2": 0.3, "weak_r2": 0.95})
    assert judge(hazy, differentiate(learn), held_out, following=following).status == status
