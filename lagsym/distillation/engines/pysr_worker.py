"""PySR in a process of its own: `python pysr_worker.py FOLDER`.

Julia and PyTorch in one process can crash, and a signal inside Julia kills the process. So this file runs by its path,
needs only the standard library, NumPy and PySR, and is two processes: a supervisor, which never loads Julia and can
therefore always answer, and its child in a session of its own, which searches.

FOLDER holds `job.json`:

    {"tables": ["0.npz", ...],          arrays X (N, k) and y (N,), y standardised
     "searches": [{"table": 0, "label": "root", "seconds": 30.0,             a cap; the work is counted in iterations
                   "options": {...},                                         arguments of PySRRegressor
                   "template": {...}}, ...],                                 of TemplateExpressionSpec, or left out
     "seed": 0, "iterations": 5,                                             of each search
     "loss_source": "term_loss.jl", "loss": "term_loss",
     "hard_seconds": 300.0, "grace_seconds": 15.0}

and gets `answer.json`, replaced as a whole after every search:

    {"status": "ok | partial | unavailable | bad_input | failed", "error": null, "versions": {...}, "dropped": [...],
     "searches": [{"status": "ok | partial | failed", "error": null, "stopped_by": "",
                   "front": [{"complexity": 3, "loss": 1e-9, "equation": "x4 * 1.4"}, ...]}, ...]}

A file `STOP` in the folder, SIGINT or SIGTERM to the supervisor, or the supervisor's death end the search; what was
found until then is in the answer. Standard output carries one JSON object a line.
"""

from __future__ import annotations

import csv
import importlib
import inspect
import json
import os
import signal
import subprocess
import sys
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

POLL_SECONDS = 0.1
LOG_CHARACTERS = 3000
EXIT_CODES = {"ok": 0, "partial": 0, "unavailable": 3, "bad_input": 4}

# The search's own caps, polled once per cycle. The clock starts with the first poll, after Julia has compiled.
STOP_FUNCTION = """
const _stop_start = Ref(0.0)
const _stop_cap = Ref(0.0)
const _stop_reason = Ref("")
function _stop_now(loss, complexity)
    _stop_reason[] == "" || return true
    _stop_start[] == 0.0 && (_stop_start[] = time())
    if time() - _stop_start[] > _stop_cap[]
        _stop_reason[] = "seconds"
    elseif ispath(%s)
        _stop_reason[] = "stop"
    elseif ccall(:getppid, Cint, ()) != %d
        _stop_reason[] = "orphan"
    end
    return _stop_reason[] != ""
end
"""


def main(arguments: list[str]) -> int:
    """Supervise the job in the folder `arguments[0]`, or run it where "--child" and the supervisor's id follow."""
    folder = Path(arguments[0])
    if len(arguments) == 3 and arguments[1] == "--child":
        run(folder, int(arguments[2]))
        return 0
    return supervise(folder)


def write(folder: Path, answer: dict) -> None:
    """Replace the answer as a whole, so that nobody ever reads half of it."""
    temporary = folder / f"answer.json.{os.getpid()}"
    with temporary.open("w") as file:
        json.dump(answer, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / "answer.json")


def read(folder: Path) -> dict | None:
    """The answer so far, or None."""
    try:
        return json.loads((folder / "answer.json").read_text())
    except (OSError, ValueError):
        return None


def hall_of_fame(folder: Path, search: int) -> list[dict]:
    """The front that PySR itself keeps on disk while it searches, or its backup where writing was cut short."""
    for name in ("hall_of_fame.csv", "hall_of_fame.csv.bak"):
        try:
            text = (folder / f"run{search}" / "run" / name).read_text()
            rows = [entry(row["Complexity"], row["Loss"], row["Equation"]) for row in csv.DictReader(text.splitlines())]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if text.endswith("\n"):
            return rows
    return []


