import numpy as np
import pytest
import sympy as sp

from lagsym.data.derivatives import differentiate
from lagsym.data.splitting import split
from lagsym.data.trajectories import Segment
from lagsym.distillation.fitting.inner import numbers
from lagsym.distillation.fitting.refinement import Growth, refine
from lagsym.distillation.fitting.shooting import _reduced
from lagsym.distillation.selection.candidates import Candidate
from lagsym.distillation.trial import attempt
from lagsym.errors import InputError
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System
from lagsym.simulation import draw_parameters, simulate
from lagsym.systems import get

c, d = sp.symbols("c1 d1", real=True)
SPACE = JetSpace(("theta",))
(THETA,), (OMEGA,) = SPACE.positions, SPACE.velocities
LAW = OMEGA**2 / 2 + c * sp.cos(THETA)


def fitted(lagrangian, constants, initial, data, **friction):
    return refine(lagrangian, constants, np.array(initial), data, differentiate(data), **friction)


def pendulum(*, noise: float, seed: int, count: int = 6):
    system = get("pendulum").with_parameters({"m": 1.0, "l": 2.0, "g": 9.0})
    return simulate(system, trajectories=count, noise=noise, seed=seed, span=8.0, step=0.02)


def test_clean_data_give_the_constant_to_eight_digits():
    refined = fitted(LAW, (c,), [4.2], pendulum(noise=0.0, seed=0))
    assert refined.values[0] == pytest.approx(4.5, rel=1e-8)
    assert refined.converged


@pytest.mark.parametrize("unit", [1e-9, 1e11])
def test_errors_do_not_depend_on_the_unit(unit):
    """A constant of the unit of the coordinate beside a pure number, in nanometres and in metres between planets."""
    system = System("swing", SPACE, OMEGA**2 / 2 - THETA**2)
    start = (np.array([[1.0], [0.5]]), np.array([[0.0], [0.3]]))
    data = simulate(system, initial=start, noise=1e-3, span=10.0, step=0.05)
    scaled = data.with_segments(Segment(s.t, unit * s.q, None if s.v is None else unit * s.v) for s in data.segments)
    law = OMEGA**2 / 2 - c * (THETA - d) ** 2
    one, other = (fitted(law, (c, d), [0.9, 1e-3 * u], motion) for u, motion in ((1.0, data), (unit, scaled)))
    assert other.values == pytest.approx(one.values * [1, unit], rel=1e-4)
    assert other.standard_errors == pytest.approx(one.standard_errors * [1, unit], rel=1e-3)


@pytest.mark.slow
def test_standard_errors_cover_the_truth():
    scores = []
    for seed in range(12):
        refined = fitted(LAW, (c,), [4.4], pendulum(noise=0.02, seed=seed, count=3))
        scores.append((refined.values[0] - 4.5) / refined.standard_errors[0])
    assert np.sqrt(np.mean(np.square(scores))) < 2.0
    assert np.sqrt(np.mean(np.square(scores))) > 0.4


def test_close_encounters_do_not_hold_up_the_fit():
    # Starting states read off smoothed positions are so wrong here that the path after an encounter is another one.
    orbits = simulate(get("kepler_cartesian"), trajectories=8, noise=0.01, seed=1).positions_only()
    space = JetSpace(orbits.coordinates)
    (x, y), (u, w) = space.positions, space.velocities
    refined = fitted(u**2 / 2 + d * w**2 / 2 + c / sp.sqrt(x**2 + y**2), (d, c), [1.04, 0.97], orbits)
    truth = np.array([1.0, 1.0])
    assert refined.converged
    assert np.abs(refined.values - truth).max() < 5e-3
    assert (np.abs(refined.values - truth) < 4 * refined.standard_errors).all()


