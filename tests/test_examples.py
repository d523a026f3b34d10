"""The examples run as they stand."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name: str, folder: Path) -> str:
    command = [sys.executable, "-W", "error", str(EXAMPLES / name)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_double_pendulum(tmp_path):
    printed = run("double_pendulum.py", tmp_path)
    assert "auge-equivalent" in printed or "dentical" in printed
    assert (tmp_path / "out" / "report.html").exists()


def test_distill_own_network(tmp_path):
    printed = run("distill_own_network.py", tmp_path)
    assert "recovered" in printed
    assert "cos(theta)" in printed
    assert (tmp_path / "out" / "error_map.png").exists()


@pytest.mark.skipif(not os.environ.get("LAGSYM_REAL_DATA"), reason="LAGSYM_REAL_DATA names no folder of measurements")
def test_measured_pendulum(tmp_path):
    printed = run("measured_pendulum.py", tmp_path)
    assert "cos(theta)" in printed
    assert "theta_dot**2" in printed.split("D =")[1]
