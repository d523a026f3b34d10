"""Terms chosen beside strong friction, and constants and friction settled from there."""

from functools import cache

import numpy as np
import pytest

from lagsym.data.derivatives import differentiate
from lagsym.distillation.choice import choose_beside_friction
from lagsym.distillation.constants.settling import settle
from lagsym.distillation.options import ChoiceOptions
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System
from lagsym.simulation import simulate

SPACE = JetSpace(("x", "y"))
(X, Y), (V, W) = SPACE.positions, SPACE.velocities
DAMPED = System(
    "damped",
    SPACE,
    (V**2 + W**2) / 2 - X**2 + X * Y / 2 - Y**2 / 2,
    dissipation=V**2 / 10,
    ranges=dict.fromkeys(("x", "y", "x_dot", "y_dot"), (-1.0, 1.0)),
    span=10.0,
    step=0.02,
)


@cache
def chosen(noise):
    data = simulate(DAMPED, trajectories=8, noise=noise, seed=0).positions_only()
    other = simulate(DAMPED, trajectories=3, noise=noise, seed=1).positions_only()
    smooth = differentiate(data)
    return choose_beside_friction(smooth, differentiate(other), data), data, smooth


@pytest.mark.parametrize("noise", [0.0, 1e-3])
def test_friction_does_not_hide_the_terms(noise):
    choice, _, _ = chosen(noise)
    assert set(choice.candidate.terms) == {V**2 / 2, W**2 / 2, X**2, X * Y, Y**2}
    assert choice.friction == (V**2 / 2, W**2 / 2, (V - W) ** 2 / 2)
    np.testing.assert_allclose(choice.trial.friction, [0.2, 0, 0], atol=1e-3)
    assert all(share > 0.9 for share in choice.stability.values())


@pytest.mark.parametrize("noise", [pytest.param(0.0, marks=pytest.mark.slow), 1e-3])
def test_what_settles_is_the_friction_that_there_is(noise):
    choice, data, smooth = chosen(noise)
    first = dict(zip(choice.friction, choice.trial.friction, strict=True))
    settled = settle(choice.candidate, data, smooth, window=choice.trial.window, friction=first)
    assert [term for _, term in settled.friction] == [V**2 / 2]
    assert settled.refined is not None
    assert settled.values[-1] == pytest.approx(0.2, abs=5 * settled.refined.standard_errors[-1])


def test_nothing_is_chosen_beside_friction_for_another_structure():
    data = differentiate(simulate(DAMPED, trajectories=2, seed=0).positions_only())
    assert choose_beside_friction(data, data, data, options=ChoiceOptions(structure="separable")) is None
