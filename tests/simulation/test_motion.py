import numpy as np
import pytest
import sympy as sp

from lagsym import systems
from lagsym.errors import InputError
from lagsym.mechanics.dynamics.numeric import compile_mechanics
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import Region, System
from lagsym.simulation import draw_parameters, simulate

CATALOGUE = systems.particles()
CONSERVATIVE = {name: system for name, system in CATALOGUE.items() if "energy" in system.conserved}
each_system = pytest.mark.parametrize("system", CATALOGUE.values(), ids=list(CATALOGUE))


@pytest.mark.parametrize("system", CONSERVATIVE.values(), ids=list(CONSERVATIVE))
def test_energy_is_conserved(system):
    data = simulate(system, trajectories=5, seed=1)
    mechanics = compile_mechanics(system.numeric_lagrangian, system.space)
    for segment in data.segments:
        energy = mechanics.energy(segment.t, segment.q, segment.v)
        mass, _ = mechanics.mass_and_force(segment.t, segment.q, segment.v)
        kinetic = np.einsum("si,sij,sj->s", segment.v, mass, segment.v) / 2
        assert np.abs(energy - energy[0]).max() < 1e-9 * kinetic.max()


@each_system
def test_positions_velocities_and_accelerations_belong_together(system):
    segment = simulate(system, trajectories=1, seed=2).segments[0]
    step = segment.t[1] - segment.t[0]
    for series, rate in ((segment.q, segment.v), (segment.v, segment.a)):
        # Central differences of fourth order.
        slope = (8 * (series[3:-1] - series[1:-3]) - series[4:] + series[:-4]) / (12 * step)
        assert np.abs(slope - rate[2:-2]).max() < 2e-3 * np.abs(rate).max()


@each_system
def test_a_dominant_period_has_many_samples(system):
    for seed in range(2):
        for segment in simulate(draw_parameters(system, seed), trajectories=2, seed=seed).segments:
            signal = (segment.v - segment.v.mean(0)) * np.hanning(len(segment))[:, None]
            spectrum = np.abs(np.fft.rfft(signal, axis=0))
            assert np.median(len(segment) / np.maximum(spectrum.argmax(0), 1)) >= 60


def test_a_particle_has_no_region():
    with pytest.raises(InputError, match="pendulum is a particle"):
        simulate(systems.get("pendulum"), region=Region())


def test_oscillator_against_its_closed_solution():
    data = simulate(systems.get("mass_spring"), initial=(np.array([[1.5]]), np.array([[-0.4]])))
    t = data.segments[0].t
    np.testing.assert_allclose(data.segments[0].q[:, 0], 1.5 * np.cos(2 * t) - 0.2 * np.sin(2 * t), atol=1e-9)


def test_kepler_keeps_its_angular_momentum():
    for segment in simulate(systems.get("kepler"), trajectories=3).segments:
        momentum = segment.q[:, 0] ** 2 * segment.v[:, 1]
        np.testing.assert_allclose(momentum, momentum[0], rtol=1e-9)


def test_friction_and_time_are_obeyed():
    space = JetSpace(("x",))
    (_,), (v,), t = space.positions, space.velocities, space.base_symbols[0]
    damped = System("damped", space, v**2 / 2 + sp.S.Zero, dissipation=v**2 / 4, span=2.0)
    driven = System("driven", space, v**2 / 2 + t * space.positions[0], span=2.0)
    start = np.zeros((1, 1)), np.ones((1, 1))
    slow = simulate(damped, initial=start).segments[0]
    np.testing.assert_allclose(slow.v[:, 0], np.exp(-slow.t / 2), rtol=1e-10)
    fast = simulate(driven, initial=start).segments[0]
    np.testing.assert_allclose(fast.q[:, 0], fast.t + fast.t**3 / 6, rtol=1e-10, atol=1e-12)


def test_the_seed_decides():
    system = systems.get("double_pendulum")
    one, same, other = (simulate(system, trajectories=2, span=1.0, noise=0.01, seed=s) for s in (3, 3, 4))
    np.testing.assert_array_equal(one.segments[1].q, same.segments[1].q)
    assert np.abs(one.segments[1].q - other.segments[1].q).max() > 0.1
    assert [segment.trajectory for segment in one.segments] == ["0", "1"]
    assert one.angles == {"theta1", "theta2"}


def test_noise_is_relative_to_each_column_and_of_an_angle_to_a_radian():
    system = systems.get("kepler")
    clean, noisy = (simulate(system, trajectories=10, noise=noise, seed=5) for noise in (0.0, 0.05))
    for name in ("q", "v"):
        exact, measured = (np.stack([getattr(s, name) for s in data.segments]) for data in (clean, noisy))
        spread = exact.std((0, 1))
        if name == "q":
            assert spread[1] > 2  # the orbits go round and round
            spread[1] = 1.0
        np.testing.assert_allclose((measured - exact).std((0, 1)), 0.05 * spread, rtol=0.03)
    assert clean.segments[0].a is not None
    assert noisy.segments[0].a is None


def test_initial_conditions_come_from_the_ranges():
    system = systems.get("spring_pendulum")
    start = np.array([[*s.q[0], *s.v[0]] for s in simulate(system, trajectories=50, span=0.1).segments])
    for column, symbol in zip(start.T, (*system.space.positions, *system.space.velocities), strict=True):
        low, high = system.ranges[symbol.name]
        assert low <= column.min() < column.max() <= high
        assert np.ptp(column) > 0.8 * (high - low)


@each_system
def test_parameters_are_drawn_to_three_digits(system):
    drawn = draw_parameters(system, 7)
    assert drawn.parameters == draw_parameters(system, 7).parameters != draw_parameters(system, 8).parameters
    for name, value in drawn.parameters.items():
        low, high = system.parameter_ranges[name]
        assert 0.99 * low <= value <= 1.01 * high
        assert float(f"{value:.3g}") == value


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trajectories": 0}, "at least one trajectory"),
        ({"step": 0.0}, "step"),
        ({"span": -1.0}, "span"),
        ({"noise": -0.1}, "noise"),
        ({"noise": float("nan")}, "noise"),
        ({"initial": (np.zeros(2), np.zeros(2))}, "expected `initial`"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        simulate(systems.get("pendulum"), **options)


def test_singularities_are_reported():
    falling = np.array([[1.0, 0.0]]), np.array([[0.0, 0.0]])
    with pytest.raises(InputError, match="singularity"):
        simulate(systems.get("kepler"), initial=falling)
    at_the_sun = np.array([[0.0, 0.0]]), np.array([[0.0, 0.0]])
    with pytest.raises(InputError, match="no value at some initial condition"):
        simulate(systems.get("kepler"), initial=at_the_sun)


def test_a_system_without_ranges_needs_initial_conditions():
    space = JetSpace(("x",))
    with pytest.raises(InputError, match="no range of initial conditions for x, x_dot"):
        simulate(System("free", space, space.velocities[0] ** 2))
