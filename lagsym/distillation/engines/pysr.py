"""PySR, in another process: this side writes tables and reads formulas, and never sees Julia.

Source: Cranmer, Interpretable machine learning for science with PySR and SymbolicRegression.jl, arXiv:2305.01582.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import sympy as sp

from lagsym.distillation.engines.base import Budget, Engine, FormulaFront, Table, constant_front
from lagsym.distillation.engines.reading import read_formula, read_sum
from lagsym.distillation.engines.refit import common_terms, polish
from lagsym.distillation.engines.scaled import ScaledTable
from lagsym.errors import FormulaError, InputError, UnavailableError

HERE = Path(__file__).parent
WORKER = HERE / "pysr_worker.py"
HOW_TO_GET = "`pip install pysr` and then once, online, `python -c 'import pysr'` bring it"
# For each operator set: binary and unary operators beside +, - and *.
PORTFOLIO: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "polynomial": ((), ()),
    "rational": (("/",), ()),
    "root": (("/",), ("sqrt",)),
    "exponential": ((), ("exp",)),
}
# One iteration of PySR evaluates about as many formulas as this many generations of a thousand.
GENERATIONS_PER_ITERATION = 8


@dataclass(frozen=True)
class PySREngine(Engine):
    """PySR over a portfolio of operator sets.

    A table that is known to be a sum of functions of separate columns is searched once more, with that sum as a
    template and all operators at once: formulas of a single set cannot hold an exponential beside a root.

    Arguments:
        operator_sets: binary and unary operators beside +, - and *, one pair for each search.
        rows: rows that the search sees, drawn from the table; the numbers are fitted to all of them.
        largest: largest complexity of a formula, in PySR's counting.
        start_seconds: allowed for starting Julia and compiling, beside the budget.
        template_seconds: allowed for compiling each template, beside these.
        grace_seconds: allowed for stopping before the worker is killed.
        worker: the program that searches.
    """

    operator_sets: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = field(
        default_factory=lambda: dict(PORTFOLIO)
    )
    rows: int = 250
    largest: int = 30
    start_seconds: float = 120.0
    template_seconds: float = 30.0
    grace_seconds: float = 15.0
    worker: Path = WORKER
    name: ClassVar[str] = "pysr"

    def __post_init__(self):
        if not self.operator_sets or self.rows < 10 or self.largest < 7:
            raise InputError("PySR needs at least one operator set, 10 rows and a largest complexity of 7")

    def available(self) -> str | None:
        """None where PySR and a Julia are installed; neither is started."""
        if importlib.util.find_spec("pysr") is None:
            return f"PySR is not installed; {HOW_TO_GET}"
        if not julia_is_there():
            return f"PySR has no Julia here; {HOW_TO_GET}"
        return None

    def search(self, table: Table, *, seed: int = 0, budget: Budget | None = None) -> FormulaFront:
        """Search formulas for one table.

        Raises:
            UnavailableError: there is no Julia, or PySR ended without any formula.
        """
        return self.search_all((table,), seed=seed, budget=budget)[0]

    def search_all(
        self, tables: Sequence[Table], *, seed: int = 0, budget: Budget | None = None
    ) -> tuple[FormulaFront, ...]:
        """Search formulas for several tables in one worker, since Julia takes long to start and to compile.

        Raises:
            UnavailableError: there is no Julia, or PySR ended without any formula.
        """
        reason = self.available()
        if reason is not None:
            raise UnavailableError(reason)
        start = time.monotonic()
        varying = [ScaledTable.of(t, rows=self.rows, seed=seed) for t in tables if not t.is_constant]
        found = iter(self._fronts(varying, seed, budget or Budget(), start) if varying else ())
        return tuple(constant_front(table, self.name) if table.is_constant else next(found) for table in tables)

    def _fronts(self, tables: list[ScaledTable], seed: int, budget: Budget, start: float) -> list[FormulaFront]:
        try:
            with tempfile.TemporaryDirectory(prefix="lagsym_pysr_", ignore_cleanup_errors=True) as name:
                folder = Path(name)
                job = self._job(tables, seed, budget)
                for index, table in enumerate(tables):
                    np.savez(folder / f"{index}.npz", X=table.X, y=table.y)
                (folder / "job.json").write_text(json.dumps(job))
                answer = _answer(folder, self._run(folder, job["hard_seconds"] + 2 * self.grace_seconds))
        except OSError as error:
            raise UnavailableError(f"PySR's worker could not be run: {error}") from error
        searches = answer["searches"]
        lost = len(job["searches"]) - len(searches)
        searches += lost * [{"front": [], "status": "failed", "error": "", "stopped_by": "the worker was lost"}]
        if not any(search["front"] for search in searches):
            raise UnavailableError(f"PySR found no formula: {_one_line(answer['error'] or _first_error(searches))}")
        fronts = []
        for index, table in enumerate(tables):
            own = [
                answered | {"template": asked.get("template")}
                for asked, answered in zip(job["searches"], searches, strict=False)
                if asked["table"] == index
            ]
            fronts.append(_front(own, table, answer["error"], time.monotonic() - start))
        if not any(front.formulas for front in fronts):
            raise UnavailableError(f"PySR found no formula: {fronts[0].message}")
        return fronts

    def _job(self, tables: list[ScaledTable], seed: int, budget: Budget) -> dict[str, Any]:
        """What the worker is asked to do; its docstring says what each entry means."""
        searches = [search for index, table in enumerate(tables) for search in self._searches(index, table, budget)]
        templates = sum("template" in search for search in searches)
        return {
            "tables": [f"{index}.npz" for index in range(len(tables))],
            "searches": searches,
            "seed": seed,
            "iterations": -(-budget.generations // GENERATIONS_PER_ITERATION),
            "loss_source": str(HERE / "term_loss.jl"),
            "loss": "term_loss",
            "hard_seconds": self.start_seconds + budget.seconds * len(tables) + self.template_seconds * templates,
            "grace_seconds": self.grace_seconds,
        }

    def _searches(self, index: int, table: ScaledTable, budget: Budget) -> list[dict[str, Any]]:
        """The searches of one table, which share its seconds."""
        asked: list[tuple[str, Sequence[Sequence[str]], dict[str, Any]]] = [
            (label, operators, {}) for label, operators in self.operator_sets.items()
        ]
        if template := _template(table):
            kinds = zip(*self.operator_sets.values(), strict=True)
            every = [list(dict.fromkeys(itertools.chain(*kind))) for kind in kinds]
            asked.append(("sum", every, {"template": template}))
        return [
            {
                "table": index,
                "label": label,
                "seconds": budget.seconds / len(asked),
                "options": {
                    "binary_operators": ["+", "-", "*", *binary],
                    "unary_operators": list(unary),
                    "maxsize": self.largest,
                },
                **more,
            }
            for label, (binary, unary), more in asked
        ]

    def _run(self, folder: Path, seconds: float) -> str:
        """Run the worker to its end, and say in a few words how it ended; it is never left behind."""
        with (folder / "worker.log").open("wb") as log:
            worker = subprocess.Popen(
                [sys.executable, str(self.worker), str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            worker.wait(seconds)
        except subprocess.TimeoutExpired:
            return f"it did not end within {seconds:g} s"
        finally:
            _end(worker, folder, self.grace_seconds)
        return f"exit code {worker.returncode}"


def _template(table: ScaledTable) -> dict[str, Any] | None:
    """The sum of one function for each block of a table's columns, as arguments of TemplateExpressionSpec."""
    parts = _parts(table)
    if not parts:
        return None
    combine = " + ".join(f"{name}({', '.join(map(str, arguments))})" for name, arguments in parts.items())
    return {"combine": combine, "expressions": list(parts), "variable_names": list(map(str, table.symbols))}


