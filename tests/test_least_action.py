import numpy as np
import pytest
import sympy as sp

from lagsym import systems
from lagsym.errors import InputError
from lagsym.law import Constant, Law
from lagsym.least_action import PathOptions, least_action
from lagsym.mechanics.calculus import euler_lagrange
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import parameter_symbol
from lagsym.simulation import simulate

SPACE = JetSpace(("q",))
(Q,), (V,) = SPACE.positions, SPACE.velocities
HARMONIC = V**2 / 2 - Q**2 / 2
CURVE = JetSpace(("y",), ("x",))
(Y,), (SLOPE,) = CURVE.positions, CURVE.velocities


def between(system, span, **options):
    motion = simulate(system, trajectories=1, span=span, step=span / 40, seed=3).segments[0]
    path = least_action(
        system.numeric_lagrangian, motion.q[0], motion.q[-1], span, space=system.space, options=PathOptions(**options)
    )
    return path, motion


@pytest.mark.parametrize(
    ("name", "span"),
    [("pendulum", 1.5), ("kepler", 1.0), ("double_pendulum", 0.6), ("driven_pendulum", 1.0), ("spring_pendulum", 1.0)],
)
def test_the_path_between_two_positions_is_the_integrated_motion(name, span):
    path, motion = between(systems.get(name), span)
    assert np.abs(path.positions(motion.t) - motion.q).max() < 1e-8
    assert np.abs(path.velocities(motion.t) - motion.v).max() < 1e-7
    assert path.residual < 1e-6
    assert path.error < 1e-10


@pytest.mark.parametrize("duration", [1.0, 4.0, 7.0, 9.9, 20.0])
def test_the_index_counts_conjugate_points_of_the_oscillator(duration):
    path = least_action(HARMONIC, [0.3], [1.0], duration, space=SPACE)
    assert path.index == int(duration / np.pi)
    assert path.minimum == (duration < np.pi)
    # S = ((a^2 + b^2) cos T - 2 a b) / (2 sin T): R. P. Feynman and A. R. Hibbs, Quantum Mechanics and Path Integrals.
    expected = ((0.3**2 + 1) * np.cos(duration) - 2 * 0.3) / (2 * np.sin(duration))
    assert path.action == pytest.approx(expected, rel=1e-10)


def test_scale_and_gauge_leave_the_path_and_turn_the_action_as_they_must():
    first = least_action(HARMONIC, [0.3], [1.0], 4.0, space=SPACE)
    second = least_action(-3 * HARMONIC + 2 * Q * V, [0.3], [1.0], 4.0, space=SPACE)
    assert np.abs(first.q - second.q).max() < 1e-12
    assert second.action == pytest.approx(-3 * first.action + 1.0 - 0.09, rel=1e-10)
    assert second.index == first.index == 1


def test_an_indefinite_mass_matrix_has_no_index():
    space = JetSpace(("a", "b"))
    (a_dot, b_dot) = space.velocities
    path = least_action(a_dot**2 - b_dot**2, [0, 0], [1, 2], 1.0, space=space)
    assert path.index is None
    assert not path.minimum


def test_the_action_of_a_free_particle_is_least():
    path = least_action(V**2 / 2, [0.0], [3.0], 2.0, space=SPACE)
    assert path.action == pytest.approx(9 / 4)
    assert path.minimum


def test_turns_go_round_before_the_end():
    pendulum = systems.get("pendulum")
    law = Law(("theta",), pendulum.numeric_lagrangian, angles=("theta",))
    path = least_action(law, [0.0], [0.0], 1.0, options=PathOptions(turns={"theta": 1}))
    assert path.q[-1, 0] == pytest.approx(2 * np.pi)
    assert (np.diff(path.q[:, 0]) > 0).all()


def test_a_guess_leads_to_another_path_between_the_same_positions():
    # From 0 to 0 in a time longer than one small swing the pendulum may rest or swing out and back.
    pendulum = systems.get("pendulum")
    guess = 2.0 * np.sin(np.linspace(0, np.pi, 30))[:, None]
    paths = [
        least_action(
            pendulum.numeric_lagrangian, [0.0], [0.0], 1.3, space=pendulum.space, options=PathOptions(guess=chosen)
        )
        for chosen in (None, guess)
    ]
    assert np.abs(paths[0].q).max() < 1e-12
    assert np.abs(paths[1].q).max() > 1.0
    assert [path.index for path in paths] == [1, 0]
    energy = paths[1].velocities(paths[1].t)[:, 0] ** 2 / 2 - 9.81 * np.cos(paths[1].q[:, 0])
    assert np.ptp(energy) < 1e-7


