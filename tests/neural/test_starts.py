"""Several starts: the one that leads goes on, as it would have alone, and a fit that is cut off in any goes on too."""

import dataclasses
from typing import Any, cast

import pytest
import torch

from lagsym.errors import InputError
from lagsym.neural import FitOptions, fit, fit_ensemble, unfinished
from lagsym.neural.starts import Starts, seed_of

QUICK = FitOptions(width=4, steps=15, tolerance=0.0)
THREE = dataclasses.replace(QUICK, starts=3)
SEEDS = (0, 1, 4)
SHARE = 5
"""Steps of each start: a twentieth of fifteen, up to an evaluation."""


class CutError(Exception):
    pass


def weights(found):
    return [parameter.detach() for parameter in found.model.network]


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(weights(one), weights(other), strict=True))


def assert_same_history(one, other, rounding=1e-12):
    """Up to the order in which held-out samples are summed, which is that of the first start for all starts."""
    for mine, theirs in zip(one.history, other.history, strict=True):
        assert (mine.step, mine.training_error) == (theirs.step, theirs.training_error)
        assert mine.held_out_error == pytest.approx(theirs.held_out_error, rel=rounding)


def alone(jets, seed, **changes):
    """Each of three starts as a fit by itself."""
    return [fit(*jets, options=dataclasses.replace(QUICK, **changes), seed=seed_of(seed, k)) for k in range(3)]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_start_that_leads_goes_on_as_it_would_have_alone(seed, pendulum):
    single, together = alone(pendulum, seed), fit(*pendulum, options=THREE, seed=seed)
    after_share = [min(entry.held_out_error for entry in found.history if entry.step <= SHARE) for found in single]
    best = single[after_share.index(min(after_share))]
    assert_same_history(together, best)
    assert same(together, best)
    assert (together.seed, together.status, together.options.starts) == (seed, "steps", 3)


def test_the_seeds_above_let_every_start_lead_once(pendulum):
    leaders = set()
    for seed in SEEDS:
        errors = [found.history[0].held_out_error for found in alone(pendulum, seed, steps=SHARE)]
        leaders.add(errors.index(min(errors)))
    assert leaders == {0, 1, 2}


def test_each_start_takes_its_share_and_one_the_rest(pendulum):
    told = []
    fit(*pendulum, options=THREE, progress=told.append)
    assert [entry.step for entry in told] == [5, 5, 5, 10, 15]


def test_no_other_start_where_one_is_good_enough_or_time_is_up(pendulum):
    for changes, status in (({"tolerance": 10.0}, "converged"), ({"seconds": 1e-9}, "seconds")):
        told = []
        options = dataclasses.replace(THREE, **changes)
        assert fit(*pendulum, options=options, progress=told.append).status == status
        assert len(told) <= 2


@pytest.mark.parametrize("cut", range(1, 6))
@pytest.mark.parametrize("seed", [0, 4])
def test_cut_off_in_any_start_it_goes_on_to_the_same_bits(seed, cut, pendulum, tmp_path, monkeypatch):
    monkeypatch.setattr(unfinished, "LEAST_SECONDS", 0.0)
    whole, told = fit(*pendulum, options=THREE, seed=seed), []

    def stop(progress):
        told.append(progress)
        if len(told) == cut:
            raise CutError

    kept = {"checkpoint": tmp_path / "fit", "options": THREE, "seed": seed}
    with pytest.raises(CutError):
        fit(*pendulum, progress=stop, **kept)
    resumed = fit(*pendulum, resume=True, progress=told.append, **kept)
    # What was told last before the cut had not been written down and is told again.
    assert [entry.step for entry in told[:cut] + told[cut + 1 :]] == [5, 5, 5, 10, 15]
    assert resumed.history == whole.history
    assert same(resumed, whole)
    again = fit(*pendulum, resume=True, **kept)
    assert (again.history, same(again, whole)) == (whole.history, True)


def test_soap_goes_on_from_the_start_that_leads(pendulum, tmp_path, monkeypatch):
    monkeypatch.setattr(unfinished, "LEAST_SECONDS", 0.0)
    options = FitOptions(width=4, optimizer="soap", steps=240, tolerance=0.0)
    single = [fit(*pendulum, options=options, seed=seed_of(2, k)) for k in range(2)]
    best = min(single, key=lambda found: found.history[0].held_out_error)
    two = {"options": dataclasses.replace(options, starts=2), "seed": 2, "checkpoint": tmp_path / "fit"}

    def stop(progress):
        if progress.step == 240:
            raise CutError

    with pytest.raises(CutError):
        fit(*pendulum, progress=stop, **two)
    together = fit(*pendulum, resume=True, **two)
    assert_same_history(together, best, rounding=1e-6)
    assert same(together, best)


def test_the_status_is_known_when_all_is_done(pendulum):
    class Stub:
        status, best_error, steps, step = "singular", 1.0, 15, 5
        schedule = dataclasses.make_dataclass("S", [("every", int, 5)])()

        def advance(self, *_):
            pass

        def state(self):
            return {}

        def restore(self, state):
            pass

        def run(self, *_):
            return self.status

    starts = Starts(lambda _: cast("Any", Stub()), 2)
    assert starts.status is None
    assert (starts.run(), starts.status, starts.step) == ("singular", "singular", 5)


def test_members_of_an_ensemble_have_one_start_each(pendulum):
    with pytest.raises(InputError, match="one start for each member"):
        fit_ensemble(*pendulum, options=THREE)
    with pytest.raises(InputError, match="starts above zero"):
        FitOptions(starts=0)
