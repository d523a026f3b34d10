"""The network that is read: width and loss follow from what is held out."""

import dataclasses

import numpy as np
import pytest

from lagsym import systems
from lagsym.data.derivatives import differentiate
from lagsym.neural import FitOptions, selection
from lagsym.neural.examples import Motion
from lagsym.neural.progress import FitProgress
from lagsym.neural.selection import select_network
from lagsym.neural.structure import StructureChoice, StructureScore
from lagsym.neural.unfinished import Checkpoints
from lagsym.simulation import simulate


def halves(noise):
    """Measured positions alone, half of them to learn from."""
    data = simulate(systems.get("pendulum"), trajectories=8, span=5.0, step=0.04, seed=0, noise=noise)
    data = data.with_segments(dataclasses.replace(segment, v=None, a=None) for segment in data.segments)
    parts = data.with_segments(data.segments[:5]), data.with_segments(data.segments[5:])
    return tuple(Motion(part, differentiate(part)) for part in parts)


class Fake:
    """What stands for a fit."""

    def __init__(self, name: str, options: FitOptions, held_out: tuple[float, ...]) -> None:
        self.status, self.name, self.options = "steps", name, options
        self.history = tuple(FitProgress(k, len(held_out), 0.01, error) for k, error in enumerate(held_out))


FALLING = (0.9, 0.5, 0.2, 0.1, 0.06, 0.05, 0.055, 0.05)


def choices(monkeypatch, errors, averaged=1.0, held_out=FALLING):
    """Selections whose errors are given by width and structure; what was asked for is kept.

    Of an error from accelerations the weak form leaves the fraction `averaged`; `held_out` is how errors went.
    """
    asked = []

    def weak_error(found, data):
        return 0.02 if found.options.loss == "weak" else averaged * errors[found.options.width][found.name]

    monkeypatch.setattr(selection, "_weak_error", weak_error)

    def select(train, choose, *, names, options, checkpoints, **others):
        label = "" if checkpoints is None else checkpoints.label
        asked.append((options.width, options.loss, tuple(names), type(train).__name__, label))
        scores = [
            StructureScore(name, error, np.full(10, error**2), 0.0, False, "steps", 1.0)
            for name, error in errors[options.width].items()
            if name in names
        ]
        best = min(scores, key=lambda score: score.error)
        return StructureChoice(Fake(best.name, options, held_out), best.name, tuple(scores), f"{best.name}.")

    monkeypatch.setattr(selection, "select_structure", select)
    return asked


MOTION = halves(0.0)
OPTIONS = FitOptions(width=8, tolerance=2e-3)
BOTH = ("natural", "free")


def test_a_network_near_the_tolerance_is_not_grown(monkeypatch):
    asked = choices(monkeypatch, {8: {"natural": 9e-3, "free": 0.5}})
    assert select_network(*MOTION, names=BOTH, options=OPTIONS).name == "natural"
    assert asked == [(8, "auto", BOTH, "Jets", "")]


def test_what_is_not_refuted_is_grown_and_kept_if_better(monkeypatch, tmp_path):
    narrow = {"natural": 0.05, "gyroscopic": 0.5, "free": 0.05}
    asked = choices(monkeypatch, {8: narrow, 16: {"natural": 0.04, "free": 0.02}})
    kept = Checkpoints(tmp_path)
    chosen = select_network(*MOTION, names=("gyroscopic", *BOTH), options=OPTIONS, checkpoints=kept)
    assert [entry[0] for entry in asked] == [8, 16]
    assert (asked[1][2], asked[1][4]) == (BOTH, "-wide")
    assert (chosen.name, chosen.fit.options.width) == ("free", 16)
    assert chosen.errors == {"natural": 0.04, "gyroscopic": 0.5, "free": 0.02}
    assert "0.05" in chosen.reason
    choices(monkeypatch, {8: narrow, 16: {"natural": 0.06, "free": 0.07}})
    assert select_network(*MOTION, names=BOTH, options=OPTIONS).errors == {"natural": 0.05, "free": 0.05}


@pytest.mark.parametrize(("wide", "asked_for"), [(0.048, [BOTH]), (0.01, [BOTH, ("natural", "separable", "free")])])
def test_all_that_is_not_refuted_is_grown_only_where_units_help(monkeypatch, wide, asked_for):
    names = ("natural", "separable", "free")
    asked = choices(monkeypatch, {8: dict.fromkeys(names, 0.05), 16: dict.fromkeys(names, wide)})
    select_network(*MOTION, names=names, options=OPTIONS)
    assert [entry[2] for entry in asked[1:]] == asked_for


