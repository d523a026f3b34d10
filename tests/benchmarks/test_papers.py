"""The papers' comparisons run, keep their rows, and measure what they say."""

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # the benchmarks are no part of the package

from benchmarks.papers import hamiltonian_tasks, pendulums, record, relativity  # noqa: E402
from benchmarks.papers.__main__ import COMPARISONS, main  # noqa: E402
from benchmarks.papers.motion import follow  # noqa: E402
from lagsym.neural import STRUCTURES, Scaling  # noqa: E402
from lagsym.neural.examples import AccelerationExamples  # noqa: E402

TINY = record.Settings(seconds=0.2, size=0.01)
NAMES = [(comparison, row) for comparison in COMPARISONS for row in comparison.rows]
"""Of each kind of row one runs by default."""
FEW = {
    "double_pendulum": ("true equations", "plain perceptron 2 × 64, Adam"),
    "triple_pendulum": (),
    "relativity": ("special relativity: Hamiltonian, canonical momentum", "the paper's formula: separable"),
    "hamiltonian_tasks": ("spring: natural", "two bodies: natural"),
}


@pytest.mark.parametrize(
    ("comparison", "row"),
    [
        pytest.param(
            *pair, marks=() if pair[1] in FEW[pair[0].name] else pytest.mark.slow, id=": ".join([pair[0].name, pair[1]])
        )
        for pair in NAMES
    ],
)
def test_every_row_gives_numbers_of_its_columns(comparison, row):
    values = comparison.rows[row](TINY)
    assert set(values) <= set(comparison.columns)
    assert all(value >= 0 for value in values.values())  # which NaN is not
    assert values or row.startswith("real pendulum")


@pytest.fixture
def counted():
    calls = []
    rows = {name: lambda settings, name=name: calls.append(name) or {"x": len(calls) / settings.size} for name in "ab"}
    return record.Comparison("toy", "Toy", "What it is.", {"x": ".1f", "y": ".0f"}, rows), calls


def test_rows_are_kept_and_made_again_only_where_asked_for(counted, tmp_path):
    comparison, calls = counted
    record.run(comparison, record.Settings(), tmp_path, ["b"])
    record.run(comparison, record.Settings(), tmp_path)
    assert calls == ["b", "a"]
    record.run(comparison, record.Settings(), tmp_path)
    assert calls == ["b", "a"]
    record.run(comparison, record.Settings(seed=1), tmp_path, ["a"])
    record.run(comparison, record.Settings(), tmp_path, ["b"], again=True)
    assert calls == ["b", "a", "a", "b"]
    assert {name: row.values["x"] for name, row in record.read(comparison, tmp_path).items()} == {"a": 3.0, "b": 4.0}


def test_the_table_shows_every_row_with_its_settings_and_revision(counted, tmp_path):
    comparison, _ = counted
    record.run(comparison, record.Settings(), tmp_path)
    record.run(comparison, dataclasses.replace(record.Settings(), size=0.5), tmp_path, ["a"])
    text = record.write([comparison], tmp_path).read_text()
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert lines[0] == "|  | x | y | CPU s | revision |"
    assert lines[2].startswith("| a (Settings(seconds=None, size=0.5, seed=0)) | 6.0 |  | 0 | ")
    assert lines[3].startswith("| b | 2.0 |  | 0 | ")
    assert "What it is." in text
    assert record.shown(np.inf, ".1f") == "ran away"


def test_from_the_command_line_the_tables_of_some_rows_are_written(tmp_path, capsys):
    arguments = ["--only", "double_pendulum", "--rows", "true equations", "--size", "0.01", "--results", str(tmp_path)]
    assert main(arguments) == 0
    assert "true equations" in (tmp_path / "papers.md").read_text()
    assert not (tmp_path / "papers" / "relativity.json").exists()
    assert str(tmp_path / "papers.md") in capsys.readouterr().out


# -------------------------------------------------------------------------------------------- what is measured


def test_energy_that_a_law_loses_is_measured():
    """Friction in the place of a network: the drift is the energy that it takes."""

    def slowed(q, v):
        return pendulums.DOUBLE.mechanics.acceleration(0.0, q, v) - 0.5 * v

    true = pendulums.DOUBLE.true()(TINY)
    lossy = pendulums.DOUBLE.drift(slowed, TINY)
    assert true["mean drift, %"] < 1e-6
    assert 1.0 < lossy["mean drift, %"] < lossy["worst, %"] < 200.0


@pytest.mark.parametrize("swing", [hamiltonian_tasks.SPRING, hamiltonian_tasks.PENDULUM])
def test_the_true_law_keeps_the_energy_and_a_wrong_one_does_not(swing):
    settings = record.Settings(size=0.2)
    exact = swing.errors(swing.acceleration, settings)
    wrong = swing.errors(lambda q, v: 1.1 * swing.acceleration(q, v), settings)
    assert exact["energy MSE"] < 1e-18
    assert 1e-4 < wrong["energy MSE"] < 1e-1
    q, v = np.array([[0.3]]), np.array([[0.8]])
    step = 1e-5
    slope = (swing.potential(q + step) - swing.potential(q - step)) / (2 * step)
    # with p = v / 2, dH/dt = 2 p p' + V' v must vanish
    np.testing.assert_allclose(2 * (v / 2) * (swing.acceleration(q, v) / 2) + slope * v, 0, atol=1e-9)


