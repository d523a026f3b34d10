import itertools

import numpy as np
import pytest
import scipy.integrate
import sympy as sp

from lagsym import systems
from lagsym.errors import InputError
from lagsym.mechanics.dynamics.linearisation import linearise
from lagsym.mechanics.dynamics.modes import equilibrium, normal_modes
from lagsym.mechanics.dynamics.numeric import compile_mechanics
from lagsym.mechanics.jetspace import JetSpace

LINE, PLANE = JetSpace(("q",)), JetSpace(("x", "y"))
(Q,), (V,) = LINE.positions, LINE.velocities
(X, Y), (VX, VY) = PLANE.positions, PLANE.velocities


def test_the_double_pendulum_swings_at_two_frequencies():
    system = systems.get("double_pendulum")
    hanging = linearise(system.lagrangian, system.space, {"theta1": 0, "theta2": 0})
    modes = normal_modes(hanging, {"m1": 1.0, "m2": 1.0, "l1": 2.0, "l2": 2.0, "g": 9.8})
    np.testing.assert_allclose(modes.frequencies**2, (2 + np.array([-1, 1]) * np.sqrt(2)) * 4.9, rtol=1e-12)
    # theta2 = +-sqrt(2) theta1; the largest entry is 1.
    np.testing.assert_allclose(modes.shapes, [[np.sqrt(0.5), -np.sqrt(0.5)], [1, 1]], rtol=1e-12)
    assert modes.stability == "neutral"


@pytest.mark.parametrize("n", [3, 8])
def test_a_chain_with_fixed_ends(n):
    space = JetSpace(tuple(f"x{k}" for k in range(1, n + 1)))
    ends = (0, *space.positions, 0)
    stretch = [b - a for a, b in itertools.pairwise(ends)]
    lagrangian = sum(v**2 for v in space.velocities) / 2 - sum(r**2 / 2 + r**3 / 5 + r**4 for r in stretch)
    modes = normal_modes(linearise(lagrangian, space, dict.fromkeys(space.fields, 0)))
    k = np.arange(1, n + 1)
    np.testing.assert_allclose(modes.frequencies, 2 * np.sin(k * np.pi / (2 * (n + 1))), rtol=1e-12)
    shape = np.sin(np.outer(k, k) * np.pi / (n + 1))
    cosine = np.abs(np.sum(shape * modes.shapes.real, axis=0))
    np.testing.assert_allclose(cosine, np.linalg.norm(shape, axis=0) * np.linalg.norm(modes.shapes, axis=0), rtol=1e-12)


def test_shapes_solve_the_equations_with_damping_and_gyroscopic_terms():
    found = linearise(
        VX**2 + VY**2 / 2 + VX * VY / 3 + X * VY - X**2 - 3 * Y**2,
        PLANE,
        {"x": 0, "y": 0},
        dissipation=(VX - VY) ** 2 / 4,
    )
    modes = normal_modes(found)
    assert modes.stability == "asymptotically stable"
    matrices = [np.array(part.tolist(), float) for part in (found.mass, found.rates, found.stiffness)]
    for rate, shape in zip(modes.rates, modes.shapes.T, strict=True):
        left = (matrices[0] * rate**2 + matrices[1] * rate + matrices[2]) @ shape
        np.testing.assert_allclose(left, 0, atol=1e-12)
        assert np.abs(shape).max() == pytest.approx(1.0)


def test_foucault_precession_splits_the_frequency():
    # omega = sqrt(w0^2 + W^2) -+ W, with W the vertical rate of the ground.
    lagrangian = (VX**2 + VY**2) / 2 + 0.3 * (X * VY - Y * VX) - 2 * (X**2 + Y**2)
    modes = normal_modes(linearise(lagrangian, PLANE, {"x": 0, "y": 0}))
    middle = np.sqrt(4 + 0.09)
    np.testing.assert_allclose(modes.frequencies, [middle - 0.3, middle + 0.3], rtol=1e-12)
    assert modes.stability == "neutral"
    # One mode turns left, the other right: y = -+ i x.
    np.testing.assert_allclose(np.abs(modes.shapes[1] / modes.shapes[0]), 1, rtol=1e-12)


def test_gyroscopic_stabilisation():
    # Two negative springs are neutral where 4 W^2 is large enough, unstable where not (Thomson and Tait).
    for turn, stability in ((0.5, "unstable"), (2.0, "neutral")):
        lagrangian = (VX**2 + VY**2) / 2 + turn * (X * VY - Y * VX) + (X**2 + 2 * Y**2) / 2
        assert normal_modes(linearise(lagrangian, PLANE, {"x": 0, "y": 0})).stability == stability


