"""Particles against what the literature says of their motion."""

import itertools

import mpmath
import numpy as np
import pytest
import sympy as sp
from scipy.interpolate import CubicHermiteSpline

from lagsym import systems
from lagsym.mechanics.calculus import euler_lagrange
from lagsym.mechanics.dynamics.forms import accelerations, canonical_momenta
from lagsym.mechanics.system import parameter_symbol
from lagsym.simulation import draw_parameters, simulate


def launch(system, positions, velocities, span=None, step=None):
    """One trajectory from the given start."""
    start = np.array([positions], float), np.array([velocities], float)
    return simulate(system, initial=start, span=span, step=step).segments[0]


def oscillation(system, amplitude):
    """The period of a motion that starts at rest at `amplitude`, by the returns of the velocity to zero."""
    segment = launch(system, [amplitude], [0.0], step=0.002)
    returns = CubicHermiteSpline(segment.t, segment.v[:, 0], segment.a[:, 0]).roots(extrapolate=False)
    returns = returns[returns > 0.01]
    return (returns[-1] - returns[0]) / (len(returns) - 1) * 2


def test_damped_spring_against_its_closed_solution():
    system = systems.get("damped_spring")
    m, k, c = (system.parameters[name] for name in ("m", "k", "c"))
    segment, rate = launch(system, [1.5], [0.0]), c / (2 * m)
    w = np.sqrt(k / m - rate**2)
    expected = 1.5 * np.exp(-rate * segment.t) * (np.cos(w * segment.t) + rate / w * np.sin(w * segment.t))
    np.testing.assert_allclose(segment.q[:, 0], expected, atol=1e-9)


def test_duffings_period_is_an_elliptic_integral():
    system = systems.get("duffing").with_parameters({"m": 1.3, "alpha": 0.7, "beta": 1.2})
    stiffness = 0.7 + 1.2 * 1.5**2
    expected = 4 * mpmath.ellipk(1.2 * 1.5**2 / (2 * stiffness)) * mpmath.sqrt(1.3 / stiffness)
    assert oscillation(system, 1.5) == pytest.approx(float(expected), rel=1e-8)


def test_morses_period_grows_with_the_energy():
    # w = a sqrt(2 D / m) sqrt(1 - E / D).
    system = systems.get("morse").with_parameters({"m": 1.2, "D": 2.5, "a": 0.9})
    well = 2.5 * (1 - np.exp(-0.9 * (2.0 - 1.5))) ** 2
    frequency = 0.9 * np.sqrt(2 * 2.5 / 1.2) * np.sqrt(1 - well / 2.5)
    assert oscillation(system, 2.0) == pytest.approx(2 * np.pi / frequency, rel=1e-8)


def test_every_draw_of_morse_is_bound():
    system = systems.get("morse")
    names = ("m", "D", "a", "r_e")
    for m, depth, a, r_e in itertools.product(*(system.parameter_ranges[name] for name in names)):
        for r, v in itertools.product(system.ranges["r"], system.ranges["r_dot"]):
            assert m * v**2 / 2 + depth * (1 - np.exp(-a * (r - r_e))) ** 2 < depth


def test_the_position_dependent_mass_swings_as_a_cosine():
    system = systems.get("position_dependent_mass").with_parameters({"alpha": 2.2, "lambda": 0.6})
    segment = launch(system, [1.4], [0.0])
    expected = 1.4 * np.cos(np.sqrt(2.2 / (1 + 0.6 * 1.4**2)) * segment.t)
    np.testing.assert_allclose(segment.q[:, 0], expected, atol=1e-9)


def test_the_relativistic_oscillators_period_is_a_quadrature():
    # gamma m c^2 + k x^2 / 2 is constant: T = 4 int dx / v(x), with x = A sin(s) to tame the end.
    system = systems.get("relativistic_particle").with_parameters({"m": 1.1, "c": 0.95, "k": 1.3})

    def pace(s):
        gamma = 1 + 1.3 * (1.4 * mpmath.cos(s)) ** 2 / (2 * 1.1 * 0.95**2)
        return 1.4 * mpmath.cos(s) / (0.95 * mpmath.sqrt(1 - gamma**-2))

    expected = 4 * mpmath.quad(pace, [0, mpmath.pi / 4, mpmath.pi / 2 - mpmath.mpf("1e-15")])
    assert oscillation(system, 1.4) == pytest.approx(float(expected), rel=1e-8)