def test_a_row_of_the_swings_is_the_median_of_several_draws():
    """With errors 1, 2, 4, ... in the place of networks, from draws that no other seed has."""
    seeds = []

    @dataclasses.dataclass(frozen=True)
    class Counted(hamiltonian_tasks.Swing):
        def drawn(self, structure, settings):
            assert structure == "separable"
            seeds.append(settings.seed)
            return {"held-out error": 1.0, "energy MSE": 2.0 ** (settings.seed % 5)}

    spring = Counted(**vars(hamiltonian_tasks.SPRING))
    for seed in (0, 1):
        values = spring.network("separable")(record.Settings(seed=seed))
        assert values["energy MSE"] == 4.0
        assert values["worst"] == 16.0
        assert values["published HNN"] == hamiltonian_tasks.SPRING.published[1]
    assert len(set(seeds)) == 10


def test_data_of_the_swings_have_noisy_positions_and_clean_velocities():
    data = hamiltonian_tasks.SPRING.seen(record.Settings())
    assert len(data.segments) == 25
    assert {len(segment) for segment in data.segments} == {30}
    noise = []
    for segment in data.segments:
        waves = np.stack([np.cos(2 * segment.t), np.sin(2 * segment.t)], 1)
        for values, wanted in ((segment.v, 1e-6), (segment.q, 1.0)):
            rest = values[:, 0] - waves @ np.linalg.lstsq(waves, values[:, 0], rcond=None)[0]
            assert rest.std() < wanted
        noise.append(rest.std())
    assert np.mean(noise) == pytest.approx(0.1, rel=0.1)


def test_the_constants_of_motions_are_found_with_the_law():
    """With the true law in the network's place the positions come out, but for a common constant."""
    swing = hamiltonian_tasks.PENDULUM
    clean = dataclasses.replace(swing)
    object.__setattr__(clean, "NOISE", 0.0)
    truth, noisy = (one.seen(record.Settings()) for one in (clean, swing))

    class Truth:
        def acceleration(self, q, v):
            return torch.from_numpy(swing.acceleration(q.numpy(), v.numpy()))

    data = hamiltonian_tasks.steadied(noisy)
    apart = [np.array([float((a.q - b.q).mean()) for a, b in zip(data.segments, truth.segments, strict=True)])]
    for _ in range(3):
        data = hamiltonian_tasks.shifted(data, Truth())
        apart.append(np.array([float((a.q - b.q).mean()) for a, b in zip(data.segments, truth.segments, strict=True)]))
    assert apart[0].std() == pytest.approx(0.1 / np.sqrt(45), rel=0.5)
    assert apart[-1].std() < 0.05 * apart[0].std()
    assert apart[-1].mean() == pytest.approx(apart[0].mean())
    for one, other in zip(data.segments, truth.segments, strict=True):
        np.testing.assert_allclose(one.q - one.q.mean(), other.q - other.q.mean(), atol=1e-3)


def test_two_bodies_keep_their_energy_and_their_centre():
    data = hamiltonian_tasks.orbits(np.random.default_rng(0), 3, np.linspace(0, 20, 50))
    for segment in data.segments:
        energy = hamiltonian_tasks.orbital_energy(segment.q, segment.v)
        np.testing.assert_allclose(energy, energy[0], rtol=1e-7)
        np.testing.assert_allclose(segment.q[:, :2], -segment.q[:, 2:], atol=1e-6)
        apart = np.linalg.norm(segment.q[:, 2:] - segment.q[:, :2], axis=1)
        assert 0.5 < apart.min() / apart.max() < 0.99  # nearly, but not quite, a circle


@pytest.mark.parametrize("law", relativity.LAWS.values(), ids=list(relativity.LAWS))
def test_momentum_grows_by_the_field(law):
    data = law.motion(4, 0)
    for segment in data.segments:
        momentum = law.momentum(segment.v)[:, 0]
        np.testing.assert_allclose(momentum - momentum[0], segment.parameters[0] * segment.t, atol=1e-7)
    assert relativity.displacement_error(np.stack([s.q for s in data.segments], 1), data) == 0
    still = np.stack([np.broadcast_to(s.q[:1], s.q.shape) for s in data.segments], 1)
    assert relativity.displacement_error(still, data) == pytest.approx(1.0)


def test_a_plateau_does_not_end_the_training_of_the_relativistic_particle(monkeypatch):
    monkeypatch.setattr("lagsym.neural.training.error", lambda model, examples: 1.0)
    jets = relativity.LAWS["special relativity"].motion(8, 0).jets()
    model = STRUCTURES["separable"](Scaling.of(jets), width=4, seed=0)
    examples = AccelerationExamples.of(jets, model)
    made = relativity.training(model, examples, examples, 0, 300)
    assert made.run() == "steps"
    assert made.step == 300


def test_motion_that_runs_away_is_held_and_disturbs_no_other():
    q, v = np.array([[1.0], [0.0]]), np.array([[1.0], [0.3]])

    def acceleration(q, v):
        return np.where(np.abs(q) > 0.9, 50 * q**3, -q)

    found = follow(acceleration, q, v, np.linspace(0, 5, 3))
    assert found is not None
    assert found[1][1:, 0] == pytest.approx(100, rel=1e-3)
    assert found[0][2, 0] == found[0][1, 0]
    assert found[0][:, 1, 0] == pytest.approx(0.3 * np.sin([0, 2.5, 5]), abs=1e-8)
