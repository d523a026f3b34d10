"""Accelerations averaged over windows of noisy positions, against those of the motion that made them."""

import numpy as np
import pytest

from lagsym.data.trajectories import Segment, Trajectories
from lagsym.errors import DataError
from lagsym.neural.graphs import Averages, average_accelerations, observed, without_sudden_turns

STEP = 0.02


def swinging(records=4, samples=51, noise=0.0, kick=None):
    """Two nodes that swing by themselves, q'' = -4 q and -9 q; the first record may turn back at one sample."""
    generator, segments = np.random.default_rng(0), []
    t, frequency = STEP * np.arange(samples), np.array([2.0, 3.0])
    for record in range(records):
        phase = generator.uniform(0, 2 * np.pi, 2)
        time = np.abs(t - STEP * kick) if kick is not None and record == 0 else t
        q = np.cos(frequency * time[:, None] + phase)
        segments.append(Segment(t, q + noise * generator.standard_normal(q.shape), trajectory=str(record)))
    return Trajectories(("u1", "u2"), tuple(segments))


def misfit(averages):
    """Of the averages of -omega^2 q, relative."""
    expected = averages.average(-np.array([4.0, 9.0])[:, None] * averages.q)
    return np.sqrt(np.mean((expected - averages.acceleration) ** 2) / np.mean(expected**2))


def test_averages_are_those_of_the_accelerations():
    averages = average_accelerations(swinging())
    assert misfit(averages) < 1e-4
    np.testing.assert_allclose(averages.value.sum(1), 1.0)
    # Windows are the narrowest: eight samples to either side, of which fifteen are inside.
    assert averages.group == 15
    assert set(np.diff(averages.index, axis=1).ravel()) == {1}


def test_noise_widens_the_windows_until_little_of_it_is_left():
    few, more = (average_accelerations(swinging(noise=noise)) for noise in (1e-3, 1e-2))
    assert len(few) == 4 * 35  # one around every sample that has eight to either side
    assert len(more) < len(few) / 4
    assert max(misfit(few), misfit(more)) < 0.05


def test_no_window_holds_a_sample_of_two_records():
    averages = average_accelerations(swinging(records=3, noise=1e-2))
    # Every record has 51 samples.
    assert np.all(averages.index.min(1) // 51 == averages.index.max(1) // 51)


@pytest.mark.parametrize("noise", [0.0, 1e-3])
def test_a_sudden_turn_is_left_out_with_the_samples_around_it(noise):
    data = swinging(noise=noise, kick=22)
    whole = without_sudden_turns(data)
    first = [segment for segment in whole.segments if segment.trajectory == "0"]
    assert len(first) == 2
    assert all(len(segment) >= 17 for segment in first)
    assert first[0].t[-1] < 22 * STEP < first[1].t[0]
    assert len(whole.segments) == 5
    averages = average_accelerations(data)
    assert misfit(averages) < 0.08
    assert len(averages) > 7


def test_trajectories_with_accelerations_are_taken_at_their_word():
    data = swinging(records=1)
    (segment,) = data.segments
    a = np.ones_like(segment.q)
    known = data.with_segments([Segment(segment.t, segment.q, np.zeros_like(a), a)])
    seen = observed(known)
    np.testing.assert_array_equal(seen.acceleration[..., 0], a)
    assert seen.group == 1
    assert observed(seen) is seen


def test_some_of_the_windows_keep_their_samples():
    averages = average_accelerations(swinging(noise=1e-3))
    some = averages.take(np.array([5, 1]))
    assert isinstance(some, Averages)
    np.testing.assert_array_equal(some.q[some.index], averages.q[averages.index[[5, 1]]])
    np.testing.assert_array_equal(some.average(some.v), averages.average(averages.v)[[5, 1]])
    assert len(some.q) <= 30


def test_refuses_records_that_are_too_short():
    with pytest.raises(DataError, match="at least 17 samples"):
        average_accelerations(swinging(samples=16))