def test_time_in_the_law_counts_from_the_beginning():
    driven = V**2 / 2 + Q * sp.cos(SPACE.base_symbols[0])
    path = least_action(driven, [0.0], [0.0], 2.0, space=SPACE, options=PathOptions(begin=1.0))
    inner = np.cos(1.0) - np.cos(path.t) + (path.t - 1) * (np.cos(3.0) - np.cos(1.0)) / 2
    assert np.abs(path.q[:, 0] - inner).max() < 1e-11


def test_a_law_is_taken_with_its_constants_and_parameters():
    c1, k = parameter_symbol("c1"), parameter_symbol("k")
    law = Law(("q",), V**2 / 2 - c1 * k * Q**2, (Constant("c1", 0.25),), parameters={"k": 2.0})
    path = least_action(law, [0.3], [1.0], 1.0)
    assert np.abs(path.q - least_action(HARMONIC, [0.3], [1.0], 1.0, space=SPACE).q).max() < 1e-12


def test_in_statics_space_plays_the_part_of_time():
    # The soap film between two rings, y = cosh x.
    film = Y * sp.sqrt(1 + SLOPE**2)
    path = least_action(film, [np.cosh(0.5)], [np.cosh(0.7)], 1.2, space=CURVE, options=PathOptions(begin=-0.5))
    assert np.abs(path.q[:, 0] - np.cosh(path.t)).max() < 1e-10
    assert path.minimum
    assert sp.simplify(euler_lagrange(film, CURVE)[0].subs({Y: 1, SLOPE: 0})) == 1 - CURVE.accelerations[0]


def test_the_brachistochrone_is_a_cycloid():
    # With y downwards from where the speed is zero; it begins at y > 0, where the Lagrangian has a value.
    angle = np.linspace(1.0, 3.5, 200)
    x, y = angle - np.sin(angle), 1 - np.cos(angle)
    path = least_action(
        sp.sqrt((1 + SLOPE**2) / Y), y[:1], y[-1:], x[-1] - x[0], space=CURVE, options=PathOptions(begin=x[0])
    )
    assert np.abs(path.positions(x)[:, 0] - y).max() < 1e-8


def test_what_has_no_action_principle_says_so():
    damped = systems.get("damped_pendulum")
    law = Law(("theta",), damped.numeric_lagrangian, dissipation=damped.numeric_dissipation)
    with pytest.raises(InputError, match=r"friction.*without friction"):
        least_action(law, [0.0], [1.0], 1.0)
    with pytest.raises(InputError, match="none explains the data"):
        least_action(Law(("q",), None), [0.0], [1.0], 1.0)


def test_no_path_is_an_error_that_says_what_to_try():
    # At a conjugate point no motion of the oscillator joins these positions.
    with pytest.raises(InputError, match="shorten `duration`"):
        least_action(HARMONIC, [0.0], [1.0], np.pi, space=SPACE, options=PathOptions(starts=1))


@pytest.mark.parametrize(
    ("lagrangian", "start", "duration", "options", "message"),
    [
        (HARMONIC, [0.0, 1.0], 1.0, {}, "two positions of 1 finite"),
        (HARMONIC, [np.nan], 1.0, {}, "two positions of 1 finite"),
        (HARMONIC, [0.0], -1.0, {}, "duration of more than 0"),
        (HARMONIC, [0.0], 1.0, {"turns": {"phi": 1}}, "expected turns of angles"),
        (HARMONIC, [0.0], 1.0, {"guess": np.zeros((5, 2))}, r"shape \(points, 1\)"),
        (HARMONIC, [0.0], 1.0, {"tolerance": 0.0}, "tolerance between 0 and 1"),
        (Q * V - Q**2, [0.0], 1.0, {}, "mass matrix"),
        (V**2 / 2 + 1 / Q, [0.0], 1.0, {"guess": np.zeros((5, 1)), "starts": 0}, "another `guess`"),
        (HARMONIC * parameter_symbol("k"), [0.0], 1.0, {}, "no value for k"),
        (SPACE.accelerations[0] ** 2, [0.0], 1.0, {}, "first order"),
    ],
)
def test_what_cannot_be_used_is_named(lagrangian, start, duration, options, message):
    with pytest.raises(InputError, match=message):
        least_action(lagrangian, start, [1.0], duration, space=SPACE, options=PathOptions(**options))


def test_a_bare_lagrangian_needs_its_space():
    with pytest.raises(InputError, match="jet space"):
        least_action(HARMONIC, [0.0], [1.0], 1.0)
