"""Paths: steps that are as fine as the scale asks for, samples between them, measured forces, motions that end."""

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import solve_ivp

from lagsym.data.derivatives import differentiate
from lagsym.data.trajectories import Segment, Trajectories
from lagsym.distillation.fitting.paths import Mesh, choose_mesh, find_mesh, positions, sample_times
from lagsym.distillation.fitting.windows import Windows, cut
from lagsym.mechanics.dynamics.numeric import CompiledMechanics, compile_mechanics
from lagsym.mechanics.jetspace import JetSpace

NONE = np.array([])


def windows_of(t: np.ndarray, state: np.ndarray) -> Windows:
    """Windows with these states at their starts; what was measured does not matter."""
    n, count = state.shape[1] // 2, len(state)
    q = np.ones((len(t), count, n))
    steps = np.tile(np.diff(t)[:, None], (1, count))
    return Windows(np.full(count, t[0]), steps, q, np.ones((len(t), count)), state, None)


def kepler() -> CompiledMechanics:
    space = JetSpace(("x", "y"))
    (x, y), (u, v) = space.positions, space.velocities
    return compile_mechanics((u**2 + v**2) / 2 + 1 / sp.sqrt(x**2 + y**2), space)


def orbit(state: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Positions on a Kepler orbit by a general integrator."""

    def rate(_: float, s: np.ndarray) -> np.ndarray:
        return np.concatenate([s[2:], -s[:2] / np.hypot(s[0], s[1]) ** 3])

    return solve_ivp(rate, t[[0, -1]], state, method="Radau", t_eval=t, rtol=1e-12, atol=1e-14).y[:2].T


@pytest.mark.parametrize("scale", [1e-2, 1e-5])
def test_a_path_is_as_exact_as_the_scale_asks_for(scale):
    t = np.sort(np.random.default_rng(0).uniform(0, 6, 200))
    states = np.array([[1.0, 0, 0, 1], [1, 0, 0, 0.5]])
    windows = windows_of(t, states)
    mesh = choose_mesh(kepler(), windows, states, NONE, np.full(2, scale)).mesh
    found = positions(kepler(), mesh, states, NONE)
    for k, state in enumerate(states):
        assert np.abs(found[:, k] - orbit(state, t)).max() < 0.05 * scale
    # The orbit that comes close to the centre takes more steps than the circle, and both take fewer than samples.
    circle, close = (np.diff(mesh.times, axis=0) > 0).sum(axis=0)
    assert circle < close < len(t)


def test_windows_in_copies_follow_constants_of_their_own():
    space = JetSpace(("x",))
    (x,), (v,) = space.positions, space.velocities
    c = sp.Symbol("c", positive=True)
    spring = compile_mechanics(v**2 / 2 - c * x**2 / 2, space, constants=(c,))
    t, states = np.linspace(0, 5, 40), np.array([[1.0, 0.0], [2.0, 0.0]])
    windows = windows_of(t, states)
    mesh = choose_mesh(spring, windows, states, np.array([4.0]), np.array([1e-4])).mesh
    found = positions(spring, mesh, np.tile(states, (2, 1)), np.array([[4.0, 4.0, 1.0, 1.0]]))
    expected = np.stack([np.cos(2 * t), 2 * np.cos(2 * t), np.cos(t), 2 * np.cos(t)], axis=1)
    np.testing.assert_allclose(found[:, :, 0], expected, atol=1e-5)


def test_a_measured_force_drives_the_path():
    t = np.linspace(0, 10, 101)
    # A unit mass on a spring at rest, driven by cos(2 t): x = (cos t - cos 2t) / 3.
    x = (np.cos(t) - np.cos(2 * t)) / 3
    data = Trajectories(("x",), (Segment(t, x[:, None], force=np.cos(2 * t)[:, None]),))
    windows = cut(data, differentiate(data), 10.0)
    space = JetSpace(("x",))
    (position,), (velocity,) = space.positions, space.velocities
    spring = compile_mechanics(velocity**2 / 2 - position**2 / 2, space)
    states = np.zeros((1, 2))
    mesh = choose_mesh(spring, windows, states, NONE, np.array([1e-3])).mesh
    np.testing.assert_allclose(positions(spring, mesh, states, NONE)[:, 0, 0], x, atol=2e-5)


def test_a_motion_that_ends_leaves_the_other_windows_as_they_are():
    space = JetSpace(("x",))
    (x,), (v,) = space.positions, space.velocities
    runaway = compile_mechanics(v**2 / 2 + x**4, space)
    t, states = np.linspace(0, 3, 50), np.array([[1.0, 1.0], [0.0, 0.0]])
    windows = windows_of(t, states)
    mesh = choose_mesh(runaway, windows, states, NONE, np.array([1e-3])).mesh
    with np.errstate(invalid="ignore"):
        found = positions(runaway, mesh, states, NONE)
    assert not np.abs(found[-1, 0]).max() < 1e3
    np.testing.assert_array_equal(found[:, 1], 0.0)
    assert len(mesh.times) < 8 * len(t)


def test_every_sample_lies_in_its_step():
    windows = windows_of(np.linspace(0, 1, 11), np.array([[1.0, 0.0], [1.0, 0.0]]))
    times = np.array([[0, 0], [0.25, 0.5], [1, 1], [1, 1]])
    mesh = Mesh(windows, times)
    begin = np.take_along_axis(times, mesh.places, axis=0)
    end = np.take_along_axis(times, mesh.places + 1, axis=0)
    samples = sample_times(windows)
    assert np.all((begin <= samples + 1e-12) & (samples <= end + 1e-12))
    np.testing.assert_allclose(mesh.halved.times[:, 0], [0, 0.125, 0.25, 0.625, 1, 1, 1])


def test_a_larger_error_needs_fewer_steps():
    state = np.array([[1.0, 0, 0, 0.5]])
    windows = windows_of(np.linspace(0, 6, 100), state)
    steps = [len(find_mesh(kepler(), windows, state, NONE, np.full((1, 2), e)).times) for e in (1e-2, 1e-5, 1e-8)]
    assert steps == sorted(steps)
    assert steps[0] < steps[-1]


@pytest.mark.parametrize("speed", [0.0, 1e-9])
def test_windows_that_begin_at_rest_take_no_more_steps_than_others(speed):
    space = JetSpace(("x",))
    (x,), (v,) = space.positions, space.velocities
    spring = compile_mechanics(v**2 / 2 - x**2 / 2, space)
    t, states = np.linspace(0, 3, 31), np.array([[1.0, speed], [2.0, -speed], [3.0, speed]])
    chosen = choose_mesh(spring, windows_of(t, states), states, NONE, np.array([1e-6]))
    assert len(chosen.mesh.times) < 20
    assert not chosen.broken.any()
    found = positions(spring, chosen.mesh, states, NONE)[..., 0]
    np.testing.assert_allclose(found, np.cos(t)[:, None] * states[:, 0], atol=1e-7)


def test_time_stamps_of_any_size_are_as_good():
    t = np.linspace(0, 5, 101)
    found = []
    for start in (0.0, 1.7e9):
        data = Trajectories(("x",), (Segment(start + t, np.cos(t)[:, None], force=np.cos(2 * t)[:, None]),))
        windows = cut(data, differentiate(data), 5.0)
        space = JetSpace(("x",))
        (position,), (velocity,) = space.positions, space.velocities
        spring = compile_mechanics(velocity**2 / 2 - position**2 / 2, space)
        chosen = choose_mesh(spring, windows, np.zeros((1, 2)), NONE, np.array([1e-5]))
        assert not chosen.broken.any()
        found.append(positions(spring, chosen.mesh, np.zeros((1, 2)), NONE)[:, 0, 0])
    np.testing.assert_allclose(found[1], found[0], atol=1e-6)


def test_steps_that_a_fine_tolerance_asks_for_are_no_breakdown():
    t = np.linspace(0, 5, 101)
    force = np.random.default_rng(0).normal(size=101)  # a cubic between samples that bends at every one
    data = Trajectories(("x",), (Segment(t, np.cos(t)[:, None], force=force[:, None]),))
    windows = cut(data, differentiate(data), 5.0)
    space = JetSpace(("x",))
    (x,), (v,) = space.positions, space.velocities
    spring = compile_mechanics(v**2 / 2 - x**2 / 2, space)
    assert not choose_mesh(spring, windows, np.zeros((1, 2)), NONE, np.array([1e-4])).broken.any()
