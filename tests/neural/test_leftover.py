"""What a network leaves over: known answers for its size, its error bars and whether it is noise."""

import dataclasses

import numpy as np
import pytest

from lagsym import systems
from lagsym.data.derivatives import differentiate
from lagsym.neural import FitOptions, fit, relative_error
from lagsym.neural.examples import Motion
from lagsym.neural.leftover import by_block, is_noise, leftover, log_ratio_error
from lagsym.simulation import simulate


def test_errors_that_vary_alike_cancel():
    hard = np.geomspace(1e-6, 1e-2, 10)
    assert log_ratio_error(1.21 * hard, hard) == pytest.approx(0, abs=1e-12)


def test_the_jackknife_is_the_standard_error_of_a_mean():
    """For ratios near one, ½ log(sum a / sum b) is half the mean of a less half that of b."""
    generator = np.random.default_rng(0)
    changes = 1e-4 * generator.standard_normal(10)
    expected = changes.std(ddof=1) / np.sqrt(10) / 2
    assert log_ratio_error(1 + changes, np.ones(10)) == pytest.approx(expected, rel=1e-3)
    assert log_ratio_error(np.ones(1), np.ones(1)) == 0


def test_what_follows_from_the_state_is_not_noise():
    generator = np.random.default_rng(0)
    inputs, others = generator.uniform(-1, 1, (2, 500, 3))
    noise, rest = generator.standard_normal((2, 500, 1))
    assert is_noise(inputs, noise, others, rest)
    assert not is_noise(inputs, noise + 3 * inputs[:, :1] ** 2, others, rest + 3 * others[:, :1] ** 2)
    assert not is_noise(inputs, noise * np.nan, others, rest)


def test_it_is_the_error_that_the_fit_was_judged_by(pendulum):
    train, choose = pendulum
    found = fit(train, choose, angles=(0,), options=FitOptions(width=6, steps=15))
    columns, left = leftover(found, choose)
    assert np.sqrt(np.mean(left**2)) == pytest.approx(relative_error(found.model, choose), rel=1e-12)
    expected = (found.model.read(choose).acceleration - choose.a) / np.sqrt(np.mean(choose.a**2))
    np.testing.assert_allclose(left, expected, atol=1e-12)
    assert len(columns) == len(left) == len(choose)
    assert by_block(left).sum() == pytest.approx(np.sum(left**2))
    turned = np.stack([np.sin(choose.q[:, 0]), np.cos(choose.q[:, 0]), choose.v[:, 0]], 1)
    # Columns are the state up to units and centres.
    across = np.corrcoef(np.concatenate([columns, turned], 1).T)[:3, 3:]
    np.testing.assert_allclose(across, np.corrcoef(turned.T), atol=1e-9)


def test_motion_is_judged_by_windows_in_the_middle_of_which_the_state_is_taken():
    data = simulate(systems.get("pendulum"), trajectories=4, span=4.0, step=0.02, seed=0)
    data = data.with_segments(dataclasses.replace(segment, a=None) for segment in data.segments)
    motion = Motion(data, differentiate(data))
    found = fit(motion, motion, angles=(0,), options=FitOptions(width=6, steps=15, loss="weak"))
    columns, left = leftover(found, motion)
    assert len(columns) == len(left) == len(motion.averages)
    middle = motion.averages
    assert np.corrcoef(columns[:, -1], middle.v[:, 0])[0, 1] == pytest.approx(1, abs=1e-9)
    by_acceleration = leftover(found, motion, loss="acceleration", most=50)[1]
    assert by_acceleration.shape == (50, 1)
    assert np.sqrt(np.mean(by_acceleration**2)) < 0.3
