"""Rows of a benchmark, kept as they are measured: a run that was cut off goes on where it stopped.

Rows lie in a JSON Lines file, one line each, with the revision of the code that they were measured on. A row that was
measured on another revision is measured again and added, never replaced, so the file is the record; the table shows the
newest row of each key.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
Row = dict[str, object]


def revision() -> str:
    """The short revision of the working tree, with a plus where its code differs from it."""
    command = ["git", "-C", str(ROOT)]
    name = subprocess.run([*command, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    if name.returncode:
        return "unknown"
    changed = subprocess.run([*command, "diff", "--quiet", "HEAD", "--", "lagsym"], check=False).returncode
    return name.stdout.strip() + ("+" if changed else "")


@dataclass
class Rows:
    """The rows of one benchmark.

    Arguments:
        path: the JSON Lines file; made with its folder when the first row is added.
        keys: the columns that name a row.
        again: whether rows of other revisions count as missing.
    """

    path: Path
    keys: tuple[str, ...]
    again: bool = False
    rows: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.path.exists():
            self.rows = [json.loads(line) for line in self.path.read_text().splitlines() if line.strip()]
        self.revision = revision()

    def measure(self, key: Mapping[str, object], measured: Callable[[], Row]) -> Row:
        """The row of this key: what is kept of it, or else what is measured now and kept."""
        for row in reversed(self.rows):
            same = all(row.get(name) == value for name, value in key.items())
            if same and (not self.again or row.get("revision") == self.revision):
                return row
        row = {**key, **measured(), "revision": self.revision}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")
        self.rows.append(row)
        return row

    def newest(self) -> list[Row]:
        """The newest row of each key, in the order in which keys first came."""
        latest = {tuple(row.get(name) for name in self.keys): row for row in self.rows}
        return list(latest.values())


def markdown(header: Iterable[str], lines: Iterable[Iterable[object]]) -> str:
    """A Markdown table; None is an empty cell."""
    titles = list(header)
    rows = [["" if cell is None else str(cell) for cell in line] for line in lines]
    parts = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in parts)