def _parts(table: ScaledTable) -> dict[str, list[sp.Symbol]]:
    """For the name of each function in a table's template its arguments."""
    return {f"part{k}": [table.symbols[place] for place in block] for k, block in enumerate(table.table.blocks, 1)}


def julia_is_there() -> bool:
    """Whether there is a Julia for PySR: an executable that is named, found, or installed beside PySR."""
    named = os.environ.get("PYTHON_JULIAPKG_EXE")
    if named:
        return os.access(named, os.X_OK)
    if shutil.which("julia"):
        return True
    prefix = sys.prefix if sys.prefix != sys.base_prefix else os.environ.get("CONDA_PREFIX")
    depot = Path(os.environ.get("JULIA_DEPOT_PATH", "").split(os.pathsep)[0] or Path.home() / ".julia")
    default = Path(prefix) / "julia_env" if prefix else depot / "environments" / "pyjuliapkg"
    project = Path(os.environ.get("PYTHON_JULIAPKG_PROJECT") or default)
    try:
        executable = json.loads((project / "pyjuliapkg" / "meta.json").read_text())["executable"]
        return os.access(executable, os.X_OK)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _end(worker: subprocess.Popen, folder: Path, grace: float) -> None:
    """See that neither the worker nor its child outlives the search, not even when it is interrupted."""
    if worker.poll() is None:
        worker.terminate()
        with suppress(subprocess.TimeoutExpired):
            worker.wait(2 * grace)
    if worker.poll() is None:
        worker.kill()
        worker.wait()
    # A worker that was killed cannot see to its child, which is in a session of its own.
    if worker.returncode and worker.returncode < 0:
        with suppress(OSError, ValueError):
            os.killpg(int((folder / "child.pid").read_text()), signal.SIGKILL)


