"""Data that cannot tell the law: refused with what to type, or uncertain with what to measure."""

import re
import shlex

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from lagsym.cli import app
from lagsym.data.tables import Columns, read_frame
from lagsym.discovery import DiscoveryOptions, discover
from lagsym.distillation.options import ChoiceOptions
from lagsym.errors import DataError
from lagsym.law.file import from_json, read_law, to_json
from lagsym.simulation import draw_parameters, simulate
from lagsym.systems import get
from lagsym.verification import verify_law

DATA = DiscoveryOptions(ChoiceOptions(evidence="data"))


def found(frame: pd.DataFrame, angles=()):
    return discover(read_frame(frame, Columns(angles=tuple(angles))), options=DATA).law


def test_a_tracked_bob_is_refused_and_the_suggested_command_finds_the_pendulum(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame = simulate(get("pendulum"), trajectories=6, span=6.0).to_frame()
    theta, omega = frame["theta"], frame["theta_dot"]
    frame = frame[["trajectory", "t"]].assign(
        x=0.1 + np.sin(theta), y=-0.2 - np.cos(theta), x_dot=omega * np.cos(theta), y_dot=omega * np.sin(theta)
    )
    frame.to_csv("bob.csv", index=False)
    arguments = ["discover", "bob.csv", "--evidence", "data", "-o", "out"]
    refused = CliRunner().invoke(app, arguments)
    assert isinstance(refused.exception, DataError)
    assert "(x - 0.1)**2 + (y + 0.2)**2 = 1 within" in str(refused.exception)
    assert not (tmp_path / "out").exists()
    options = re.search(r"run again with (.*)", str(refused.exception))
    assert options is not None
    done = CliRunner().invoke(app, [*arguments, *shlex.split(options[1])])
    assert done.exit_code == 0, done.output
    law = read_law("out")
    assert law.status == "recovered"
    assert verify_law(law, get("pendulum")).kind in {"identical", "gauge-equivalent"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "seed", "right"),
    [("henon_heiles", 0, True), ("spherical_pendulum", 0, True), ("spherical_pendulum", 1, False)],
)
def test_one_trajectory_is_a_law_only_where_the_motion_rules_out_its_rivals(name, seed, right):
    system = draw_parameters(get(name), seed)
    law = found(simulate(system, trajectories=1, span=8.0, noise=1e-3, seed=seed).to_frame(), system.angles)
    assert any("only one trajectory" in notice for notice in law.notices)
    assert law.status == ("recovered" if right else "uncertain")
    assert (verify_law(law, system).kind in {"identical", "gauge-equivalent"}) == right


@pytest.mark.slow
def test_one_trajectory_of_a_planet_is_uncertain():
    """Along it the square of the angular momentum is a constant, so that a term in r**-2 may stand in for others."""
    system = draw_parameters(get("kepler"), 0)
    law = found(simulate(system, trajectories=1, span=8.0, noise=1e-3).to_frame(), system.angles)
    assert law.status == "uncertain"
    assert any("only one trajectory" in notice for notice in law.notices)
    assert any("Other laws fit these data as closely" in notice for notice in law.notices)
    assert from_json(to_json(law)).status == "uncertain"


@pytest.mark.slow
def test_a_circular_orbit_is_uncertain():
    generator, t = np.random.default_rng(0), np.arange(0, 12, 0.04)
    orbits = [
        pd.DataFrame({"trajectory": k, "t": t, "r": 1 + 1e-3 * generator.standard_normal(len(t)), "phi": t + k})
        for k in (0, 1)
    ]
    law = found(pd.concat(orbits), ["phi"])
    assert law.status == "uncertain"
    assert any("r never moves" in notice for notice in law.notices)
    assert from_json(to_json(law)).lagrangian == law.lagrangian


@pytest.mark.slow
def test_a_random_walk_is_uncertain():
    walk = np.cumsum(np.random.default_rng(0).standard_normal(600))
    law = found(pd.DataFrame({"t": 0.1 * np.arange(600), "x": walk}))
    assert law.status == "uncertain"
    assert any("that is a random walk" in notice for notice in law.notices)
    assert len(law.notices) == len(set(law.notices))


def test_twenty_samples_are_too_few():
    with pytest.raises(DataError, match="record a longer stretch or more runs"):
        found(pd.DataFrame({"t": 0.1 * np.arange(20), "x": np.sin(0.1 * np.arange(20))}))


def test_small_swings_of_a_pendulum_say_so():
    starts = np.linspace(0.005, 0.03, 6)[:, None]
    motion = simulate(get("pendulum"), initial=(starts, 0 * starts), span=8.0, noise=1e-3)
    law = found(motion.to_frame())
    assert any("The law is harmonic" in notice and "--angles theta" in notice for notice in law.notices)


def test_good_data_are_recovered_without_a_remark():
    law = found(simulate(get("pendulum"), trajectories=6, span=8.0, noise=1e-3).to_frame(), ["theta"])
    assert (law.status, law.notices) == ("recovered", ())
    assert law.tests["residual over noise"]["theta"] == pytest.approx(1, abs=0.1)