def entry(complexity: Any, loss: Any, equation: Any) -> dict:
    """One formula of a front, as it stands in the answer."""
    return {"complexity": int(float(complexity)), "loss": float(loss), "equation": str(equation)}


def say(**event: Any) -> None:
    """Tell whoever reads standard output, one JSON object a line."""
    print(json.dumps(event), flush=True)


def supervise(folder: Path) -> int:
    """Start the child, pass signals on as a stop file, and see that there is an answer whatever happens to it."""
    job = json.loads((folder / "job.json").read_text())
    stop = folder / "STOP"
    signals: list[str] = []

    def on_signal(number: int, frame: Any) -> None:
        signals.append(signal.Signals(number).name)
        stop.touch()

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    environment = dict(os.environ)
    # Offline, so that a missing Julia is an error within a second and not a download.
    for name, value in (("JULIAPKG_OFFLINE", "yes"), ("JULIACALL_THREADS", "1"), ("JULIACALL_HANDLE_SIGNALS", "yes")):
        environment.setdefault(f"PYTHON_{name}", value)
    with (folder / "child.log").open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve()), str(folder), "--child", str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    (folder / "child.pid").write_text(str(child.pid))
    say(event="started", child=child.pid)
    reason = attend(child, stop, job)
    answer = complete(folder, job, reason or (signals[0] if signals else ""), child.returncode)
    write(folder, answer)
    say(event="finished", status=answer["status"], stopped_by=reason, signals=signals)
    return EXIT_CODES.get(answer["status"], 5)


def attend(child: subprocess.Popen, stop: Path, job: dict) -> str:
    """Wait for the child; ask it to stop at the hard limit, and kill it when it takes no notice."""
    start = time.monotonic()
    asked: float | None = None
    reason = ""
    while child.poll() is None:
        now = time.monotonic()
        if asked is None and now - start > job["hard_seconds"]:
            reason = "hard limit"
            stop.touch()
        if asked is None and stop.exists():
            asked = now
        if asked is not None and now - asked > job["grace_seconds"]:
            reason = reason or "stop"
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        time.sleep(POLL_SECONDS)
    return reason


def complete(folder: Path, job: dict, reason: str, exit_code: int) -> dict:
    """The child's answer, with what the searches it did not finish left on disk."""
    answer = read(folder) or {"status": "failed", "error": None, "versions": {}, "dropped": [], "searches": []}
    if answer["status"] in ("unavailable", "bad_input"):
        return answer
    done = len(answer["searches"])
    for search in range(done, len(job["searches"])):
        front = hall_of_fame(folder, search)
        why = reason or f"exit code {exit_code}"
        status = "partial" if front else "failed"
        answer["searches"].append({"status": status, "error": None, "stopped_by": why, "front": front})
    if done < len(job["searches"]) and not reason:
        log = (folder / "child.log").read_text(errors="replace")[-LOG_CHARACTERS:]
        answer["error"] = f"the search process ended with exit code {exit_code}: {log}"
    elif done < len(job["searches"]):
        answer["error"] = f"the search was ended early ({reason})"
    states = {search["status"] for search in answer["searches"]}
    some = any(search["front"] for search in answer["searches"])
    answer["status"] = "ok" if states == {"ok"} else "partial" if some else "failed"
    return answer


def run(folder: Path, supervisor: int) -> None:
    """The child: all searches one after another in one Julia, which compiles once."""
    job = json.loads((folder / "job.json").read_text())
    answer = {"status": "ok", "error": None, "versions": {}, "dropped": [], "searches": []}
    tables, problem = load(folder, job)
    if problem:
        write(folder, answer | {"status": "bad_input", "error": problem})
        return
    try:
        pysr = importlib.import_module("pysr")
        julia = pysr.jl
        julia.seval(STOP_FUNCTION % (json.dumps(str(folder / "STOP")), supervisor))
        julia.seval(f"include({json.dumps(job['loss_source'])})")
        answer["versions"] = {"pysr": pysr.__version__, "julia": str(julia.seval("string(VERSION)"))}
    except BaseException as error:  # noqa: BLE001 - without Julia PySR raises bare exceptions of many kinds
        write(folder, answer | {"status": "unavailable", "error": described(error)})
        return
    write(folder, answer)
    warnings.filterwarnings("ignore")
    for index, search in enumerate(job["searches"]):
        if (folder / "STOP").exists():
            break
        result, dropped = fit(pysr, folder, job, index, tables[search["table"]])
        answer["searches"].append(result)
        answer["dropped"] = dropped
        write(folder, answer)


