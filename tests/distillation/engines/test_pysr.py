import ast
import importlib.util
import json
import os
import re
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

from lagsym.distillation.engines import pysr as adaptor
from lagsym.distillation.engines.base import Budget, Table
from lagsym.distillation.engines.pysr import PySREngine, julia_is_there
from lagsym.distillation.engines.scaled import ScaledTable
from lagsym.errors import InputError, UnavailableError

RECORDED = Path(__file__).parent / "recorded"
ONE_SET = {"polynomial": ((), ())}
QUICK = {"operator_sets": ONE_SET, "start_seconds": 20.0, "grace_seconds": 1.0}


def recorded(name, columns):
    with np.load(RECORDED / f"{name}.npz") as arrays:
        return Table(columns, arrays["X"], arrays["y"], name)


@pytest.fixture
def raw():
    """M12 of a double pendulum as a trained network has it, over the angles; S and beta are names PySR refuses."""
    return recorded("m12_raw", ("S", "beta"))


def left_behind(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith("lagsym_pysr_")]


def test_a_recorded_answer_becomes_formulas_in_the_tables_own_columns(fake_pysr, raw):
    folder = fake_pysr("ok")
    front = PySREngine(**QUICK).search(raw)
    S, beta = raw.symbols
    best = front.simplest(floor=1e-9)
    coefficient, term = best.expression.as_coeff_Mul()
    assert term == sp.cos(beta - S)
    assert float(coefficient) == pytest.approx(1.4216650906316102 * 0.46893753974440877, rel=1e-6)
    assert best.loss < 1.1e-9
    assert (front.status, front.message, front.engine) == ("ok", "", "pysr")
    assert left_behind(folder) == []


def test_several_tables_and_operator_sets_share_one_worker(fake_pysr, raw):
    fake_pysr("ok")
    constant = Table(raw.columns, raw.X, np.full(len(raw.y), 4.0), "M22")
    engine = PySREngine(operator_sets={"polynomial": ((), ()), "root": ((), ("sqrt",))}, start_seconds=20.0)
    first, second, third = engine.search_all((raw, constant, raw))
    assert first.formulas == third.formulas
    assert float(second.formulas[0].expression) == 4.0


def test_the_whole_front_of_the_potential(fake_pysr):
    fake_pysr("ok", "v_features")
    columns = ("cos_q1", "sin_q1", "cos_q2", "sin_q2", "cos_d", "sin_d")
    table = recorded("v_features", columns)
    front = PySREngine(**QUICK).search(table)
    found = front.simplest(floor=1e-9).expression
    assert {str(term) for term in found.as_coefficients_dict()} == {"1", "cos_q1", "cos_q2"}
    assert float(found.coeff(table.symbols[0]) / found.coeff(table.symbols[2])) == pytest.approx(2.0, rel=1e-4)
    assert front.formulas[0].complexity < 5


@pytest.fixture
def separable():
    """An exponential of one column beside a root of the other: two kinds of operators in one formula."""
    X = np.random.default_rng(0).uniform(0.5, 2.0, (200, 3))
    y = 2 * np.exp(-1.5 * X[:, 0]) + np.sqrt(1 + X[:, 2])
    return Table(("x", "both", "z"), X, y, "V", ((0,), (2,)))


def test_a_sum_of_functions_of_separate_columns_is_searched_as_one(fake_pysr, separable):
    """What the stand-in answers is written by hand, in the form that PySR 1.5 was seen to give."""
    fake_pysr("ok", sums=["part1 = #1; part2 = #1", "part1 = exp(#1 * -1.4) * 3.0; part2 = sqrt(#1 + 1.1)"])
    front = PySREngine(**QUICK).search(separable)
    x, both, z = separable.symbols
    best = front.formulas[-1]
    assert best.loss < 1e-20
    assert both not in best.expression.free_symbols
    error = sp.lambdify((x, z), best.expression - 2 * sp.exp(-1.5 * x) - sp.sqrt(1 + z))(*separable.X[:, [0, 2]].T)
    assert np.abs(error).max() < 1e-8
    assert front.status == "ok"


