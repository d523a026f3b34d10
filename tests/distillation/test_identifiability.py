"""Whether other laws fit as well: known ambiguities are seen, and laws that are determined are left alone."""

import numpy as np
import pytest

from lagsym.data.derivatives import differentiate
from lagsym.distillation.identifiability import Rival, find_rivals, not_excluded
from lagsym.distillation.selection.candidates import Candidate
from lagsym.distillation.trial import attempt
from lagsym.mechanics.jetspace import JetSpace
from lagsym.simulation import draw_parameters, simulate
from lagsym.systems import get


def rivals(name: str, *, trajectories: int, noise: float = 0.0, multipliers: int = 1, structure: str = "natural"):
    system = draw_parameters(get(name), 0)
    learn = differentiate(simulate(system, seed=0, trajectories=trajectories, noise=noise, span=8.0))
    return find_rivals(system.numeric_lagrangian, structure, learn, multipliers=multipliers)


def test_one_orbit_cannot_tell_a_centrifugal_term():
    """Along one orbit r^2 phi_dot is constant, so that 1/r^2 and r^2 phi_dot^2 differ by a number."""
    found = rivals("kepler", trajectories=1, noise=1e-3)
    assert ("r**(-2)", None) in {(str(rival.term), rival.replaces) for rival in found}


@pytest.mark.parametrize("noise", [1e-3, 1e-2])
@pytest.mark.parametrize("name", ["pendulum", "kepler", "henon_heiles"])
def test_several_trajectories_determine_the_law(name, noise):
    assert rivals(name, trajectories=5, noise=noise) == ()


def test_other_lagrangians_of_the_same_motion_are_no_rivals():
    """Springs allow v1 v2 - ... beside v1^2 and v2^2; a cart with a pole the square of its conserved momentum."""
    assert rivals("coupled_oscillators", trajectories=5, noise=1e-3, multipliers=2) == ()
    assert rivals("cart_pole", trajectories=8, noise=1e-3) == ()


def test_two_lagrangians_of_the_same_motion_are_rivals_where_only_one_is_expected():
    found = rivals("coupled_oscillators", trajectories=5, noise=1e-3, multipliers=1)
    assert not found or all(str(rival.term) == "x1_dot*x2_dot" for rival in found)


def test_segments_in_which_noise_exceeds_the_speed_limit_are_left_out():
    system = draw_parameters(get("lnn_relativistic"), 0)
    learn = differentiate(simulate(system, seed=0, noise=3e-3).positions_only())
    beyond = [bool(np.abs(segment.v).max() > 1) for segment in learn.segments]
    assert any(beyond)
    left = learn.with_segments(s for s, out in zip(learn.segments, beyond, strict=True) if not out)
    found = find_rivals(system.numeric_lagrangian, "separable", learn)
    assert [rival.term for rival in found] == [
        rival.term for rival in find_rivals(system.numeric_lagrangian, "separable", left)
    ]
    none = learn.with_segments(s for s, out in zip(learn.segments, beyond, strict=True) if out)
    assert find_rivals(system.numeric_lagrangian, "separable", none) == ()


def test_the_motion_excludes_rivals_that_smoothing_allows():
    """At 5 % of noise the weak form takes r_dot^2 / r for r_dot^2; the motion does not."""
    system = draw_parameters(get("kepler"), 0)
    measured = simulate(system, seed=1, trajectories=3, noise=0.05, span=30.0).positions_only()
    smooth = differentiate(measured)
    space = JetSpace(("r", "phi"))
    (r, _), (u, w) = space.positions, space.velocities
    terms = (u**2 / 2, r**2 * w**2 / 2, 1 / r)
    strength = float(system.numeric_lagrangian.coeff(1 / r) / system.numeric_lagrangian.coeff(u**2) / 2)
    law = attempt(Candidate(terms, np.array([1.0, 1.0, strength]), 3.0, 0.0, "data"), measured, smooth)
    assert law is not None
    assert law.leaves_noise
    wrong = Rival(u**2 / r / 2, u**2 / 2, 1.0, (u**2 / r / 2, terms[1], terms[2]), (1.0, 1.0, strength))
    itself = Rival(terms[0], None, 1.0, terms, (1.0, 1.0, strength))
    beside = Rival(u**2 / r / 2, None, 1.0)
    assert not_excluded((wrong, beside), law, measured, smooth) == (beside,)
    assert not_excluded((wrong, itself), law, measured, smooth) == (wrong, itself)
    assert not_excluded((wrong,), None, measured, smooth) == (wrong,)
