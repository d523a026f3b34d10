"""law.json: what is written reads back, agrees with the published schema, and bad files give one clear error."""

import json
import math
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import sympy as sp

from lagsym.errors import InputError
from lagsym.law import Constant, FrontEntry, Law
from lagsym.law_file import from_json, read_law, to_json, write_law
from lagsym.mechanics.dynamics.forms import accelerations
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.notation.parsing import parse
from lagsym.mechanics.system import parameter_symbol

SCHEMA = json.loads((Path(__file__).parents[1] / "docs" / "law.schema.json").read_text())


@pytest.fixture
def law() -> Law:
    space = JetSpace(("theta1", "theta2"))
    (q1, q2), (v1, v2) = space.positions, space.velocities
    c1, c2, c3, c4, d1 = (parameter_symbol(name) for name in ("c1", "c2", "c3", "c4", "d1"))
    values = {"c1": 0.15866, "c2": 0.1 + 0.2, "c3": 62.03, "c4": 1e-17 / 3, "d1": 0.0123}
    return Law(
        coordinates=("theta1", "theta2"),
        lagrangian=v1**2 / 2 + c1 * v2**2 + c2 * v1 * v2 * sp.cos(q1 - q2) + c3 * sp.cos(q1) + c4 * sp.cos(q2),
        constants=tuple(Constant(name, value, 1e-4, None, "m") for name, value in values.items()),
        covariance=tuple(tuple(float(x) for x in row) for row in 1e-8 * np.eye(5) + 1e-10),
        dissipation=d1 * v1**2 / 2,
        verdict="gauge-equivalent",
        angles=("theta1", "theta2"),
        evidence={"c1*theta2_dot**2": ("network", "data")},
        scores={"held_out_r2": 0.9968, "rollout_error": 0.01},
        comparison={"scale": 2.0, "added_function": "theta1"},
        tests={"friction": {"significance": 15.2, "found": "theta1_dot**2"}},
        front=(FrontEntry(9.0, 0.01, "theta1_dot**2/2", (0.5,), {"held_out_r2": 0.2}),),
        notices=("Trajectory 0 was split at 20 gaps in time.",),
        seed=3,
        seconds={"fit": 1.5},
        caps_hit=("fit",),
    )


def document(law: Law) -> dict:
    return json.loads(to_json(law))


def test_everything_reads_back(law: Law, tmp_path: Path) -> None:
    write_law(law, tmp_path / "law.json")
    assert read_law(tmp_path / "law.json") == law
    assert read_law(tmp_path) == law


def test_nothing_but_the_law_is_left_in_the_folder(law: Law, tmp_path: Path) -> None:
    write_law(law, tmp_path / "law.json")
    write_law(replace(law, seed=4), tmp_path / "law.json")
    assert [file.name for file in tmp_path.iterdir()] == ["law.json"]
    assert read_law(tmp_path).seed == 4


def test_follows_the_schema(law: Law) -> None:
    jsonschema.validate(document(law), SCHEMA, jsonschema.Draft202012Validator)


def test_schema_describes_every_key_that_is_written(law: Law) -> None:
    assert set(document(law)) == set(SCHEMA["properties"])


@pytest.mark.parametrize("status", ["not_lagrangian", "uncertain"])
def test_no_lagrangian(status: str, tmp_path: Path) -> None:
    refused = Law(("x", "y"), None, status=status, notices=("No candidate explains the data.",))
    jsonschema.validate(document(refused), SCHEMA, jsonschema.Draft202012Validator)
    assert document(refused)["lagrangian"] is None
    write_law(refused, tmp_path / "law.json")
    assert read_law(tmp_path) == refused


def test_a_recovered_law_has_a_lagrangian() -> None:
    empty = document(Law(("x",), None, status="uncertain")) | {"status": "recovered"}
    with pytest.raises(InputError, match="needs a Lagrangian"):
        from_json(json.dumps(empty))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(empty, SCHEMA)


def test_numbers_keep_all_their_digits(law: Law) -> None:
    space = law.space
    lagrangian = parse(document(law)["lagrangian"], space.names)
    assert lagrangian == law.numeric_lagrangian
    assert float(lagrangian.coeff(sp.cos(space.positions[1]))) == law.constants[3].value


def test_equations_are_the_solved_accelerations_with_friction(law: Law) -> None:
    space = law.space
    equations = document(law)["equations"]
    expected = accelerations(law.numeric_lagrangian, space, dissipation=law.numeric_dissipation)
    point = dict(zip((*space.positions, *space.velocities), (0.3, -1.1, 0.7, 2.0), strict=True))
    for name, value in zip(("theta1_ddot", "theta2_ddot"), expected, strict=True):
        assert float(parse(equations[name], space.names).subs(point)) == pytest.approx(float(value.subs(point)))
    frictionless = document(replace(law, dissipation=sp.S.Zero))["equations"]
    assert frictionless["theta1_ddot"] != equations["theta1_ddot"]


def test_a_singular_mass_matrix_has_no_equations() -> None:
    space = JetSpace(("x",))
    assert document(Law(("x",), space.velocities[0] * space.positions[0]))["equations"] == {}


