import numpy as np
import pytest

from lagsym.data.derivatives import (
    choose_window,
    differentiate,
    local_polynomial,
    noise_level,
    velocity_bias,
)
from lagsym.data.trajectories import Segment, Trajectories


def one(t, q, v=None) -> Trajectories:
    return Trajectories(("x",), (Segment(t, q[:, None], None if v is None else v[:, None]),))


@pytest.mark.parametrize("even", [True, False])
def test_a_quintic_is_reproduced_with_its_derivatives_on_any_sampling(even):
    t = np.linspace(0, 2, 60) if even else np.sort(np.random.default_rng(0).uniform(0, 2, 60))
    polynomial = np.polynomial.Polynomial([1.0, -2.0, 0.5, 3.0, -1.0, 0.7])
    fit = local_polynomial(t, polynomial(t), 13, t)
    np.testing.assert_allclose(fit.value, polynomial(t), atol=1e-9)
    np.testing.assert_allclose(fit.first, polynomial.deriv()(t), atol=1e-7)
    np.testing.assert_allclose(fit.second, polynomial.deriv(2)(t), atol=1e-5)


def test_noise_widens_the_window_and_clean_data_keep_the_shortest():
    t = np.arange(0, 20, 0.02)
    clean = np.sin(t)
    noisy = clean + 0.01 * np.random.default_rng(0).standard_normal(len(t))
    assert choose_window(t, noisy) > choose_window(t, np.sin(40 * t))
    assert choose_window(t, np.sin(40 * t)) == 7


@pytest.mark.parametrize("samples", [101, 201])
def test_chance_shortens_no_window_of_a_short_record(samples):
    """Noise alone asks for the longest window; in so few samples its level is uncertain to a tenth."""
    t = np.linspace(0, 1, samples)
    generator = np.random.default_rng(0)
    windows = np.array([choose_window(t, generator.normal(size=samples)) for _ in range(200)])
    assert np.mean(windows < windows.max() / 2) < 0.02


@pytest.mark.parametrize("level", [1e-4, 1e-2])
def test_noise_level_is_right_to_a_fifth(level):
    t = np.arange(0, 40, 0.02)
    noisy = np.sin(t) + level * np.random.default_rng(1).standard_normal(len(t))
    assert noise_level(one(t, noisy))[0] == pytest.approx(level, rel=0.2)


def test_accelerations_from_positions_and_from_velocities():
    t = np.arange(0, 10, 0.01)
    for v in (None, np.cos(t)):
        smooth = differentiate(one(t, np.sin(t), v)).segments[0]
        np.testing.assert_allclose(smooth.a[5:-5, 0], -np.sin(t)[5:-5], atol=2e-4)
        np.testing.assert_allclose(smooth.v[5:-5, 0], np.cos(t)[5:-5], atol=1e-6)


def test_uneven_segments_come_out_even():
    t = np.arange(200) * 0.01
    t = np.delete(t, [50, 120])
    smooth = differentiate(one(t, np.sin(t))).segments[0]
    assert np.ptp(np.diff(smooth.t)) < 1e-12
    np.testing.assert_allclose(smooth.q[:, 0], np.sin(smooth.t), atol=1e-7)


def test_characteristic_time_is_the_period():
    t = np.arange(0, 30, 0.05)
    assert one(t, np.sin(2 * t), 2 * np.cos(2 * t)).characteristic_time == pytest.approx(np.pi, rel=0.03)


@pytest.mark.parametrize("factor", [0.95, 1.0, 1.05])
def test_velocity_bias_is_seen_through_noise_and_not_made_up_by_it(factor):
    t = np.arange(0, 30, 0.02)
    noise = 0.01 * np.random.default_rng(2).standard_normal((2, len(t)))
    bias = velocity_bias(one(t, np.sin(t) + noise[0], factor * np.cos(t) + noise[1]))[0]
    assert bias == pytest.approx(factor, abs=5e-3)
