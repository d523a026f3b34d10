import dataclasses

import numpy as np
import pytest

from lagsym import systems
from lagsym.errors import InputError
from lagsym.neural import FitOptions, Scaling, fit, trials
from lagsym.neural.examples import Motion
from lagsym.neural.models import NaturalLagrangian
from lagsym.simulation import simulate

OPTIONS = FitOptions(width=6, steps=10, tolerance=0.0)


def halves(noise):
    data = simulate(systems.get("pendulum"), trajectories=8, span=5.0, step=0.04, seed=0, noise=noise)
    return data.with_segments(data.segments[:5]), data.with_segments(data.segments[5:])


def test_measured_accelerations_are_taken_without_trials():
    train, choose = halves(0.0)
    for structure, loss in (("natural", "acceleration"), ("separable", "balance")):
        found = fit(train, choose, angles=(0,), options=dataclasses.replace(OPTIONS, structure=structure))
        assert found.options.loss == loss
    jets = fit(train.jets(), choose.jets(), angles=(0,), options=OPTIONS)
    again = fit(train, choose, angles=(0,), options=dataclasses.replace(OPTIONS, loss="acceleration"))
    assert jets.options.loss == "acceleration"
    assert again.held_out_error < 1.0


@pytest.mark.slow
def test_noisy_positions_are_learned_without_accelerations_and_the_choice_repeats():
    train, choose = (
        part.with_segments(dataclasses.replace(segment, v=None) for segment in part.segments) for part in halves(0.06)
    )
    found, again = (fit(train, choose, angles=(0,), options=dataclasses.replace(OPTIONS, steps=30)) for _ in range(2))
    assert found.options.loss in {"weak", "rollout"}
    assert again.options.loss == found.options.loss
    assert again.history == found.history
    exact = simulate(systems.get("pendulum"), trajectories=3, span=5.0, seed=1).jets()
    accelerations = found.model.read(exact).acceleration
    assert np.linalg.norm(accelerations - exact.a) < 0.2 * np.linalg.norm(exact.a)


def test_the_same_seed_gives_the_same_choice_among_all_losses():
    train, choose = (
        part.with_segments(dataclasses.replace(segment, v=None) for segment in part.segments) for part in halves(0.02)
    )
    options = dataclasses.replace(OPTIONS, width=3, depth=1, steps=4)
    found, again = (fit(train, choose, angles=(0,), options=options, seed=1) for _ in range(2))
    assert found.options.loss in {"acceleration", "weak", "rollout"}
    assert again.options.loss == found.options.loss
    assert again.history == found.history


def test_the_loss_that_does_best_in_weak_form_is_chosen(monkeypatch):
    """Of the trials' errors the least decides, whichever loss has it."""
    train, choose = (
        Motion.of(part.with_segments(dataclasses.replace(segment, a=None) for segment in part.segments))
        for part in halves(0.0)
    )
    scaling = Scaling.of(train.averages, (0,))

    def build(width):
        return NaturalLagrangian(scaling, width=width, depth=1)

    for best in ("acceleration", "weak", "rollout"):
        errors = iter(0.1 if loss == best else 0.2 for loss in ("acceleration", "weak", "rollout"))
        monkeypatch.setattr(trials, "error", lambda model, judge, errors=errors: next(errors))
        options = FitOptions(width=2, steps=1)
        assert trials.choose_loss(train, choose, build, options, "levenberg-marquardt", 0) == best


def test_one_of_each_is_refused():
    train, choose = halves(0.0)
    with pytest.raises(InputError, match="one of each"):
        fit(train, choose.jets(), options=OPTIONS)
