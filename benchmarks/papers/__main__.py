"""What the literature reports of Lagrangian and Hamiltonian networks, repeated with ours by the published protocols.

    python -m benchmarks.papers [--only NAME,...] [--rows ROW;...] [--seconds S] [--results DIRECTORY]

From the repository's root. Rows that are there already, with the same settings, are not made again; `--again` makes
them. The table is DIRECTORY/papers.md, its numbers are DIRECTORY/papers/*.json.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from benchmarks.papers.hamiltonian_tasks import HAMILTONIAN_TASKS
from benchmarks.papers.pendulums import DOUBLE_PENDULUM, TRIPLE_PENDULUM
from benchmarks.papers.record import RESULTS, Settings, run, write
from benchmarks.papers.relativity import RELATIVITY
from lagsym.neural.device import keep_freed_memory

COMPARISONS = (DOUBLE_PENDULUM, TRIPLE_PENDULUM, RELATIVITY, HAMILTONIAN_TASKS)


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    torch.set_num_threads(1)
    keep_freed_memory()
    settings = Settings(options.seconds, options.size, options.seed)
    for comparison in COMPARISONS:
        if not options.only or comparison.name in options.only.split(","):
            rows = [row for row in options.rows.split(";") if row in comparison.rows] if options.rows else ()
            if rows or not options.rows:
                run(comparison, settings, options.results, rows, again=options.again)
    print(write(COMPARISONS, options.results))
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help=", ".join(comparison.name for comparison in COMPARISONS))
    parser.add_argument("--rows", default="", help="names of rows as in the table, separated by semicolons")
    parser.add_argument("--seconds", type=float, help="of CPU time to train each network")
    parser.add_argument("--size", type=float, default=1.0, help="share of samples, starts and time spans")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--again", action="store_true", help="make rows again that are there")
    parser.add_argument("--results", type=Path, default=RESULTS)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
