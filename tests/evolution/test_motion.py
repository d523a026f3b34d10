"""Fields in motion against closed solutions, other equations of the same motion, and invariants."""

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import brentq
from scipy.special import ellipj, ellipk

from lagsym import systems
from lagsym.errors import InputError
from lagsym.evolution import Applied, LostMotionError, Places, evolve, field_energy, roughness
from lagsym.evolution.density import density_on
from lagsym.evolution.frames import PlainFrame, SecondOrderFrame, frame_of
from lagsym.evolution.grid import Grid
from lagsym.evolution.turns import without_turns
from lagsym.mechanics.jetspace import JetSpace

LINE = JetSpace(("u",), ("t", "x"))
(U,), (U_T,), (U_X,), (U_XX,) = LINE.positions, LINE.derivatives(0), LINE.derivatives(1), LINE.derivatives(1, 1)
T, X = LINE.base_symbols
PERIOD = 20.0
RING = Places((np.arange(96) * PERIOD / 96,), (True,))
STRETCH = Places((np.linspace(0, PERIOD, 96),), (False,))
TIMES = np.linspace(0, 3, 7)


def columns(*fields):
    return np.stack(fields, axis=-1)[None]


def follow(density, u, u_t=None, places=RING, space=LINE, **options):
    u_t = np.zeros_like(u) if u_t is None else u_t
    return evolve(sp.sympify(density), space, (u, u_t), TIMES, places, **options)


def soliton(x, t, speed=0.5):
    """Of sine-Gordon: a kink and, half the ring away, the antikink that closes it."""
    gamma = 1 / np.sqrt(1 - speed**2)
    return 4 * np.arctan(np.exp(gamma * (x - speed * t)))


@pytest.mark.parametrize(("place", "tolerance"), [(RING, 1e-10), (STRETCH, 1e-6)])
def test_standing_waves(place, tolerance):
    (x,) = place.axes
    k = 2 * np.pi / PERIOD
    for density, omega in [
        ((U_T**2 - 4 * U_X**2) / 2, 2 * k),
        ((U_T**2 - U_X**2 - U**2) / 2, np.sqrt(k**2 + 1)),
        ((U_T**2 - U_XX**2) / 2, k**2),
        # A negative density moves as its opposite does.
        (-(U_T**2 - 4 * U_X**2) / 2, 2 * k),
    ]:
        found = follow(density, columns(np.sin(k * x)), places=place)
        exact = np.cos(omega * TIMES)[:, None] * np.sin(k * x)
        np.testing.assert_allclose(found.u[0, ..., 0], exact, atol=tolerance)
        np.testing.assert_allclose(
            found.u_t[0, ..., 0], -omega * np.sin(omega * TIMES)[:, None] * np.sin(k * x), atol=tolerance
        )


def test_a_kink_and_its_antikink_pass_at_their_speed():
    space = JetSpace(("u",), ("t", "x"))
    axis = np.arange(512) * 60.0 / 512
    density = U_T**2 / 2 - U_X**2 / 2 + sp.cos(U) - 1
    at = lambda t: soliton(axis - 15, t) - soliton(axis - 45, -t)  # noqa: E731
    rate = (at(1e-4) - at(-1e-4)) / 2e-4
    found = evolve(density, space, (columns(at(0.0)), columns(rate)), TIMES, Places((axis,), (True,)))
    np.testing.assert_allclose(found.u[0, -1, :, 0], at(TIMES[-1]), atol=1e-4)


