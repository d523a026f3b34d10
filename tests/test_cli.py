"""The command line as a user sees it: exit codes, one sentence for what can be mended, nothing lost."""

import io
import json
import os
import subprocess
import sys
import time
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pytest

from lagsym.cli import main
from lagsym.data.derivatives import differentiate
from lagsym.data.grid_files import read_lattice, write_lattice
from lagsym.law.file import read_law
from lagsym.mechanics.system import Region
from lagsym.simulation import simulate
from lagsym.systems import get

COMMAND = [sys.executable, "-c", "from lagsym.cli import main; main()"]
Done = subprocess.CompletedProcess[str]


def lagsym(*arguments: object, folder: Path) -> Done:
    """A command, in this process: what it prints and exits with."""
    words, code = ["lagsym", *map(str, arguments)], 0
    out, err = io.StringIO(), io.StringIO()
    here = mock.patch.object(sys, "argv", words), mock.patch.dict(os.environ, {"COLUMNS": "200"})
    with chdir(folder), redirect_stdout(out), redirect_stderr(err), here[0], here[1]:
        try:
            main()
        except SystemExit as end:
            code = end.code
    return Done(words, int(code or 0), out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def motion(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("motion") / "swing.csv"
    simulate(get("pendulum"), trajectories=6, span=6.0).to_frame().to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def result(motion) -> Path:
    options = ("--angles", "theta", "--evidence", "data", "--units", "t=s,theta=rad")
    done = lagsym("discover", motion, *options, "-o", "out", folder=motion.parent)
    assert done.returncode == 0, done.stderr
    assert "Units: t in s, theta in rad, L in 1/s²." in done.stdout
    return motion.parent / "out"


def test_discover_writes_a_law_that_reads_back(result):
    law = read_law(result / "law.json")
    assert law.status == "recovered"
    assert [constant.unit for constant in law.constants] == ["1/s**2"]
    assert {file.name for file in result.iterdir()} >= {"law.json", "law.tex", "report.html", "data.csv"}


def test_verify_says_whether_and_sets_the_exit_code(result):
    same = lagsym("verify", result / "law.json", "--system", "pendulum", folder=result)
    assert same.returncode == 0, same.stderr
    other = lagsym("verify", result / "law.json", "--reference", "theta_dot**2 + 30*cos(theta)", folder=result)
    assert other.returncode == 4
    assert "ifferent" in other.stdout
    lost = lagsym("verify", result / "law.json", "--system", "kepler", folder=result)
    assert lost.returncode == 2
    assert "coordinates" in lost.stderr


def test_running_again_replaces_the_result_and_nothing_else(motion, result):
    before = (result / "law.json").read_text()
    again = lagsym(
        "discover", motion, "--angles", "theta", "--evidence", "data", "-o", "out", "--json", folder=motion.parent
    )
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["lagrangian"] == json.loads(before)["lagrangian"]
    precious = motion.parent / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years of work")
    refused = lagsym("discover", motion, "--evidence", "data", "-o", "precious", folder=motion.parent)
    assert refused.returncode == 2
    assert "thesis.txt" in refused.stderr
    assert [file.name for file in precious.iterdir()] == ["thesis.txt"]


def spoiled(kind: str, frame: pd.DataFrame) -> bytes:
    if kind == "missing column":
        frame = frame.drop(columns="t")
    elif kind == "nan":
        frame.loc[5, "theta"] = np.nan
    elif kind == "text":
        frame["theta"] = frame["theta"].astype(object)
        frame.loc[5, "theta"] = "about one"
    elif kind == "duplicate times":
        frame.loc[5, "t"] = frame.loc[4, "t"]
    elif kind == "one row":
        frame = frame.iloc[:1]
    elif kind == "huge":
        return frame.to_csv(index=False).replace("\n0,0.02,", "\n0,1e999,", 1).encode()
    elif kind == "empty":
        return b""
    elif kind == "random":
        return np.random.default_rng(0).bytes(5000)
    return frame.to_csv(index=False).encode()


@pytest.mark.parametrize(
    "kind",
    [
        "missing column",
        "nan",
        "text",
        "duplicate times",
        "one row",
        "huge",
        "empty",
        "random",
        "unknown angle",
        "directory",
    ],
)
def test_bad_input_is_one_sentence_and_writes_nothing(kind, motion, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_bytes(spoiled(kind, pd.read_csv(motion)))
    target = tmp_path if kind == "directory" else path
    angle = "thet" if kind == "unknown angle" else "theta"
    done = lagsym("discover", target, "--angles", angle, "--evidence", "data", "-o", "out", folder=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, lines
    assert lines[0].startswith("lagsym: ")
    assert not (tmp_path / "out").exists()


def test_bad_usage(tmp_path):
    assert lagsym("discover", folder=tmp_path).returncode == 2
    unknown = lagsym("run", "pendulumm", "-o", "out", folder=tmp_path)
    assert unknown.returncode == 2
    assert "did you mean pendulum?" in unknown.stderr
    engine = lagsym("run", "pendulum", "-o", "out", "--engine", "guess", folder=tmp_path)
    assert engine.returncode == 2
    assert "auto, sparse, operon, pysr" in engine.stderr


SMALL = """
import sys
from lagsym import discovery
from lagsym.neural import FitOptions, unfinished
unfinished.LEAST_SECONDS = 0.0
small = FitOptions(width=8, steps=int(sys.argv.pop(1)), tolerance=0.0)
initial = discovery.DiscoveryOptions.__init__
def begin(self, *arguments, **named):
    initial(self, *arguments, **{"fit": small, **named})
discovery.DiscoveryOptions.__init__ = begin
from lagsym.cli import main
main()
"""
"""The command line with a small network, whose steps are the first argument."""


def discover_slowly(motion: Path, steps: int, *arguments: str) -> subprocess.Popen[str]:
    options = ("--angles", "theta", "--structure", "natural", "--evidence", "network", *arguments)
    command = [sys.executable, "-c", SMALL, str(steps), "discover", str(motion), *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    return subprocess.Popen(command, cwd=motion.parent, env=environment, stderr=subprocess.PIPE, text=True)


def wait_for_step(path: Path, process: subprocess.Popen[str]) -> None:
    while process.poll() is None and not (path.exists() and json.loads(path.read_bytes())["state"]["step"] > 0):
        time.sleep(0.01)


@pytest.mark.slow
def test_a_killed_discovery_goes_on_to_the_same_law(motion):
    """Killed while its network was trained; then resumed, with other options and with its own."""
    whole = discover_slowly(motion, 60, "-o", "whole")
    _, said = whole.communicate()
    assert whole.returncode == 0, said
    unfinished = motion.parent / ".slow.unfinished"
    cut = discover_slowly(motion, 60, "-o", "slow")
    wait_for_step(unfinished / "network-natural.json", cut)
    cut.kill()
    cut.communicate()
    assert cut.returncode < 0
    before = {file.name: file.read_bytes() for file in unfinished.iterdir()}
    assert not (motion.parent / "slow").exists()
    other = discover_slowly(motion, 60, "-o", "slow", "--resume", "--seed", "1")
    _, said = other.communicate()
    assert other.returncode == 2
    assert "do not resume" in said
    assert "Traceback" not in said
    assert {file.name: file.read_bytes() for file in unfinished.iterdir()} == before
    resumed = discover_slowly(motion, 60, "-o", "slow", "--resume")
    _, said = resumed.communicate()
    assert resumed.returncode == 0, said
    assert "begins anew" not in said
    laws = [json.loads((motion.parent / name / "law.json").read_text()) for name in ("whole", "slow")]
    networks = [json.loads((motion.parent / name / "network.json").read_text()) for name in ("whole", "slow")]
    for record in (*laws, *networks):
        record.pop("seconds")
    assert laws[0] == laws[1]
    assert networks[0] == networks[1]  # the weights' hash among it
    assert not unfinished.exists()


@pytest.mark.parametrize(
    ("units", "message"),
    [
        ("t=s", "theta has none"),
        ("t=s,theta", "column=unit"),
        ("t=s,t=s", "each column once"),
        ("t=s,theta=rad,x=m", "--units names x"),
        ("t=s,theta=elbows", "expected a unit for theta"),
    ],
)
def test_units_that_cannot_be_used_are_one_sentence(units, message, motion, tmp_path):
    done = lagsym("discover", motion, "--angles", "theta", "--units", units, "-o", "out", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_listings(tmp_path):
    systems = subprocess.run([*COMMAND, "systems"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert systems.returncode == 0, systems.stderr
    assert "double_pendulum" in systems.stdout
    derived = lagsym("derive", "pendulum", folder=tmp_path)
    assert "theta_ddot = -g*sin(theta)/l" in derived.stdout
    assert "time translation: the energy" in derived.stdout
    assert r"\ddot{\theta}" in lagsym("derive", "pendulum", "--latex", folder=tmp_path).stdout


def test_derive_takes_a_lagrangian_of_ones_own(tmp_path):
    formula = ("--lagrangian", "m*x_dot**2/2 - k*x**2/2", "--coordinates", "x")
    assert "x_ddot = -k*x/m" in lagsym("derive", *formula, folder=tmp_path).stdout
    written = lagsym("derive", *formula, "--code", "numpy", "--parameters", "m=2,k=3", folder=tmp_path)
    space: dict = {}
    exec(written.stdout, space)
    assert space["acceleration"](0.0, np.array([1.0]), np.array([0.0])) == pytest.approx(-1.5)
    wave = lagsym("derive", "--lagrangian", "u_t**2 - c*u_x**2", "--coordinates", "u", "--base", "t,x", folder=tmp_path)
    assert "u_tt = c*u_xx" in wave.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "expected either a SYSTEM"),
        (("pendulum", "--lagrangian", "x_dot**2", "--coordinates", "x"), "expected either a SYSTEM"),
        (("--lagrangian", "x_dot**2"), "--coordinates"),
        (("pendulum", "--latex", "--code", "c"), "either --latex or --code"),
        (("pendulum", "--code", "fortran"), "fortran"),
        (("wave_1d", "--code", "c"), "particle"),
    ],
)
def test_derive_says_what_it_cannot_do(arguments, message, tmp_path):
    refused = lagsym("derive", *arguments, folder=tmp_path)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert message in refused.stderr


def test_code_of_a_law_moves_as_the_law_does(result, tmp_path):
    (tmp_path / "law.py").write_text(lagsym("code", result, "--name", "swing", folder=tmp_path).stdout)
    command = [sys.executable, "-c", "import numpy, law; print(law.acceleration(0., numpy.ones(1), numpy.zeros(1))[0])"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    law = read_law(result)
    (theta,), (theta_dot,) = law.space.positions, law.space.velocities
    (expected,) = (value.subs({theta: 1.0, theta_dot: 0.0}) for value in law.numeric_accelerations.values())
    assert float(ran.stdout) == pytest.approx(float(expected), rel=1e-12)
    refused = lagsym("code", result, "--language", "fortran", folder=tmp_path)
    assert refused.returncode == 2
    assert "fortran" in refused.stderr
    doctor = lagsym("doctor", folder=tmp_path)
    assert doctor.returncode == 0
    assert "engine" in doctor.stdout


def test_simulate_writes_what_discover_reads(tmp_path):
    done = lagsym("simulate", "kepler", "-o", "orbits.csv", "--noise", "0.01", "--trajectories", "2", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    frame = pd.read_csv(tmp_path / "orbits.csv")
    assert list(frame.columns) == ["trajectory", "t", "r", "phi", "r_dot", "phi_dot"]
    assert frame["trajectory"].nunique() == 2
    seen = lagsym("simulate", "kepler", "-o", "seen.csv", "--positions-only", "--trajectories", "1", folder=tmp_path)
    assert seen.returncode == 0, seen.stderr
    assert list(pd.read_csv(tmp_path / "seen.csv").columns) == ["trajectory", "t", "r", "phi"]


def test_simulate_writes_fields_by_the_ending(tmp_path):
    options = ("--noise", "0.01", "--trajectories", "2", "--positions-only", "--fixed-ends")
    done = lagsym("simulate", "sine_gordon", "-o", "deep/field.nc", *options, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 runs of sine_gordon with c = 1, omega = 1" in done.stdout
    found = read_lattice(tmp_path / "deep/field.nc")
    assert found.names == ("0", "1")
    assert found.angles == {"phi"}
    assert found.periodic == (False,)
    assert not found.has_rates
    for system, file, message in [
        ("sine_gordon", "field.csv", "ends in .nc, .zarr, .npz"),
        ("kepler", "orbit.nc", "expected a .csv file"),
    ]:
        refused = lagsym("simulate", system, "-o", file, folder=tmp_path)
        assert refused.returncode == 2
        assert message in refused.stderr
        assert not (tmp_path / file).exists()


@pytest.fixture(scope="module")
def field(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("field") / "field.nc"
    data = simulate(get("klein_gordon"), region=Region(sites=64, runs=5), span=8.0)
    write_lattice(data.positions_only(), path)
    return path


FIELD_RESULT = {"law.json", "law.tex", "report.html", "data.nc", "fields.png", "field_energy.svg", "validation.npz"}


def test_discover_takes_a_field(field):
    wanted = ("--reference", "phi_t**2 - phi_x**2 - phi**2")
    done = lagsym("discover", field, "--evidence", "data", *wanted, "-o", "out", folder=field.parent)
    assert done.returncode == 0, done.stderr
    assert "L = ∂tφ²/2 + c₁ ∂xφ²/2 + c₂ φ²" in done.stdout
    assert "Report: out/report.html" in done.stdout
    assert {file.name for file in (field.parent / "out").iterdir()} >= FIELD_RESULT
    law = read_law(field.parent / "out")
    assert (law.status, law.base, law.verdict) == ("recovered", ("t", "x"), "gauge-equivalent")
    assert law.numeric_lagrangian is not None
    again = read_lattice(field.parent / "out" / "data.nc")
    np.testing.assert_array_equal(again.records[4].u, read_lattice(field).records[4].u)
    report = (field.parent / "out" / "report.html").read_text(encoding="utf-8")
    assert "Rollout error" in report
    assert lagsym("report", "out", folder=field.parent).returncode == 0


def test_run_simulates_and_verifies_a_field(tmp_path):
    done = lagsym("run", "wave_1d", "--evidence", "data", "--trajectories", 5, "-o", "out", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    law = json.loads(done.stdout)
    assert (law["status"], law["verdict"], law["base"]) == ("recovered", "gauge-equivalent", ["t", "x"])
    assert json.loads((tmp_path / "out" / "law.json").read_text()) == law
    assert {file.name for file in (tmp_path / "out").iterdir()} >= FIELD_RESULT


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--structure", "separable"), "natural, evolution, free for fields"),
        (("--engine", "operon"), "auto or sparse for fields"),
        (("--device", "cuda"), "device auto or cpu for fields"),
        (("--resume",), "--resume with trajectories only"),
        (("--drop-missing",), "tables alone have columns"),
        (("--periodic", "y"), "`periodic` names y"),
    ],
)
def test_what_fields_do_not_have_is_one_sentence(options, message, field, tmp_path):
    done = lagsym("discover", field, *options, "-o", "out", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_importing_is_cheap_and_loads_nothing_heavy():
    code = (
        "import sys, lagsym; heavy = {'torch', 'sympy', 'juliacall', 'pysr', 'numpy', 'pandas'} & set(sys.modules); "
        "assert not heavy, heavy; assert lagsym.simulate.__module__.startswith('lagsym.simulation')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_the_simulated_table_is_left_alone():
    data = simulate(get("pendulum"), trajectories=1, span=2.0)
    before = data.segments[0].q.copy()
    differentiate(data)
    np.testing.assert_array_equal(data.segments[0].q, before)


def test_a_network_may_be_forbidden(motion):
    refused = lagsym("discover", motion, "--no-network", "--evidence", "both", "-o", "never", folder=motion.parent)
    assert refused.returncode == 2
    assert "either --no-network or --evidence both" in refused.stderr
    done = lagsym("discover", motion, "--angles", "theta", "--no-network", "-o", "plain", folder=motion.parent)
    assert done.returncode == 0, done.stderr
    assert set(read_law(motion.parent / "plain" / "law.json").evidence.values()) == {("data",)}
    assert not any("network" in name for name in read_law(motion.parent / "plain" / "law.json").scores)


def test_an_interrupt_is_one_sentence(tmp_path, monkeypatch):
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lagsym.systems.catalogue", interrupted)
    done = lagsym("systems", folder=tmp_path)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "lagsym: interrupted; earlier results are as they were\n"
