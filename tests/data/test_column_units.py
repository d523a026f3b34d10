"""Units of a table: what must be there and agree, and that only degrees and their like are converted."""

import numpy as np
import pandas as pd
import pytest

from lagsym.data.tables import Columns, read_arrays, read_frame
from lagsym.errors import InputError

T = np.arange(80) * 0.05
SWING = 0.4 * np.sin(2 * T)


@pytest.fixture
def frame() -> pd.DataFrame:
    columns = {"t": T, "x": np.cos(T), "theta": SWING, "x_dot": -np.sin(T), "theta_dot": 0.8 * np.cos(2 * T)}
    return pd.DataFrame({**columns, "force_x": 0 * T, "m": 2.0})


def read(frame, **units):
    columns = Columns(angles=("theta",), parameters=("m",), units=units)
    return read_frame(frame, columns)


def test_units_are_kept_with_the_motion_and_nothing_is_converted(frame):
    data = read(frame, t="ms", x="mm", theta="rad", force_x="N", m="kg", x_dot="m/s")
    assert data.units == {"t": "ms", "x": "mm", "theta": "rad", "force_x": "N", "m": "kg"}
    assert data.with_segments(data.segments[:1]).units == data.units
    np.testing.assert_array_equal(data.segments[0].q[:, 0], frame["x"])
    assert data.notices == ()
    assert read(frame).units == {}


@pytest.mark.parametrize(("unit", "turn"), [("deg", 360.0), ("turn", 1.0), ("arcmin", 21600.0)])
def test_angles_in_other_units_become_radians_with_a_notice(frame, unit, turn):
    wrapped = (SWING * turn / 2 / np.pi) % turn
    other = frame.assign(theta=wrapped, theta_dot=frame["theta_dot"] * turn / 2 / np.pi)
    data = read(other, t="s", x="m", theta=unit, force_x="N")
    np.testing.assert_allclose(data.segments[0].q[:, 1], SWING, atol=1e-12)
    np.testing.assert_allclose(data.segments[0].v[:, 1], frame["theta_dot"], atol=1e-12)
    assert data.units["theta"] == "rad"
    assert [f"Converted from {unit} to radians: theta, theta_dot." for _ in data.notices] == list(data.notices)
    np.testing.assert_array_equal(data.segments[0].q[:, 0], frame["x"])


GOOD = {"t": "s", "x": "m", "theta": "rad", "force_x": "N"}
BAD = {
    "missing": ({"force_x": None}, "force_x has none; add force_x=UNIT"),
    "no time": ({"t": None}, "t has none"),
    "unknown": ({"thet": "rad"}, "--units names thet.*did you mean theta"),
    "no unit": ({"x": "elbow"}, "expected a unit for x"),
    "time in metres": ({"t": "m"}, "expected a unit of time for t"),
    "angle in metres": ({"theta": "m"}, "theta is an angle"),
    "velocity": ({"theta_dot": "deg/s"}, "theta_dot has the unit deg/s, but theta and t make 1/s; convert"),
    "acceleration": ({"x_ddot": "m/s"}, r"x_ddot has the unit m/s, but x and t make m/s\*\*2; convert"),
    "velocity in other units": ({"x_dot": "mm/s"}, "x_dot has the unit mm/s, but x and t make m/s; convert"),
}


@pytest.mark.parametrize("name", BAD)
def test_units_that_do_not_go_together_say_why(frame, name):
    change, message = BAD[name]
    units = {key: unit for key, unit in {**GOOD, **change}.items() if unit is not None}
    with pytest.raises(InputError, match=message):
        read(frame.assign(x_ddot=-np.cos(T), theta_ddot=0.0), **units)


def test_the_work_of_all_forces_has_one_unit(frame):
    torque = frame.assign(force_theta=0.0)
    assert read(torque, **GOOD, force_theta="J").units["force_theta"] == "J"
    with pytest.raises(InputError, match=r"work of force_theta on theta is in .* that of force_x on x in"):
        read(torque, **GOOD, force_theta="N")
    with pytest.raises(InputError, match="but they are added"):
        read(torque, **GOOD, force_theta="mJ")


def test_arrays_may_have_units():
    data = read_arrays(T, SWING[:, None], coordinates=("theta",), angles=("theta",), units={"t": "s", "theta": "deg"})
    np.testing.assert_allclose(data.segments[0].q[:, 0], np.radians(SWING))
