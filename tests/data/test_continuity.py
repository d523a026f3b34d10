"""Residuals of conservation laws on currents that are known."""

import numpy as np
import pytest

from lagsym.data.continuity import continuity_residuals, total_drifts
from lagsym.data.grid_derivatives import differentiate
from lagsym.data.lattice import FieldRecord, Lattice
from lagsym.data.weak_fields import place_field_tests

T, X, Y = np.meshgrid(np.linspace(0, 6, 61), *[np.arange(32) * np.pi / 16] * 2, indexing="ij")


@pytest.fixture(scope="module")
def tests():
    record = FieldRecord(T[:, 0, 0], (X[0, :, 0], Y[0, 0]), np.sin(X + Y - T)[..., None])
    return place_field_tests(differentiate(Lattice(("u",), ("t", "x", "y"), (record,), (True, True))))


def current(speed=1.0):
    """What goes along x at speed one, and its flux."""
    return [{(0,): np.sin(X - T), (1,): speed * np.sin(X - T)}]


def test_what_is_conserved_leaves_nothing_and_what_is_not_its_share(tests):
    assert continuity_residuals(tests, {0: current()})[0] < 1e-6
    assert continuity_residuals(tests, {0: current(1.25)})[0] == pytest.approx(0.25, rel=1e-3)


def test_a_flux_may_be_given_as_a_derivative(tests):
    wave, phase = np.sin(X + Y - T), np.cos(X + Y - T)  # D_t wave = −phase = D_x D_y phase
    assert continuity_residuals(tests, {0: [{(0,): wave, (1, 2): -phase}]})[0] < 1e-6
    assert continuity_residuals(tests, {0: [{(0,): wave, (1, 2): phase}]})[0] == pytest.approx(2)


def test_a_momentum_that_hardly_is_there_is_measured_by_all(tests):
    rounding = [{(0,): 1e-16 * np.cos(7 * X * Y), (2,): np.sin(X - T)}]
    found = continuity_residuals(tests, {1: current(1.25), 2: rounding})
    assert found[1] == pytest.approx(0.25, rel=1e-3)
    assert found[2] < 1e-9


def test_drift_is_the_spread_over_time(tests):
    kept, growing = np.sin(X) + 1, np.sin(X) + 0.1 * np.sin(T)
    assert total_drifts(tests, {0: [kept]}, {0: [kept]}, (True, True))[0] < 1e-12
    spread = 0.1 * np.std(np.sin(T[:, 0, 0]))
    assert total_drifts(tests, {0: [growing]}, {0: [-2.0 * np.ones_like(T)]}, (True, True))[0] == pytest.approx(
        spread / 2
    )


def test_between_ends_an_end_stands_for_half_a_step(tests):
    """cos²(x) − ½ over a half wave has no mean, whatever it is times."""
    moving = np.cos(np.linspace(0, np.pi, 17))[:, None] ** 2 * np.cos(T[:, :1, :1]) - 0.5 * np.cos(T[:, :1, :1])
    found = (total_drifts(tests, {0: [moving]}, {0: [moving]}, (ends, True))[0] for ends in (False, True))
    assert next(found) < 1e-12
    assert next(found) > 0.05