def test_the_notebooks_acceleration():
    system = systems.get("lnn_relativistic")
    (v,), g = system.space.velocities, parameter_symbol("g")
    (acceleration,) = accelerations(system.lagrangian, system.space)
    expected = g * (1 - v**2) ** sp.Rational(5, 2) / (1 + 2 * v**2)
    assert abs((acceleration - expected).subs({v: sp.Rational(2, 5), g: 3}).n(30)) < 1e-28
    physical = g * (1 - v**2) ** sp.Rational(3, 2)
    assert abs((acceleration - physical).subs({v: sp.Rational(2, 5), g: 3}).n(30)) > 0.1
    assert "not the physical" in system.title


def test_kepler_returns_after_keplers_period():
    system = systems.get("kepler_cartesian").with_parameters({"mu": 1.05})
    axis = 1 / (2 / 1.1 - 0.9**2 / 1.05)
    period = 2 * np.pi * np.sqrt(axis**3 / 1.05)
    segment = launch(system, [1.1, 0.0], [0.0, 0.9], span=period, step=period / 500)
    np.testing.assert_allclose(segment.q[-1], segment.q[0], atol=1e-9)
    lenz = system.conserved["Laplace-Runge-Lenz vector along x"].xreplace(system.values)
    start = dict(zip((*system.space.positions, *system.space.velocities), (1.1, 0.0, 0.0, 0.9), strict=True))
    # The vector points to the perihelion, and is mu times the eccentricity long.
    assert float(lenz.xreplace(start)) == pytest.approx(1.05 * (1 - 1.1 / axis), abs=1e-12)


@pytest.mark.parametrize("name", ["kepler", "kepler_cartesian"])
def test_kepler_draws_are_ellipses(name):
    system = systems.get(name)
    names = [symbol.name for symbol in (*system.space.positions, *system.space.velocities)]
    symbols = (*system.space.positions, *system.space.velocities, parameter_symbol("mu"))
    along, across = (system.conserved[f"Laplace-Runge-Lenz vector along {axis}"] for axis in "xy")
    eccentricity = sp.lambdify(symbols, sp.sqrt(along**2 + across**2) / parameter_symbol("mu"), "math")
    corners = itertools.product(*(system.ranges[name] for name in names), system.parameter_ranges["mu"])
    assert max(eccentricity(*corner) for corner in corners) < 0.6


def test_three_equal_bodies_can_follow_each_other_along_a_figure_of_eight():
    # C. Simó's numbers for the orbit of A. Chenciner and R. Montgomery, Annals of Mathematics 152 (2000) 881.
    place, velocity = np.array([0.97000436, -0.24308753]), np.array([-0.93240737, -0.86473146])
    positions, velocities = (*place, *-place, 0.0, 0.0), (*-velocity / 2, *-velocity / 2, *velocity)
    period = 6.32591398
    segment = launch(systems.get("three_body_planar"), positions, velocities, span=period, step=period / 600)
    np.testing.assert_allclose(segment.q[-1], segment.q[0], atol=1e-6)
    third = segment.q[200].reshape(3, 2)
    np.testing.assert_allclose(sorted(map(tuple, third)), sorted(map(tuple, segment.q[0].reshape(3, 2))), atol=1e-6)


def test_henon_and_heiles_give_the_energy_of_escape():
    system = systems.get("henon_heiles")
    (x, y), strength = system.space.positions, parameter_symbol("lambda")
    potential = -system.lagrangian.xreplace(dict.fromkeys(system.space.velocities, sp.S.Zero))
    saddle = {x: sp.S.Zero, y: 1 / strength}
    assert [potential.diff(q).subs(saddle) for q in (x, y)] == [0, 0]
    assert potential.subs(saddle) == 1 / (6 * strength**2)
    energy = sp.lambdify((x, y, *system.space.velocities, strength), system.conserved["energy"], "math")
    for value in system.parameter_ranges["lambda"]:
        corners = itertools.product((-0.25, 0.0, 0.25), (-0.25, 0.0, 0.25), (0.25,), (0.25,))
        assert max(energy(*corner, value) for corner in corners) < 1 / (6 * value**2)
    assert all(bounds == (-0.25, 0.25) for bounds in system.ranges.values())


