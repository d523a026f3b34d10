"""Structure selection: rules by hand-made scores, and systems whose structure is known by construction."""

from dataclasses import replace

import numpy as np
import pytest

from lagsym.data.jets import Jets
from lagsym.errors import InputError
from lagsym.neural import FitOptions, FitProgress, fit
from lagsym.neural.structure import (
    ORDER,
    StructureScore,
    _late_gain,
    _reason,
    first_within_noise,
    select_structure,
    structure_options,
)

SMALL = FitOptions(width=16, steps=60, tolerance=3e-3)


def score(error, squares=None, gain=0.0, name="any"):
    squares = np.full(10, error**2) if squares is None else np.asarray(squares)
    return StructureScore(name, error, squares, gain, False, "steps", 1.0)


def magnetic(samples, seed, field=2.0):
    """x'' = B y' - x, y'' = -B x' - y: L = (x'² + y'²)/2 + B (x y' - y x')/2 ... up to gauge and sign."""
    q, v = np.random.default_rng(seed).uniform(-1, 1, (2, samples, 2))
    return Jets.of_particle(np.arange(samples), q, v, field * np.stack([v[:, 1], -v[:, 0]], 1) - q)


def fast(samples, seed, coordinates=1):
    """T = -sqrt(1 - v²), V = x²/2: x'' = -x (1 - v²)^(3/2) in one dimension."""
    generator = np.random.default_rng(seed)
    q, v = generator.uniform(-1, 1, (samples, coordinates)), generator.uniform(-0.9, 0.9, (samples, coordinates))
    return Jets.of_particle(np.arange(samples), q, v, -q * (1 - v**2) ** 1.5)


def damped(samples, seed, coordinates):
    q, v = np.random.default_rng(seed).uniform(-1, 1, (2, samples, coordinates))
    return Jets.of_particle(np.arange(samples), q, v, -q - 0.4 * v)


def test_the_first_within_noise_of_the_best_is_taken():
    assert first_within_noise([score(1e-1), score(1e-3), score(9e-4)]) == 2
    noisy = np.array([4, 0.2, 3, 0.3, 5, 0.1, 2, 0.4, 4, 0.2])
    assert first_within_noise([score(1e-1), score(1e-3, noisy), score(9e-4, noisy[::-1])]) == 1
    assert first_within_noise([score(np.inf), score(1e-3)]) == 1
    assert first_within_noise([score(0.0), score(0.0)]) == 0
    with pytest.raises(InputError, match="at least one structure"):
        first_within_noise([])


def test_errors_that_vary_alike_over_the_blocks_are_no_noise():
    """Blocks of hard and easy samples are as hard for both, so that a ratio of 1.1 in every one is significant."""
    hard = np.geomspace(1e-6, 1e-2, 10)
    assert first_within_noise([score(1.1e-2, 1.21 * hard), score(1e-2, hard)]) == 1


def test_a_network_that_was_still_learning_is_not_refuted():
    history = [FitProgress(step, 100, 1.0, error) for step, error in ((25, 0.4), (50, 0.2), (75, 0.1), (100, 0.05))]
    assert _late_gain(history) == pytest.approx(np.log(4))
    assert _late_gain([]) == 0
    assert first_within_noise([score(3e-3, gain=np.log(4)), score(1e-3)]) == 0
    assert first_within_noise([score(5e-3, gain=np.log(4)), score(1e-3)]) == 1


def test_a_field_needs_the_gyroscopic_structure():
    chosen = select_structure(magnetic(600, 0), magnetic(300, 1), options=SMALL)
    assert chosen.name == chosen.fit.model.structure == "gyroscopic"
    assert list(chosen.errors) == ["natural", "natural + friction", "gyroscopic"]
    assert chosen.errors["natural"] > 20 * chosen.errors["gyroscopic"]
    assert "natural" in chosen.reason
    assert "not tried: separable, free" in chosen.reason


def test_friction_is_friction_and_not_another_lagrangian():
    """x'' = -x - 0.4 x' follows from other Lagrangians too, but none of them is as simple as friction."""
    chosen = select_structure(damped(600, 0, 2), damped(300, 1, 2), options=SMALL)
    assert list(chosen.errors) == ["natural", "natural + friction"]
    assert (chosen.name, chosen.fit.model.structure) == ("natural + friction", "natural")
    assert chosen.errors["natural"] > 5 * chosen.errors["natural + friction"]