def test_unknown_scores_are_null(law: Law) -> None:
    written = document(replace(law, scores={"rollout_error": math.inf, "held_out_r2": math.nan}))
    assert written["scores"] == {"rollout_error": None, "held_out_r2": None}
    assert math.isnan(from_json(json.dumps(written)).scores["rollout_error"])


def test_numpy_numbers_are_written(law: Law) -> None:
    scores = {"held_out_r2": np.float32(0.5), "energy_drift": np.float64(0.25)}
    assert document(replace(law, scores=scores))["scores"] == {"held_out_r2": 0.5, "energy_drift": 0.25}


def test_infinite_errors_are_no_errors(law: Law) -> None:
    constants = (Constant("c1", 1.0, math.inf), *law.constants[1:])
    covariance = ((math.inf, *[0.0] * 4), *law.covariance[1:])
    written = document(replace(law, constants=constants, covariance=covariance))
    assert written["constants"][0]["standard_error"] is None
    assert written["covariance"] == []


def test_a_constant_without_a_number_is_refused(law: Law) -> None:
    with pytest.raises(InputError, match="c1 has none"):
        to_json(replace(law, constants=(Constant("c1", math.nan), *law.constants[1:])))


def test_fields_read_back() -> None:
    space = JetSpace(("phi",), ("t", "x"))
    lagrangian = parse("phi_t**2/2 - phi_x**2/2 + cos(phi)", space.names)
    law = Law(("phi",), lagrangian, base=("t", "x"))
    assert from_json(to_json(law)) == law


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, '"schema": 1, got 2'),
        ({"schema": None}, '"schema": 1, got null'),
        ({"coordinates": []}, "at least one coordinate"),
        ({"coordinates": "theta"}, "'coordinates' to be a list of texts"),
        ({"lagrangian_symbolic": "theta1_dot**2/2 + c9*cos(theta1)"}, "unknown name 'c9'"),
        ({"lagrangian_symbolic": "__import__('os').system('ls')"}, "lagrangian_symbolic"),
        ({"lagrangian_symbolic": 3}, "'lagrangian_symbolic' to be text"),
        ({"lagrangian": "theta1_dot**2"}, "different functions"),
        ({"dissipation": "theta1_dot**2"}, "different functions"),
        ({"lagrangian_symbolic": None, "lagrangian": None}, "needs a Lagrangian"),
        ({"status": "certain"}, '"recovered" or "uncertain"'),
        ({"angles": ["phi"]}, "names phi, not among the coordinates"),
        ({"constants": [{"name": "c1"}]}, "'value' is missing"),
        ({"constants": [{"name": "theta1", "value": 1.0}]}, "name of two things"),
        ({"constants": [{"name": "c1", "value": "1"}]}, "'value' to be a finite number"),
        ({"constants": [3]}, "'constants' to be an object"),
        ({"covariance": [[1.0]]}, "5 x 5"),
        ({"evidence": {"c1": "data"}}, "'evidence' to be a list of texts"),
        ({"multipliers": 1.5}, "'multipliers' to be an integer"),
        ({"scores": {"held_out_r2": True}}, "'scores' to be a finite number"),
        ({"front": [{"complexity": 1}]}, "'loss' is missing"),
    ],
)
def test_a_bad_value_is_one_clear_error(law: Law, change: dict, message: str) -> None:
    with pytest.raises(InputError, match=r"law\.json: ") as caught:
        from_json(json.dumps(document(law) | change))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", SCHEMA["required"])
def test_a_missing_key_is_named(law: Law, key: str) -> None:
    written = document(law)
    del written[key]
    with pytest.raises(InputError, match=key):
        from_json(json.dumps(written))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(written, SCHEMA)


@pytest.mark.parametrize("key", sorted(set(SCHEMA["properties"]) - set(SCHEMA["required"])))
def test_every_other_key_may_be_missing(law: Law, key: str) -> None:
    written = document(law)
    del written[key]
    assert from_json(json.dumps(written)).lagrangian == law.lagrangian


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b"\xff\xfe\x00\x81", b"[" * 100_000, b"t,x\n0,1\n", b'{"schema": NaN}']
)
def test_what_is_no_law_is_one_clear_error(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "law.json"
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"law\.json: ") as caught:
        read_law(file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "1" + 400 * "0"])
def test_numbers_that_are_not_finite_are_refused(law: Law, number: str) -> None:
    text = to_json(law).replace("0.15866,", f"{number},")
    with pytest.raises(InputError, match="finite number"):
        from_json(text)


def test_missing_files_and_folders_are_input_errors(law: Law, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        read_law(tmp_path / "nothing.json")
    with pytest.raises(InputError, match="cannot read"):
        read_law(tmp_path)
    with pytest.raises(InputError, match="cannot write"):
        write_law(law, tmp_path / "nowhere" / "law.json")
    (tmp_path / "law.json").mkdir()
    with pytest.raises(InputError, match="cannot write"):
        write_law(law, tmp_path / "law.json")
    assert [file.name for file in tmp_path.iterdir()] == ["law.json"]


def test_notebooks_show_the_law_with_its_errors(law: Law) -> None:
    shown = law._repr_latex_()
    assert shown.startswith("$$\\begin{aligned}\nL &= ")
    assert "D &= " in shown
    assert "c1" not in shown
    nothing = Law(("q",), None, status="not_lagrangian")
    assert nothing._repr_latex_() == r"$$\text{no Lagrangian explains the data}$$"
