"""Functions that are in no library: how often an engine finds them in positions alone, over noise and engines.

    python benchmarks/unknown_functions.py [--systems NAME,...] [--noise 0,0.001,0.01] [--seeds 0,1,2]
                                           [--engines operon,sparse] [--again]

Six systems; parameters are drawn at random for every seed, and noise is relative to the standard deviation of the
positions, which are all that is measured. The root sqrt(1 - k v²), which the library of kinetic energies would offer
with its constant k, is withheld. A run counts as recovered when `status` is `recovered` and the verdict is `identical`
or `gauge-equivalent`, or `same dynamics` where several constant multipliers exist. With `sparse` there is the library
alone, so that its column shows what the engine did. Rows are kept in `benchmarks/results/unknown_functions.jsonl` as
they are measured, with the revision; the table is written beside it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import sympy as sp
from processes import limited
from rows import RESULTS, Row, Rows, markdown

from lagsym.discovery import DiscoveryOptions, discover
from lagsym.distillation import search
from lagsym.distillation.engines import availability
from lagsym.distillation.options import ChoiceOptions
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System, parameter_symbol
from lagsym.simulation import draw_parameters, simulate
from lagsym.systems import get
from lagsym.verification import verify_law

KEYS = ("system", "noise", "seed", "engine")
CAP = 600.0
"""Processor seconds after which a discovery counts as failed; the table says how much processor time each took."""


def _yukawa() -> System:
    """A particle in the plane that a screened charge attracts."""
    space = JetSpace(("x", "y"))
    (x, y), (x_dot, y_dot) = space.positions, space.velocities
    k, kappa = map(parameter_symbol, ("k", "kappa"))
    r = sp.sqrt(x**2 + y**2)
    return System(
        name="yukawa",
        space=space,
        lagrangian=(x_dot**2 + y_dot**2) / 2 + k * sp.exp(-kappa * r) / r,
        parameters={"k": 3.0, "kappa": 0.6},
        parameter_ranges={"k": (2.5, 4.0), "kappa": (0.4, 0.8)},
        ranges={"x": (0.9, 1.5), "y": (-0.3, 0.3), "x_dot": (-0.4, 0.4), "y_dot": (0.8, 1.3)},
        span=8.0,
        step=0.01,
    )


def _lennard_jones() -> System:
    """The distance of two atoms of a noble gas."""
    space = JetSpace(("r",))
    (r,), (r_dot,) = space.positions, space.velocities
    depth, sigma = map(parameter_symbol, ("epsilon", "sigma"))
    return System(
        name="lennard_jones",
        space=space,
        lagrangian=r_dot**2 / 2 - 4 * depth * ((sigma / r) ** 12 - (sigma / r) ** 6),
        parameters={"epsilon": 1.0, "sigma": 1.0},
        parameter_ranges={"epsilon": (0.8, 1.2), "sigma": (0.97, 1.03)},
        ranges={"r": (1.06, 1.4), "r_dot": (-0.4, 0.4)},
        span=6.0,
        step=0.01,
    )


def _toda() -> System:
    """Two masses on a ring between which two links push with unequal constants."""
    space = JetSpace(("x", "y"))
    (x, y), (x_dot, y_dot) = space.positions, space.velocities
    a1, a2, b1, b2 = map(parameter_symbol, ("a1", "a2", "b1", "b2"))
    return System(
        name="toda_unequal",
        space=space,
        lagrangian=(x_dot**2 + y_dot**2) / 2 - a1 * sp.exp(b1 * (x - y)) - a2 * sp.exp(b2 * (y - x)),
        parameters={"a1": 1.0, "a2": 0.7, "b1": 1.0, "b2": 1.6},
        parameter_ranges={"a1": (0.8, 1.2), "a2": (0.5, 0.9), "b1": (0.8, 1.2), "b2": (1.5, 2.0)},
        ranges={"x": (-1.0, 1.0), "y": (-1.0, 1.0), "x_dot": (-0.8, 0.8), "y_dot": (-0.8, 0.8)},
        span=10.0,
        step=0.02,
    )


SYSTEMS: Mapping[str, System] = {
    system.name: system
    for system in (
        get("morse"),
        _yukawa(),
        _lennard_jones(),
        _toda(),
        get("relativistic_particle"),
        get("position_dependent_mass"),
    )
}


def recover(key: Mapping[str, object]) -> Row:
    """One discovery from positions, in this process, and what came of it."""
    system = draw_parameters(SYSTEMS[str(key["system"])], int(str(key["seed"])))
    seed = int(str(key["seed"]))
    data = simulate(system, noise=float(str(key["noise"])), seed=seed).positions_only()
    search.simple_kinetic = lambda space, data: ()
    started = time.process_time()
    law = discover(data, options=DiscoveryOptions(ChoiceOptions(engine=str(key["engine"])), seed=seed)).law
    row: Row = {"status": law.status, "verdict": law.status, "cpu_seconds": round(time.process_time() - started, 1)}
    if law.lagrangian is None:
        return row | {"recovered": False}
    verdict = verify_law(law, system)
    errors = [abs(c.value / verdict.refitted[c.name] - 1) for c in law.constants if verdict.refitted.get(c.name)]
    same = verdict.kind in {"identical", "gauge-equivalent"} or (
        verdict.kind == "same dynamics" and law.multipliers > 1
    )
    return row | {
        "verdict": verdict.kind,
        "recovered": same and law.status == "recovered",
        "largest_error": max(errors, default=None),
        "held_out_r2": law.scores.get("held_out_r2"),
        "lagrangian": str(law.lagrangian),
        "constants": {c.name: c.value for c in law.constants},
        "truth": str(system.numeric_lagrangian),
        "structure": law.structure,
        "seconds": law.seconds,
    }


def in_a_process(key: Mapping[str, object]) -> Row:
    """The same in a process of its own, which a hard cap ends."""
    command = [sys.executable, __file__, "--one", json.dumps(dict(key))]
    done = limited(command, CAP)
    if done is None:
        return {"recovered": False, "verdict": f"not finished after {CAP:.0f} s"}
    if done.returncode:
        return {"recovered": False, "verdict": " ".join(done.stderr.splitlines()[-1:])}
    return json.loads(done.stdout.strip().splitlines()[-1])


def table(rows: list[Row]) -> str:
    """A line for each noise, a column for each engine: shares over all systems, and beside it every system."""
    engines = sorted({str(row["engine"]) for row in rows})
    pairs = sorted({(float(str(row["noise"])), str(row["system"])) for row in rows})
    lines = []
    for noise in sorted({noise for noise, _ in pairs}):
        names = [None, *(system for other, system in pairs if other == noise)]
        for name in names:
            cells = [
                _share([row for row in rows if _matches(row, noise, name, engine)], name is None) for engine in engines
            ]
            lines.append((f"{noise:.1%}", "all" if name is None else f"`{name}`", *cells))
    return markdown(("noise", "system", *engines), lines)


def _matches(row: Row, noise: float, system: str | None, engine: str) -> bool:
    return row["noise"] == noise and row["engine"] == engine and system in {None, row["system"]}


def _share(rows: list[Row], whole: bool) -> str | None:
    if not rows:
        return None
    good = sum(bool(row["recovered"]) for row in rows)
    if whole:
        return f"{good} of {len(rows)} ({good / len(rows):.0%})"
    seconds = sorted(float(str(row["cpu_seconds"])) for row in rows if "cpu_seconds" in row)
    rest = ", ".join(sorted({str(row["verdict"]) for row in rows if not row["recovered"]}))
    middle = f", {seconds[len(seconds) // 2]:.0f} s" if seconds else ""
    return f"{good} of {len(rows)}{middle}{f'; otherwise {rest}' if rest else ''}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", default=",".join(SYSTEMS))
    parser.add_argument("--noise", default="0,0.001,0.01")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--engines", default="operon,sparse")
    parser.add_argument("--results", type=Path, default=RESULTS / "unknown_functions.jsonl")
    parser.add_argument("--again", action="store_true", help="measure rows of other revisions again")
    parser.add_argument("--one", default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(recover(json.loads(arguments.one))))
    else:
        measure(arguments)


def measure(arguments: argparse.Namespace) -> None:
    """Measure what is missing, print each row as it comes, and write the table."""
    kept = Rows(arguments.results, KEYS, again=arguments.again)
    ready = availability()
    noises = [float(noise) for noise in arguments.noise.split(",")]
    seeds = [int(seed) for seed in arguments.seeds.split(",")]
    engines: list[str] = arguments.engines.split(",")
    names: list[str] = arguments.systems.split(",")
    for seed, engine, noise, name in itertools.product(seeds, engines, noises, names):
        if ready[engine] is not None:
            print(f"{engine}: not run, {ready[engine]}")
            continue
        key: dict[str, object] = {"system": name, "noise": noise, "seed": seed, "engine": engine}
        row = kept.measure(key, lambda key=key: in_a_process(key))
        print(json.dumps(row), flush=True)
    newest = kept.newest()
    revisions = ", ".join(sorted({str(row["revision"]) for row in newest}))
    text = f"# Functions that are in no library\n\nMeasured on revision {revisions}.\n\n{table(newest)}\n"
    arguments.results.with_suffix(".md").write_text(text)
    print(f"\n{text}")


if __name__ == "__main__":
    main()
