"""The examples run as they stand."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


measured = pytest.mark.skipif(
    not os.environ.get("LAGSYM_REAL_DATA"), reason="LAGSYM_REAL_DATA names no folder of measurements"
)


def run(name: str, folder: Path) -> str:
    command = [sys.executable, "-W", "error", str(EXAMPLES / name)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=1500, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_double_pendulum(tmp_path):
    printed = run("double_pendulum.py", tmp_path)
    assert "auge-equivalent" in printed or "dentical" in printed
    assert (tmp_path / "out" / "report.html").exists()


def test_distill_own_network(tmp_path):
    printed = run("distill_own_network.py", tmp_path)
    assert "recovered" in printed
    assert "cos(theta)" in printed
    assert (tmp_path / "out" / "error_map.png").exists()


def test_least_action(tmp_path):
    printed = run("least_action.py", tmp_path)
    assert "cos(theta)" in printed
    assert all(float(x) < 1e-3 for x in re.findall(r"differs from the motion by ([\d.e+-]+)", printed))
    assert "a minimum" in printed
    assert "a saddle with 1" in printed
    assert (tmp_path / "out" / "least_action.png").exists()


@pytest.mark.slow
def test_hanging_chain(tmp_path):
    printed = run("hanging_chain.py", tmp_path)
    rows = re.findall(r"found +(-?[\d.]+) ± ([\d.]+) +true +(-?[\d.]+)", printed)
    assert len(rows) == 3
    assert all(abs(float(found) / float(true) - 1) < 0.1 for found, _, true in rows)
    assert float(re.findall(r"chain: ([\d.]+)% rms", printed)[0]) < 12
    assert (tmp_path / "out" / "hanging_chain.png").exists()
    assert len(lines := (tmp_path / "out" / "chains.csv").read_text().splitlines()) > 800
    assert lines[0] == "chain,s,x,y"


@measured
def test_measured_pendulum(tmp_path):
    printed = run("measured_pendulum.py", tmp_path)
    assert "cos(theta - " in printed
    assert "theta_dot**2" in printed.split("D =")[1]


@measured
@pytest.mark.slow
def test_real_double_pendulum(tmp_path):
    printed = run("real_double_pendulum.py", tmp_path)
    chosen, library = map(int, re.findall(r"(\d+) terms of a library of (\d+)", printed)[0])
    assert chosen == 5
    assert library >= 100
    for term in ("theta1_dot*theta2_dot*cos(theta1 - theta2 +", "theta2_dot**2", "*cos(theta1 +", "*cos(theta2 -"):
        assert term in printed
    assert int(re.findall(r"(\d+) standard errors from none", printed)[0]) > 4
    differences = {name: float(x) for name, x in re.findall(r"^([cd]\d) .*?(-?[\d.]+)%$", printed, re.MULTILINE)}
    assert len([name for name in differences if name[0] == "c"]) == 4
    assert len(differences) > 4
    assert all(abs(x) < (1 if name[0] == "c" else 10) for name, x in differences.items())
    errors = dict(re.findall(r"error of the (\w+): ([\d.e-]+)", printed))
    assert float(errors["law"]) < 0.05 * float(errors["network"])
    assert (tmp_path / "out" / "forecast.png").exists()


def test_without_measurements_the_example_says_what_to_set(tmp_path):
    without = {name: value for name, value in os.environ.items() if name != "LAGSYM_REAL_DATA"}
    command = [sys.executable, str(EXAMPLES / "real_double_pendulum.py")]
    done = subprocess.run(command, cwd=tmp_path, env=without, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "LAGSYM_REAL_DATA" in done.stderr
