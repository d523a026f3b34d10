import json
import stat
import sys
from pathlib import Path

import numpy as np
import pytest

RECORDED = Path(__file__).parent / "recorded"

# Stands in for PySR in the worker's process: answers what was recorded, or fails as PySR and Julia do.
FAKE_PYSR = """
import csv, json, os, signal, sys, time
from pathlib import Path

MODE, FRONT = os.environ["FAKE_PYSR_MODE"], json.loads(Path(os.environ["FAKE_PYSR_FRONT"]).read_text())["front"]
if MODE != "ok":
    FRONT = FRONT[:5]
SUMS = json.loads(os.environ["FAKE_PYSR_SUMS"])
__version__ = "2.7.2"
print("[juliapkg] chatter on standard output", flush=True)
if MODE == "no_julia":
    raise Exception("could not find Julia 1.10.3 - 1.11")
if MODE == "slow_start":
    time.sleep(60)


class Julia:
    reason = ""
    log = []

    def seval(self, text):
        if text.startswith("include"):
            assert Path(json.loads(text[8:-1])).is_file()
        self.log.append(text)
        return {"string(VERSION)": "1.10.10", "_stop_reason[]": self.reason}.get(text)


jl = Julia()


class Rows(list):
    def iterrows(self):
        return enumerate(self)


class TemplateExpressionSpec:
    def __init__(self, combine, expressions, variable_names):
        assert "+" in combine and all(f"{name}(" in combine for name in expressions)
        self.variable_names = variable_names


class PySRRegressor:
    fits = 0

    def __init__(self, niterations=100, binary_operators=None, unary_operators=None, random_state=None,
                 parallelism=None, deterministic=False, maxsize=30, output_directory=None, run_id=None, verbosity=1,
                 loss_function=None, early_stop_condition=None, expression_spec=None):
        self.folder, self.settings = Path(output_directory) / run_id, dict(locals(), self=None)

    def write(self):
        self.folder.mkdir(parents=True)
        with (self.folder / "hall_of_fame.csv").open("w") as file:
            rows = csv.writer(file)
            rows.writerow(["Complexity", "Loss", "Equation"])
            rows.writerows([entry["complexity"], entry["loss"], entry["equation"]] for entry in FRONT)

    def fit(self, X, y, variable_names):
        PySRRegressor.fits += 1
        assert variable_names == [f"x{i}" for i in range(X.shape[1])]
        assert abs(y.mean()) < 0.2 and 0.7 < y.std() < 1.3
        assert (self.settings["parallelism"], self.settings["deterministic"]) == ("serial", True)
        if spec := self.settings["expression_spec"]:
            assert self.settings["loss_function"] is None
            assert spec.variable_names == variable_names
            if MODE == "template_error":
                raise RuntimeError("JuliaError: no template")
            self.equations_ = Rows(SUMS)
            return
        assert self.settings["loss_function"] == "term_loss"
        if MODE == "julia_error":
            raise RuntimeError("JuliaError: UndefVarError: `foo` not defined")
        if MODE == "crash" or (MODE == "crash_second" and PySRRegressor.fits == 2):
            os.kill(os.getpid(), signal.SIGKILL)
        if MODE == "crash_with_front":
            self.write()
            os.kill(os.getpid(), signal.SIGSEGV)
        if MODE == "deaf":
            self.write()
            time.sleep(60)
        if MODE == "supervisor_killed":
            Path(os.environ["TMPDIR"], "searching").write_text(str(os.getpid()))
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(60)
        if MODE == "listens":
            self.write()
            stop = json.loads(jl.log[0].split("ispath(")[1].split(")\\n")[0])
            while not os.path.exists(stop):
                time.sleep(0.02)
            jl.reason = "stop"
        front = FRONT if MODE != "unreadable" else [dict(FRONT[0], equation="import os"), *FRONT[1:]]
        self.equations_ = Rows(front if MODE != "nonsense" else [dict(FRONT[0], equation="Inf * foo")])
"""


@pytest.fixture
def fake_pysr(tmp_path, monkeypatch):
    """A worker's surroundings in which `import pysr` finds the stand-in, and a file that passes for Julia."""
    package = tmp_path / "fake" / "pysr"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(FAKE_PYSR)
    julia = tmp_path / "julia"
    julia.write_text("#!/bin/sh\nexit 1\n")
    julia.chmod(julia.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    monkeypatch.setenv("PYTHON_JULIAPKG_EXE", str(julia))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def behave(mode, front="m12_raw", sums=()):
        monkeypatch.setenv("FAKE_PYSR_MODE", mode)
        monkeypatch.setenv("FAKE_PYSR_SUMS", json.dumps([{"complexity": 9, "loss": 0.1, "equation": s} for s in sums]))
        monkeypatch.setenv("FAKE_PYSR_FRONT", str(RECORDED / f"{front}.json"))
        return tmp_path

    behave("ok")
    return behave


@pytest.fixture
def job(tmp_path):
    """A folder with a job of two searches, as the adaptor writes it."""
    folder = tmp_path / "job"
    folder.mkdir()
    with np.load(RECORDED / "m12_raw.npz") as arrays:
        np.savez(folder / "0.npz", X=arrays["X"], y=arrays["y"] / arrays["y"].std())
    content = {
        "tables": ["0.npz"],
        "searches": [
            {"table": 0, "label": label, "seconds": 5.0, "options": {"maxsize": 20}} for label in ("first", "second")
        ],
        "seed": 0,
        "iterations": 2,
        "loss_source": str(Path(sys.modules[__name__].__file__)),
        "loss": "term_loss",
        "hard_seconds": 20.0,
        "grace_seconds": 1.0,
    }
    (folder / "job.json").write_text(json.dumps(content))
    return folder