def test_the_template_is_what_the_worker_gets(separable, monkeypatch, tmp_path):
    table = ScaledTable.of(separable, rows=50, seed=0)
    engine = PySREngine(operator_sets={"rational": (("/",), ()), "root": (("/",), ("sqrt",))}, template_seconds=7.0)
    plain = ScaledTable.of(replace(separable, blocks=()), rows=50, seed=0)
    job = engine._job([table, plain], 0, Budget(seconds=30.0))
    assert [(search["table"], search["label"], search["seconds"]) for search in job["searches"]] == [
        (0, "rational", 10.0),
        (0, "root", 10.0),
        (0, "sum", 10.0),
        (1, "rational", 15.0),
        (1, "root", 15.0),
    ]
    assert [search.get("template") for search in job["searches"]].count(None) == 4
    asked = job["searches"][2]
    assert asked["template"] == {
        "combine": "part1(x0) + part2(x2)",
        "expressions": ["part1", "part2"],
        "variable_names": ["x0", "x1", "x2"],
    }
    assert asked["options"]["binary_operators"] == ["+", "-", "*", "/"]
    assert asked["options"]["unary_operators"] == ["sqrt"]
    assert job["hard_seconds"] == engine.start_seconds + 60.0 + 7.0


@pytest.mark.parametrize(
    ("mode", "sums", "message"),
    [
        ("template_error", (), "1 of 2 searches ended early .*no template"),
        ("ok", ("part1 = #1; part3 = #1", "part1 = #2; part2 = #1", "#1 + #2"), "3 formulas could not be read"),
    ],
)
def test_what_a_template_breaks_is_said_and_the_rest_is_kept(fake_pysr, raw, mode, sums, message):
    fake_pysr(mode, sums=sums)
    front = PySREngine(**QUICK).search(replace(raw, blocks=((0,), (1,))))
    assert front.status == "partial"
    assert re.search(message, front.message)
    assert front.simplest(floor=1e-9).expression.has(sp.cos)


def test_a_table_whose_search_crashed_does_not_cost_the_other_its_front(fake_pysr, raw):
    fake_pysr("crash_second")
    first, second = PySREngine(**QUICK).search_all((raw, raw))
    assert (first.status, second.status) == ("ok", "partial")
    assert first.simplest(floor=1e-9).expression.has(sp.cos)
    assert second.formulas == ()
    assert "1 of 1 searches" in second.message


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("no_julia", "could not start Julia .*could not find Julia 1.10.3.*pip install pysr"),
        ("crash", "found no formula: .*exit code -9"),
        ("julia_error", "found no formula: RuntimeError: JuliaError: UndefVarError"),
        ("nonsense", "found no formula: 1 formulas could not be read"),
    ],
)
def test_every_breakdown_is_one_clear_sentence(fake_pysr, raw, mode, message):
    folder = fake_pysr(mode)
    with pytest.raises(UnavailableError, match=message) as caught:
        PySREngine(**QUICK).search(raw)
    assert "\n" not in str(caught.value)
    assert left_behind(folder) == []


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("crash_with_front", "1 of 1 searches ended early .*exit code -11"),
        ("unreadable", "1 formulas could not be read"),
    ],
)
def test_what_was_found_before_a_breakdown_is_kept(fake_pysr, raw, mode, message):
    fake_pysr(mode)
    front = PySREngine(**QUICK).search(raw)
    assert front.status == "partial"
    assert min(formula.loss for formula in front.formulas) < 1e-9
    assert re.search(message, front.message)


def test_the_first_search_is_kept_when_the_second_crashes(fake_pysr, raw):
    fake_pysr("crash_second")
    engine = PySREngine(operator_sets={"polynomial": ((), ()), "root": ((), ("sqrt",))}, start_seconds=20.0)
    front = engine.search(raw)
    assert front.status == "partial"
    assert "1 of 2 searches" in front.message
    assert front.simplest(floor=1e-9).expression.has(sp.cos)