def test_what_two_wide_networks_reached_is_not_lost_where_time_is_up_for_the_others(monkeypatch):
    names = ("natural", "separable", "free")
    wide = {"natural": 0.01, "separable": 0.01, "free": 0.01}
    asked = choices(monkeypatch, {8: dict.fromkeys(names, 0.05), 16: wide})
    select = selection.select_structure

    def cut_off(*data, names, **others):
        if len(names) == 3 and len(asked) > 1:
            wide.update(dict.fromkeys(names, 0.9))
        return select(*data, names=names, **others)

    monkeypatch.setattr(selection, "select_structure", cut_off)
    assert select_network(*MOTION, names=names, options=OPTIONS).errors["natural"] == 0.01


def test_a_network_that_learned_nothing_is_not_grown(monkeypatch):
    asked = choices(monkeypatch, {8: {"natural": 0.7, "free": 0.8}})
    assert select_network(*MOTION, names=BOTH, options=OPTIONS).errors == {"natural": 0.7, "free": 0.8}
    assert [entry[0] for entry in asked] == [8]


def test_a_network_that_went_on_to_learn_noise_is_not_grown(monkeypatch):
    rising = (0.9, 0.1, 0.05, 0.06, 0.07, 0.07, 0.08, 0.09)
    asked = choices(monkeypatch, {8: {"natural": 0.05}}, held_out=rising)
    assert select_network(*MOTION, names=["natural"], options=OPTIONS).errors == {"natural": 0.05}
    assert [entry[0] for entry in asked] == [8]


def test_nothing_further_is_trained_where_nothing_further_is_wanted(monkeypatch):
    asked = choices(monkeypatch, {8: {"natural": 0.05}, 16: {"natural": 0.01}}, 0.3)
    chosen = select_network(*MOTION, names=["natural"], options=OPTIONS, further=False)
    assert [entry[:2] for entry in asked] == [(8, "auto")]
    assert chosen.errors == {"natural": 0.05}


@pytest.mark.parametrize(("averaged", "kept", "widths"), [(0.6, "weak", [8, 8]), (0.3, "auto", [8, 8, 16])])
def test_on_noise_the_loss_with_the_better_weak_form_stays(monkeypatch, averaged, kept, widths):
    """An error of 0.05 that averages out to 0.03 or 0.015, and 0.02 in the weak form."""
    asked = choices(monkeypatch, {8: {"natural": 0.05}, 16: {"natural": 0.06}}, averaged)
    chosen = select_network(*MOTION, names=["natural"], options=OPTIONS)
    assert [entry[0] for entry in asked] == widths
    assert [entry[1] for entry in asked][:2] == ["auto", "weak"]
    assert [entry[3] for entry in asked][:2] == ["Jets", "Motion"]
    assert chosen.fit.options.loss == kept
    named = dataclasses.replace(OPTIONS, loss="acceleration")
    assert select_network(*MOTION, names=["natural"], options=named).fit.options.loss == "acceleration"
    assert not any(entry[1] == "weak" for entry in asked[len(widths) :])


def test_noisy_accelerations_are_not_believed():
    """Where positions alone were measured, with 2 % noise, the weak form gives the better accelerations."""
    motion = halves(0.02)
    options = FitOptions(width=6, steps=40, tolerance=2e-3)
    plain = dataclasses.replace(options, loss="acceleration")
    chosen, other = (
        select_network(*motion, names=["natural"], angles=(0,), options=each).fit for each in (options, plain)
    )
    assert (chosen.options.loss, other.options.loss) == ("weak", "acceleration")
    exact = simulate(systems.get("pendulum"), trajectories=3, span=5.0, seed=1).jets()
    errors = [np.linalg.norm(found.model.read(exact).acceleration - exact.a) for found in (chosen, other)]
    assert errors[0] < 0.9 * errors[1]


def test_large_data_are_thinned_in_the_order_of_time(monkeypatch):
    monkeypatch.setattr(selection, "SAMPLES", 100)
    seen = []
    monkeypatch.setattr(selection, "select_structure", lambda train, choose, **others: seen.extend((train, choose)))
    monkeypatch.setattr(selection, "_far", lambda chosen, options: False)
    select_network(*MOTION, options=OPTIONS)
    whole = MOTION[0].smooth.jets()
    assert [len(jets) for jets in seen] == [100, 100]
    rows = [
        int(np.flatnonzero((whole.q == q).all(1) & (whole.t == t))[0])
        for q, t in zip(seen[0].q, seen[0].t, strict=True)
    ]
    assert rows == sorted(rows)