def test_the_soliton_of_korteweg_and_de_vries():
    system = systems.get("kdv_potential")
    axis = np.arange(256) * 60.0 / 256
    speed = 1.0
    # A soliton's potential rises; the slope that closes it on the ring moves the wave's background.
    wave = lambda t: speed / 2 / np.cosh(np.sqrt(speed) / 2 * (axis - 25 - speed * t)) ** 2  # noqa: E731
    ring = Grid.of((axis,), (True,))
    background = wave(0).mean()
    numbers = 2j * np.pi * np.fft.rfftfreq(256, 60.0 / 256)
    spectrum = np.fft.rfft(wave(0) - background)
    potential = np.fft.irfft(np.concatenate(([0], spectrum[1:] / numbers[1:])), 256)
    found = evolve(
        system.numeric_lagrangian,
        system.space,
        (columns(potential), columns(potential)),
        TIMES,
        Places((axis,), (True,)),
    )
    # u - c obeys the equation in a frame that moves with -alpha c.
    moved = lambda t: (  # noqa: E731
        speed / 2 / np.cosh(np.sqrt(speed) / 2 * (axis - 25 - (speed - 6 * background) * t)) ** 2 - background
    )
    slope = ring.differentiate(found.u[0, ..., 0], (0,))
    np.testing.assert_allclose(slope[-1], moved(TIMES[-1]), atol=1e-6)
    np.testing.assert_allclose(found.u[..., 0].mean(axis=-1), 0, atol=1e-12)


def test_uniform_fields_move_as_particles():
    # u_tt (1 + u^2) + u u_t^2 = -u: a mass that depends on the field, against quadrature of its conserved energy.
    found = follow((1 + U**2) * U_T**2 / 2 - U**2 / 2 - U_X**2 / 2, np.full((1, 96, 1), 0.8), tolerance=1e-12)
    u, u_t = found.u[0, :, 0, 0], found.u_t[0, :, 0, 0]
    np.testing.assert_allclose((1 + u**2) * u_t**2 / 2 + u**2 / 2, 0.32, rtol=1e-9)
    np.testing.assert_allclose(np.ptp(found.u, axis=2), 0, atol=1e-10)
    damped = follow(U_T**2 / 2, np.zeros((1, 96, 1)), np.ones((1, 96, 1)), applied=Applied(dissipation=U_T**2 / 4))
    np.testing.assert_allclose(damped.u_t[0, :, 0, 0], np.exp(-TIMES / 2), rtol=1e-8)
    pushed = follow(U_T**2 / 2, np.zeros((1, 96, 1)), applied=Applied(forces={"u": T}))
    np.testing.assert_allclose(pushed.u[0, :, 0, 0], TIMES**3 / 6, rtol=1e-8, atol=1e-12)


def test_an_angle_turns_around_a_ring():
    """Kinks of sine-Gordon in a row, one to each length of the ring: u = pi + 2 am(g (x - v t) / sqrt(m), m)."""
    axis, speed = np.arange(128) * PERIOD / 128, 0.4
    stretch = PERIOD / np.sqrt(1 - speed**2)
    m = brentq(lambda m: 2 * ellipk(m) * np.sqrt(m) - stretch, 0.5, 1 - 1e-9, xtol=1e-15)

    def kinks(t):
        return np.pi + 2 * ellipj((axis - speed * t) / np.sqrt(1 - speed**2) / np.sqrt(m), m)[3]

    flat = np.cos(2 * np.pi * axis / PERIOD) / 3
    start, step = np.concatenate([columns(kinks(0.0)), columns(flat), columns(-kinks(0.0))]), 1e-4
    rates = (kinks(step) - kinks(-step)) / (2 * step)
    rates = np.concatenate([columns(rates), columns(0 * axis), columns(-rates)])
    places = Places((axis,), (True,), frozenset({"u"}))
    density = (U_T**2 - U_X**2) / 2 + sp.cos(U)
    found = follow(density, start, rates, places=places)
    np.testing.assert_allclose(found.u[0, ..., 0], [kinks(t) for t in TIMES], atol=1e-6)
    np.testing.assert_allclose(found.u[2], -found.u[0], atol=1e-9)
    alone = follow(density, start[1:2], rates[1:2], places=Places((axis,), (True,)))
    np.testing.assert_array_equal(found.u[1], alone.u[0])
    energy = field_energy(density, LINE, found.u, found.u_t, places)
    np.testing.assert_allclose(energy, energy[:, :1] + 0 * energy, rtol=1e-9)
    assert roughness(without_turns(found.u, LINE.fields, places), (True,)).max() < 1e-6