@pytest.mark.parametrize("masses", [2, 4, 7])
def test_the_linear_chain_has_the_textbooks_frequencies(masses):
    # w_j = 2 sqrt(k / m) sin(pi j / (2 (N + 1))).
    system = systems.get(f"fput_chain({masses})").with_parameters({"m": 1.2, "k": 0.9})
    at_rest = dict.fromkeys((*system.space.positions, *system.space.velocities), 0)
    motion = accelerations(system.numeric_lagrangian, system.space)
    squares = np.linalg.eigvalsh(-np.array(motion.jacobian(system.space.positions).subs(at_rest), float))
    expected = 2 * np.sqrt(0.9 / 1.2) * np.sin(np.pi * np.arange(1, masses + 1) / (2 * (masses + 1)))
    np.testing.assert_allclose(np.sqrt(squares), expected, rtol=1e-12)


def test_the_chains_springs_pull_by_the_cube_of_their_stretch_too():
    system = systems.get("fput_chain(2)")
    m, k, alpha, beta = map(parameter_symbol, ("m", "k", "alpha", "beta"))
    (x1, x2), (a1, _) = system.space.positions, system.space.accelerations
    force = sum(sign * (k * s + alpha * s**2 + beta * s**3) for sign, s in ((1, x2 - x1), (-1, x1)))
    assert sp.expand(euler_lagrange(system.lagrangian, system.space)[0] - (force - m * a1)) == 0


@pytest.mark.parametrize("masses", [3, 5])
def test_todas_chain_keeps_the_spectrum_of_flaschkas_matrix(masses):
    system = systems.get(f"toda_chain({masses})")
    segment = launch(system, 0.4 * np.cos(np.arange(masses)), 0.5 * np.sin(2.0 + np.arange(masses)))

    def spectrum(q, v):
        couplings = np.exp(-(np.roll(q, -1) - q) / 2) / 2
        matrix = np.diag(v / 2)
        for i, coupling in enumerate(couplings):
            j = (i + 1) % masses
            matrix[i, j] += coupling
            matrix[j, i] += coupling
        return np.linalg.eigvalsh(matrix)

    start = spectrum(segment.q[0], segment.v[0])
    assert np.ptp(segment.q[:, 0]) > 0.5
    for q, v in zip(segment.q[::200], segment.v[::200], strict=True):
        np.testing.assert_allclose(spectrum(q, v), start, atol=1e-9)


def test_todas_integrals_are_in_involution(evaluate):
    system = systems.get("toda_chain")
    mass = parameter_symbol("m")
    momenta = sp.symbols("p1:5", real=True)
    assert canonical_momenta(system.lagrangian, system.space) == tuple(mass * v for v in system.space.velocities)
    by_momenta = {v: p / mass for v, p in zip(system.space.velocities, momenta, strict=True)}
    integrals = [quantity.xreplace(by_momenta) for quantity in system.conserved.values()]
    for one, other in itertools.combinations(integrals, 2):
        terms = [
            sign * first.diff(q) * second.diff(p)
            for q, p in zip(system.space.positions, momenta, strict=True)
            for sign, first, second in ((1, one, other), (-1, other, one))
        ]
        values = evaluate(terms, system, 0)
        assert abs(mpmath.fsum(values)) < 1e-30
        assert max(map(abs, values)) > 1e-3 or one.diff(momenta[0]) == 1 or other.diff(momenta[0]) == 1


def test_a_charge_circles_at_the_cyclotron_frequency():
    system = systems.get("charged_particle_magnetic").with_parameters({"m": 1.1, "q": 0.9, "B": 2.5})
    rate = 0.9 * 2.5 / 1.1
    segment = launch(system, [0.3, -0.2], [0.8, 0.0])
    # A positive charge turns clockwise about a field that points up.
    expected = 0.8 * np.stack([np.cos(rate * segment.t), -np.sin(rate * segment.t)], -1)
    np.testing.assert_allclose(segment.v, expected, atol=1e-10)


def test_foucaults_plane_turns_at_omega_times_the_sine_of_the_latitude():
    system = systems.get("foucault_pendulum")
    g, length, omega, latitude = (system.parameters[name] for name in ("g", "l", "Omega", "latitude"))
    turning = omega * np.sin(latitude)
    segment = launch(system, [0.3, 0.0], [0.0, -0.3 * turning])
    swing = 0.3 * np.cos(np.sqrt(g / length + turning**2) * segment.t)
    expected = swing[:, None] * np.stack([np.cos(turning * segment.t), -np.sin(turning * segment.t)], -1)
    np.testing.assert_allclose(segment.q, expected, atol=1e-9)


