"""Noise: how much of it a column gets."""

import numpy as np
import pytest

from lagsym.data.noise import add_noise


def test_noise_is_relative_to_each_column_and_an_angle_that_goes_round_spreads_no_further():
    exact = np.stack([np.linspace(0, 50, 20_000), np.linspace(0, 50, 20_000), np.linspace(-0.1, 0.1, 20_000)], axis=1)
    angles = np.array([False, True, True])
    left = add_noise(exact, 0.01, np.random.default_rng(0), angles) - exact
    assert left.std(axis=0) == pytest.approx([0.01 * exact[:, 0].std(), 0.01, 0.01 * exact[:, 2].std()], rel=0.03)
    assert abs(left.mean(axis=0) / left.std(axis=0)).max() < 0.03
