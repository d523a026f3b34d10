"""The rivals are asked what they should be, and judged as lagsym is."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))  # the benchmarks are no part of the package

import recovery  # noqa: E402
import rivals  # noqa: E402
from rival_judging import best_of, judged  # noqa: E402

from lagsym.data.jets import Jets  # noqa: E402
from lagsym.mechanics.system import System  # noqa: E402
from lagsym.neural.models import STRUCTURES  # noqa: E402
from lagsym.neural.scaling import Scaling  # noqa: E402
from lagsym.simulation import simulate  # noqa: E402
from lagsym.systems import get  # noqa: E402

SPRING = get("mass_spring").with_parameters({"m": 2.0, "k": 3.0})
(X,), (RATE,) = SPRING.space.positions, SPRING.space.velocities


@pytest.fixture(scope="module")
def question():
    data = simulate(SPRING, trajectories=6, span=4.0, seed=1).positions_only()
    return rivals.Question.of(SPRING, data, 0)


def found(**coefficients):
    """A formula of terms written as text."""
    terms = {"rate2": RATE**2, "x2": X**2, "x4": X**4, "x_rate": X * RATE}
    return rivals.Found("here", tuple(terms[name] for name in coefficients), tuple(coefficients.values()))


def test_the_library_is_that_of_the_true_structure_and_holds_the_true_terms(question):
    assert [rivals.structure_of(get(name)) for name in ("kepler", "charged_particle_magnetic", "relativistic_2d")] == [
        "natural",
        "gyroscopic",
        "separable",
    ]
    assert {X**2, RATE**2, X**4} <= set(question.library.expressions)
    assert question.library.expressions[question.known] == RATE**2


def test_scale_sign_and_gauge_do_not_matter_to_the_verdict(question):
    row = judged(found(rate2=-4.0, x2=6.0, x_rate=0.7), question)
    assert row["as_it_comes"]
    assert row["recovered"]
    assert row["verdict"] == "gauge-equivalent"


def test_constants_that_are_off_are_fitted_where_the_terms_are_right(question):
    row = judged(found(rate2=1.0, x2=-1.45), question)
    assert not row["as_it_comes"]
    assert row["recovered"]
    assert row["largest_error"] < 1e-6


@pytest.mark.parametrize("formula", [found(rate2=1.0, x2=-1.5, x4=0.01), found(rate2=1.0, x4=-1.5), found(x2=-1.5)])
def test_other_terms_are_not_right(question, formula):
    row = judged(formula, question)
    assert not row["right_terms"]
    assert not row["recovered"]


def test_the_best_formula_counts_and_none_is_told_as_such(question):
    answer = rivals.Answer((found(x2=1.0), found(rate2=1.0, x2=-1.5), found(rate2=1.0, x4=1.0)), "why", "1.0")
    row = best_of(answer, question)
    assert row["recovered"]
    assert (row["candidates"], row["reason"], row["version"]) == (3, "why", "1.0")
    assert best_of(rivals.Answer((), "why"), question)["verdict"] == "no formula"


@pytest.mark.parametrize("structure", ["free", "gyroscopic", "separable"])
def test_the_value_of_a_network_has_the_slopes_that_the_network_gives(structure):
    generator = np.random.default_rng(0)
    q, v = generator.normal(size=(2, 5, 2))
    jets = Jets.of_particle(np.zeros(5), q, v, generator.normal(size=(5, 2)))
    model = STRUCTURES[structure](Scaling.of(jets, (0,)), width=6, depth=2, seed=3)
    step = 1e-3

    def value(dq, dv):
        return rivals.raw_lagrangian(model, Jets.of_particle(jets.t, q + dq, v + dv))

    units = np.eye(2) * step
    mass = [
        [(value(0, a + b) - value(0, a - b) - value(0, b - a) + value(0, -a - b)) / (4 * step**2) for a in units]
        for b in units
    ]
    np.testing.assert_allclose(np.moveaxis(mass, -1, 0), model.read(jets).mass, rtol=1e-4, atol=1e-4)
    slope = np.stack([(value(a, 0) - value(-a, 0)) / (2 * step) for a in units], axis=1)
    mixed = [
        [(value(a, b) - value(a, -b) - value(-a, b) + value(-a, -b)) / (4 * step**2) for a in units] for b in units
    ]
    force = slope - np.einsum("ijt,tj->ti", np.array(mixed), v)
    np.testing.assert_allclose(force, model.read(jets).force, rtol=1e-3, atol=1e-3)


def test_a_value_without_gauge_gives_the_law_and_gauge_hides_it(question, monkeypatch):
    monkeypatch.setattr(rivals, "engine", lambda name: Absent())
    jets = question.smooth[0].jets().take(np.arange(0, 200))
    plain = RATE**2 - 1.5 * X**2
    gauge = sp.diff(sp.sin(3 * X) + sp.exp(X), X) * RATE
    rows = []
    for lagrangian in (plain, plain + gauge):
        values = sp.lambdify((X, RATE), lagrangian, "numpy")(jets.q[:, 0], jets.v[:, 0])
        answer = rivals.Answer(rivals.regressed(question, jets, values))
        rows.append(best_of(answer, question))
    assert [row["as_it_comes"] for row in rows] == [True, False]


class Absent:
    """An engine that is not installed."""

    def available(self):
        return "not installed"


def stand_in(folder, lines):
    """A program in the place of the Python that has py-xl-sindy."""
    program = folder / "python"
    program.write_text("\n".join([f"#!{sys.executable}", "import json, os, signal, sys", *lines]))
    program.chmod(0o755)
    return str(program)


def test_the_package_is_told_terms_samples_and_cap_and_its_answer_is_read(question, tmp_path, monkeypatch):
    answer = {"version": "9", "found": [{"way": "w", "coefficients": [0.0] * len(question.library)}], "failed": {}}
    answer["found"][0]["coefficients"][question.known] = 2.0
    lines = [
        "told = json.load(open(sys.argv[2]))",
        f"json.dump(told, open({str(tmp_path / 'told.json')!r}, 'w'))",
        f"json.dump({answer!r}, open(sys.argv[3], 'w'))",
        "os.kill(os.getpid(), signal.SIGXCPU)",
    ]
    monkeypatch.setenv(rivals.PYTHON, stand_in(tmp_path, lines))
    given = rivals.py_xl_sindy(question, 5.0)
    assert given.found == (rivals.Found("w", (RATE**2,), (2.0,)),)
    assert (given.reason, given.version) == ("stopped after 5 s", "9")
    told = json.loads((tmp_path / "told.json").read_text())
    assert [sp.sympify(term) for term in told["terms"]] == list(question.library.expressions)
    assert told["cap"] == 5.0
    q, v, a = (np.array(told[name])[:, 0] for name in ("q", "v", "a"))
    assert len(q) == rivals.FEWEST_SAMPLES
    np.testing.assert_allclose(2 * a + 3 * q, 0, atol=1e-2)
    assert np.ptp(v) > 0


def test_without_an_answer_there_is_a_reason(question, tmp_path, monkeypatch):
    monkeypatch.setenv(rivals.PYTHON, stand_in(tmp_path, ["sys.exit('no such module')"]))
    assert rivals.py_xl_sindy(question, 5.0) == rivals.Answer((), "no such module")


def test_what_is_not_installed_is_not_run(monkeypatch, tmp_path, capsys):
    monkeypatch.delenv(rivals.PYTHON, raising=False)
    monkeypatch.setattr(rivals.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(
        sys, "argv", ["recovery.py", "--engines", "py-xl-sindy", "--results", str(tmp_path / "r.jsonl")]
    )
    recovery.main()
    assert "py-xl-sindy: not run, py-xl-sindy is not installed; let LAGSYM_XL_SINDY name" in capsys.readouterr().out
    assert not (tmp_path / "r.jsonl").exists()


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get(rivals.PYTHON), reason=f"{rivals.PYTHON} names no Python with py-xl-sindy")
def test_the_package_itself_finds_a_spring(question):
    answer = rivals.py_xl_sindy(question, 60.0)
    assert best_of(answer, question)["recovered"], answer


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # newer Pythons warn where there are threads
def test_a_structured_network_gives_a_spring(question):
    assert isinstance(question.reference, System)
    answer = rivals.naive(question, 60.0)
    assert best_of(answer, question)["right_terms"], answer.reason