def test_a_structure_that_is_out_of_reach_is_given_up():
    """A magnetic field is beyond a natural network, however long it is trained."""
    options = FitOptions("natural", width=8, steps=40, tolerance=1e-3)
    jets = magnetic(400, 0), magnetic(200, 1)
    whole = fit(*jets, options=options)
    assert whole.held_out_error > 0.1
    near = fit(*jets, options=replace(options, rival=whole.held_out_error))
    assert near.history == whole.history
    beaten = fit(*jets, options=replace(options, rival=1e-2))
    assert (beaten.status, beaten.history[-1].step) == ("beaten", 20)
    assert beaten.history == whole.history[: len(beaten.history)]


def test_only_what_is_named_is_tried():
    chosen = select_structure(fast(200, 0), fast(100, 1), names=["separable"], options=replace(SMALL, steps=10))
    assert list(chosen.errors) == [chosen.name] == ["separable"]
    alone = select_structure(fast(200, 0), fast(100, 1), names=["free"], options=replace(SMALL, steps=10))
    assert alone.name == "free"


def test_no_network_at_all_is_said_in_words():
    scores = [score(np.inf, name="natural"), score(np.inf, name="separable")]
    sentence = _reason(scores, first_within_noise(scores), ["natural", "separable"])
    assert "could not be inverted" in sentence
    assert "inf" not in sentence


def test_one_fast_particle_needs_the_separable_structure_and_what_says_nothing_is_not_tried():
    chosen = select_structure(fast(600, 0), fast(300, 1), options=SMALL)
    assert chosen.name == chosen.fit.model.structure == "separable"
    assert list(chosen.errors) == ["natural", "natural + friction", "separable"]
    assert chosen.errors["natural"] > 2 * chosen.errors["separable"]


def test_a_natural_system_costs_one_fit(pendulum):
    train, choose = pendulum
    chosen = select_structure(train, choose, angles=(0,), options=SMALL)
    assert (chosen.name, list(chosen.errors)) == ("natural", ["natural"])
    assert "reached the tolerance" in chosen.reason


def test_noise_in_the_accelerations_does_not_call_for_more_structure(pendulum):
    generator = np.random.default_rng(0)
    noisy = [
        Jets.of_particle(jets.t, jets.q, jets.v, jets.a + 0.1 * jets.a.std() * generator.standard_normal(jets.a.shape))
        for jets in pendulum
    ]
    chosen = select_structure(*noisy, angles=(0,), options=replace(SMALL, steps=120))
    assert chosen.name == "natural"
    assert any(score.at_noise for score in chosen.scores)
    assert "noise" in chosen.reason


def test_parameters_and_time_enter():
    """A spring whose strength is a parameter, pushed by cos 3t."""
    generator = np.random.default_rng(0)

    def spring(samples):
        t, q, v, k = generator.uniform(-1, 1, (4, samples, 1))
        a = -(2 + k) * q + np.cos(3 * t)
        return Jets.of_particle(t[:, 0], q, v, a, parameters=k)

    train, choose = spring(600), spring(300)
    chosen = select_structure(train, choose, options=FitOptions(width=16, steps=80, tolerance=5e-3, explicit_time=True))
    assert (chosen.name, chosen.fit.model.scaling.parameters) == ("natural", 1)
    assert chosen.errors["natural"] < 5e-3


def test_the_cap_on_time_is_shared():
    chosen = select_structure(fast(200, 0), fast(100, 1), options=FitOptions(width=8, steps=10_000, seconds=1e-3))
    assert list(chosen.errors) == ["natural"]
    assert chosen.fit.status == "seconds"


def test_every_structure_gets_about_as_many_weights(pendulum):
    train, choose = pendulum
    counts = {}
    for name in ORDER:
        options = structure_options(FitOptions(width=24, steps=1), name)
        assert options.structure == ORDER[name]["structure"]
        counts[name] = fit(train, choose, angles=(0,), options=options).model.parameter_count
    assert max(counts.values()) < 1.4 * min(counts.values())
