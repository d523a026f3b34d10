"""Units of a law: known answers, what is said where there are none, and everything that shows them."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pint
import pytest
from scipy.integrate import solve_ivp

from lagsym.data.tables import Columns, read_arrays, read_frame
from lagsym.data.trajectories import Trajectories
from lagsym.discovery import DiscoveryOptions, discover
from lagsym.distillation.options import ChoiceOptions
from lagsym.errors import InputError
from lagsym.law import Constant, Law
from lagsym.law.file import from_json, to_json
from lagsym.law.units import check_terms, with_units
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.notation.parsing import parse
from lagsym.reporting import law_text, report_files

SPACE = JetSpace(("x", "theta"))
UNITS = {"t": "s", "x": "m", "theta": "rad"}


def law(lagrangian: str, dissipation: str = "0") -> Law:
    formulas = [parse(text, SPACE.names, allow_parameters=True) for text in (lagrangian, dissipation)]
    names = sorted({str(s) for formula in formulas for s in formula.free_symbols} - set(SPACE.names))
    constants = tuple(Constant(name, 0.5 + i, 0.01) for i, name in enumerate(names))
    return Law(SPACE.fields, formulas[0], constants, dissipation=formulas[1])


CART = law("x_dot**2/2 + c1*theta_dot**2 + c2*x_dot*theta_dot*cos(theta) + c3*cos(theta)", "d1*x_dot**2/2")


def test_a_cart_with_a_pole():
    found, notices = with_units(CART, UNITS)
    assert [constant.unit for constant in found.constants] == ["m**2", "m", "m**2/s**2", "1/s"]
    assert found.lagrangian_unit == "m**2/s**2"
    assert found.units == UNITS
    assert notices == ()
    assert replace(found, units={}, lagrangian_unit=None, constants=CART.constants) == CART


def test_measured_forces_make_an_energy_of_it():
    pushed = law("c1*x_dot**2 + c2*theta_dot**2 - c3*x**2 + c4*cos(theta)")
    found, _ = with_units(pushed, {**UNITS, "force_x": "N"})
    assert [constant.unit for constant in found.constants] == ["kg", "kg*m**2", "kg/s**2", "kg*m**2/s**2"]
    assert found.lagrangian_unit == "kg*m**2/s**2"


def test_without_units_nothing_is_claimed():
    assert with_units(CART, {}) == (CART, ())
    with pytest.raises(InputError, match="expected a unit for theta"):
        with_units(CART, {"t": "s", "x": "m"})


def test_terms_that_do_not_go_together_are_named_with_both_units():
    found, notices = with_units(law("x_dot**2/2 + theta_dot**2/2 - c1*sin(x)"), UNITS)
    assert notices == (
        "The term x_dot**2/2 has the unit m**2/s**2 and cannot be added to theta_dot**2/2, which has the unit 1/s**2.",
        "In the term -c1*sin(x), x has the unit m where only a pure number can stand.",
        "So no constant is given a unit.",
    )
    assert {constant.unit for constant in found.constants} == {None}
    assert found.lagrangian_unit is None


def test_a_sum_of_metres_and_millimetres_is_no_sum():
    mixed = law("x_dot**2/2 - c1*sqrt(x**2 + theta**2)")
    assert with_units(mixed, {"t": "s", "x": "m", "theta": "m"})[0].constants[0].unit == "m/s**2"
    _, notices = with_units(mixed, {"t": "s", "x": "m", "theta": "mm"})
    assert "m**2" in notices[0]
    assert "mm**2" in notices[0]


def test_constants_that_only_occur_together_are_left_open():
    found, notices = with_units(law("x_dot**2/2 + theta_dot**2*c3 - c1*c2*x"), UNITS)
    assert [constant.unit for constant in found.constants] == [None, None, "m**2"]
    assert notices == ("The units of c1, c2 do not follow from those of the coordinates.",)


@pytest.mark.parametrize("term", ["x + t", "sin(x)", "x_dot**2/2 - x", "exp(x_dot)", "x**theta"])
def test_given_terms_are_refused_where_they_contradict_the_units(term):
    terms = (parse(term, SPACE.names),)
    check_terms(terms, SPACE, {})
    with pytest.raises(InputError, match=r"has the unit .*mend --units"):
        check_terms(terms, SPACE, UNITS)


@pytest.mark.parametrize("term", ["0.5*x_dot**2 - 9.81*x", "sin(2.0*x)", "log(x)", "x**3*cos(theta)"])
def test_given_terms_with_decimal_numbers_may_have_any_unit(term):
    check_terms((parse(term, SPACE.names),), SPACE, UNITS)


def test_units_are_written_read_and_shown():
    found, _ = with_units(CART, UNITS)
    schema = json.loads((Path(__file__).parents[2] / "docs" / "law.schema.json").read_text())
    jsonschema.validate(json.loads(to_json(found)), schema)
    assert from_json(to_json(found)) == found
    assert "m²/s²" in law_text(found)
    assert "Units: t in s, x in m, theta in rad, L in m²/s²." in law_text(found)
    files = {
        name: content.decode() for name, content in report_files(found, None).items() if name[:4] in ("repo", "law.")
    }
    assert "<td>m²/s²</td>" in files["report.html"]
    assert "theta in rad, L in m²/s²." in files["report.html"]
    assert r"\(\mathrm{m^{2}\,s^{-2}}\)" in files["law.tex"]
    assert r"x in \(\mathrm{m}\), theta in" in files["law.tex"]
    assert files["law.tex"].isascii()


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_the_latex_of_units_compiles(tmp_path):
    for number, length in enumerate(("µm", "angstrom", "m")):
        found, _ = with_units(CART, {**UNITS, "x": length})
        source = tmp_path / f"law{number}.tex"
        source.write_bytes(report_files(found, None)["law.tex"])
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", source.name]
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
        assert result.returncode == 0, result.stdout.decode(errors="replace")[-2000:]


def pushed_pendulum(time: str = "ms") -> Trajectories:
    """A pendulum of 2 kg and 0.5 m under a known torque, its angle in degrees, time in milliseconds or seconds."""
    inertia, weight = 2.0 * 0.5**2, 2.0 * 9.81 * 0.5
    times = np.arange(0.0, 8.0, 0.02)

    def torque(t):
        return 1.5 * np.sin(1.3 * t) + np.cos(3.1 * t)

    def rate(t, y):
        return [y[1], (torque(t) - weight * np.sin(y[0])) / inertia]

    frames = []
    for trajectory, start in enumerate((0.3, 1.1, 1.9, -0.8, -1.5)):
        theta, theta_dot = solve_ivp(rate, (0, 8), [start, 0.5], t_eval=times, rtol=1e-10, atol=1e-12).y
        frame = read_arrays(times, theta[:, None], theta_dot[:, None], coordinates=("theta",)).to_frame()
        frames.append(frame.assign(trajectory=trajectory, force_theta=torque(times)))
    table = pd.concat(frames)
    ticks = {"ms": 1000, "s": 1}[time]
    degrees = {"theta": np.degrees(table["theta"]), "theta_dot": np.degrees(table["theta_dot"]) / ticks}
    table = table.assign(t=ticks * table["t"], **degrees)
    units = {"t": time, "theta": "deg", "force_theta": "N*m"}
    return read_frame(table, Columns(angles=("theta",), units=units))


def test_a_discovery_gives_constants_with_their_units():
    """The moment of inertia, 0.5 kg m², and the weight, 9.81 N m, out of degrees and milliseconds."""
    found = discover(pushed_pendulum(), options=DiscoveryOptions(ChoiceOptions(evidence="data"))).law
    registry = pint.UnitRegistry()
    measured = sorted(
        registry.Quantity(constant.value, constant.unit).to_base_units().magnitude for constant in found.constants
    )
    assert measured == pytest.approx([0.5, 9.81], rel=1e-3)
    assert found.scale == "fixed"
    assert "Converted from deg to radians: theta, theta_dot." in found.notices


def test_given_terms_are_checked_before_anything_else():
    terms = (parse("sin(theta_dot)", JetSpace(("theta",)).names),)
    options = DiscoveryOptions(ChoiceOptions(evidence="data", terms=terms))
    with pytest.raises(InputError, match=r"sin\(theta_dot\), theta_dot has the unit 1/s where"):
        discover(pushed_pendulum(time="s"), options=options)