def test_the_hard_limit_ends_a_deaf_search_with_its_front(fake_pysr, raw):
    folder = fake_pysr("deaf")
    front = PySREngine(operator_sets=ONE_SET, start_seconds=3.0, grace_seconds=0.3).search(
        raw, budget=Budget(seconds=0.5)
    )
    assert front.status == "partial"
    assert "hard limit" in front.message
    assert front.simplest(floor=1e-9).expression.has(sp.cos)
    assert left_behind(folder) == []


def test_a_search_that_never_began_within_the_limit(fake_pysr, raw):
    fake_pysr("slow_start")
    engine = PySREngine(operator_sets=ONE_SET, start_seconds=0.2, grace_seconds=0.3)
    with pytest.raises(UnavailableError, match=r"found no formula: .*hard limit"):
        engine.search(raw, budget=Budget(seconds=0.3))


def test_a_lost_supervisor_takes_its_child_along(fake_pysr, raw):
    folder = fake_pysr("supervisor_killed")
    with pytest.raises(UnavailableError, match="found no formula: the worker was lost"):
        PySREngine(**QUICK).search(raw)
    child = int((folder / "searching").read_text())
    end = time.monotonic() + 20
    while not gone(child):
        assert time.monotonic() < end, f"process {child} outlived its search"
        time.sleep(0.02)


