"""Whether other laws fit as well: known ambiguities are seen, and laws that are determined are left alone."""

import pytest

from lagsym.data.derivatives import differentiate
from lagsym.distillation.identifiability import find_rivals
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