def test_explicit_time_and_place():
    found = follow(U_T**2 / 2 + T * sp.sin(2 * sp.pi * X / PERIOD) * U, np.zeros((1, 96, 1)))
    exact = TIMES[:, None] ** 3 / 6 * np.sin(2 * np.pi * RING.axes[0] / PERIOD)
    np.testing.assert_allclose(found.u[0, ..., 0], exact, atol=1e-9)


def test_terms_with_rates_and_slopes():
    # (d/dt + v d/dx)^2 u = c^2 u_xx: waves on a moving string.
    start = columns(np.sin(2 * np.pi * RING.axes[0] / PERIOD))
    # The shortest waves ring with what is tolerated in a step, which differs from one processor to another.
    found = follow((U_T + U_X / 2) ** 2 / 2 - U_X**2 / 2, start, tolerance=1e-12)
    k = 2 * np.pi / PERIOD
    phase = lambda v, t: np.sin(k * (RING.axes[0] - v * t))  # noqa: E731
    # Waves with the speeds 3/2 and -1/2, at rest together: a + b = 1, 3 a / 2 = b / 2.
    exact = 0.25 * phase(1.5, TIMES[-1]) + 0.75 * phase(-0.5, TIMES[-1])
    np.testing.assert_allclose(found.u[0, -1, :, 0], exact, atol=1e-9)


def test_total_derivatives_and_factors_change_nothing():
    start = columns(1 + np.cos(2 * np.pi * RING.axes[0] / PERIOD))
    density = U_T**2 / 2 - U_X**2 / 2 - U**4 / 4
    plain = follow(density, start)
    gauge = 3 * density + U_T * sp.cos(U) + U_X * U**2 + U_T * U
    other = follow(gauge, start)
    np.testing.assert_allclose(other.u, plain.u, atol=1e-7)
    np.testing.assert_allclose(other.u_t, plain.u_t, atol=1e-7)


def test_frames_agree(monkeypatch):
    wave = columns(np.cos(2 * np.pi * RING.axes[0] / PERIOD))
    start = 1 + wave / 5, wave / 3
    density = U_T**2 / 2 - U_X**2 / 2 - U_X**4 / 8 - (U**2 - 1) ** 2 / 4
    with_modes = follow(density, *start)
    assert isinstance(frame(density, start[0]), SecondOrderFrame)
    monkeypatch.setattr("lagsym.evolution.frames.LARGEST", 1)
    assert isinstance(frame(density, start[0]), PlainFrame)
    np.testing.assert_allclose(with_modes.u, follow(density, *start).u, atol=1e-8)


def frame(density, u):
    grid = Grid.of(RING.axes, RING.periodic)
    return frame_of(density_on(density, LINE, grid, Applied()), np.moveaxis(u, -1, 0))


def test_two_fields_and_two_directions():
    plane = JetSpace(("a", "b"), ("t", "x", "y"))
    axis, other = np.arange(16) * 2 * np.pi / 16, np.arange(12) * 2 * np.pi / 12
    a, b = plane.positions
    density = sum(v**2 for v in plane.derivatives(0)) / 2 - sum(v**2 for v in plane.derivatives(1)) / 2
    density -= 2 * sum(v**2 for v in plane.derivatives(2)) + (a - b) ** 2 / 2
    wave = np.sin(axis[:, None] + other)
    places = Places((axis, other), (True, True))
    found = evolve(density, plane, (columns(wave, -wave), np.zeros((1, 16, 12, 2))), TIMES, places)
    # The difference has the frequency sqrt(1 + 4 + 2), the sum stays nought.
    np.testing.assert_allclose(found.u[0, -1, ..., 0], np.cos(np.sqrt(7) * TIMES[-1]) * wave, atol=1e-8)
    np.testing.assert_allclose(found.u.sum(axis=-1), 0, atol=1e-9)


