"""What all comparisons share: settings, rows that are kept, and the table."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).parent.parent / "results"
Values = dict[str, float]
"""Column -> number; a column that is not there stays empty."""


@dataclass(frozen=True)
class Settings:
    """How much is done.

    Arguments:
        seconds: of CPU time to train each network; None for what the comparison says.
        size: share of the samples, starts and time spans, 1 for the published ones.
        seed: of data, initial weights and batches.
    """

    seconds: float | None = None
    size: float = 1.0
    seed: int = 0

    def count(self, whole: int, least: int = 2) -> int:
        """So many samples or starts."""
        return max(least, round(whole * self.size))

    def training_time(self, whole: float) -> float:
        """CPU seconds of a training."""
        return whole if self.seconds is None else self.seconds


@dataclass(frozen=True)
class Comparison:
    """One experiment of a paper.

    Arguments:
        name: of its file.
        title: of its table.
        text: the protocol, and which choices are ours.
        columns: headings, each with the format of its numbers.
        rows: what makes each row.
    """

    name: str
    title: str
    text: str
    columns: Mapping[str, str]
    rows: Mapping[str, Callable[[Settings], Values]]


@dataclass(frozen=True)
class Row:
    """A finished row.

    Arguments:
        name: of the row.
        values: by column.
        settings: it was made with.
        seconds: of CPU time that it took, training and all.
        revision: of the program that made it.
    """

    name: str
    values: Values
    settings: Settings
    seconds: float
    revision: str


def run(
    comparison: Comparison, settings: Settings, folder: Path, names: Iterable[str] = (), *, again: bool = False
) -> None:
    """Make those rows that are not there yet, or all; what is done is kept after every row."""
    program = revision()  # at the beginning, as the files may change meanwhile
    for name in names or comparison.rows:
        rows = read(comparison, folder)
        if name in rows and rows[name].settings == settings and not again:
            continue
        print(f"{comparison.title}: {name}", flush=True)
        started = time.process_time()
        values = comparison.rows[name](settings)
        keep(comparison, Row(name, values, settings, time.process_time() - started, program), folder)
        print(f"  {values}", flush=True)


def keep(comparison: Comparison, row: Row, folder: Path) -> None:
    """Put a row beside those that are there, which another process may have made."""
    rows = read(comparison, folder) | {row.name: row}
    file = folder / "papers" / f"{comparison.name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(f".{os.getpid()}")
    unfinished.write_text(json.dumps([asdict(rows[name]) for name in comparison.rows if name in rows], indent=1) + "\n")
    unfinished.replace(file)


def read(comparison: Comparison, folder: Path) -> dict[str, Row]:
    """The rows that are there, by name."""
    file = folder / "papers" / f"{comparison.name}.json"
    kept = json.loads(file.read_text()) if file.exists() else []
    rows = (Row(**{**row, "settings": Settings(**row["settings"])}) for row in kept)
    return {row.name: row for row in rows if row.name in comparison.rows}


def write(comparisons: Iterable[Comparison], folder: Path) -> Path:
    """The tables of all rows that are there, as Markdown."""
    parts = ["# The papers' comparisons", "", "Made by `python -m benchmarks.papers`, which says how.", ""]
    for comparison in comparisons:
        rows = read(comparison, folder)
        if rows:
            parts += [f"## {comparison.title}", "", comparison.text.strip(), "", *table(comparison, rows), ""]
    file = folder / "papers.md"
    file.write_text("\n".join(parts))
    return file


def table(comparison: Comparison, rows: Mapping[str, Row]) -> list[str]:
    """Lines of a table, in the order of the comparison."""
    headings = ["", *comparison.columns, "CPU s", "revision"]
    lines = ["| " + " | ".join(headings) + " |", "|---" * len(headings) + "|"]
    for row in (rows[name] for name in comparison.rows if name in rows):
        numbers = [shown(row.values.get(column), form) for column, form in comparison.columns.items()]
        scale = "" if row.settings == Settings() else f" ({row.settings})"
        lines.append("| " + " | ".join([row.name + scale, *numbers, f"{row.seconds:.0f}", row.revision]) + " |")
    return lines


def shown(number: float | None, form: str) -> str:
    """A number as a cell; empty where there is none, and a word where the motion ran away."""
    if number is None:
        return ""
    return format(number, form) if np.isfinite(number) else "ran away"


def revision() -> str:
    """The commit that is checked out, with a plus where the program has been changed since."""
    try:
        commit = subprocess.run(["git", "rev-parse", "--short=7", "HEAD"], capture_output=True, text=True, check=True)
        changed = subprocess.run(["git", "diff", "--quiet", "HEAD", "--", "lagsym", "benchmarks/*.py"], check=False)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit.stdout.strip() + "+" * (changed.returncode != 0)