def test_the_relativistic_perihelion_advances_as_sommerfeld_found():
    # From one perihelion to the next: 2 pi / sqrt(1 - (kappa / (c J))^2).
    system = systems.get("relativistic_2d")
    segment = launch(system, [1.0, 0.0], [0.0, 1.1], span=60.0, step=0.01)
    momentum = 1.1 / np.sqrt(1 - (1.1 / 2) ** 2)
    radius, angle = np.hypot(*segment.q.T), np.unwrap(np.arctan2(*segment.q.T[::-1]))
    radial = (segment.q * segment.v).sum(1)
    rate = (segment.v**2).sum(1) + (segment.q * segment.a).sum(1)
    turns = CubicHermiteSpline(segment.t, radial, rate).roots(extrapolate=False)
    angles = CubicHermiteSpline(
        segment.t, angle, (segment.q[:, 0] * segment.v[:, 1] - segment.q[:, 1] * segment.v[:, 0]) / radius**2
    )(turns[turns > 0.1])
    advance = np.diff(angles[1::2]).mean()
    assert advance == pytest.approx(2 * np.pi / np.sqrt(1 - (1 / (2 * momentum)) ** 2), rel=1e-7)
    assert advance > 2 * np.pi * 1.02


def test_no_draw_of_the_relativistic_orbit_falls_into_the_centre():
    system = systems.get("relativistic_2d")
    names = ("x", "y", "x_dot", "y_dot")
    for m, c, kappa in itertools.product(*(system.parameter_ranges[name] for name in ("m", "c", "kappa"))):
        for x, y, u, v in itertools.product(*(system.ranges[name] for name in names)):
            momentum = m * (x * v - y * u) / np.sqrt(1 - (u**2 + v**2) / c**2)
            assert momentum > 1.2 * kappa / c


def test_a_spherical_pendulum_can_be_a_conical_one():
    system = systems.get("spherical_pendulum").with_parameters({"l": 1.1, "g": 9.5})
    segment = launch(system, [0.9, 0.0], [0.0, np.sqrt(9.5 / (1.1 * np.cos(0.9)))])
    np.testing.assert_allclose(segment.q[:, 0], 0.9, atol=1e-8)


def test_a_cart_and_its_pole_swing_at_the_textbooks_frequency():
    system = systems.get("cart_pole").with_parameters({"m1": 2.0, "m2": 0.7, "l": 1.3, "g": 9.7})
    at_rest = dict.fromkeys((*system.space.positions, *system.space.velocities), 0)
    motion = accelerations(system.numeric_lagrangian, system.space).jacobian(system.space.positions).subs(at_rest)
    assert float(-motion[1, 1]) == pytest.approx(9.7 * 2.7 / (2.0 * 1.3), rel=1e-12)


def test_a_top_precesses_steadily_at_goldsteins_rate():
    # m g l = rate (I3 w3 - I1 rate cos(theta)), the slow root.
    system = systems.get("symmetric_top")
    i1, i3, m, g, length = (system.parameters[name] for name in ("I1", "I3", "m", "g", "l"))
    spin, theta = 10.0, 0.8
    rate = min(np.roots([i1 * np.cos(theta), -i3 * spin, m * g * length]))
    segment = launch(system, [theta, 0.0, 0.0], [0.0, rate, spin - rate * np.cos(theta)])
    np.testing.assert_allclose(segment.q[:, 0], theta, atol=1e-9)
    np.testing.assert_allclose(segment.q[:, 1], rate * segment.t, atol=1e-8)


@pytest.mark.parametrize(("name", "nearest"), [("two_body", 0.3), ("three_body_planar", 0.3)])
def test_bodies_stay_apart(name, nearest):
    for seed in range(2):
        for segment in simulate(draw_parameters(systems.get(name), seed), trajectories=8, seed=seed).segments:
            places = segment.q.reshape(len(segment), -1, 2)
            for i, j in itertools.combinations(range(places.shape[1]), 2):
                assert np.linalg.norm(places[:, i] - places[:, j], axis=1).min() > nearest


@pytest.mark.parametrize("name", ["spherical_pendulum", "symmetric_top"])
def test_the_polar_angle_stays_off_its_poles(name):
    for seed in range(2):
        for segment in simulate(draw_parameters(systems.get(name), seed), trajectories=8, seed=seed).segments:
            assert np.sin(segment.q[:, 0]).min() > 0.3
