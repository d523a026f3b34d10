"""A law like that of a real double pendulum, with friction, and a made-up validation of it."""

import numpy as np
import pytest

from lagsym.law import Constant, FrontEntry, Law
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.notation.parsing import parse
from lagsym.validation import Validation


@pytest.fixture(scope="session")
def law() -> Law:
    names = JetSpace(("theta1", "theta2")).names
    lagrangian = (
        "theta1_dot**2/2 + c1*theta2_dot**2 + c2*theta1_dot*theta2_dot*cos(theta1 - theta2)"
        " + c3*cos(theta1) + c4*cos(theta2)"
    )
    values = {"c1": (0.159, 4e-4), "c2": (0.406, 7e-4), "c3": (62.0, 0.05), "c4": (23.0, 0.03), "d1": (0.012, 8e-4)}
    return Law(
        coordinates=("theta1", "theta2"),
        lagrangian=parse(lagrangian, names, allow_parameters=True),
        constants=tuple(Constant(name, value, error) for name, (value, error) in values.items()),
        dissipation=parse("d1*theta1_dot**2/2", names, allow_parameters=True),
        verdict="gauge-equivalent",
        angles=("theta1", "theta2"),
        evidence={"theta1_dot**2/2": ("network", "data"), "c3*cos(theta1)": ("data",)},
        scores={"held_out_r2": 0.9968, "rollout_error": 0.012},
        comparison={"sentence": "Gauge-equivalent: 3.25 times the reference.", "scale": 3.25, "chi_square": 3.2},
        tests={"friction": {"significance": 15.2, "found": "theta1_dot**2"}},
        front=(
            FrontEntry(3.0, 0.9, "0.5*theta1_dot**2"),
            FrontEntry(
                15.0,
                0.0011,
                "0.5*theta1_dot**2 + 61.0*cos(theta1) + 0.3*theta2_dot**2 + 23.1*cos(theta2)"
                " + 0.4*theta1_dot*theta2_dot*cos(theta1 - theta2)",
            ),
            FrontEntry(16.0, 0.001, "not a formula ("),
        ),
        notices=("Trajectory <b>0</b> was split at 20 gaps & 50 % of {it} is_odd in time^2 \\ ~.",),
        seconds={"fit": 31.2},
    )


@pytest.fixture(scope="session")
def refused() -> Law:
    return Law(
        ("x", "y"),
        None,
        status="not_lagrangian",
        scores={"unconstrained_r2": 0.998},
        notices=("No candidate explains the data.",),
    )


@pytest.fixture(scope="session")
def validation(law: Law) -> Validation:
    random = np.random.default_rng(0)
    measured = random.normal(size=(500, 2))
    time = np.linspace(0, 4, 60)
    positions = np.stack([np.sin(3 * time), np.cos(4 * time)], axis=1)
    predicted = measured + 0.01 * random.normal(size=measured.shape)
    return Validation(law.scores, measured, predicted, time, positions, positions + 0.01, 1e-4 * np.sin(time))