def load(folder: Path, job: dict) -> tuple[list, str]:
    """The tables, and what is wrong with them, or an empty text."""
    import numpy as np

    tables = []
    for name in job["tables"]:
        with np.load(folder / name, allow_pickle=False) as arrays:
            X, y = np.asarray(arrays["X"], float), np.asarray(arrays["y"], float)
        if X.ndim != 2 or y.shape != X.shape[:1] or len(y) < 3 or not X.shape[1]:
            return [], f"{name}: shapes {X.shape} and {y.shape} are no table of at least 3 rows"
        if not (np.isfinite(X).all() and np.isfinite(y).all()):
            return [], f"{name}: numbers that are not finite"
        if np.ptp(y) == 0:
            return [], f"{name}: a constant target"
        tables.append((X, y))
    return tables, ""


def fit(pysr: Any, folder: Path, job: dict, index: int, table: tuple) -> tuple[dict, list[str]]:
    """One search, and the options that this version of PySR does not know."""
    X, y = table
    julia, search = pysr.jl, job["searches"][index]
    options = {
        "niterations": job["iterations"],
        "random_state": job["seed"],
        "deterministic": True,  # a seed alone does not make a run repeatable
        "parallelism": "serial",
        "batching": False,
        "precision": 64,
        "model_selection": "accuracy",
        "loss_function": job["loss"],
        "early_stop_condition": "_stop_now",
        "output_directory": str(folder / f"run{index}"),
        "run_id": "run",
        "progress": False,
        "verbosity": 0,
        "input_stream": "devnull",
        **search["options"],
    }
    known = inspect.signature(pysr.PySRRegressor.__init__).parameters
    dropped = sorted(set(options) - set(known))
    error = None
    front: list[dict] = []
    try:
        julia.seval(f'_stop_start[] = 0.0; _stop_cap[] = {float(search["seconds"])}; _stop_reason[] = ""')
        if "template" in search:
            # PySR's own loss judges the sum as a whole: one that takes a formula apart has no single tree to walk.
            del options["loss_function"]
            options["expression_spec"] = pysr.TemplateExpressionSpec(**search["template"])
        regressor = pysr.PySRRegressor(**{name: options[name] for name in options if name in known})
        # Names such as S, I, beta or lambda are refused, some only after the search.
        regressor.fit(X, y, variable_names=[f"x{i}" for i in range(X.shape[1])])
        front = [entry(row["complexity"], row["loss"], row["equation"]) for _, row in regressor.equations_.iterrows()]
    except BaseException as failure:  # noqa: BLE001 - Julia's errors and interrupts must still end in an answer
        error = described(failure)
        front = hall_of_fame(folder, index)
    stopped = str(julia.seval("_stop_reason[]"))
    status = "failed" if not front else "partial" if error or stopped else "ok"
    return {"status": status, "error": error, "stopped_by": stopped, "front": front}, dropped


def described(error: BaseException) -> str:
    """The error in one line."""
    return f"{type(error).__name__}: {str(error)[:LOG_CHARACTERS]}"


if __name__ == "__main__":
    # A script's own folder comes first on the path, and there "pysr" would be the module beside this file.
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != Path(__file__).resolve().parent]
    sys.exit(main(sys.argv[1:]))
