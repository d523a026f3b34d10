"""Scores of densities on fields that are known exactly."""

import numpy as np
import pytest

from lagsym.data.lattice import FieldRecord, Lattice
from lagsym.law import Law
from lagsym.mechanics.jetspace import JetSpace
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


def test_a_density_without_a_motion_is_scored_as_broken(waves):
    found = validate_field(law(U_T**2 + SPEED**2 * U_X**2 + U**4), waves)
    assert found.scores["rollout_error"] > 1