@pytest.mark.parametrize(
    ("angle", "friction", "rates", "stability"),
    [
        (0, 0.0, [2j], "neutral"),
        (sp.pi, 0.0, [2, -2], "unstable"),
        (0, 0.5, [-0.25 + 1j * np.sqrt(4 - 0.0625)], "asymptotically stable"),
        (0, 5.0, [-4, -1], "asymptotically stable"),
        (sp.pi, 3.0, [-4, 1], "unstable"),
    ],
)
def test_a_pendulum(angle, friction, rates, stability):
    found = linearise(V**2 / 2 + 4 * sp.cos(Q), LINE, {"q": angle}, dissipation=friction * V**2 / 2)
    modes = normal_modes(found)
    np.testing.assert_allclose(modes.rates, rates, rtol=1e-12, atol=1e-14)
    assert modes.stability == stability


def test_a_free_mass_has_two_zero_rates():
    modes = normal_modes(linearise((VX**2 + VY**2) / 2 - (X - Y) ** 2 / 2, PLANE, {"x": 0, "y": 0}))
    np.testing.assert_allclose(np.sort(modes.rates.imag), [0, 0, np.sqrt(2)], atol=1e-12)
    assert not modes.growth.any()
    assert modes.stability == "neutral"


def test_friction_on_a_free_mass_leaves_it_neutral():
    modes = normal_modes(linearise(V**2 / 2, LINE, {"q": 0}, dissipation=V**2))
    np.testing.assert_allclose(np.sort(modes.rates), [-2, 0], atol=1e-12)
    assert modes.stability == "neutral"


def test_an_indefinite_mass_matrix():
    # L = x_dot y_dot - x y: x_ddot = -x and y_ddot = -y.
    modes = normal_modes(linearise(VX * VY - X * Y, PLANE, {"x": 0, "y": 0}))
    np.testing.assert_allclose(modes.frequencies, [1, 1], rtol=1e-7)
    assert modes.stability == "neutral"


def test_the_linearised_motion_is_the_motion_of_small_swings():
    system = systems.get("double_pendulum")
    space, values = system.space, system.parameters
    found = linearise(system.lagrangian, space, dict.fromkeys(space.fields, 0))
    modes = normal_modes(found, values)
    mode = int(np.argmax(modes.frequencies))
    mechanics = compile_mechanics(system.numeric_lagrangian, space)
    n, size, omega = len(space.fields), 1e-5, modes.frequencies[mode]
    start = np.concatenate([size * modes.shapes[:, mode].real, np.zeros(n)])

    def rate(t, state):
        return np.concatenate([state[n:], mechanics.acceleration(t, state[None, :n], state[None, n:])[0]])

    end = scipy.integrate.solve_ivp(rate, (0, 2 * np.pi / omega), start, "DOP853", rtol=1e-11, atol=1e-16).y[:, -1]
    np.testing.assert_allclose(end, start, atol=1e-10)


def test_equilibria():
    system = systems.get("spring_pendulum")
    found = equilibrium(system.lagrangian, system.space, {"r": 1.2, "theta": 0.3}, parameters=system.parameters)
    p = system.parameters
    assert found["r"] == pytest.approx(p["l"] + p["m"] * p["g"] / p["k"], rel=1e-12)
    assert found["theta"] == pytest.approx(0.0, abs=1e-12)
    # A constant force shifts it, friction does not.
    pushed = equilibrium(
        V**2 / 2 - 2 * Q**2,
        LINE,
        {"q": 0.0},
        dissipation=V**2,
        forces={"q": sp.Symbol("F", real=True)},
        parameters={"F": 3.0},
    )
    assert pushed == {"q": pytest.approx(0.75)}
    # What was found can be linearised.
    hanging = linearise(system.numeric_lagrangian, system.space, found)
    assert normal_modes(hanging).frequencies.min() == pytest.approx(np.sqrt(p["g"] / found["r"]))


@pytest.mark.parametrize(
    ("lagrangian", "guess", "reason"),
    [
        (V**2 / 2 - Q, {"q": 0.0}, "no equilibrium found"),
        (V**2 / 2 - sp.Symbol("k", real=True) * Q**2, {"q": 0.0}, "value for k"),
        (V**2 / 2 - Q**2, {}, "guess for each of q"),
        (V**2 / 2 - Q * sp.cos(LINE.base_symbols[0]), {"q": 0.0}, "value for t"),
    ],
)
def test_no_equilibrium(lagrangian, guess, reason):
    with pytest.raises(InputError, match=reason):
        equilibrium(lagrangian, LINE, guess)


def test_a_singular_mass_matrix_is_refused():
    with pytest.raises(InputError, match="regular mass matrix"):
        normal_modes(linearise((VX + VY) ** 2 - X**2 - Y**2, PLANE, {"x": 0, "y": 0}))