def gone(process):
    """Whether the process has ended, be it that nobody has asked for its exit code yet."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    state = Path(f"/proc/{process}/stat")
    return state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] == "Z"


def worker(tmp_path, body):
    """A worker that does what the lines say; `folder` is its job."""
    path = tmp_path / "worker.py"
    path.write_text("import sys, time\nfrom pathlib import Path\nfolder = Path(sys.argv[1])\n" + textwrap.dedent(body))
    return path


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("sys.exit('broken pipe dream')", "no answer .exit code 1.: broken pipe dream"),
        ("(folder / 'answer.json').write_text('{')", "cannot be read .exit code 0"),
        ("(folder / 'answer.json').write_text('[]')", "cannot be read"),
        ("(folder / 'answer.json').write_text('{\"status\": \"ok\"}')", "cannot be read"),
        (
            '(folder / "answer.json").write_text(\'{"status": "ok", "error": null, "searches": [{"front": 3}]}\')',
            "cannot be read",
        ),
        ("time.sleep(60)", "no answer .it did not end within"),
    ],
)
def test_a_worker_that_gives_no_answer(fake_pysr, raw, tmp_path, body, message):
    fake_pysr("ok")
    engine = PySREngine(operator_sets=ONE_SET, start_seconds=0.3, grace_seconds=0.3, worker=worker(tmp_path, body))
    with pytest.raises(UnavailableError, match=message):
        engine.search(raw, budget=Budget(seconds=1.0))


def test_a_table_that_the_worker_refuses_is_bad_input(fake_pysr, raw, tmp_path):
    fake_pysr("ok")
    body = '(folder / "answer.json").write_text(\'{"status": "bad_input", "error": "0.npz: odd", "searches": []}\')'
    with pytest.raises(InputError, match="odd"):
        PySREngine(**QUICK, worker=worker(tmp_path, body)).search(raw)


def test_an_interrupt_ends_the_worker_and_is_passed_on(fake_pysr, raw, monkeypatch):
    folder = fake_pysr("deaf")
    started = []

    class Interrupted(subprocess.Popen):
        def wait(self, timeout=None):
            if not started:
                started.append(self)
                raise KeyboardInterrupt
            return super().wait(timeout)

    monkeypatch.setattr(adaptor.subprocess, "Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        PySREngine(**QUICK).search(raw)
    assert started[0].poll() is not None
    assert left_behind(folder) == []


def test_without_julia_nothing_is_started(monkeypatch, raw, tmp_path):
    for name in ("PYTHON_JULIAPKG_EXE", "JULIA_DEPOT_PATH", "CONDA_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("PYTHON_JULIAPKG_PROJECT", str(tmp_path))
    monkeypatch.setattr(adaptor.subprocess, "Popen", lambda *_, **__: pytest.fail("a process was started"))
    with pytest.raises(UnavailableError, match="no Julia here; `pip install pysr`"):
        PySREngine().search(raw)
    (tmp_path / "pyjuliapkg").mkdir()
    (tmp_path / "pyjuliapkg" / "meta.json").write_text(f'{{"executable": {str(sys.executable)!r}}}'.replace("'", '"'))
    assert julia_is_there()
    monkeypatch.setenv("PYTHON_JULIAPKG_EXE", str(tmp_path / "none"))
    assert not julia_is_there()


def test_without_pysr_the_error_says_how_to_get_it(monkeypatch, raw):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UnavailableError, match="not installed; `pip install pysr`"):
        PySREngine().search(raw)


def test_every_option_is_known_to_the_installed_pysr():
    """Read from its source, since importing PySR would start or even fetch Julia."""
    spec = importlib.util.find_spec("pysr")
    if spec is None or spec.origin is None:
        pytest.skip("PySR is not installed")
    known = arguments(Path(spec.origin).with_name("sr.py"), "__init__", "PySRRegressor")
    ours = option_names(adaptor.WORKER)
    assert ours - known == set()
    assert {"niterations", "deterministic", "loss_function", "early_stop_condition"} <= ours
    assert {"binary_operators", "unary_operators", "maxsize", "expression_spec"} <= known


def test_a_template_has_the_arguments_of_the_installed_pysr(separable):
    spec = importlib.util.find_spec("pysr")
    if spec is None or spec.origin is None:
        pytest.skip("PySR is not installed")
    tree = ast.parse(Path(spec.origin).with_name("expression_specs.py").read_text())
    owner = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "TemplateExpressionSpec")
    fields = {node.target.id for node in owner.body if isinstance(node, ast.AnnAssign)}
    job = PySREngine()._job([ScaledTable.of(separable, rows=50, seed=0)], 0, Budget())
    assert set(job["searches"][-1]["template"]) <= fields


def test_every_option_is_known_to_the_last_pysr_of_the_first_generation():
    """Version 2 knows operators by arity besides; the names that the worker uses are those of both."""
    known = set(json.loads((RECORDED / "pysr_1.5.9.json").read_text())["arguments"])
    assert option_names(adaptor.WORKER) - known == set()
    assert {"binary_operators", "unary_operators", "maxsize", "expression_spec"} <= known


def arguments(path, function, of_class):
    tree = ast.parse(path.read_text())
    owner = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == of_class)
    method = next(node for node in owner.body if isinstance(node, ast.FunctionDef) and node.name == function)
    return {argument.arg for argument in [*method.args.args, *method.args.kwonlyargs]}


def option_names(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Dict):
            names = {key.value for key in node.keys if isinstance(key, ast.Constant)}
            if "niterations" in names:
                return names
    raise AssertionError("the worker's options were not found")


@pytest.mark.julia
@pytest.mark.slow
def test_pysr_itself_finds_a_sum_of_two_kinds(separable):
    engine = PySREngine()
    if engine.available() is not None or os.environ.get("PYTHON_JULIAPKG_EXE") == "":
        pytest.skip(f"needs PySR with Julia: {engine.available()}")
    found = engine.search(separable, budget=Budget(generations=80)).formulas[-1]
    assert found.loss < 1e-8
    assert found.expression.has(sp.exp)


@pytest.mark.parametrize("options", [{"operator_sets": {}}, {"rows": 1}, {"largest": 3}])
def test_options_are_checked(options):
    with pytest.raises(InputError, match="PySR needs"):
        PySREngine(**options)


@pytest.mark.julia
@pytest.mark.slow
def test_pysr_itself_finds_the_mixed_mass_from_raw_angles(raw):
    engine = PySREngine(operator_sets={"angles": ((), ("cos", "sin"))})
    if engine.available() is not None or os.environ.get("PYTHON_JULIAPKG_EXE") == "":
        pytest.skip(f"needs PySR with Julia: {engine.available()}")
    front = engine.search(raw, budget=Budget(generations=40))
    first, second = (engine.search(raw, budget=Budget(generations=8)) for _ in range(2))
    assert front.simplest(floor=1e-8).expression.has(sp.cos(raw.symbols[1] - raw.symbols[0]))
    assert first.formulas == second.formulas
