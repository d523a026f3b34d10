import numpy as np
import pytest

from lagsym.data.derivatives import differentiate, velocity_bias
from lagsym.data.trajectories import Segment, Trajectories


def one(t, q, v=None) -> Trajectories:
    return Trajectories(("x",), (Segment(t, q[:, None], None if v is None else v[:, None]),))


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
