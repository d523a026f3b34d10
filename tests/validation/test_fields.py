"""Scores of densities on fields that are known exactly."""

from dataclasses import replace

import numpy as np
import pytest

from lagsym.data.lattice import FieldRecord, Lattice
from lagsym.discovery.field_judging import judge_field
from lagsym.law import Law
from lagsym.mechanics.jetspace import JetSpace
from lagsym.reporting import report_files
from lagsym.validation import validate_field

SPACE = JetSpace(("u",), ("t", "x"))
(U,), (U_T,), (U_X,) = SPACE.positions, SPACE.derivatives(0), SPACE.derivatives(1)
SPEED = 1.5


@pytest.fixture(scope="module")
def waves() -> Lattice:
    """Two waves that run through each other, u_tt = c² u_xx."""
    x, t = np.linspace(0, 2 * np.pi, 64, endpoint=False), np.linspace(0, 4, 161)

    def shape(z):
        return np.sin(z) + 0.4 * np.cos(2 * z)

    u = shape(x - SPEED * t[:, None]) + 0.6 * shape(x + SPEED * t[:, None] + 1)
    return Lattice(("u",), ("t", "x"), (FieldRecord(t, (x,), u[..., None]),), (True,))


def law(lagrangian) -> Law:
    return Law(("u",), lagrangian, base=("t", "x"))


def test_the_true_density_leaves_nothing(waves):
    found = validate_field(law(U_T**2 - SPEED**2 * U_X**2), waves)
    assert found.scores["weak_r2"] == pytest.approx(1, abs=1e-9)
    for name in ("rollout_error", "energy_drift", "energy_balance", "momentum_balance"):
        assert found.scores[name] < 1e-4, name
    assert found.measured.shape == found.predicted.shape == (len(found.t), len(found.x))
    assert np.abs(found.energy).max() < 1e-9


def test_a_wrong_speed_shows_in_every_score(waves):
    found = validate_field(law(U_T**2 - 1.2 * SPEED**2 * U_X**2), waves)
    assert found.scores["weak_r2"] < 0.999
    for name in ("rollout_error", "energy_drift", "energy_balance", "momentum_balance"):
        assert found.scores[name] > 1e-2, name


def test_an_angle_that_turns_around_a_ring_is_followed(waves):
    (record,) = waves.records
    turning = replace(record, u=record.u + 2 * record.axes[0][:, None] + 0.5 * record.t[:, None, None])
    density = law(U_T**2 - SPEED**2 * U_X**2)
    found = validate_field(density, replace(waves, records=(turning,), angles=frozenset({"u"})))
    assert found.scores["rollout_error"] < 1e-4
    assert np.abs(found.energy).max() < 1e-9


@pytest.mark.parametrize(
    ("density", "reason"),
    [
        (U_T * U_X / 2 + U_X**3 / 6, "at most 600 values on the grid for a density that is linear in u_t, got 640"),
        (U_T**2 - U_X**2 + SPACE.symbol(0, (0, 1)) ** 2, "to follow it in time; got u_tx"),
    ],
)
def test_a_density_that_cannot_be_followed_is_not_scored_for_it(density, reason):
    x, t = np.linspace(0, 2 * np.pi, 640, endpoint=False), np.linspace(0, 4, 41)
    data = Lattice(("u",), ("t", "x"), (FieldRecord(t, (x,), np.sin(x - t[:, None])[..., None]),), (True,))
    found = validate_field(law(density), data)
    assert "rollout_error" not in found.scores
    assert np.isnan(found.predicted).all()
    (notice,) = found.notices
    assert reason in notice
    judged = judge_field(law(density), found, data, data)
    assert judged.notices[-1] == notice
    assert "rollout_error" not in judged.scores
    assert {"fields.svg", "report.html"} <= set(report_files(law(density), found))


def test_a_density_without_a_motion_is_scored_as_broken(waves):
    found = validate_field(law(U_T**2 + SPEED**2 * U_X**2 + U**4), waves)
    assert found.scores["rollout_error"] > 1


@pytest.mark.parametrize(("tension", "least", "most"), [(1.0, 0.0, 1e-3), (1.2, 0.05, 1.0)])
def test_momentum_is_judged_along_every_direction_of_space(tension, least, most):
    """A wave along y alone: it has no momentum along x, which says nothing about the law."""
    space = JetSpace(("u",), ("t", "x", "y"))
    (u_t,), (u_x,), (u_y,) = (space.derivatives(mu) for mu in range(3))
    t, x = np.linspace(0, 4, 61), np.arange(16) * np.pi / 8
    u = np.sin(x - t[:, None]) + 0.4 * np.cos(2 * x + 2 * t[:, None])
    record = FieldRecord(t, (x, x), np.repeat(u[:, None, :, None], 16, axis=1))
    plane = Law(("u",), (u_t**2 - tension * (u_x**2 + u_y**2)) / 2, base=space.base)
    scores = validate_field(plane, Lattice(("u",), space.base, (record,), (True, True))).scores
    assert least <= scores["momentum_balance"] < most
    assert least <= scores["energy_balance"] < most
