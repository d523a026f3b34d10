"""Discovery end to end: the law found is the law that moved the data, whatever names and units the data come in."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sympy as sp
from scipy.integrate import solve_ivp

from lagsym.data.tables import Columns, read_frame, read_table
from lagsym.data.trajectories import Segment, Trajectories
from lagsym.discovery import DiscoveryOptions, discover
from lagsym.distillation.options import ChoiceOptions
from lagsym.errors import InputError
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System, parameter_symbol
from lagsym.neural import FitOptions
from lagsym.simulation import draw_parameters, simulate
from lagsym.systems import get
from lagsym.verification import verify_law

DATA = DiscoveryOptions(ChoiceOptions(evidence="data"))
SUCCESS = {"identical", "gauge-equivalent"}


def table(name: str, *, seed: int = 0, noise: float = 0.0) -> tuple[System, pd.DataFrame]:
    system = draw_parameters(get(name), seed)
    return system, simulate(system, seed=seed, noise=noise, trajectories=10, span=8.0).to_frame()


def found(frame: pd.DataFrame, angles=(), options: DiscoveryOptions = DATA):
    return discover(read_frame(frame, Columns(angles=tuple(angles))), options=options).law


@pytest.mark.parametrize("name", ["mass_spring", "kepler", "spring_pendulum", "coupled_oscillators"])
def test_the_data_give_the_law_with_honest_errors(name):
    system, frame = table(name, noise=1e-3)
    law = found(frame, system.angles)
    verdict = verify_law(law, system)
    assert law.status == "recovered"
    assert verdict.kind in SUCCESS, verdict.sentence
    assert all(c.standard_error is not None and 0 < c.standard_error < 0.02 * abs(c.value) for c in law.constants)
    assert law.multipliers == (2 if name == "coupled_oscillators" else 1)
    assert set(law.evidence.values()) == {("data",)}


def test_renaming_permuting_and_rescaling_give_the_transformed_law():
    """u = 1000 r, w = theta, time in units of 0.01: L(r, theta) becomes L(u / 1000, w) with velocities scaled alike."""
    system, frame = table("spring_pendulum")
    length, time = 1000.0, 0.01
    renamed = pd.DataFrame({"trajectory": frame["trajectory"], "t": frame["t"] / time})
    renamed["w"], renamed["u"] = frame["theta"], frame["r"] * length
    renamed["w_dot"], renamed["u_dot"] = frame["theta_dot"] * time, frame["r_dot"] * length * time
    law = found(renamed, ["w"])
    assert law.coordinates == ("w", "u")
    old, new = system.space, JetSpace(("w", "u"))
    (w, u), (w_dot, u_dot) = new.positions, new.velocities
    moved = dict(
        zip((*old.positions, *old.velocities), (u / length, w, u_dot / length / time, w_dot / time), strict=True)
    )
    reference = System("moved", new, system.numeric_lagrangian.subs(moved, simultaneous=True))
    low, high = frame["r"].quantile([0.1, 0.9]) * length
    verdict = verify_law(law, System("moved", new, reference.lagrangian, ranges={"u": (low, high)}))
    assert verdict.kind in SUCCESS, verdict.sentence


def test_the_same_seed_gives_the_same_law():
    _, frame = table("pendulum", noise=1e-2)
    first, second = found(frame, ["theta"]), found(frame, ["theta"])
    assert first.constants == second.constants
    assert first.evidence == second.evidence


def test_a_wrong_reference_is_different():
    system, frame = table("pendulum")
    law = found(frame, system.angles)
    wrong = system.with_parameters({"g": 1.01 * system.parameters["g"]})
    assert verify_law(law, wrong).kind == "different"


def test_network_and_data_agree_on_the_pendulum():
    system, frame = table("pendulum")
    options = DiscoveryOptions(ChoiceOptions("both"), FitOptions(width=16, steps=60, tolerance=2e-3))
    result = discover(read_frame(frame, Columns(angles=("theta",))), options=options)
    assert set(result.law.evidence.values()) == {("network", "data")}
    assert result.law.scores["fidelity_r2"] > 0.99
    assert verify_law(result.law, system).kind in SUCCESS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "structure"),
    [("relativistic_particle", "separable"), ("relativistic_2d", "separable"), ("foucault_pendulum", "gyroscopic")],
)
def test_the_network_leads_to_laws_beyond_the_natural_structure(name, structure):
    system = draw_parameters(get(name), 0)
    frame = simulate(system, seed=0).to_frame()
    options = DiscoveryOptions(ChoiceOptions("network"), FitOptions(width=16, steps=200, tolerance=1.5e-3))
    result = discover(read_frame(frame), options=options)
    assert result.law.structure == structure
    assert result.law.scores["network_error_natural"] > result.law.scores[f"network_error_{structure}"]
    verdict = verify_law(result.law, system)
    assert verdict.kind in SUCCESS, verdict.sentence


@pytest.mark.slow
def test_strong_friction_of_one_of_two_coordinates_is_found_beside_the_law():
    space = JetSpace(("x", "y"))
    (x, y), (v, w) = space.positions, space.velocities
    ranges = dict.fromkeys(("x", "y", "x_dot", "y_dot"), (-1.0, 1.0))
    free = (v**2 + w**2) / 2 - x**2 + x * y / 2 - y**2 / 2
    system = System("damped", space, free, dissipation=v**2 / 10, ranges=ranges, span=10.0, step=0.02)
    law = discover(simulate(system, trajectories=8, noise=1e-3, seed=0).positions_only(), options=DATA).law
    assert law.status == "recovered"
    assert law.numeric_lagrangian is not None
    scale = law.numeric_lagrangian.coeff(v**2)
    difference = sp.expand(law.numeric_lagrangian / scale - 2 * free)
    assert max(abs(float(number)) for number in difference.as_coefficients_dict().values()) < 2e-3
    (rate,) = (c for c in law.constants if c.name.startswith("d"))
    assert rate.standard_error is not None
    assert str(law.dissipation) == "d1*x_dot**2/2"
    assert rate.value / (2 * float(scale)) == pytest.approx(0.2, abs=5 * rate.standard_error)


def test_a_known_part_sets_the_scale():
    system, frame = table("pendulum")
    space = JetSpace(("theta",))
    known = sp.Float(2.5) * space.velocities[0] ** 2 / 2
    law = found(frame, ["theta"], DiscoveryOptions(ChoiceOptions(evidence="data", known=known)))
    strength = 2.5 * system.parameters["g"] / system.parameters["l"]
    assert law.scale == "fixed"
    assert law.constants[0].value == pytest.approx(strength, rel=1e-6)


def torqued_pendulum(*, noise: float = 0.0, inertia: float = 1.8, weight: float = 11.0) -> pd.DataFrame:
    """A pendulum of m l^2 = 1.8 and m g l = 11 under a known torque."""
    generator = np.random.default_rng(0)
    frames = []
    for k in range(8):
        t = np.arange(0, 8, 0.02)

        def torque(time, phase=k):
            return 3.0 * np.sin(1.3 * time + phase) + 1.5 * np.cos(2.9 * time)

        solution = solve_ivp(
            lambda time, s, drive=torque: [s[1], (drive(time) - weight * np.sin(s[0])) / inertia],
            (0, t[-1]),
            generator.uniform(-1, 1, 2),
            t_eval=t,
            rtol=1e-10,
            atol=1e-10,
        )
        theta, omega = solution.y + noise * generator.standard_normal((2, len(t)))
        columns = {"trajectory": k, "t": t, "theta": theta, "theta_dot": omega, "force_theta": torque(t)}
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames)


@pytest.mark.parametrize(("evidence", "noise"), [("data", 0.0), ("data", 1e-3), ("network", 0.0)])
def test_measured_forces_fix_the_scale(evidence, noise):
    """The constants come out in the units of the torque, whoever chose the terms."""
    law = found(torqued_pendulum(noise=noise), ["theta"], DiscoveryOptions(ChoiceOptions(evidence=evidence)))
    (theta,), (omega,) = law.space.positions, law.space.velocities
    assert law.lagrangian is not None
    assert law.scale == "fixed"
    assert law.dissipation == 0
    assert set(law.evidence.values()) == {(evidence,)}
    terms = dict(term.as_coeff_Mul()[::-1] for term in sp.Add.make_args(sp.expand(law.numeric_lagrangian)))
    assert set(terms) == {omega**2, sp.cos(theta)}
    assert float(terms[omega**2]) == pytest.approx(1.8 / 2, rel=2e-3)
    assert float(terms[sp.cos(theta)]) == pytest.approx(11.0, rel=2e-3)
    assert law.scores["held_out_r2"] > 0.99
    assert law.scores["rollout_error"] < 0.05


def test_a_structure_of_fields_is_refused():
    with pytest.raises(InputError, match="gyroscopic, separable, free, weighted length for particles; got 'evolution'"):
        found(table("pendulum")[1], ["theta"], DiscoveryOptions(ChoiceOptions(structure="evolution")))


def test_forces_and_a_known_part_would_set_the_scale_twice():
    known = JetSpace(("theta",)).velocities[0] ** 2
    with pytest.raises(InputError, match="either measured forces or a known part"):
        found(torqued_pendulum(), ["theta"], DiscoveryOptions(ChoiceOptions(evidence="data", known=known)))


@pytest.mark.slow
def test_a_network_shows_friction_beside_the_lagrangian():
    system, frame = table("damped_pendulum")
    options = DiscoveryOptions(ChoiceOptions(evidence="network"), fit=FitOptions(width=12, steps=100, tolerance=3e-3))
    law = found(frame, system.angles, options)
    assert verify_law(law, system).kind in SUCCESS
    assert law.scores["network_error_natural"] > 5 * law.scores["network_error_natural-friction"]
    assert sorted(set(law.evidence.values())) == [("network",), ("network", "energy")]
    found_by_network, rate = str(law.tests["friction"]["network"]), law.constants[-1].value
    assert found_by_network.endswith("*(theta_dot**2/2)")
    assert float(found_by_network.split("*")[0]) == pytest.approx(rate, rel=0.05)
    assert float(law.tests["friction"]["network_unexplained"]) < 0.2


def test_motion_without_a_lagrangian_is_refused():
    """x'' = x^2 + y^2, y'' = x has no multiplier (Douglas 1941, an example of his case IV kind)."""
    generator = np.random.default_rng(0)
    frames = []
    for k in range(12):
        state, step = generator.uniform(-0.6, 0.6, 4), 0.002
        rows = []
        for i in range(1500):
            rows.append([k, i * step, *state])

            def rate(s: np.ndarray) -> np.ndarray:
                return np.array([s[2], s[3], s[0] ** 2 + s[1] ** 2, s[0]])

            k1 = rate(state)
            k2 = rate(state + step / 2 * k1)
            k3 = rate(state + step / 2 * k2)
            k4 = rate(state + step * k3)
            state = state + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        frames.append(pd.DataFrame(rows[::10], columns=["trajectory", "t", "x", "y", "x_dot", "y_dot"]))
    law = found(pd.concat(frames))
    assert law.status == "not_lagrangian", (law.lagrangian, law.scores)
    assert law.lagrangian is None
    assert law.notices


def test_noise_alone_is_not_a_law():
    generator = np.random.default_rng(0)
    frame = pd.DataFrame({"t": np.arange(600) * 0.1, "x": generator.standard_normal(600)})
    law = found(frame)
    assert law.status != "recovered"


def test_options_are_checked():
    with pytest.raises(InputError, match="evidence to be one of auto, both, data, network"):
        ChoiceOptions(evidence="guess")
    with pytest.raises(InputError, match="reads a trained network"):
        ChoiceOptions(evidence="data", engine="operon")
    with pytest.raises(InputError, match="budget"):
        DiscoveryOptions(budget=0)


def test_a_network_is_asked_only_where_the_data_leave_doubt():
    """A formula of the library leaves nothing of a harmonic motion, so the network stands beside it only."""
    t = np.arange(0, 30, 0.05)
    starts = np.random.default_rng(0).uniform(0.5, 1.5, 8)
    swinging = [Segment(t, (a * np.sin(1.3 * t))[:, None], trajectory=str(k)) for k, a in enumerate(starts)]
    found = discover(Trajectories(("x",), tuple(swinging)))
    assert found.fit is not None
    assert found.law.status == "recovered"
    assert set().union(*found.law.evidence.values()) == {"data"}
    assert any("the network chose no terms" in notice for notice in found.law.notices)
    assert found.faithfulness is not None


REAL = os.environ.get("LAGSYM_REAL_DATA")
real = pytest.mark.skipif(not REAL, reason="LAGSYM_REAL_DATA names no folder of real measurements")


@pytest.mark.slow
@real
@pytest.mark.parametrize("structure", ["auto", "free"])
def test_the_real_double_pendulum(structure):
    columns = Columns(angles=("theta1", "theta2"), ignore=("theta1_ddot", "theta2_ddot"))
    data = read_table(Path(REAL or "") / "real_double_pendulum.csv", columns)
    options = DiscoveryOptions(ChoiceOptions(evidence="data", structure=structure))
    law = discover(data, options=options).law
    assert law.lagrangian is not None
    (a, b), (v, w) = law.space.positions, law.space.velocities
    expected = {v**2: 1 / 2, w**2: 0.317 / 2, v * w * sp.cos(a - b): 0.406, sp.cos(a): 62.0, sp.cos(b): 23.0}
    zeros = {c.name: c.value for c in law.constants if c.name.endswith("_0")}
    found = law.lagrangian.xreplace({a: a + parameter_symbol("theta1_0"), b: b + parameter_symbol("theta2_0")})
    numbers = {parameter_symbol(c.name): c.value for c in law.constants}
    terms = dict(term.xreplace(numbers).as_coeff_Mul()[::-1] for term in sp.Add.make_args(found))
    assert set(terms) == set(expected)
    for term, value in expected.items():
        assert float(terms[term]) == pytest.approx(value, rel=0.02)
    assert zeros == pytest.approx({"theta1_0": -0.0033, "theta2_0": 0.0035}, rel=0.1)
    left, before = (law.tests[f"residual over noise{which}"] for which in ("", " without zeros"))
    assert all(left[name] < 0.5 * before[name] for name in ("theta1", "theta2"))
    assert law.scores["held_out_r2"] > 0.98


@real
def test_the_real_pendulum_has_friction():
    data = read_table(Path(REAL or "") / "real_pendulum.csv", Columns(angles=("theta",)))
    law = discover(data, options=DATA).law
    (theta,), (omega,) = law.space.positions, law.space.velocities
    assert law.lagrangian is not None
    swing = sp.cos(theta - parameter_symbol("theta_0"))
    assert law.lagrangian.coeff(swing) != 0
    assert law.lagrangian.xreplace({swing: sp.S.Zero}) == omega**2 / 2
    assert law.dissipation.has(omega)
    assert float(law.tests["friction"]["significance"]) > 4


@pytest.mark.slow
@real
def test_the_real_oscillator_on_an_air_track():
    law = discover(read_table(Path(REAL or "") / "real_oscillator.csv"), options=DATA).law
    (x,), (v,) = law.space.positions, law.space.velocities
    assert law.status == "recovered"
    assert law.lagrangian == v**2 / 2 + parameter_symbol("c1") * x**2
    assert law.constants[0].value == pytest.approx(-3.11, rel=0.01)
    assert law.dissipation == parameter_symbol("d1") * v**2 / 2


def test_a_coordinate_that_is_called_like_a_constant_is_refused():
    _, frame = table("mass_spring")
    with pytest.raises(InputError, match="c1 would be the name of a constant in the law"):
        discover(read_frame(frame.rename(columns={"x": "c1", "x_dot": "c1_dot"})), options=DATA)


def test_a_parameter_that_differs_between_trajectories_is_refused():
    _, frame = table("mass_spring")
    frame["k"] = frame["trajectory"].astype(int) % 3
    data = read_frame(frame, Columns(parameters=("k",)))
    with pytest.raises(InputError, match=r"k has 3 values.*a table for each value of k"):
        discover(data, options=DATA)