@pytest.mark.parametrize("places", [RING, STRETCH], ids=["ring", "stretch"])
def test_energy_is_conserved(places):
    x = places.axes[0] / PERIOD
    start = columns(np.sin(2 * np.pi * x)), columns(np.sin(4 * np.pi * x))
    density = U_T**2 / 2 - U_X**2 / 2 - U_X**4 / 8 + sp.cos(U)
    found = follow(density, *start, places=places)
    energy = field_energy(density, LINE, found.u, found.u_t, places)
    assert np.abs(energy - energy[:, :1]).max() < (1e-8 if places is RING else 1e-6)


def test_fixed_ends_keep_their_values():
    x = STRETCH.axes[0] / PERIOD
    found = follow(U_T**2 / 2 - U_X**2 / 2, columns(1 + 2 * x + np.sin(np.pi * x)), places=STRETCH)
    np.testing.assert_allclose(found.u[0, :, [0, -1], 0], [[1.0] * 7, [3.0] * 7], atol=1e-10)
    exact = 1 + 2 * x + np.sin(np.pi * x) * np.cos(np.pi * TIMES[:, None] / PERIOD)
    np.testing.assert_allclose(found.u[0, ..., 0], exact, atol=1e-7)


def test_what_hangs_between_its_ends_stays():
    hanging = np.exp(STRETCH.axes[0] / 5)
    found = follow(U_T**2 / 2 - U_X**2 / 2 - U**2 / 50, columns(hanging), places=STRETCH)
    np.testing.assert_allclose(found.u[0, -1, :, 0], hanging, rtol=1e-7)


def test_energy_of_a_known_field():
    x = STRETCH.axes[0]
    u, u_t = (1 + 0.5 * x)[:, None], np.cos(x)[:, None]
    value = field_energy(U_T**2 / 2 - U_X**2 / 2 - U, LINE, u, u_t, STRETCH)
    exact = (PERIOD / 2 + np.sin(2 * PERIOD) / 4) / 2 + PERIOD / 8 + PERIOD + PERIOD**2 / 4
    assert value == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize(
    ("density", "message"),
    [
        (LINE.symbol(0, (0, 0)) * U, "got u_tt"),
        (LINE.symbol(0, (0, 1)) ** 2, "got u_tx"),
        (sp.Symbol("m") * U_T**2, "no value for m"),
        (U_T * U_X * U**2 + U_X**2, "neither"),
        (U_T**3 / 3 - U_X**2, "have no value"),
    ],
)
def test_densities_without_such_a_motion_are_refused(density, message):
    start = columns(np.sin(2 * np.pi * RING.axes[0] / PERIOD))
    with pytest.raises(InputError, match=message):
        follow(density, start)


def test_bad_arguments_are_refused():
    free, still = U_T**2 / 2 - U_X**2 / 2, np.zeros((1, 96, 1))
    with pytest.raises(InputError, match="expected u and u_t as"):
        follow(free, still[:, :5])
    with pytest.raises(InputError, match="not"):
        follow(free, np.full((1, 96, 1), np.nan))
    with pytest.raises(InputError, match="increasing times"):
        evolve(free, LINE, (still, still), np.array([0.0, 0.0]), RING)
    particle = JetSpace(("u",))
    with pytest.raises(InputError, match="field over time and space"):
        evolve(particle.velocities[0] ** 2, particle, (still, still), TIMES, RING)
    with pytest.raises(InputError, match="at least 8 sites"):
        evolve(free, LINE, (still[:, :5], still[:, :5]), TIMES, Places((np.arange(5.0),), (True,)))
    with pytest.raises(InputError, match="periodic directions"):
        follow(U_T * U_X / 2, still, places=STRETCH)
    with pytest.raises(LostMotionError, match="singularity"):
        follow(U_T**2 / 2 - U_X**2 / 2 + U**4, np.full((1, 96, 1), 2.0))


def test_roughness_by_hand():
    x = 2 * np.pi * np.arange(32) / 32
    u = (np.sin(x) + 0.01 * np.sin(12 * x))[None, None, :, None]
    assert roughness(u, (True,))[0] == pytest.approx(0.01)
    assert roughness(np.sin(np.linspace(0, np.pi, 32))[None, None, :, None], (False,))[0] < 1e-12
