"""Resampling: terms that every trajectory shows are always chosen, one that a single trajectory shows is not."""

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import solve_ivp

from lagsym.data.trajectories import Segment, Trajectories
from lagsym.distillation.selection.candidates import Candidate, smallest_enough
from lagsym.distillation.selection.stability import resample

x, v = sp.Symbol("x", real=True), sp.Symbol("x_dot", real=True)


def motion(frequencies) -> Trajectories:
    t = np.arange(0, 12, 0.02)
    segments = [
        Segment(t, np.sin(w * t)[:, None], w * np.cos(w * t)[:, None], -(w**2) * np.sin(w * t)[:, None], str(k))
        for k, w in enumerate(frequencies)
    ]
    return Trajectories(("x",), tuple(segments))


def candidate(*terms: sp.Expr) -> Candidate:
    return Candidate(terms, np.ones(len(terms)), float(len(terms)), 0.0, "data")


SHORT, LONG = candidate(v**2 / 2, x**2), candidate(v**2 / 2, x**2, x**4)


def test_terms_of_the_law_are_chosen_from_every_resample():
    found = resample((SHORT, LONG), motion([1.0] * 6), replicates=40)
    assert found.usual is SHORT
    assert found.share == 1.0
    assert found.frequencies == {v**2 / 2: 1.0, x**2: 1.0, x**4: 0.0}


def test_a_term_that_one_trajectory_asks_for_is_chosen_as_often_as_it_is_drawn():
    """The wide swing of x'' = -x - x^3 is drawn in 1 - (5/6)^6 = 67 % of the resamples; the small ones are harmonic."""
    t = np.arange(0, 12, 0.02)
    solution = solve_ivp(
        lambda _, y: [y[1], -y[0] - y[0] ** 3], (0, 12), [1.0, 0.0], "DOP853", t, rtol=1e-12, atol=1e-12
    )
    q, v_ = solution.y[:, :, None]
    small = motion([1.0] * 5)
    harmonic = [replace(s, q=1e-3 * s.q, v=1e-3 * s.v, a=1e-3 * s.a) for s in small.segments]
    data = small.with_segments([*harmonic, Segment(t, q, v_, -q - q**3, "wide")])
    found = resample((SHORT, LONG), data, replicates=300)
    assert found.frequencies[x**2] == 1.0
    assert found.frequencies[x**4] == pytest.approx(1 - (5 / 6) ** 6, abs=0.1)


def test_one_record_is_resampled_in_stretches_and_seeds_repeat():
    one = resample((SHORT, LONG), motion([1.0]), replicates=20, seed=3)
    assert one == resample((SHORT, LONG), motion([1.0]), replicates=20, seed=3)
    assert one.usual is SHORT


def test_a_size_is_enough_when_larger_ones_gain_little():
    losses = {2: 0.2, 3: 1e-3, 4: 9e-4, 5: 8e-4}
    assert smallest_enough(losses, factor=3.0, floor=0.0) == 3
    assert smallest_enough(losses, factor=1.1, floor=0.0) == 5
    assert smallest_enough(losses, factor=3.0, floor=0.0, ceiling=1e-4) is None
    assert smallest_enough({}, factor=3.0, floor=0.0) is None
