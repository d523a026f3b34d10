"""The benchmarks of fields measure what they say, on small grids."""

import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))  # the benchmarks are no part of the package

import field_recovery  # noqa: E402
import fields  # noqa: E402
from processes import alone  # noqa: E402

from lagsym.data.grid_derivatives import differentiate  # noqa: E402
from lagsym.law import Constant, Law  # noqa: E402
from lagsym.mechanics.jetspace import JetSpace  # noqa: E402


def row(system, noise, deviation, *, recovered=True):
    """A run whose only constant, 2 ± 0.1, is so many standard errors off."""
    constant = {"term": "u_x**2", "value": 2 + 0.1 * deviation, "standard_error": 0.1, "true": 2.0}
    return {
        "system": system,
        "noise": noise,
        "seed": 0,
        "evidence": "both",
        "revision": "r",
        "seconds": 3.0,
        "recovered": recovered,
        "status": "recovered",
        "verdict": "gauge-equivalent",
        "lagrangian": "u_t**2",
        "p_value": 0.5,
        "constants": [constant],
    }


def test_intervals_are_counted_by_noise_over_the_laws_that_count():
    rows = [row("phi4", 0.01, d) for d in (0.0, -1.5, 3.0, 1.0)] + [row("phi4", 0.05, -2.5)]
    table = field_recovery.coverage([*rows, row("phi4", 0.01, 9.0, recovered=False)]).splitlines()
    assert table[2].startswith("| 1% | 3 of 4 (75%) | 1.75 | 3.0 |")
    assert table[3].startswith("| 5% | 0 of 1 (0%) | 2.50 | 2.5 |")


def test_the_summary_shows_the_worst_of_what_counts_and_what_the_rest_ended_with():
    rows = [row("phi4", 0.0, 1.0), row("phi4", 0.0, -4.0), row("phi4", 0.0, 9.0, recovered=False)]
    line = field_recovery.summary(rows).splitlines()[2]
    assert "| 2 of 3 | 2e-01 | 4.0 |" in line
    assert "`u_t**2`" in line


def test_constants_are_listed_with_their_terms():
    space = JetSpace(("u",), ("t", "x"))
    (u,), (rate,), (slope,) = space.positions, space.derivatives(0), space.derivatives(1)
    law = Law(("u",), None, (Constant("c1", -2.0, 0.1), Constant("c2", 3.0)), base=("t", "x"))
    first, second = law.values
    found = field_recovery.constants(
        Law(("u",), rate**2 / 2 + first * slope**2 / 2 + second * u**4, law.constants, base=("t", "x")), {"c1": -2.5}
    )
    assert [(c["term"], c["value"], c["true"]) for c in found] == [("u_x**2/2", -2.0, -2.5), ("u**4", 3.0, None)]


@pytest.mark.parametrize("name", field_recovery.OPEN)
def test_open_fields_move_in_one_way_only(name):
    smooth = differentiate(field_recovery.open_data(name, 0.0, 0))
    jets = smooth.jets(samples=500)
    by_t, by_x = jets.du[:, 0, 0], jets.du[:, 1, 0]
    speed = {"uniform oscillation": None, "kinks of one speed": 0.5, "one-way wave": 1.2}[name]
    if speed is None:
        np.testing.assert_allclose(by_x, 0, atol=1e-9)
        np.testing.assert_allclose(jets.ddu[:, 0, 0], -(1.3**2) * jets.u, atol=1e-3)
    else:
        np.testing.assert_allclose(by_t, -speed * by_x, atol=2e-3 * np.abs(by_t).max())


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # newer Pythons warn where there are threads
def test_a_measurement_alone_tells_memory_and_failures():
    grown = alone(lambda: {"sum": float(np.ones(8_000_000).sum())}, 60.0)
    assert grown["sum"] == 8e6
    assert 50 < float(str(grown["grown_mb"])) < 100
    assert "ZeroDivisionError" in str(alone(lambda: {"x": 1 / 0}, 60.0)["failure"])
    assert "stopped" in str(alone(endless, 0.0)["failure"])


def endless():
    while True:
        pass


@pytest.mark.parametrize("step", ["batch", "all", "gradient"])
@pytest.mark.parametrize("network", [fields.density_step, fields.graph_step])
def test_steps_that_see_every_site_have_as_many_examples_as_the_grid(network, step, monkeypatch):
    monkeypatch.setattr(fields, "LONG_ENOUGH", 0.0)
    monkeypatch.setattr(fields, "SPAN", 2.0)
    sites = [32, 64]
    counts = [partial(network, step)(fields.fields(size))["examples"] for size in sites]
    assert step == "batch" or counts == [fields.SNAPSHOTS * size for size in sites]
    assert min(counts) > 0


def test_the_table_of_costs_has_ratios_to_the_smallest_grid():
    name = next(iter(fields.STEPS))
    rows = [{"step": name, "sites": n, "seconds": 0.5 * n, "grown_mb": 3, "revision": "r"} for n in (64, 256)]
    lines = fields.table([*rows, {"step": name, "sites": 1024, "failure": "stopped", "revision": "r"}]).splitlines()
    assert lines[2] == f"| {name} | CPU s | 32 | 128 (4.0) | stopped |"
    assert lines[4] == "| goal: no more than |  | 1 | 4 | 16 |"