def _answer(folder: Path, ending: str) -> dict[str, Any]:
    """The worker's answer, checked.

    Raises:
        UnavailableError: no answer, one that cannot be read, or one that says that PySR cannot run.
    """
    try:
        answer = json.loads((folder / "answer.json").read_text())
        searches = [
            {"front": [str(entry["equation"]) for entry in search["front"]]}
            | {key: str(search[key] or "") for key in ("status", "error", "stopped_by")}
            for search in answer["searches"]
        ]
        checked = {"status": str(answer["status"]), "error": str(answer["error"] or ""), "searches": searches}
    except FileNotFoundError:
        last = (folder / "worker.log").read_text(errors="replace").strip().rsplit("\n", 1)[-1]
        raise UnavailableError(f"PySR's worker gave no answer ({ending}): {_one_line(last)}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnavailableError(f"PySR's worker gave an answer that cannot be read ({ending}): {error!r}") from error
    if checked["status"] == "unavailable":
        raise UnavailableError(f"PySR could not start Julia ({_one_line(checked['error'])}); {HOW_TO_GET}")
    if checked["status"] == "bad_input":
        raise InputError(f"PySR refused the table: {_one_line(checked['error'])}")
    return checked


def _front(searches: list[dict[str, Any]], table: ScaledTable, error: str, seconds: float) -> FormulaFront:
    """The front of one table over all its operator sets."""
    names = {symbol.name: symbol for symbol in table.symbols}
    structures: list[sp.Expr] = []
    unreadable = 0
    for template, text in ((search["template"], text) for search in searches for text in search["front"]):
        try:
            found = read_sum(text, _parts(table)) if template else read_formula(text, names)
            structures.append(table.restored(found))
        except FormulaError:
            unreadable += 1
    formulas = polish(structures, table.table, extra=common_terms(table.table))
    cut = [search for search in searches if search["status"] != "ok"]
    reasons = []
    if cut:
        reasons.append(f"{len(cut)} of {len(searches)} searches ended early ({_one_line(_first_error(cut) or error)})")
    if unreadable:
        reasons.append(f"{unreadable} formulas could not be read")
    status = "partial" if reasons else "ok"
    return FormulaFront(formulas, PySREngine.name, seconds, status, "; ".join(reasons))


def _first_error(searches: list[dict[str, Any]]) -> str:
    return next((text for search in searches for text in (search["error"], search["stopped_by"]) if text), "")


def _one_line(text: str) -> str:
    """The text on one line, shortened in the middle, where errors say least."""
    line = " ".join(text.split()) or "no reason given"
    return line if len(line) <= 300 else f"{line[:150]} ... {line[-150:]}"
