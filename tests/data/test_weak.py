import numpy as np
import pytest

from lagsym.data.trajectories import Segment, Trajectories
from lagsym.data.weak import place_test_functions


def oscillator(pieces) -> Trajectories:
    segments = [Segment(t, np.sin(t)[:, None], np.cos(t)[:, None], -np.sin(t)[:, None]) for t in pieces]
    return Trajectories(("x",), tuple(segments))


def test_the_true_law_integrates_to_zero_and_a_wrong_one_does_not():
    data = oscillator([np.arange(0, 10, 0.02), np.arange(12, 15, 0.02)])
    functions = place_test_functions(data)
    jets = data.jets()
    true = functions.integrate(-jets.q, jets.v)
    wrong = functions.integrate(-1.1 * jets.q, jets.v)
    assert np.abs(true).max() < 1e-9
    assert np.abs(wrong).max() > 1e-3


def test_total_derivatives_integrate_to_zero_on_any_motion():
    data = oscillator([np.arange(0, 10, 0.02)])
    jets = data.jets()
    # F = q^3 / 3 gives L = q^2 v, whatever the motion is.
    average = place_test_functions(data).integrate(2 * jets.q * jets.v, jets.q**2)
    assert np.abs(average).max() < 1e-9


def test_no_function_straddles_a_gap():
    pieces = [np.arange(0, 4, 0.02), np.arange(5, 9, 0.02)]
    functions = place_test_functions(oscillator(pieces))
    assert [part.shape[1] for part in functions.values] == [len(piece) for piece in pieces]
    for part in functions.values:
        assert part[:, 0] == pytest.approx(0, abs=1e-12)
        assert part[:, -1] == pytest.approx(0, abs=1e-12)


def test_unit_integral_and_short_segments():
    functions = place_test_functions(oscillator([np.arange(0, 4, 0.02), np.arange(0, 0.3, 0.02)]))
    for part in functions.values:
        assert len(part) >= 1
        np.testing.assert_allclose(part.sum(axis=1), 1.0)
