"""Trials: the right law leaves the noise, a wrong one does not, and the criterion ranks them."""

import numpy as np
import sympy as sp

from lagsym.data.derivatives import differentiate
from lagsym.data.trajectories import Segment, Trajectories
from lagsym.distillation.selection.candidates import Candidate
from lagsym.distillation.trial import Trial, attempt, not_beaten, winner

x, v = sp.Symbol("x", real=True), sp.Symbol("x_dot", real=True)
SPRING = Candidate((v**2 / 2, x**2), np.array([1.0, -0.4]), 2.0, 0.0, "data")
WRONG = Candidate((v**2 / 2, x**4), np.array([1.0, -0.3]), 2.0, 0.0, "data")


def test_the_right_law_leaves_noise_and_wins():
    t, generator = np.arange(0, 20, 0.05), np.random.default_rng(0)
    segments = [Segment(t, (a * np.sin(t) + 0.02 * generator.standard_normal(400))[:, None]) for a in (0.6, 1.0)]
    data = Trajectories(("x",), tuple(segments))
    right, wrong = (attempt(candidate, data, differentiate(data)) for candidate in (SPRING, WRONG))
    assert right is not None
    assert right.leaves_noise
    np.testing.assert_allclose(right.candidate.coefficients, [1.0, -0.5], atol=5e-3)
    assert wrong is None or not wrong.leaves_noise
    assert winner([trial for trial in (wrong, right) if trial is not None]) is right


def test_longer_windows_come_first_and_constants_cost():
    def trial(residual: float, window: float, constants: int) -> Trial:
        return Trial(SPRING, np.array([residual]), window, window == 2.0, 1000, constants)

    close, long, longer = trial(1.0, 1.0, 2), trial(1.01, 2.0, 2), trial(1.009, 2.0, 3)
    assert winner([close, longer, long]) is long
    # 2 N log(1.01 / 0.98) = 60 is worth a constant, which costs log 1000 = 7.
    better = trial(0.98, 2.0, 3)
    assert winner([long, better]) is better
    assert winner([]) is None
    assert not close.leaves_noise
    assert long.leaves_noise


def test_trials_on_different_numbers_of_samples_are_compared_at_the_fewest():
    few = Trial(SPRING, np.array([1.02]), 2.0, True, 1000, 2)
    many = Trial(SPRING, np.array([1.01]), 2.0, True, 6000, 2)
    assert many.criterion > few.criterion
    assert winner([few, many]) is many


def test_what_is_left_beyond_the_noise_counts_as_few_samples():
    def trial(residual: float, constants: int, windows: float = 10.0) -> Trial:
        return Trial(SPRING, np.array([residual]), 0.5, False, 500, constants, windows=windows)

    few, many = trial(4.0, 4), trial(3.93, 6)
    # As white noise 500 log (4 / 3.93)^2 = 18 would be worth two constants, which cost 2 log 500 = 12.
    assert many.criterion < few.criterion
    assert few.independent == 40
    assert winner([few, many]) is few
    clearly = trial(2.0, 6)
    assert clearly.independent == 125
    assert winner([few, clearly]) is clearly
    assert trial(4.0, 4, windows=1000.0).independent == 500


def test_a_law_so_precise_that_its_windows_stopped_growing_is_not_beaten_by_a_bad_one():
    precise = Trial(SPRING, np.array([1e-6]), 0.8, True, 1000, 2)
    bad = Trial(WRONG, np.array([4000.0]), 1.13, False, 1000, 2)
    assert winner([bad, precise]) is precise


def test_a_law_with_as_few_constants_that_does_nearly_as_well_is_not_excluded():
    def trial(residual: float, constants: int = 2, window: float = 2.0) -> Trial:
        return Trial(SPRING, np.array([residual]), window, window == 2.0, 1000, constants)

    best, near, same = trial(1.0), trial(1.004), trial(1.00001)
    far, longer, short = trial(1.02), trial(1.004, 3), trial(1.004, window=1.0)
    # 2 N log 1.004 = 8 is within 20, 2 N log 1.02 = 40 is not.
    assert not_beaten([best, near, same, far, longer, short], best) == (near,)


def test_a_law_whose_inertia_vanishes_on_the_way_is_none():
    t, generator = np.arange(0, 20, 0.05), np.random.default_rng(0)
    segments = [Segment(t, (a * np.sin(t) + 0.02 * generator.standard_normal(400))[:, None]) for a in (0.6, 1.0)]
    data = Trajectories(("x",), tuple(segments))
    singular = Candidate((x**2 * v**2 / 2, x**4), np.array([1.0, -0.5]), 2.0, 0.0, "data")
    assert attempt(singular, data, differentiate(data)) is None


def test_a_law_that_leaves_much_over_short_windows_is_not_tried_over_longer_ones():
    t, generator = np.arange(0, 20, 0.05), np.random.default_rng(0)
    noise = 1e-4 * generator.standard_normal((2, 400))
    segments = [Segment(t, (a * np.sin(t) + e)[:, None]) for a, e in zip((0.6, 1.0), noise, strict=True)]
    data = Trajectories(("x",), tuple(segments))
    smooth = differentiate(data)
    wrong, right = (attempt(candidate, data, smooth) for candidate in (WRONG, SPRING))
    assert wrong is not None
    assert right is not None
    assert wrong.window < 0.5 * smooth.characteristic_time < 1.5 * smooth.characteristic_time < right.window
    assert not wrong.leaves_noise