def test_friction_is_fitted_with_the_law():
    system = System("damped", SPACE, OMEGA**2 / 2 + 4.5 * sp.cos(THETA), dissipation=0.1 * OMEGA**2 / 2)
    data = simulate(system, initial=(np.array([[2.0]]), np.array([[0.0]])), noise=1e-3, span=20.0, step=0.02)
    refined = fitted(LAW, (c, d), [4.3, 0.05], data, dissipation=d * OMEGA**2 / 2)
    assert refined.values == pytest.approx([4.5, 0.1], rel=0.01)


def test_gaps_and_uneven_steps_do_no_harm():
    data = pendulum(noise=0.0, seed=1, count=2)
    keep = np.random.default_rng(0).uniform(size=len(data.segments[0])) < 0.8
    pieces = [Segment(s.t[keep], s.q[keep], s.v[keep], trajectory=s.trajectory) for s in data.segments]
    refined = fitted(LAW, (c,), [4.3], data.with_segments(pieces))
    assert refined.values[0] == pytest.approx(4.5, rel=1e-6)


def test_windows_and_samples_can_be_kept_few():
    data = pendulum(noise=0.01, seed=1)
    whole = fitted(LAW, (c,), [4.4], data)
    short = fitted(LAW, (c,), [4.4], data, growth=Growth(longest=0.4))
    few = fitted(LAW, (c,), [4.4], data, growth=Growth(samples=len(data) // 4))
    assert short.window == pytest.approx(whole.window / 4)
    assert few.window == whole.window
    assert few.windows <= whole.windows / 3
    assert short.standard_errors[0] > whole.standard_errors[0]


def test_windows_that_are_too_long_for_the_law_are_shortened_once():
    """Without its friction a pendulum is followed for 0.57 of its characteristic time, not for 0.8."""
    data = simulate(get("damped_pendulum"), trajectories=4, noise=0.01, seed=0, span=12.0, step=0.02)
    found = fitted(LAW, (c,), [9.0], data)
    assert found.window / differentiate(data).characteristic_time == pytest.approx(0.4 * 2**0.5)


@pytest.mark.slow
def test_windows_that_passed_a_close_encounter_wrong_are_freed() -> None:
    """Bound orbits with 5 % of noise, from constants a tenth off: the true law leaves the noise over long windows."""
    data = simulate(draw_parameters(get("relativistic_2d"), 1), noise=0.05, seed=1).positions_only()
    (x, y), (u, v) = (JetSpace(("x", "y")).positions, JetSpace(("x", "y")).velocities)
    kinetic = -sp.sqrt(1 - sp.Float(0.149) * (u**2 + v**2))
    terms = (kinetic, 1 / sp.sqrt(x**2 + y**2))
    near = Candidate(terms, np.array([1.0, 0.14]), 2.0, 0.0, "data", inner=numbers(terms))
    learn = split(data, seed=1).fit
    found = attempt(near, learn, differentiate(learn))
    assert found is not None
    assert found.leaves_noise


def test_a_motion_that_forgets_its_starting_state_has_a_finite_curvature():
    """Of the four numbers of a starting state only one combination matters in the end, and that by 1e60."""
    generator = np.random.default_rng(0)
    grown = generator.standard_normal((6, 1, 3, 2)) * np.array([1.0, -2.0, 0.5, 3.0])[None, :, None, None]
    by_state, by_constant = (
        1e60 * np.exp(np.linspace(0, 9, 6))[:, None, None, None] * grown,
        generator.standard_normal((6, 2, 3, 2)),
    )
    curvature = _reduced(by_state, by_constant, generator.standard_normal((6, 3, 2)))
    assert np.isfinite(curvature.matrix).all()
    assert np.all(np.linalg.eigvalsh(curvature.matrix) >= 0)
    assert curvature.scores.shape == (3, 2)
    by_state[0, 0, 0, 0] = np.inf
    with pytest.raises(InputError, match="cannot be integrated"):
        _reduced(by_state, by_constant, generator.standard_normal((6, 3, 2)))
